"""A machine that does the work of places for the builder. What it is given to do is many_machines.py."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import click

from pipelines.home import PROJECT, current_home


@click.command()
@click.argument("places", nargs=-1, metavar="[PLACE]...")
@click.option("--builder", is_flag=True, help="Also the builder's own runs: on its machine, where its home is.")
@click.option("--at-once", default=1, show_default=True, help="So many runs beside each other.")
def worker(places: tuple[str, ...], builder: bool, at_once: int) -> None:
    """Work for the builder's Dagster: take the runs of these places from the queue, until stopped.

    Needs KPI57_EXECUTOR=celery and the builder's KPI57_PLACES and KPI57_DAGSTER_POSTGRES.
    """
    from pipelines.upkeep.dagster_settings import CELERY, EXECUTOR, SettingsError, executor, queue, use_dagster_home

    if not places and not builder:
        raise click.UsageError("name places, or --builder")
    home = current_home()
    try:
        if executor() != CELERY:
            raise SettingsError(f"a worker needs {EXECUTOR}={CELERY}")
        if find_spec("dagster_celery") is None:
            raise SettingsError("a worker needs Celery, which is not installed: make .venv/places.done")
        use_dagster_home(home)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    os.environ["KPI57_HOME"] = str(home.root)  # what is started here works elsewhere, and in this home
    from dagster import DagsterInstance

    from pipelines.upkeep.next_run import bury_of_worker

    with DagsterInstance.get() as instance:
        for run_id in bury_of_worker(instance, places):
            click.echo(f"run {run_id} was not finished by the worker before; the builder asks for it again", err=True)
    queues = [queue(place) for place in places] + ([queue(None)] if builder else [])
    _declare(queues)
    celery = Path(sys.executable).parent / "celery"
    name = f"{'-'.join(places) or 'builder'}@{platform.node()}"
    words = [celery, "-A", "pipelines.upkeep.celery_worker", "worker", "-Q", ",".join(queues), "-n", name,
             "--concurrency", at_once, "--prefetch-multiplier", 1,
             "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]  # fmt: skip
    click.echo(f"kpi57 worker in {home.root} for {', '.join(queues)}", err=True)
    os.chdir(PROJECT)
    os.execv(celery, [str(word) for word in words])


def _declare(queues: list[str]) -> None:
    """Make the queues. In PostgreSQL their tables are made without a lock, and of workers that begin at once all but
    one would end: they try again."""
    from sqlalchemy.exc import DBAPIError

    from pipelines.upkeep.celery_worker import app

    for tries_left in reversed(range(5)):
        try:
            with app.connection_for_write() as connection:
                for name in queues:
                    connection.default_channel.queue_declare(name)
        except DBAPIError:
            if not tries_left:
                raise
            time.sleep(1)
        else:
            return
