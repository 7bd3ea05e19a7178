"""A city made up for whole days of `kpi57 run`: a project of its own with 114 plans, a home with months of history, and
the workbooks its agencies send.

The project is a copy of this one whose sources hold a plan of 50 indicators for each of the city's communes, without
tasks, and ask for every figure every month. Its calendar lies twenty years back, so that the newest month is one that
has passed. The history is put into ledger and build database as reading would have left it (made_up.py); the archive
holds no originals of it, which no day's run looks at: only `kpi57 rebuild`, `doctor` and backups do. What is measured
does not belong here.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.made_up import AGENCIES, HAI_PHONG, INDICATORS, make
from pipelines.agencies.form import write_template
from pipelines.files import read_csv, read_yaml
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import VIETNAM
from pipelines.plans.plan_files import plan_text, rows_text
from pipelines.registry import registry as registries
from pipelines.registry.registry import Registry
from pipelines.warehouse.database import building
from pipelines.warehouse.rows import dicts

COMMUNES = 114
REAL_PLAN = PROJECT / "sources" / "plans" / "11164-vinh-lai-2025"  # for the columns of a plan
NEW = "2026-11"  # the month whose workbooks come; the history ends with the month before
LONGEST = 240
FIRST_YEAR, LAST_YEAR = 2006, 2026  # as many as sources/reference/periods.yml has
MILESTONES = (2010, 2015, 2020, 2025, 2030)
Answers = dict[str, dict[str, int]]


class Form(NamedTuple):
    """A workbook to be sent: from where, for which month, with which figures."""

    commune: str
    agency: str
    period: str
    answers: Answers

    @property
    def name(self) -> str:
        return f"{self.commune}-{self.agency}-{self.period}.xlsx"


def month(back: int) -> str:
    """The month so many before NEW."""
    number = 12 * int(NEW[:4]) + int(NEW[5:]) - 1 - back
    return f"{number // 12}-{number % 12 + 1:02}"


# ---------------------------------------------------------------- the project


def make_project(project: Path, months: int) -> Path:
    """Copy what a run needs of this project, with sources of its own. Returns the sources."""
    project.mkdir(parents=True)
    for name in ("pipelines", "models", "sources"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "inbox"))
    for name in ("warehouse/schema.sql", "dagster.yaml", "workspace.yaml", "pyproject.toml"):
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(PROJECT / name, project / name)
    sources = project / "sources"
    _write_catalogue(sources / "reference" / "indicators.csv")
    _write_calendar(sources / "reference" / "periods.yml", months)
    shutil.rmtree(sources / "plans")
    communes = read_csv(sources / "reference" / "communes.csv")
    for commune in [row for row in communes if row["city_code"] == HAI_PHONG]:
        _write_plan(sources, commune, months)
    return sources


def _write_catalogue(path: Path) -> None:
    """Every indicator is a ratio that is asked for every month."""
    rows = read_csv(path)
    for row in rows:
        row |= {"frequency": "month"}
        if row["kind"] != "ratio":
            row |= {"kind": "ratio", "unit_of_measure": "%", "accumulates": "level", "aggregation": "ratio_of_sums",
                    "numerator_name": "Số đạt", "denominator_name": "Tổng số"}  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_calendar(path: Path, months: int) -> None:
    config = read_yaml(path)
    config |= {"first_year": FIRST_YEAR, "last_year": LAST_YEAR}
    for form in config["forms"].values():
        form["owed"] = [{**rule, "from": month(months)} for rule in form["owed"] if rule["kind"] == "month"]
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


def _write_plan(sources: Path, commune: dict[str, str], months: int) -> None:
    code = commune["commune_code"]
    plan: dict[str, Any] = {
        "plan_id": f"{code}-made-up-{FIRST_YEAR}",
        "commune_code": code,
        "document_number": "1/KH-UBND",
        "issued_on": datetime(FIRST_YEAR, 1, 2).date(),
        "issuer": "Ủy ban nhân dân",
        "title": f"Kế hoạch minh họa, {commune['commune_name']}",
        "focal_agency_as_written": "Phòng Văn hóa - Xã hội",
        "reports_from": datetime.fromisoformat(f"{month(months + 1)}-15").date(),
    }
    reference = sources / "reference"
    agencies = [row["agency_name"] for row in read_csv(reference / "agencies.csv") if row["is_group"] == "false"]
    indicators = sorted(read_csv(reference / "indicators.csv"), key=lambda row: row["indicator_code"])[:INDICATORS]
    columns, tasks = (list(read_csv(REAL_PLAN / name)[0]) for name in ("targets.csv", "tasks.csv"))
    targets = [
        dict.fromkeys(columns, "")
        | {"appendix": "I", "row_number": str(i + 1), "indicator_code": row["indicator_code"],
           "name": row["indicator_name"], "milestone_on": f"{year}-12-31", "operator": ">=",
           "value": str(40 + 3 * (year - MILESTONES[0])), "as_written": f"≥ {40 + 3 * (year - MILESTONES[0])}",
           "unit_of_measure": "%", "unit_as_written": "%", "is_aspirational": "false",
           "lead_as_written": agencies[i % AGENCIES]}
        for i, row in enumerate(indicators)
        for year in MILESTONES
    ]  # fmt: skip
    folder = sources / "plans" / plan["plan_id"]
    folder.mkdir(parents=True)
    (folder / "plan.yml").write_text(plan_text(plan), encoding="utf-8")
    (folder / "targets.csv").write_text(rows_text(columns, targets), encoding="utf-8")
    (folder / "tasks.csv").write_text(rows_text(tasks, []), encoding="utf-8")


# ---------------------------------------------------------------- the home


def make_home(home: Home, sources: Path, months: int, day: str) -> int:
    """An illustrative home with so many months of history, all read, checked and answered. Returns its figures."""
    figures = make(home, COMMUNES, months, sources=sources, first=month(months), passed=LONGEST - months, entered=1)
    with building(home) as con:
        received = dicts(con, "SELECT * FROM raw.receipt ORDER BY ledger_sequence")
    entries: list[dict[str, Any]] = [{"sequence": 1, "event": "illustrative", "seed": 57, "day": day}]
    for row in received:
        at = row["received_at"].replace(tzinfo=VIETNAM)
        entries.append(
            {"sequence": row["ledger_sequence"], "event": "received", "sha256": row["sha256"],
             "size": row["size_bytes"], "folder": row["folder"], "name": row["original_name"],
             "identity": f"{row['ledger_sequence']}:{int(at.timestamp())}000000000",
             "received_at": at.isoformat(timespec="microseconds"), "submission_id": row["submission_id"]}
        )  # fmt: skip
    told = [[row["submission_id"], 1, "accepted"] for row in received]
    entries.append({"sequence": len(entries) + 1, "event": "told", "told": told})
    home.archive.mkdir(parents=True)
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    home.ledger.write_text(text, encoding="utf-8")
    for row in received:  # its answer lies there: nothing of it is read, and one that is missing is written again
        folder = home.feedback / row["commune_code"] / row["agency_code"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row['submission_id']}-{row['submission_id']}.xlsx").touch()
    return figures


_SAID = """
SELECT r.commune_code, r.agency_code, a.indicator_code, a.numerator::INTEGER AS numerator,
    a.denominator::INTEGER AS denominator
FROM checked.actual AS a
JOIN checked.submission AS s USING (submission_id)
JOIN raw.receipt AS r USING (submission_id)
WHERE s.period_code = $period
ORDER BY ALL
"""


def said(home: Home, period: str) -> dict[tuple[str, str], Answers]:
    """The figures of a month of the history, by commune and agency."""
    found: dict[tuple[str, str], Answers] = defaultdict(dict)
    with building(home) as con:
        for commune, agency, indicator, part, whole in con.execute(_SAID, {"period": period}).fetchall():
            found[commune, agency][indicator] = {"numerator": part, "denominator": whole}
    return found


def new_month(home: Home) -> list[Form]:
    """Every agency's form of the month after the history: each figure a little above the last."""
    last = said(home, month(1))
    forms: list[Form] = []
    for (commune, agency), answers in last.items():
        for answer in answers.values():
            answer["numerator"] = min(answer["denominator"], answer["numerator"] + 1 + len(forms) % 7)
        forms.append(Form(commune, agency, NEW, answers))
    return forms


def correction(home: Home, months: int) -> Form:
    """A form of a month in the middle of the history, sent again with one figure other than it was."""
    period = month(1 + months // 2)
    (commune, agency), answers = min(said(home, period).items())
    first = min(answers)
    answers[first]["numerator"] -= 17
    return Form(commune, agency, period, answers)


# ---------------------------------------------------------------- the workbooks


def write_forms(sources: Path, forms: Iterable[Form], folder: Path, day: datetime) -> list[Path]:
    """Fill in the forms, on all cores. Each bears a second of its own of the day."""
    folder.mkdir(parents=True)
    forms = list(forms)
    with ProcessPoolExecutor() as workers:
        files = list(workers.map(_write_form, forms, [sources] * len(forms), [folder] * len(forms), chunksize=20))
    for n, file in enumerate(files):
        at = int(day.replace(tzinfo=VIETNAM).timestamp()) + n
        os.utime(file, (at, at))
    return files


def _write_form(form: Form, sources: Path, folder: Path) -> Path:
    known = _registry(sources)
    return write_template(
        known, form.commune, form.agency, form.period, folder / form.name, illustrative=True, answers=form.answers
    )


@cache
def _registry(sources: Path) -> Registry:
    return registries.load(sources)


def put(files: Iterable[Path], home: Home, sources: Path) -> None:
    """Copy workbooks, their times kept, to where their agencies drop them."""
    for file in files:
        commune, agency, _ = file.name.split("-", 2)
        folder = home.inbox / _registry(sources).folder_of(commune) / agency
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, folder / file.name)
