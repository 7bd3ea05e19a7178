"""The command line.

Words for the operator are English, findings for officers Vietnamese. Exit codes: 0 done, 1 a checked file has errors
or a run failed, 2 wrong use, 3 another run is at work. Heavy imports happen inside the commands; work does not belong
here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import click

from pipelines.home import PROJECT, SOURCES, Home, current_home

EXIT_ERRORS, EXIT_BUSY = 1, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kpi57")
def main() -> None:
    """kpi57: the KPI warehouse of Resolution 57-NQ/TW.

    KPI57_HOME names the folder that holds inbox and warehouse (default: the project folder).
    """


def _use_dagster_home(home: Home) -> None:
    """Point Dagster at the home's run history, with this project's settings."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT / "dagster.yaml", home.dagster / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "500")  # a commit for many events, not one for each


@main.command()
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Run as if it were this day (default: today in Vietnam).",
)
def run(day: datetime | None) -> None:
    """Take the inbox, check it, build, publish and export: everything, once.

    A bad submission does not fail the run; it becomes rejections and feedback.
    """
    if day:
        os.environ["KPI57_DAY"] = f"{day:%Y-%m-%d}"
    home = current_home()
    _use_dagster_home(home)
    from pipelines.warehouse import BusyError, run_lock

    try:
        with run_lock(home):
            pass
    except BusyError as busy:
        click.echo(f"kpi57: {busy}", err=True)
        sys.exit(EXIT_BUSY)
    from dagster import DagsterInstance

    from pipelines.definitions import defs

    click.echo(f"kpi57 run in {home.root}", err=True)
    with DagsterInstance.get() as instance:
        result = defs.resolve_job_def("daily").execute_in_process(instance=instance, raise_on_error=False)
    if not result.success:
        failed = [event for event in result.all_events if event.is_step_failure]
        for event in failed:
            error = event.step_failure_data.error
            cause = (error.cause or error) if error else None
            click.echo(f"kpi57: {event.step_key} failed: {cause.message.strip() if cause else ''}", err=True)
        click.echo("kpi57: the run failed; what is published is unchanged. Mend the cause and run again.", err=True)
        sys.exit(EXIT_ERRORS)
    from pipelines.report import run_report

    click.echo(run_report(home))


@main.command()
@click.option("--unless-used", is_flag=True, help="Do nothing where the home has received files already.")
def demo(unless_used: bool) -> None:
    """Fill an empty inbox with illustrative workbooks of the agencies of all communes with plans.

    The home is marked illustrative for good: everything made from it says so.
    """
    from pipelines import registry
    from pipelines.demo import fill_inbox
    from pipelines.receive import Ledger, waiting

    home = current_home()
    ledger = Ledger(home)
    if unless_used and (ledger.entries or waiting(home)):
        click.echo("this home has received files already: no illustrative workbooks are made")
        return
    try:
        made = fill_inbox(home, registry.load(), ledger)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{made} illustrative workbooks are in {home.shown(home.inbox)}. Next: kpi57 run")


@main.command()
@click.option("--commune", required=True, metavar="CODE", help="Commune code, for example 11164.")
@click.option("--agency", required=True, metavar="CODE", help="Agency code, for example CA.")
@click.option("--period", required=True, metavar="PERIOD", help="2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write (default: a name in this folder).")
def template(commune: str, agency: str, period: str, out: Path | None) -> None:
    """Write the workbook an agency fills in."""
    from pipelines import registry
    from pipelines.template import template_name, write_template

    try:
        known = registry.load()
        path = out or Path(template_name(known, commune, agency, period))
        write_template(known, commune, agency, period, path)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(str(path))


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--commune", metavar="CODE", help="Check as if sent by this commune (default: what the file states).")
@click.option("--agency", metavar="CODE", help="Check as if sent by this agency (default: what the file states).")
def check(file: Path, commune: str | None, agency: str | None) -> None:
    """Check one file before it is sent. Exits 1 if it has errors. Needs no warehouse."""
    from pipelines import registry
    from pipelines.feedback import findings_lines
    from pipelines.flow import check_file

    counts, findings = check_file(registry.load(), file, commune, agency)
    for line in findings_lines(findings):
        click.echo(line)
    errors = sum(finding["severity"] == "fail" for finding in findings)
    click.echo(
        f"{file.name}: {counts['read']} dòng, nhận {counts['accepted']}, từ chối {counts['rejected']}, "
        f"bỏ qua {counts['ignored']}; {errors} lỗi, {len(findings) - errors} lưu ý."
    )
    sys.exit(EXIT_ERRORS if errors else 0)


@main.command()
def status() -> None:
    """What the published warehouse says: rows, reconciliation, who has not reported, where things lie."""
    from pipelines.report import run_report

    try:
        click.echo(run_report(current_home()))
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option("--port", default=3057, show_default=True, help="Port on the loopback address.")
def serve(port: int) -> None:
    """Dagster's web page, schedule and sensor, on loopback, until stopped."""
    home = current_home()
    _use_dagster_home(home)
    workspace = ["-w", str(PROJECT / "workspace.yaml")]
    beside = Path(sys.executable).parent
    daemon = subprocess.Popen([beside / "dagster-daemon", "run", *workspace], cwd=PROJECT)
    page = subprocess.Popen([beside / "dagster-webserver", "-h", "127.0.0.1", "-p", str(port), *workspace], cwd=PROJECT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped by a service manager as by Ctrl+C
    click.echo(f"http://127.0.0.1:{port} (Ctrl+C to stop)", err=True)
    try:
        page.wait()
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
    finally:
        for process in (page, daemon):
            process.terminate()
            process.wait()


@main.command()
@click.argument("commune")
@click.argument("indicator")
@click.argument("period")
def trace(commune: str, indicator: str, period: str) -> None:
    """Where a figure comes from: kpi57 trace 11164 XHS-02 2026-10."""
    from pipelines.trace import trace as tell

    try:
        click.echo(tell(current_home(), commune, indicator, period))
    except (LookupError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None


def _act(event: str, period: str, reason: str, by: str) -> None:
    from pipelines import registry
    from pipelines.receive import Ledger, act_on_period
    from pipelines.warehouse import BusyError, run_lock

    home = current_home()
    if period not in registry.load().periods:
        raise click.ClickException(f"'{period}' is no period: write 2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026")
    try:
        with run_lock(home):
            act_on_period(Ledger(home), event, period, reason, by)
    except BusyError as busy:
        click.echo(f"kpi57: {busy}", err=True)
        sys.exit(EXIT_BUSY)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"period {period} {event} by {by}: {reason}. Next: kpi57 run")


@main.command()
@click.option("--period", required=True, metavar="PERIOD", help="The period to close for the city, e.g. 2026-10.")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
@click.option("--by", required=True, help="Who; kept in the ledger.")
def lock(period: str, reason: str, by: str) -> None:
    """Close a period: files that come later are kept and held."""
    _act("locked", period, reason, by)


@main.command()
@click.option("--period", required=True, metavar="PERIOD", help="The period to open again.")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
@click.option("--by", required=True, help="Who; kept in the ledger.")
def unlock(period: str, reason: str, by: str) -> None:
    """Open a locked period: what was held enters now."""
    _act("unlocked", period, reason, by)


@main.command()
@click.pass_context
def rebuild(context: click.Context) -> None:
    """Make the whole warehouse again from archive and ledger, and run."""
    from pipelines.warehouse import BusyError, run_lock

    home = current_home()
    try:
        with run_lock(home):
            home.build.unlink(missing_ok=True)
    except BusyError as busy:
        click.echo(f"kpi57: {busy}", err=True)
        sys.exit(EXIT_BUSY)
    context.invoke(run)


@main.group()
def plans() -> None:
    """The registry of the plans: register one by workbook, and check them all."""


_sources = click.option(
    "--sources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=SOURCES,
    help="Folder that holds plans/, reference/ and forms/ (default: the project's sources/).",
)


@plans.command("template")
@click.option("--plan", "plan_id", metavar="PLAN_ID", help="Fill it with this plan, for example 11164-vinh-lai-2025.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write (default: a name in this folder).")
@_sources
def plans_template(plan_id: str | None, out: Path | None, sources: Path) -> None:
    """Write the workbook in which a commune registers its plan."""
    from pipelines import registry
    from pipelines.plan_workbook import write_plan_workbook

    try:
        path = out or Path(f"{plan_id or 'ke-hoach'}.xlsx")
        write_plan_workbook(sources, registry.load(sources), path, plan_id)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(str(path))


@plans.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the plan of that id if there is one.")
@_sources
def plans_add(file: Path, replace: bool, sources: Path) -> None:
    """Check a filled registry workbook and write its plan folder. Exits 1, with nothing written, if it has errors."""
    from pipelines.feedback import findings_lines
    from pipelines.plan_add import add_plan

    try:
        added = add_plan(file, sources, replace=replace)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for line in findings_lines(added.findings):
        click.echo(line)
    counts = f"{file.name}: {added.targets} dòng chỉ tiêu, {added.tasks} nhiệm vụ"
    if added.folder is None:
        click.echo(f"{counts}; {len(added.findings)} lỗi. Chưa ghi gì.")
        sys.exit(EXIT_ERRORS)
    click.echo(f"{counts}; không có lỗi. Đã ghi {added.folder}")
    if added.warnings:
        click.echo(f"{added.warnings} điểm cần xem lại trong chính văn bản: chạy kpi57 plans check.")


@plans.command("check")
@_sources
def plans_check(sources: Path) -> None:
    """Say what is wrong in the transcription of the plans (errors) and in the documents (warnings)."""
    from pipelines import registry
    from pipelines.plan_check import check_plans

    try:
        known = registry.load(sources)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    found = check_plans(known)
    for finding in found:
        click.echo(str(finding))
    errors = sum(finding.severity == "error" for finding in found)
    click.echo(f"{len(known.plans)} plans, {len(known.targets)} targets, {len(known.tasks)} tasks: "
               f"{errors} errors, {len(found) - errors} warnings")  # fmt: skip
    sys.exit(EXIT_ERRORS if errors else 0)
