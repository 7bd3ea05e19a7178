"""From cells to lines: where the table of a sheet is, which column is which, and what kind each line is.

The form under sources/forms says which headers exist and under which aliases. Whether a figure is right does not
belong here (validate.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from pipelines.vietnamese import clean, fold

HEADER_WITHIN = 60  # rows searched for a header


class Cell(NamedTuple):
    """What was typed: its kind, and its text in Excel's own notation.

    Kinds: n number; t text; b yes/no ('1', '0'); d date (ISO); e error ('#DIV/0!'); p number in a cell formatted as a
    percentage (the stored number: '0.855' for 85,5%); f formula never calculated (the formula).
    """

    kind: str
    text: str


class Sheet(NamedTuple):
    """A worksheet's non-empty cells by (row, column), both from 1, and how it is shown.

    merged: ranges as (first row, first column, last row, last column).
    """

    name: str
    cells: Mapping[tuple[int, int], Cell]
    is_hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    merged: tuple[tuple[int, int, int, int], ...] = ()


def column_letter(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def address(row: int, column: int) -> str:
    return f"{column_letter(column)}{row}"


class Form:
    """The form under sources/forms, prepared once for reading many files."""

    def __init__(self, form: dict[str, Any]) -> None:
        self.tables = [_Table(layout) for layout in form["sheets"]]
        self.labels = {fold(text): part["name"] for part in form["identification"]
                       for text in [part["label"], *part.get("aliases", [])]}  # fmt: skip
        self.totals = [fold(word) for word in form["totals"]]
        self.footers = [fold(word) for word in form["footers"]]


class _Table:
    """One kind of table of the form: its headers under all their aliases, and which of them it needs."""

    def __init__(self, layout: dict[str, Any]) -> None:
        columns = layout["columns"]
        self.kind: str = layout["kind"]
        self.names = {fold(text): c["name"] for c in columns for text in [c["header"], *c.get("aliases", [])]}
        self.longest = max(map(len, self.names)) + 20  # folding drops spaces; a longer text is no header
        self.headers = {c["name"]: c["header"] for c in columns}
        self.required = [c["name"] for c in columns if c.get("required")]
        self.answers = [c["name"] for c in columns if c.get("answer")]
        self.key = self.required[0]

    def matches(self, cells: dict[int, Cell]) -> list[tuple[int, str]]:
        """Columns of a row whose text is one of the headers: (column number, column name), left to right."""
        return [
            (column, self.names[key])
            for column, cell in sorted(cells.items())
            if cell.kind == "t" and len(cell.text) <= self.longest and (key := fold(cell.text)) in self.names
        ]


def lay_out(sheets: list[Sheet], form: Form) -> dict[str, Any]:
    """Find the form's tables in a workbook.

    Returns a reading: problem ''; sheet_names; identification {name: [text, sheet, cell]}; tables: list of
    {kind, sheet, header_row, missing, repeated, headers, columns, lines}, where a line is
    {row, kind, typed} with kind data, blank, total, note, unanswered, and typed {column: [cell, kind, text]}.
    """
    tables: list[dict[str, Any]] = []
    identification: dict[str, list[str]] = {}
    for sheet in sheets:
        rows = _rows(sheet)
        header = _find_header(rows, form)
        if header is None:
            continue
        tables.append(_make_table(sheet, rows, header, form))
        for name, found in _identify(sheet, rows, header.row, form).items():
            identification.setdefault(name, found)
    return {
        "problem": "",
        "sheet_names": [sheet.name for sheet in sheets],
        "identification": identification,
        "tables": tables,
    }


def _rows(sheet: Sheet) -> dict[int, dict[int, Cell]]:
    rows: dict[int, dict[int, Cell]] = {}
    for (row, column), cell in sheet.cells.items():
        rows.setdefault(row, {})[column] = cell
    return rows


class _Header(NamedTuple):
    row: int
    table: _Table
    matches: list[tuple[int, str]]


def _find_header(rows: dict[int, dict[int, Cell]], form: Form) -> _Header | None:
    """The first row with every required header of a table, else the row with most of them (two at least)."""
    best: _Header | None = None
    most = 1
    for row in sorted(r for r in rows if r <= HEADER_WITHIN):
        for table in form.tables:
            matches = table.matches(rows[row])
            found = {name for _, name in matches}
            score = sum(name in found for name in table.required)
            if score > most:
                best, most = _Header(row, table, matches), score
            if score == len(table.required):
                return best
    return best


def _make_table(sheet: Sheet, rows: dict[int, dict[int, Cell]], header: _Header, form: Form) -> dict[str, Any]:
    columns: dict[str, int] = {}
    repeated = []
    for column, name in header.matches:
        if name in columns:
            repeated.append(clean(rows[header.row][column].text))
        columns.setdefault(name, column)
    table = header.table
    return {
        "kind": table.kind,
        "sheet": sheet.name,
        "header_row": header.row,
        "missing": [table.headers[name] for name in table.required if name not in columns],
        "repeated": repeated,
        "headers": [clean(cell.text) for _, cell in sorted(rows[header.row].items())],
        "columns": columns,
        "lines": [_line(row, rows.get(row, {}), columns, table, form) for row in range(header.row + 1, max(rows) + 1)],
    }


def _line(row: int, cells: dict[int, Cell], columns: dict[str, int], table: _Table, form: Form) -> dict[str, Any]:
    typed = {name: [address(row, column), *cells[column]] for name, column in columns.items() if column in cells}
    answered = any(name in typed for name in table.answers)
    if not cells:
        kind = "blank"
    elif table.key in typed:
        kind = "data" if answered else "unanswered"
    elif _begins(cells, form.totals):
        kind = "total"
    elif _begins(cells, form.footers) or not answered:
        kind = "note"
    else:
        kind = "data"
    return {"row": row, "kind": kind, "typed": typed}


def _begins(cells: dict[int, Cell], words: list[str]) -> bool:
    """Whether the line's first text begins with one of the words."""
    first = next((fold(cell.text) for _, cell in sorted(cells.items()) if cell.kind == "t"), "")
    return any(first == word or first.startswith((word + " ", word + ":", word + "(")) for word in words)


def _identify(sheet: Sheet, rows: dict[int, dict[int, Cell]], header_row: int, form: Form) -> dict[str, list[str]]:
    """Labelled values above the table: {name: [text, sheet, cell]}."""
    found: dict[str, list[str]] = {}
    for row in sorted(r for r in rows if r < header_row):
        cells = sorted(rows[row].items())
        for (_, label), (column, value) in pairwise(cells):
            name = form.labels.get(fold(label.text))
            if name and name not in found:
                found[name] = [clean(value.text), sheet.name, address(row, column)]
    return found
