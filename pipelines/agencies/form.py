"""The workbook an agency fills in: its lines prefilled, its answer cells open, everything else locked.

What the workbook says comes from sources/forms (periodic-report.yml, sentences.yml), its lines from form_lines.py, what
it says while it is filled in from form_review.py, how a cell looks from office/workbook.py. Reading a filled workbook
back (reading/layout.py) and judging it (checking/validate.py) do not belong here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import groupby
from pathlib import Path
from typing import Any

from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.agencies.form_lines import Answers, Line, Order, fill_in, lines_of, sentences
from pipelines.agencies.form_review import Review
from pipelines.agencies.reported import NOTHING, Reported
from pipelines.files import Row
from pipelines.office.row_height import row_height
from pipelines.office.workbook import (
    FONT,
    HINT_FILL,
    LOCKED_FILL,
    across,
    banner,
    calculate,
    head,
    new_workbook,
    page,
    put,
    save,
)
from pipelines.registry.registry import Registry
from pipelines.vietnamese import slug

ZOOM = 85  # percent: on a usual screen all columns of a sheet are in sight
_SMALL, _GREY = 10, "555555"  # of what is folded under a name
_MARGIN = 0.3  # inches
_FITS = 0.93  # of the height that row_height gives a line of many columns, which is on the safe side


def template_name(registry: Registry, commune_code: str, agency_code: str, period_code: str) -> str:
    """The file's usual name: 'vinh-lai-CA-2026-10.xlsx'. Raises ValueError as write_template does."""
    _check(registry, commune_code, agency_code, period_code)
    return f"{slug(registry.communes[commune_code]['short_name'])}-{agency_code}-{period_code}.xlsx"


def write_template(
    registry: Registry,
    commune_code: str,
    agency_code: str,
    period_code: str,
    path: Path,
    *,
    illustrative: bool = False,
    answers: Answers | None = None,
    reported: Reported = NOTHING,
    on: date | None = None,
) -> Path:
    """Write the workbook an agency fills in for a commune and a period. Returns the path.

    answers: {indicator_code or task_id: {column name of the form: value}}, filled into the answer cells. reported: what
    the agency reported last, shown beside the answers. on: the day it is made, by which the form of a year says whether
    its figures are estimates; None: the day it is due. The same input gives the same
    bytes. Raises ValueError if the commune, agency or period is unknown, if the agency owes nothing in the commune, or
    if an answer belongs to no answer cell; the message says what to do.
    """
    _check(registry, commune_code, agency_code, period_code)
    period = registry.period_of(commune_code, period_code)
    order = Order(registry, commune_code, agency_code, period, illustrative, reported, on)
    lines = lines_of(order)
    fill_in(lines, answers or {})
    book = new_workbook()
    results: dict[str, dict[str, str]] = {}
    for layout in order.form["sheets"]:
        results[layout["title"]] = _write_table(
            book.create_sheet(layout["title"]), layout, lines[layout["kind"]], order
        )
    _write_guide(book.create_sheet(sentences()["guide"]["title"]), order, lines)
    book.active = next(n for n, layout in enumerate(order.form["sheets"]) if lines[layout["kind"]])
    for sheet in book.worksheets:
        _finish(sheet, order, is_active=sheet is book.active)
    # what formulas give is known of a form nobody has filled in; LibreOffice calculates those without a result alone
    save(book, path, datetime.combine(order.period.starts_on, time()), {} if answers else results)
    return path


def forms_owed(
    registry: Registry, commune_code: str | None, agency_code: str | None, period_code: str
) -> list[tuple[str, str]]:
    """Commune and agency of every form of a period: of the commune, or all with a plan; of the agency, or all that owe
    something.

    Raises ValueError, saying what to do, where the commune has no plan or the agency owes nothing in any of them.
    """
    communes = sorted(registry.commune_codes_with_plans)
    if commune_code is not None:
        _check_commune(registry, commune_code)
        communes = [commune_code]
    _check_period(registry, period_code)
    owing = {code: _owing(registry, code, period_code) for code in communes}
    found = [(commune, agency) for commune in communes for agency in owing[commune] if agency_code in (None, agency)]
    if not found:
        known = ", ".join(sorted({agency for agencies in owing.values() for agency in agencies}))
        raise ValueError(f"agency '{agency_code}' owes nothing; agencies that report: {known}")
    return found


def _check(registry: Registry, commune_code: str, agency_code: str, period_code: str) -> None:
    _check_commune(registry, commune_code)
    _check_period(registry, period_code)
    owing = _owing(registry, commune_code, period_code)
    if agency_code not in owing:
        wrong = "owes nothing" if agency_code in registry.agencies else "is not in sources/reference/agencies.csv"
        raise ValueError(
            f"agency '{agency_code}' {wrong}; agencies that report in commune {commune_code}: {', '.join(owing)}"
        )


def _owing(registry: Registry, commune_code: str, period_code: str) -> list[str]:
    return registry.agencies_of(commune_code, registry.period_of(commune_code, period_code).ends_on)


def _check_period(registry: Registry, period_code: str) -> None:
    if period_code not in registry.periods:
        years = sorted({code[:4] for code in registry.periods})
        raise ValueError(
            f"there is no period '{period_code}': write a month 2026-10, quarter 2026-Q4, half 2026-H1, nine months "
            f"2026-9M or year 2026, from {years[0]} to {years[-1]}"
        )


def _check_commune(registry: Registry, commune_code: str) -> None:
    if commune_code not in registry.commune_codes_with_plans:
        known = ", ".join(f"{code} ({registry.communes[code]['commune_name']})"
                          for code in sorted(registry.commune_codes_with_plans))  # fmt: skip
        wrong = "has no plan" if commune_code in registry.communes else "is not in sources/reference/communes.csv"
        raise ValueError(f"commune '{commune_code}' {wrong}; communes with a plan: {known}")


# ---------------------------------------------------------------- a table


def _write_table(sheet: Worksheet, layout: Row, lines: list[Line], order: Order) -> dict[str, str]:
    """One table. Returns what its formulas give while nobody has filled it in, by cell."""
    columns = order.columns(layout)
    widths = [column["width"] for column in columns]
    printed = [column["width"] for column in columns if column["name"] != "review"]
    row = _write_heading(sheet, layout["heading"], printed, order)
    row = _write_identification(sheet, row, layout, columns, order)
    hints = [*layout["hints"], *filter(None, [layout.get("hints_of", {}).get(order.period.kind)])]
    for text in hints if lines else [layout["empty"]]:
        across(sheet, row, text, printed, size=11 if lines else 13, bold=not lines)
        row += 1
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    if not lines:
        return {}
    rows = range(row + 2, row + 2 + len(lines))
    review = Review(layout["kind"], columns, rows, order.form, order.registry.rules)
    due = order.form["answers"]["is_due"]["due"]
    required = sum(line.texts.get("is_due", due) == due for line in lines)
    formula, count = review.count(required)
    calculate(across(sheet, row, count, printed, size=13, bold=True, fill=HINT_FILL), formula)
    head(sheet, row + 1, [column["header"] for column in columns])
    sheet.row_dimensions[row + 1].height = row_height([(c["header"], c["width"]) for c in columns], bold=True)
    sheet.freeze_panes = sheet.cell(row + 2, layout["frozen_columns"] + 1)
    results = {f"A{row}": count}
    for at, line in zip(rows, lines, strict=True):
        results |= _write_line(sheet, at, at - row - 1, line, columns, order.form, review)
    review.colour(sheet, row, lines, required)
    _validate(sheet, rows, lines, columns, order, review)
    sheet.print_area = f"A1:{get_column_letter(len(printed))}{rows.stop - 1}"
    return results


def _write_heading(sheet: Worksheet, heading: str, widths: list[float], order: Order) -> int:
    """Banner, title and the sheet's own heading. Returns the next free row."""
    row = 1
    if order.illustrative:
        banner(sheet, row, len(widths))
        sheet.row_dimensions[row].height = row_height([])
        row += 1
    title = f"{order.form['title']} – {order.period.label.upper()}"
    for text, size, bold in ((title, 14, True), (heading, 12, True)):
        across(sheet, row, text, widths, size=size, bold=bold)
        row += 1
    return row


def _write_identification(sheet: Worksheet, row: int, layout: Row, columns: Sequence[Row], order: Order) -> int:
    """Labels with their values to the right: who reports what, where to and until when. Returns the next row."""
    values = _identification(order)
    texts: dict[int, list[tuple[str, float]]] = {}
    for part in order.form["identification"]:
        line, place = part["place"]
        first, last, value_first, value_last = layout["identification_spans"][place - 1]
        spans = ((first, last, part["label"], False), (value_first, value_last, values[part["name"]], True))
        for start, end, text, is_value in spans:
            for column in range(start, end + 1):
                put(sheet.cell(row + line - 1, column), text if column == start else None, bold=is_value,
                    fill=None if is_value else LOCKED_FILL)  # fmt: skip
            if start < end:
                sheet.merge_cells(start_row=row + line - 1, start_column=start, end_row=row + line - 1, end_column=end)
            width = sum(column["width"] for column in columns[start - 1 : end])
            texts.setdefault(row + line - 1, []).append((text, width))
    for at, cells in texts.items():
        sheet.row_dimensions[at].height = row_height(cells, bold=True)
    return max(texts) + 1


def _identification(order: Order) -> dict[str, str]:
    registry, period, form = order.registry, order.period, order.form
    return {
        "commune_code": order.commune_code,
        "commune_name": registry.communes[order.commune_code]["commune_name"],
        "agency_code": order.agency_code,
        "agency_name": registry.agencies[order.agency_code]["agency_name"],
        "period_code": period.code,
        "period_days": form["wording"]["period_days"].format(
            starts_on=f"{period.starts_on:%d/%m/%Y}", ends_on=f"{period.ends_on:%d/%m/%Y}"
        ),
        "form_version": form["wording"]["form_version"].format(form=form["form"], version=form["version"]),
        "folder": f"{registry.folder_of(order.commune_code)}/{order.agency_code}",
        "due_on": f"{period.due_on:%d/%m/%Y}" if period.due_on else form["wording"]["no_due_day"],
    }


def _write_line(
    sheet: Worksheet, row: int, ordinal: int, line: Line, columns: list[Row], form: Row, review: Review
) -> dict[str, str]:
    """One line. Returns what its formulas give while nobody has filled it in, by cell."""
    due, results = form["answers"]["is_due"]["due"], {}
    for number, column in enumerate(columns, 1):
        name, cell = column["name"], sheet.cell(row, number)
        if name == "ordinal":
            put(cell, ordinal).alignment = Alignment(horizontal="center", vertical="top")
        elif name == "review":
            calculate(put(cell, ""), review.sentence(line, row))
            results[cell.coordinate] = review.blank(line)
        elif name == "rate":
            put(cell, "", fill=LOCKED_FILL, bold=True, number="0.00")
            if "numerator" in line.takes:
                calculate(cell, review.rate(row))
                results[cell.coordinate] = ""
        elif column.get("answer") and name in line.takes:
            number_format = form["takes"][line.takes[name]].get("number_format")
            put(cell, line.answers.get(name), answer=True, number=number_format)
        elif column.get("answer"):
            put(cell, None, fill=LOCKED_FILL)
        else:
            _write_text(cell, column, line, due)
    sheet.row_dimensions[row].height = _height(line, columns)
    return results


def _write_text(cell: Any, column: Row, line: Line, due: str) -> None:
    """What a line says already; below a name in grey what is folded under it."""
    text = line.texts[column["name"]]
    folded = _folded(column, line)
    is_bold = text == due or (bool(folded) and column["name"] == "indicator_name")
    put(cell, text or None, bold=is_bold, fill=LOCKED_FILL if column.get("shown") else None)
    if folded:
        name, small = InlineFont(rFont=FONT, sz=11, b=is_bold), InlineFont(rFont=FONT, sz=_SMALL, color=_GREY)
        cell.value = CellRichText(TextBlock(name, text), TextBlock(small, "\n" + "\n".join(folded)))


def _folded(column: Row, line: Line) -> list[str]:
    marks = column.get("folded", {})
    return [f"{mark} {line.texts[name]}" for name, mark in marks.items() if line.texts.get(name)]


def _height(line: Line, columns: Sequence[Row]) -> float:
    """Points of a line: of its texts, of a name with what is folded under it, and of a sentence at its end."""
    shown = {**line.texts, **line.answers}
    heights = [row_height((shown.get(c["name"]), c["width"]) for c in columns if c["name"] in shown)]
    for column in columns:
        if folded := _folded(column, line):
            name = row_height([(line.texts[column["name"]], column["width"])], bold=True)
            heights.append(name + row_height([("\n".join(folded), column["width"])], size=_SMALL) - 3)
    return min(math.ceil(_FITS * max(*heights, row_height([("\n\n", 1)]))), 409.0)


def _validate(
    sheet: Worksheet, rows: range, lines: list[Line], columns: Sequence[Row], order: Order, review: Review
) -> None:
    """Excel's own checks and prompts: one for each run of cells in a column that take and say the same."""
    form = order.form
    kinds = {code: indicator["kind"] for code, indicator in order.registry.indicators.items()}
    for number, column in enumerate(columns, 1):
        letter, name = get_column_letter(number), column["name"]
        asked = [(line.takes.get(name, ""), review.prompt(line, name, kinds.get(line.code, "")) if name in line.takes
                  else None) for line in lines]  # fmt: skip
        for (what, prompt), run in groupby(zip(asked, rows, strict=True), key=lambda item: item[0]):
            found = [row for _, row in run]
            rule = form["takes"].get(what)
            if rule is None or not (rule or prompt):
                continue
            validation = _validation(rule, form)
            if prompt:
                validation.showInputMessage = True
                validation.promptTitle, validation.prompt = prompt
            validation.add(f"{letter}{found[0]}:{letter}{found[-1]}")
            sheet.add_data_validation(validation)


def _validation(rule: Row, form: Row) -> DataValidation:
    if not rule:
        return DataValidation(allow_blank=True)
    if answers := rule.get("list"):
        listed = ",".join(form["answers"][answers].values())
        validation = DataValidation(type="list", formula1=f'"{listed}"')
    else:
        validation = DataValidation(**rule["validation"])
    validation.allow_blank, validation.showErrorMessage = True, True
    validation.errorStyle, validation.errorTitle, validation.error = rule["style"], rule["title"], rule["error"]
    return validation


# ---------------------------------------------------------------- the guide, and every sheet


def _write_guide(sheet: Worksheet, order: Order, lines: dict[str, list[Line]]) -> None:
    """What to do, by when, whom to ask and how to read the answer, on one page."""
    guide, facts = sentences()["guide"], _guide_facts(order, lines)
    widths = guide["width"]
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    row = _write_heading(sheet, guide["heading"], widths, order)
    for section in guide["sections"]:
        across(sheet, row, section["title"], widths, size=12, bold=True)
        for label, text in section["lines"]:
            row += 1
            said = text.format_map(facts)
            put(sheet.cell(row, 1), label, bold=True)
            put(sheet.cell(row, 2), said)
            sheet.row_dimensions[row].height = row_height([(label, widths[0]), (said, widths[1])])
        row += 2
    sheet.print_area = f"A1:B{row - 2}"


def _guide_facts(order: Order, lines: dict[str, list[Line]]) -> dict[str, Any]:
    """What the guide names: the limits of the rules, and what this agency owes, by when, and whom it may ask."""
    registry, due = order.registry, order.form["answers"]["is_due"]["due"]
    facts: dict[str, Any] = {rule["code"]: rule["arguments"].get("max_value") for rule in registry.rules}
    [newest, *_] = registry.plans_of(order.commune_code, order.period.ends_on)
    focal = newest["focal_agency_code"]
    facts |= _identification(order) | {
        "period": order.period.label, "indicators": len(lines["indicator"]), "tasks": len(lines["task"]),
        "required": sum(line.texts["is_due"] == due for line in lines["indicator"]),
        "focal": registry.agencies[focal]["agency_name"] if focal else "",
    }  # fmt: skip
    whom = sentences()["guide"]["whom"]["focal" if focal in (None, order.agency_code) else "other"]
    return facts | {"whom": whom.format_map(facts)}


def _finish(sheet: Worksheet, order: Order, *, is_active: bool) -> None:
    """Lock all but the answer cells, and set the sheet up for the screen and for paper."""
    commune = order.registry.communes[order.commune_code]["commune_name"]
    agency = order.registry.agencies[order.agency_code]["agency_name"].replace("&", "&&")
    is_guide = sheet.title == sentences()["guide"]["title"]
    page(sheet, landscape=not is_guide, footer=f"{commune} – {agency} – {order.period.label}")
    sheet.page_margins.left = sheet.page_margins.right = _MARGIN
    if is_guide:
        sheet.page_setup.fitToHeight = 1
    sheet.sheet_view.zoomScale = ZOOM
    sheet.sheet_view.tabSelected = is_active
    sheet.sheet_view.showGridLines = False
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False  # False: not locked
