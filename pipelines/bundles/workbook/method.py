"""The sheet of an extract that says how its figures became answers.

What it says is sources/wording/method.yml and the meanings in statuses.csv, how its tables look workbook/sheet.py.
"""

from __future__ import annotations

from openpyxl.worksheet.worksheet import Worksheet

from pipelines.bundles.extract import Extract
from pipelines.bundles.workbook.sheet import opening
from pipelines.office.row_height import row_height
from pipelines.office.wording import method_sections, say, titles
from pipelines.office.workbook import HEAD_FILL, SEVERITY_FILLS, across, put

_WIDTHS = (27, 36, 62)
_ANSWERS = ("level", "pace", "task", "reporting")


def add_notes(sheet: Worksheet, extract: Extract) -> None:
    """How the figures were made, then what every status means, in the colour it has on the other sheets."""
    row = opening(sheet, say("workbook.method.heading"), _WIDTHS, extract, landscape=False)
    sheet.freeze_panes = sheet.cell(row, 1)
    sheet.print_title_rows = f"1:{row - 1}"
    for title, text in method_sections("workbook"):
        for column, value in enumerate((title, text, None), 1):  # a merged cell needs its border all around
            put(sheet.cell(row, column), value, bold=column == 1)
        sheet.merge_cells(start_row=row, start_column=2, end_row=row, end_column=3)
        sheet.row_dimensions[row].height = row_height([(title, _WIDTHS[0] / 1.06), (text, sum(_WIDTHS[1:]))])
        row += 1
    across(sheet, row + 1, say("workbook.method.meanings"), _WIDTHS, size=12, bold=True)
    row += 2
    for column, title in enumerate(titles("assessed", "status", "meaning"), 1):
        put(sheet.cell(row, column), title, bold=True, center=True, fill=HEAD_FILL, color="FFFFFF")
    for answer in _ANSWERS:
        for status in (status for (of, _), status in extract.statuses.items() if of == answer):
            row += 1
            values = (say(f"method.answers.{answer}"), status.label, status.meaning)
            for column, value in enumerate(values, 1):
                put(sheet.cell(row, column), value, fill=SEVERITY_FILLS[status.severity] if column == 2 else None)
            sheet.row_dimensions[row].height = row_height(zip(values, _WIDTHS, strict=True))
