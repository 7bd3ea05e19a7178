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
@click.option("--again", metavar="BUNDLE_ID", help="Make a bundle of the past again, from archive and ledger.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="With --again: the folder it goes into.")
@click.option("--sent", type=_BUNDLE, metavar="BUNDLE", help="Record that a bundle was handed over.")
@click.option("--to", help="With --sent: to whom; kept in the ledger.")
@click.option("--by", help="With --sent: by whom; kept in the ledger.")
def export(
    period: str | None,
    commune: str | None,
    verified: Path | None,
    again: str | None,
    out: Path | None,
    sent: Path | None,
    to: str | None,
    by: str | None,
) -> None:
    """Make a bundle from the published warehouse, verify one, make one of the past again, or record that one was sent.

    Prints the path of the bundle made. --verify exits 1 if the bundle has faults, --again if what it made is not what
    was made then.
    """
    if sum(asked is not None for asked in (period, verified, again, sent)) != 1:
        raise click.UsageError("give one of --period (make a bundle), --verify, --again or --sent")
    if bool(again) != bool(out):
        raise click.UsageError("--again needs --out, which goes with it alone")
    if commune and not period:
        raise click.UsageError("--commune goes with --period")
    if bool(sent) != bool(to and by) or bool(to) != bool(by):
        raise click.UsageError("--sent needs --to and --by, and they go with it alone")
    if verified:
        _verify(verified)
    elif again and out:
        _make_again(current_home(), again, out)
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


def _make_again(home: Home, bundle_id: str, out: Path) -> None:
    from pipelines.looking_back import make_bundle_again

    with alone(home):
        try:
            bundle, is_same = make_bundle_again(home, bundle_id, out)
        except LookupError as error:
            raise click.ClickException(error.args[0]) from None
        except FileExistsError as error:
            raise click.ClickException(str(error)) from None
    if is_same:
        click.echo(f"{bundle}: as it was made, byte for byte")
        return
    click.echo(f"{bundle}: not as it was made: kpi57 or a library is of another version now, see 'versions' in both "
               "manifests; the figures are by what was known then")  # fmt: skip
    sys.exit(EXIT_ERRORS)


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


@click.command()
@click.argument("template", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "mapping", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Which cell gets what: a YAML file, see docs/exports.md.")  # fmt: skip
@click.option("--period", required=True, metavar="PERIOD", help="Where the mapping names none: 2026-10, 2026-Q4, 2026.")
@click.option("--commune", metavar="CODE", help="Where the mapping names none, for example 11164 (default: the city).")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The filled copy to write.")
@click.option("--compare", is_flag=True, help="Write nothing: name the cells that say something else than we have.")
def fill(template: Path, mapping: Path, period: str, commune: str | None, out: Path | None, compare: bool) -> None:
    """Put our figures into somebody else's workbook (.xlsx), cell by cell as a mapping says, and touch nothing else.

    Lists what could not be filled in, or with --compare what differs; exits 1 if there is any.
    """
    from pipelines.bundles import fill as work
    from pipelines.files import swap_in
    from pipelines.reading.formats.cell_values import UnreadableError
    from pipelines.warehouse.database import reading

    if compare == bool(out):
        raise click.UsageError("give either --out (the filled copy to write) or --compare")
    if out and out.exists():
        raise click.UsageError(f"{out} is there already: name another file with --out")
    data, filled = template.read_bytes(), b""
    try:
        entries = work.read_map(mapping, period, commune)
        with reading(current_home()) as con:
            if compare:
                outcomes = work.compare(con, data, entries)
            else:
                filled, outcomes = work.fill(con, data, entries)
    except (ValueError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
    except UnreadableError as error:
        raise click.ClickException(f"{template} cannot be read as a workbook (.xlsx): {error.code}") from None
    if out:
        new = out.with_name(f".{out.name}.new")
        new.write_bytes(filled)
        swap_in(new, out)
    wrong = [one for one in outcomes if one.problem]
    for one in wrong:
        click.echo(work.said(one))
    what = "as we have them" if compare else f"filled in, {out}"
    click.echo(f"{len(outcomes) - len(wrong)} of {len(outcomes)} cells {what}")
    sys.exit(EXIT_ERRORS if wrong else 0)
