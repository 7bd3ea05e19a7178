"""The commands of the command line, by who asks for what. Heavy imports happen inside the commands.

The work of a command does not belong here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pipelines.home import Home

EXIT_ERRORS, EXIT_WRONG_USE, EXIT_BUSY = 1, 2, 3


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """The home, locked against other runs, with its ledger as PostgreSQL has it where that is the ledger's home; exits
    with EXIT_BUSY where another run is at work."""
    from pipelines.intake.ledger import Ledger
    from pipelines.shared_ledger import shared_ledger
    from pipelines.warehouse.database import BusyError, run_lock

    try:
        with run_lock(home):
            if shared_ledger(home.place):
                Ledger(home).catch_up()
            yield
    except BusyError as busy:
        click.echo(f"kpi57: {busy}", err=True)
        sys.exit(EXIT_BUSY)
