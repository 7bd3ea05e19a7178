"""Putting values into single cells of somebody else's workbook (.xlsx, .xlsm) and touching nothing else in it.

Every part of the file stays as it is, but the sheets that get a value, in which only the cells' own XML changes; a
workbook with formulas is asked to calculate anew when it is opened. Text stays text, whatever it begins with. Which
cells get what does not belong here (bundles/fill.py).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

from pipelines.files import FORMULA_STARTS
from pipelines.reading.formats.cell_values import UnreadableError
from pipelines.reading.formats.package import Package, plain_name, relationships
from pipelines.reading.formats.xlsx import read_xlsx, workbook_parts
from pipelines.reading.sheet import Sheet, column_letter, is_nothing

Place = tuple[str, int, int]  # sheet, row, column
_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_DECLARED = re.compile(rb"""<\?xml [^>]*?encoding=["']([\w-]+)["']""")


class Value(NamedTuple):
    """What goes into a cell. overwrite: also over a formula or something that is there."""

    value: Decimal | str
    overwrite: bool = False


class Found(NamedTuple):
    """A cell of the sheet's XML: from where to where, its attributes, and whether it has a formula ('' for none)."""

    start: int
    end: int
    given: Mapping[str, str]
    formula: str


@dataclass
class _Row:
    number: int
    start: int
    inside: int = -1  # where its cells end; -1 for an empty element
    end: int = -1
    cells: dict[int, Found] = field(default_factory=dict)


class Book:
    """A workbook of somebody else, in memory. Raises UnreadableError (reading/formats) for what is none."""

    def __init__(self, data: bytes) -> None:
        self._data, self._package = data, Package(data)
        self.sheets: dict[str, Sheet] = {sheet.name: sheet for sheet in read_xlsx(self._package)}
        self._book, self._parts, self._styles = workbook_parts(self._package)
        self._xml: dict[str, _SheetXml] = {}

    def _sheet(self, name: str) -> _SheetXml:
        if name not in self._xml:
            self._xml[name] = _SheetXml(self._package.read(self._parts[name]))
        return self._xml[name]

    def shows(self, place: Place) -> str:
        """How a cell shows a number: 'p' percentage, 'd' date, 'duration', '' any other way."""
        sheet, row, column = place
        found = self._sheet(sheet).cell(row, column)
        style = int(found.given.get("s", "0")) if found else 0
        return self._styles[style] if style < len(self._styles) else ""

    def refusal(self, place: Place, value: Value) -> str:
        """Why a cell cannot take a value; '' where it can."""
        sheet, row, column = place
        if sheet not in self.sheets:
            return f"the workbook has no sheet '{sheet}': {', '.join(self.sheets)}"
        for top, left, low, right in self.sheets[sheet].merged:
            if top <= row <= low and left <= column <= right and (row, column) != (top, left):
                return f"the cell is covered by the merged cell {column_letter(left)}{top}"
        found, there = self._sheet(sheet).cell(row, column), self.sheets[sheet].cells.get((row, column))
        if found and found.formula in ("shared", "array", "dataTable"):
            return "the cell has a formula that other cells share"
        if not value.overwrite and found and found.formula:
            return "the cell has a formula; say 'overwrite: true' to replace it"
        if not value.overwrite and there is not None and not is_nothing(there):
            return f"the cell is filled in ({there.text[:40]}); say 'overwrite: true' to replace it"
        if isinstance(value.value, str) and value.value.startswith(FORMULA_STARTS):
            return "the text begins like a formula"
        return ""

    def filled(self, values: Mapping[Place, Value]) -> bytes:
        """The file with the values in it. Raises ValueError for a cell that cannot take its value."""
        for place, value in values.items():
            if reason := self.refusal(place, value):
                raise ValueError(f"{place[0]}!{column_letter(place[2])}{place[1]}: {reason}")
        changed: dict[str, bytes] = {}
        for sheet in {place[0] for place in values}:
            own = {place[1:]: value.value for place, value in values.items() if place[0] == sheet}
            changed[self._parts[sheet]] = self._sheet(sheet).with_values(own)
        formulas = any(self._sheet(name).has_formulas for name in self.sheets if name in self._parts)
        if formulas and values:
            changed[self._book] = _calculated_anew(self._package.read(self._book))
            changed |= self._chain_without(values)
        return _with_parts(self._data, changed)

    def _chain_without(self, values: Mapping[Place, Value]) -> dict[str, bytes]:
        """The order of calculation without the formulas that were replaced; Excel repairs a file that names others."""
        gone = [place for place in values if (found := self._sheet(place[0]).cell(*place[1:])) and found.formula]
        part = next((target for kind, target in relationships(self._package, self._book).values()
                     if kind == "calcChain"), "")  # fmt: skip
        if not gone or part not in self._package:
            return {}
        numbers = {name: number for number, name in enumerate(self.sheets, 1)}
        cells = {(str(numbers[sheet]), f"{column_letter(column)}{row}") for sheet, row, column in gone}
        sheet_id, kept = "", []
        text = self._package.read(part).decode("utf-8")
        for piece in re.split(r"(<c [^>]*/>)", text):
            if piece.startswith("<c "):
                given = dict(re.findall(r'(\w+)="([^"]*)"', piece))
                sheet_id = given.get("i", sheet_id)
                if (sheet_id, given.get("r")) in cells:
                    continue
                piece = re.sub(r' i="[^"]*"', "", piece).replace("<c ", f'<c i="{sheet_id}" ', 1)
            kept.append(piece)
        return {part: "".join(kept).encode()}


def _calculated_anew(book: bytes) -> bytes:
    """The workbook part, asking whoever opens it to calculate: what formulas gave is of before."""
    if found := re.search(rb"<(\w+:)?calcPr\b[^>]*?/?>", book):
        plain = re.sub(rb' fullCalcOnLoad="[^"]*"', b"", found[0])
        end = b"/>" if plain.endswith(b"/>") else b">"
        return book.replace(found[0], plain[: -len(end)].rstrip() + b' fullCalcOnLoad="1"' + end, 1)
    mark = re.search(rb"</(\w+:)?(sheets|definedNames)>(?!.*</(\w+:)?(sheets|definedNames)>)", book, re.DOTALL)
    if mark is None:
        return book
    return book[: mark.end()] + b'<%bcalcPr fullCalcOnLoad="1"/>' % (mark[1] or b"") + book[mark.end() :]


def _with_parts(data: bytes, changed: Mapping[str, bytes]) -> bytes:
    """The zip file with some parts replaced, the others as they are, in their order."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            part = changed.get(plain_name(item.filename))
            target.writestr(item, source.read(item) if part is None else part, item.compress_type)
    return made.getvalue()


class _SheetXml:
    """The XML of a sheet, with the place of each row and cell in it."""

    def __init__(self, xml: bytes) -> None:
        declared = _DECLARED.match(xml.removeprefix(b"\xef\xbb\xbf"))
        if declared and declared[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
            raise UnreadableError("not_supported")
        self.xml = xml
        self.rows: dict[int, _Row] = {}
        self.data = (-1, -1, b"")  # of <sheetData>: where it begins and its rows end, and its prefix
        self.has_formulas = False
        self._scan()

    def cell(self, row: int, column: int) -> Found | None:
        return self.rows[row].cells.get(column) if row in self.rows else None

    # ------------------------------------------------------------ where things are

    def _scan(self) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        row: list[_Row] = []
        cell: list[Any] = []
        last = [0, 0]
        begins = [-1]

        def start(tag: str, given: dict[str, str]) -> None:
            at, name = parser.CurrentByteIndex, tag.rpartition(" ")[2]
            if name == "sheetData":
                begins[0] = at
            elif name == "row" and begins[0] >= 0:
                last[:] = [int(given.get("r", last[0] + 1)), 0]
                row[:] = [_Row(last[0], at)]
            elif name == "c" and row:
                found = _REFERENCE.fullmatch(given.get("r", ""))
                last[1] = _number(found[1]) if found else last[1] + 1
                cell[:] = [at, given, ""]
            elif name == "f" and cell:
                cell[2] = given.get("t", "normal")
                self.has_formulas = True

        def end(tag: str) -> None:
            at, name = parser.CurrentByteIndex, tag.rpartition(" ")[2]
            if name == "c" and cell:
                row[0].cells[last[1]] = Found(cell[0], self._after(at), cell[1], cell[2])
                cell.clear()
            elif name == "row" and row:
                row[0].inside, row[0].end = (at if at != row[0].start else -1), self._after(at)
                self.rows[row[0].number] = row[0]
                row.clear()
            elif name == "sheetData":
                self.data = (begins[0], at, self._prefix(begins[0]))

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.StartDoctypeDeclHandler = _refuse
        try:
            parser.Parse(self.xml, True)
        except (expat.ExpatError, ValueError) as error:
            raise UnreadableError("damaged") from error
        if self.data[1] < 0:
            raise UnreadableError("damaged")

    def _after(self, at: int) -> int:
        """Behind the tag that begins at a place."""
        return self.xml.index(b">", at) + 1

    def _prefix(self, at: int) -> bytes:
        found = re.match(rb"<([\w.-]+:)?", self.xml[at : at + 100])
        return (found and found[1]) or b""

    # ------------------------------------------------------------ with values

    def with_values(self, values: Mapping[tuple[int, int], Decimal | str]) -> bytes:
        splices: list[tuple[int, int, bytes]] = []
        new_rows: dict[int, dict[int, bytes]] = {}
        for (row, column), value in sorted(values.items()):
            found = self.cell(row, column)
            made = self._made(row, column, value, found.given if found else {})
            if found:
                splices.append((found.start, found.end, made))
            else:
                new_rows.setdefault(row, {})[column] = made
        for number, cells in new_rows.items():
            splices += self._into_row(number, cells)
        xml = self.xml
        splices.sort(key=lambda one: one[:2])
        for start, end, made in reversed(splices):  # what stands further behind first
            xml = xml[:start] + made + xml[end:]
        return xml

    def _made(self, row: int, column: int, value: Decimal | str, given: Mapping[str, str]) -> bytes:
        prefix = self.data[2].decode()
        kept = "".join(
            f' {name}="{escape(text)}"' for name, text in given.items() if name not in ("r", "t", "cm", "vm")
        )
        begin = f'<{prefix}c r="{column_letter(column)}{row}"{kept}'
        if isinstance(value, Decimal):
            return f"{begin}><{prefix}v>{value.normalize():f}</{prefix}v></{prefix}c>".encode()
        text = f'<{prefix}is><{prefix}t xml:space="preserve">{escape(value)}</{prefix}t></{prefix}is>'
        return f'{begin} t="inlineStr">{text}</{prefix}c>'.encode()

    def _into_row(self, number: int, cells: Mapping[int, bytes]) -> list[tuple[int, int, bytes]]:
        """New cells, each before the first of its row that is further to the right; a new row where there is none."""
        row, prefix = self.rows.get(number), self.data[2]
        if row is None or row.inside < 0:
            inside = b"".join(made for _, made in sorted(cells.items()))
            if row is not None:  # <row .../>
                opened = self.xml[row.start : row.end].rstrip(b">").rstrip(b"/").rstrip()
                return [(row.start, row.end, opened + b">" + inside + b"</%brow>" % prefix)]
            made = b'<%brow r="%d">%b</%brow>' % (prefix, number, inside, prefix)
            begin, end, _ = self.data
            later = [other.start for n, other in self.rows.items() if n > number]
            if begin == end:  # <sheetData/>
                opened = self.xml[begin : self._after(begin)].rstrip(b">").rstrip(b"/").rstrip()
                return [(begin, self._after(begin), opened + b">" + made + b"</%bsheetData>" % prefix)]
            at = min(later, default=end)
            return [(at, at, made)]
        return [
            (at, at, made)
            for column, made in cells.items()
            for at in [min((c.start for n, c in row.cells.items() if n > column), default=row.inside)]
        ]


def _refuse(*_: Any) -> None:
    raise UnreadableError("unsafe")


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number
