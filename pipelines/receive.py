"""From the inbox into archive and ledger: the only state that cannot be rebuilt.

Each file is hashed and copied into the archive (write, fsync, rename), then entered in the ledger (append, fsync), and
only then leaves the inbox. A run killed at any instant loses nothing: what was not entered is still in the inbox, what
was entered but not yet removed is recognised and removed by the next run. What is in a file does not belong here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.home import Home
from pipelines.vietnamese import clean
from pipelines.warehouse import fsync, swap_in

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_TEMPORARY = ("~$", ".", "~")
_TEMPORARY_ENDS = (".tmp", ".part", ".crdownload", ".partial")
QUIET_SECONDS = 5.0  # a file changed more recently may still be on its way over a slow share
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """A file in the inbox: its folder below the inbox ('11164-vinh-lai/CA'), and when it was last changed."""

    path: Path
    folder: str
    stat: os.stat_result

    @property
    def identity(self) -> str:
        """Tells this very file from a later copy with the same name and content."""
        return f"{self.stat.st_ino}:{self.stat.st_ctime_ns}"

    @property
    def is_unchanged(self) -> bool:
        """Whether it is still the file that was listed, neither replaced nor written to."""
        try:
            now, then = self.path.stat(), self.stat
        except FileNotFoundError:
            return False
        return (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns) == (
            then.st_ino, then.st_size, then.st_mtime_ns, then.st_ctime_ns
        )  # fmt: skip


class Ledger:
    """The append-only ledger, one JSON object a line: received, locked, unlocked, day, illustrative, bundle_made,
    bundle_sent."""

    def __init__(self, home: Home) -> None:
        self.home = home
        data = home.ledger.read_bytes() if home.ledger.exists() else b""
        self._size = len(data)
        self._whole = data.rfind(b"\n") + 1  # a line cut short was never acknowledged: its file is in the inbox still
        self.entries: list[dict[str, Any]] = []
        for number, line in enumerate(data[: self._whole].splitlines(), 1):
            try:
                self.entries.append(json.loads(line))
            except ValueError as error:
                raise ValueError(
                    f"line {number} of {home.shown(home.ledger)} is damaged ({error}): take archive and ledger back "
                    "from the last backup"
                ) from None

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Add entries, on disk before this returns. Each gets its sequence number.

        Raises RuntimeError where another program wrote to the ledger since it was read.
        """
        new = [{"sequence": len(self.entries) + n, **entry} for n, entry in enumerate(entries, 1)]
        if not new:
            return
        _make_folder(self.home.archive)
        lines = "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in new).encode()
        created = not self.home.ledger.exists()
        with self.home.ledger.open("xb" if created else "r+b") as handle:
            if handle.seek(0, os.SEEK_END) != self._size:
                raise RuntimeError(f"{self.home.shown(self.home.ledger)} was written to meanwhile: run again")
            handle.truncate(self._whole)
            handle.seek(self._whole)
            handle.write(lines)
            handle.flush()
            os.fsync(handle.fileno())
        if created:
            fsync(self.home.archive)
        self._size = self._whole = self._whole + len(lines)
        self.entries += new

    def of(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["event"] == event]

    @property
    def illustrative(self) -> dict[str, Any] | None:
        """The entry that marks this home's figures as made up, if it has one."""
        return next(iter(self.of("illustrative")), None)

    @property
    def last_at(self) -> datetime:
        """When the newest file was received or act entered: what comes after is later, whatever the clock says."""
        times = [entry.get("received_at") or entry.get("at") for entry in self.entries]
        return max((datetime.fromisoformat(at) for at in times if at), default=datetime.min.replace(tzinfo=VIETNAM))

    @property
    def as_of(self) -> date:
        """The day the marts speak of: the newest day recorded or received. Kept here, so a rebuild says the same."""
        days = [date.fromisoformat(entry["day"]) for entry in self.of("day")]
        days += [datetime.fromisoformat(entry["received_at"]).date() for entry in self.of("received")]
        return max(days) if days else date.min

    def record_day(self, today: date | None) -> None:
        """Note the day of a run. An illustrative home lives on the day its figures were made for."""
        if today is None:
            marked = self.illustrative
            today = date.fromisoformat(marked["day"]) if marked else datetime.now(VIETNAM).date()
        days = [date.fromisoformat(entry["day"]) for entry in self.of("day")]
        if not days or today > max(days):
            self.append([{"event": "day", "day": today.isoformat()}])


def whole_lines(home: Home) -> bytes:
    """The ledger's finished lines as they stand, for who does not hold the run lock: nothing is mended."""
    try:
        data = home.ledger.read_bytes()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def archived(home: Home, sha256: str) -> Path:
    return home.archive / sha256[:2] / sha256


def waiting(home: Home) -> list[Waiting]:
    """Files in the inbox that are no temporary files of Excel or of a copy, oldest first."""
    found = []
    for path in sorted(p for p in home.inbox.rglob("*") if not p.is_symlink() and p.is_file()):
        if path.name.startswith(_TEMPORARY) or path.name.endswith(_TEMPORARY_ENDS):
            continue
        with suppress(FileNotFoundError):  # gone since it was listed: its sender took it back
            found.append(Waiting(path, path.parent.relative_to(home.inbox).as_posix(), path.stat()))
    return sorted(found, key=lambda w: (w.stat.st_mtime_ns, w.path.as_posix()))


def receive(home: Home, ledger: Ledger) -> int:
    """Take every waiting file that is finished into archive and ledger. Returns how many were entered.

    A file still being written or locked by its writer stays in the inbox for the next run.
    """
    entered = {(e["folder"], e["name"], e["identity"]) for e in ledger.of("received")}
    new: list[Waiting] = []
    done: list[Waiting] = []
    for w in _finished(waiting(home)):
        (done if entered_as(w) in entered else new).append(w)
    taken = [(w, entry) for w in new for entry in [_archive(home, w)] if w.is_unchanged]
    _stamp(ledger, taken)
    ledger.append(entry for _, entry in taken)
    for w in (*done, *(w for w, _ in taken)):
        if w.is_unchanged:  # what changed under our hands stays for the next run
            _remove(w)
    return len(taken)


def _finished(files: list[Waiting]) -> list[Waiting]:
    """The files that nobody is still writing. Where one was changed a moment ago, by a clock that need not be ours,
    all are watched for QUIET_SECONDS."""
    if any(time.time() - w.stat.st_mtime < QUIET_SECONDS for w in files):
        time.sleep(QUIET_SECONDS)
    finished = []
    for w in files:
        try:
            with w.path.open("rb"):  # Windows does not open what another program is writing
                is_finished, why = w.is_unchanged, "it is still being written"
        except OSError as error:
            is_finished, why = False, str(error)
        if is_finished:
            finished.append(w)
        else:
            _log.warning("%s/%s is left in the inbox for the next run: %s", w.folder, w.path.name, why)
    return finished


def _archive(home: Home, w: Waiting) -> dict[str, Any]:
    """Copy a file into the archive, on disk with its name before this returns. Returns its ledger entry."""
    _make_folder(home.archive)
    temporary = home.archive / "incoming.new"
    digest = hashlib.sha256()
    with w.path.open("rb") as source, temporary.open("wb") as copy:
        while block := source.read(1 << 20):
            digest.update(block)
            copy.write(block)
    sha256 = digest.hexdigest()
    place = archived(home, sha256)
    _make_folder(place.parent)
    swap_in(temporary, place)
    return {
        "event": "received",
        "sha256": sha256,
        "size": w.stat.st_size,
        "folder": _printable(w.folder),
        "name": _printable(w.path.name),
        "identity": w.identity,
    }


def _make_folder(folder: Path) -> None:
    """A folder that is there after a power cut too."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync(folder.parent)


def _remove(w: Waiting) -> None:
    """Take a file that was entered out of the inbox; one that cannot be removed now is known by the next run."""
    try:
        w.path.unlink()
    except OSError as error:
        _log.warning("%s/%s is received and cannot be removed from the inbox: %s", w.folder, w.path.name, error)


def entered_as(w: Waiting) -> tuple[str, str, str]:
    """A waiting file as the ledger names it: folder, name, identity."""
    return _printable(w.folder), _printable(w.path.name), w.identity


def _printable(name: str) -> str:
    """A file's name as text; bytes that are no UTF-8 as \\xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _stamp(ledger: Ledger, taken: list[tuple[Waiting, dict[str, Any]]]) -> None:
    """Give each entry its submission_id and received_at, which never goes back, whatever the clock does.

    Received is when this run took it: the sender's clock is no proof. Only in an illustrative home is it the file's
    own time, so that made-up figures arrive on believable days.
    """
    received = ledger.of("received")
    now, last, illustrative = datetime.now(VIETNAM), ledger.last_at, ledger.illustrative
    seen = Counter(e["sha256"] for e in received)
    for w, entry in taken:
        at = datetime.fromtimestamp(int(w.stat.st_mtime), VIETNAM) if illustrative else now
        last = max(at, last + timedelta(microseconds=1))
        seen[entry["sha256"]] += 1
        entry["received_at"] = last.isoformat(timespec="microseconds")
        entry["submission_id"] = f"{entry['sha256'][:12]}-{seen[entry['sha256']]}"


def act_on_period(
    ledger: Ledger, event: str, period_code: str, reason: str, by: str, commune_code: str | None = None
) -> None:
    """Enter a lock or an unlock ('locked', 'unlocked') of a period, for the city (None) or one commune.

    What is done for the city holds for each of its communes until something is done for that commune, and the other way
    round: the last act counts. Raises ValueError if it changes nothing.
    """
    acts = [e for e in ledger.entries if e["event"] in ("locked", "unlocked") and e["period_code"] == period_code]
    touched = {commune_code} if commune_code else {None, *(e.get("commune_code") for e in acts)}
    locked = [_is_locked(acts, commune) for commune in touched]
    if all(locked) if event == "locked" else not any(locked):
        raise ValueError(f"period {period_code} is {'locked already' if event == 'locked' else 'not locked'}")
    at = max(datetime.now(VIETNAM), ledger.last_at + timedelta(microseconds=1))
    ledger.append(
        [{"event": event, "period_code": period_code, "commune_code": commune_code, "reason": clean(reason),
          "by": clean(by), "at": at.isoformat(timespec="microseconds")}]
    )  # fmt: skip


def _is_locked(acts: Iterable[dict[str, Any]], commune_code: str | None) -> bool:
    """Whether a period is locked for a commune, or for the communes of which nothing is said by name (None)."""
    last = [act["event"] for act in acts if act.get("commune_code") in (None, commune_code)][-1:]
    return last == ["locked"]


def period_events(ledger: Ledger) -> list[dict[str, Any]]:
    """Locks and unlocks of the ledger as rows of raw.period_event."""
    return [
        {"ledger_sequence": e["sequence"], "period_code": e["period_code"], "commune_code": e.get("commune_code"),
         "event": e["event"],
         "acted_at": e["at"][:26], "acted_by": e["by"], "reason": e["reason"]}
        for e in ledger.entries
        if e["event"] in ("locked", "unlocked")
    ]  # fmt: skip


def record_made(ledger: Ledger, bundles: Iterable[dict[str, Any]]) -> int:
    """Enter the bundles (export.about) that are not entered yet as made. Returns how many."""
    known = {entry["bundle_id"] for entry in ledger.of("bundle_made")}
    new = [bundle for bundle in bundles if bundle["bundle_id"] not in known]
    ledger.append({"event": "bundle_made", **bundle, **_done_now()} for bundle in new)
    return len(new)


def record_sent(ledger: Ledger, bundle: dict[str, Any], to: str, by: str) -> None:
    """Enter that a bundle (export.about) was handed over: to whom, by whom."""
    ledger.append([{"event": "bundle_sent", **bundle, "to": clean(to), "by": clean(by), **_done_now()}])


def _done_now() -> dict[str, str]:
    """When something was done to a bundle. Not as 'at': a file received later need not bear a later time."""
    return {"done_at": datetime.now(VIETNAM).isoformat(timespec="microseconds")}


def bundle_events(ledger: Ledger) -> list[dict[str, Any]]:
    """What was made and handed over, as rows of raw.bundle_event."""
    return [
        {"ledger_sequence": e["sequence"], "event": e["event"].removeprefix("bundle_"), "bundle_id": e["bundle_id"],
         "period_code": e["period_code"], "scope": e["scope"], "manifest_sha256": e["manifest_sha256"],
         "done_at": e["done_at"][:26], "sent_to": e.get("to"), "sent_by": e.get("by")}
        for e in ledger.entries
        if e["event"] in ("bundle_made", "bundle_sent")
    ]  # fmt: skip


def receipts(
    received: Iterable[dict[str, Any]], communes: Iterable[str], agencies: Iterable[str]
) -> list[dict[str, Any]]:
    """The ledger's entries of received files as rows of raw.receipt.

    The folder says who sends: '<commune code>-<anything>/<agency code>'. Codes that are not registered are None.
    A file whose content the same folder has sent before is a duplicate of the first.
    """
    known_communes, known_agencies = set(communes), set(agencies)
    first: dict[tuple[str, str], str] = {}
    rows = []
    for entry in received:
        parts = entry["folder"].split("/")
        commune = parts[0].split("-")[0]
        agency = parts[1] if len(parts) == 2 else ""
        key = (entry["folder"], entry["sha256"])
        rows.append(
            {
                "submission_id": entry["submission_id"],
                "ledger_sequence": entry["sequence"],
                "sha256": entry["sha256"],
                "original_name": clean(entry["name"]),
                "folder": entry["folder"],
                "commune_code": commune if commune in known_communes else None,
                "agency_code": agency if agency in known_agencies else None,
                "received_at": entry["received_at"][:26],
                "size_bytes": entry["size"],
                "duplicate_of": first.get(key),
            }
        )
        first.setdefault(key, entry["submission_id"])
    return rows
