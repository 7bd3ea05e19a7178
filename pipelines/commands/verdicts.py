"""Judging again, and looking back. What is done is rechecking.py and looking_back.py."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands import alone
from pipelines.commands.daily import run
from pipelines.home import current_home

if TYPE_CHECKING:
    from pipelines.rechecking import Otherwise

_SHOWN = 200  # lines printed


@click.command()
@click.option("--commune", metavar="CODE", help="Only what this commune sent, for example 11164.")
@click.option("--agency", metavar="CODE", help="Only what this agency sent, for example CA.")
@click.option("--period", metavar="PERIOD", help="Only reports on this period, for example 2026-10.")
@click.option("--submission", metavar="ID", help="Only this submission.")
@click.option("--reason", required=True, help="Why; kept in the ledger.")
@click.option("--by", required=True, help="Who; kept in the ledger.")
@click.pass_context
def recheck(
    context: click.Context,
    commune: str | None,
    agency: str | None,
    period: str | None,
    submission: str | None,
    reason: str,
    by: str,
) -> None:
    """Judge submissions again by the rules, plans and program of today, and run.

    What is judged differently is a new version from now on, and its sender is told; earlier verdicts stay for queries
    about the past. Without an option that selects submissions, nothing is judged again.
    """
    from pipelines.flow import load_registry, receive_files
    from pipelines.intake.ledger import Ledger
    from pipelines.rechecking import chosen, judge_again
    from pipelines.warehouse.database import building

    if not any((commune, agency, period, submission)):
        raise click.UsageError("say what to judge again: --commune, --agency, --period or --submission")
    home = current_home()
    with alone(home):
        load_registry(home)
        receive_files(home)
        with building(home) as con:
            submissions = chosen(con, commune, agency, period, submission)
            if not submissions:
                raise click.ClickException("no submission matches; see core.fct_submission")
            found = judge_again(home, con, Ledger(home), submissions, reason, by)
    _show(found, f"{len(submissions)} submissions judged again")
    context.invoke(run)


@click.command()
@click.option("--reread", is_flag=True, help="Read every original again and list what would be judged differently now.")
@click.pass_context
def rebuild(context: click.Context, reread: bool) -> None:
    """Make the whole warehouse again from the archive's verdicts and the ledger, and publish it, whatever is there.

    --reread is an audit and changes nothing; to judge again, see kpi57 recheck.
    """
    if reread:
        _audit()
        return
    home = current_home()
    from pipelines.warehouse.database import discard_build
    from pipelines.warehouse.published_copy import forget

    with alone(home):
        discard_build(home)
        forget(home)
    context.invoke(run)


def _audit() -> None:
    """Read every original again and print what would be judged differently now, changing nothing."""
    from pipelines.flow import load_registry, receive_files
    from pipelines.rechecking import judged_otherwise
    from pipelines.warehouse.database import building

    home = current_home()
    with alone(home):
        load_registry(home)
        receive_files(home)
        with building(home) as con:
            found, verdicts = judged_otherwise(home, con)
            con.execute("DELETE FROM raw.reading")
    _show(found, f"{len(verdicts['checked.submission'])} originals read again, nothing changed")


def _show(found: list[Otherwise], done: str) -> None:
    for one in found[:_SHOWN]:
        place = f"{one.source_sheet} row {one.source_row}" if one.source_row else "the file"
        click.echo(f"{one.submission_id} {place} {one.code or ''}: {one.before or 'nothing'} -> {one.now or 'nothing'}")
    if len(found) > _SHOWN:
        click.echo(f"... and {len(found) - _SHOWN} lines more")
    click.echo(f"{done}; {len(found)} {'line is' if len(found) == 1 else 'lines are'} judged differently")


@click.command("as-of")
@click.argument("moment", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def as_of(moment: datetime, out: Path) -> None:
    """Write the warehouse as it was at a past moment to a DuckDB file: kpi57 as-of 2026-06-30 --out june.duckdb.

    A day is taken to its end, in Vietnam time. Every table is as it was then: by the plans, duties and due days
    known then, and the verdicts given by then.
    """
    from datetime import time, timedelta

    from pipelines.intake.ledger import VIETNAM
    from pipelines.looking_back import write_as_of

    if moment.time() == time():
        moment += timedelta(days=1) - timedelta(microseconds=1)
    home = current_home()
    try:
        with alone(home):
            rows = write_as_of(home, moment.replace(tzinfo=VIETNAM), out)
    except (ValueError, FileExistsError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{out}: {len(rows)} tables as of {moment:%Y-%m-%d %H:%M}")
