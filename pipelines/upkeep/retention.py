"""What is deleted after a run: old run history and summaries. How long bundles stay that were replaced and never handed
over; a run removes them as it makes others (flow.remove_superseded).

Archive, ledger and feedback are never touched; they do not belong here. The published copy is one file, each replacing
the last, so there are no old ones to keep.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.home import Home
from pipelines.intake.ledger import VIETNAM

if TYPE_CHECKING:
    from dagster import DagsterInstance

HISTORY_DAYS = 90  # Dagster's runs with their events and logs
HISTORY_LEAST = 30  # so many runs stay however old they are
IDLE = "kpi57/idle"  # tag of a run that took no file or failed
IDLE_KEPT = 3
SUMMARY_DAYS = 400
BUNDLE_DAYS = 7  # after it was replaced: long enough to note that it was handed over after all
_AT_ONCE = 100


def tidy(home: Home, instance: DagsterInstance) -> dict[str, int]:
    """Delete what is old. Returns how many of each."""
    runs = _idle_runs(home, instance) + _old_runs(home, instance)
    _remove_emptied(home, instance)
    return {"runs": runs, "summaries": _old_summaries(home)}


def _idle_runs(home: Home, instance: DagsterInstance) -> int:
    """Runs that took no file or failed, but for the last few: a day with nothing new is not worth its history, and a
    cause that lasts all night is not worth it every two minutes."""
    from dagster import RunsFilter

    idle = instance.get_runs(RunsFilter(tags={IDLE: "true"}), limit=_AT_ONCE)
    return _throw_away(home, instance, [run.run_id for run in idle[IDLE_KEPT:] if run.is_finished])


def _throw_away(home: Home, instance: DagsterInstance, run_ids: list[str]) -> int:
    for run_id in run_ids:
        instance.delete_run(run_id)
        shutil.rmtree(home.dagster / "storage" / run_id, ignore_errors=True)
    return len(run_ids)


def _remove_emptied(home: Home, instance: DagsterInstance) -> None:
    """Of a run that is deleted Dagster empties the file of its events, and leaves the file as large as it was. One that
    was written to lately is left alone: another process may just have begun its run."""
    before = datetime.now(VIETNAM).timestamp() - 3600
    files = [path for path in (home.dagster / "history" / "runs").glob("*-*.db") if path.stat().st_mtime < before]
    known = set(instance.get_run_ids()) if files else set()
    for path in files:
        if path.stem not in known:
            with suppress(PermissionError):  # on Windows, of a file somebody has open: the next run removes it
                path.unlink()


def tidy_local(home: Home) -> None:
    """Delete what old runs printed on this machine, whose history another keeps."""
    before = (datetime.now(VIETNAM) - timedelta(days=HISTORY_DAYS)).timestamp()
    for folder in (home.dagster / "storage").glob("*"):
        if folder.is_dir() and folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)


def _old_runs(home: Home, instance: DagsterInstance) -> int:
    from dagster import RunsFilter

    before = datetime.now(VIETNAM) - timedelta(days=HISTORY_DAYS)
    old = instance.get_runs(RunsFilter(created_before=before), limit=_AT_ONCE)
    if not old:
        return 0
    kept = {run.run_id for run in instance.get_runs(limit=HISTORY_LEAST)}
    return _throw_away(home, instance, [run.run_id for run in old if run.run_id not in kept and run.is_finished])


def _old_summaries(home: Home) -> int:
    before = (datetime.now(VIETNAM) - timedelta(days=SUMMARY_DAYS)).timestamp()
    old = [path for path in home.runs.glob("*.json") if path.stat().st_mtime < before]
    for path in old:
        path.unlink()
    return len(old)
