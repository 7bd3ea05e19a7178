"""Cells of an .xlsx that show another number than they hold: odd number formats, struck-through text, formulas whose
results are older than the file. Looked for only where the workbook has any such thing.

The cells themselves are read in xlsx_sheet.py; which formats are odd is in odd_numbers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipelines.reading.formats.cell_values import Place
from pipelines.reading.formats.odd_numbers import STALE, STRUCK, odd_format
from pipelines.reading.formats.package import Attributes, Package
from pipelines.reading.formats.xlsx_sheet import is_true, parse_address, whole


class Oddities(NamedTuple):
    """What of a workbook may make a cell odd: cell styles with their number formats, styles and texts struck through,
    and whether its formulas were left uncalculated."""

    formats: Mapping[int, str]
    struck_styles: frozenset[int]
    struck_texts: frozenset[int]
    is_stale: bool


def read_oddities(package: Package, book: str, styles: str, texts: str) -> Oddities:
    formats, struck = _styles(package, styles)
    return Oddities(formats, struck, _struck_texts(package, texts), _is_stale(package, book))


def read_marks(package: Package, part: str, odd: Oddities) -> dict[Place, str]:
    """The odd cells of a worksheet part, each with what is odd about it (sheet.Sheet.marks)."""
    has_formulas = odd.is_stale and b"<f" in package.read(part).replace(b":f", b"<f")
    if not (odd.formats or odd.struck_styles or odd.struck_texts or has_formulas):
        return {}
    reader = _Reader(odd)
    package.parse(part, reader.start, reader.end, reader.text)
    return reader.marks


class _Reader:
    """Handlers that mark the odd cells of one worksheet."""

    def __init__(self, odd: Oddities) -> None:
        self.marks: dict[Place, str] = {}
        self._odd = odd
        self._row = self._column = 0
        self._cell: Attributes | None = None
        self._value: list[str] | None = None
        self._open = self._has_formula = self._is_struck = False

    def start(self, tag: str, given: Attributes) -> None:
        if tag == "row":
            self._row, self._column = whole(given.get("r"), self._row + 1), 0
        elif tag == "c":
            self._row, self._column = parse_address(given.get("r", "")) or (self._row, self._column + 1)
            self._cell, self._value = given, []
            self._open = self._has_formula = self._is_struck = False
        elif self._cell is not None:
            self._open = tag == "v"
            self._has_formula = self._has_formula or tag == "f"
            self._is_struck = self._is_struck or (tag == "strike" and is_true(given.get("val", "1")))

    def text(self, piece: str) -> None:
        if self._open and self._value is not None:
            self._value.append(piece)

    def end(self, tag: str) -> None:
        if tag == "v":
            self._open = False
        elif tag == "c" and self._cell is not None:
            if mark := self._mark(self._cell, "".join(self._value or [])):
                self.marks[self._row, self._column] = mark
            self._cell = None

    def _mark(self, given: Attributes, value: str) -> str:
        odd, style, kind = self._odd, whole(given.get("s")), given.get("t", "n")
        if kind == "s" and value.isdecimal() and int(value) in odd.struck_texts:
            return STRUCK
        if style in odd.struck_styles or self._is_struck:
            return STRUCK
        if self._has_formula and odd.is_stale and value:
            return STALE
        if kind == "n" and value and style in odd.formats:
            return odd_format(odd.formats[style], value.startswith("-"), not value.strip("-0."))
        return ""


def _is_stale(package: Package, book: str) -> bool:
    """Whether the results of formulas cannot be trusted: calculation was left for when the file is opened."""
    found: list[bool] = []

    def start(tag: str, given: Attributes) -> None:
        if tag == "calcPr":
            found.append(is_true(given.get("fullCalcOnLoad")) or not is_true(given.get("calcCompleted", "1")))

    package.parse(book, start)
    return any(found)


def _styles(package: Package, part: str) -> tuple[dict[int, str], frozenset[int]]:
    """The number formats of cell styles that are odd for some number, and the styles whose font is struck through."""
    codes: dict[int, str] = {}
    fonts: list[bool] = []
    styles: list[tuple[int, int]] = []
    inside: list[str] = []

    def start(tag: str, given: Attributes) -> None:
        if tag == "numFmt" and inside[-1:] == ["numFmts"]:
            codes[whole(given.get("numFmtId"))] = given.get("formatCode", "")
        elif tag == "font" and inside[-1:] == ["fonts"]:
            fonts.append(False)
        elif tag == "strike" and inside[-2:] == ["fonts", "font"]:
            fonts[-1] = is_true(given.get("val", "1"))
        elif tag == "xf" and inside[-1:] == ["cellXfs"]:
            styles.append((whole(given.get("numFmtId")), whole(given.get("fontId"))))
        inside.append(tag)

    def end(_: str) -> None:
        inside.pop()

    if part in package:
        package.parse(part, start, end)
    signs = ((False, False), (True, False), (False, True))
    odd = {n for n, code in codes.items() if any(odd_format(code, *sign) for sign in signs)}
    formats = {number: codes[of] for number, (of, _) in enumerate(styles) if of in odd}
    struck = frozenset(n for n, (_, font) in enumerate(styles) if font < len(fonts) and fonts[font])
    return formats, struck


def _struck_texts(package: Package, part: str) -> frozenset[int]:
    """The numbers of shared texts of which a part is struck through."""
    if part not in package or b"strike" not in package.read(part):
        return frozenset()
    found: set[int] = set()
    number = -1

    def start(tag: str, given: Attributes) -> None:
        nonlocal number
        number += tag == "si"
        if tag == "strike" and is_true(given.get("val", "1")):
            found.add(number)

    package.parse(part, start)
    return frozenset(found)
