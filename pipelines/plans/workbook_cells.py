"""A filled plan workbook as cells: which cell holds which field of the plan, target or task.

Here the workbook is only taken apart. What a cell may say is in cell_values.py, what the cells mean together in
draft.py. The file is a trusted operator's; files that agencies send are read by reading/read.py.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.files import Row
from pipelines.vietnamese import clean, fold


class At(NamedTuple):
    """A cell: where it is, the column or label it answers to, and what was typed."""

    sheet: str
    address: str
    row: int
    column: int
    what: str
    value: Any
    is_percent: bool = False
    is_error: bool = False

    @property
    def is_blank(self) -> bool:
        return self.value is None or (isinstance(self.value, str) and not clean(self.value))

    @property
    def shown(self) -> str:
        """What was typed, as people read it."""
        if isinstance(self.value, date | datetime):
            return f"{self.value:%d/%m/%Y}"
        return "" if self.value is None else str(self.value)


Cells = dict[str, At]


@dataclass
class Faults:
    """Everything found wrong, worded by the form's data."""

    wordings: Mapping[str, Mapping[str, str]]
    sheets: list[str] = field(default_factory=list)
    _found: list[tuple[tuple[int, int, int], Row]] = field(default_factory=list)

    def add(self, fault: str, at: At | None = None, *, sheet: str = "", **words: Any) -> None:
        """Note a fault at a cell, on a sheet, or of the whole file. words: what the message's braces ask for."""
        worded = self.wordings[fault]
        title = at.sheet if at else sheet
        words = {"what": at.what if at else "", **words}
        order = (self.sheets.index(title) if title in self.sheets else -1, at.row if at else 0, at.column if at else 0)
        finding = {
            "severity": "fail",
            "rule": worded["code"],
            "sheet": title,
            "cell": at.address if at else "",
            "found": at.shown if at else str(words.get("found", "")),
            "message": worded["message"].format_map(words),
            "fix": worded["fix"].format_map(words),
        }
        self._found.append((order, finding))

    @property
    def findings(self) -> list[Row]:
        """All faults in the order of the workbook, as rows that findings.findings_lines takes."""
        return [finding for _, finding in sorted(self._found, key=lambda found: found[0])]

    def __bool__(self) -> bool:
        return bool(self._found)


@dataclass
class Sheets:
    """The cells of a filled workbook: the plan's fields and small tables, and the rows of targets and tasks."""

    fields: Cells = field(default_factory=dict)
    tables: dict[str, list[Cells]] = field(default_factory=dict)
    rows: dict[str, list[Cells]] = field(default_factory=dict)


def read_sheets(path: Path, form: Row, faults: Faults) -> Sheets | None:
    """Take the workbook apart, noting what has no place in it. None if it cannot be opened."""
    try:
        book = load_workbook(path, data_only=True)
        _mark_uncalculated(book, load_workbook(path))
    except (InvalidFileException, zipfile.BadZipFile, KeyError, SyntaxError, ValueError, OSError) as error:
        faults.add("unreadable", found=error)
        return None
    by_title = {fold(sheet.title): sheet for sheet in book.worksheets}
    faults.sheets = book.sheetnames
    found = Sheets()
    for part in ("plan", "targets", "tasks"):
        sheet = by_title.get(fold(form[part]["title"]))
        if sheet is None:
            faults.add("no_sheet", what=form[part]["title"])
        elif part == "plan":
            _read_plan(sheet, form, found, faults)
        else:
            found.rows[part] = list(_read_rows(sheet, form[part]["columns"], form["required_mark"], faults))
    return found


def _mark_uncalculated(book: Workbook, formulas: Workbook) -> None:
    """A formula that was never calculated has no value; it must not pass for an empty cell."""
    for sheet in formulas.worksheets:
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"):
            value = book[sheet.title][cell.coordinate]
            if value.value is None:
                value.value, value.data_type = str(cell.value), "e"


def _at(sheet: Worksheet, row: int, column: int, what: str = "") -> At:
    cell = sheet.cell(row, column)
    return At(sheet.title, cell.coordinate, row, column, what, cell.value,
              isinstance(cell.number_format, str) and "%" in cell.number_format, cell.data_type == "e")  # fmt: skip


def _text(sheet: Worksheet, row: int, column: int, mark: str) -> str:
    """A title or label, fit to be compared; '' where the cell holds none."""
    value = sheet.cell(row, column).value
    return fold(clean(value).removesuffix(mark.strip())) if isinstance(value, str) else ""


# ---------------------------------------------------------------- the plan's own sheet


def _read_plan(sheet: Worksheet, form: Row, found: Sheets, faults: Faults) -> None:
    """Labels on the left with the answer beside them, then the small tables, each below its heading."""
    layout, mark = form["plan"], form["required_mark"]
    labels = {fold(one["label"]): one for one in layout["fields"]}
    headings = {fold(one["heading"]): one for one in layout["tables"]}
    width = len(layout["columns"])
    table: Row | None = None
    in_rows = False
    for row in range(1, sheet.max_row + 1):
        label = _text(sheet, row, 1, mark)
        if label in headings:
            table, in_rows = headings[label], False
            _once(found.tables, table["name"], [], _at(sheet, row, 1, table["heading"]), faults)
        elif table and in_rows:
            _table_row(sheet, row, table, width, found, faults)
        elif table:
            in_rows = label == fold(table["columns"][0]["header"])
        elif label in labels:
            about = labels[label]
            _once(found.fields, about["name"], _at(sheet, row, 2, about["label"]), _at(sheet, row, 1), faults)
        elif found.fields:
            _nothing_in(sheet, row, range(1, width + 1), faults)
        _nothing_in(sheet, row, range(width + 1, sheet.max_column + 1), faults)
    missing = [one["label"] for one in layout["fields"] if one["name"] not in found.fields]
    missing += [one["heading"] for one in layout["tables"] if one["name"] not in found.tables]
    for what in missing:
        faults.add("no_label", sheet=sheet.title, what=what)


def _once(found: dict[str, Any], name: str, value: Any, place: At, faults: Faults) -> None:
    if name in found:
        faults.add("twice", place, what=place.what or place.shown)
    else:
        found[name] = value


def _table_row(sheet: Worksheet, row: int, table: Row, width: int, found: Sheets, faults: Faults) -> None:
    cells = {column["name"]: _at(sheet, row, number, column["header"])
             for number, column in enumerate(table["columns"], 1)}  # fmt: skip
    if not all(at.is_blank for at in cells.values()):
        found.tables[table["name"]].append(cells)
    _nothing_in(sheet, row, range(len(cells) + 1, width + 1), faults)


def _nothing_in(sheet: Worksheet, row: int, columns: Iterable[int], faults: Faults) -> None:
    for column in columns:
        if not (at := _at(sheet, row, column)).is_blank:
            faults.add("odd_place", at)


# ---------------------------------------------------------------- targets and tasks


def _read_rows(sheet: Worksheet, columns: list[Row], mark: str, faults: Faults) -> Iterator[Cells]:
    """The filled rows below the header. A column that is not of the form may hold nothing."""
    headers = {fold(column["header"]): column for column in columns}
    top = _header_row(sheet, headers, mark)
    places: dict[int, Row] = {}
    odd: list[int] = []
    for number in range(1, sheet.max_column + 1):
        column = headers.get(_text(sheet, top, number, mark))
        if column is None:
            odd.append(number)
        elif column in places.values():
            faults.add("twice", _at(sheet, top, number), what=column["header"])
        else:
            places[number] = column
    for column in columns:
        if column not in places.values():
            faults.add("no_column", sheet=sheet.title, what=column["header"])
    if not places:
        return
    for number in odd:
        filled = (_at(sheet, row, number) for row in range(top, sheet.max_row + 1))
        if first := next((at for at in filled if not at.is_blank), None):
            faults.add("odd_place", first)
    for row in range(top + 1, sheet.max_row + 1):
        cells = {column["name"]: _at(sheet, row, number, column["header"]) for number, column in places.items()}
        if not all(at.is_blank for at in cells.values()):
            yield cells


def _header_row(sheet: Worksheet, headers: Mapping[str, Row], mark: str) -> int:
    """The row among the first thirty that has most of the headers."""

    def known(row: int) -> int:
        return len({_text(sheet, row, column, mark) for column in range(1, sheet.max_column + 1)} & headers.keys())

    return max(range(1, min(sheet.max_row, 30) + 1), key=known)
