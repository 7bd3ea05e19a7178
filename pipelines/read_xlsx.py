"""Workbooks in Office Open XML: .xlsx and .xlsm, transitional and strict. Macros are never touched.

calamine reads what is ordinary; the proof is a count: every cell the XML gives content to has come back. Where one is
missing (an error, a formula never calculated), or a percentage, a hidden row or column may be there, or calamine
fails, the workbook is read again by the careful reader below, ten times slower, which sees them all.
"""

from __future__ import annotations

import io
import re

from pipelines.layout import Cell, Sheet
from pipelines.read_cells import (
    Place,
    UnreadableError,
    check_room,
    clock_cell,
    number_cell,
    shown_as,
    text_cell,
    value_cell,
)
from pipelines.read_zip import Attributes, Package, relationships

_WIDEST = 1_000_000  # cells of the rectangle calamine may fill, empty ones included


def read_xlsx(package: Package, data: bytes, careful: bool = False) -> list[Sheet]:
    """Every worksheet of a workbook. careful: never use calamine (it has just taken a worker down with this file)."""
    sheets = None if careful else _read_ordinary(package, data)
    return _read_carefully(package) if sheets is None else sheets


# ---------------------------------------------------------------- the ordinary workbook

_XF_BLOCK = re.compile(rb"<cellXfs[\s>].*?</cellXfs>", re.DOTALL)
_XF_FORMAT = re.compile(rb'<xf [^>]*?numFmtId="(\d+)"')
_FORMAT = re.compile(rb"<numFmt ([^>]*)/?>")
_FORMAT_ID = re.compile(rb'numFmtId="(\d+)"')
_DIMENSION = re.compile(rb'<dimension ref="(?:[A-Z]{1,3}\d{1,7}:)?([A-Z]{1,3})(\d{1,7})"')


def _read_ordinary(package: Package, data: bytes) -> list[Sheet] | None:
    """By calamine, or None where a cheap look at the XML says that something would be lost."""
    parts = [name for name in package.names if name.startswith("xl/worksheets/") and name.endswith(".xml")]
    if "xl/styles.xml" not in package or not parts:
        return None
    marks = _percent_marks(package.read("xl/styles.xml"))
    if marks is None:
        return None
    expected = 0
    for part in parts:
        xml = package.read(part)
        if not _is_ordinary(xml, marks):
            return None
        expected += xml.count(b"</c>")  # an empty cell is written <c .../>
    check_room(expected)
    try:
        sheets, found = _read_with_calamine(data)
    except (MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - calamine panics with a PanicException, which is no Exception
        return None
    return sheets if found == expected and len(sheets) == len(parts) else None


def _percent_marks(styles: bytes) -> list[bytes] | None:
    """What stands in the XML of a cell shown as a percentage; None where the styles are not plain enough to tell."""
    block = _XF_BLOCK.search(styles)
    if block is None:
        return None
    own_percent = {b"9", b"10"}
    for given in _FORMAT.findall(styles):
        if b"%" in given and (number := _FORMAT_ID.search(given)):
            own_percent.add(number[1])
    formats = _XF_FORMAT.findall(block[0])
    percent = [n for n, number in enumerate(formats) if number in own_percent]
    if len(formats) != block[0].count(b"<xf ") or 0 in percent:  # style 0 is not written at its cells
        return None
    return [b' s="%d"' % n for n in percent]


def _is_ordinary(xml: bytes, percent_marks: list[bytes]) -> bool:
    size = _DIMENSION.search(xml, 0, 4096)
    if size is None or column_number(size[1].decode()) * int(size[2]) > _WIDEST:
        return False
    if b"!DOCTYPE" in xml[: size.start()] or b"<sheetData" not in xml:
        return False
    if b"hidden=" in xml and (b'hidden="1"' in xml or b'hidden="true"' in xml):
        return False
    return not any(mark in xml for mark in percent_marks)


def _read_with_calamine(data: bytes) -> tuple[list[Sheet], int]:
    """The worksheets, and how many cells had any content."""
    import python_calamine as calamine

    book = calamine.load_workbook(io.BytesIO(data))
    sheets, found = [], 0
    new = tuple.__new__  # twice as fast as Cell(...), and most of the time goes here
    for meta in book.sheets_metadata:
        if meta.typ != calamine.SheetTypeEnum.WorkSheet:
            continue
        sheet = book.get_sheet_by_name(meta.name)
        rows = sheet.to_python(skip_empty_area=False)
        cells: dict[Place, Cell] = {}
        for row, values in enumerate(rows, 1):
            for column, value in enumerate(values, 1):
                if value.__class__ is str:
                    if value:
                        found += 1
                        if not value.isspace():
                            cells[row, column] = new(Cell, ("t", value))
                elif (cell := value_cell(value)) is not None:
                    found += 1
                    cells[row, column] = cell
        merged = tuple((r1 + 1, c1 + 1, r2 + 1, c2 + 1) for (r1, c1), (r2, c2) in sheet.merged_cell_ranges or ())
        hidden = meta.visible != calamine.SheetVisibleEnum.Visible
        sheets.append(Sheet(meta.name, cells, hidden, merged=merged))
    return sheets, found


# ---------------------------------------------------------------- the careful reader


def _read_carefully(package: Package) -> list[Sheet]:
    """Every worksheet, read cell by cell from its XML. Raises UnreadableError."""
    book_part = next((target for kind, target in relationships(package, "").values() if kind == "officeDocument"),
                     "xl/workbook.xml")  # fmt: skip
    if book_part not in package:
        raise UnreadableError("damaged")
    links = relationships(package, book_part)
    targets = dict(links.values())
    listed, is_1904 = _listed_sheets(package, book_part)
    styles = _read_styles(package, targets.get("styles", ""))
    strings = _read_strings(package, targets.get("sharedStrings", ""))
    sheets, room = [], 0
    for name, link, is_hidden in listed:
        kind, part = links.get(link, ("", ""))
        if kind == "worksheet":
            reader = _SheetReader(strings, styles, is_1904, room)
            package.parse(part, reader.start, reader.end, reader.text)
            room += len(reader.cells)
            sheets.append(Sheet(name, reader.cells, is_hidden, frozenset(reader.hidden_rows),
                                frozenset(reader.hidden_columns), tuple(reader.merged)))  # fmt: skip
    return sheets


def _listed_sheets(package: Package, book_part: str) -> tuple[list[tuple[str, str, bool]], bool]:
    """The sheets in order as (name, relationship id, whether hidden), and whether dates count from 1904."""
    listed: list[tuple[str, str, bool]] = []
    properties: Attributes = {}

    def start(tag: str, given: Attributes) -> None:
        if tag == "sheet":
            link = next((value for key, value in given.items() if key.endswith(" id")), "")
            listed.append((given.get("name", ""), link, given.get("state", "visible") != "visible"))
        elif tag == "workbookPr":
            properties.update(given)

    package.parse(book_part, start)
    return listed, is_true(properties.get("date1904"))


def _read_styles(package: Package, part: str) -> list[str]:
    """How each cell style shows a number (see read_cells.shown_as)."""
    codes: dict[int, str] = {}
    formats: list[int] = []
    inside: list[str] = []

    def start(tag: str, given: Attributes) -> None:
        if tag == "numFmt":
            codes[_int(given.get("numFmtId"))] = given.get("formatCode", "")
        elif tag == "xf" and inside[-1:] == ["cellXfs"]:
            formats.append(_int(given.get("numFmtId")))
        inside.append(tag)

    def end(_: str) -> None:
        inside.pop()

    if part in package:
        package.parse(part, start, end)
    return [shown_as(number, codes) for number in formats]


def _read_strings(package: Package, part: str) -> list[str]:
    """The shared strings: all runs of rich text, without their phonetic guides."""
    strings: list[str] = []
    collect = _TextCollector()

    def start(tag: str, given: Attributes) -> None:
        if tag == "si":
            collect.clear()
        collect.start(tag)

    def end(tag: str) -> None:
        collect.end(tag)
        if tag == "si":
            strings.append(collect.joined)

    if part in package:
        package.parse(part, start, end, collect.text)
    return strings


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class _TextCollector:
    """The text of <si> or <is>: what stands in <t>, but not within <rPh>."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._pieces: list[str] = []
        self._is_open = self._is_phonetic = False

    def start(self, tag: str) -> None:
        if tag == "rPh":
            self._is_phonetic = True
        elif tag == "t":
            self._is_open = not self._is_phonetic

    def end(self, tag: str) -> None:
        if tag == "rPh":
            self._is_phonetic = False
        elif tag == "t":
            self._is_open = False

    def text(self, piece: str) -> None:
        if self._is_open:
            self._pieces.append(piece)

    @property
    def joined(self) -> str:
        return unescape("".join(self._pieces))


def unescape(text: str) -> str:
    """Characters XML cannot hold are written _xHHHH_ in workbooks ([ECMA-376] 22.9.2.19)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class _SheetReader:
    """Handlers that collect the cells of one worksheet."""

    def __init__(self, strings: list[str], styles: list[str], is_1904: bool, cells_before: int) -> None:
        self.cells: dict[Place, Cell] = {}
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.merged: list[tuple[int, int, int, int]] = []
        self._strings, self._styles, self._is_1904, self._before = strings, styles, is_1904, cells_before
        self._row = self._column = 0
        self._cell: Attributes | None = None
        self._inline = _TextCollector()
        self._value: list[str] | None = None
        self._formula: list[str] | None = None
        self._open: list[str] | None = None

    def start(self, tag: str, given: Attributes) -> None:
        if self._cell is not None:
            self._start_in_cell(tag)
        elif tag == "c":
            self._begin_cell(given)
        elif tag == "row":
            self._row = _int(given.get("r"), self._row + 1)
            self._column = 0
            if is_true(given.get("hidden")):
                self.hidden_rows.add(self._row)
        elif tag == "col" and is_true(given.get("hidden")):
            first, last = _int(given.get("min"), 1), _int(given.get("max"), 1)
            self.hidden_columns.update(range(first, min(last, 16_384) + 1))
        elif tag == "mergeCell" and (corners := parse_range(given.get("ref", ""))):
            self.merged.append(corners)

    def _begin_cell(self, given: Attributes) -> None:
        if place := parse_address(given.get("r", "")):
            self._row, self._column = place
        else:
            self._column += 1
        self._cell, self._value, self._formula, self._open = given, None, None, None
        self._inline.clear()

    def _start_in_cell(self, tag: str) -> None:
        if tag == "v":
            self._open = self._value = []
        elif tag == "f":
            self._open = self._formula = []
        else:
            self._inline.start(tag)

    def text(self, piece: str) -> None:
        if self._open is not None:
            self._open.append(piece)
        elif self._cell is not None:
            self._inline.text(piece)

    def end(self, tag: str) -> None:
        if tag in ("v", "f"):
            self._open = None
        elif tag == "c" and self._cell is not None:
            if (cell := self._finish(self._cell)) is not None:
                self.cells[self._row, self._column] = cell
                check_room(self._before + len(self.cells))
            self._cell = None
        elif self._cell is not None:
            self._inline.end(tag)

    def _finish(self, given: Attributes) -> Cell | None:
        kind = given.get("t", "n")
        if kind == "inlineStr":
            return text_cell(self._inline.joined)
        value = "".join(self._value) if self._value is not None else ""
        if kind == "str" and self._value is not None:  # a formula's text; an empty one is a formula that shows nothing
            return text_cell(unescape(value))
        if value:
            return self._typed(kind, value, given)
        return None if self._formula is None else Cell("f", "=" + "".join(self._formula))

    def _typed(self, kind: str, value: str, given: Attributes) -> Cell | None:
        if kind == "e":
            return Cell("e", value)
        try:
            if kind == "s":
                return text_cell(self._strings[int(value)])
            if kind == "b":
                return Cell("b", "1" if is_true(value.strip()) else "0")
            if kind == "d":
                return _iso_cell(value)
            style = _int(given.get("s"))
            shown = self._styles[style] if style < len(self._styles) else ""
            return number_cell(float(value), shown, self._is_1904)
        except IndexError:
            return Cell("e", "#REF!")  # a shared string that is not there
        except ValueError:
            return text_cell(value)  # a number that is none: as it stands


_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"T?(\d\d):(\d\d):(\d\d(?:\.\d+)?)Z?")


def _iso_cell(value: str) -> Cell | None:
    if _ISO.match(value):
        return Cell("d", value[:10])
    if clock := _CLOCK.fullmatch(value):
        return clock_cell(int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3]))
    return text_cell(value)


# ---------------------------------------------------------------- small things of the format

_ADDRESS = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")


def column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - 64
    return number


def parse_address(text: str) -> Place | None:
    """'B7' as (7, 2)."""
    found = _ADDRESS.fullmatch(text)
    return (int(found[2]), column_number(found[1])) if found else None


def parse_range(text: str) -> tuple[int, int, int, int] | None:
    """'A1:K2' as (1, 1, 2, 11)."""
    first, _, last = text.partition(":")
    start, end = parse_address(first), parse_address(last or first)
    return (*start, *end) if start and end else None


def is_true(value: str | None) -> bool:
    return value in ("1", "true", "on")


def _int(value: str | None, default: int = 0) -> int:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 10 else default
