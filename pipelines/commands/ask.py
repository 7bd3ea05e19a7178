"""Questions to the warehouse. How they are answered is analysts/trace.py and analysts/query.py."""

from __future__ import annotations

import shutil
import sys
from typing import BinaryIO

import click

from pipelines.commands import EXIT_WRONG_USE
from pipelines.home import current_home


@click.command()
@click.argument("commune")
@click.argument("indicator")
@click.argument("period")
def trace(commune: str, indicator: str, period: str) -> None:
    """Where a figure comes from: kpi57 trace 11164 XHS-02 2026-10."""
    from pipelines.analysts.trace import trace as tell

    try:
        click.echo(tell(current_home(), commune, indicator, period))
    except (LookupError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="A table to read, CSV (RFC 4180, UTF-8) or JSON.",
)
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Only the first N rows.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=60, show_default=True, metavar="N",
              help="Stop after so long.")  # fmt: skip
def query(sql: str, form: str, limit: int | None, seconds: float) -> None:
    """Ask the published warehouse in SQL: kpi57 query "FROM marts.mart_city_progress" --format csv.

    SQL may be - to read it from standard input. It can read and write no file. A table shows at most 200 rows unless
    --limit says otherwise; CSV and JSON hold all. The as-of date and the illustrative notice are printed below a
    table, and on standard error beside CSV and JSON.
    """
    import duckdb

    from pipelines.analysts.query import answered

    try:
        asked = sys.stdin.buffer.read().decode("utf-8-sig") if sql == "-" else sql
        with answered(current_home(), asked, form, limit=limit, seconds=seconds) as (answer, notice):
            _write(answer)
            click.echo(notice, err=form != "table")
    except (FileNotFoundError, TimeoutError) as error:
        raise click.ClickException(str(error)) from None
    except (duckdb.Error, ValueError) as error:
        said = "standard input is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error
        click.echo(f"kpi57: {said}", err=True)
        sys.exit(EXIT_WRONG_USE)


def _write(answer: BinaryIO) -> None:
    """To standard output as UTF-8, line ends as they are; a console of Windows gets text."""
    if sys.stdout.isatty():
        click.echo(answer.read().decode(), nl=False)
    else:
        shutil.copyfileobj(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()
