"""Acts on files that were received: set aside, so that one does not count, and taken back. What they do is in
intake/acts.py and the models."""

from __future__ import annotations

from collections.abc import Callable

import click

from pipelines.commands import alone
from pipelines.home import current_home


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--by", required=True, help="Who; kept in the ledger."),
        click.option("--reason", required=True, help="Why; kept in the ledger."),
        click.argument("submission"),
    ):
        command = option(command)
    return command


@click.command("set-aside")
@_options
def set_aside(submission: str, reason: str, by: str) -> None:
    """Let a received file not count: its lines leave the figures, its sender is told why.

    SUBMISSION is its submission_id in core.fct_submission. The file stays in the archive.
    """
    _act("set_aside", submission, reason, by)


@click.command("take-back")
@_options
def take_back(submission: str, reason: str, by: str) -> None:
    """Let a file that was set aside, by a person or by a check, count again from the next run on."""
    _act("take_back", submission, reason, by)


def _act(act: str, submission: str, reason: str, by: str) -> None:
    from pipelines.intake import acts
    from pipelines.intake.ledger import Ledger

    home = current_home()
    try:
        with alone(home):
            getattr(acts, act)(Ledger(home), submission, reason, by)
    except (LookupError, ValueError) as error:
        raise click.ClickException(str(error.args[0])) from None
    done = {"set_aside": "set aside", "take_back": "taken back"}[act]
    click.echo(f"{submission} {done} by {by}: {reason}. Next: kpi57 run")
