"""The end of a run, from Dagster's run history: what failed, the summary, who is told, what is deleted.

'kpi57 run' and the schedule both end here. What the steps of a run are is in assets.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.home import Home
from pipelines.upkeep import summary
from pipelines.upkeep.alerts import tell
from pipelines.upkeep.retention import IDLE, tidy
from pipelines.upkeep.summary import Failure

if TYPE_CHECKING:
    from dagster import DagsterInstance

BY_COMMAND = {"kpi57/by": "kpi57 run"}  # tells runs that end in the command from those the daemon ends


def conclude(home: Home, instance: DagsterInstance, run_id: str) -> dict[str, Any]:
    """Write the run's summary, tell people, delete what is old. Returns the summary; never fails the run."""
    ended = _told(home, summary.end(home, run_id, failures(instance, run_id)))
    if not ended["received"] or ended["failed"]:
        instance.add_run_tags(run_id, {IDLE: "true"})
    ended["thrown_away"] = tidy(home, instance)
    summary.complete(home, ended)
    return ended


def conclude_place(home: Home, run_id: str, failed: list[Failure]) -> None:
    """The same for a run of a place, whose history is the builder's: write its summary, tell people."""
    summary.complete(home, _told(home, summary.end(home, run_id, failed)))


def _told(home: Home, ended: dict[str, Any]) -> dict[str, Any]:
    told = tell(home, ended)
    ended["alerts"] = [one.line for one in told]
    ended["alerts_not_sent"] = [one.line for one in told if not one.is_sent]
    return ended


def failures(instance: DagsterInstance, run_id: str) -> list[Failure]:
    """Every step of a run that failed; the run itself where no step did."""
    from dagster import DagsterEventType as Kind

    steps, whole = [], []
    for entry in instance.all_logs(run_id, of_type={Kind.STEP_FAILURE, Kind.RUN_FAILURE}):
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure:
            steps.append(_failure(str(event.step_key).replace("__", "."), event.step_failure_data.error))
        else:
            whole.append(_failure("run", event.job_failure_data.error))
    return steps or whole


def _failure(step: str, error: Any) -> Failure:
    """What went wrong, without Dagster's words around it."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return Failure(step, "it failed", "")
    return Failure(step, str(error.message).strip(), str(error.cls_name or ""))
