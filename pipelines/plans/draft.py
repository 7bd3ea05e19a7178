"""A filled plan workbook as a plan: the cells of a row and the rows of a plan held together.

The understood columns are derived from what is written where they are left empty, and must agree with it where they
are filled. Single cells are read in cell_values.py; whether the plan fits into the registry is add.py's question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from pipelines.files import Row
from pipelines.plans.cell_values import CellReader
from pipelines.plans.plan_files import rows_text
from pipelines.plans.understood import (
    TARGET_COLUMNS,
    Reading,
    agrees,
    plan_year,
    read_deadline,
    stands_in,
    target_reading,
)
from pipelines.plans.workbook_cells import At, Cells, Faults, Sheets
from pipelines.registry.plan_folders import NO_CODE
from pipelines.vietnamese import Target, parse_target, slug

_TARGET_KEY = ("appendix", "row_number", "scope", "indicator_code", "milestone_on")
_TASK_KEY = ("appendix", "section", "row_number")


@dataclass
class Draft:
    """A plan as read: plan.yml's content and the rows of its two tables, each row with its cells.

    A value is None where a fault was noted; a draft without faults has none in its rows.
    """

    plan: Row = field(default_factory=dict)
    rows: dict[str, list[tuple[Row, Cells]]] = field(default_factory=dict)

    @property
    def plan_id(self) -> str | None:
        return self.plan.get("plan_id") or None

    def table_text(self, form: Row, table: str) -> str:
        """targets.csv or tasks.csv."""
        columns = [column["name"] for column in form[table]["columns"]]
        return rows_text(columns, [row for row, _ in self.rows[table]])


def read_draft(sheets: Sheets, reader: CellReader) -> Draft:
    """Read the cells into a draft, noting every fault at its cell."""
    draft = Draft(_plan(sheets, reader))
    year = plan_year(draft.plan)

    def understand_task(row: Row, cells: Cells, reader: CellReader) -> None:
        _understand_task(row, cells, reader, year)

    for table, understand, key in (("targets", _understand_target, _TARGET_KEY),
                                   ("tasks", understand_task, _TASK_KEY)):  # fmt: skip
        draft.rows[table] = [
            (_row(cells, reader, reader.form[table]["columns"], understand), cells)
            for cells in sheets.rows.get(table, [])
        ]
        _find_duplicates(draft.rows[table], key, reader.faults)
    return draft


# ---------------------------------------------------------------- plan.yml


def _plan(sheets: Sheets, reader: CellReader) -> Row:
    plan: Row = {}
    for about in reader.form["plan"]["fields"]:
        at = sheets.fields.get(about["name"])
        value = reader.take(at, about) if at else None
        part, _, name = about["name"].rpartition(".")
        (plan.setdefault(part, {}) if part else plan)[name] = value or None
    if not any(plan["supersedes"].values()):
        plan["supersedes"] = None
    elif not plan["supersedes"]["document_number"] and (at := sheets.fields.get("supersedes.document_number")):
        reader.faults.add("missing", at)
    for table in reader.form["plan"]["tables"]:
        rows = [({about["name"]: reader.take(cells[about["name"]], about) for about in table["columns"]}, cells)
                for cells in sheets.tables.get(table["name"], [])]  # fmt: skip
        if table["name"] == "reports":
            _find_duplicates(rows, ("indicator_code",), reader.faults)
        plan[table["name"]] = [{name: value or None for name, value in row.items()} for row, _ in rows]
    plan["reports"] = {row["indicator_code"]: row["agency_code"] for row in plan["reports"]}
    plan["notes"] = [row["note"] for row in plan["notes"]]
    plan["plan_id"] = _plan_id(plan, sheets.fields.get("plan_id"), reader)
    return plan


def _plan_id(plan: Row, at: At | None, reader: CellReader) -> str | None:
    """The folder's name: the one given, if it is the commune's, else made from commune and date."""
    given, commune_code, issued_on = plan["plan_id"], plan["commune_code"], plan["issued_on"]
    if commune_code is None:
        return None
    expected = f"{commune_code}-{slug(reader.communes[commune_code]['short_name'])}"
    if not given:
        if issued_on:
            return f"{expected}-{issued_on.year}"
        reader.faults.add("no_year", at, expected=expected)
        return None
    if not re.fullmatch(rf"{re.escape(expected)}-20\d\d(-[2-9])?", given):
        year = issued_on.year if issued_on else 2026
        reader.faults.add("other_plan_id", at, expected=expected, year=year)
        return None
    return str(given)


# ---------------------------------------------------------------- rows

Understand = Callable[[Row, Cells, CellReader], None]


def _row(cells: Cells, reader: CellReader, columns: list[Row], understand: Understand) -> Row:
    row: Row = {}
    for about in columns:
        at = cells.get(about["name"])
        value = reader.take(at, about) if at else ""
        row[about["name"]] = value.isoformat() if isinstance(value, date) else value
    understand(row, cells, reader)
    return row


def _find_duplicates(rows: list[tuple[Row, Cells]], key: tuple[str, ...], faults: Faults) -> None:
    seen: dict[tuple[str, ...], At] = {}
    for row, cells in rows:
        at = cells.get("row_number") or next(iter(cells.values()))
        values = tuple(row[name] for name in key)
        if None in values:
            continue
        if first := seen.get(values):
            shown = ", ".join(cells[name].shown for name in key if name in cells and not cells[name].is_blank)
            faults.add("duplicate", at, first=first.row, key=shown)
        else:
            seen[values] = at


def _agree(row: Row, cells: Cells, read: Reading, written: str, reader: CellReader) -> None:
    """Take over what is understood from the cell as written. What was filled in must say the same, or say why not."""
    names = list(read.columns)
    if row["reading_reason"] and row[names[0]]:  # a person's own reading, whole
        return
    for name in names:
        given = row[name]
        if given is None:
            continue
        if given and not agrees(name, given, read.columns):
            if row["reading_reason"]:
                continue
            said = _worded(name, read.columns[name], reader.form)
            reader.faults.add("contradiction", cells[name], as_written=row[written], understood=said)
        if not (given and name == "due_on"):
            row[name] = read.columns[name]


def _worded(name: str, value: str, form: Row) -> str:
    """A value of an understood column as people write it."""
    [takes] = [c["takes"] for part in ("targets", "tasks") for c in form[part]["columns"] if c["name"] == name]
    if not value:
        return str(form["wording"]["nothing"])
    if takes in ("date", "dates"):
        return "; ".join(f"{date.fromisoformat(day):%d/%m/%Y}" for day in value.split("; "))
    if takes == "recurring_day":
        return "/".join(reversed(value.split("-")))
    return str(form["choices"].get(takes, {}).get(value, value.replace(".", ",")))


# ---------------------------------------------------------------- targets


def _understand_target(row: Row, cells: Cells, reader: CellReader) -> None:
    if not row["as_written"]:
        return
    said = parse_target(row["as_written"])
    if said is None:
        reader.faults.add("no_target", cells["as_written"])
        return
    read = target_reading(said)
    given = [row[name] for name in TARGET_COLUMNS[:3]]
    in_words = given in (["", "", ""], ["text", "", ""])
    if read.question and given == ["", "", ""]:
        reader.faults.add("question_target", cells["as_written"], as_written=row["as_written"],
                          question=reader.form["questions"][read.question])  # fmt: skip
    elif read.question or (said.operator == "text" and not in_words) or (row["reading_reason"] and row["operator"]):
        row["is_aspirational"] = row["is_aspirational"] or read.columns["is_aspirational"]
        _check_sentence(row, cells, reader.faults)
    else:
        _agree(row, cells, read, "as_written", reader)
        _check_beside(row, cells, said, reader)
    _check_range(row, cells, reader.faults)
    _check_unit(row, cells, reader)


def _check_beside(row: Row, cells: Cells, said: Target, reader: CellReader) -> None:
    """The year and the unit the text itself names are those of the row, or somebody says why not."""
    if row["reading_reason"]:
        return
    if (
        said.year
        and row["milestone_on"]
        and row["milestone_on"] != (said.due_on or date(said.year, 12, 31)).isoformat()
    ):
        day = f"{said.due_on or date(said.year, 12, 31):%d/%m/%Y}"
        reader.faults.add("other_year", cells["milestone_on"], as_written=row["as_written"], day=day)
    indicator = reader.indicators.get(row["indicator_code"] or "")
    if indicator and said.unit and (said.unit == "%") != (indicator["unit_of_measure"] == "%"):
        reader.faults.add("unit_in_text", cells["indicator_code"], as_written=row["as_written"], said=said.unit,
                          indicator=row["indicator_code"], unit=indicator["unit_of_measure"])  # fmt: skip


def _check_sentence(row: Row, cells: Cells, faults: Faults) -> None:
    """A figure inside a sentence is the typist's reading: it must be complete and be in the sentence."""
    operator = row["operator"]
    if operator == "":
        faults.add("no_operator", cells.get("operator", cells["as_written"]))
    needed = {"range": ["value", "value_high"], "text": []}.get(operator, ["value"])
    for name in ("value", "value_high"):
        given = row[name]
        if given == "" and operator and name in needed:
            faults.add("no_figure", cells.get(name, cells["as_written"]))
        elif given and operator and name not in needed:
            faults.add("odd_figure", cells[name], operator=cells["operator"].shown)
        elif given and not row["reading_reason"] and not stands_in(given, row["as_written"]):
            faults.add("not_in_sentence", cells[name], as_written=row["as_written"])


def _typed(name: str, cells: Cells) -> At:
    """The cell of an understood column; the cell as written where it was left empty."""
    return cells["as_written"] if name not in cells or cells[name].is_blank else cells[name]


def _check_range(row: Row, cells: Cells, faults: Faults) -> None:
    low, high = row["value"], row["value_high"]
    if row["operator"] == "range" and low and high and Decimal(low) >= Decimal(high):
        faults.add("bad_range", _typed("value_high", cells))


def _check_unit(row: Row, cells: Cells, reader: CellReader) -> None:
    """A figure has its indicator's unit; without a code, that which the plan prints. A percentage stays within 100."""
    if row["indicator_code"] == NO_CODE and row["unit_of_measure"] == "":
        row["unit_of_measure"] = row["unit_as_written"] or ("%" if "%" in row["as_written"] else "")
    indicator = reader.indicators.get(row["indicator_code"] or "")
    if indicator is None and row["indicator_code"] != NO_CODE:
        return
    unit = indicator["unit_of_measure"] if indicator else row["unit_of_measure"]
    if row["unit_of_measure"] not in ("", None, unit):
        reader.faults.add("other_unit", cells["unit_of_measure"], indicator=row["indicator_code"],
                          unit=unit or reader.form["wording"]["nothing"])  # fmt: skip
    elif row["value"] and row["unit_of_measure"] == "":
        row["unit_of_measure"] = unit
    for name in ("value", "value_high"):
        if unit == "%" and row[name] and Decimal(row[name]) > 100:
            reader.faults.add("no_percentage", _typed(name, cells))


# ---------------------------------------------------------------- tasks


def _understand_task(row: Row, cells: Cells, reader: CellReader, year: int | None) -> None:
    if row["deadline_as_written"] is None:
        return
    read = read_deadline(row["deadline_as_written"], year)
    if not read.question:
        _agree(row, cells, read, "deadline_as_written", reader)
        return
    row["recurrence"] = row["recurrence"] or ("once" if row["due_on"] else row["recurrence"])
    if read.question == "no_such_day" and not row["reading_reason"]:
        reader.faults.add("bad_deadline", cells["deadline_as_written"])
    elif row["recurrence"] == "":
        reader.faults.add("question_deadline", cells["deadline_as_written"], as_written=row["deadline_as_written"],
                          question=reader.form["questions"][read.question])  # fmt: skip
