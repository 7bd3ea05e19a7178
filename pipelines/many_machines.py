"""Runs of places as Dagster sees them, where KPI57_PLACES names a folder of them: a partition a place, and a step that
is a whole run of it. The builder's own run is the job 'daily', as everywhere; the work is in flow.py.

A run of a place is executed where KPI57_EXECUTOR says (upkeep/dagster_settings.py): a run, never a step, is what goes
to another machine.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from pipelines import flow
from pipelines.home import Home, current_home
from pipelines.intake.places import places
from pipelines.upkeep.dagster_settings import queue
from pipelines.upkeep.next_run import PLACE_JOB, next_runs_of_places
from pipelines.upkeep.retention import tidy_local
from pipelines.upkeep.run_end import conclude_place
from pipelines.upkeep.summary import Failure

OWNERS = ["team:operators"]


def of_places(builder: Home) -> dict[str, list[Any]]:
    """The asset 'place' with its job, its schedule and its sensor."""
    names = [str(home.place) for home in places(builder)]
    partitions = dg.StaticPartitionsDefinition(names)

    @dg.asset(partitions_def=partitions, group_name="places", owners=OWNERS)
    def place() -> dg.MaterializeResult[None]:
        """A whole run of a place: its inbox, verdicts, models, published copy, answers, bundles and site."""
        context = dg.AssetExecutionContext.get()
        [home] = [home for home in places(current_home()) if home.place == context.partition_key]
        failed: list[Failure] = []
        try:
            flow.run_place(home, context.run_id)
        except Exception as error:
            failed.append(Failure("place", str(error), type(error).__name__))
            raise
        finally:
            conclude_place(home, context.run_id, failed)
        tidy_local(current_home())
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(home.root)})

    place_run = dg.define_asset_job(
        PLACE_JOB,
        selection=dg.AssetSelection.assets(place),
        partitions_def=partitions,
        config=dg.PartitionedConfig(
            partitions_def=partitions,
            run_config_for_partition_key_fn=lambda _: {"loggers": {"console": {}}},
            tags_for_partition_key_fn=lambda name: {"dagster-celery/queue": queue(name)},
        ),
        description="A whole run of a place.",
        executor_def=dg.in_process_executor,
    )

    @dg.schedule(
        name="places_each_morning", job=place_run, cron_schedule="0 5 * * *", execution_timezone="Asia/Ho_Chi_Minh",
        default_status=dg.DefaultScheduleStatus.RUNNING, description="05:00 in Vietnam, before the builder.",
    )  # fmt: skip
    def each_morning(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
        day = context.scheduled_execution_time.date()
        return [dg.RunRequest(run_key=f"{day} {name}", partition_key=name) for name in names]

    @dg.sensor(
        name="places_wait", job=place_run, minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )  # fmt: skip
    def places_wait(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Ask for a run of each place where files wait, or whose last run did not end well."""
        return dg.SensorResult(next_runs_of_places(context.instance, places(builder)))

    return {"assets": [place], "jobs": [place_run], "schedules": [each_morning], "sensors": [places_wait]}
