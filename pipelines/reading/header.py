"""Where the tables of a sheet begin: their header rows, and which column is which.

A header is found by the texts the form gives its columns, wherever it stands: one row or several, merged or not,
once or on every page. What stands below it does not belong here (layout.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pipelines.reading.sheet import Cell, Sheet
from pipelines.vietnamese import clean, code_key, fold

HEADER_WITHIN = 60  # rows searched for a header whose column of codes is gone
HEADER_COLUMNS = 300  # columns a merged header is spread over at most
_LONGER = 60  # letters a header may have beyond the form's longest: explanations in brackets
_KEPT = 20_000  # texts remembered
_RANGES, _TALLEST = 20_000, 100  # merged ranges looked at, and rows of one
_SHOWN = 80  # letters of a header in a finding
_BRACKETS = re.compile(r"\([^()]*\)$")
_NUMBERING = re.compile(r"^(?:\(?\d{1,2}\)|\d{1,2}\.)\s*")
_REMARK = re.compile(r"\(.*\)|%", re.DOTALL)  # a unit of measure below a header
_BLOCKS = ((0, 0), (0, 1), (-1, 0), (0, 2), (-1, 1))  # rows of a header, counted from that of its column of codes


class TableForm:
    """One kind of table of the form: its headers under all their aliases, and which of them it needs."""

    def __init__(self, layout: Mapping[str, Any], also: list[dict[str, Any]]) -> None:
        columns = [*layout["columns"], *also]
        self.kind: str = layout["kind"]
        aliases = {fold(text): c["name"] for c in reversed(columns) for text in c.get("aliases", [])}
        self.names: dict[str, str] = aliases | {fold(c["header"]): c["name"] for c in reversed(columns)}
        self.own = {c["name"]: fold(c["header"]) for c in columns}  # the header the form prints
        self.headers = {c["name"]: c["header"] for c in columns}
        self.required = [c["name"] for c in columns if c.get("required")]
        self.answers = [c["name"] for c in columns if c.get("answer")]
        self.figures = [name for name in self.answers if name not in layout["remarks"]]
        self.key = self.required[0]
        self.code = re.compile(layout["code"])
        self.longest = max(map(len, self.names)) + _LONGER
        self._known: dict[str, str | None] = {}
        self._is_code = lru_cache(maxsize=_KEPT)(self._looks_like_code)

    def name_of(self, text: str) -> str | None:
        """The column a text is the header of, or None."""
        if len(text) > self.longest:
            return None
        if text not in self._known:
            if len(self._known) > _KEPT:
                self._known.clear()
            self._known[text] = self._find(fold(text).rstrip("*"))
        return self._known[text]

    def _find(self, key: str) -> str | None:
        """Under the text itself, else without a remark in brackets behind it, else without a number before it."""
        for text in (key, _BRACKETS.sub("", key), _NUMBERING.sub("", _BRACKETS.sub("", key))):
            if name := self.names.get(text.strip(" .,;:-*")):
                return name
        return None

    def is_code(self, text: str) -> bool:
        """Whether a text looks like the code of a line, known or not."""
        return len(text) <= self.longest and self._is_code(text)

    def _looks_like_code(self, text: str) -> bool:
        return self.code.fullmatch(code_key(text)) is not None


class HeaderWords:
    """The headers of all tables of the form, to be looked up quickly."""

    def __init__(self, tables: list[TableForm]) -> None:
        self.tables = tables
        self._longest = max(table.longest for table in tables)
        self._known: dict[str, list[tuple[TableForm, str]]] = {}

    def named(self, grid: Grid) -> dict[TableForm, dict[int, set[str]]]:
        """The columns each row names, by table."""
        found: dict[TableForm, dict[int, set[str]]] = {table: {} for table in self.tables}
        known = self._known  # most texts are known to be no header
        candidates = [(row, cell) for (row, _), cell in grid.sheet.cells.items() if known.get(cell[1], True)]
        for row, (kind, text) in candidates:
            if kind == "t" and len(text) <= self._longest:
                for table, name in self._meanings(text):
                    found[table].setdefault(row, set()).add(name)
        return found

    def _meanings(self, text: str) -> list[tuple[TableForm, str]]:
        meanings = self._known.get(text)
        if meanings is None:
            if len(self._known) > _KEPT:
                self._known.clear()
            meanings = self._known[text] = [(table, n) for table in self.tables if (n := table.name_of(text))]
        return meanings


class Grid:
    """A sheet's cells by row, and what its merged ranges show."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.rows: dict[int, dict[int, Cell]] = {}
        last = -1
        cells: dict[int, Cell] = {}
        for (row, column), cell in sheet.cells.items():
            if row != last:
                last, cells = row, self.rows.setdefault(row, {})
            cells[column] = cell
        self.last_row = max(self.rows, default=0)
        self._ranges: dict[int, list[tuple[int, int, int, int]]] = {}
        for merged in sheet.merged[:_RANGES]:
            for row in range(merged[0], min(merged[2], self.last_row, merged[0] + _TALLEST) + 1):
                self._ranges.setdefault(row, []).append(merged)

    def has_ranges(self, row: int) -> bool:
        """Whether any merged range reaches into a row."""
        return row in self._ranges

    def range_at(self, row: int, column: int) -> tuple[int, int, int, int]:
        """The merged range a cell lies in, else the cell itself."""
        for merged in self._ranges.get(row, ()):
            if merged[1] <= column <= merged[3]:
                return merged
        return row, column, row, column

    def shown(self, row: int, column: int) -> Cell | None:
        """What a reader sees there: the cell, or that of the merged range's corner."""
        top, left, _, _ = self.range_at(row, column)
        return self.rows.get(top, {}).get(left)

    def columns(self, first: int, last: int) -> list[int]:
        """Columns with something in these rows, merged ranges spread."""
        found: set[int] = set()
        for row in range(first, last + 1):
            found.update(self.rows.get(row, ()))
            for _, left, _, right in self._ranges.get(row, ()):
                found.update(range(left, min(right, left + HEADER_COLUMNS) + 1))
        return sorted(found)[:HEADER_COLUMNS]


class Header(NamedTuple):
    """The header of a table: its rows, its columns by name, what it lacks, repeats, and all it says."""

    table: TableForm
    first_row: int
    last_row: int
    columns: dict[str, int]
    repeated: list[tuple[int, str]]  # column, text
    texts: list[str]
    own: frozenset[int]  # columns with a text of their own

    @property
    def missing(self) -> list[str]:
        return [self.table.headers[name] for name in self.table.required if name not in self.columns]

    @property
    def found(self) -> int:
        """How many required columns it has."""
        return len(self.table.required) - len(self.missing)


def find_headers(grid: Grid, words: HeaderWords) -> list[Header]:
    """The headers with a column of codes and one more required column at least, from top to bottom."""
    named = words.named(grid)
    rows = sorted({row for table, by_row in named.items() for row, names in by_row.items() if table.key in names})
    found = []
    for row in rows:
        kinds = [table for table in words.tables if table.key in named[table].get(row, ())]
        headers = [header for table in kinds if (header := _best(grid, table, row, named[table]))]
        if headers:
            found.append(max(headers, key=lambda header: (not header.missing, header.found)))
    return found


def find_keyless(grid: Grid, words: HeaderWords, kinds: list[TableForm]) -> Header | None:
    """The row with most required columns, two at least, where no column of codes is found."""
    named = words.named(grid)
    headers = [
        header
        for table in kinds
        for row in sorted(named[table])
        if row <= HEADER_WITHIN and (header := _best(grid, table, row, named[table]))
    ]
    return max(headers, key=lambda header: (header.found, -header.first_row), default=None)


def _best(grid: Grid, table: TableForm, row: int, named: Mapping[int, set[str]]) -> Header | None:
    """The rows around one that make the most complete header, as few as possible."""
    near = set().union(*(named.get(one, ()) for one in range(row - 1, row + 3)))
    best: Header | None = None
    for before, after in _BLOCKS if len(near.intersection(table.required)) > 1 else ():
        if row + before < 1 or (before and row + before not in grid.rows):
            continue
        header = _read(grid, table, row + before, row + after)
        if header.found > (best.found if best else 1):
            best = header
        if best and not best.missing:
            break
    if best and _goes_on(grid, best):
        best = _read(grid, table, best.first_row, best.last_row + 1)
    return best


def _goes_on(grid: Grid, header: Header) -> bool:
    """Whether the next row divides the columns further: 'Tháng 9' and 'Tháng 10' below one 'Tử số'."""
    below = grid.rows.get(header.last_row + 1, {})
    divided = [c for c, cell in below.items() if c > min(header.own) and c not in header.own and cell.kind == "t"]
    return bool(divided) and header.columns.get(header.table.key) not in below


def _read(grid: Grid, table: TableForm, first: int, last: int) -> Header:
    """These rows as a header. A merged text counts for all its columns, together with what stands below it."""
    named: list[tuple[int, str, str]] = []
    texts = []
    own = set()
    bottom = last
    for column in grid.columns(first, last):
        parts, is_own, depth = _parts(grid, first, last, column)
        if not parts:
            continue
        if is_own:
            own.add(column)
        if is_own or len(parts) > 1:
            texts.append(" ".join(parts)[:_SHOWN])
        if name := _name(table, parts, is_own):
            named.append((column, name, " ".join(parts)))
            bottom = max(bottom, min(depth, last + 3))
    columns, repeated = _choose(table, named)
    return Header(table, first, bottom, columns, repeated, list(dict.fromkeys(texts)), frozenset(own))


def _parts(grid: Grid, first: int, last: int, column: int) -> tuple[list[str], bool, int]:
    """The texts over a column from top to bottom, whether the lowest is this column's own, and where it ends."""
    parts: list[str] = []
    seen: set[tuple[int, int]] = set()
    is_own, depth = False, last
    for row in range(first, last + 1):
        top, left, low, _ = grid.range_at(row, column)
        cell = grid.rows.get(top, {}).get(left)
        if cell is None or cell.kind != "t" or (top, left) in seen or top < first:
            continue
        seen.add((top, left))
        parts.append(clean(cell.text))
        is_own, depth = left == column, low
    return parts, is_own, depth


def _name(table: TableForm, parts: list[str], is_own: bool) -> str | None:
    if not is_own:
        return None  # a text over several columns, with nothing below it here
    if len(parts) > 1 and (name := table.name_of(" ".join(parts))):
        return name
    if name := table.name_of(parts[-1]):
        return name
    # a unit below a header is no header of its own; any other text ('Kỳ trước') changes what the column means
    return table.name_of(parts[-2]) if len(parts) > 1 and _REMARK.fullmatch(parts[-1]) else None


def _choose(table: TableForm, named: list[tuple[int, str, str]]) -> tuple[dict[str, int], list[tuple[int, str]]]:
    """One column for each name, and the headers that stand twice.

    Of two aliases of a column that is not required, the form's own header is taken, else the first; the other is a
    column of the officer's own.
    """
    columns: dict[str, int] = {}
    repeated = []
    texts: dict[str, str] = {}
    for column, name, text in named:
        if name not in columns:
            columns[name], texts[name] = column, text
        elif name in table.required or fold(text) == fold(texts[name]):
            repeated.append((column, text))
        elif fold(text) == table.own[name]:
            columns[name], texts[name] = column, text
    return columns, repeated
