"""Where the tables of a sheet begin: their header rows, and which column is which.

A header is found by the texts the form gives its columns, wherever it is: one row or several, merged or not,
once or on every page. What a header says besides ('tháng 9/2026') goes with its column; where several columns may be
meant, all are named, and checking/context.py chooses. The texts are known in header_words.py; what is below a
header does not belong here (layout.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pipelines.reading.context import LOOKED_AT
from pipelines.reading.header_words import HeaderWords, TableForm
from pipelines.reading.sheet import Cell, Sheet, address
from pipelines.vietnamese import clean, fold

HEADER_WITHIN = 60  # rows searched for a header whose column of codes is gone
HEADER_COLUMNS = 300  # columns a merged header is spread over at most
_RANGES, _TALLEST = 20_000, 100  # merged ranges looked at, and rows of one
_SHOWN = 80  # letters of a header in a finding
_GROUPS_ABOVE = 2  # rows above a complete header that may hold groups over its columns
_BLOCKS = ((0, 0), (0, 1), (-1, 0), (0, 2), (-1, 1))  # rows of a header, counted from that of its column of codes


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


class Choice(NamedTuple):
    """A column that may be the one a name means: its header, where it is, and what is said around it, as [text,
    cell]; of what is only somewhere above, just the words that are known count."""

    column: int
    text: str
    cell: str
    around: list[list[str]]
    above: list[list[str]]


class Header(NamedTuple):
    """The header of a table: its rows, its columns by name, what it lacks, repeats, and all it says.

    choices: for each column whose figure depends on what is said around it, all the columns that may be meant.
    """

    table: TableForm
    first_row: int
    last_row: int
    columns: dict[str, int]
    choices: dict[str, list[Choice]]
    repeated: list[tuple[int, str]]  # column, text
    texts: list[str]
    own: frozenset[int]  # columns with a text of their own
    is_by_period: bool = False  # its figures are in columns that only a period is over
    waived: frozenset[str] = frozenset()  # required columns that it may lack

    @property
    def missing(self) -> list[str]:
        lacking = [name for name in self.table.required if name not in self.columns and name not in self.waived]
        [whole, *_] = self.table.enough
        if all(name in self.columns for name in whole):  # the parts of a rate need no result
            lacking = [name for name in lacking if name == self.table.key]
        return [self.table.headers[name] for name in lacking]

    @property
    def found(self) -> int:
        """How many required columns it has."""
        return sum(name in self.columns for name in self.table.required)

    def waive(self) -> Header:
        """As if nothing were missing, where a part of the required columns is enough by itself."""
        names = self.table.required
        part = [name for name in names if name != self.table.key and name in self.columns]
        return self._replace(waived=frozenset(names)) if part in self.table.enough else self


def find_headers(grid: Grid, words: HeaderWords) -> list[Header]:
    """The headers with a column of codes and one more required column at least, from top to bottom."""
    named = words.named(grid.sheet)
    rows = sorted({row for table, by_row in named.items() for row, names in by_row.items() if table.key in names})
    found = []
    for row in rows:
        kinds = [table for table in words.tables if table.key in named[table].get(row, ())]
        headers = [header for table in kinds if (header := _best(grid, table, row, named[table]))]
        if headers:
            found.append(max(headers, key=lambda header: (not header.missing, header.found)))
    return found


def find_keyless(grid: Grid, words: HeaderWords, kinds: list[TableForm]) -> Header | None:
    """The row with most required columns where no column of codes is found: two at least, or one beside the names."""
    named = words.named(grid.sheet)
    headers = [
        header
        for table in kinds
        for row, names in sorted(named[table].items())
        if row <= HEADER_WITHIN
        and names.intersection([table.named_by, *table.required])
        and (header := _best(grid, table, row, named[table]))
    ]
    return max(headers, key=lambda header: (header.found, -header.first_row), default=None)


def _best(grid: Grid, table: TableForm, row: int, named: Mapping[int, set[str]]) -> Header | None:
    """The rows around one that make the most complete header, as few as possible."""
    near = set().union(*(named.get(one, ()) for one in range(row - 1, row + 3)))
    best: Header | None = None
    needed = 1 if table.named_by in near and table.key not in near else 2
    for before, after in _BLOCKS if len(near.intersection(table.required)) >= needed else ():
        if row + before < 1 or (before and row + before not in grid.rows):
            continue
        header = _read(grid, table, row + before, row + after)
        if header.found > (best.found if best else needed - 1):
            best = header
        if best and not best.missing:
            break
    if best and _goes_on(grid, best):
        best = _read(grid, table, best.first_row, best.last_row + 1)
    return best and _with_groups_above(grid, best)


def _goes_on(grid: Grid, header: Header) -> bool:
    """Whether the next row divides the columns further: 'Tháng 9' and 'Tháng 10' below one 'Tử số'."""
    below = grid.rows.get(header.last_row + 1, {})
    divided = [c for c, cell in below.items() if c > min(header.own) and c not in header.own and cell.kind == "t"]
    return bool(divided) and header.columns.get(header.table.key) not in below


def _read(grid: Grid, table: TableForm, first: int, last: int) -> Header:
    """These rows as a header. A merged text counts for all its columns, together with what is below it."""
    named: list[tuple[str, Choice]] = []
    texts = []
    own = set()
    bottom = last
    spread: dict[int, _Part] = {}  # in each row, a text that may stand for the empty cells to its right too
    for column in grid.columns(first, last):
        parts, is_own, depth = _parts(grid, first, last, column)
        over = list(_spread(spread, parts, first, last))
        if not parts:
            continue
        if is_own:
            own.add(column)
        if is_own or len(parts) > 1:
            texts.append(" ".join(part.text for part in parts)[:_SHOWN])
        if is_own and (found := _name(table, column, [*over, *parts], len(over))):
            named.append(found)
            bottom = max(bottom, min(depth, last + 3))
    is_by_period = _has_only_periods(table, named)
    if is_by_period:
        named += _of_periods(grid, table, first, last, own)
    columns, choices, repeated = _choose(table, named)
    texts = list(dict.fromkeys(texts))
    return Header(table, first, bottom, columns, choices, repeated, texts, frozenset(own), is_by_period)


def _has_only_periods(table: TableForm, named: list[tuple[str, Choice]]) -> bool:
    """Whether a row with a column of codes has none for figures, so that columns headed by a period alone are those."""
    names = {name for name, _ in named}
    return bool(table.by_period) and table.key in names and not names.intersection(table.chosen)


def _of_periods(grid: Grid, table: TableForm, first: int, last: int, own: set[int]) -> list[tuple[str, Choice]]:
    """The columns over which there is only a period: 'T1' to 'T12', each with what it says."""
    found = []
    for column in sorted(own):
        parts, _, _ = _parts(grid, first, last, column)
        if table.by_period and all(table.is_period(part.text) for part in parts):
            text = " ".join(part.text for part in parts)
            found.append((table.by_period, _choice(column, text, parts[-1], parts)))
    return found


class _Part(NamedTuple):
    """A text over a column: where it is, and the last column it is merged over."""

    text: str
    row: int
    column: int
    right: int


def _parts(grid: Grid, first: int, last: int, column: int) -> tuple[list[_Part], bool, int]:
    """The texts over a column from top to bottom, whether the lowest is this column's own, and where it ends."""
    parts: list[_Part] = []
    seen: set[tuple[int, int]] = set()
    is_own, depth = False, last
    for row in range(first, last + 1):
        top, left, low, right = grid.range_at(row, column)
        cell = grid.rows.get(top, {}).get(left)
        if cell is None or cell.kind != "t" or (top, left) in seen or top < first:
            continue
        seen.add((top, left))
        parts.append(_Part(clean(cell.text), top, left, right))
        is_own, depth = left == column, low
    return parts, is_own, depth


def _spread(spread: dict[int, _Part], parts: list[_Part], first: int, last: int) -> Iterator[_Part]:
    """The texts to the left in rows where this column has none: a group that is centred over its columns, not merged.

    Only above a text of the column's own, and only where the group has one below it too.
    """
    rows = {part.row for part in parts}
    for row in range(first, last):
        if row in rows:
            spread.pop(row, None)
            if len(parts) > 1 and (part := next(p for p in parts if p.row == row)).column == part.right:
                spread[row] = part
        elif row in spread and any(part.row > row for part in parts):
            yield spread[row]


def _name(table: TableForm, column: int, parts: list[_Part], spread: int) -> tuple[str, Choice] | None:
    """The column these texts name, and what they say besides. spread: how many are only spread over it."""
    own = parts[spread:]
    text, last = " ".join(part.text for part in own), own[-1]
    if len(own) > 1 and table.names.get(fold(text)) and (whole := table.match(text)):
        return whole.name, _choice(column, text, last, parts[:spread])
    over = parts[:-1]
    match = table.match(last.text)
    if match is None and len(parts) > 1:
        # a unit or a period below a header goes with it; any other text changes what the column means
        said, above = table.context.understand(last.text, True), parts[-2]
        if not said.rest or (last.text.startswith("(") and len(own) > 1):
            match = table.match(above.text)
        over, last = [*parts[:-2], last], above
    if match is None:
        return None
    around = [last._replace(text=match.around)] if match.around else []
    for part in over:
        found = table.match(part.text)
        around += [part._replace(text=found.around)] * bool(found.around) if found else [part]
    return match.name, _choice(column, text, last, around)


def _choice(column: int, text: str, own: _Part, around: list[_Part]) -> Choice:
    said = [[part.text[:LOOKED_AT], address(part.row, part.column)] for part in around]
    return Choice(column, text[:_SHOWN], address(own.row, own.column), said, [])


def _choose(
    table: TableForm, named: list[tuple[str, Choice]]
) -> tuple[dict[str, int], dict[str, list[Choice]], list[tuple[int, str]]]:
    """The first column for each name, all that may be meant, and the headers that appear twice.

    Of two aliases of a column that is not required, the form's own header is taken, else the first; the other is a
    column of the officer's own.
    """
    columns: dict[str, int] = {}
    choices: dict[str, list[Choice]] = {}
    repeated = []
    texts: dict[str, str] = {}
    for name, choice in named:
        column, text = choice.column, choice.text
        if name in table.chosen:
            choices.setdefault(name, []).append(choice)
        if name not in columns:
            columns[name], texts[name] = column, text
        elif name in table.chosen:
            continue
        elif name in table.required or fold(text) == fold(texts[name]):
            repeated.append((column, text))
        elif fold(text) == table.own[name]:
            columns[name], texts[name] = column, text
    return columns, choices, repeated


def _with_groups_above(grid: Grid, header: Header) -> Header:
    """What the rows just above say over some of the columns: 'Kế hoạch' over three of them."""
    key = header.columns.get(header.table.key, header.columns.get(header.table.named_by, 0))
    last = max(max(header.own), *header.columns.values())
    first = min((one.column for some in header.choices.values() for one in some), default=last)
    above: dict[int, list[list[str]]] = {}
    for row in range(max(header.first_row - _GROUPS_ABOVE, 1), header.first_row):
        cells = [(c, cell) for c, cell in sorted(grid.rows.get(row, {}).items()) if c <= last]
        for number, (column, cell) in enumerate(cells):
            _, left, _, right = grid.range_at(row, column)
            if left == right and len(cells) > 1:  # centred over the empty cells beside it
                right = (cells[number + 1][0] if number + 1 < len(cells) else last + 1) - 1
            is_over_figures = row == header.first_row - 1 and column >= first
            if left == right and len(cells) == 1 and is_over_figures:  # alone, above the columns for figures
                right = last
            if cell.kind != "t" or left <= key <= right or (left == right and len(cells) == 1 and not is_over_figures):
                continue
            for covered in range(left, min(right, last) + 1):
                above.setdefault(covered, []).append([clean(cell.text)[:LOOKED_AT], address(row, column)])
    if not above:
        return header
    choices = {name: [one._replace(above=above.get(one.column, [])) for one in some]
               for name, some in header.choices.items()}  # fmt: skip
    return header._replace(choices=choices)
