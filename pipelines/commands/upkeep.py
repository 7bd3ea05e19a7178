"""Looking after an installation: doctor, backup, restore. The work is in upkeep/, not here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands import EXIT_ERRORS, alone
from pipelines.home import SOURCES, Home, current_home

if TYPE_CHECKING:
    from pipelines.upkeep.doctor import Finding

_SHOWN = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


@click.command()
@click.option("--full", is_flag=True, help="Read every original of the archive too: its sha256, its verdict.")
def doctor(full: bool) -> None:
    """Look at versions, disk, folders, rights, ledger, archive, clock, runs, alerts and backups.

    Each line is ok, WARN or FAIL with how to fix it; it exits 1 on a FAIL. It changes nothing.
    """
    from pipelines.upkeep.doctor import FAIL, WARN, examine

    home = current_home()
    click.echo(f"kpi57 doctor in {home.root}")
    levels = []
    for finding in (*examine(home, full=full), *(_verdicts(home) if full else ())):
        levels.append(finding.level)
        click.echo(f"{_SHOWN[finding.level]}  {finding.about:<9} {finding.words}")
        if finding.fix:
            click.echo(f"      {'':<9} -> {finding.fix}")
    failed, warned = levels.count(FAIL), levels.count(WARN)
    click.echo(f"{failed} to fix, {warned} warnings" if failed or warned else "all is well")
    if failed:
        sys.exit(EXIT_ERRORS)


def _verdicts(home: Home) -> Iterator[Finding]:
    """Whether what was decided would be decided again."""
    from pipelines.rechecking import judged_otherwise_today
    from pipelines.upkeep.doctor import OK, WARN, Finding
    from pipelines.warehouse.database import BusyError, run_lock

    try:
        with run_lock(home):
            found = judged_otherwise_today(home, SOURCES)
    except BusyError as busy:
        yield Finding(WARN, "verdicts", f"not compared: {busy}", "ask again when it has ended")
        return
    except ValueError as error:
        yield Finding(WARN, "verdicts", f"cannot be compared: {error}", "fix the place named, see 'kpi57 plans check'")
        return
    if found is None:
        yield Finding(OK, "verdicts", "nothing was judged by this version yet")
    elif found[0]:
        words = f"{found[0]} of {found[1]} files would be judged differently by this program and sources/ today"
        fix = "nothing changes by itself: 'kpi57 rebuild --reread' lists the lines, 'kpi57 recheck' judges again"
        yield Finding(WARN, "verdicts", words, fix)
    else:
        yield Finding(OK, "verdicts", f"{found[1]} files would be judged today as they were")


@click.command()
@click.option("--to", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Where backups are kept; on another disk or machine.")  # fmt: skip
def backup(to: Path) -> None:
    """Copy ledger, archive and waiting files into a folder. Runs may go on meanwhile; only new originals are copied."""
    from pipelines.upkeep.backup import BackupError
    from pipelines.upkeep.backup import backup as make

    try:
        done = make(current_home(), to)
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"the backup was not made: {error}") from None
    click.echo(f"{done.snapshot}: {done.originals} originals ({done.copied} new), {done.waiting} waiting files")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="In a used home: move its archive and inbox aside first.")
def restore(folder: Path, replace: bool) -> None:
    """Take the newest backup below FOLDER back, after verifying its every file. 'kpi57 run' then rebuilds the rest."""
    from pipelines.upkeep.backup import BackupError
    from pipelines.upkeep.backup import restore as take_back

    home = current_home()
    with alone(home):
        try:
            done = take_back(home, folder, replace=replace)
        except BackupError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            raise click.ClickException(f"the restore did not finish: {error}; fix that and restore again") from None
    if done.aside:
        click.echo(f"what was there is in {done.aside}")
    click.echo(f"{done.originals} originals and {done.waiting} waiting files of {done.snapshot.name} are back. "
               "Next: kpi57 run")  # fmt: skip
