"""Workbooks in OpenDocument: .ods, read from their content.xml.

Values carry their type there; calamine loses the errors and stops at some repeated cells. What a cell means does not
belong here (layout.py, checking/facts.py).
"""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.reading.formats.cell_values import (
    Place,
    UnreadableError,
    check_room,
    number_cell,
    text_cell,
    yes_no_cell,
)
from pipelines.reading.formats.package import Attributes, Package
from pipelines.reading.sheet import Cell, Sheet

_MAX_ROW, _MAX_COLUMN = 1_048_576, 16_384
_ERROR = re.compile(r"Err:\d{3}|#[^\s#]+[!?]|#N/A")
_TIME = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_PARAGRAPHS = frozenset({"p", "h"})
_AROUND_PARAGRAPHS = frozenset({"list", "list-item", "list-header", "section"})
_NO_CONTENT = frozenset({"annotation", "note", "ruby-text", "frame", "custom-shape", "g", "control"})
_HIDDEN = ("collapse", "filter")


def read_ods(package: Package) -> list[Sheet]:
    """Every sheet of a workbook. Raises UnreadableError."""
    if "meta-inf/manifest.xml" in package and b"encryption-data" in package.read("meta-inf/manifest.xml"):
        raise UnreadableError("protected")
    reader = _Reader()
    package.parse("content.xml", reader.start, reader.end, reader.text)
    return reader.sheets


@lru_cache(maxsize=256)
def _short(key: str) -> str:
    """'urn:oasis:names:tc:opendocument:xmlns:office:1.0 value-type' as 'office:value-type'."""
    space, _, name = key.rpartition(" ")
    return f"{space.split(':')[-2]}:{name}" if ":" in space else name


class _Text:
    """The paragraphs of a cell, without its comments and drawings."""

    def __init__(self) -> None:
        self.paragraphs: list[str] = []
        self._in_paragraph = self._skipped = 0

    def start(self, tag: str, given: Attributes) -> None:
        if self._skipped:
            self._skipped += 1
        elif tag in _PARAGRAPHS:
            self._in_paragraph += 1
            self.paragraphs.append("")
        elif tag in _NO_CONTENT or not (self._in_paragraph or tag in _AROUND_PARAGRAPHS):
            self._skipped = 1
        elif tag == "s":
            self.text(" " * min(_times(given, "text:c"), 32_767))
        elif tag in ("tab", "line-break"):
            self.text("\t" if tag == "tab" else "\n")

    def end(self, tag: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif tag in _PARAGRAPHS:
            self._in_paragraph -= 1

    def text(self, piece: str) -> None:
        if self._in_paragraph and not self._skipped:
            self.paragraphs[-1] += piece

    @property
    def joined(self) -> str:
        return "\n".join(self.paragraphs)


_Line = dict[int, Cell]


class _Reader:
    """Handlers that collect the sheets of a content.xml."""

    def __init__(self) -> None:
        self.sheets: list[Sheet] = []
        self._style = ""
        self._hidden_styles: set[str] = set()
        self._cells_before = 0
        self._is_in_table = False
        self._cell: Attributes | None = None
        self._depth = 0  # of elements within the cell
        self._text = _Text()

    def start(self, tag: str, given: Attributes) -> None:
        if self._cell is not None:
            self._depth += 1
            self._text.start(tag, {_short(key): value for key, value in given.items()})
            return
        given = {_short(key): value for key, value in given.items()}
        if tag == "style":
            self._style = given.get("style:name", "")
        elif tag == "table-properties" and given.get("table:display") == "false":
            self._hidden_styles.add(self._style)
        elif tag == "table":
            self._begin_table(given)
        elif tag == "table-column":
            self._pass_columns(given)
        elif tag == "table-row":
            self._times, self._is_row_hidden = _times(given, "rows"), given.get("table:visibility") in _HIDDEN
            self._column, self._line = 1, _Line()
        elif tag in ("table-cell", "covered-table-cell") and self._is_in_table:
            self._cell, self._depth, self._text = given, 0, _Text()

    def text(self, piece: str) -> None:
        if self._cell is not None:
            self._text.text(piece)

    def end(self, tag: str) -> None:
        if self._cell is not None and self._depth:
            self._depth -= 1
            self._text.end(tag)
        elif self._cell is not None:
            self._finish_cell(self._cell)
            self._cell = None
        elif tag == "table-row" and self._is_in_table:
            self._finish_row()
        elif tag == "table" and self._is_in_table:
            self._is_in_table = False
            self._cells_before += len(self._cells)
            self.sheets.append(Sheet(self._name, self._cells, self._is_hidden, frozenset(self._hidden_rows),
                                     frozenset(self._hidden_columns), tuple(self._merged)))  # fmt: skip

    def _begin_table(self, given: Attributes) -> None:
        self._is_in_table = True
        self._name = given.get("table:name", "")
        self._is_hidden = given.get("table:style-name") in self._hidden_styles
        self._cells: dict[Place, Cell] = {}
        self._hidden_rows: set[int] = set()
        self._hidden_columns: set[int] = set()
        self._merged: list[tuple[int, int, int, int]] = []
        self._row = self._next_column = 1

    def _pass_columns(self, given: Attributes) -> None:
        first = self._next_column
        self._next_column += _times(given, "columns")
        if given.get("table:visibility") in _HIDDEN:
            self._hidden_columns.update(range(first, min(self._next_column, _MAX_COLUMN + 1)))

    def _finish_cell(self, given: Attributes) -> None:
        times = _times(given, "columns")
        if (cell := _cell(given, self._text.joined)) is not None:
            check_room(len(self._line) + times)
            self._line.update((self._column + n, cell) for n in range(times))
        down, right = _times(given, "rows", "spanned"), _times(given, "columns", "spanned")
        if (down, right) != (1, 1):
            self._merged.append((self._row, self._column, self._row + down - 1, self._column + right - 1))
        self._column += times

    def _finish_row(self) -> None:
        if self._line:
            check_room(self._cells_before + len(self._cells) + self._times * len(self._line))
            for row in range(self._row, self._row + self._times):
                self._cells.update(((row, column), cell) for column, cell in self._line.items())
        if self._is_row_hidden:
            self._hidden_rows.update(range(self._row, min(self._row + self._times, _MAX_ROW + 1)))
        self._row += self._times


def _times(given: Attributes, what: str, how: str = "repeated") -> int:
    """How often a row, a column or ('text:c') a space is repeated."""
    value = given.get(what if ":" in what else f"table:number-{what}-{how}", "1")
    return max(int(value), 1) if value.isascii() and value.isdigit() and len(value) < 8 else 1


def _cell(given: Attributes, text: str) -> Cell | None:
    kind = given.get("office:value-type", "")
    if given.get("calcext:value-type") == "error" or ("table:formula" in given and _ERROR.fullmatch(text)):
        return Cell("e", text or "#N/A")
    if kind in ("float", "percentage", "currency"):
        try:
            return number_cell(float(given["office:value"]), "p" if kind == "percentage" else "")
        except (KeyError, ValueError):
            return text_cell(text)
    if kind == "boolean":
        return yes_no_cell(given.get("office:boolean-value") == "true")
    if kind == "date":
        found = _ISO.match(given.get("office:date-value", ""))
        return Cell("d", found[0]) if found else text_cell(text)
    if kind == "time":
        clock = _TIME.fullmatch(given.get("office:time-value", ""))
        return Cell("t", ":".join(part.zfill(2) for part in clock.groups())) if clock else text_cell(text)
    if not kind and not text and "table:formula" in given:
        return Cell("f", given["table:formula"].partition(":")[2] or given["table:formula"])
    return text_cell(text or given.get("office:string-value", ""))
