"""Writing workbooks people open in Excel: one look, text that stays text, the same bytes for the same content.

What a workbook says belongs to the modules that write one (template.py, feedback.py, bundle.py).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.files import FORMULA_STARTS, swap_in
from pipelines.office.colours import BEHIND_TEXT, FINDINGS
from pipelines.office.row_height import row_height
from pipelines.office.wording import say, wording

ILLUSTRATIVE = say("labels.illustrative")
FONT = "Times New Roman"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_STAMPED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:)")

_LINE = Side(style="thin", color="B7B7B7")
BORDER = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
HEAD_FILL = PatternFill("solid", fgColor="1F4E79")
ANSWER_FILL = PatternFill("solid", fgColor="FFF9DB")
HINT_FILL = PatternFill("solid", fgColor="E8F1FA")
LOCKED_FILL = PatternFill("solid", fgColor="F3F3F3")
WARNING_FILL = PatternFill("solid", fgColor="FDE2C8")
WARNING_TEXT, HEAD_TEXT = "9C2A00", "FFFFFF"
SEVERITY_FILLS = tuple(PatternFill("solid", fgColor=colour) for colour in BEHIND_TEXT)
# what was found in a file, by its severity
FINDING_WORDS: dict[str, str] = wording("labels.severities")
FINDING_FILLS = {name: SEVERITY_FILLS[severity] for name, severity in FINDINGS.items()}


class _Look(NamedTuple):
    bold: bool
    size: int
    wrap: bool
    center: bool
    fill: PatternFill | None
    color: str | None
    border: bool
    number: str | None
    answer: bool
    quoted: bool


def put(cell: Any, value: Any, *, bold: bool = False, size: int = 11, wrap: bool = True, center: bool = False,
        fill: PatternFill | None = None, color: str | None = None, border: bool = True, number: str | None = None,
        answer: bool = False) -> Any:  # fmt: skip
    """Write one cell in the house's look, and return it. Text never becomes a formula, whatever it begins with.

    number: the number format. answer: unlocked for the officer, on the answer fill.
    """
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell.value = value
    quoted = isinstance(value, str) and value.startswith(FORMULA_STARTS)
    if isinstance(value, str):
        cell.data_type = "s"
    look = _Look(bold, size, wrap, center, fill, color, border, number, answer, quoted)
    # openpyxl hashes each part of a style for each cell; a look is made once a workbook and then shared
    looks = _LOOKS.setdefault(cell.parent.parent, {})
    if (made := looks.get(_key(look))) is not None:
        cell._style = copy(made)
    else:
        _dress(cell, look)
        looks[_key(look)] = copy(cell._style)
    return cell


_LOOKS: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()


def _key(look: _Look) -> Any:
    return (*look[:4], look.fill.fgColor.rgb if look.fill else None, *look[5:])


def _dress(cell: Any, look: _Look) -> None:
    cell.font = Font(name=FONT, size=look.size, bold=look.bold, color=look.color)
    cell.alignment = Alignment(wrap_text=look.wrap, vertical="center" if look.center else "top",
                               horizontal="center" if look.center else None)  # fmt: skip
    cell.quotePrefix = look.quoted
    if look.border:
        cell.border = BORDER
    if look.answer:
        cell.fill, cell.protection = ANSWER_FILL, Protection(locked=False)
    if look.fill is not None:
        cell.fill = look.fill
    if look.number is not None:
        cell.number_format = look.number


def calculate(cell: Any, formula: str) -> Any:
    """Make a cell, already written in its look, a formula. Nothing that came from a file may be in it."""
    cell.value, cell.data_type = formula, "f"
    return cell


def new_workbook() -> Workbook:
    """A workbook without sheets. The width of its columns, and so the size of what is printed, hangs on the font of the
    Normal style: one that every office has."""
    book = Workbook()
    book.remove(book.worksheets[0])
    normal = Font(name=FONT, size=11)
    book._fonts[0] = normal
    book._named_styles["Normal"].font = normal
    return book


def head(sheet: Worksheet, row: int, titles: Sequence[str], widths: Sequence[float] | None = None) -> None:
    """A header row: white on blue, centred, repeated on every printed page, frozen above what follows."""
    for column, title in enumerate(titles, 1):
        put(sheet.cell(row, column), title, bold=True, center=True, fill=HEAD_FILL, color=HEAD_TEXT)
    for column, width in enumerate(widths or (), 1):
        sheet.column_dimensions[sheet.cell(row, column).column_letter].width = width
    sheet.freeze_panes = sheet.cell(row + 1, 1)
    sheet.print_title_rows = f"{row}:{row}"


def page(sheet: Worksheet, *, landscape: bool = True, footer: str = "") -> None:
    """A4, one page wide, numbered."""
    sheet.page_setup.paperSize = 9
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top = sheet.page_margins.bottom = 0.6
    sheet.page_margins.header = sheet.page_margins.footer = 0.25  # inside the margins, or it is cut
    sheet.oddFooter.left.text = footer
    sheet.oddFooter.right.text = say("labels.page", page="&P", pages="&N")


def across(sheet: Worksheet, row: int, text: str, widths: Sequence[float], *, size: int = 11, bold: bool = False,
           center: bool = False, fill: PatternFill | None = None, first: int = 1) -> Any:  # fmt: skip
    """A text from a column (first) to the last, the row made as high as it needs. Returns its cell."""
    sheet.merge_cells(start_row=row, start_column=first, end_row=row, end_column=len(widths))
    cell = put(sheet.cell(row, first), text, size=size, bold=bold, center=center, fill=fill, border=False)
    sheet.row_dimensions[row].height = row_height([(text, sum(widths[first - 1 :]))], size=size, bold=bold)
    return cell


def banner(sheet: Worksheet, row: int, columns: int, text: str = ILLUSTRATIVE) -> None:
    """A line across the sheet that nobody overlooks: made-up figures."""
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=columns)
    put(sheet.cell(row, 1), text, bold=True, center=True, fill=WARNING_FILL, color=WARNING_TEXT, border=False)


def save(book: Workbook, path: Path, at: datetime, results: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Write the workbook, the same bytes for the same content: its times are 'at', its archive has none.

    results: texts that formulas give, by sheet and cell, for programs that show what is stored.
    """
    book.properties.creator = "kpi57"
    raw = io.BytesIO()
    book.save(raw)
    parts = {f"xl/worksheets/sheet{n}.xml": results.get(sheet.title, {})
             for n, sheet in enumerate(book.worksheets, 1)} if results else {}  # fmt: skip
    save_office(raw, path, at, parts)


_FORMULA_CELL = re.compile(rb'<c r="([A-Z]+[0-9]+)"([^>]*)>(<f>[^<]*</f>)<v(?: ?/>|></v>)')


def _with_results(sheet: bytes, results: Mapping[str, str]) -> bytes:
    """A sheet's XML with what its formulas give, which openpyxl does not write."""

    def stored(found: re.Match[bytes]) -> bytes:
        text = results.get(found[1].decode())
        if text is None:
            return found[0]
        return b'<c r="%b"%b t="str">%b<v>%b</v>' % (found[1], found[2], found[3], escape(text).encode())

    return _FORMULA_CELL.sub(stored, sheet)


def save_office(
    raw: io.BytesIO, path: Path, at: datetime, results: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """A file of Excel or Word in its place, as packed() makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(packed(raw, at, results))
    swap_in(temporary, path)


def packed(raw: io.BytesIO, at: datetime, results: Mapping[str, Mapping[str, str]] | None = None) -> bytes:
    """A file of Excel or Word whose times are 'at' and whose archive has none and is always in one order.

    results: what formulas give, by the sheet's part and cell.
    """
    stamp, made = at.strftime("%Y-%m-%dT%H:%M:%SZ").encode(), io.BytesIO()
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for item in sorted(source.infolist(), key=lambda i: (i.filename != "[Content_Types].xml", i.filename)):
            data = source.read(item)
            if item.filename == "docProps/core.xml":
                data = _STAMPED.sub(rb"\g<1>" + stamp + rb"\g<3>", data)
            if found := (results or {}).get(item.filename):
                data = _with_results(data, found)
            target.writestr(zipfile.ZipInfo(item.filename, _EPOCH), data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return made.getvalue()


def plain(value: Any) -> Any:
    """A value of a CSV: a text that looks like a formula is written so that it stays text."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
