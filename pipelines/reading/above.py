"""What a sheet says of itself above a table, or between two: labelled values, titles, and every other text.

Which labels there are is data (the form's 'identification'); what is said is compared with the folder in checking/.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipelines.reading.context import LOOKED_AT
from pipelines.reading.form import Form
from pipelines.reading.header import Grid
from pipelines.reading.sheet import address
from pipelines.vietnamese import clean, fold

FIRST_ROWS = 40  # rows of a sheet without a table that may say whose file it is
LONGEST_LABEL = 60  # letters
TITLE = 120  # letters of a title or a heading; what is longer is a sentence about the form
_PARTS = re.compile(r"(?:[\n;\t,]| {2,}| [-\u2013\u2014] )(?=[^:]*:)")  # before the next label in the same cell
_YEAR = re.compile(r"20\d\d")


class Said(NamedTuple):
    """What a sheet says of itself; rank: table sheets first, then cover sheets, hidden sheets last."""

    rank: tuple[bool, bool]
    stated: list[list[str]]
    titles: list[list[str]]
    texts: list[list[str]]  # every other text, as [text, cell]


def read_above(grid: Grid, first_row: int, header_row: int | None, form: Form) -> Said:
    """Labelled values above the table, or in the first rows of a sheet that has none."""
    said = Said((header_row is None, grid.sheet.is_hidden), [], [], [])
    until = header_row or FIRST_ROWS + 1
    for row in sorted(r for r in grid.rows if first_row <= r < until):
        label = ""
        for column, cell in sorted(grid.rows[row].items()):
            place = [grid.sheet.name, address(row, column)]
            is_text = cell.kind == "t"
            if is_text and len(cell.text) < LONGEST_LABEL and (name := form.labels.get(fold(cell.text))):
                label = name
            elif pairs := _pairs(cell.text, form) if is_text and ":" in cell.text else []:
                said.stated.extend(
                    [name, value, *place] for name, value in pairs if value and not _is_unit(name, value, form)
                )
                said.texts.extend([clean(cell.text), place[1]] for name, value in pairs if _is_unit(name, value, form))
                label = "" if pairs[-1][1] else pairs[-1][0]
            elif label and _is_unit(label, cell.text, form):
                said.texts.append([clean(cell.text), place[1]])
                label = ""
            elif label:
                said.stated.append([label, clean(cell.text[:LOOKED_AT]), *place])
                label = ""
            elif is_text and header_row and len(cell.text) <= LOOKED_AT:
                if len(cell.text) <= TITLE:
                    said.texts.append([clean(cell.text), place[1]])
                if _YEAR.search(cell.text):
                    said.titles.append([clean(cell.text), *place])
    return said


def _is_unit(label: str, value: str, form: Form) -> bool:
    """Whether 'Đơn vị: nghìn người' names no agency but a unit of measure."""
    said = form.context.understand(value[:LOOKED_AT])
    return label == "agency_name" and bool(said.scales) and not said.rest


def _pairs(text: str, form: Form) -> list[tuple[str, str]]:
    """Labels with their values in one cell: 'Mã xã: 11164; Kỳ báo cáo: 2026-10'."""
    parts = [part.partition(":") for part in _PARTS.split(text[:LOOKED_AT]) if ":" in part[:LONGEST_LABEL]]
    return [(form.labels[fold(label)], clean(value)) for label, _, value in parts if fold(label) in form.labels]
