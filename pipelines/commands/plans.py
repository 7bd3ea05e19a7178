"""The registry of the plans: its workbook and its checks. The work is in plans/."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipelines.commands import EXIT_ERRORS, alone
from pipelines.home import IS_CHECKOUT, SOURCES, Home, current_home


@click.group()
def plans() -> None:
    """The registry of the plans: register one by workbook, and check them all."""


_sources = click.option(
    "--sources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=SOURCES,
    help="Folder that holds plans/, reference/ and forms/ (default: the project's sources/).",
)


@plans.command("template")
@click.option("--plan", "plan_id", metavar="PLAN_ID", help="Fill it with this plan, for example 11164-vinh-lai-2025.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write (default: a name in this folder).")
@_sources
def plans_template(plan_id: str | None, out: Path | None, sources: Path) -> None:
    """Write the workbook in which a commune registers its plan."""
    from pipelines.plans.form import write_plan_workbook
    from pipelines.registry import registry

    try:
        path = out or Path(f"{plan_id or 'ke-hoach'}.xlsx")
        write_plan_workbook(sources, registry.load(sources), path, plan_id)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(str(path))


@plans.command("draft")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--commune", metavar="CODE", help="The commune's code, where the document does not name it.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("ke-hoach.xlsx"), help="Workbook to write.")
@_sources
def plans_draft(files: tuple[Path, ...], commune: str | None, out: Path, sources: Path) -> None:
    """Read a plan's documents (.docx, .pdf with text, .txt with cell borders) into a filled workbook to read through.

    White cells were read with certainty, yellow ones are proposals, red ones are questions. Nothing else is written.
    """
    from pipelines.office.wording import say
    from pipelines.plans.draft_workbook import write_draft
    from pipelines.plans.reading.document import UnreadableDocumentError
    from pipelines.registry import registry

    try:
        drafted = write_draft(files, sources, registry.load(sources), out, commune)
    except (ValueError, UnreadableDocumentError) as error:
        raise click.ClickException(str(error)) from None
    colours = [mark.colour for mark in drafted.marks]
    click.echo(say("commands.plan.drafted", file=out, targets=len(drafted.rows["targets"]),
                   tasks=len(drafted.rows["tasks"]), yellow=colours.count("yellow"), red=colours.count("red"),
                   unused=len(drafted.unused)))  # fmt: skip


@plans.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the plan of that id if there is one.")
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The document the workbook was drafted from, kept with the plan (default: found beside the workbook).",
)
@_sources
def plans_add(file: Path, replace: bool, document: Path | None, sources: Path) -> None:
    """Check a filled registry workbook and write its plan folder. Exits 1, with nothing written, if it has errors.

    The next run keeps the folder, and with it the document, in the archive under its sha256.
    """
    from pipelines.agencies.findings import findings_lines
    from pipelines.office.wording import say
    from pipelines.plans.add import add_plan

    if not IS_CHECKOUT and sources == SOURCES:
        raise click.ClickException("the plans of an installed kpi57 are part of the package, which is read only: add "
                                   "the plan in a checkout of the project, or to a copy of sources/ with --sources "
                                   f"(they are in {SOURCES})")  # fmt: skip
    try:
        added = add_plan(file, sources, replace=replace, document=document)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for line in findings_lines(added.findings):
        click.echo(line)
    if added.folder is None:
        click.echo(say("commands.plan.refused", file=file.name, targets=added.targets, tasks=added.tasks,
                       errors=len(added.findings)))  # fmt: skip
        sys.exit(EXIT_ERRORS)
    click.echo(say("commands.plan.added", file=file.name, targets=added.targets, tasks=added.tasks,
                   folder=added.folder))  # fmt: skip
    if added.document:
        click.echo(say("commands.plan.document_kept", document=added.document))
    else:
        click.echo(say("commands.plan.no_document"))
    if added.warnings:
        click.echo(say("commands.plan.to_look_at", count=added.warnings))


@plans.command("check")
@_sources
def plans_check(sources: Path) -> None:
    """List what is wrong in the transcription of the plans (errors) and in the documents (warnings)."""
    from pipelines.plans.check import check_plans
    from pipelines.registry import registry

    try:
        known = registry.load(sources)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    found = check_plans(known)
    for finding in found:
        click.echo(str(finding))
    errors, notes = (sum(finding.severity == severity for finding in found) for severity in ("error", "note"))
    click.echo(f"{len(known.plans)} plans, {len(known.targets)} targets, {len(known.tasks)} tasks: "
               f"{errors} errors, {notes} notes, {len(found) - errors - notes} warnings")  # fmt: skip
    if sources == SOURCES and not errors:
        _compare(current_home(), sources)
    sys.exit(EXIT_ERRORS if errors else 0)


def _compare(home: Home, sources: Path) -> None:
    """Say what a change of sources/ that no run has met yet would have decided of the files received."""
    from pipelines.intake.editions import digest_of, editions
    from pipelines.intake.ledger import Ledger
    from pipelines.rechecking import judged_otherwise_today

    known = editions(Ledger(home))
    if not known or known[-1].digest == digest_of(sources):
        return
    try:
        with alone(home):
            found = judged_otherwise_today(home, sources)
    except ValueError as error:  # of the rules, which are not looked at above
        raise click.ClickException(str(error)) from None
    if found:
        click.echo(f"{found[0]} of {found[1]} files received would be judged differently by this. The next run changes "
                   "nothing of them: it judges by this what comes from then on (kpi57 recheck)")  # fmt: skip
