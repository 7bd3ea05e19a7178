"""Text in the XML of workbooks: when a part is plain enough to be scanned, and what its characters stand for.

Which elements matter does not belong here (xlsx.py, xlsx_sheet.py).
"""

from __future__ import annotations

import re


class NotPlainError(ValueError):
    """XML that a scan cannot read; a parser can tell what it is."""


_DECLARATION = re.compile(rb"""<\?xml [^>]*?encoding=["']([\w-]+)["']""")
_BOM = b"\xef\xbb\xbf"


def plain_text(xml: bytes) -> str | None:
    """A part's text; None where it is not UTF-8 or has what a scan must not look into (comments, a document type)."""
    declared = _DECLARATION.match(xml, len(_BOM) if xml.startswith(_BOM) else 0)
    if (declared and declared[1].lower() != b"utf-8") or (b"!" in xml and b"<!" in xml):
        return None
    if xml.find(b"\r", xml.find(b"?>", 0, 200) + 3) >= 0:  # beyond the declaration's line a parser makes it a line feed
        return None
    try:
        return xml.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));|&")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def unfold(text: str) -> str:
    """Text with its references (&lt;, &#10;) as what they stand for. Raises NotPlainError for any other entity."""
    return _REFERENCE.sub(_referred, text) if "&" in text else text


def _referred(found: re.Match[str]) -> str:
    name, number, hexadecimal = found.groups()
    if name:
        return _NAMED[name]
    code = int(number) if number else int(hexadecimal, 16) if hexadecimal else 0
    if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000:
        raise NotPlainError(found[0])
    return chr(code)


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def unescape(text: str) -> str:
    """Characters XML cannot hold are written _xHHHH_ in workbooks ([ECMA-376] 22.9.2.19)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class TextCollector:
    """The text of <si> or <is>: what is in <t>, but not within <rPh>, the guide to its pronunciation."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._pieces: list[str] = []
        self._is_open = self._is_phonetic = False

    def start(self, tag: str) -> None:
        if tag == "rPh":
            self._is_phonetic = True
        elif tag == "t":
            self._is_open = not self._is_phonetic

    def end(self, tag: str) -> None:
        if tag == "rPh":
            self._is_phonetic = False
        elif tag == "t":
            self._is_open = False

    def text(self, piece: str) -> None:
        if self._is_open:
            self._pieces.append(piece)

    @property
    def joined(self) -> str:
        return unescape("".join(self._pieces))
