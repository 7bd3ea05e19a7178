"""The drafted plan as a workbook: the form filled in, doubtful cells coloured with where they come from, and 'Nguồn'.

What is doubtful was decided in drafting.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl.comments import Comment
from openpyxl.drawing.image import Image as Picture
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.xdr import XDRPositiveSize2D
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.units import pixels_to_EMU
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.files import Row
from pipelines.office.colours import BEHIND_TEXT
from pipelines.office.row_height import row_height
from pipelines.office.workbook import across, head, page, put
from pipelines.plans.drafting import RED, DraftedPlan, Mark, draft_plan, read_words
from pipelines.plans.form import Filled, plan_book, read_form, save_plan_book
from pipelines.plans.plan_files import digest
from pipelines.registry.registry import Registry

_FILLS = {
    "yellow": PatternFill("solid", fgColor="FFFFE699"),
    "red": PatternFill("solid", fgColor=f"FF{BEHIND_TEXT[4]}"),
}
_WHITE = PatternFill()
_COMMENT = 900  # characters: longer ones Excel shows cut
_SHOWN = 1050  # pixels: as wide as a row of a scan is shown


def write_draft(
    paths: Sequence[Path], sources: Path, registry: Registry, out: Path, commune: str | None = None
) -> DraftedPlan:
    """Draft the plan of these documents and write its workbook. The same documents give the same bytes.

    Raises UnreadableDocumentError, or ValueError for a commune that is none.
    """
    if commune is not None and commune not in registry.communes:
        raise ValueError(f"there is no commune '{commune}'")
    form, words = read_form(sources), read_words(sources)
    drafted = draft_plan(paths, sources, registry, form, commune)
    filled = plan_book(sources, registry, form, drafted.plan, drafted.rows)
    _whiten(filled, form, drafted)
    places = [_colour(filled, form, mark, words["sources"]) for mark in drafted.marks]
    _write_sources(filled.book.create_sheet(words["sources"]["title"]), drafted, places, words)
    save_plan_book(filled.book, form, out)
    return drafted


def _whiten(filled: Filled, form: Row, drafted: DraftedPlan) -> None:
    """Cells of the draft start white, whatever colour the empty form gives them."""
    for address in filled.fields.values():
        filled.book[form["plan"]["title"]][address].fill = _WHITE
    for row in range(filled.first_basis, filled.first_basis + len(drafted.plan["legal_basis"])):
        for column in (1, 2, 3):  # found by a pattern: to look at, like the fields above
            filled.book[form["plan"]["title"]].cell(row, column).fill = _FILLS["yellow"]
    for part, rows in drafted.rows.items():
        sheet, first = filled.book[form[part]["title"]], filled.first_rows[part]
        for row in sheet.iter_rows(first, first + len(rows) - 1, 1, len(form[part]["columns"])) if rows else ():
            for cell in row:
                cell.fill = _WHITE


def _colour(filled: Filled, form: Row, mark: Mark, words: Row) -> str:
    """Colour the cell of a mark, red over yellow, and say why in its comment. Returns 'Nhiệm vụ!K12'.

    A mark of a whole row colours what is white in it.
    """
    sheet = filled.book[form[mark.part]["title"]]
    if not mark.column:
        return _colour_row(sheet, filled.first_rows[mark.part] + mark.row, len(form[mark.part]["columns"]), mark)
    if mark.part == "plan":
        address = filled.fields[mark.column]
    else:
        column = [one["name"] for one in form[mark.part]["columns"]].index(mark.column) + 1
        address = f"{get_column_letter(column)}{filled.first_rows[mark.part] + mark.row}"
    cell = sheet[address]
    text = mark.text and words["text"].format(text=mark.text)
    page_of = words["page"].format(page=mark.page) if mark.page else ""
    said = "\n".join(filter(None, (mark.doubt, text, ", ".join(filter(None, (page_of, mark.place))))))
    if cell.comment is None or mark.colour == RED:
        cell.fill = _FILLS[mark.colour]
    before = f"{cell.comment.text}\n" if cell.comment else ""
    cell.comment = Comment(f"{before}{said}"[:_COMMENT], "kpi57", height=160, width=420)
    return f"{sheet.title}!{address}"


def _colour_row(sheet: Worksheet, row: int, columns: int, mark: Mark) -> str:
    for cell in sheet[row][:columns]:
        if cell.fill.fill_type is None:
            cell.fill = _FILLS[mark.colour]
    return f"{sheet.title}!A{row}:{get_column_letter(columns)}{row}"


def _write_sources(sheet: Worksheet, drafted: DraftedPlan, places: Sequence[str], words: Row) -> None:
    layout = words["sources"]
    headers, widths = layout["headers"], layout["widths"]
    if any(mark.pictures for mark in drafted.marks):
        headers, widths = [*headers, layout["picture"]["header"]], [*widths, layout["picture"]["width"]]
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    lines = [layout["heading"], layout["guide"]]
    for document in drafted.documents:
        lines.append(layout["counted"].format(
            tables=drafted.tables, rows=sum(map(len, drafted.rows.values())), targets=len(drafted.rows["targets"]),
            tasks=len(drafted.rows["tasks"]), reader=document.reader, file=document.path.name,
            sha256=digest(document.path)))  # fmt: skip
    for row, text in enumerate(lines, 1):
        across(sheet, row, text, layout["widths"], bold=row == 1)
    row = len(lines) + 1
    head(sheet, row, headers)
    for mark, place in zip(drafted.marks, places, strict=True):
        row += 1
        _row(sheet, row, (place, mark.page, mark.place, layout["colours"][mark.colour], mark.text, mark.doubt), layout)
        sheet.cell(row, 4).fill = _FILLS[mark.colour]
        if mark.pictures:
            _show(sheet, row, len(headers), mark.pictures)
    row += 2
    across(sheet, row, layout["unused"], layout["widths"], bold=True)
    for number, text, around in drafted.unused:
        row += 1
        _row(sheet, row, (text, number, "", "", around, ""), layout)
    page(sheet, footer=layout["title"])


def _show(sheet: Worksheet, row: int, column: int, pictures: Sequence[bytes]) -> None:
    """Pictures of one row, one below the other."""
    down = 0
    for data in pictures:
        picture = Picture(io.BytesIO(data))
        scale = min(1.0, _SHOWN / picture.width)
        width, height = int(picture.width * scale), int(picture.height * scale)
        at = AnchorMarker(col=column - 1, colOff=0, row=row - 1, rowOff=pixels_to_EMU(down))
        picture.anchor = OneCellAnchor(_from=at, ext=XDRPositiveSize2D(pixels_to_EMU(width), pixels_to_EMU(height)))
        sheet.add_image(picture)
        down += height
    sheet.row_dimensions[row].height = min(409, max(sheet.row_dimensions[row].height or 0, down * 0.75 + 3))


def _row(sheet: Worksheet, row: int, values: Sequence[Any], layout: Row) -> None:
    for column, value in enumerate(values, 1):
        put(sheet.cell(row, column), value or None)
    sheet.row_dimensions[row].height = row_height(zip(map(str, values), layout["widths"], strict=True))
