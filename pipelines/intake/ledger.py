"""The append-only ledger of what was received and done, each entry bound to all before it by a hash.

The head after a line is sha256(head before it, newline, line), the first head before it being 64 zeros; every entry
carries the head before it as 'before'. Lines of version 0.1.0 carry none: the first entry after them binds them all.
So whoever keeps a head, as every bundle and backup does, can prove every entry up to it. What is in a file does not
belong here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pipelines.files import fsync, make_folder, swap_in
from pipelines.home import Home
from pipelines.shared_ledger import shared_ledger

_SITE = re.compile(r"[a-z0-9-]{1,20}")
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
NO_HEAD = "0" * 64
# What runs and people note of what was made; the figures do not depend on it.
_OF_WHAT_WAS_MADE = frozenset({"bundle_made", "bundle_sent", "bundle_removed", "told", "approved",
                                "approval_withdrawn"})  # fmt: skip


DAYS_AHEAD = 31  # how far a run's day may be ahead of the last without a person saying that it is right


class DayError(ValueError):
    """A day that is not accepted; the message says what to do."""


class SiteError(ValueError):
    """A name of a place that is not accepted; the message says what to do."""


class LedgerError(ValueError):
    """The ledger is damaged or was altered; the message names the line and what to do."""


class Head(NamedTuple):
    """So many entries, and the hash that proves them all."""

    entries: int
    sha256: str


def head_after(head: str, line: bytes) -> str:
    """The head after one more line, given without its line end."""
    return hashlib.sha256(head.encode() + b"\n" + line).hexdigest()


class _Proven(NamedTuple):
    """What was read of a ledger and proven: so many bytes, their sha256, their entries and the head after each."""

    size: int
    sha256: str
    entries: list[dict[str, Any]]
    heads: list[str]


_NOTHING = _Proven(0, hashlib.sha256().hexdigest(), [], [])
# Of the ledger this process read last: most steps of a run read it, and it only grows.
_proven: dict[Path, _Proven] = {}


def read_lines(data: bytes, known: _Proven = _NOTHING) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries of finished lines, and the head after each; known: of those before them. Raises LedgerError for the
    first line that is damaged or does not fit those before it."""
    entries, heads = list(known.entries), list(known.heads)
    head, is_bound = heads[-1] if heads else NO_HEAD, bool(entries) and "before" in entries[-1]
    lines = data.splitlines()
    for number, (line, entry) in enumerate(zip(lines, entries_in(data), strict=True), len(entries) + 1):
        if entry is None or entry.get("sequence") != number:
            raise LedgerError(f"line {number} is damaged")
        if "before" in entry or is_bound:
            if entry.get("before") != head:
                suspect = f"line {number - 1}" if is_bound else f"a line before line {number}"
                raise LedgerError(f"{suspect} was altered: line {number} is not bound to it")
            is_bound = True
        head = head_after(head, line)
        entries.append(entry)
        heads.append(head)
    return entries, heads


class Ledger:
    """The append-only ledger, one JSON object a line: sealed, site, edition, received, judged, told, locked, unlocked,
    approved, approval_withdrawn, set_aside, taken_back, recheck, day, day_undone, illustrative, bundle_made,
    bundle_sent, bundle_removed, joined. What was joined from the ledger of a place names it ('place'). Raises
    LedgerError where it is damaged or was altered."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._read()

    def _read(self) -> None:
        home = self.home
        data = home.ledger.read_bytes() if home.ledger.exists() else b""
        self._size = len(data)
        self._whole = data.rfind(b"\n") + 1  # a line cut short was never acknowledged: its file is in the inbox still
        known = _proven.get(home.ledger, _NOTHING)
        proof = hashlib.sha256(data[: known.size])
        if proof.hexdigest() != known.sha256:
            known, proof = _NOTHING, hashlib.sha256()
        added = data[known.size : self._whole]
        try:
            self.entries, self._heads = read_lines(added, known)
        except LedgerError as error:
            raise LedgerError(
                f"{home.shown(home.ledger)}: {error}. Take archive and ledger back from the last backup: "
                "kpi57 restore FOLDER --replace"
            ) from None
        proof.update(added)
        _proven.clear()
        _proven[home.ledger] = _Proven(self._whole, proof.hexdigest(), list(self.entries), list(self._heads))

    @property
    def heads(self) -> list[str]:
        """The head after each entry."""
        return list(self._heads)

    @property
    def head(self) -> Head:
        """What proves every entry."""
        return Head(len(self._heads), self._heads[-1] if self._heads else NO_HEAD)

    @property
    def head_of_state(self) -> Head:
        """What proves the entries that figures depend on: the head after the last that is not about what was made of
        them, so that making a bundle again gives the same bundle."""
        count = len(self.entries)
        while count and self.entries[count - 1]["event"] in _OF_WHAT_WAS_MADE:
            count -= 1
        return Head(count, self._heads[count - 1] if count else NO_HEAD)

    def seal(self) -> None:
        """Bind the lines of a version that bound none."""
        if self.entries and "before" not in self.entries[-1]:
            self.append([{"event": "sealed", "kpi57": version("kpi57")}])

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Add entries, on disk before this returns. Each gets its sequence number and the head before it.

        Raises RuntimeError where another program wrote to the ledger since it was read; where its home is in
        PostgreSQL, ForkedError where another machine did, and UnreachableError.
        """
        new, heads, lines = [], [self.head.sha256], list[bytes]()
        for number, entry in enumerate(entries, len(self.entries) + 1):
            new.append({"sequence": number, "before": heads[-1], **entry})
            lines.append(json.dumps(new[-1], ensure_ascii=False).encode())
            heads.append(head_after(heads[-1], lines[-1]))
        if not new:
            return
        there = self.home.ledger.stat().st_size if self.home.ledger.exists() else 0
        if there != self._size:
            raise RuntimeError(f"{self.home.shown(self.home.ledger)} was written to meanwhile: run again")
        if shared := shared_ledger(self.home.place):
            shared.append(*self.head, lines, heads[1:])
        self._write(lines)
        self.entries += new
        self._heads += heads[1:]

    def catch_up(self) -> int:
        """Write what the ledger in PostgreSQL has and this file has not, as another machine did or this one, killed, no
        longer could; at first use enter there what is here. Returns how many lines either took over.

        Raises LedgerError where the two are not one ledger, UnreachableError.
        """
        shared = shared_ledger(self.home.place)
        if shared is None:
            return 0
        there, head = shared.newest()
        here = self.head
        if there < here.entries and (there == 0 or head == self._heads[there - 1]):
            lines = self.home.ledger.read_bytes()[: self._whole].splitlines()[there:]
            shared.append(there, head or NO_HEAD, lines, self._heads[there:])
            return len(lines)
        if here.entries and shared.head_at(here.entries) != here.sha256:
            raise LedgerError(
                f"{self.home.shown(self.home.ledger)} is not the ledger of '{self.home.place}' that is kept in "
                "PostgreSQL: KPI57_SITE or KPI57_LEDGER names another, or one of the two was restored from a backup"
            )
        lines = shared.after(here.entries)
        self._write(lines)
        self._read()  # which proves each
        return len(lines)

    def _write(self, lines: Iterable[bytes]) -> None:
        make_folder(self.home.archive)
        created = not self.home.ledger.exists()
        with self.home.ledger.open("xb" if created else "r+b") as handle:
            handle.truncate(self._whole)
            handle.seek(self._whole)
            written = handle.write(b"".join(line + b"\n" for line in lines))
            handle.flush()
            os.fsync(handle.fileno())
        if created:
            fsync(self.home.archive)
        self._size = self._whole = self._whole + written

    def until(self, moment: datetime) -> Ledger:
        """The ledger as it was at a moment, to be read only: the entries up to the last that was entered by then."""
        times = [e.get("joined_at") or e.get("received_at") or e.get("at") or e.get("known_from") for e in self.entries]
        later = [n for n, at in enumerate(times) if at and datetime.fromisoformat(at) > moment]
        return self.before(later[0] + 1 if later else len(self.entries) + 1)

    def before(self, sequence: int) -> Ledger:
        """The ledger as it was before an entry, to be read only."""
        then = copy(self)
        then.entries, then._heads = self.entries[: sequence - 1], self._heads[: sequence - 1]
        then._size = -1  # whoever appends to it is refused
        return then

    def of(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["event"] == event]

    @property
    def site(self) -> str | None:
        """The name of the place that receives here, where there are several."""
        return next((str(entry["site"]) for entry in self.of("site")), None)

    def record_site(self, named: str | None) -> None:
        """Note which of several places this is, before its first file. Raises SiteError where it is another already."""
        if named is None or named == self.site:
            return
        if self.site or self.of("received"):
            had = f"as '{self.site}'" if self.site else "before it had a name"
            raise SiteError(f"KPI57_SITE is '{named}', but files were received here {had}, and their ids say so")
        if not _SITE.fullmatch(named):
            raise SiteError(f"KPI57_SITE is '{named}': 1 to 20 of a-z, 0-9 and '-'")
        self.append([{"event": "site", "site": named}])

    @property
    def illustrative(self) -> dict[str, Any] | None:
        """The entry that marks this home's figures as made up, if it has one."""
        return next(iter(self.of("illustrative")), None)

    @property
    def last_at(self) -> datetime:
        """When the newest file was received, act entered or edition met: what comes after is later, whatever the clock
        says."""
        undone = self.undone
        named = [(entry, entry.get("at") or entry.get("known_from")) for entry in self.entries]
        acts = [(entry, datetime.fromisoformat(at)) for entry, at in named if at]
        times = [at for entry, at in acts if not _is_undone(undone, entry, at.date())] + self.received_at
        return max(times, default=datetime.min.replace(tzinfo=VIETNAM))

    @property
    def next_at(self) -> datetime:
        """The time of what is entered now: after all that was received and done, whatever the clock says. An
        illustrative home goes by the times of its files."""
        later = self.last_at + timedelta(microseconds=1)
        return later if self.illustrative else max(datetime.now(VIETNAM), later)

    @property
    def as_of(self) -> date:
        """The as-of date: the newest day recorded or received, of those that were not undone. Kept here, so
        a rebuild says the same."""
        return max([*self.days, *(at.date() for at in self.received_at)], default=date.min)

    @property
    def days(self) -> list[date]:
        """The days of runs, without those that were undone since."""
        undone = self.undone
        days = [(entry, date.fromisoformat(entry["day"])) for entry in self.of("day")]
        return [day for entry, day in days if not _is_undone(undone, entry, day)]

    @property
    def undone(self) -> dict[tuple[str | None, date], dict[str, Any]]:
        """Days that were set by mistake, by --day or by a wrong clock, at a place (None: here), each with the entry
        that undid it, which undid what was before it."""
        return {(entry.get("place"), date.fromisoformat(entry["day"])): entry for entry in self.of("day_undone")}

    @property
    def received_at(self) -> list[datetime]:
        """When each received file counts as received, in order. What came on a day that was undone counts as received
        just after what came before it at the same place."""
        undone, found, last = self.undone, list[datetime](), dict[str | None, datetime]()
        for entry in self.of("received"):
            at, place = datetime.fromisoformat(entry["received_at"]), entry.get("place")
            if _is_undone(undone, entry, at.date()):
                then = datetime.fromisoformat(undone[place, at.date()]["done_at"])
                at = last[place] + timedelta(microseconds=1) if place in last else then
            last[place] = at
            found.append(at)
        return found

    def record_day(self, today: date | None) -> None:
        """Note the day of a run. An illustrative home lives on the day its figures were made for.

        Raises DayError where the clock, by which it is, is far ahead of the last day: it may be wrong.
        """
        if today is None:
            marked = self.illustrative
            today = date.fromisoformat(marked["day"]) if marked else datetime.now(VIETNAM).date()
            if not marked and (fault := self.doubt(today)):
                raise DayError(f"the clock says {today}: {fault}")
        if today > max(self.days, default=date.min):
            self.append([{"event": "day", "day": today.isoformat()}])

    def doubt(self, day: date) -> str:
        """Why a day is not accepted without a person's confirmation; '' where it is."""
        last = self.as_of
        if last != date.min and day > last + timedelta(days=DAYS_AHEAD):
            return (
                f"that is more than {DAYS_AHEAD} days after {last}, the last day. A day never goes back: if it is "
                f"right, 'kpi57 run --day {day} --force'"
            )
        return ""


def _is_undone(
    undone: Mapping[tuple[str | None, date], Mapping[str, Any]], entry: Mapping[str, Any], day: date
) -> bool:
    key = entry.get("place"), day
    return key in undone and bool(entry["sequence"] < undone[key]["sequence"])


def entries_in(lines: bytes) -> Iterator[dict[str, Any] | None]:
    """The entry of each finished line of a ledger, in order; None for a line that is damaged."""
    split = lines.splitlines()
    for first in range(0, len(split), _AT_ONCE):
        for entry in _parsed(split[first : first + _AT_ONCE]):
            yield entry if isinstance(entry, dict) and isinstance(entry.get("event"), str) else None


# Lines parsed as one list take half the time, and share the names of what they say; damaged ones are found alone.
_AT_ONCE = 100


def _parsed(lines: list[bytes]) -> list[Any]:
    try:
        entries: list[Any] = json.loads(b"[%s]" % b",".join(lines))
    except ValueError:
        entries = []
    if len(entries) == len(lines):
        return entries
    return [entry for line in lines for entry in _parsed([line])] if len(lines) > 1 else [None]


def received_in(lines: bytes) -> list[dict[str, Any]]:
    """The entries of received files in finished lines of a ledger; damaged lines are passed over."""
    return [entry for entry in entries_in(lines) if entry and entry["event"] == "received"]


def count_received(home: Home) -> int:
    """How many files were received, counted without parsing a line: in a text of one quotes are escaped."""
    return whole_lines(home).count(b'"event": "received"')


def whole_lines(home: Home) -> bytes:
    """The ledger's finished lines, for callers without the run lock: nothing is repaired."""
    try:
        data = home.ledger.read_bytes()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def archived(home: Home, sha256: str) -> Path:
    return home.archive / sha256[:2] / sha256


def store(home: Home, data: bytes) -> str:
    """Keep bytes in the archive under their sha256, on disk before this returns. Returns it."""
    sha256 = hashlib.sha256(data).hexdigest()
    place = archived(home, sha256)
    if not place.exists():
        make_folder(place.parent)
        new = place.with_name(f".{sha256}.new")
        new.write_bytes(data)
        swap_in(new, place)
    return sha256
