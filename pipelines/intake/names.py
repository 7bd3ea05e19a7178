"""The name that a file sent by the portal or by mail gets in the inbox: its own, made safe, never a temporary file's.

A name is read for its period (checking/identify.py), so what tells two files apart is letters only. What the sender
called the file is untrusted: no letter of it is a path, a control or a direction of writing.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from pathlib import PurePosixPath

from pipelines.vietnamese import clean

_LONGEST = 150  # bytes of the stem: with the rest below what every file system takes
_KNOWN = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".csv", ".txt", ".xml", ".htm", ".html", ".docx", ".doc", ".pdf")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_ZIP, _COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


def shown(sent: str) -> str:
    """A sender's name for a file as it is shown: its last part, one line of printable letters."""
    last = re.split(r"[/\\]", sent)[-1]
    text = unicodedata.normalize("NFC", last.encode("utf-8", "replace").decode())
    return clean("".join(c if c.isprintable() else " " for c in text))[:255]


def name_in_inbox(sent: str, begins: bytes) -> str:
    """'bao-cao-2026-10-qwkzhb.xlsx'. begins: the file's first bytes, which say what it is where its name does not."""
    path = PurePosixPath(shown(sent))
    ending = path.suffix.casefold()
    stem = path.stem if ending in _KNOWN else path.name
    if ending not in _KNOWN:
        ending = ".xlsx" if begins.startswith(_ZIP) else ".xls" if begins.startswith(_COMPOUND) else ".txt"
    stem = _FORBIDDEN.sub(" ", stem).strip(" .~$")
    while len(stem.encode()) > _LONGEST:
        stem = stem[:-1]
    if not stem or _DEVICES.fullmatch(stem):
        stem = f"tep {stem}".strip()
    mark = "".join(secrets.choice("bcdfghjklmnpqrstvwxz") for _ in range(6))
    return f"{clean(stem).strip(' .')}-{mark}{ending}"  # as the warehouse names the file it was
