"""Whether the daemon should start a run now, because files wait or the last run did not end well.

What a run does is flow.py; the sensor that asks is definitions.py.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG

from pipelines.files import read_json
from pipelines.home import Home
from pipelines.intake import receive
from pipelines.intake.ledger import Ledger, LedgerError
from pipelines.intake.places import places
from pipelines.intake.receive import Waiting, entered_as, waiting
from pipelines.shared_ledger import UnreachableError, shared_ledger
from pipelines.upkeep.dagster_settings import IN_PROCESS, executor
from pipelines.warehouse.database import BusyError, run_lock

if TYPE_CHECKING:
    from dagster._core.storage.dagster_run import RunRecord

JOB, PLACE_JOB = "daily", "place_run"
LEAST_FREE = 64 * 1024**2  # bytes without which a run cannot even begin
STARTING_SECONDS = 120  # how long a run may be at work without holding the home: its imports
AGAIN_AFTER_FAILURE, AGAIN_AFTER_SUCCESS = 60, 600  # seconds; a run that ended well may leave files it cannot take
PATIENCE_SECONDS = 3600  # how long the builder waits for places at work since its last run
_AT_WORK = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
_BEGUN = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]  # taken from the queue by a worker
_KILLED = "it was killed: nothing holds the home"
_ASKED = [*_AT_WORK, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
_UNDONE = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def next_run(instance: dg.DagsterInstance, home: Home) -> dg.RunRequest | dg.SkipReason:
    """A request for a run, or why there is none now. A request's key names the files and the run before: what was asked
    for once is asked for again where that run is over and the files still wait."""
    try:
        with run_lock(home):
            pass
        news = _joinable(home)
    except (BusyError, UnreachableError) as busy:
        return dg.SkipReason(str(busy))
    _bury(instance)
    if instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=_ASKED), limit=1):
        return dg.SkipReason("a run is asked for already")
    last = next(iter(instance.get_run_records(dg.RunsFilter(job_name=JOB), limit=1)), None)
    undone = last is not None and last.dagster_run.status in _UNDONE
    files = [] if home.places else _takeable(home)
    if not files and not news and not undone:
        return dg.SkipReason("no place has something new" if home.places else "no files wait in the inbox")
    if last and (seconds := _too_soon(last, files, undone)):
        return dg.SkipReason(f"the last run has just ended; again in {seconds:.0f} s")
    if news and not undone and _places_at_work(instance, home, last):
        return dg.SkipReason("places are at work, or to be asked again: what they say is joined after that")
    if shutil.disk_usage(home.warehouse).free < LEAST_FREE:
        return dg.SkipReason("the disk is full: free space")
    if news and not undone:  # once: what waits at a place for another version is not asked for again and again
        return dg.RunRequest(run_key="\n".join(news))
    return dg.RunRequest(run_key=_key(files, last))


def _places_at_work(instance: dg.DagsterInstance, home: Home, last: RunRecord | None) -> bool:
    """Whether to wait for places that are at work, or to be asked: not every one of them has a run of the builder."""
    first = next(iter(instance.get_run_records(dg.RunsFilter(job_name=PLACE_JOB), limit=1, ascending=True)), None)
    since = last.end_time if last else first.create_timestamp.timestamp() if first else None
    if since is not None and time.time() - since > PATIENCE_SECONDS:
        return False
    if instance.get_runs(dg.RunsFilter(job_name=PLACE_JOB, statuses=_ASKED), limit=1):
        return True
    newest = [_last_of_place(instance, str(place.place)) for place in places(home)]
    if any(one is not None and one.dagster_run.status in _UNDONE for one in newest):
        return True
    return any(waiting(place) for place in places(home))


def _last_of_place(instance: dg.DagsterInstance, name: str) -> RunRecord | None:
    runs = dg.RunsFilter(job_name=PLACE_JOB, tags={PARTITION_NAME_TAG: name})
    return next(iter(instance.get_run_records(runs, limit=1)), None)


def _joinable(home: Home) -> list[str]:
    """The places whose ledgers say more than was joined here."""
    noted = read_json(home.joined)
    news = []
    for place in places(home):
        shared = shared_ledger(place.place)
        entries, head = shared.newest() if shared else Ledger(place).head
        if entries and head != noted.get(str(place.place), {}).get("head"):
            news.append(f"{place.place} {entries} {head}")
    return news


def next_runs_of_places(instance: dg.DagsterInstance, homes: Iterable[Home]) -> list[dg.RunRequest]:
    """A request for a run of each place where files wait or whose last run did not end well, and that is not asked for
    already, wherever it is worked for."""
    by_name = {str(home.place): home for home in homes}
    _bury_of_places(instance, by_name)
    asked = instance.get_runs(dg.RunsFilter(job_name=PLACE_JOB, statuses=_ASKED))
    busy = {run.tags.get(PARTITION_NAME_TAG) for run in asked}
    requests = []
    for name in sorted(by_name.keys() - busy):
        last = _last_of_place(instance, name)
        undone = last is not None and last.dagster_run.status in _UNDONE
        files = _takeable(by_name[name])
        if (files or undone) and not (last and _too_soon(last, files, undone)):
            requests.append(dg.RunRequest(run_key=f"{name} {_key(files, last)}", partition_key=name))
    return requests


def _key(files: list[Waiting], last: RunRecord | None) -> str:
    seen = [f"{w.path}:{w.identity}:{w.stat.st_size}" for w in files] + [last.dagster_run.run_id if last else ""]
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()


def _bury(instance: dg.DagsterInstance) -> None:
    """Note that runs are over whose process was killed: the home is not held, and they are not just starting."""
    statuses = _AT_WORK if executor() == IN_PROCESS else _BEGUN  # elsewhere a run may wait for its machine
    for record in instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=statuses)):
        if _has_begun(record):
            instance.report_run_failed(record.dagster_run, _KILLED)


def _bury_of_places(instance: dg.DagsterInstance, homes: Mapping[str, Home]) -> None:
    """The same of runs of places, where it can be seen from here whether one is held: those of this machine, and those
    whose ledger is in PostgreSQL, which knows. Others are ended by Dagster's monitoring or a worker that starts."""
    is_here = executor() == IN_PROCESS
    statuses = _AT_WORK if is_here else _BEGUN
    for record in instance.get_run_records(dg.RunsFilter(job_name=PLACE_JOB, statuses=statuses)):
        home = homes.get(record.dagster_run.tags.get(PARTITION_NAME_TAG, ""))
        if home is None or not _has_begun(record) or not (is_here or shared_ledger(home.place)):
            continue
        with suppress(BusyError, UnreachableError), run_lock(home):
            instance.report_run_failed(record.dagster_run, _KILLED)


def bury_of_worker(instance: dg.DagsterInstance, names: Iterable[str]) -> list[str]:
    """Note that the runs of these places are over: their only worker is just starting, here or in place of a machine
    that is lost. Returns the runs' ids."""
    found = [run for name in names for run in instance.get_runs(
        dg.RunsFilter(job_name=PLACE_JOB, tags={PARTITION_NAME_TAG: name}, statuses=_BEGUN))]  # fmt: skip
    for run in found:
        instance.report_run_failed(run, "its worker was lost: another has begun to work for the place")
    return [run.run_id for run in found]


def _has_begun(record: RunRecord) -> bool:
    begun = record.start_time or record.create_timestamp.timestamp()
    return time.time() - begun > STARTING_SECONDS


def _takeable(home: Home) -> list[Waiting]:
    """The files a run can take now: not being written, to be opened, and not entered already."""
    there = waiting(home)
    if not there:
        return []
    try:
        entered = {(e["folder"], e["name"], e["identity"]) for e in Ledger(home).of("received")}
    except LedgerError:
        entered = set()  # the run says it
    files = []
    for w in there:
        try:
            with w.path.open("rb"):
                pass
        except OSError:
            continue
        if time.time() - w.stat.st_ctime > receive.QUIET_SECONDS and entered_as(w) not in entered:
            files.append(w)
    return files


def _too_soon(last: RunRecord, files: list[Waiting], undone: bool) -> float:
    """Seconds to wait after the last run: a while where it failed, longer where it ended well and left these files."""
    if last.end_time is None or last.start_time is None:
        return 0
    since = time.time() - last.end_time
    if undone:
        return max(AGAIN_AFTER_FAILURE - since, 0)
    were_there = all(w.stat.st_ctime < last.start_time for w in files)
    return max(AGAIN_AFTER_SUCCESS - since, 0) if were_there else 0
