"""What an officer needs to send figures: the form, and a check before it is sent. The form is agencies/form.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands import EXIT_ERRORS
from pipelines.home import Home, current_home

if TYPE_CHECKING:
    from pipelines.registry.registry import Registry


@click.command()
@click.option("--commune", metavar="CODE", help="Commune code, for example 11164 (default: all with a plan).")
@click.option("--agency", metavar="CODE", help="Agency code, for example CA (default: all that owe something).")
@click.option("--period", required=True, metavar="PERIOD", help="2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write (default: a name in this folder); without --commune or --agency the folder for all of them.",
)
def template(commune: str | None, agency: str | None, period: str, out: Path | None) -> None:
    """Write the workbook an agency fills in; without --agency, --commune or both the workbooks of all that report.

    Beside each answer stands what the agency reported last, as the warehouse has it.

    More than one go into the folder --out, laid out as the inbox is; a file that is there already is left as it is.
    """
    from pipelines.agencies.form import forms_owed, template_name, write_template
    from pipelines.agencies.reported import last_reported
    from pipelines.intake.ledger import VIETNAM, Ledger
    from pipelines.registry import registry

    home = current_home()
    try:
        known, illustrative = registry.load(), Ledger(home).illustrative is not None
        forms = [(commune, agency)] if commune and agency else forms_owed(known, commune, agency, period)
        names = {form: template_name(known, *form, period) for form in forms}
        reported = last_reported(home, known, forms, period)
        on = home.day or datetime.now(VIETNAM).date()
        made = {
            form: partial(write_template, known, *form, period, illustrative=illustrative, on=on,
                          reported=reported[form])
            for form in forms
        }  # fmt: skip
        if commune and agency:
            click.echo(str(made[commune, agency](out or Path(names[commune, agency]))))
        else:
            _write_all(known, made, names, period, _folder(home, out))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _folder(home: Home, out: Path | None) -> Path:
    """The folder for many forms. Never the inbox, where the next run would take blank forms for reports."""
    if out is None:
        raise click.UsageError("more than one form: name their folder with --out, or give --commune and --agency")
    if out.exists() and not out.is_dir():
        raise click.ClickException(f"{out} is a file: name a folder with --out, or give --commune and --agency")
    if out.resolve().is_relative_to(home.inbox.resolve()):
        raise click.ClickException(
            f"{out} is in the inbox, where blank forms are taken for reports: name another folder"
        )
    return out


def _write_all(
    known: Registry,
    made: Mapping[tuple[str, str], Callable[[Path], Path]],
    names: Mapping[tuple[str, str], str],
    period: str,
    folder: Path,
) -> None:
    kept = 0
    for (commune, agency), write in made.items():
        path = folder / known.folder_of(commune) / agency / names[commune, agency]
        if path.exists():  # an officer may have filled it in
            kept += 1
            click.echo(f"{path} (there already, left as it is)")
        else:
            click.echo(str(write(path)))
    left = f", {kept} there already and left as they are" if kept else ""
    click.echo(f"{len(made)} form{'s' if len(made) > 1 else ''} for {period} in {folder}{left}")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--commune", metavar="CODE", help="As if sent by this commune, code or name (default: folder, else file)."
)
@click.option(
    "--agency", metavar="CODE", help="As if sent by it, code or name (default: the folder's, else the file's)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one object a file, each in a line of its own.",
)
def check(files: tuple[Path, ...], commune: str | None, agency: str | None, form: str) -> None:
    """Check files before they are sent, or all files of a folder, as a run would judge them. Exits 1 if one has errors.

    Needs no warehouse; where there is one, figures are compared with those sent before.
    """
    from pipelines.check import check_files, files_in
    from pipelines.registry import registry

    paths = [path for one in files for path in files_in(one)]
    try:
        answers = check_files(registry.load(), paths, commune, agency, current_home())
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from None
    for answer in answers:
        if form == "json":
            click.echo(json.dumps(answer, ensure_ascii=False))
        else:
            _say(answer)
    errors = any(finding["severity"] == "fail" for answer in answers for finding in answer["findings"])
    sys.exit(EXIT_ERRORS if errors else 0)


def _say(answer: dict[str, Any]) -> None:
    """The answer on one file in lines for a terminal: its findings, then the counts of its lines."""
    from pipelines.agencies.findings import findings_lines
    from pipelines.office.wording import say

    for line in findings_lines(answer["findings"]):
        click.echo(line)
    lines, found = answer["lines"], [finding["severity"] for finding in answer["findings"]]
    counted = {name: lines[name] for name in ("read", "accepted", "held", "rejected", "ignored")}
    click.echo(say("commands.checked", file=Path(answer["file"]).name, errors=found.count("fail"),
                   to_confirm=found.count("confirm"), notices=found.count("warn"), **counted))  # fmt: skip
