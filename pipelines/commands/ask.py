"""Questions to the warehouse. How they are answered is outputs/trace.py."""

from __future__ import annotations

import click

from pipelines.home import current_home


@click.command()
@click.argument("commune")
@click.argument("indicator")
@click.argument("period")
def trace(commune: str, indicator: str, period: str) -> None:
    """Where a figure comes from: kpi57 trace 11164 XHS-02 2026-10."""
    from pipelines.outputs.trace import trace as tell

    try:
        click.echo(tell(current_home(), commune, indicator, period))
    except (LookupError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
