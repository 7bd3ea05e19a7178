"""Questions to the warehouse. How they are answered is analysts/trace.py, analysts/answers.py and analysts/shell.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator

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
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Only the first N rows (default: all).")
def query(sql: str, form: str, limit: int | None) -> None:
    """Ask the published warehouse in SQL: kpi57 query "FROM marts.mart_city_progress" --format csv.

    SQL may be - to read it from standard input. It can read and write no file. Of which day the answer speaks, and
    whether its figures are illustrative, is said below a table, and on standard error beside CSV and JSON.
    """
    import duckdb

    from pipelines.analysts.result_formats import answer, written
    from pipelines.analysts.shell import mark
    from pipelines.warehouse.database import reading

    try:
        asked = sys.stdin.buffer.read().decode("utf-8-sig") if sql == "-" else sql
        with reading(current_home(), sealed=True) as con:
            speaks = mark(con)
            _write(written(answer(con, asked), form, limit))
            click.echo(speaks, err=form != "table")
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None
    except (duckdb.Error, ValueError) as error:
        said = "standard input is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error
        click.echo(f"kpi57: {said}", err=True)
        sys.exit(EXIT_WRONG_USE)


def _write(pieces: Iterator[str]) -> None:
    """To standard output as UTF-8, line ends as they are; a console of Windows gets text."""
    if sys.stdout.isatty():
        for piece in pieces:
            click.echo(piece, nl=False)
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


@click.command()
def sql() -> None:
    """A shell on the published warehouse, read-only: type SQL, end it with ; (.help says more)."""
    from pipelines.analysts.shell import shell

    try:
        shell(current_home(), click.echo)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None
