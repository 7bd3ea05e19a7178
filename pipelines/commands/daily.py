"""Running the day: run, rebuild, status, serve, and the illustrative inbox. What a run does is flow.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import click

from pipelines.commands import EXIT_BUSY, EXIT_ERRORS, alone
from pipelines.home import PROJECT, Home, current_home
from pipelines.upkeep.dagster_settings import SettingsError, use_dagster_home


@click.command()
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Run as if it were this day (default: today in Vietnam).",
)
@click.option("--force", is_flag=True, help="With --day: even a day ahead of the clock or far ahead of the last.")
def run(day: datetime | None, force: bool) -> None:
    """Take the inbox, check it, build, publish and export: everything, once.

    A bad submission does not fail the run; it becomes rejections and feedback.
    """
    home = current_home()
    if force and not day:
        raise click.UsageError("--force goes with --day")
    if day:
        if not force:
            _believe(home, day.date())
        os.environ["KPI57_DAY"] = f"{day:%Y-%m-%d}"
    home = current_home()
    try:
        use_dagster_home(home)
        with alone(home):  # said before seconds of imports
            pass
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        from pipelines.upkeep.error_advice import what_to_do

        raise click.ClickException(f"{error}. {what_to_do(f'{type(error).__name__}: {error}')}") from None
    from dagster import DagsterInstance

    from pipelines.definitions import defs
    from pipelines.upkeep.run_end import BY_COMMAND, conclude
    from pipelines.warehouse.database import BusyError

    click.echo(f"kpi57 run in {home.root}", err=True)
    with DagsterInstance.get() as instance:
        job = defs.resolve_job_def("daily")
        result = job.execute_in_process(instance=instance, raise_on_error=False, tags=BY_COMMAND)
        ended = conclude(home, instance, result.run_id)
    for line in ended["alerts"]:
        click.echo(f"kpi57: alert {line}", err=True)
    for fault in ended["failed"]:
        click.echo(f"kpi57: {fault['step']} failed: {fault['error']}", err=True)
        click.echo(f"       {fault['what_to_do']}", err=True)
    if any(fault["kind"] == BusyError.__name__ for fault in ended["failed"]):  # both began at once
        sys.exit(EXIT_BUSY)
    if not result.success:
        click.echo("kpi57: the run failed; what is published is unchanged. Fix the cause and run again.", err=True)
        sys.exit(EXIT_ERRORS)
    from pipelines.upkeep.status_report import as_of_day, run_report

    click.echo(run_report(home))
    if day and as_of_day(home) != day.date():
        click.echo(f"kpi57: {day:%Y-%m-%d} is before the as-of date, which never goes back", err=True)


def _believe(home: Home, day: date) -> None:
    """Refuse a day that is likely a slip: a day once come to stays, until it is undone by name and reason."""
    from pipelines.intake.ledger import VIETNAM, Ledger

    if day > (today := datetime.now(VIETNAM).date()):
        fault = f"that is after today, {today}. A day never goes back: if it is meant, add --force"
    else:
        fault = Ledger(home).doubt(day)
    if fault:
        raise click.ClickException(f"--day {day}: {fault}")


@click.command("undo-day")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
@click.option("--by", required=True, help="Who; kept in the ledger.")
def undo_day(day: datetime, reason: str, by: str) -> None:
    """Take back a day that was set by mistake, with --day or by a wrong clock.

    The as-of date is again the last day before it. Files that came on it count as received just after those before.
    """
    from pipelines.intake import acts
    from pipelines.intake.ledger import Ledger

    home = current_home()
    try:
        with alone(home):
            acts.undo_day(Ledger(home), day.date(), reason, by)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{day:%Y-%m-%d} undone by {by}: {reason}. Next: kpi57 run")


@click.command()
def status() -> None:
    """What the published warehouse says: rows, reconciliation, who has not reported, where the results are."""
    from pipelines.upkeep.status_report import run_report

    try:
        click.echo(run_report(current_home()))
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.option("--port", default=3057, show_default=True, help="Port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; the page asks no password.")
def serve(port: int, host: str) -> None:
    """Dagster's web page, schedule and sensor, on loopback unless told otherwise, until stopped."""
    home = current_home()
    try:
        use_dagster_home(home)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    os.environ["KPI57_HOME"] = str(home.root)  # what is started here works elsewhere, and in this home
    workspace = ["-w", str(PROJECT / "workspace.yaml")]
    beside = Path(sys.executable).parent
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped by a service manager as by Ctrl+C
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        click.echo(f"kpi57: everyone who reaches {host} can start and stop runs: the page asks no password", err=True)
    daemon = subprocess.Popen([beside / "dagster-daemon", "run", *workspace], cwd=PROJECT)
    page = subprocess.Popen([beside / "dagster-webserver", "-h", host, "-p", str(port), *workspace], cwd=PROJECT)
    click.echo(f"http://{host}:{port} (Ctrl+C to stop)", err=True)
    try:
        while page.poll() is None and daemon.poll() is None:
            time.sleep(1)
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
        return
    finally:
        for process in (page, daemon):
            process.terminate()
            process.wait()
    click.echo("kpi57: the page or the schedule ended by itself; its output is above", err=True)
    sys.exit(EXIT_ERRORS)


@click.command()
@click.option("--unless-used", is_flag=True, help="Do nothing where the home has received files already.")
def demo(unless_used: bool) -> None:
    """Fill an empty inbox with illustrative workbooks of the agencies of all communes with plans.

    The home is marked illustrative for good: everything made from it says so. Where KPI57_PLACES names places, the
    communes are split between them.
    """
    from pipelines.demo import fill_inbox, fill_inboxes
    from pipelines.intake.ledger import Ledger
    from pipelines.intake.places import places
    from pipelines.intake.receive import waiting
    from pipelines.registry import registry

    home = current_home()
    if home.places and not (home.places.is_dir() and places(home)):
        raise click.ClickException(f"there is no place in {home.places}: make a folder for each, named like it")
    with ExitStack() as held:
        homes = places(home) or [home]
        for one in homes:
            held.enter_context(alone(one))
        if unless_used and any(Ledger(one).entries or waiting(one) for one in homes):
            click.echo("this home has received files already: no illustrative workbooks are made")
            return
        try:
            if home.places:
                made = fill_inboxes(homes, registry.load())
            else:
                made = fill_inbox(home, registry.load(), Ledger(home))
        except ValueError as error:
            raise click.ClickException(str(error)) from None
    inboxes = ", ".join(one.shown(one.inbox) if one is home else str(one.inbox) for one in homes)
    then = "a run of each place, then of the builder" if home.places else "kpi57 run"
    click.echo(f"{made} illustrative workbooks are in {inboxes}. Next: {then}")
