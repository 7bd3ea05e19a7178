"""Workbooks in OpenDocument: .ods, read from their content.xml.

Values carry their type there; calamine loses the errors and stops at some repeated cells.
"""

from __future__ import annotations

import re

from pipelines.layout import Cell, Sheet
from pipelines.read_cells import ERRORS, Place, UnreadableError, check_room, number_cell, text_cell
from pipelines.read_zip import Attributes, Package

_MAX_ROW, _MAX_COLUMN = 1_048_576, 16_384
_ERROR_TEXT = re.compile(r"Err:\d{3}|#[^\s#]+[!?]|#N/A")
_TIME = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")


def read_ods(package: Package) -> list[Sheet]:
    """Every sheet of a workbook. Raises UnreadableError."""
    if "meta-inf/manifest.xml" in package and b"encryption-data" in package.read("meta-inf/manifest.xml"):
        raise UnreadableError("protected")
    reader = _Reader()
    package.parse("content.xml", reader.start, reader.end, reader.text)
    return reader.sheets


class _Reader:
    """Handlers that collect the sheets of a content.xml."""

    def __init__(self) -> None:
        self.sheets: list[Sheet] = []
        self._hidden_styles: set[str] = set()
        self._style = ""
        self._before = 0
        self._tables = 0  # depth; a table within a cell belongs to a drawing
        self._cell: Attributes | None = None
        self._skipped = 0  # depth within what is no content: comments, drawings
        self._paragraphs: list[str] = []
        self._in_paragraph = 0

    # ---- elements

    def start(self, tag: str, given: Attributes) -> None:
        given = {key.rpartition(" ")[2]: value for key, value in sorted(given.items(), reverse=True)}
        if self._cell is not None:
            self._start_in_cell(tag, given)
        elif tag == "style":
            self._style = given.get("name", "")
        elif tag == "table-properties" and given.get("display") == "false":
            self._hidden_styles.add(self._style)
        elif tag == "table":
            self._begin_table(given)
        elif tag == "table-row":
            self._begin_row(given)
        elif tag == "table-column":
            first, self._next_column = self._next_column, self._next_column + _times(given, "number-columns-repeated")
            if given.get("visibility") in ("collapse", "filter"):
                self._hidden_columns.update(range(first, min(self._next_column, _MAX_COLUMN + 1)))
        elif tag in ("table-cell", "covered-table-cell"):
            self._cell, self._paragraphs = given, []

    def end(self, tag: str) -> None:
        if self._cell is not None and self._skipped:
            self._skipped -= 1
        elif self._cell is not None and tag in ("table-cell", "covered-table-cell"):
            self._finish_cell(self._cell)
            self._cell = None
        elif self._cell is not None:
            self._in_paragraph -= tag in ("p", "h")
        elif tag == "table-row":
            self._finish_row()
        elif tag == "table":
            self._before += len(self._cells)
            self.sheets.append(Sheet(self._name, self._cells, self._is_hidden, frozenset(self._hidden_rows),
                                     frozenset(self._hidden_columns), tuple(self._merged)))  # fmt: skip

    def text(self, piece: str) -> None:
        if self._in_paragraph and not self._skipped:
            self._paragraphs[-1] += piece
