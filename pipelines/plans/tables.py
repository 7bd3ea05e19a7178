"""The tables of a plan document as lines: chunks joined over pages, columns known by their heads, sections above rows.

Words are data (sources/forms/plan-documents.yml). What a line's texts mean is understood in drafting.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher
from typing import Any

from pipelines.files import Row
from pipelines.plans.reading.document import ROMAN, Cell, Document, Paragraph, Table, TableRow
from pipelines.registry.plan_folders import AgencyNames
from pipelines.vietnamese import clean, named_day, parse_deadline, parse_target

_TEXT_FIELDS = ("title", "target_name", "lead", "cooperating", "deliverable", "head", "deadline", "unit", "note")


@dataclass
class Line:
    """One row of a table: what each field holds, and the figures by milestone (None: no day in the head)."""

    number: str
    texts: dict[str, str]
    values: list[tuple[date | None, str]]
    page: int | None
    place: str
    section: str = ""
    section_title: str = ""
    printed_number: str = ""
    source_task: str = ""
    doubts: list[str] = field(default_factory=list)
    is_group: bool = False
    joined: set[str] = field(default_factory=set)  # fields put together from two rows
    pictures: list[bytes] = field(default_factory=list)  # of its rows, where they were read from a scan

    def text(self, name: str) -> str:
        return self.texts.get(name, "")


@dataclass
class PlanTable:
    """kind: targets, tasks, or both where the heads do not decide."""

    kind: str
    appendix: str
    lines: list[Line]
    by_content: bool = False


@dataclass
class _Chunk:
    table: Table
    appendix: str
    rows: list[TableRow]
    labels: list[str]
    heads: int


class TableReader:
    def __init__(self, words: Row, names: AgencyNames) -> None:
        self.words, self.names = words, names
        self._columns = [
            (one["field"], re.compile(one.get("is") or one["has"]), "is" in one) for one in words["columns"]
        ]
        self._number = re.compile(words["row_number"])
        self._bullet = re.compile(words["bullet"])

    def read(self, document: Document) -> list[PlanTable]:
        tables: list[PlanTable] = []
        joined: list[_Chunk] = []
        appendix, fresh = "", True
        for block in document.blocks:
            if isinstance(block, Paragraph):
                if (named := self._appendix(block.text)) is not None:
                    appendix, fresh = named, True
                continue
            chunk = self._chunk(block, appendix)
            if joined and not fresh and self._continues(joined[-1], chunk):
                if not chunk.heads:
                    chunk.labels = joined[-1].labels
                joined.append(chunk)
                continue
            if made := self._plan_table(joined):
                tables.append(made)
            joined, fresh = ([chunk] if chunk.heads else []), not chunk.heads
        if made := self._plan_table(joined):
            tables.append(made)
        return tables

    def _appendix(self, text: str) -> str | None:
        found = re.match(self.words["appendix"], clean(text).casefold())
        if not found:
            return None
        number = (found["number"] or "").upper()
        return ROMAN[int(number)] if number.isdecimal() and int(number) < len(ROMAN) else number

    # ------------------------------------------------------------ heads

    def _field(self, label: str) -> str | None:
        plain = clean(label).casefold().strip(" .:*")
        return next((name for name, pattern, whole in self._columns
                     if plain and (pattern.fullmatch(plain) if whole else pattern.search(plain))), None)  # fmt: skip

    def _chunk(self, table: Table, appendix: str) -> _Chunk:
        """A table with its head rows told apart: those with heads, and those under merged ones, below its title."""
        above = next((at for at, row in enumerate(table.rows[:4]) if len(row.distinct) > 2), 0)
        heads = self._heads(table, above)
        if heads and above:
            named = [self._appendix(row.cells[0].text) for row in table.rows[:above]]
            appendix = next((one for one in named if one is not None), appendix)
        first = above if heads else 0
        heads = heads or int(self._unknown_head(table))
        labels = []
        for column in range(table.width if heads else 0):
            parts = list(dict.fromkeys(row.cells[column] for row in table.rows[first:heads]))
            texts = [clean(cell.text) for cell in parts]
            labels.append(" ".join(text for text in texts if not re.fullmatch(r"\(?\d{1,2}\)?", text)))
        return _Chunk(table, appendix, table.rows[heads:], labels, heads)

    def _heads(self, table: Table, above: int) -> int:
        """After which row the heads end, from the first below the title; 0 where there are none."""
        heads = above
        for row in table.rows[above : above + 4]:
            texts = [clean(cell.text) for cell in row.distinct if clean(cell.text)]
            known = [text for text in texts if len(text) < 90 and self._field(text)]
            numbered = any(self._number.match(text) for text in texts[:1])
            counts = all(re.fullmatch(r"\(?\d{1,2}\)?", text) for text in texts) and len(texts) > 2
            merged_above = heads > above and any(cell in table.rows[heads - 1].cells for cell in row.cells)
            enough = len(known) >= min(3, max(2, len(row.distinct) - 1)) and len(texts) > 2
            if (enough and not numbered) or (heads > above and (counts or (merged_above and known and not numbered))):
                heads += 1
            else:
                break
        return heads if heads > above else 0

    def _unknown_head(self, table: Table) -> bool:
        """A first row of short texts above numbered rows is a head, whatever its words."""
        if len(table.rows) < 3 or table.width < 4:
            return False
        texts = [clean(cell.text) for cell in table.rows[0].cells]
        short = all(0 < len(text) < 60 and not self._number.match(text.casefold()) for text in texts)
        below = [clean(row.cells[column].text) for column in range(table.width) for row in table.rows[1:3]]
        return short and len(set(texts)) == table.width and any(text in ("1", "1.", "I", "01") for text in below)

    def _continues(self, before: _Chunk, chunk: _Chunk) -> bool:
        """Same width, and either the same heads again or none."""
        if before.table.width != chunk.table.width:
            return False
        if not chunk.heads:
            return True
        alike = sum(map(_same, before.labels, chunk.labels))
        return alike >= 0.7 * len(chunk.labels)

    # ------------------------------------------------------------ columns

    def _plan_table(self, joined: list[_Chunk]) -> PlanTable | None:
        if not joined:
            return None
        rows = [(chunk, row) for chunk in joined for row in chunk.rows]
        fields, by_content = self._fields(joined[0].labels, [row for _, row in rows])
        days = {column: named_day(label) for column, label in enumerate(joined[0].labels) if fields[column] == "year"}
        if "lead" not in fields and not days and "value" not in fields:
            return None
        has_values = bool(days) or "value" in fields
        has_tasks = "deadline" in fields or (not has_values and "title" in fields)
        kind = "both" if has_values == has_tasks else "targets" if has_values else "tasks"
        lines = _Lines(self, joined[0].labels, fields, days).read(rows)
        return PlanTable(kind, joined[0].appendix, lines, by_content)

    def _fields(self, labels: list[str], rows: Sequence[TableRow]) -> tuple[list[str | None], bool]:
        """What each column holds, by its head; where two compete or the head is not known, by its cells."""
        fields = [self._field(label) for label in labels]
        data = [row for row in rows if len(row.distinct) > 2]
        by_content = False
        for column, name in enumerate(fields):
            if name == "unit_or_lead":
                fields[column] = "lead" if self._share(data, column, self._is_agency) > 0.5 else "unit"
        if "title" not in fields and "target_name" not in fields:
            self._guess(fields, data, "title", self._is_long)
            by_content = True
        for name, test in (("number", self._is_number), ("lead", self._is_agency), ("deadline", _is_deadline)):
            if name not in fields and not (name == "deadline" and {"year", "value", "unit"} & set(fields)):
                by_content |= self._guess(fields, data, name, test)
        if "lead" in fields and "cooperating" not in fields:
            self._guess(fields, data, "cooperating", self._is_agency)
        if "unit" in fields and not {"value", "year"} & set(fields):
            self._guess(fields, data, "value", _is_figure, among=("deliverable", None))
        for name in ("number", "title", "target_name", "lead", "deadline", "deliverable"):
            same = [column for column, one in enumerate(fields) if one == name]
            if len(same) > 1:
                best = max(
                    same,
                    key=lambda column: (len({row.cells[column] for row in data if row.cells[column].text}), -column),
                )
                for column in same:
                    if column != best:
                        fields[column] = {"number": "printed_number", "title": "source_task"}.get(name)
        return fields, by_content

    def _guess(self, fields: list[str | None], data: Sequence[TableRow], name: str, test: Any,
               among: tuple[str | None, ...] = (None,)) -> bool:  # fmt: skip
        shares = [(self._share(data, column, test), -column) for column, one in enumerate(fields) if one in among]
        if shares and max(shares)[0] >= 0.5:
            fields[-max(shares)[1]] = name
            return True
        return False

    def _share(self, data: Sequence[TableRow], column: int, test: Any) -> float:
        texts = [clean(row.cells[column].text) for row in data if clean(row.cells[column].text)]
        return sum(map(test, texts)) / len(texts) if len(texts) >= 0.4 * len(data) and texts else 0.0

    def _is_agency(self, text: str) -> bool:
        return self.names.resolve(text) is not None

    def _is_number(self, text: str) -> bool:
        return bool(self._number.match(text.casefold()))

    def _is_long(self, text: str) -> bool:
        return len(text) > 25 and self.names.resolve(text) is None


class _Lines:
    """The lines of one joined table, from the top down: sections, rows, bullets below a row, rows cut over pages."""

    def __init__(
        self, reader: TableReader, labels: list[str], fields: list[str | None], days: dict[int, date | None]
    ) -> None:
        self.reader, self.labels, self.fields, self.days = reader, labels, fields, days
        self.lines: list[Line] = []
        self.section, self.section_title = "", ""
        self.parent: Line | None = None
        self.bullets = 0

    def read(self, rows: Sequence[tuple[_Chunk, TableRow]]) -> list[Line]:
        last: str = ""  # what the row before was: section, row
        for chunk, row in rows:
            texts = {name: self._text(row, name) for name in _TEXT_FIELDS}
            texts["other"] = self._others(row)
            number = _bare_number(self._text(row, "number"))
            filled = [cell for cell in row.distinct if clean(cell.text)]
            if not filled or self._is_head_again(row):
                continue
            if heading := self._heading(row, number, filled):
                if last == "section" and not heading[0] and not number:
                    self.section_title = f"{self.section_title} {heading[1]}"
                    for line in self.lines:
                        line.section_title = (
                            self.section_title if line.section == self.section and line.section else line.section_title
                        )
                elif heading[0] or not self._is_cut(row):
                    self.section, self.section_title = heading
                    last = "section"
                    self.parent = None
                else:
                    self._continue(row, texts)
                continue
            last = "row"
            place = self.reader.words["named"]["place"].format(table=chunk.table.number, row=row.number)
            line = Line(number, texts, self._values(row), row.page, place,
                        self.section, self.section_title, _bare_number(self._text(row, "printed_number")),
                        self._text(row, "source_task"), pictures=[row.picture] if row.picture else [])  # fmt: skip
            self._take(line, row, texts)
        return self.lines

    def _is_head_again(self, row: TableRow) -> bool:
        """The heads printed once more at the top of a page."""
        alike = sum(_same(cell.text, label) for cell, label in zip(row.cells, self.labels, strict=True))
        return alike >= 0.7 * len(self.labels)

    def _text(self, row: TableRow, name: str) -> str:
        return next((row.cells[column].text.strip() for column, one in enumerate(self.fields) if one == name), "")

    def _others(self, row: TableRow) -> str:
        """What unknown columns hold, with their heads: no text of a row is lost."""
        unknown = (None, "baseline")
        kept = {id(row.cells[column]) for column, name in enumerate(self.fields) if name not in unknown}
        parts = [
            f"{clean(self.labels[column])}: {clean(cell.text)}"
            for column, (name, cell) in enumerate(zip(self.fields, row.cells, strict=True))
            if name in unknown and clean(cell.text) and id(cell) not in kept
        ]
        return "; ".join(parts)

    def _values(self, row: TableRow) -> list[tuple[date | None, str]]:
        named = [(day, row.cells[column].text) for column, day in self.days.items()]
        return named or [(None, row.cells[column].text) for column, one in enumerate(self.fields) if one == "value"]

    def _heading(self, row: TableRow, number: str, filled: list[Cell]) -> tuple[str, str] | None:
        """A section: one text over the row, or a number and one text with nothing beside."""
        texts = [clean(cell.text) for cell in filled]
        merged = len(row.distinct) <= 2 and len(row.cells) > 2
        alone = len(filled) == 1
        first = _bare_number(row.cells[0].text if merged else number)
        if len(filled) == 2 and _bare_number(texts[0]) == first and (merged or re.fullmatch(r"[IVXLC]+|[A-E]", first)):
            return first, texts[1]
        if alone and (merged or filled[0] is row.cells[0]):
            found = re.match(self.reader.words["section"], texts[0], re.IGNORECASE)
            if found and (len(found["number"]) < 3 or re.fullmatch(r"[IVXLC]+", found["number"])):
                return found["number"].upper(), found["title"]
            return ("", texts[0]) if merged else None
        return None

    def _is_cut(self, row: TableRow) -> bool:
        """A text over the whole row that begins small: the rest of the one before."""
        text = clean(row.cells[-1].text)
        return bool(self.lines) and text[:1].islower()

    def _take(self, line: Line, row: TableRow, texts: dict[str, str]) -> None:
        name = texts["title"] or texts["target_name"]
        beside = any(texts[one] for one in ("lead", "deadline")) or any(clean(value) for _, value in line.values)
        if self.parent is not None and re.fullmatch(r"[a-zđ]", line.number):  # 'a)' below row 2 is row 2a
            line.number = f"{self.parent.number}{line.number}"
            self.lines.append(line)
        elif line.number:
            line.is_group = not beside
            self.lines.append(line)
            self.parent, self.bullets = line, 0
        elif self.parent is not None and self.reader._bullet.match(name) and beside and self.parent.is_group:
            self.bullets += 1
            line.number = f"{self.parent.number}.{self.bullets}"
            parent = self.parent.text("title") or self.parent.text("target_name")
            for one in ("title", "target_name"):
                if texts[one]:
                    texts[one] = f"{parent} {self.reader._bullet.sub('', texts[one])}"
            self.lines.append(line)
        elif (
            beside and name and ("number" not in self.fields or (self.parent is not None and self._is_own(texts, name)))
        ):
            self.bullets += 1
            line.number = f"{self.parent.number}.{self.bullets}" if self.parent else str(1 + len(self.lines))
            line.doubts.append("number_made")
            self.lines.append(line)
        else:
            self._continue(row, texts)

    def _is_own(self, texts: dict[str, str], name: str) -> bool:
        """A row without a number that begins a sentence and has an agency and a deadline of its own."""
        said = texts["deadline"] and not parse_deadline(texts["deadline"], 2026).question
        return bool(name[:1].isupper() and said and self.reader.names.resolve(texts["lead"]))

    def _continue(self, row: TableRow, texts: dict[str, str]) -> None:
        """The rest of a row that a page cut."""
        if not self.lines:
            return
        line = self.lines[-1]
        line.pictures += [row.picture] if row.picture else []
        for name, text in texts.items():
            if text:
                line.texts[name] = f"{line.texts[name]} {text}".strip()
                line.joined.add(name)
        more = self._values(row)
        line.values = [
            (day, f"{text} {rest}".strip()) for (day, text), (_, rest) in zip(line.values, more, strict=True)
        ]
        line.is_group = line.is_group and not any(texts[one] for one in ("lead", "deadline"))
        if "joined" not in line.doubts:
            line.doubts.append("joined")


def _is_deadline(text: str) -> bool:
    said = parse_deadline(text, 2026)
    return not said.question


def _is_figure(text: str) -> bool:
    said = parse_target(text)
    return said is None or said.value is not None or len(text) < 12


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def _same(text: str, label: str) -> bool:
    """Whether two heads are one, but for a letter that a scan's reader took for another."""
    text, label = _bare(text), _bare(label)
    near = abs(len(text) - len(label)) <= 0.2 * len(label) and len(label) > 4
    return text == label or (near and SequenceMatcher(None, text, label).ratio() > 0.8)


def _bare_number(text: str) -> str:
    return clean(text).rstrip(".)/").replace(" ", "")
