"""Workbooks in Excel's binary format: .xlsb.

Read record by record after [MS-XLSB]; calamine loses their errors and percentages and panics on some. Formulas always
carry a value there; where they were not calculated they are marked. What a cell means does not belong here (layout.py,
checking/).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

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
from pipelines.reading.formats.package import Package, relationships
from pipelines.reading.sheet import Cell, Sheet

# Records ([MS-XLSB] 2.3.2).
_ROW, _STRING_ITEM, _FONT, _FORMAT, _XF, _COLUMNS, _CALCULATION = 0, 19, 43, 44, 47, 60, 157
_RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED, _RICH = 2, 3, 4, 5, 6, 7, 62
_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL, _FORMULA_ERROR = 8, 9, 10, 11
_CELLS = frozenset({_RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED, _RICH, _FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL,
                    _FORMULA_ERROR})  # fmt: skip
_FORMULAS = frozenset({_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL, _FORMULA_ERROR})
_STRUCK_FONT = 0x08  # of a font's flags ([MS-XLSB] 2.5.52)
_NOT_CALCULATED = 0x11  # of the flags of calculation: fFullCalcOnLoad, fSomeUncalced ([MS-XLSB] 2.4.301)
_WORKBOOK_PROPERTIES, _BUNDLED_SHEET, _MERGED, _BEGIN_XFS, _END_XFS = 153, 156, 176, 617, 618
_MAX_COLUMN = 16_383

Record = tuple[int, bytes]


def read_xlsb(package: Package) -> list[Sheet]:
    """Every worksheet of a workbook. Raises UnreadableError."""
    try:
        return _read(package)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise UnreadableError("damaged") from error


def _read(package: Package) -> list[Sheet]:
    book_part = next((target for kind, target in relationships(package, "").values() if kind == "officeDocument"),
                     "xl/workbook.bin")  # fmt: skip
    links = relationships(package, book_part)
    targets = dict(links.values())
    styles = _read_styles(package, targets.get("styles", ""))
    strings, struck = _read_strings(package, targets.get("sharedStrings", ""), styles.struck_fonts)
    is_1904, sheets, cells_before = False, [], 0
    book = list(_records(package.read(book_part)))
    is_stale = any(kind == _CALCULATION and len(b) > 25 and b[24] & _NOT_CALCULATED for kind, b in book)
    odd = _Odd(styles, struck, is_stale)
    for kind, body in book:
        if kind == _WORKBOOK_PROPERTIES:
            is_1904 = bool(body[0] & 1)
        elif kind == _BUNDLED_SHEET:
            (state,) = struct.unpack_from("<I", body)
            link, at = _text_at(body, 8)
            name, _ = _text_at(body, at)
            relation, part = links.get(link, ("", ""))
            if relation == "worksheet":
                sheet = _read_sheet(name, package.read(part), strings, odd, is_1904, cells_before)
                cells_before += len(sheet.cells)
                sheets.append(sheet._replace(is_hidden=state != 0))
    return sheets


def _records(data: bytes) -> Iterator[Record]:
    """The records of a part: kind and body. A part that ends within a record is damaged."""
    at, end = 0, len(data)
    while at < end:
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (data[at] << 7)
            at += 1
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift == 28:
                break
        if at + size > end:
            raise UnreadableError("damaged")
        yield kind, data[at : at + size]
        at += size


def _text_at(body: bytes, at: int) -> tuple[str, int]:
    """A text with its length before it, and where it ends. The length 0xFFFFFFFF stands for no text."""
    (length,) = struct.unpack_from("<I", body, at)
    at += 4
    if length == 0xFFFFFFFF:
        return "", at
    end = at + 2 * length
    if end > len(body):
        raise UnreadableError("damaged")
    return body[at:end].decode("utf-16-le", "replace"), end


def _read_strings(package: Package, part: str, struck_fonts: frozenset[int]) -> tuple[list[str], frozenset[int]]:
    """The texts cells refer to, and the numbers of those of which a part is struck through."""
    texts: list[str] = []
    struck: set[int] = set()
    for kind, body in _records(package.read(part)) if part in package else ():
        if kind == _STRING_ITEM:  # the first byte says whether runs of rich text follow
            text, at = _text_at(body, 1)
            if body[0] & 1 and struck_fonts and at + 4 <= len(body):
                (runs,) = struct.unpack_from("<I", body, at)
                fonts = (
                    struct.unpack_from("<H", body, at + 6 + 4 * n)[0] for n in range(min(runs, len(body) // 4 - 1))
                )
                struck |= {len(texts)} if struck_fonts.intersection(fonts) else set()
            texts.append(text)
    return texts, frozenset(struck)


class _Styles(NamedTuple):
    """How each cell style shows a number (see cell_values.shown_as), the formats of those that are odd, the styles that
    are struck through, and the fonts that are."""

    shown: list[str]
    formats: dict[int, str]
    struck: frozenset[int]
    struck_fonts: frozenset[int]


class _Odd(NamedTuple):
    """What of a workbook may make a cell odd: its styles, texts struck through, formulas that were not calculated."""

    styles: _Styles
    struck_texts: frozenset[int]
    is_stale: bool

    def mark(self, kind: int, style: int, body: bytes, cell: Cell) -> str:
        if kind == _SHARED and self.struck_texts and struct.unpack_from("<I", body, 8)[0] in self.struck_texts:
            return STRUCK
        if style in self.styles.struck:
            return STRUCK
        if self.is_stale and kind in _FORMULAS:
            return STALE
        if cell.kind in ("n", "p") and style in self.styles.formats:
            return odd_format(self.styles.formats[style], cell.text.startswith("-"), not cell.text.strip("-0."))
        return ""


def _read_styles(package: Package, part: str) -> _Styles:
    if part not in package:
        return _Styles([], {}, frozenset(), frozenset())
    codes: dict[int, str] = {}
    formats: list[int] = []
    fonts: list[bool] = []
    of_font: list[int] = []
    is_cell_style = False
    for kind, body in _records(package.read(part)):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", body)[0]] = _text_at(body, 2)[0]
        elif kind in (_BEGIN_XFS, _END_XFS):
            is_cell_style = kind == _BEGIN_XFS
        elif kind == _XF and is_cell_style:
            formats.append(struct.unpack_from("<H", body, 2)[0])
            of_font.append(struct.unpack_from("<H", body, 4)[0] if len(body) > 5 else 0)
        elif kind == _FONT:
            fonts.append(bool(struct.unpack_from("<H", body, 2)[0] & _STRUCK_FONT))
    struck_fonts = frozenset(number for number, is_struck in enumerate(fonts) if is_struck)
    return _Styles(
        [shown_as(number, codes) for number in formats],
        {style: codes[number] for style, number in enumerate(formats) if number in codes},
        frozenset(style for style, font in enumerate(of_font) if font in struck_fonts),
        struck_fonts,
    )


def _read_sheet(name: str, data: bytes, strings: list[str], odd: _Odd, is_1904: bool, cells_before: int) -> Sheet:
    cells: dict[Place, Cell] = {}
    marks: dict[Place, str] = {}
    styles = odd.styles.shown
    hidden_rows: set[int] = set()
    hidden_columns: set[int] = set()
    merged: list[tuple[int, int, int, int]] = []
    row = 0
    for kind, body in _records(data):
        if kind in _CELLS:
            column, style = struct.unpack_from("<II", body)
            style &= 0xFFFFFF
            shown = styles[style] if style < len(styles) else ""
            cell = _cell(kind, body, strings, shown, is_1904)
            if cell is not None and column <= _MAX_COLUMN:
                cells[row, column + 1] = cell
                if mark := odd.mark(kind, style, body, cell):
                    marks[row, column + 1] = mark
                check_room(cells_before + len(cells))
        elif kind == _ROW:
            row = struct.unpack_from("<I", body)[0] + 1
            if body[11] & 0x10:
                hidden_rows.add(row)
        elif kind == _COLUMNS:
            first, last, _, _, flags = struct.unpack_from("<IIIIH", body)
            if flags & 1:
                hidden_columns.update(range(first + 1, min(last, _MAX_COLUMN) + 2))
        elif kind == _MERGED:
            top, bottom, left, right = struct.unpack_from("<IIII", body)
            merged.append((top + 1, left + 1, bottom + 1, right + 1))
    return Sheet(name, cells, False, frozenset(hidden_rows), frozenset(hidden_columns), tuple(merged), marks)


def _cell(kind: int, body: bytes, strings: list[str], shown: str, is_1904: bool) -> Cell | None:
    if kind == _SHARED:
        number = struct.unpack_from("<I", body, 8)[0]
        return text_cell(strings[number]) if number < len(strings) else Cell("e", "#REF!")
    if kind in (_TEXT, _FORMULA_TEXT):
        return text_cell(_text_at(body, 8)[0])
    if kind == _RICH:
        return text_cell(_text_at(body, 9)[0])
    if kind in (_ERROR, _FORMULA_ERROR):
        return error_cell(body[8])
    if kind in (_BOOL, _FORMULA_BOOL):
        return yes_no_cell(body[8])
    value = _rk(struct.unpack_from("<I", body, 8)[0]) if kind == _RK else struct.unpack_from("<d", body, 8)[0]
    return number_cell(value, shown, is_1904)


def _rk(packed: int) -> float:
    """A number in 30 bits ([MS-XLSB] 2.5.122): an integer or the top of a double, perhaps times 100."""
    if packed & 2:
        value: float = (packed >> 2) - (1 << 30 if packed & 0x80000000 else 0)
    else:
        (value,) = struct.unpack("<d", struct.pack("<Q", (packed & 0xFFFFFFFC) << 32))
    return value / 100 if packed & 1 else value
