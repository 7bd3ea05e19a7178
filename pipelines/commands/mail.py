"""Handing in by mail. What is done with letters is in mail/."""

from __future__ import annotations

import sys

import click
from filelock import FileLock, Timeout

from pipelines.commands import EXIT_BUSY
from pipelines.home import current_home


@click.command()
def mail() -> None:
    """Fetch letters, take their attachments into the inbox, and answer those whose files a run has answered.

    Who may send what, and where letters come from, is in warehouse/mail.yml (docs/operations.md, By mail). To be
    started every few minutes; it neither waits for a run nor hinders one.
    """
    from pipelines.mail.answering import answer, forget
    from pipelines.mail.mailbox import fetch
    from pipelines.mail.settings import MailError, read_settings
    from pipelines.mail.taking import take
    from pipelines.registry.registry import load

    home = current_home()
    try:
        settings = read_settings(home, load())
        if not settings.accept:
            click.echo("mail.yml says accept: false; letters are left alone")
            return
        home.letters.mkdir(parents=True, exist_ok=True)
        with FileLock(home.letters / ".lock", timeout=0):
            if settings.mailbox:
                fetch(home, settings.mailbox)
            for line in [*take(home, settings), *answer(home, settings)]:
                click.echo(line, err=True)
            forget(home)
    except Timeout:
        click.echo("kpi57: another 'kpi57 mail' is at work", err=True)
        sys.exit(EXIT_BUSY)
    except MailError as error:
        raise click.ClickException(str(error)) from None
