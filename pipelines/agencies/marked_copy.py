"""The file as it was sent, with each finding marked at its cell: coloured, and explained in a comment.

Runs in a worker with limits (workers.py), as it opens a stranger's workbook with openpyxl. Formulas become
the values they showed: nothing that came from a file is calculated anywhere. What the findings are belongs to
checking/validate.py, the list of them to feedback.py.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.utils.exceptions import IllegalCharacterError

from pipelines.office.figures import form
from pipelines.office.wording import say
from pipelines.office.workbook import FINDING_FILLS, FINDING_WORDS, put
from pipelines.reading.read import known_headers, read_sheets

MOST_CELLS = 100_000
SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # zip (xlsx, ods, xlsb), compound file (xls)


def marked_copy(original: Path, findings: Iterable[Mapping[str, Any]]) -> Workbook:
    """The workbook with its findings marked. Raises ValueError for one too large to copy by the cell, and for a text
    file, unless it has lines to be confirmed: those are sent back in the copy.

    An .xlsx keeps its looks; of other formats (.xls, .ods, .xlsb) the copy holds the cells' values alone.
    """
    findings = list(findings)
    with original.open("rb") as handle:
        is_text = not handle.read(8).startswith(SIGNATURES)
    if is_text and not any(finding["severity"] == "confirm" for finding in findings):
        raise ValueError("a text file has no cells to colour")
    told = {(finding["source_sheet"], finding["source_cell"]) for finding in findings}
    book = _as_sent(original, told) if _is_xlsx(original) else _values_of(original)
    by_cell: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        if finding["source_sheet"] in book.sheetnames and finding["source_cell"]:
            by_cell.setdefault((finding["source_sheet"], finding["source_cell"]), []).append(finding)
    for (sheet, address), found in by_cell.items():
        _mark(book[sheet], address, found)
    return book


def _is_xlsx(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
    return "xl/workbook.xml" in names


def _as_sent(path: Path, told: Collection[tuple[str, str]]) -> Workbook:
    """A formula that was never calculated shows nothing; its text is kept where a finding (told) speaks of it."""
    with path.open("rb") as handle:
        book = load_workbook(handle, keep_links=False, rich_text=True)
    if sum(len(sheet._cells) for sheet in book.worksheets) > MOST_CELLS:
        raise ValueError(f"more than {MOST_CELLS} cells")
    formulas = [cell for sheet in book.worksheets for cell in sheet._cells.values() if cell.data_type == "f"]
    if formulas:
        with path.open("rb") as handle:
            shown = load_workbook(handle, keep_links=False, data_only=True)
        for cell in formulas:
            value = shown[cell.parent.title][cell.coordinate].value
            written = str(getattr(cell.value, "text", cell.value))
            cell.value = written if value is None and (cell.parent.title, cell.coordinate) in told else value
            if isinstance(cell.value, str):
                cell.data_type, cell.quotePrefix = "s", True
    return book


def _values_of(path: Path) -> Workbook:
    book = Workbook()
    book.remove(book.worksheets[0])
    sheets = read_sheets(path, known_headers(form()))
    if sum(len(sheet.cells) for sheet in sheets) > MOST_CELLS:
        raise ValueError(f"more than {MOST_CELLS} cells")
    for sheet in sheets:
        copy = book.create_sheet(sheet.name[:31])
        for (row, column), cell in sheet.cells.items():
            value = float(cell.text) if cell.kind in ("n", "p") else cell.text
            try:
                put(copy.cell(row, column), value, border=False, wrap=False)
            except IllegalCharacterError:
                put(copy.cell(row, column), repr(value), border=False, wrap=False)
    return book


def _mark(sheet: Any, address: str, found: list[Mapping[str, Any]]) -> None:
    cell = sheet[address]
    for merged in sheet.merged_cells.ranges:
        if address in merged:
            cell = merged.start_cell
    worst = next(severity for severity in FINDING_WORDS if any(f["severity"] == severity for f in found))
    cell.fill = FINDING_FILLS[worst]
    said = [say("feedback.comment", severity=FINDING_WORDS[f["severity"]].upper(), rule=f["rule_code"],
                message=f["message"], fix=f["fix"]) for f in found]  # fmt: skip
    text = "\n\n".join(said)
    comment = Comment(text, "kpi57")
    comment.width, comment.height = 360, 60 + 18 * (len(text) // 48 + 2 * len(found))
    cell.comment = comment
