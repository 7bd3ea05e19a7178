"""Several places that receive, each a home of its own, and one that joins what their ledgers say.

The home that joins receives nothing itself. It copies the entries that figures depend on into its own ledger, each with
its place and its number there, and the segments of verdicts and the editions of sources/ they name into its own
archive; the originals stay where they came. So its warehouse is built, and can be built again, like any other. Where
the places are, what runs where and why is docs/many-machines.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipelines.files import Row, read_json, write_whole
from pipelines.home import Home
from pipelines.intake.editions import edition_at, editions, editions_in, files_of
from pipelines.intake.ledger import NO_HEAD, Head, Ledger, LedgerError, archived, read_lines, store
from pipelines.shared_ledger import shared_ledger

# What is joined. The day of a run and what a sender was told are each home's own.
_JOINED = frozenset({
    "received", "judged", "recheck", "locked", "unlocked", "approved", "approval_withdrawn", "set_aside", "taken_back",
    "day_undone", "illustrative", "bundle_made", "bundle_sent", "bundle_removed",
})  # fmt: skip
_log = logging.getLogger(__name__)


class PlaceError(ValueError):
    """The ledger of a place cannot be joined; the message says why and what to do."""


class _News(NamedTuple):
    """What a place's ledger says that is not joined yet; up to: its state then. waiting: entries left for later, and
    why."""

    entries: list[Row]
    up_to: Head
    waiting: str


def places(home: Home) -> list[Home]:
    """The homes that are joined here: each folder of home.places, named as the place. Raises FileNotFoundError."""
    if home.places is None:
        return []
    if not home.places.is_dir():
        raise FileNotFoundError(f"{home.places}, which KPI57_PLACES names, is not there: make it, or mount it")
    folders = sorted(path for path in home.places.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [Home(folder, home.day, local=home.local and home.local / "places" / folder.name, place=folder.name)
            for folder in folders]  # fmt: skip


def join(home: Home, ledger: Ledger) -> int:
    """Enter what the places' ledgers say since they were last joined, and note how far each is. Returns the entries.

    A place that cannot be read, or whose ledger is not the one that was joined, is left out with a word in the log and
    in places.json; the next run makes up for it.
    """
    noted, joined, at = read_json(home.joined), 0, ledger.next_at
    for place in places(home):
        name = str(place.place)
        last = _position(ledger, name)
        try:
            news = _news(home, ledger, place, last)
        except (LedgerError, PlaceError, OSError) as error:
            _log.warning("place '%s' is not joined, the next run makes up for it: %s", name, error)
            noted[name] = {**noted.get(name, {}), "error": str(error)}
            continue
        if news.waiting:
            _log.warning("place '%s': %s", name, news.waiting)
        if news.entries or news.up_to != last:
            moment = at.isoformat(timespec="microseconds")
            ledger.append([
                *({**entry, "place": name, "joined_at": moment} for entry in news.entries),
                {"event": "joined", "joined": name, "entries": news.up_to.entries, "head": news.up_to.sha256,
                 "at": moment},
            ])  # fmt: skip
            at = ledger.next_at
        joined += len(news.entries)
        noted[name] = {"entries": news.up_to.entries, "head": news.up_to.sha256, "waiting": news.waiting,
                       "last_received_at": _last_received(ledger, name), "error": None}  # fmt: skip
    for commune, names in _received_twice(ledger):
        _log.warning("commune %s sends to more than one place (%s): what was joined last counts", commune, names)
    write_whole(home.joined, json.dumps(noted, indent=2, ensure_ascii=False) + "\n")
    return joined


def _news(home: Home, ledger: Ledger, place: Home, last: Head) -> _News:
    """What is new at a place since it was last joined; what it names is in the archive here.

    Raises LedgerError, PlaceError, OSError.
    """
    entries, heads = _ledger_of(place)
    if not entries:
        return _News([], Head(0, NO_HEAD), "")
    named = next((str(entry["site"]) for entry in entries if entry["event"] == "site"), "")
    if named != place.place:
        is_named = f"is named '{named}'" if named else "has no name"
        raise PlaceError(f"its ledger {is_named}: set KPI57_SITE={place.place} there, before its first file")
    if last.entries and (last.entries > len(heads) or heads[last.entries - 1] != last.sha256):
        raise PlaceError(f"its ledger is not the one whose {last.entries} entries were joined: an entry was altered or "
                         "taken out, or the place was restored from a backup")  # fmt: skip
    end, waiting = _end(ledger, entries)
    copied = {entry["place_sequence"] for entry in ledger.entries if entry.get("place") == named}
    known = editions_in(entries)
    new = []
    for entry in entries[last.entries : end]:
        if entry["event"] not in _JOINED or entry["sequence"] in copied:
            continue
        one = {name: value for name, value in entry.items() if name not in ("sequence", "before")}
        if entry["event"] == "received":
            one["edition"] = edition_at(known, entry)
        new.append({**one, "place_sequence": entry["sequence"]})
    _copy_what_is_named(home, place, new)
    return _News(new, Head(end, heads[end - 1] if end else NO_HEAD), waiting)


def _ledger_of(place: Home) -> tuple[list[Row], list[str]]:
    """The entries of a place and the head after each, proven: as PostgreSQL has them, or its file."""
    if shared := shared_ledger(place.place):
        return read_lines(b"".join(line + b"\n" for line in shared.after(0)))
    ledger = Ledger(place)
    return ledger.entries, ledger.heads


def _position(ledger: Ledger, name: str) -> Head:
    """Up to where a place is joined."""
    found = [Head(e["entries"], e["head"]) for e in ledger.of("joined") if e["joined"] == name]
    return found[-1] if found else Head(0, NO_HEAD)


def _end(ledger: Ledger, entries: list[Row]) -> tuple[int, str]:
    """How many entries of a place can be joined: not those after an edition of sources/ that is not known here, whose
    indicators, plans or agencies may be unknown too. And a word on the others."""
    here = {one.digest for one in editions(ledger)}
    newest = next(reversed(editions_in(entries)), None)
    if newest is None or newest.digest in here:
        return len(entries), ""
    left = sum(entry["event"] in _JOINED for entry in entries[newest.sequence - 1 :])
    return newest.sequence - 1, (
        f"it goes by an edition of sources/ that is not known here ({newest.digest[:12]}): {left} entries wait until "
        "both have the same version of kpi57 and of sources/, first here, then there"
    )


def _copy_what_is_named(home: Home, place: Home, entries: list[Row]) -> None:
    segments = [entry["segment"] for entry in entries if entry["event"] == "judged"]
    by_edition = sorted({entry["edition"] for entry in entries if entry["event"] == "received"})
    for sha256 in [*segments, *by_edition]:
        _copy(home, place, sha256)
    for edition in by_edition:
        for sha256 in files_of(home, edition).values():
            _copy(home, place, sha256)


def _copy(home: Home, place: Home, sha256: str) -> None:
    if archived(home, sha256).exists():
        return
    data = archived(place, sha256).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PlaceError(f"{archived(place, sha256)} is damaged: take it back from a backup there")
    store(home, data)


def _last_received(ledger: Ledger, name: str) -> Any:
    times = [entry["received_at"] for entry in ledger.of("received") if entry.get("place") == name]
    return times[-1] if times else None


def _received_twice(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Communes whose files came to more than one place: code, names of the places."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in ledger.of("received"):
        if "place" in entry:
            found[entry["folder"].split("/")[0].split("-")[0]].add(entry["place"])
    return ((commune, ", ".join(sorted(names))) for commune, names in sorted(found.items()) if len(names) > 1)
