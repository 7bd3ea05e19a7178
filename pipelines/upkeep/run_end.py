"""The end of a run, from Dagster's run history: what failed, the summary, who is told, what is thrown away.

'kpi57 run' and the schedule both end here. What the steps of a run are is in assets.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.home import Home
from pipelines.upkeep import summary
from pipelines.upkeep.alerts import tell
from pipelines.upkeep.retention import tidy

if TYPE_CHECKING:
    from dagster import DagsterInstance

BY_COMMAND = {"kpi57/by": "kpi57 run"}  # tells runs that end in the command from those the daemon ends


@contextmanager
def held_open(instance: DagsterInstance | None, run_id: str | None = None) -> Iterator[None]:
    """Keep a connection to the run history's files open meanwhile.

    Dagster opens and closes one for each of some 700 events, and whoever is the last to close brings the file to disk
    each time: a quarter of a day with nothing new.
    """
    storage = instance.event_log_storage if instance else None
    place = getattr(storage, "path_for_shard", None)  # a history in memory has no files
    files = [Path(place(shard)) for shard in ("index", run_id) if shard] if place else []
    with ExitStack() as open_files:
        for file in files:
            if file.exists():
                con = open_files.enter_context(closing(sqlite3.connect(file)))
                con.execute("SELECT count(*) FROM sqlite_master").fetchall()
        if files:
            open_files.enter_context(_engines_kept())
        yield


@contextmanager
def _engines_kept() -> Iterator[None]:
    """Let Dagster's run history keep its SQLAlchemy engines meanwhile.

    It makes one for each of some 2,000 statements, each writing the same SQL anew: a sixth of a day with nothing new.
    """
    from dagster._core.storage.event_log.sqlite import sqlite_event_log as events

    make: Any = getattr(events, "create_engine")  # noqa: B009 - not exported
    made: dict[str, Any] = {}

    def kept(url: str, **settings: Any) -> Any:
        if url not in made:
            made[url] = make(url, **settings)
        return made[url]

    setattr(events, "create_engine", kept)  # noqa: B010
    try:
        yield
    finally:
        setattr(events, "create_engine", make)  # noqa: B010


def conclude(home: Home, instance: DagsterInstance, run_id: str) -> dict[str, Any]:
    """Write the run's summary, tell people, throw away what is old. Returns the summary; never fails the run."""
    ended = summary.end(home, run_id, failures(instance, run_id))
    ended["alerts"] = tell(home, ended)
    ended["thrown_away"] = tidy(home, instance)
    summary.complete(home, ended)
    return ended


def failures(instance: DagsterInstance, run_id: str) -> list[tuple[str, str]]:
    """Step and error of every step of a run that failed; of the run itself where no step did."""
    from dagster import DagsterEventType as Kind

    steps, whole = [], []
    for entry in instance.all_logs(run_id, of_type={Kind.STEP_FAILURE, Kind.RUN_FAILURE}):
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure:
            steps.append((str(event.step_key).replace("__", "."), _cause(event.step_failure_data.error)))
        else:
            whole.append(("run", _cause(event.job_failure_data.error) if event.job_failure_data.error else "it failed"))
    return steps or whole


def _cause(error: Any) -> str:
    """What went wrong, without Dagster's words around it."""
    while error is not None and error.cause is not None:
        error = error.cause
    return str(error.message).strip() if error is not None else ""
