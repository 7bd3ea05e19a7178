"""Bundles: made, verified, recorded as handed over. What is in one and how it is sealed is bundles/bundle.py."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipelines.commands import EXIT_ERRORS, alone
from pipelines.home import Home, current_home

_BUNDLE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--period", metavar="PERIOD", help="Make the bundle of 2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026.")
@click.option("--commune", metavar="CODE", help="Of this commune, for example 11164 (default: the whole city).")
@click.option("--verify", "verified", type=_BUNDLE, metavar="BUNDLE", help="Name every fault of a bundle's folder.")
@click.option("--sent", type=_BUNDLE, metavar="BUNDLE", help="Record that a bundle was handed over.")
@click.option("--to", help="With --sent: to whom; kept in the ledger.")
@click.option("--by", help="With --sent: by whom; kept in the ledger.")
def export(
    period: str | None, commune: str | None, verified: Path | None, sent: Path | None, to: str | None, by: str | None
) -> None:
    """Make a bundle from the published warehouse, verify one, or record that one was sent.

    Prints the path of the bundle made. --verify exits 1 if the bundle has faults.
    """
    if sum(asked is not None for asked in (period, verified, sent)) != 1:
        raise click.UsageError("give one of --period (make a bundle), --verify or --sent")
    if commune and not period:
        raise click.UsageError("--commune goes with --period")
    if bool(sent) != bool(to and by) or bool(to) != bool(by):
        raise click.UsageError("--sent needs --to and --by, and they go with it alone")
    if verified:
        _verify(verified)
    elif sent and to and by:
        _note_sent(current_home(), sent, to, by)
    elif period:
        _make(current_home(), period, commune)


def _make(home: Home, period: str, commune: str | None) -> None:
    from pipelines.bundles.bundle import BundleDamagedError
    from pipelines.flow import make_bundles
    from pipelines.warehouse.published_copy import AlteredError

    with alone(home):
        try:
            [bundle] = make_bundles(home, period, [commune or "city"])
        except LookupError as error:
            raise click.ClickException(f"{error.args[0]}. {_known(home)}") from None
        except (FileNotFoundError, BundleDamagedError, AlteredError) as error:
            raise click.ClickException(str(error)) from None
    click.echo(str(bundle))


def _known(home: Home) -> str:
    """What can be asked for."""
    from pipelines.warehouse.database import reading

    with reading(home) as con:
        communes = con.execute("SELECT commune_code FROM core.dim_commune WHERE has_plan ORDER BY ALL").fetchall()
    return f"Periods are 2026-10, 2026-Q4, 2026-H1, 2026-9M, 2026; communes {', '.join(code for (code,) in communes)}"


def _verify(bundle: Path) -> None:
    from pipelines.bundles.bundle import verify

    faults = verify(bundle.resolve())
    for fault in faults:
        click.echo(fault)
    click.echo(f"{bundle}: {len(faults)} faults" if faults else f"{bundle}: intact")
    sys.exit(EXIT_ERRORS if faults else 0)


def _note_sent(home: Home, bundle: Path, to: str, by: str) -> None:
    from pipelines.bundles.bundle import BundleDamagedError
    from pipelines.flow import note_sent
    from pipelines.warehouse.published_copy import AlteredError

    with alone(home):
        try:
            note_sent(home, bundle.resolve(), to, by)
        except LookupError as error:
            raise click.ClickException(error.args[0]) from None
        except (BundleDamagedError, AlteredError) as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{bundle.resolve().name} recorded as sent to {to} by {by}")
