"""'kpi57 plans check': what is wrong in the transcription of the plans, and what is wrong in the documents.

An error is a fault of ours (the registry does not say what was printed); a note is a reviewer's reading that differs
from the program's, or what is left to a person; a warning is a fault of the document (it contradicts itself), which is
shown and never changed.
Reading the plans belongs to plan_folders.py.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from pipelines.files import Row
from pipelines.plans.reading.document import ROMAN
from pipelines.plans.understood import (
    TARGET_COLUMNS,
    TASK_COLUMNS,
    agrees,
    plan_year,
    read_deadline,
    read_target,
    stands_in,
)
from pipelines.registry.plan_folders import NO_CODE
from pipelines.registry.registry import Registry
from pipelines.vietnamese import fold
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.models import build, models
from pipelines.warehouse.rows import replace

_OWN_TARGETS = re.compile(r"chỉ tiêu[^.;]* tại kế hoạch này", re.IGNORECASE)
_CONFLICTS = """
SELECT plan_id, kind, indicator_code, indicator_name, milestone_on, first_appendix, first_row_number, first_as_written,
    second_appendix, second_row_number, second_as_written, first_scope, second_scope
FROM marts.mart_plan_conflict
"""
_KINDS = {
    "conflict": ("conflict", "sets two figures"),
    "near": ("near_conflict", "sets two figures for two scopes"),
    "repeated": ("stated_twice", "sets the same figure twice"),
}


class Finding(NamedTuple):
    """severity error (transcription), note (what a person decided or has to) or warning (document); place: as
    printed."""

    severity: str
    code: str
    plan_id: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.plan_id} {self.place}: {self.message} [{self.code}]"


def check_plans(registry: Registry) -> list[Finding]:
    """All findings on all plans, errors first, then by plan, code and place."""
    checks: list[Callable[[Registry], Iterable[Finding]]] = [
        _normal_text, _targets_as_written, _deadlines_as_written, _without_code, _several_leads, _conflicts, _falling,
        _early_deadlines, _undated, _without_agency, _gaps, _pointing_nowhere, _stated_in_several_rows,
    ]  # fmt: skip
    found = [finding for check in checks for finding in check(registry)]
    return sorted(found, key=lambda f: (f.severity, f.plan_id, f.code))


def _place(row: Row) -> str:
    parts = [row["appendix"], row.get("section", ""), row["row_number"]]
    return ", ".join(part for part in parts if part)


# ---------------------------------------------------------------- faults of the transcription


def _normal_text(registry: Registry) -> Iterator[Finding]:
    for row in [*registry.targets, *registry.tasks]:
        for name, value in row.items():
            if isinstance(value, str) and (not unicodedata.is_normalized("NFC", value) or value != value.strip()):
                yield Finding("error", "text", row["plan_id"], _place(row), f"{name} is no trimmed NFC text: {value!r}")


def _targets_as_written(registry: Registry) -> Iterator[Finding]:
    """What is kept must be what the cell says; what only a person can read must be in it, or have a reason."""
    for row in registry.targets:
        written, read = row["as_written"], read_target(row["as_written"])
        kept = {name: _text(row[name]) for name in TARGET_COLUMNS} | {
            "is_aspirational": "true" if row["is_aspirational"] else "false"
        }
        columns = read.columns if read else {}
        figures = [figure for name in ("value", "value_high") if (figure := kept[name])]
        differs = not read or any(not agrees(name, kept[name], columns) for name in TARGET_COLUMNS)
        if row["reading_reason"] and differs:
            yield _overruled(row, written, columns, kept)
        elif read and (read.question or (columns["operator"] == "text" and figures)):
            if absent := [figure for figure in figures if not stands_in(figure, written)]:
                yield _figure(row, f"{absent[0]} is not in {written!r}")
        elif differs:
            yield _figure(row, f"{written!r} reads {_shown(columns)}, the registry says {_shown(kept)}")
        if row["unit_of_measure"] == "%" and any(not 0 <= float(figure) <= 100 for figure in figures):
            yield _figure(row, f"{row['value']} is no percentage")


def _figure(row: Row, message: str) -> Finding:
    return Finding("error", "figure", row["plan_id"], _place(row), message)


def _overruled(row: Row, written: str, columns: Mapping[str, str], kept: Mapping[str, str]) -> Finding:
    said = f"{written!r} reads {_shown(columns)}, a reviewer says {_shown(kept)}: {row['reading_reason']}"
    return Finding("note", "overruled", row["plan_id"], _place(row), said)


def _shown(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in columns.items() if value not in ("", "false")) or "nothing"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _deadlines_as_written(registry: Registry) -> Iterator[Finding]:
    for row in registry.tasks:
        written = row["deadline_as_written"]
        read = read_deadline(written, plan_year(registry.plans[row["plan_id"]]))
        kept = {name: _text(row[name]) for name in TASK_COLUMNS}
        differs = any(not agrees(name, kept[name], read.columns) for name in TASK_COLUMNS)
        if row["reading_reason"] and differs:
            yield _overruled(row, written, read.columns, kept)
        elif read.question and not kept["recurrence"]:
            yield Finding("error", "deadline", row["plan_id"], _place(row), f"{written!r} has not been read")
        elif differs and not read.question:
            yield Finding("error", "deadline", row["plan_id"], _place(row),
                          f"{written!r} reads {_shown(read.columns)}, the registry says {_shown(kept)}")  # fmt: skip


def _without_code(registry: Registry) -> Iterator[Finding]:
    for row in registry.targets:
        if row["indicator_code"] is None:
            yield Finding("note", "no_code", row["plan_id"], _place(row),
                          f"{row['name']}: {row['as_written']}: no code yet, so it is kept and shown, neither "
                          f"asked nor compared. Once indicators.csv has a code, write it in place of '{NO_CODE}' "
                          "in targets.csv, or in the plan's workbook (plans template, plans add)")  # fmt: skip


def _several_leads(registry: Registry) -> Iterator[Finding]:
    """An indicator that one row gives to several agencies, of which nobody said which reports it."""
    told: set[tuple[str, str]] = set()
    for row in registry.targets:
        codes = registry.agency_names.resolve(row["lead_as_written"]) or []
        key = row["plan_id"], row["indicator_code"]
        settled = registry.plans[row["plan_id"]]["reports"]
        if len(codes) > 1 and row["indicator_code"] and row["indicator_code"] not in settled and key not in told:
            told.add(key)
            yield Finding("note", "several_leads", row["plan_id"], _place(row),
                          f"{row['indicator_code']} is led by {' and '.join(codes)}: {codes[0]}, named first, reports "
                          "it for all; name another under 'reports' in plan.yml, or give each part a code")  # fmt: skip


# ---------------------------------------------------------------- faults of the documents


def _conflicts(registry: Registry) -> Iterator[Finding]:
    """From marts.mart_plan_conflict, built on the registry alone: one definition of a conflict."""
    with in_memory() as con:
        for table, rows in registry.rows().items():
            replace(con, table, rows)
        wanted = {"marts.mart_plan_conflict"}
        for model in reversed(models()):
            wanted |= model.reads if model.table in wanted else set()
        for model in models():
            if model.table in wanted:
                build(con, model)
        for (plan, kind, code, name, on, appendix, row, said, appendix2, row2, said2, scope, scope2) in con.execute(
            _CONFLICTS
        ).fetchall():  # fmt: skip
            word, says = _KINDS[kind]
            scopes = f" ({scope} / {scope2})" if scope != scope2 else f" ({scope})" if scope else ""
            yield Finding("warning", word, plan, f"{appendix}, {row} and {appendix2}, {row2}",
                          f"{code} {name}{scopes} {says} for {on:%Y}: {said} and {said2}")  # fmt: skip


def _falling(registry: Registry) -> Iterator[Finding]:
    series: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in registry.targets:
        if row["value"] is not None and row["indicator_code"] and row["milestone_on"]:
            series[row["plan_id"], row["indicator_code"], row["scope"], row["appendix"]].append(row)
    for rows in series.values():
        rows.sort(key=lambda row: row["milestone_on"])
        sign = -1 if registry.indicators[rows[0]["indicator_code"]]["direction"] == "lower_is_better" else 1
        for before, after in itertools.pairwise(rows):
            if sign * float(after["value"]) < sign * float(before["value"]):
                yield Finding("warning", "falling", after["plan_id"], _place(after),
                              f"{after['as_written']} for {after['milestone_on'][:4]} after {before['as_written']} for "
                              f"{before['milestone_on'][:4]}")  # fmt: skip


def _early_deadlines(registry: Registry) -> Iterator[Finding]:
    for row in registry.tasks:
        issued = registry.plans[row["plan_id"]]["issued_on"]
        if issued and row["due_on"] and date.fromisoformat(row["due_on"]) < issued:
            yield Finding("warning", "early_deadline", row["plan_id"], _place(row),
                          f"due {row['deadline_as_written']}, before the plan's date {issued}")  # fmt: skip


def _undated(registry: Registry) -> Iterator[Finding]:
    for row in registry.tasks:
        if not row["deadline_as_written"]:
            yield Finding("warning", "no_deadline", row["plan_id"], _place(row), "the task has no deadline")


def _without_agency(registry: Registry) -> Iterator[Finding]:
    for row in [*registry.targets, *registry.tasks]:
        if not row["lead_as_written"]:
            yield Finding("warning", "no_agency", row["plan_id"], _place(row), "no agency leads this row")


def _gaps(registry: Registry) -> Iterator[Finding]:
    """Numbers and sections that a printed count skips. Ranks that do not rise (Resolution 71's) are no count."""
    for plan_id in registry.plans:
        rows = [task for task in registry.tasks if task["plan_id"] == plan_id]
        for appendix in dict.fromkeys(row["appendix"] for row in rows):
            of_appendix = [row for row in rows if row["appendix"] == appendix]
            sections = list(dict.fromkeys(row["section"] for row in of_appendix))
            for before, after in _skips([ROMAN.index(s) if s and s in ROMAN else None for s in sections]):
                yield Finding("warning", "gap", plan_id, appendix or "appendix",
                              f"section {ROMAN[after]} follows section {ROMAN[before]}")  # fmt: skip
            numbers = [_count(row["row_number"]) for row in of_appendix]
            runs_on = all(b >= a for a, b in itertools.pairwise(numbers))
            groups = [numbers]
            if not runs_on:
                groups = [[_count(r["row_number"]) for r in of_appendix if r["section"] == s] for s in sections]
            if not runs_on and any(group[0] != 1 for group in groups):
                continue
            for group in groups:
                for before, after in _skips([*dict.fromkeys(group)]):
                    missing = ", ".join(str(n) for n in range(before + 1, after))
                    yield Finding("warning", "gap", plan_id, f"{appendix or 'appendix'}, {after}",
                                  f"row {missing} is missing in the document's numbering")  # fmt: skip


def _count(row_number: str) -> int:
    found = re.match(r"\d+", row_number)  # '16.1' and '2a' count as 16 and 2
    return int(found[0]) if found else 0


def _skips(numbers: list[int | None]) -> Iterator[tuple[int, int]]:
    for before, after in itertools.pairwise(numbers):
        if before is not None and after is not None and after > before + 1:
            yield before, after


def _pointing_nowhere(registry: Registry) -> Iterator[Finding]:
    """Tasks that ask to reach the targets of this plan, where the plan has no list of targets."""
    listed = {t["plan_id"] for t in registry.targets if t["unit_as_written"] or (t["milestone_on"] or "")[:4] > "2026"}
    for row in registry.tasks:
        if row["plan_id"] not in listed and _OWN_TARGETS.search(f"{row['title']} {row['deliverable']}"):
            yield Finding("warning", "points_nowhere", row["plan_id"], _place(row),
                          "asks to reach targets of this plan, which lists none")  # fmt: skip


def _stated_in_several_rows(registry: Registry) -> Iterator[Finding]:
    """The same indicator, under the same words, in several rows of one appendix."""
    rows: dict[tuple[str, str, str], dict[str, Row]] = defaultdict(dict)
    for row in registry.targets:
        rows[row["plan_id"], row["appendix"], fold(row["name"])].setdefault(row["row_number"], row)
    for (plan_id, appendix, _), named in rows.items():
        if len(named) > 1:
            first = next(iter(named.values()))
            name = " ".join(filter(None, (first["indicator_code"], first["name"])))
            yield Finding("warning", "stated_twice", plan_id, f"{appendix}, {' and '.join(named)}",
                          f"{name} is in {len(named)} rows")  # fmt: skip
