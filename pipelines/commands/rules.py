"""The rules that files are checked by. The work is in checking/."""

from __future__ import annotations

import click

from pipelines.commands import alone
from pipelines.home import current_home


@click.group()
def rules() -> None:
    """The rules that files are checked by."""


@rules.command("docs")
@click.option(
    "--files",
    type=click.IntRange(min=1),
    metavar="N",
    help="Of the newest N files (default: those the last run took that took any).",
)
def rules_docs(files: int | None) -> None:
    """Great Expectations' Data Docs: the rules and their results on the newest files. Static pages, offline."""
    from pipelines import flow
    from pipelines.upkeep.summary import last_received

    home = current_home()
    if not home.build.exists():
        raise click.ClickException(f"nothing was checked in {home.root} yet: run 'kpi57 run' first")
    with alone(home):
        count = flow.write_rule_docs(home, files or last_received(home) or None)
    click.echo(f"{count} files: {home.rule_docs / 'index.html'}")
