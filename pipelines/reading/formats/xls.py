"""Workbooks of Excel 2 to 2003: .xls, by xlrd, which sees the errors and number formats calamine drops.

Formulas always carry a value there; those of a file saved without calculating are marked. What a cell means does not
belong here (layout.py, checking/).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.reading.formats.cell_values import (
    Place,
    UnreadableError,
    check_room,
    error_cell,
    number_cell,
    shown_as,
    text_cell,
    yes_no_cell,
)
from pipelines.reading.formats.odd_numbers import STALE, STRUCK, odd_format
from pipelines.reading.formats.xls_formulas import stale_formulas
from pipelines.reading.sheet import Cell, Sheet

if TYPE_CHECKING:
    from xlrd.book import Book
    from xlrd.sheet import Sheet as XlrdSheet

_TEXT, _NUMBER, _DATE, _BOOL, _ERROR = 1, 2, 3, 4, 5  # xlrd's cell types; 0 and 6 are empty


def read_xls(data: bytes) -> list[Sheet]:
    """Every worksheet of a workbook. Raises UnreadableError protected, damaged."""
    book = _open(data)
    codes = {key: known.format_str for key, known in book.format_map.items() if known.format_str is not None}
    styles = [shown_as(style.format_key, codes) for style in book.xf_list]
    odd = _Odd(codes, book)
    stale = stale_formulas(data, [begin - book.base for begin in book._sh_abs_posn])
    sheets: list[Sheet] = []
    cells = 0
    for sheet in book.sheets():
        read = _sheet(sheet, styles, book.datemode == 1, cells)
        marks = {place: mark for place, cell in read.cells.items() if (mark := odd.mark(sheet, place, cell))}
        marks |= dict.fromkeys(stale[sheet.number].intersection(read.cells), STALE)
        empty = {place: Cell("f", "=…") for place in sorted(stale[sheet.number].difference(read.cells))}
        sheets.append(read._replace(cells=dict(read.cells) | empty, marks=marks))
        cells += len(sheets[-1].cells)
    return sheets


def _open(data: bytes) -> Book:
    import xlrd
    from xlrd.compdoc import CompDocError

    def open_book(is_forgiving: bool) -> Book:
        return xlrd.open_workbook(file_contents=data, formatting_info=True, ragged_rows=True, logfile=io.StringIO(),
                                  ignore_workbook_corruption=is_forgiving)  # fmt: skip

    try:
        try:
            return open_book(False)
        except CompDocError:  # a container not quite in order, which Excel opens all the same
            return open_book(True)
    except MemoryError:
        raise
    except Exception as error:  # xlrd fails in a dozen ways on what is no workbook
        raise UnreadableError("protected" if "encrypted" in str(error) else "damaged") from error


def _sheet(sheet: XlrdSheet, styles: list[str], is_1904: bool, cells_before: int) -> Sheet:
    cells: dict[Place, Cell] = {}
    for row in range(sheet.nrows):
        kinds, values, formats = sheet.row_types(row), sheet.row_values(row), sheet._cell_xf_indexes[row]
        for column, (kind, value, style) in enumerate(zip(kinds, values, formats, strict=True)):
            shown = styles[style] if 0 <= style < len(styles) else ""
            if (cell := _cell(kind, value, shown, is_1904)) is not None:
                cells[row + 1, column + 1] = cell
        check_room(cells_before + len(cells))
    hidden_rows = frozenset(row + 1 for row, info in sheet.rowinfo_map.items() if info.hidden)
    hidden_columns = frozenset(column + 1 for column, info in sheet.colinfo_map.items() if info.hidden)
    merged = tuple((top + 1, left + 1, bottom, right) for top, bottom, left, right in sheet.merged_cells)
    return Sheet(sheet.name, cells, sheet.visibility != 0, hidden_rows, hidden_columns, merged)


class _Odd:
    """What of a workbook makes a cell odd: its number formats, and text struck through."""

    def __init__(self, codes: Mapping[int, str], book: Book) -> None:
        self._fonts = frozenset(n for n, font in enumerate(book.font_list) if font.struck_out)
        self._styles = [(codes.get(style.format_key, ""), style.font_index in self._fonts) for style in book.xf_list]

    def mark(self, sheet: XlrdSheet, place: Place, cell: Cell) -> str:
        row, column = place[0] - 1, place[1] - 1
        style = sheet._cell_xf_indexes[row][column]
        code, is_struck = self._styles[style] if 0 <= style < len(self._styles) else ("", False)
        runs = sheet.rich_text_runlist_map.get((row, column), ()) if self._fonts else ()
        if is_struck or any(font in self._fonts for _, font in runs):
            return STRUCK
        if cell.kind in ("n", "p") and code:
            return odd_format(code, cell.text.startswith("-"), not cell.text.strip("-0."))
        return ""


def _cell(kind: int, value: object, shown: str, is_1904: bool) -> Cell | None:
    if kind == _TEXT:
        return text_cell(str(value))
    if kind in (_NUMBER, _DATE) and isinstance(value, (int, float)):
        return number_cell(value, shown, is_1904)
    if kind == _BOOL:
        return yes_no_cell(value)
    if kind == _ERROR and isinstance(value, int):
        return error_cell(value)
    return None
