"""'kpi57 plans add': a filled plan workbook becomes a plan folder, or a list of everything wrong with it.

Only here a plan is compared with the other plans and written. The workbook is taken apart by workbook_cells.py, read by
cell_values.py and draft.py.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.files import Row
from pipelines.plans.cell_values import CellReader
from pipelines.plans.check import check_plans
from pipelines.plans.draft import Draft, read_draft
from pipelines.plans.form import read_form
from pipelines.plans.plan_files import digest, plan_text, write_folder
from pipelines.plans.workbook_cells import Faults, read_sheets
from pipelines.registry.plan_folders import DOCUMENT, NO_CODE, PlanReader, RegistryError, document_in
from pipelines.registry.registry import Registry, load


@dataclass(frozen=True)
class Added:
    """The result for a workbook: the folder written, or None and the findings that prevented it.

    warnings: what plan_check finds wrong in the document itself, which does not keep it out. document: its name in the
    folder, None where it is not kept.
    """

    folder: Path | None
    findings: list[Row]
    targets: int
    tasks: int
    warnings: int = 0
    document: str | None = None


def add_plan(path: Path, sources: Path, *, replace: bool = False, document: Path | None = None) -> Added:
    """Check the workbook and write its plan below sources/plans; nothing is written where there is any finding.

    document: the file the workbook was drafted from, kept with the plan; without it, the one of that name and content
    beside the workbook. Raises RegistryError if the registry does not hold together without this plan.
    """
    form = read_form(sources)
    faults = Faults(form["faults"])
    with _copy(sources) as trial:
        reference = load(trial, only=lambda plan_id: False)
        names = reference.agency_names
        reader = CellReader(form, faults, names, reference.communes, reference.agencies, reference.indicators)
        sheets = read_sheets(path, form, faults)
        if sheets is None:
            return Added(None, faults.findings, 0, 0)
        draft = read_draft(sheets, reader)
        others = load(trial, only=lambda plan_id: plan_id != draft.plan_id)
        _find_unsettled(draft, others, reader)
        document = _document(draft, path, document, reader)
        if draft.plan_id and (sources / "plans" / draft.plan_id).exists() and not replace:
            faults.add("exists", sheets.fields.get("plan_id"), plan_id=draft.plan_id)
        warnings = 0 if faults else _try(draft, form, trial, faults)
        counts = len(draft.rows["targets"]), len(draft.rows["tasks"])
        if faults or draft.plan_id is None:
            return Added(None, faults.findings, *counts)
        folder = sources / "plans" / draft.plan_id
        kept = _keep(folder, draft, document)
        write_folder(folder, _files(draft, form) | kept)
        there = document_in(folder)
        return Added(folder, [], *counts, warnings, there.name if there else None)


@contextmanager
def _copy(sources: Path) -> Iterator[Path]:
    """A copy of sources/, without what agencies sent, in which a plan can be tried."""
    with TemporaryDirectory() as folder:
        trial = Path(folder) / "sources"
        for part in ("reference", "forms", "plans"):
            if (sources / part).exists():
                shutil.copytree(sources / part, trial / part)
        (trial / "plans").mkdir(parents=True, exist_ok=True)
        yield trial


def _document(draft: Draft, workbook: Path, given: Path | None, reader: CellReader) -> Path | None:
    """The document to keep: the one given, which must be the one that was read, else that beside the workbook."""
    name, sha256 = draft.plan.get("source_file"), draft.plan.get("source_sha256")
    if given is None:
        beside = workbook.parent / Path(name or "").name
        return beside if sha256 and name and beside.is_file() and digest(beside) == sha256 else None
    if sha256 and digest(given) != sha256:
        reader.faults.add("other_document", None, file=given.name, sha256=sha256)
    draft.plan |= {"source_file": name or given.name, "source_sha256": sha256 or digest(given)}
    return given


def _keep(folder: Path, draft: Draft, document: Path | None) -> dict[str, str | bytes]:
    """The document as a file of the plan's folder. One of an earlier time that the plan no longer names is removed."""
    for old in folder.glob(f"{DOCUMENT}.*"):
        if document or digest(old) != draft.plan.get("source_sha256"):
            old.unlink()
    return {f"{DOCUMENT}{document.suffix.lower()}": document.read_bytes()} if document else {}


def _files(draft: Draft, form: Row) -> dict[str, str | bytes]:
    return {
        "plan.yml": plan_text(draft.plan),
        "targets.csv": draft.table_text(form, "targets"),
        "tasks.csv": draft.table_text(form, "tasks"),
    }


def _try(draft: Draft, form: Row, trial: Path, faults: Faults) -> int:
    """Load the registry with the draft in it, and note what it says. Returns the warnings on the document."""
    plan_id = str(draft.plan_id)
    write_folder(trial / "plans" / plan_id, _files(draft, form))
    try:
        found = [finding for finding in check_plans(load(trial)) if finding.plan_id == plan_id]
    except RegistryError as error:
        for fault in error.faults:
            faults.add("registry", found=fault)
        return 0
    errors = [finding for finding in found if finding.severity == "error"]
    for finding in errors:
        faults.add("registry", found=finding)
    return len(found) - len(errors)


def _find_unsettled(draft: Draft, others: Registry, reader: CellReader) -> None:
    """Indicators that several agencies lead, over all plans of the commune in force, and nobody settled."""
    plan = draft.plan
    focal = reader.names.resolve(plan["focal_agency_as_written"] or "")
    own = [other for other in others.plans.values() if other["commune_code"] == plan["commune_code"]]
    named = (plan["supersedes"] or {}).get("document_number")
    if not focal or plan["document_number"] in {other["supersedes"] for other in own} - {None}:
        return
    superseded = {plan["supersedes_plan"], *(other["plan_id"] for other in own if other["superseded_by"])}
    superseded |= {other["plan_id"] for other in own if named and other["document_number"] == named}
    settled = {*plan["reports"], *(code for other in own for code in other["reports"])}
    duties = PlanReader(reader.names, reader.agencies, reader.indicators)
    leads: dict[str, set[str]] = defaultdict(set)
    for target in others.targets:
        other = others.plans[target["plan_id"]]
        if target["indicator_code"] and other in own and other["plan_id"] not in superseded:
            leads[target["indicator_code"]].add(duties.reporter(other, target["lead_agency_code"]))
    [table] = [one["heading"] for one in reader.form["plan"]["tables"] if one["name"] == "reports"]
    for row, cells in draft.rows["targets"]:
        indicator, codes = row["indicator_code"], reader.names.resolve(row["lead_as_written"] or "")
        if not codes or indicator in (None, NO_CODE) or indicator in settled:
            continue
        leads[indicator].add(duties.reporter({"focal_agency_code": focal[0]}, codes[0]))
        if len(leads[indicator]) > 1:
            settled.add(indicator)  # once is enough
            named = "; ".join(f"{reader.agencies[code]['agency_name']} ({code})" for code in sorted(leads[indicator]))
            reader.faults.add("two_leads", cells["lead_as_written"], indicator=indicator, agencies=named, table=table,
                              page=reader.form["plan"]["title"])  # fmt: skip
