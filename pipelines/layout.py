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
    """What was typed: kind n (number), t (text), b (yes/no), d (date as ISO text); text in Excel's own notation."""

    kind: str
    text: str


class Sheet(NamedTuple):
    """A worksheet's non-empty cells by (row, column), both from 1."""

    name: str
    cells: Mapping[tuple[int, int], Cell]


def column_letter(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def address(row: int, column: int) -> str:
    return f"{column_letter(column)}{row}"


def lay_out(sheets: list[Sheet], form: dict[str, Any]) -> dict[str, Any]:
    """Find the form's tables in a workbook.

    Returns a reading: problem '' ; sheet_names; identification {name: [text, sheet, cell]}; tables: list of
    {kind, sheet, header_row, missing, repeated, headers, columns, lines}, where a line is
    {row, kind, typed} with kind data, blank, total, note, unanswered, and typed {column: [cell, kind, text]}.
    """
    tables: list[dict[str, Any]] = []
    identification: dict[str, list[str]] = {}
    for sheet in sheets:
        rows = _rows(sheet)
        table = _find_table(sheet, rows, form)
        if table is None:
            continue
        tables.append(table)
        for name, found in _identify(sheet, rows, table["header_row"], form).items():
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


def _aliases(columns: list[dict[str, Any]]) -> dict[str, str]:
    return {fold(text): c["name"] for c in columns for text in [c["header"], *c.get("aliases", [])]}


def _find_table(sheet: Sheet, rows: dict[int, dict[int, Cell]], form: dict[str, Any]) -> dict[str, Any] | None:
    best: tuple[int, int, dict[str, Any]] | None = None
    for layout in form["sheets"]:
        names = _aliases(layout["columns"])
        required = [c["name"] for c in layout["columns"] if c.get("required")]
        for row in sorted(r for r in rows if r <= HEADER_WITHIN):
            matches = [(column, names[key]) for column, cell in sorted(rows[row].items())
                       if cell.kind == "t" and (key := fold(cell.text)) in names]  # fmt: skip
            found = {name for _, name in matches}
            score = sum(name in found for name in required)
            if score >= 2 and (best is None or score > best[0]):
                best = (score, row, {"layout": layout, "matches": matches, "required": required})
    if best is None:
        return None
    _, header_row, chosen = best
    return _make_table(sheet, rows, header_row, form, **chosen)


def _make_table(
    sheet: Sheet,
    rows: dict[int, dict[int, Cell]],
    header_row: int,
    form: dict[str, Any],
    layout: dict[str, Any],
    matches: list[tuple[int, str]],
    required: list[str],
) -> dict[str, Any]:
    columns: dict[str, int] = {}
    repeated = []
    for column, name in matches:
        if name in columns:
            repeated.append(clean(rows[header_row][column].text))
        columns.setdefault(name, column)
    headers = {c["name"]: c["header"] for c in layout["columns"]}
    answers = [c["name"] for c in layout["columns"] if c.get("answer")]
    key = next(c["name"] for c in layout["columns"] if c.get("required"))
    last = max((r for r in rows if rows[r]), default=header_row)
    return {
        "kind": layout["kind"],
        "sheet": sheet.name,
        "header_row": header_row,
        "missing": [headers[name] for name in required if name not in columns],
        "repeated": repeated,
        "headers": [clean(cell.text) for _, cell in sorted(rows[header_row].items())],
        "columns": columns,
        "lines": [
            _line(row, rows.get(row, {}), columns, key, answers, form) for row in range(header_row + 1, last + 1)
        ],
    }


def _line(
    row: int,
    cells: dict[int, Cell],
    columns: dict[str, int],
    key: str,
    answers: list[str],
    form: dict[str, Any],
) -> dict[str, Any]:
    typed = {name: [address(row, column), *cells[column]] for name, column in columns.items() if column in cells}
    if not cells:
        kind = "blank"
    elif key in typed:
        kind = "data" if any(name in typed for name in answers) else "unanswered"
    elif _begins(cells, form["totals"]):
        kind = "total"
    elif _begins(cells, form["footers"]) or not any(name in typed for name in answers):
        kind = "note"
    else:
        kind = "data"
    return {"row": row, "kind": kind, "typed": typed}


def _begins(cells: dict[int, Cell], words: list[str]) -> bool:
    """Whether the line's first text begins with one of the words."""
    first = next((fold(cell.text) for _, cell in sorted(cells.items()) if cell.kind == "t"), "")
    return any(first == (w := fold(word)) or first.startswith((w + " ", w + ":", w + "(")) for word in words)


def _identify(
    sheet: Sheet, rows: dict[int, dict[int, Cell]], header_row: int, form: dict[str, Any]
) -> dict[str, list[str]]:
    """Labelled values above the table: {name: [text, sheet, cell]}."""
    labels = {fold(text): part["name"] for part in form["identification"]
              for text in [part["label"], *part.get("aliases", [])]}  # fmt: skip
    found: dict[str, list[str]] = {}
    for row in sorted(r for r in rows if r < header_row):
        cells = sorted(rows[row].items())
        for (_, label), (column, value) in pairwise(cells):
            name = labels.get(fold(label.text))
            if name and name not in found:
                found[name] = [clean(value.text), sheet.name, address(row, column)]
    return found
