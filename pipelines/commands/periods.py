"""Closing a period for the city and opening it again. The ledger that keeps it is receive.py."""

from __future__ import annotations

from collections.abc import Callable

import click

from pipelines.commands import alone
from pipelines.home import current_home


def _act(event: str, period: str, reason: str, by: str, commune: str | None) -> None:
    from pipelines.intake.acts import act_on_period
    from pipelines.intake.ledger import Ledger
    from pipelines.registry import registry

    home = current_home()
    known = registry.load()
    if commune and commune not in known.city_communes:
        raise click.ClickException(f"'{commune}' is not a commune of the city: write its code, for example 11164")
    if period not in known.periods:
        raise click.ClickException(f"'{period}' is not a period: write 2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026")
    try:
        with alone(home):
            act_on_period(Ledger(home), event, period, reason, by, commune)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    place = f"commune {commune}" if commune else "the city"
    click.echo(f"period {period} {event} for {place} by {by}: {reason}. Next: kpi57 run")


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--commune", metavar="CODE", help="Only for this commune (default: the whole city)."),
        click.option("--by", required=True, help="Who; kept in the ledger."),
        click.option("--reason", required=True, help="Why; kept in the ledger."),
        click.option("--period", required=True, metavar="PERIOD", help="The period, e.g. 2026-10."),
    ):
        command = option(command)
    return command


@click.command()
@_options
def lock(period: str, reason: str, by: str, commune: str | None) -> None:
    """Close a period, for the city or a commune: files that come later are kept and held."""
    _act("locked", period, reason, by, commune)


@click.command()
@_options
def unlock(period: str, reason: str, by: str, commune: str | None) -> None:
    """Open a locked period again: what was held takes effect now."""
    _act("unlocked", period, reason, by, commune)
