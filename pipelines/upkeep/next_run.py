"""Whether the daemon should start a run now, because files wait or the last run did not end well.

What a run does is flow.py; the sensor that asks is definitions.py.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.home import Home
from pipelines.intake import receive
from pipelines.intake.ledger import Ledger, LedgerError
from pipelines.intake.receive import Waiting, entered_as, waiting
from pipelines.warehouse.database import BusyError, run_lock

if TYPE_CHECKING:
    from dagster._core.storage.dagster_run import RunRecord

JOB = "daily"
LEAST_FREE = 64 * 1024**2  # bytes without which a run cannot even begin
STARTING_SECONDS = 120  # how long a run may be at work without holding the home: its imports
AGAIN_AFTER_FAILURE, AGAIN_AFTER_SUCCESS = 60, 600  # seconds; a run that ended well may leave files it cannot take
_AT_WORK = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
_ASKED = [*_AT_WORK, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
_UNDONE = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def next_run(instance: dg.DagsterInstance, home: Home) -> dg.RunRequest | dg.SkipReason:
    """A request for a run, or why there is none now. A request's key names the files and the run before: what was asked
    for once is asked for again where that run is over and the files still wait."""
    try:
        with run_lock(home):
            pass
    except BusyError as busy:
        return dg.SkipReason(str(busy))
    _bury(instance)
    if instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=_ASKED), limit=1):
        return dg.SkipReason("a run is asked for already")
    last = next(iter(instance.get_run_records(dg.RunsFilter(job_name=JOB), limit=1)), None)
    undone = last is not None and last.dagster_run.status in _UNDONE
    files = _takeable(home)
    if not files and not undone:
        return dg.SkipReason("no files wait in the inbox")
    if last and (seconds := _too_soon(last, files, undone)):
        return dg.SkipReason(f"the last run has just ended; again in {seconds:.0f} s")
    if shutil.disk_usage(home.warehouse).free < LEAST_FREE:
        return dg.SkipReason("the disk is full: free space")
    seen = [f"{w.path}:{w.identity}:{w.stat.st_size}" for w in files] + [last.dagster_run.run_id if last else ""]
    return dg.RunRequest(run_key=hashlib.sha256("\n".join(seen).encode()).hexdigest())


def _bury(instance: dg.DagsterInstance) -> None:
    """Note that runs are over whose process was killed: the home is not held, and they are not just starting."""
    for record in instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=_AT_WORK)):
        begun = record.start_time or record.create_timestamp.timestamp()
        if time.time() - begun > STARTING_SECONDS:
            instance.report_run_failed(record.dagster_run, "it was killed: nothing holds the home")


def _takeable(home: Home) -> list[Waiting]:
    """The files a run can take now: not being written, to be opened, and not entered already."""
    try:
        entered = {(e["folder"], e["name"], e["identity"]) for e in Ledger(home).of("received")}
    except LedgerError:
        entered = set()  # the run says it
    files = []
    for w in waiting(home):
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
