"""Workbooks of plain tables, a sheet a table, in the look of workbook.py: a header, rows, nothing to fill in.

A site has a workbook for each page, most of them new each day: XlsxWriter is faster there than openpyxl.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines.files import FORMULA_STARTS
from pipelines.office.row_height import row_height
from pipelines.office.wording import say
from pipelines.office.workbook import (
    BORDER,
    FONT,
    HEAD_FILL,
    HEAD_TEXT,
    ILLUSTRATIVE,
    WARNING_FILL,
    WARNING_TEXT,
    save_office,
)

_LONGEST = 32767  # characters that a cell of Excel takes
_DAYS = {date: "dd/mm/yyyy", datetime: "dd/mm/yyyy hh:mm"}
_CELL, _QUOTED = "cell", "text that begins as a formula does"


class Sheet(NamedTuple):
    """A table: its title, and by column a header, a width in characters and in each row a value."""

    title: str
    heads: Sequence[str]
    widths: Sequence[float]
    rows: Iterable[Sequence[Any]]


def write_tables(path: Path, sheets: Iterable[Sheet], at: datetime, *, illustrative: bool) -> None:
    """The workbook in its place, the same bytes for the same content: its times are 'at'.

    Values are texts, numbers, days, moments, true or false, or None for an empty cell. A text is never a formula.
    """
    raw = io.BytesIO()
    book = Workbook(raw, {"in_memory": True, "default_format_properties": {"font_name": FONT, "font_size": 11}})
    book.set_properties({"author": "kpi57", "created": at})
    looks = _looks(book)
    for one in sheets:
        sheet = book.add_worksheet(one.title)
        first = 0
        if illustrative:
            sheet.merge_range(0, 0, 0, max(len(one.heads) - 1, 1), ILLUSTRATIVE, looks["banner"])
            first = 1
        for column, (title, width) in enumerate(zip(one.heads, one.widths, strict=True)):
            sheet.set_column(column, column, width)
            sheet.write_string(first, column, title, looks["head"])
        sheet.set_row(first, row_height(list(zip(one.heads, one.widths, strict=True)), bold=True))
        for number, row in enumerate(one.rows, first + 1):
            # LibreOffice fits no row of a file that names Excel as its program, as XlsxWriter's do
            long = [(text, width) for text, width in zip(row, one.widths, strict=True) if _is_long(text, width)]
            if long:
                sheet.set_row(number, row_height(long))
            for column, value in enumerate(row):
                _put(sheet, number, column, value, looks)
        sheet.freeze_panes(first + 1, 0)
        sheet.repeat_rows(first)
        _page(sheet, one.title)
    book.close()
    save_office(raw, path, at)


def _looks(book: Workbook) -> dict[Any, Format]:
    cell = {"text_wrap": True, "valign": "top", "border": 1, "border_color": _rgb(BORDER.left.color)}
    middle = {"text_wrap": True, "bold": True, "align": "center", "valign": "vcenter"}
    banner = {"bg_color": _rgb(WARNING_FILL.fgColor), "font_color": f"#{WARNING_TEXT}"}
    head = {"bg_color": _rgb(HEAD_FILL.fgColor), "font_color": f"#{HEAD_TEXT}"}
    made: dict[Any, dict[str, Any]] = {
        "banner": middle | banner,
        "head": cell | middle | head,
        _CELL: cell,
        _QUOTED: cell | {"quote_prefix": True},
        **{kind: cell | {"num_format": shown} for kind, shown in _DAYS.items()},
    }
    return {name: book.add_format(look) for name, look in made.items()}


def _rgb(color: Any) -> str:
    return f"#{color.rgb[-6:]}"


def _put(sheet: Worksheet, row: int, column: int, value: Any, looks: dict[Any, Format]) -> None:
    if isinstance(value, str):
        text = ILLEGAL_CHARACTERS_RE.sub("", value)[:_LONGEST]
        sheet.write_string(row, column, text, looks[_QUOTED if text.startswith(FORMULA_STARTS) else _CELL])
    elif value is None:
        sheet.write_blank(row, column, None, looks[_CELL])
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value, looks[_CELL])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, looks[type(value)])
    else:
        sheet.write_number(row, column, value, looks[_CELL])


def _is_long(value: Any, width: float) -> bool:
    """Whether a text may need more than a line of its column."""
    return isinstance(value, str) and (len(value) > width * 0.8 or "\n" in value)


def _page(sheet: Worksheet, footer: str) -> None:
    """A4 across, one page wide, numbered."""
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    number = say("labels.page", page="&P", pages="&N")
    sheet.set_footer(f"&L{footer.replace('&', '&&')}&R{number}", {"margin": 0.25})
