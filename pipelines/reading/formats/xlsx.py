"""Workbooks in Office Open XML: .xlsx and .xlsm, transitional and strict. Macros are never touched.

Everything a cell held is seen: errors, formulas never calculated, percentages, what is hidden or merged over. Parts
with plain XML are scanned with regular expressions, others parsed, which is faster than any library that preserves as
much (docs/decisions.md). The cells of a sheet are read in xlsx_sheet.py; what a cell means does not
belong here (layout.py, checking/facts.py).
"""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.reading.formats.cell_values import UnreadableError, shown_as, text_cell
from pipelines.reading.formats.package import Attributes, Package, relationships
from pipelines.reading.formats.tcvn3 import in_unicode, may_have_signs
from pipelines.reading.formats.xlsx_marks import read_marks, read_oddities
from pipelines.reading.formats.xlsx_sheet import SCANNED_UP_TO, SPREADSHEET, Shared, is_true, read_sheet, whole
from pipelines.reading.formats.xml_text import NotPlainError, TextCollector, plain_text, unescape, unfold
from pipelines.reading.sheet import Sheet


def read_xlsx(package: Package) -> list[Sheet]:
    """Every worksheet of a workbook. Raises UnreadableError."""
    book = next((target for kind, target in relationships(package, "").values() if kind == "officeDocument"),
                "xl/workbook.xml")  # fmt: skip
    if book not in package:
        raise UnreadableError("damaged")
    links = relationships(package, book)
    targets = dict(links.values())
    listed, is_1904 = _listed_sheets(package, book)
    texts, has_signs = _read_texts(package, targets.get("sharedStrings", ""))
    shared = Shared(
        [text_cell(text) for text in texts], has_signs, _read_styles(package, targets.get("styles", "")), is_1904
    )
    names, parts = {name.casefold() for name, _, _ in listed}, {link for _, link, _ in listed}
    if len(names) < len(listed) or len(parts) < len(listed):
        raise UnreadableError("damaged")
    odd = read_oddities(package, book, targets.get("styles", ""), targets.get("sharedStrings", ""))
    sheets: list[Sheet] = []
    cells_before = 0
    for name, link, is_hidden in listed:
        kind, part = links.get(link, ("", ""))
        if kind == "worksheet":
            found = read_sheet(package, part, shared, cells_before)
            shown = (is_hidden, found.hidden_rows, found.hidden_columns, found.merged)
            sheet = Sheet(name, found.cells, *shown, read_marks(package, part, odd))
            sheets.append(in_unicode(sheet) if found.has_signs else sheet)
            cells_before += len(found.cells)
    return sheets


def workbook_parts(package: Package) -> tuple[str, dict[str, str], list[str]]:
    """Of a workbook: the name of its own part, those of its worksheets by name, and how each cell style shows a number
    (cell_values.shown_as). Raises UnreadableError."""
    book = next((target for kind, target in relationships(package, "").values() if kind == "officeDocument"),
                "xl/workbook.xml")  # fmt: skip
    links = relationships(package, book)
    listed, _ = _listed_sheets(package, book)
    parts = {name: links[link][1] for name, link, _ in listed if links.get(link, ("", ""))[0] == "worksheet"}
    return book, parts, _read_styles(package, dict(links.values()).get("styles", ""))


def _listed_sheets(package: Package, book: str) -> tuple[list[tuple[str, str, bool]], bool]:
    """The sheets in order as (name, relationship id, whether hidden), and whether dates count from 1904."""
    listed: list[tuple[str, str, bool]] = []
    properties: Attributes = {}

    def start(tag: str, given: Attributes) -> None:
        if tag == "sheet":
            link = next((value for key, value in given.items() if key.endswith(" id")), "")
            listed.append((given.get("name", ""), link, given.get("state", "visible") != "visible"))
        elif tag == "workbookPr":
            properties.update(given)

    package.parse(book, start, of=SPREADSHEET)
    return listed, is_true(properties.get("date1904"))


# ---------------------------------------------------------------- styles

_OWN_FORMATS = re.compile(r"<numFmts[ >].*?</numFmts>", re.DOTALL)
_CELL_STYLES = re.compile(r"<cellXfs[ >].*?</cellXfs>", re.DOTALL)
_STYLE = re.compile(r'<xf (?:[^<>]*? )?numFmtId="(\d{1,6})"')
_FORMAT = re.compile(r'<numFmt (?:numFmtId="(\d{1,6})" formatCode="([^"]*)"|formatCode="([^"]*)" numFmtId="(\d{1,6})")')


def _read_styles(package: Package, part: str) -> list[str]:
    """How each cell style shows a number (see read_cells.shown_as)."""
    if part not in package:
        return []
    scanned = _scan_styles(package.read(part)) if package.size(part) <= SCANNED_UP_TO else None
    return list(scanned) if scanned is not None else _parse_styles(package, part)


@lru_cache(maxsize=8)
def _scan_styles(xml: bytes) -> tuple[str, ...] | None:
    """What the part says, or None where it is not plain enough for a scan. Forms saved alike share it to the byte."""
    text = plain_text(xml)
    block = _CELL_STYLES.search(text) if text else None
    if text and block:
        own_formats = _OWN_FORMATS.search(text)  # <dxfs> holds conditional formats, under the same ids
        listed = own_formats[0] if own_formats else ""
        formats, codes = _STYLE.findall(block[0]), _FORMAT.findall(listed)
        if len(formats) == block[0].count("<xf ") and len(codes) == listed.count("<numFmt "):
            try:
                own = {int(first or last): unfold(code or other) for first, code, other, last in codes}
                return tuple(shown_as(int(number), own) for number in formats)
            except NotPlainError:
                pass
    return None


def _parse_styles(package: Package, part: str) -> list[str]:
    codes: dict[int, str] = {}
    formats: list[int] = []
    inside: list[str] = []

    def start(tag: str, given: Attributes) -> None:
        if tag == "numFmt" and inside == ["styleSheet", "numFmts"]:
            codes[whole(given.get("numFmtId"))] = given.get("formatCode", "")
        elif tag == "xf" and inside == ["styleSheet", "cellXfs"]:
            formats.append(whole(given.get("numFmtId")))
        inside.append(tag)

    def end(_: str) -> None:
        inside.pop()

    package.parse(part, start, end, of=SPREADSHEET)
    return [shown_as(number, codes) for number in formats]


# ---------------------------------------------------------------- shared texts

_TEXT = re.compile(r'<si(?:><t(?: xml:space="preserve")?>([^<]*+)</t></si>|>(?:<t ?/>)?</si>| ?/>)')


def _read_texts(package: Package, part: str) -> tuple[list[str], bool]:
    """The texts cells refer to, and whether any can be TCVN3."""
    if part not in package:
        return [], False
    if package.size(part) > SCANNED_UP_TO:
        return _parse_texts(package, part), True
    xml = package.read(part)
    has_signs = may_have_signs(xml)
    text = plain_text(xml)
    if text is not None and "<sst" in text:
        found = _TEXT.findall(text)
        if len(found) == text.count("<si"):
            try:
                plain = "&" not in text and "_x" not in text
                return found if plain else [unescape(unfold(one)) for one in found], has_signs
            except NotPlainError:
                pass
    return _parse_texts(package, part), True


def _parse_texts(package: Package, part: str) -> list[str]:
    """All runs of rich text, without guides to their pronunciation."""
    texts: list[str] = []
    collect = TextCollector()

    def start(tag: str, _: Attributes) -> None:
        if tag == "si":
            collect.clear()
        collect.start(tag)

    def end(tag: str) -> None:
        collect.end(tag)
        if tag == "si":
            texts.append(collect.joined)

    package.parse(part, start, end, collect.text, of=SPREADSHEET)
    return texts
