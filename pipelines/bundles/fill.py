"""Somebody else's workbook, filled with our figures cell by cell as a mapping says, or compared with them.

A mapping is data, a YAML file of the operator: docs/exports.md. How a cell gets its value is office/patching.py; which
figures there are was settled in models/.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import yaml

from pipelines.office.figures import answers, day
from pipelines.office.patching import Book, Place, Value
from pipelines.reading.sheet import address
from pipelines.vietnamese import format_number, parse_number
from pipelines.warehouse.rows import dicts

FIGURE_FIELDS = ("value", "numerator", "denominator", "note")
TASK_FIELDS = ("state", "percent_done", "document_number", "document_date", "result", "difficulty", "proposal")
_KEYS = {"cell", "sheet", "indicator", "task", "field", "period", "commune", "unit", "divide_by", "overwrite"}
_CELL = re.compile(r"(?:(?P<sheet>.+)!)?\$?(?P<column>[A-Z]{1,3})\$?(?P<row>[1-9]\d{0,6})")
_STORED = Decimal("0.00000001")  # four places of a figure, as a share of 1 or in millions


class Entry(NamedTuple):
    """One cell of the mapping: what goes into it."""

    place: Place
    code: str
    field: str
    is_task: bool
    period: str
    commune: str | None
    unit: str | None
    divide_by: Decimal
    overwrite: bool

    @property
    def cell(self) -> str:
        return f"{self.place[0]}!{address(*self.place[1:])}"


class Outcome(NamedTuple):
    """What became of a cell. ours: what we have for it, as it would be written; theirs: what the workbook has;
    problem: why it was not filled in, or how the two differ; '' where there is none."""

    entry: Entry
    ours: Decimal | str | None
    theirs: Decimal | str | None
    problem: str


def read_map(path: Path, period: str, commune: str | None) -> list[Entry]:
    """The cells of a mapping; period and commune hold where a cell says nothing else. Raises ValueError naming every
    fault."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(said, dict) or not isinstance(said.get("cells"), list):
        raise ValueError(f"{path}: a mapping has 'cells', a list of {{cell, indicator or task, field ...}}")
    faults: list[str] = []
    entries: list[Entry] = []
    for number, given in enumerate(said["cells"], 1):
        try:
            entries.append(_entry(given, said.get("sheet"), period, commune))
        except (ValueError, InvalidOperation) as error:
            faults.append(f"{path}, cell {number}: {error}")
    twice = {entry.cell for n, entry in enumerate(entries) if entry.place in [one.place for one in entries[:n]]}
    faults += [f"{path}: {cell} is there twice" for cell in sorted(twice)]
    if faults:
        raise ValueError("\n".join(faults))
    return entries


def _entry(given: Any, sheet: str | None, period: str, commune: str | None) -> Entry:
    if not isinstance(given, dict):
        raise ValueError(f"{given!r} is no entry")
    if unknown := given.keys() - _KEYS:
        raise ValueError(
            f"{', '.join(sorted(map(str, unknown)))} is not known; an entry has {', '.join(sorted(_KEYS))}"
        )
    found = _CELL.fullmatch(str(given.get("cell", "")))
    named = found and (found["sheet"] or given.get("sheet") or sheet)
    if not found or not named:
        raise ValueError(f"cell '{given.get('cell', '')}' is no cell: write D7 (with 'sheet') or Sheet1!D7")
    if ("indicator" in given) == ("task" in given):
        raise ValueError("give either an indicator or a task")
    is_task = "task" in given
    fields = TASK_FIELDS if is_task else FIGURE_FIELDS
    name = str(given.get("field", "state" if is_task else "value"))
    if name not in fields:
        raise ValueError(f"field '{name}' is none of {', '.join(fields)}")
    divide_by = Decimal(str(given.get("divide_by", 1)))
    if divide_by <= 0:
        raise ValueError("divide_by is a number above 0")
    column = 0
    for letter in found["column"]:
        column = column * 26 + ord(letter) - 64
    return Entry(
        (str(named).strip("'"), int(found["row"]), column),
        str(given["task" if is_task else "indicator"]), name, is_task, str(given.get("period", period)),
        str(given["commune"]) if "commune" in given else commune, given.get("unit"), divide_by,
        given.get("overwrite") is True,
    )  # fmt: skip


# ---------------------------------------------------------------- our figures

_OF_COMMUNE = """
SELECT a.numerator, a.denominator, a.value, a.value_text, a.note, i.kind, i.unit_of_measure
FROM core.fct_actual AS a
JOIN core.dim_indicator AS i USING (indicator_code)
WHERE a.is_current AND NOT a.is_withdrawn AND a.commune_code = $commune AND a.indicator_code = $code
    AND a.period_code = $period
ORDER BY a.agency_code = (
    SELECT b.agency_code FROM core.bridge_indicator_duty AS b
    WHERE b.commune_code = $commune AND b.indicator_code = $code) DESC NULLS LAST, a.recorded_at DESC
LIMIT 1
"""
_OF_CITY = """
SELECT c.numerator, c.denominator, c.value, NULL AS value_text, NULL AS note, i.kind, i.unit_of_measure
FROM marts.mart_city_progress AS c
JOIN core.dim_indicator AS i USING (indicator_code)
WHERE c.indicator_code = $code AND c.period_code = $period
"""
_OF_TASK = """
SELECT state, percent_done, document_number, document_date, result, difficulty, proposal
FROM core.fct_task_report
WHERE is_current AND NOT is_part AND task_id = $code AND period_code = $period
ORDER BY recorded_at DESC
"""
_KNOWN = {
    "indicator": "SELECT count(*) FROM core.dim_indicator WHERE indicator_code = ?",
    "task": "SELECT count(*) FROM core.dim_task WHERE task_id = ?",
    "period": "SELECT count(*) FROM core.dim_period WHERE period_code = ?",
    "commune": "SELECT count(*) FROM core.dim_commune WHERE commune_code = ?",
}


class NothingError(LookupError):
    """There is nothing to put into a cell, and why."""


def _ours(con: duckdb.DuckDBPyConnection, entry: Entry, shows: str) -> Decimal | str:
    """What goes into a cell that shows numbers in a way. Raises NothingError."""
    named = {"task" if entry.is_task else "indicator": entry.code, "period": entry.period}
    if entry.commune and not entry.is_task:
        named["commune"] = entry.commune
    for what, code in named.items():
        if con.execute(_KNOWN[what], [code]).fetchone() == (0,):
            raise NothingError(f"there is no {what} '{code}'")
    found = _task(con, entry) if entry.is_task else _figure(con, entry)
    if isinstance(found, date):
        return day(found)
    if not isinstance(found, Decimal):
        return str(found)
    scaled = found / entry.divide_by
    if shows in ("d", "duration"):
        raise NothingError("the cell is formatted as a date or time")
    if shows == "p":
        if entry.unit not in (None, "%") or not _is_percentage(entry, con):
            raise NothingError("the cell is formatted as a percentage, which the figure is not")
        scaled = scaled.scaleb(-2)
    return scaled.quantize(_STORED, ROUND_HALF_EVEN).normalize()


def _is_percentage(entry: Entry, con: duckdb.DuckDBPyConnection) -> bool:
    if entry.is_task:
        return entry.field == "percent_done"
    row = con.execute(
        "SELECT unit_of_measure FROM core.dim_indicator WHERE indicator_code = ?", [entry.code]
    ).fetchone()
    return entry.field == "value" and row == ("%",)


def _figure(con: duckdb.DuckDBPyConnection, entry: Entry) -> Decimal | str:
    asked = {"code": entry.code, "period": entry.period}
    rows = dicts(con, _OF_COMMUNE, asked | {"commune": entry.commune}) if entry.commune else dicts(con, _OF_CITY, asked)
    if not rows:
        raise NothingError(f"no figure for {entry.period}")
    [row] = rows
    if entry.field == "value":
        own = row["unit_of_measure"] or None
        if entry.unit is not None and entry.unit != own and entry.divide_by == 1:
            raise NothingError(f"the cell is counted in {entry.unit}, the indicator in {own}: say 'divide_by'")
        if row["kind"] == "yes_no" and row["value"] is not None:
            return answers()["yes_no"][f"{row['value']:.0f}"]
        if row["value"] is None and row["value_text"]:
            return str(row["value_text"])
    if row[entry.field] is None:
        raise NothingError(f"no {entry.field} for {entry.period}")
    return row[entry.field] if isinstance(row[entry.field], Decimal) else str(row[entry.field])


def _task(con: duckdb.DuckDBPyConnection, entry: Entry) -> Decimal | str | date:
    rows = [row[entry.field] for row in dicts(con, _OF_TASK, {"code": entry.code, "period": entry.period})]
    said = list(dict.fromkeys(one for one in rows if one is not None))
    if not said:
        raise NothingError(f"no {entry.field} reported for {entry.period}")
    if len(said) > 1:
        raise NothingError(f"the agencies say different things: {'; '.join(str(one) for one in said)}")
    found: Decimal | str | date = answers()["state"][said[0]] if entry.field == "state" else said[0]
    return found


# ---------------------------------------------------------------- filled, or compared


def fill(con: duckdb.DuckDBPyConnection, data: bytes, entries: list[Entry]) -> tuple[bytes, list[Outcome]]:
    """The workbook with every cell of the mapping that can be filled in, and what became of each. Raises
    UnreadableError (reading/formats) for what is no .xlsx."""
    book, outcomes = Book(data), []
    values: dict[Place, Value] = {}
    for entry in entries:
        try:
            ours = _ours(con, entry, book.shows(entry.place) if entry.place[0] in book.sheets else "")
        except NothingError as nothing:
            outcomes.append(Outcome(entry, None, None, nothing.args[0]))
            continue
        value = Value(ours, entry.overwrite)
        problem = book.refusal(entry.place, value)
        if not problem:
            values[entry.place] = value
        outcomes.append(Outcome(entry, ours, None, problem))
    return book.filled(values), outcomes


def compare(con: duckdb.DuckDBPyConnection, data: bytes, entries: list[Entry]) -> list[Outcome]:
    """What the workbook says in the cells of the mapping beside what we have."""
    book, outcomes = Book(data), []
    for entry in entries:
        sheet = book.sheets.get(entry.place[0])
        if sheet is None:
            outcomes.append(Outcome(entry, None, None, f"the workbook has no sheet '{entry.place[0]}'"))
            continue
        cell = sheet.cells.get(entry.place[1:])
        theirs: Decimal | str | None = None
        if cell is not None:
            theirs = Decimal(cell.text) if cell.kind in ("n", "p") else cell.text
        try:
            ours: Decimal | str | None = _ours(con, entry, book.shows(entry.place))
            problem = "" if _same(ours, theirs) else "differs"
        except NothingError as nothing:
            ours, problem = None, "" if theirs is None else nothing.args[0]
        if theirs is None and ours is not None:
            problem = "the cell is empty"
        outcomes.append(Outcome(entry, ours, theirs, problem))
    return outcomes


def _same(ours: Decimal | str | None, theirs: Decimal | str | None) -> bool:
    """Whether what they have is ours, as far as they wrote decimals."""
    if isinstance(ours, Decimal) and isinstance(theirs, str):
        theirs = parse_number(theirs).value
    if not isinstance(ours, Decimal) or not isinstance(theirs, Decimal):
        return isinstance(ours, str) and isinstance(theirs, str) and ours.split() == theirs.split()
    exponent = theirs.as_tuple().exponent
    places = max(-exponent if isinstance(exponent, int) else 0, 0)
    return abs(ours - theirs) <= Decimal(5).scaleb(-places - 1)


def said(outcome: Outcome) -> str:
    """An outcome in a line for a terminal."""
    entry = outcome.entry
    asked = f"{entry.cell}: {entry.code} {entry.field} {entry.period}"
    shown = [f"{name} {_text(value)}" for name, value in (("ours", outcome.ours), ("theirs", outcome.theirs))
             if value is not None]  # fmt: skip
    return " · ".join([asked, *shown, *([outcome.problem] if outcome.problem else [])])


def _text(value: Decimal | str) -> str:
    text = format_number(value, 4) if isinstance(value, Decimal) else " ".join(value.split())
    return text if len(text) <= 60 else text[:60] + " …"
