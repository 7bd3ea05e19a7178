"""Letters out of a mailbox by IMAP into sources/mail. The mailbox keeps them, marked as read once they are on disk."""

from __future__ import annotations

import imaplib
import secrets
import ssl
from contextlib import suppress

from pipelines.files import swap_in
from pipelines.home import Home
from pipelines.mail.letter import LARGEST
from pipelines.mail.settings import Mailbox, MailError

_SECONDS = 30


def fetch(home: Home, mailbox: Mailbox) -> int:
    """Fetch the letters not read yet. Returns how many; raises MailError where the mailbox cannot be read."""
    try:
        server = _connect(mailbox)
        try:
            server.login(mailbox.user, mailbox.password)
            _ask(server.select(f'"{mailbox.folder}"'))
            numbers = _ask(server.uid("SEARCH", "UNSEEN"))[0].split()
            for number in numbers:
                _fetch_one(home, server, number.decode())
            return len(numbers)
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                server.logout()
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailError(f"the mailbox {mailbox.user} at {mailbox.host}: {type(error).__name__}: {error}") from None


def _connect(mailbox: Mailbox) -> imaplib.IMAP4:
    if mailbox.security == "tls":
        return imaplib.IMAP4_SSL(mailbox.host, mailbox.port, ssl_context=ssl.create_default_context(), timeout=_SECONDS)
    return imaplib.IMAP4(mailbox.host, mailbox.port, timeout=_SECONDS)


def _fetch_one(home: Home, server: imaplib.IMAP4, number: str) -> None:
    """A letter that is too large is fetched as far as it may be, and refused as too large where it is read."""
    parts = _ask(server.uid("FETCH", number, f"(BODY.PEEK[]<0.{LARGEST + 1}>)"))
    data = next(part[1] for part in parts if isinstance(part, tuple))
    home.letters.mkdir(parents=True, exist_ok=True)
    name = f"imap-{number}-{secrets.token_hex(4)}"
    part = home.letters / f".{name}.part"
    part.write_bytes(data)
    swap_in(part, home.letters / f"{name}.eml")
    _ask(server.uid("STORE", number, "+FLAGS", "(\\Seen)"))


def _ask(answer: tuple[str, list]) -> list:  # type: ignore[type-arg]
    kind, said = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(f"{kind} {said}")
    return said
