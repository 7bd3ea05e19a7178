"""The cells of one worksheet part of an .xlsx: by a scan where its XML is as programs write it, else by a parser.

The scan is one regular expression for a cell, and proves itself: it must find as many cells as the part has. Whatever
is written otherwise (prefixes, rich text in the sheet, comments, cells without address) goes to the parser, some times
slower. Both give the same. The other parts of a workbook do not belong here (xlsx.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pipelines.reading.formats.cell_values import (
    Place,
    UnreadableError,
    check_room,
    clock_cell,
    number_cell,
    text_cell,
)
from pipelines.reading.formats.package import Attributes, Package
from pipelines.reading.formats.tcvn3 import may_have_signs
from pipelines.reading.formats.xml_text import NotPlainError, TextCollector, plain_text, unescape, unfold
from pipelines.reading.sheet import Cell

SCANNED_UP_TO = 8 * 1024**2  # bytes of a part; the parser takes larger ones piece by piece
_LAST_COLUMN = 16_384
Corners = tuple[int, int, int, int]


class Shared(NamedTuple):
    """What all sheets of a workbook share: texts, how each cell style shows a number, whether dates count from 1904."""

    cells: Sequence[Cell | None]  # one for each shared text; None where it is empty
    has_signs: bool  # whether any of the texts can be TCVN3
    styles: Sequence[str]  # see read_cells.shown_as
    is_1904: bool


class SheetCells(NamedTuple):
    """What a worksheet part says, as layout.Sheet has it."""

    cells: dict[Place, Cell]
    hidden_rows: frozenset[int]
    hidden_columns: frozenset[int]
    merged: tuple[Corners, ...]
    has_signs: bool  # whether any text can be TCVN3


def read_sheet(package: Package, part: str, shared: Shared, cells_before: int) -> SheetCells:
    """The cells of a worksheet part. cells_before: how many the workbook's other sheets have."""
    if package.size(part) <= SCANNED_UP_TO:
        scanned = scan_sheet(package.read(part), shared)
        if scanned is not None:
            check_room(cells_before + len(scanned.cells))
            return scanned
    return parse_sheet(package, part, shared, cells_before)


def make_cell(kind: str, value: str | None, formula: str | None, shown: str, shared: Shared) -> Cell | None:
    """A cell from its type, its value and its formula (None: it has none) and how its style shows a number."""
    if kind == "str" and value is not None:  # a formula's text; an empty one is a formula that shows nothing
        return text_cell(unescape(value))
    if not value:
        return None if formula is None else Cell("f", "=" + formula)
    if kind == "e":
        return Cell("e", value)
    try:
        if kind == "s":
            return shared.cells[int(value)]
        if kind == "b":
            return Cell("b", "1" if is_true(value.strip()) or float(value) else "0")
        if kind == "d":
            return _iso_cell(value)
        return number_cell(float(value), shown, shared.is_1904)
    except IndexError:
        return Cell("e", "#REF!")  # a shared text that is not there
    except ValueError:
        return text_cell(value)  # not a number: as written


_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK = re.compile(r"T?(\d\d):(\d\d):(\d\d(?:\.\d+)?)Z?")


def _iso_cell(value: str) -> Cell | None:
    if _ISO.match(value):
        return Cell("d", value[:10])
    if clock := _CLOCK.fullmatch(value):
        return clock_cell(int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3]))
    return text_cell(value)


# ---------------------------------------------------------------- by a scan

# Transitional and strict; what is of any other namespace is shown by no spreadsheet.
SPREADSHEET = ("http://schemas.openxmlformats.org/spreadsheetml/2006/main",
               "http://purl.oclc.org/ooxml/spreadsheetml/main")  # fmt: skip
_DEFAULT_SPACE = re.compile(r"""\sxmlns=["']([^"']*)["']""")
_TEXT = r'<t(?: xml:space="preserve")?>[^<]*</t>'
_RICH = rf"(?:<r>(?:<rPr>(?:<(?!/rPr|d?strike)[^<>]*>)*</rPr>)?{_TEXT}</r>)+"  # what is struck through is not plain
_CELL = re.compile(
    r'<c r="([A-Z]{1,3}[0-9]{1,7})"([^<>/]*+)(?:/>|>(?:<v>([^<]*+)</v></c>|'
    r"((?:<f(?: [^<>]*)?>(?:[^<]*</f>)?)?"
    rf"(?:<v(?: ?/>|>[^<]*</v>)|<is>(?:{_TEXT}|{_RICH})</is>)?)</c>))"
)
_ABOUT = re.compile(r'(?: s="([0-9]{1,6})")?(?: t="([A-Za-z]{1,9})")? ?')
_CONTENT = re.compile(
    r"(?:(<f(?: [^<>]*)?>)(?:([^<]*)</f>)?)?"
    rf'(?:(<v)(?: ?/>|>([^<]*)</v>)|<is>(?:<t(?: xml:space="preserve")?>([^<]*)</t>|({_RICH}))</is>)?'
)
_RUN = re.compile(r"<t[^<>]*>([^<]*)</t>")
_NUMBER = ("", "n")
_ROW = re.compile(r"<row ([^<>]*)>")
_COLUMN = re.compile(r"<col ([^<>]*)>")
_MERGED = re.compile(r'<mergeCell ref="([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})"')
_ATTRIBUTE = re.compile(r'([A-Za-z]+)="([^"]*)"')


def scan_sheet(xml: bytes, shared: Shared) -> SheetCells | None:
    """What the part says, or None where it is not plain enough for a scan."""
    text = plain_text(xml)
    begin, end = xml.find(b"<sheetData>"), xml.rfind(b"</sheetData>")
    if text is None or not 0 <= begin < end or not xml.rstrip().endswith(b"</worksheet>"):
        return None
    if not _is_of_one_kind(text) or xml.count(b"sheetData>") != 2:
        return None
    first, last = text.index("<sheetData>"), text.rindex("</sheetData>")
    found = _CELL.findall(text, first, last)
    if len(found) != xml.count(b"<c", begin, end) - xml.count(b"<color ", begin, end):  # of a run of text
        return None
    after = xml[end:].decode()
    merged = tuple(filter(None, map(parse_range, _MERGED.findall(after))))
    is_hiding = b' hidden="' in xml and (b' hidden="1"' in xml or b' hidden="true"' in xml)
    hidden = _scan_hidden(text) if is_hiding else (frozenset[int](), frozenset[int]())
    if hidden is None or len(merged) != after.count("<mergeCell "):
        return None
    try:
        return SheetCells(_scanned_cells(found, shared), *hidden, merged, shared.has_signs or may_have_signs(xml))
    except NotPlainError:
        return None


def _is_of_one_kind(text: str) -> bool:
    """Whether elements without a prefix are those of spreadsheets all through the part."""
    spaces = _DEFAULT_SPACE.findall(text)
    return len(spaces) == 1 and spaces[0] in SPREADSHEET and text.find("xmlns=") < text.find("<sheetData>")


def _scanned_cells(found: Sequence[tuple[str, ...]], shared: Shared) -> dict[Place, Cell]:
    cells: dict[Place, Cell] = {}
    abouts = _Abouts(shared.styles)
    texts, many, places = shared.cells, len(shared.cells), _PLACES
    if len(places) > _PLACES_KEPT:
        places.clear()
    new = tuple.__new__  # twice as fast as Cell(...), and most of the time goes here
    cell: Cell | None
    for address, about, value, rest in found:
        if value:
            kind, shown = abouts[about]
            if kind == "s" and value.isdecimal() and (number := int(value)) < many:
                cell = texts[number]
            elif kind in _NUMBER and value.isdecimal() and value[0] != "0" and len(value) < 16 and not shown:
                cell = new(Cell, ("n", value))
            elif kind == "inlineStr":
                continue
            else:
                cell = make_cell(kind or "n", unfold(value), None, shown, shared)
        elif rest:
            cell = _with_content(*abouts[about], rest, shared)
        else:
            if about not in abouts:
                abouts[about]
            continue
        if cell is not None:
            cells[places[address]] = cell
    return cells


def _with_content(kind: str, shown: str, rest: str, shared: Shared) -> Cell | None:
    """A cell that holds more than a value: a formula, a text of its own."""
    content = _CONTENT.fullmatch(rest)
    if content is None:
        raise NotPlainError(rest)
    opened, formula, valued, value, inline, runs = content.groups("")
    if kind == "inlineStr":
        inline = inline or "".join(_RUN.findall(runs))
        return text_cell(unescape(unfold(inline)) if "&" in inline or "_x" in inline else inline)
    return make_cell(kind or "n", unfold(value) if valued else None, unfold(formula) if opened else None, shown, shared)


class _Abouts(dict[str, tuple[str, str]]):
    """What the attributes of a cell say, worked out once: its type, and how its style shows a number."""

    def __init__(self, styles: Sequence[str]) -> None:
        super().__init__()
        self._shown = {str(number): how for number, how in enumerate(styles) if how}

    def __missing__(self, about: str) -> tuple[str, str]:
        found = _ABOUT.fullmatch(about)
        if found is None:
            raise NotPlainError(about)
        self[about] = says = (found[2] or "", self._shown.get(found[1] or "", ""))
        return says


def _scan_hidden(text: str) -> tuple[frozenset[int], frozenset[int]] | None:
    """The hidden rows and columns; None where a hidden row does not say its number."""
    rows: set[int] = set()
    columns: set[int] = set()
    for given in map(dict, map(_ATTRIBUTE.findall, _ROW.findall(text))):
        if is_true(given.get("hidden")):
            rows.add(whole(given.get("r")))
    for given in map(dict, map(_ATTRIBUTE.findall, _COLUMN.findall(text))):
        if is_true(given.get("hidden")):
            columns.update(_span(given))
    return None if 0 in rows else (frozenset(rows), frozenset(columns))


# ---------------------------------------------------------------- by a parser


def parse_sheet(package: Package, part: str, shared: Shared, cells_before: int) -> SheetCells:
    """What the part says, element by element. Raises UnreadableError."""
    reader = _Reader(shared, cells_before)
    package.parse(part, reader.start, reader.end, reader.text, of=SPREADSHEET)
    return SheetCells(
        reader.cells, frozenset(reader.hidden_rows), frozenset(reader.hidden_columns), tuple(reader.merged), True
    )


class _Reader:
    """Handlers that collect the cells of one worksheet."""

    def __init__(self, shared: Shared, cells_before: int) -> None:
        self.cells: dict[Place, Cell] = {}
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.merged: list[Corners] = []
        self._shared, self._before = shared, cells_before
        self._row = self._column = 0
        self._has_data = False
        self._cell: Attributes | None = None
        self._inline = TextCollector()
        self._value: list[str] | None = None
        self._formula: list[str] | None = None
        self._open: list[str] | None = None
        self._above: list[str] = []  # the elements around

    def start(self, tag: str, given: Attributes) -> None:
        above = self._above
        above.append(tag)
        if self._cell is not None:
            self._start_in_cell(tag)
        elif tag == "c" and above[:-1] == ["worksheet", "sheetData", "row"]:
            self._begin_cell(given)
        elif tag == "sheetData" and self._has_data:
            raise UnreadableError("damaged")
        elif tag == "sheetData":
            self._has_data = True
        elif tag == "row" and above[:-1] == ["worksheet", "sheetData"]:
            self._row = whole(given.get("r"), self._row + 1)
            self._column = 0
            if is_true(given.get("hidden")):
                self.hidden_rows.add(self._row)
        elif tag == "col" and is_true(given.get("hidden")):
            self.hidden_columns.update(_span(given))
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
        self._above.pop()
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
        kind, style = given.get("t", "n"), whole(given.get("s"))
        if kind == "inlineStr":
            return text_cell(self._inline.joined)
        value, formula = ("".join(pieces) if pieces is not None else None for pieces in (self._value, self._formula))
        styles = self._shared.styles
        return make_cell(kind, value, formula, styles[style] if style < len(styles) else "", self._shared)


# ---------------------------------------------------------------- small things of the format

_ADDRESS = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")


class _Columns(dict[str, int]):
    """Numbers of columns by their letters, worked out once."""

    def __missing__(self, letters: str) -> int:
        number = 0
        for letter in letters.upper():
            number = 26 * number + ord(letter) - 64
        self[letters] = number
        return number


_COLUMNS = _Columns()


class _Places(dict[str, Place]):
    """Rows and columns by addresses in capitals, worked out once."""

    def __missing__(self, address: str) -> Place:
        letters = address.rstrip("0123456789")
        self[address] = place = (int(address[len(letters) :]), _COLUMNS[letters])
        return place


_PLACES = _Places()
_PLACES_KEPT = 50_000


def parse_address(text: str) -> Place | None:
    """'B7' as (7, 2)."""
    found = _ADDRESS.fullmatch(text)
    return (int(found[2]), _COLUMNS[found[1]]) if found else None


def parse_range(text: str) -> Corners | None:
    """'A1:K2' as (1, 1, 2, 11)."""
    first, _, last = text.partition(":")
    start, end = parse_address(first), parse_address(last or first)
    return (*start, *end) if start and end else None


def is_true(value: str | None) -> bool:
    return value in ("1", "true", "on")


def whole(value: str | None, default: int = 0) -> int:
    """A whole number as attributes have it; the default where it is none."""
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 10 else default


def _span(given: Attributes) -> range:
    """The columns one <col> element describes."""
    return range(whole(given.get("min"), 1), min(whole(given.get("max"), 1), _LAST_COLUMN) + 1)
