"""From cells to lines: what a workbook says of itself, its tables, and what kind each line is.

The form under sources/forms says which headers, labels and words exist. Finding the header of a table is in header.py;
whether a figure is right does not belong here (checking/facts.py, checking/validate.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.reading.above import TITLE, Said, read_above
from pipelines.reading.context import LOOKED_AT
from pipelines.reading.form import Form
from pipelines.reading.header import Grid, Header, find_headers, find_keyless
from pipelines.reading.sheet import Cell, Sheet, address, column_letter, is_nothing
from pipelines.vietnamese import clean, fold

LONGEST_NAME = 80  # letters of a text that may name an agency
NAMES_KEPT = 100  # of such texts beside one table
UNREAD_TEXTS = 100  # texts kept of a sheet that has no table
BLANKS_KEPT = 20  # blank lines counted one after the other; a stray cell far below does not make a million lines


def lay_out(sheets: list[Sheet], form: Form) -> dict[str, Any]:
    """Find the form's tables in a workbook.

    Returns a reading: problem ''; sheet_names; stated: what it says of itself, as [name, text, sheet, cell], the
    likeliest first; titles: texts above the tables that name a year, as [text, sheet, cell]; unread: sheets without
    a table, as [sheet, [[cell, text] ...], headers found, headers missing]; confirmations: lines held before that
    the officer says are right, as [sheet, row, answer]; tables: list of {kind, sheet, header_row, header_cell,
    missing, repeated, repeated_cell, headers, columns, choices, said, heads, names, hidden_sheet, hidden_columns,
    hidden_rows, shared, covered, marks, lines}, where a line is {row, kind, typed} with kind data, blank, header,
    total, note, unanswered, and typed {column: [cell, kind, text]}. choices: {column: [[number, header, cell,
    around, above] ...]}, all that may be meant by it, the second as 'column~1' in typed; around, above and said (of
    the whole table): [text, cell] of what is said about whose figures these are; heads: the same between the lines,
    as [row, text, cell]; names: short texts alone in their row, above the table and between its lines, which may name
    whose lines follow, as [row, text, cell]. hidden_rows: hidden lines of data; shared: [row, column] where one merged
    cell stands for several lines; covered: [row, column] below a merged cell; marks: [row, column, mark] of figures
    shown otherwise than they are stored (sheet.Sheet.marks).
    """
    grids = [Grid(sheet) for sheet in sheets]
    tables: list[dict[str, Any]] = []
    unread: list[list[Any]] = []
    confirmations: list[list[Any]] = []
    said: list[Said] = []
    for grid, headers in zip(grids, _headers(grids, form), strict=True):
        above = read_above(grid, 1, headers[0].first_row if headers else None, form)
        said.append(above)
        begin = 1
        ends = [*(header.first_row for header in headers[1:]), grid.last_row + 1]
        for header, end in zip(headers, ends, strict=False):
            table = _Lines(grid, header, end, form).table()
            lines = [line["row"] for line in table["lines"] if line["kind"] in ("data", "unanswered")]
            alone = _alone(grid, begin, max(lines, default=0), {*lines})
            tables.append(table | {"said": _of_table(above, header, form), "names": alone})
            begin = max([*lines, header.last_row]) + 1
            above = read_above(grid, begin, end, form)
            said.append(above._replace(stated=[one for one in above.stated if one[0] != "period_code"], titles=[]))
        if not headers:
            confirmed = _confirmed(grid, form)
            confirmations += confirmed or []
            unread += _unread(grid, form) if confirmed is None and not grid.sheet.is_hidden else []
    said.sort(key=lambda one: one.rank)
    stated = [entry for one in said for entry in one.stated]
    return {
        "problem": "",
        "sheet_names": [sheet.name for sheet in sheets],
        "stated": stated,
        "titles": [title for one in said for title in one.titles],
        "unread": unread,
        "confirmations": confirmations,
        "tables": tables,
    }


def _headers(grids: list[Grid], form: Form) -> list[list[Header]]:
    """The headers of each sheet. An incomplete one counts where its lines have codes, or its kind has no better."""
    found = [_without_repeats(find_headers(grid, form.words)) for grid in grids]
    complete = {header.table.kind for headers in found for header in headers if not header.missing}
    found = [[h for h in headers if not (h.is_by_period and h.table.kind in complete)] for headers in found]
    kept = [
        [h for h in headers if not h.missing or h.table.kind not in complete or _has_codes(grid, h)]
        for grid, headers in zip(grids, found, strict=True)
    ]
    known = {header.table.kind for headers in kept for header in headers}
    others = [table for table in form.words.tables if table.kind not in known]
    for number, grid in enumerate(grids):
        if not kept[number] and others and (header := find_keyless(grid, form.words, others)):
            kept[number] = [_by_name(grid, header)]
    return [[h if h.table.kind in complete else h.waive() for h in headers] for headers in kept]


def _by_name(grid: Grid, header: Header) -> Header:
    """A header without a column of codes whose lines can be known by their names: where no other column has codes."""
    of, taken = header.table, header.columns.values()
    below = [cells for row, cells in grid.rows.items() if row > header.last_row]
    has_codes = any(c.kind == "t" and of.is_code(c.text) for cells in below for n, c in cells.items() if n not in taken)
    return header if has_codes or of.named_by not in header.columns else header._replace(waived=frozenset({of.key}))


def _of_table(above: Said, header: Header, form: Form) -> list[list[str]]:
    """What the titles above a table, and its sheet's name, say of all its figures."""
    groups = {cell for some in header.choices.values() for one in some for _, cell in one.above}
    said = [[text, cell] for text, cell in above.texts if cell not in groups]
    said += [[value, cell] for name, value, _, cell in above.stated if name == "period_code"]
    return [[text, cell] for text, cell in said if not form.context.understand(text).is_silent]


def _alone(grid: Grid, first: int, last: int, lines: set[int]) -> list[list[Any]]:
    """Short texts alone in their row, in rows that are no lines with figures."""
    found = []
    for row in sorted(row for row in grid.rows if first <= row < last and row not in lines):
        texts = [(column, cell) for column, cell in grid.rows[row].items() if not _NUMBER_OF_ROW.fullmatch(cell.text)]
        if len(texts) == 1 and texts[0][1].kind == "t" and len(texts[0][1].text) <= LONGEST_NAME:
            found.append([row, clean(texts[0][1].text), address(row, texts[0][0])])
    return found[:NAMES_KEPT]


def _confirmed(grid: Grid, form: Form) -> list[list[Any]] | None:
    """The answers in the column for confirmations of a feedback workbook; None where the sheet is none."""
    for _, cells in sorted(grid.rows.items()):
        names = {form.confirmation.get(fold(c.text)): n for n, c in cells.items() if c.kind == "t" and len(c.text) < 40}
        if names.keys() >= set(form.confirmation.values()):
            break
    else:
        return None
    found = []
    for _, cells in sorted(grid.rows.items()):
        sheet, cell, answer = (cells.get(names[name]) for name in ("sheet", "cell", "answer"))
        if sheet and cell and answer and answer.kind == "t" and form.yes.match(fold(answer.text[:LOOKED_AT])):
            place = _PLACE.fullmatch(clean(cell.text))
            found += [[clean(sheet.text), int(place[1]), clean(answer.text[:LOOKED_AT])]] if place else []
    return found


def _unread(grid: Grid, form: Form) -> list[list[Any]]:
    """A sheet without a table: the texts that may be codes or names of lines, and the columns that its likeliest header
    has and lacks."""
    texts = []
    for place, cell in sorted(grid.sheet.cells.items()):
        if cell.kind == "t" and (len(cell.text) > 15 or any(of.is_code(cell.text) for of in form.words.tables)):
            texts.append([address(*place), clean(cell.text[:LOOKED_AT])])
    named = [(names & {*of.required, of.named_by}, of)
             for of, rows in form.words.named(grid.sheet).items() for names in rows.values()]  # fmt: skip
    names, of = max(named, key=lambda one: len(one[0]), default=(set(), form.words.tables[0]))
    found = [of.headers[name] for name in of.headers if name in names]
    missing = [of.headers[name] for name in of.required if name not in names]
    return [[grid.sheet.name, texts[:UNREAD_TEXTS], found, missing]]


def _without_repeats(headers: list[Header]) -> list[Header]:
    """A header with the same columns again, after a page break, begins no new table."""
    kept: list[Header] = []
    for header in headers:
        last = kept[-1] if kept else None
        if last and header.first_row <= last.last_row:
            continue
        if not last or header.table is not last.table or header.columns != last.columns:
            kept.append(header)
    return kept


def _has_codes(grid: Grid, header: Header) -> bool:
    cells = [cells.get(header.columns[header.table.key]) for row, cells in grid.rows.items() if row > header.last_row]
    return any(cell is not None and cell.kind == "t" and header.table.is_code(cell.text) for cell in cells)


# ---------------------------------------------------------------- lines


class _Lines:
    """The lines below a header, up to a row."""

    def __init__(self, grid: Grid, header: Header, end: int, form: Form) -> None:
        self.grid, self.header, self.end, self.form = grid, header, end, form
        self.of = header.table
        self.columns = {column: name for name, column in header.columns.items()}
        others = {f"{name}~{n}": one.column for name, some in header.choices.items() for n, one in enumerate(some) if n}
        self.placed = header.columns | others
        self.letters = {name: column_letter(column) for name, column in self.placed.items()}
        self.answers = [*self.of.answers, *others]
        self.figures = [*self.of.figures, *others]
        self.is_headed = True  # just below a header: column numbers and units may follow
        self.is_signed = False  # below the signatures only a line with a code is data

    def table(self) -> dict[str, Any]:
        header, sheet = self.header, self.grid.sheet
        lines = [self._line(row) for row in self._rows()]
        data = [line for line in lines if line["kind"] == "data"]
        merged = [line for line in data if self.grid.has_ranges(line["row"])]
        hidden = [name for name in self.of.answers if header.columns.get(name) in sheet.hidden_columns]
        return {
            "kind": self.of.kind,
            "sheet": sheet.name,
            "header_row": header.first_row,
            "header_cell": address(header.first_row, min(header.columns.values())),
            "missing": header.missing,
            "repeated": [text for _, text in header.repeated],
            "repeated_cell": address(header.last_row, header.repeated[0][0]) if header.repeated else None,
            "headers": header.texts,
            "columns": header.columns,
            "choices": {name: [list(one) for one in some] for name, some in header.choices.items()},
            "heads": self._heads(lines),
            "hidden_sheet": sheet.is_hidden and bool(data),
            "hidden_columns": [name for name in hidden if any(name in line["typed"] for line in data)],
            "hidden_rows": [line["row"] for line in data if line["row"] in sheet.hidden_rows],
            "shared": [[line["row"], name] for line in merged for name in self.figures
                       if self._is_shared(line["row"], name)],
            "covered": [[line["row"], name] for line in merged for name in self.answers
                        if self._is_covered(line["row"], name)],
            "marks": self._marks(data),
            "lines": lines,
        }  # fmt: skip

    def _heads(self, lines: list[dict[str, Any]]) -> list[list[Any]]:
        """What rows between the lines say of the figures below them: 'Cùng kỳ năm trước'."""
        heads = []
        figures = {self.placed[name] for name in self.figures if name in self.placed}
        for line in lines:
            row, key = line["row"], line["typed"].get(self.of.key)
            if line["kind"] in ("unanswered", "header") or (key and key[1] == "t" and self.of.is_code(key[2])):
                continue
            for column, cell in sorted(self.grid.rows.get(row, {}).items()):
                is_short = cell.kind == "t" and len(cell.text) <= TITLE
                if line["kind"] == "data" and column not in figures:
                    continue  # the name of a line whose code is missing
                if is_short and not self.form.context.understand(cell.text).is_silent:
                    heads.append([row, clean(cell.text), address(row, column)])
        return heads

    def _marks(self, data: list[dict[str, Any]]) -> list[list[Any]]:
        marks = self.grid.sheet.marks
        if not marks:
            return []
        places = [(line["row"], name, self.placed[name]) for line in data for name in line["typed"]]
        return [[row, name, marks[row, column]] for row, name, column in places if (row, column) in marks]

    def _rows(self) -> Iterator[int]:
        """Rows with something in them, and of the blank ones before each the first few."""
        before = self.header.last_row
        for row in sorted(row for row in self.grid.rows if before < row < self.end):
            yield from range(before + 1, min(row, before + 1 + BLANKS_KEPT))
            yield row
            before = row

    def _line(self, row: int) -> dict[str, Any]:
        cells = self.grid.rows.get(row)
        typed, above = self._typed(row, cells) if cells else ({}, {})
        line_kind = self._kind(cells, typed, above) if cells else "blank"
        goes_on = line_kind == "blank" or (cells is not None and _is_units(cells))
        self.is_headed = line_kind == "header" or (goes_on and self.is_headed)
        letters = self.letters
        return {"row": row, "kind": line_kind,
                "typed": {name: [f"{letters[name]}{above.get(name, row)}", kind, text]
                          for name, (kind, text) in typed.items()}}  # fmt: skip

    def _typed(self, row: int, cells: Mapping[int, Cell]) -> tuple[dict[str, Cell], dict[str, int]]:
        """What the form's columns contain, and its row where that is above: a cell merged downwards
        holds for every line beside it."""
        columns = self.placed
        if not self.grid.has_ranges(row):
            return {name: cells[column] for name, column in columns.items() if column in cells}, {}
        typed: dict[str, Cell] = {}
        above: dict[str, int] = {}
        for name, column in columns.items():
            top, left, _, _ = self.grid.range_at(row, column)
            at = top if left == column and top > self.header.last_row else row
            if cell := self.grid.rows.get(at, {}).get(column):
                typed[name] = cell
                if at != row:
                    above[name] = at
        return typed, above

    def _kind(self, cells: Mapping[int, Cell], typed: Mapping[str, Cell], above: Mapping[str, int]) -> str:
        key = typed.get(self.of.key)
        if key and key.kind == "t" and self.of.is_code(key.text):
            answers = [name for name in self.answers if name in typed and not is_nothing(typed[name])
                       and name not in self.of.prefilled]  # fmt: skip
            if self.of.key in above:  # the code is merged from above: this is the same line going on
                return "data" if any(name not in above for name in answers) else "note"
            return "data" if answers else "unanswered"
        if self._is_header(cells, key):
            return "header"
        texts = [fold(cell.text[:LOOKED_AT]) for _, cell in sorted(cells.items()) if cell.kind == "t"]
        if texts and self.form.totals.match(texts[0]):
            return "total"
        self.is_signed = self.is_signed or any(map(self.form.signatures.match, texts))
        is_unit = _is_units(cells) and not self._is_silent(cells)
        if is_unit or self.is_signed or any(map(self.form.notes.match, texts)):
            return "note"
        figures = [typed[name] for name in self.figures if name in typed]
        return "data" if any(map(self._is_figure, figures)) else "note"

    def _is_figure(self, cell: Cell) -> bool:
        """Whether a cell reports something, in a line without a code: a number, an error, a date or an answer."""
        if cell.kind != "t" or any(char.isdigit() for char in cell.text):
            return True
        return not is_nothing(cell) and fold(cell.text[:LOOKED_AT]) in self.form.answers

    def _is_header(self, cells: Mapping[int, Cell], key: Cell | None) -> bool:
        """A header repeated after a page break, or the line of column numbers or units below a header."""
        columns = self.columns
        texts = [
            (columns[column], cell.text) for column, cell in cells.items() if column in columns and cell.kind == "t"
        ]
        again = [name for name, text in texts if self.of.name_of(text) == name]
        if len(again) > 1 or (again and (key is None or self.of.key in again)):
            return True
        return self.is_headed and (_is_numbering(cells) or (_is_units(cells) and self._is_silent(cells)))

    def _is_silent(self, cells: Mapping[int, Cell]) -> bool:
        """Whether texts say nothing of the figures below them, as '(nghìn người)' and '(tháng 9)' do."""
        return all(self.form.context.understand(cell.text, True).is_silent for cell in cells.values())

    def _is_shared(self, row: int, name: str) -> bool:
        """Whether a figure's cell is merged over several lines with codes of their own."""
        columns = self.placed
        if name not in columns or self.of.key not in columns:
            return False
        top, _, low, _ = self.grid.range_at(row, columns[name])
        rows = range(top, min(low, top + 99, self.grid.last_row) + 1)
        return low > top and len({self.grid.range_at(r, columns[self.of.key])[0] for r in rows}) > 1

    def _is_covered(self, row: int, name: str) -> bool:
        """Whether a cell holds something that nobody sees, as the cell left of it is merged over it."""
        column = self.placed.get(name)
        return column in self.grid.rows.get(row, {}) and self.grid.range_at(row, column or 0)[1] != column


def _is_numbering(cells: Mapping[int, Cell]) -> bool:
    """Whether a line numbers the columns: (1) (2) (3)=(1)/(2), or A B 1 2 3."""
    marks = [_COLUMN_NUMBER.fullmatch(clean(cell.text)) for _, cell in sorted(cells.items())]
    numbers = [int(mark[1]) for mark in marks if mark and mark[1].isdigit()]
    in_order = not numbers or numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return len(marks) > 2 and all(marks) and in_order


def _is_units(cells: Mapping[int, Cell]) -> bool:
    """Whether a line only names units of measure, in brackets."""
    return all(cell.kind == "t" and _UNIT.fullmatch(clean(cell.text)) for cell in cells.values())


_NUMBER_OF_ROW = re.compile(r"\s*(?:[A-ZĐa-z]|\d{1,2}|[IVX]{1,5})[.)]?\s*")
_COLUMN_NUMBER = re.compile(r"\(?([A-ZĐa-zđ]|\d{1,2})\)?\s*(?:=.*)?")
_UNIT = re.compile(r"\(.*\)|%|ĐVT.*|Đơn vị.*", re.IGNORECASE)
_PLACE = re.compile(r"[A-Z]{1,3}(\d{1,7})")
