"""What Dagster loads: assembly only."""

from __future__ import annotations

import logging
import sys
from typing import Any

import dagster as dg

from pipelines.assets import ASSETS, Warehouse
from pipelines.home import current_home
from pipelines.upkeep.next_run import next_run
from pipelines.upkeep.run_end import BY_COMMAND, conclude

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.assets(*ASSETS) - dg.AssetSelection.assets("month_extract"),
    description="Everything: registry, inbox, checks, models, published copy, feedback, extracts.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {}}},
)

month_again = dg.define_asset_job(
    "month_again",
    selection=dg.AssetSelection.assets("month_extract"),
    description="The bundles of a month, made again from what is published.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {}}},
)

every_morning = dg.ScheduleDefinition(
    name="every_morning",
    job=daily,
    cron_schedule="0 6 * * *",
    execution_timezone="Asia/Ho_Chi_Minh",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="06:00 in Vietnam.",
)


@dg.sensor(job=daily, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def new_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start a run when files wait in the inbox, or when the last run did not end well: within two minutes after what
    kept it from its work is gone."""
    return next_run(context.instance, current_home())


def _concluding(status: dg.DagsterRunStatus, name: str) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status, name=name, monitored_jobs=[daily], default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes the summary of a run the schedule or the page started, tells people, tidies up.",
    )  # fmt: skip
    def concluded(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        if BY_COMMAND.items() <= run.tags.items():
            return dg.SkipReason("'kpi57 run' has done it")
        for line in conclude(current_home(), context.instance, run.run_id)["alerts"]:
            context.log.info(f"alert {line}")
        return None

    return concluded


after_success = _concluding(dg.DagsterRunStatus.SUCCESS, "after_success")
after_failure = _concluding(dg.DagsterRunStatus.FAILURE, "after_failure")


@dg.logger
def steps(context: dg.InitLoggerContext) -> logging.Logger:
    """Only what an operator needs to see: a step done with its rows, warnings and errors."""

    class OneLine(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = getattr(record, "dagster_meta", {}).get("dagster_event")
            if record.levelno >= logging.WARNING and not event:
                print(f"  {record.getMessage()}", file=sys.stderr, flush=True)
            elif event and event.event_type_value == "STEP_SUCCESS":
                seconds = event.event_specific_data.duration_ms / 1000
                print(f"  {event.step_key.replace('__', '.'):<34} {seconds:5.1f} s", file=sys.stderr, flush=True)

    logger = logging.getLogger("kpi57.steps")
    logger.handlers = [OneLine()]
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    return logger


def _of_places() -> dict[str, list[Any]]:
    """The runs of places, on the builder's machines alone."""
    if current_home().places is None:
        return {"assets": [], "jobs": [], "schedules": [], "sensors": []}
    from pipelines.many_machines import of_places

    return of_places(current_home())


_PLACES = _of_places()

defs = dg.Definitions(
    assets=[*ASSETS, *_PLACES["assets"]],
    jobs=[daily, month_again, *_PLACES["jobs"]],
    schedules=[every_morning, *_PLACES["schedules"]],
    sensors=[new_files, after_success, after_failure, *_PLACES["sensors"]],
    resources={"warehouse": Warehouse()},
    executor=dg.in_process_executor,
    loggers={"console": steps},
)
