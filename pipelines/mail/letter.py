"""One letter: who sent it, what its mail server says of that, and the files with it. Read in a limited worker
(workers.py), as letters are as untrusted as the files in them; nothing of the letter's own text is used."""

from __future__ import annotations

import email.policy
import re
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path
from typing import NamedTuple

LARGEST = 30 * 2**20
MOST_FILES = 20
_PASSED = re.compile(r"\bdmarc\s*=\s*pass\b", re.IGNORECASE)


class Sent(NamedTuple):
    """A file as it was attached."""

    name: str
    data: bytes


class Letter(NamedTuple):
    """problem: why its files cannot be taken ('' if they can), a key of the wording's 'refused'. authenticated: the
    servers that say that the sender's domain is not forged. is_automatic: written by a machine."""

    problem: str = ""
    sender: str = ""
    subject: str = ""
    message_id: str = ""
    authenticated: tuple[str, ...] = ()
    is_automatic: bool = False
    files: tuple[Sent, ...] = ()
    pictures: tuple[str, ...] = ()


def read_letter(path: Path) -> Letter:
    """Raises whatever a broken letter makes the parser raise."""
    if path.stat().st_size > LARGEST:
        return Letter("too_large")
    with path.open("rb") as handle:
        parsed = BytesParser(policy=email.policy.default).parse(handle)
    addresses = [address for _, address in getaddresses([str(one) for one in parsed.get_all("From", [])])]
    if len(addresses) != 1:
        return Letter("no_sender")
    letter = Letter(
        sender=addresses[0].casefold(),
        subject=_line(parsed.get("Subject", "")),
        message_id=_line(parsed.get("Message-ID", "")),
        authenticated=_authenticated(parsed),
        is_automatic=_line(parsed.get("Auto-Submitted", "no")).casefold() != "no"
        or _line(parsed.get("Precedence", "")).casefold() in ("bulk", "junk", "list"),
    )
    files, pictures = [], []
    for part in parsed.walk():
        name = part.get_filename()
        if part.is_multipart() or not (name or part.get_content_disposition() == "attachment"):
            continue
        if part.get_content_maintype() == "image":  # signatures and logos
            pictures.append(_line(name or ""))
        else:
            files.append(Sent(_line(name or ""), _data(part)))
    if len(files) > MOST_FILES:
        return letter._replace(problem="too_many")
    return letter._replace(files=tuple(files), pictures=tuple(pictures), problem="" if files else "no_file")


def _authenticated(parsed: EmailMessage) -> tuple[str, ...]:
    """The servers whose topmost word on the letter is that DMARC passed: a server writes above what came with it."""
    first: dict[str, str] = {}
    for said in parsed.get_all("Authentication-Results", []):
        server, _, results = str(said).partition(";")
        first.setdefault(server.split()[0].casefold() if server.split() else "", results)
    return tuple(server for server, results in first.items() if _PASSED.search(results))


def _data(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _line(text: object) -> str:
    return " ".join(str(text).split())[:250]
