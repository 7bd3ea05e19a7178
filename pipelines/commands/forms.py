"""What an officer needs to send figures: the form, and a check before it is sent. The form is outputs/template.py."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipelines.commands import EXIT_ERRORS


@click.command()
@click.option("--commune", required=True, metavar="CODE", help="Commune code, for example 11164.")
@click.option("--agency", required=True, metavar="CODE", help="Agency code, for example CA.")
@click.option("--period", required=True, metavar="PERIOD", help="2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write (default: a name in this folder).")
def template(commune: str, agency: str, period: str, out: Path | None) -> None:
    """Write the workbook an agency fills in."""
    from pipelines import registry
    from pipelines.outputs.template import template_name, write_template

    try:
        known = registry.load()
        path = out or Path(template_name(known, commune, agency, period))
        write_template(known, commune, agency, period, path)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(str(path))


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--commune", metavar="CODE", help="Check as if sent by this commune (default: what the file states).")
@click.option("--agency", metavar="CODE", help="Check as if sent by this agency (default: what the file states).")
def check(file: Path, commune: str | None, agency: str | None) -> None:
    """Check one file before it is sent. Exits 1 if it has errors. Needs no warehouse."""
    from pipelines import registry
    from pipelines.flow import check_file
    from pipelines.outputs.feedback import findings_lines

    counts, findings = check_file(registry.load(), file, commune, agency)
    for line in findings_lines(findings):
        click.echo(line)
    errors = sum(finding["severity"] == "fail" for finding in findings)
    click.echo(
        f"{file.name}: {counts['read']} dòng, nhận {counts['accepted']}, từ chối {counts['rejected']}, "
        f"bỏ qua {counts['ignored']}; {errors} lỗi, {len(findings) - errors} lưu ý."
    )
    sys.exit(EXIT_ERRORS if errors else 0)
