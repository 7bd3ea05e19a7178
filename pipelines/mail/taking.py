"""From a letter to the inbox: never lost, never put there twice, killed anywhere.

What is to be done with a letter is written down first (taken/<key>.json, key: the sha256 of its bytes), then its files
are put into the inbox under the names written down, then the letter itself is moved. A round after a crash finds the
letter where it was, with what was decided, and puts there what is neither in the inbox nor in the ledger.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.files import fsync, make_folder, sha256_of, swap_in, write_whole
from pipelines.home import Home
from pipelines.intake import receive
from pipelines.intake.ledger import Ledger
from pipelines.intake.names import name_in_inbox
from pipelines.mail.letter import Letter, Sent, read_letter
from pipelines.mail.settings import Settings
from pipelines.workers import run_limited

TAKEN, ANSWERED, REFUSED = "taken", "answered", "refused"
ANSWERABLE = ("no_file", "too_many")  # what a known sender is told, as nothing was taken
Record = dict[str, Any]


def take(home: Home, settings: Settings) -> Iterator[str]:
    """Take the letters that wait. Yields a line for the operator on each that was refused."""
    for path, outcome in run_limited(read_letter, _waiting(home)):
        key = sha256_of(path)[:16]
        if isinstance(outcome, Exception):
            why = f"it cannot be read: {outcome!r}"
        elif (home.letters / ANSWERED / f"{key}.json").exists():
            why = "the very same letter was answered before"
        else:
            why = _refusal(outcome, settings)
        if why:
            _move(path, home.letters / REFUSED / f"{key}.eml")
            write_whole(home.letters / REFUSED / f"{key}.txt", why + "\n")
            yield f"{path.name}: refused: {why}"
        elif isinstance(outcome, Letter):
            _take_one(home, path, key, outcome, settings.senders[outcome.sender])


def _waiting(home: Home) -> list[Path]:
    """The letters that nobody is still writing, oldest first."""
    quiet = time.time() - receive.QUIET_SECONDS
    found = [(path.stat().st_mtime, path) for path in home.letters.glob("*.eml")]
    return [path for changed, path in sorted(found) if changed <= quiet]


def _refusal(letter: Letter, settings: Settings) -> str:
    """Why nothing is taken of a letter, and nothing answered: whoever wrote it may not be who it says."""
    if letter.problem and letter.problem not in ANSWERABLE:
        return {"too_large": "larger than 30 MB", "no_sender": "it names no sender, or several"}[letter.problem]
    if letter.is_automatic:
        return "the answer of a machine"
    if letter.sender not in settings.senders:
        return f"{letter.sender} is no sender that mail.yml names"
    if settings.authenticated_by and settings.authenticated_by not in letter.authenticated:
        return f"{settings.authenticated_by} does not say that {letter.sender} is not forged (dmarc=pass)"
    return ""


def _take_one(home: Home, path: Path, key: str, letter: Letter, folder: str) -> None:
    note = home.letters / TAKEN / f"{key}.json"
    if note.exists():
        record: Record = json.loads(note.read_text(encoding="utf-8"))
    else:
        record = {
            "sender": letter.sender, "subject": letter.subject, "message_id": letter.message_id, "folder": folder,
            "problem": letter.problem, "pictures": letter.pictures,
            "files": [{"sent": one.name, "name": name_in_inbox(one.name, one.data[:8]),
                       "sha256": hashlib.sha256(one.data).hexdigest()} for one in letter.files],
        }  # fmt: skip
        make_folder(note.parent)
        write_whole(note, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    there = {entry["name"] for entry in Ledger(home).of("received")}
    for file, sent in zip(record["files"], letter.files, strict=True):
        if file["name"] not in there:
            _place(home.inbox / record["folder"], file["name"], sent)
    _move(path, note.with_suffix(".eml"))


def _place(folder: Path, name: str, sent: Sent) -> None:
    place, part = folder / name, folder / f".{name}.part"
    if place.exists():
        return
    make_folder(folder)
    part.write_bytes(sent.data)
    swap_in(part, place)


def _move(path: Path, place: Path) -> None:
    make_folder(place.parent)
    path.rename(place)
    fsync(place.parent)
