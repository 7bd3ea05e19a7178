"""Editions: what sources/ said at a time, kept in the archive whenever a run meets something new.

An edition is a listing {path below sources/: sha256} as JSON, those files, and the rows they were read as, all in the
archive under their sha256; the ledger says from when an edition was known. What the files mean is read by registry/,
once: a later version of this program takes the rows as they were read.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.files import swap_in
from pipelines.home import Home
from pipelines.intake.ledger import Ledger, archived, entries_in, store

PARTS = ("plans", "higher_plans", "reference", "forms", "wording")


@dataclass(frozen=True)
class Edition:
    """An edition as the ledger names it: its listing's sha256, its place in the ledger, since when it was known (None
    for a home's first, which counts as always known), and the sha256 of the rows it was read as.

    has_files: False where only its tables are known, as what version 0.1.0 said.
    """

    digest: str
    sequence: int
    known_from: datetime | None
    rows: str
    has_files: bool = True


def listing(sources: Path) -> bytes:
    """The files of an edition as JSON: their paths below sources/ and their sha256, sorted."""
    files = (path for part in PARTS for path in (sources / part).rglob("*") if path.is_file())
    named = {path.relative_to(sources).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return (json.dumps(named, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def digest_of(sources: Path) -> str:
    """sha256 of the listing: an edition's name."""
    return hashlib.sha256(listing(sources)).hexdigest()


def editions(ledger: Ledger) -> list[Edition]:
    """The editions a home has met, oldest first."""
    return editions_in(ledger.entries)


def editions_in(entries: Iterable[dict[str, Any]]) -> list[Edition]:
    """The editions that entries of a ledger name, oldest first."""
    found: list[Edition] = []
    for entry in (entry for entry in entries if entry["event"] == "edition"):
        known_from = datetime.fromisoformat(entry["known_from"]) if found else None
        found.append(
            Edition(entry["edition"], entry["sequence"], known_from, entry["rows"], entry.get("has_files", True))
        )
    return found


def edition_at(known: Sequence[Edition], entry: Mapping[str, Any]) -> str:
    """The edition known when a file was received; a home of a version without editions has its first only later."""
    known = [one for one in known if one.has_files]
    return next((one.digest for one in reversed(known) if one.sequence < entry["sequence"]), known[0].digest)


Rows = dict[str, list[dict[str, Any]]]


def record_edition(home: Home, ledger: Ledger, sources: Path, read: Callable[[Path], Rows]) -> Edition:
    """Keep what sources/ says, if it is not what the newest edition says. read: sources/ as rows by table; where it
    raises, there is no new edition, as an inconsistent one is not an edition. Returns the edition now known."""
    written = listing(sources)
    digest = hashlib.sha256(written).hexdigest()
    known = editions(ledger)
    if not known or known[-1].digest != digest:
        rows = _stored(home, read(sources))
        for name in json.loads(written):
            store(home, (sources / name).read_bytes())
        store(home, written)
        entry = {"event": "edition", "edition": digest, "rows": rows, "known_from": ledger.next_at.isoformat()}
        ledger.append([entry])
        known = editions(ledger)
    return known[-1]


def record_earlier_edition(home: Home, ledger: Ledger, tables: Rows) -> None:
    """Keep what a version that knew no editions said, by its tables alone, as the home's first edition."""
    rows = _stored(home, tables)
    entry = {"event": "edition", "edition": rows, "rows": rows, "known_from": ledger.next_at.isoformat()}
    ledger.append([entry | {"has_files": False}])


def _stored(home: Home, rows: Rows) -> str:
    """Keep rows in the archive, as packed JSON. Returns their sha256."""
    written = json.dumps(rows, default=str, ensure_ascii=False, sort_keys=True).encode()
    return store(home, gzip.compress(written, mtime=0))


def rows_of(home: Home, edition: Edition) -> Rows:
    """The rows an edition was read as, by table, dates as text."""
    return dict(json.loads(gzip.decompress(archived(home, edition.rows).read_bytes())))


def sources_of(home: Home, digest: str) -> Path:
    """An edition's files laid out as they were below sources/: a folder made from the archive where it is not there.
    Raises FileNotFoundError where the archive lacks one of them."""
    folder = home.editions / digest[:16]
    if folder.exists():
        return folder
    making = home.editions / f".{digest[:16]}.new"
    shutil.rmtree(making, ignore_errors=True)
    for name, sha256 in files_of(home, digest).items():
        place = making / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archived(home, sha256), place)
    swap_in(making, folder)
    return folder


def files_of(home: Home, digest: str) -> dict[str, str]:
    """An edition's files and their sha256, by path below sources/."""
    return dict(json.loads(archived(home, digest).read_bytes()))


def named_in(lines: bytes, archive: Path) -> dict[str, str]:
    """Everything in an archive folder that finished lines of a ledger name: sha256, and what it is ('original',
    'segment', 'edition'). The files of an edition are found through its listing, where that is there."""
    named: dict[str, str] = {}
    for entry in filter(None, entries_in(lines)):
        if entry["event"] == "received":
            if "place" not in entry:  # what came to another place is there
                named[entry["sha256"]] = "original"
        elif entry["event"] == "judged":
            named[entry["segment"]] = "segment"
        elif entry["event"] == "edition":
            named[entry["edition"]] = named[entry["rows"]] = "edition"
            place = archive / entry["edition"][:2] / entry["edition"]
            if entry.get("has_files", True) and place.exists():
                named |= dict.fromkeys(json.loads(place.read_bytes()).values(), "edition")
    return named
