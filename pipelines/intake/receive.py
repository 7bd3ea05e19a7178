"""From the inbox into archive and ledger: the only state that cannot be rebuilt.

Each file is hashed and copied into the archive (write, fsync, rename), then entered in the ledger (append, fsync), and
only then leaves the inbox. A run killed at any instant loses nothing: what was not entered is still in the inbox, what
was entered but not yet removed is recognised and removed by the next run. What is in a file does not belong here.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.files import make_folder, swap_in
from pipelines.home import Home
from pipelines.intake.ledger import VIETNAM, Ledger, archived
from pipelines.vietnamese import clean

_TEMPORARY = ("~$", ".", "~")
_TEMPORARY_ENDS = (".tmp", ".part", ".crdownload", ".partial")
# What systems put into any folder; no reports.
_OF_THE_SYSTEM = ("thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "#recycle", "$recycle.bin", "__macosx",
                  "system volume information", "lost+found")  # fmt: skip
_TOGETHER = 2 * 10**9  # nanoseconds within which files that arrive are one sending, whose order says nothing
_COPY = re.compile(r"\s*(?:\((\d+)\)|- (?:copy|bản sao)(?: \((\d+)\))?)$", re.IGNORECASE)
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
        """Distinguishes this file from a later copy with the same name and content."""
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


def waiting(home: Home) -> list[Waiting]:
    """Files in the inbox that are no temporary files of Excel, of a copy or of the system, oldest first. A folder that
    cannot be read is named in the log."""
    found = []
    for folder, below, names in os.walk(home.inbox, onerror=_cannot_be_read):
        below[:] = sorted(name for name in below if not _is_left_alone(name))
        for path in (Path(folder) / name for name in sorted(names) if not _is_left_alone(name)):
            with suppress(FileNotFoundError):  # gone since it was listed: its sender took it back
                if not path.is_symlink() and path.is_file():
                    found.append(Waiting(path, path.parent.relative_to(home.inbox).as_posix(), path.stat()))
    return sorted(found, key=lambda w: (w.stat.st_mtime_ns, w.path.as_posix()))


def _is_left_alone(name: str) -> bool:
    return name.startswith(_TEMPORARY) or name.endswith(_TEMPORARY_ENDS) or name.casefold() in _OF_THE_SYSTEM


def _cannot_be_read(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        _log.error("%s cannot be read, what lies in it waits: %s", error.filename, error.strerror)


def unreadable_folders(home: Home) -> list[str]:
    """Folders of the inbox that this account cannot read."""
    found: list[OSError] = []
    for _ in os.walk(home.inbox, onerror=found.append):
        pass
    return sorted(home.shown(Path(error.filename)) for error in found if not isinstance(error, FileNotFoundError))


def in_order(files: Iterable[Waiting], *, by_own_time: bool) -> list[Waiting]:
    """Files in the order in which they came. What arrived within two seconds is one sending: its order is that of its
    names, as people number copies ("x.xlsx", "x (2).xlsx", "x (10).xlsx").

    by_own_time: by when they were last changed, as in an illustrative home; else by when they came into the inbox.
    """
    if by_own_time:
        return sorted(files, key=lambda w: (w.stat.st_mtime_ns, w.path.as_posix()))
    groups: list[list[Waiting]] = []
    for w in sorted(files, key=lambda w: w.stat.st_ctime_ns):
        if groups and w.stat.st_ctime_ns - groups[-1][-1].stat.st_ctime_ns < _TOGETHER:
            groups[-1].append(w)
        else:
            groups.append([w])
    return [w for group in groups for w in sorted(group, key=lambda w: (w.folder, *_as_numbered(w.path.stem)))]


def _as_numbered(stem: str) -> tuple[list[tuple[int, str]], int, str]:
    """A name without its mark of a copy, its numbers as numbers; then which copy it is."""
    copy = _COPY.search(stem)
    base = stem[: copy.start()] if copy else stem
    parts = [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in re.split(r"(\d+)", base)]
    return parts, int(copy[1] or copy[2] or 1) if copy else 0, stem


def receive(home: Home, ledger: Ledger) -> int:
    """Take every waiting file that is finished into archive and ledger. Returns how many were entered.

    A file still being written or locked by its writer stays in the inbox for the next run.
    """
    if not home.inbox.exists():
        _log.warning("there was no inbox: %s is made", home.inbox)
        make_folder(home.inbox)
    entered = {(e["folder"], e["name"], e["identity"]) for e in ledger.of("received")}
    new: list[Waiting] = []
    done: list[Waiting] = []
    for w in _finished(waiting(home)):
        (done if entered_as(w) in entered else new).append(w)
    new = in_order(new, by_own_time=ledger.illustrative is not None)
    taken = [(w, entry) for w in new for entry in [_archive(home, w)] if w.is_unchanged]
    _stamp(ledger, taken)
    ledger.append(entry for _, entry in taken)
    for w in (*done, *(w for w, _ in taken)):
        if w.is_unchanged:  # changed while we were copying: leave it for the next run
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
    make_folder(home.archive)
    temporary = home.archive / f"incoming-{platform.node()}.new"  # two machines never write into one file
    digest = hashlib.sha256()
    with w.path.open("rb") as source, temporary.open("wb") as copy:
        while block := source.read(1 << 20):
            digest.update(block)
            copy.write(block)
    sha256 = digest.hexdigest()
    place = archived(home, sha256)
    make_folder(place.parent)
    swap_in(temporary, place)
    return {
        "event": "received",
        "sha256": sha256,
        "size": w.stat.st_size,
        "folder": _printable(w.folder),
        "name": _printable(w.path.name),
        "identity": w.identity,
    }


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
    batch = len(ledger.entries) + 1
    for w, entry in taken:
        at = datetime.fromtimestamp(int(w.stat.st_mtime), VIETNAM) if illustrative else now
        last = max(at, last + timedelta(microseconds=1))
        seen[entry["sha256"]] += 1
        entry["received_at"] = last.isoformat(timespec="microseconds")
        entry["batch"] = batch
        entry["submission_id"] = f"{_stem(ledger.site, entry['sha256'])}-{seen[entry['sha256']]}"


def _stem(site: str | None, sha256: str) -> str:
    """What the ids of a file's submissions begin with: where several places receive, each gives the same bytes ids of
    its own."""
    return (hashlib.sha256(f"{site} {sha256}".encode()).hexdigest() if site else sha256)[:12]


def receipts(
    received: Sequence[dict[str, Any]],
    communes: Iterable[str],
    agencies: Mapping[str, str],
    times: Sequence[datetime] = (),
) -> list[dict[str, Any]]:
    """The ledger's entries of received files as rows of raw.receipt.

    The folder says who sends: '<commune code>-<anything>/<agency code>', or one below it. Codes that are not registered
    are None. agencies: the codes registered, by those that folders may have: a successor's by its predecessors' too.
    A file whose content the same folder has sent before is a duplicate of the first. times: when each counts as
    received, where that is not as entered.
    """
    known_communes = set(communes)
    first: dict[tuple[str, str], str] = {}
    rows = []
    for entry, at in zip(received, times or (e["received_at"] for e in received), strict=True):
        parts = entry["folder"].split("/")
        commune = parts[0].split("-")[0]
        agency = parts[1] if len(parts) > 1 else ""
        key = (entry["folder"], entry["sha256"])
        rows.append(
            {
                "submission_id": entry["submission_id"],
                "ledger_sequence": entry["sequence"],
                "batch": entry.get("batch", entry["sequence"]),
                "sha256": entry["sha256"],
                "original_name": clean(entry["name"]),
                "folder": entry["folder"],
                "commune_code": commune if commune in known_communes else None,
                "agency_code": agencies.get(agency),
                "received_at": (at if isinstance(at, str) else at.isoformat(timespec="microseconds"))[:26],
                "size_bytes": entry["size"],
                "duplicate_of": first.get(key),
                "place": entry.get("place"),
            }
        )
        first.setdefault(key, entry["submission_id"])
    return rows
