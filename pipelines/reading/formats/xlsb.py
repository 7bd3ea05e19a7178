"""Workbooks in Excel's binary format: .xlsb.

Read record by record after [MS-XLSB]; calamine loses their errors and percentages and panics on some. Formulas always
carry a value there. What a cell means does not belong here (layout.py, checking/facts.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

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
from pipelines.reading.formats.package import Package, relationships
from pipelines.reading.sheet import Cell, Sheet

# Records ([MS-XLSB] 2.3.2).
_ROW, _STRING_ITEM, _FORMAT, _XF, _COLUMNS = 0, 19, 44, 47, 60
_RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED, _RICH = 2, 3, 4, 5, 6, 7, 62
_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL, _FORMULA_ERROR = 8, 9, 10, 11
_CELLS = frozenset({_RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED, _RICH, _FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL,
                    _FORMULA_ERROR})  # fmt: skip
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
    strings = _read_strings(package, targets.get("sharedStrings", ""))
    styles = _read_styles(package, targets.get("styles", ""))
    is_1904, sheets, cells_before = False, [], 0
    for kind, body in _records(package.read(book_part)):
        if kind == _WORKBOOK_PROPERTIES:
            is_1904 = bool(body[0] & 1)
        elif kind == _BUNDLED_SHEET:
            (state,) = struct.unpack_from("<I", body)
            link, at = _text_at(body, 8)
            name, _ = _text_at(body, at)
            relation, part = links.get(link, ("", ""))
            if relation == "worksheet":
                sheet = _read_sheet(name, package.read(part), strings, styles, is_1904, cells_before)
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


def _read_strings(package: Package, part: str) -> list[str]:
    if part not in package:
        return []
    # the first byte says whether runs of rich text follow
    return [_text_at(body, 1)[0] for kind, body in _records(package.read(part)) if kind == _STRING_ITEM]


def _read_styles(package: Package, part: str) -> list[str]:
    """How each cell style shows a number (see read_cells.shown_as)."""
    if part not in package:
        return []
    codes: dict[int, str] = {}
    formats: list[int] = []
    is_cell_style = False
    for kind, body in _records(package.read(part)):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", body)[0]] = _text_at(body, 2)[0]
        elif kind in (_BEGIN_XFS, _END_XFS):
            is_cell_style = kind == _BEGIN_XFS
        elif kind == _XF and is_cell_style:
            formats.append(struct.unpack_from("<H", body, 2)[0])
    return [shown_as(number, codes) for number in formats]


def _read_sheet(
    name: str, data: bytes, strings: list[str], styles: list[str], is_1904: bool, cells_before: int
) -> Sheet:
    cells: dict[Place, Cell] = {}
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
    return Sheet(name, cells, False, frozenset(hidden_rows), frozenset(hidden_columns), tuple(merged))


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
