"""The workbook an agency fills in: its lines prefilled, its answer cells open, everything else locked.

What the workbook says comes from sources/forms/periodic-report.yml, who owes which line from the registry, how a cell
looks from workbook.py. Reading a filled workbook back (reading/layout.py) and judging it (checking/validate.py) do
not belong here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import groupby
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.files import Row
from pipelines.office.row_height import row_height
from pipelines.office.workbook import LOCKED_FILL, across, banner, head, page, put, save
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import slug

Answers = Mapping[str, Mapping[str, Any]]
ZOOM = 90  # percent: on a usual screen all columns of a sheet are in sight


@dataclass(frozen=True)
class _Order:
    """What one workbook is made for."""

    registry: Registry
    commune_code: str
    agency_code: str
    period: Period
    illustrative: bool

    @property
    def form(self) -> Row:
        return self.registry.form


@dataclass(frozen=True)
class _Line:
    """One line of a table: its code, prefilled texts by column, and what each open answer cell takes, by column."""

    code: str
    texts: dict[str, str]
    takes: dict[str, str]
    answers: Mapping[str, Any] = field(default_factory=dict)


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
) -> Path:
    """Write the workbook an agency fills in for a commune and a period. Returns the path.

    answers: {indicator_code or task_id: {column name of the form: value}}, filled into the answer cells. The same
    input gives the same bytes. Raises ValueError if the commune, agency or period is unknown, if the agency owes
    nothing in the commune, or if an answer belongs to no answer cell; the message says what to do.
    """
    _check(registry, commune_code, agency_code, period_code)
    order = _Order(registry, commune_code, agency_code, registry.period_of(commune_code, period_code), illustrative)
    lines = {"indicator": list(_indicator_lines(order)), "task": list(_task_lines(order))}
    _fill_in(lines, answers or {})
    book = Workbook()
    book.remove(book.active)
    for layout in order.form["sheets"]:
        _write_table(book.create_sheet(layout["title"]), layout, lines[layout["kind"]], order)
    _write_guide(book.create_sheet(order.form["guide_sheet"]["title"]), order)
    book.active = next(n for n, layout in enumerate(order.form["sheets"]) if lines[layout["kind"]])
    for sheet in book.worksheets:
        _finish(sheet, order, is_active=sheet is book.active)
    save(book, path, datetime.combine(order.period.starts_on, time()))
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


# ---------------------------------------------------------------- lines


def _indicator_lines(order: _Order) -> Iterator[_Line]:
    form = order.form
    for indicator in order.registry.indicators_of(order.commune_code, order.agency_code, order.period.ends_on):
        kind = form["kinds"][indicator["kind"]]
        names = ("indicator_name", "unit_of_measure", "numerator_name", "denominator_name")
        texts = {"indicator_code": indicator["indicator_code"], **{name: indicator[name] for name in names}}
        texts |= {name: kind[name].format_map(indicator) for name in names if name in kind}
        asked = order.registry.is_asked(indicator["frequency"], order.period)
        texts["is_due"] = form["answers"]["is_due"]["due" if asked else "optional"]
        takes = {column: _taken(what, indicator, form) for column, what in kind["takes"].items()}
        yield _Line(indicator["indicator_code"], texts, takes)


def _taken(what: str, indicator: Row, form: Row) -> str:
    """What the cell of this very indicator takes: money is measured rather than counted, a '%' stays within 100."""
    named = indicator["numerator_name"] + indicator["denominator_name"]
    if what == "count" and any(word in named for word in form["measured"]):
        return "measure"
    return "percent" if what == "amount" and indicator["unit_of_measure"] == "%" else what


def _task_lines(order: _Order) -> Iterator[_Line]:
    [layout] = [one for one in order.form["sheets"] if one["kind"] == "task"]
    takes = {column["name"]: column["takes"] for column in layout["columns"] if column.get("answer")}
    for task in order.registry.tasks_of(order.commune_code, order.agency_code, order.period.ends_on):
        texts = {name: task[name] for name in ("task_id", "title", "deliverable")}
        yield _Line(task["task_id"], texts | {"deadline": task["deadline_as_written"]}, takes)


def _fill_in(lines: dict[str, list[_Line]], answers: Answers) -> None:
    """Put the answers into the lines they belong to."""
    places = {line.code: (kind, n) for kind, some in lines.items() for n, line in enumerate(some)}
    for code, given in answers.items():
        if code not in places:
            raise ValueError(f"an answer for '{code}', which is not a line of this workbook: {', '.join(places)}")
        kind, n = places[code]
        line = lines[kind][n]
        if unknown := given.keys() - line.takes:
            raise ValueError(f"answers for {', '.join(sorted(unknown))} of '{code}', whose answer cells are: "
                             f"{', '.join(line.takes)}")  # fmt: skip
        lines[kind][n] = _Line(line.code, line.texts, line.takes, given)


# ---------------------------------------------------------------- a table


def _write_table(sheet: Worksheet, layout: Row, lines: list[_Line], order: _Order) -> None:
    columns = layout["columns"]
    widths = [column["width"] for column in columns]
    row = _write_heading(sheet, layout["heading"], widths, order)
    row = _write_identification(sheet, row, layout, order)
    for text in layout["hints"] if lines else [layout["empty"]]:
        across(sheet, row, text, widths, size=11 if lines else 13, bold=not lines)
        row += 1
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    if not lines:
        return
    head(sheet, row, [column["header"] for column in columns])
    sheet.row_dimensions[row].height = row_height([(c["header"], c["width"]) for c in columns], bold=True)
    sheet.freeze_panes = sheet.cell(row + 1, layout["frozen_columns"] + 1)
    for ordinal, line in enumerate(lines, 1):
        _write_line(sheet, row + ordinal, ordinal, line, columns, order.form)
    _validate(sheet, row + 1, lines, columns, order.form)


def _write_heading(sheet: Worksheet, heading: str, widths: list[float], order: _Order) -> int:
    """Banner, title, subtitle and the sheet's own heading. Returns the next free row."""
    row = 1
    if order.illustrative:
        banner(sheet, row, len(widths))
        sheet.row_dimensions[row].height = row_height([])
        row += 1
    title = f"{order.form['title']} – {order.period.label.upper()}"
    for text, size, bold in ((title, 14, True), (order.form["subtitle"], 11, False), (heading, 12, True)):
        across(sheet, row, text, widths, size=size, bold=bold)
        row += 1
    return row


def _write_identification(sheet: Worksheet, row: int, layout: Row, order: _Order) -> int:
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
            width = sum(column["width"] for column in layout["columns"][start - 1 : end])
            texts.setdefault(row + line - 1, []).append((text, width))
    for at, cells in texts.items():
        sheet.row_dimensions[at].height = row_height(cells, bold=True)
    return max(texts) + 1


def _identification(order: _Order) -> dict[str, str]:
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


def _write_line(sheet: Worksheet, row: int, ordinal: int, line: _Line, columns: list[Row], form: Row) -> None:
    due = form["answers"]["is_due"]["due"]
    for number, column in enumerate(columns, 1):
        name, cell = column["name"], sheet.cell(row, number)
        if name == "ordinal":
            put(cell, ordinal).alignment = Alignment(horizontal="center", vertical="top")
        elif not column.get("answer"):
            put(cell, line.texts[name] or None, bold=line.texts[name] == due)
        elif name in line.takes:
            number_format = form["takes"][line.takes[name]].get("number_format")
            put(cell, line.answers.get(name), answer=True, number=number_format)
        else:
            put(cell, None, fill=LOCKED_FILL)
    shown = {**line.texts, **line.answers}
    sheet.row_dimensions[row].height = row_height((shown.get(c["name"]), c["width"]) for c in columns)


def _validate(sheet: Worksheet, first_row: int, lines: list[_Line], columns: list[Row], form: Row) -> None:
    """Excel's own checks: one for each run of cells in a column that take the same."""
    for number, column in enumerate(columns, 1):
        letter = get_column_letter(number)
        rows = enumerate((line.takes.get(column["name"], "") for line in lines), first_row)
        for what, run in groupby(rows, key=lambda item: item[1]):
            found = [row for row, _ in run]
            rule = form["takes"].get(what)
            if not rule:
                continue
            if answers := rule.get("list"):
                listed = ",".join(form["answers"][answers].values())
                validation = DataValidation(type="list", formula1=f'"{listed}"')
            else:
                validation = DataValidation(**rule["validation"])
            validation.allow_blank, validation.showErrorMessage = True, True
            validation.errorStyle, validation.errorTitle = rule["style"], rule["title"]
            validation.error = rule["error"]
            validation.add(f"{letter}{found[0]}:{letter}{found[-1]}")
            sheet.add_data_validation(validation)


# ---------------------------------------------------------------- the guide, and every sheet


def _write_guide(sheet: Worksheet, order: _Order) -> None:
    """How to fill the workbook in, and what every rule looks at, in plain words."""
    form, guide = order.form, order.form["guide_sheet"]
    widths = [column["width"] for column in guide["columns"]]
    row = _write_heading(sheet, guide["heading"], widths, order)
    across(sheet, row + 1, guide["how"], widths, size=12, bold=True)
    row += 2
    for ordinal, text in enumerate(form["guide"], 1):
        across(sheet, row, f"{ordinal}. {text}", widths)
        row += 1
    across(sheet, row + 1, guide["what"], widths, size=12, bold=True)
    row += 2
    head(sheet, row, [column["header"] for column in guide["columns"]], widths)
    sheet.freeze_panes = None  # the guide is read from the top; only the tables keep their header in sight
    sheet.row_dimensions[row].height = row_height([])
    for at, rule in enumerate(order.registry.rules, row + 1):
        outcome = "file" if rule["level"] == "file" and rule["severity"] == "fail" else rule["severity"]
        texts = (rule["code"], guide["levels"][rule["level"]], form["checks"].get(rule["code"], rule["message"]),
                 guide["outcomes"][outcome])  # fmt: skip
        for number, text in enumerate(texts, 1):
            put(sheet.cell(at, number), text)
        sheet.row_dimensions[at].height = row_height(zip(texts, widths, strict=True))


def _finish(sheet: Worksheet, order: _Order, *, is_active: bool) -> None:
    """Lock all but the answer cells, and set the sheet up for the screen and for paper."""
    commune = order.registry.communes[order.commune_code]["commune_name"]
    agency = order.registry.agencies[order.agency_code]["agency_name"].replace("&", "&&")
    page(sheet, footer=f"{commune} – {agency} – {order.period.label}")
    sheet.sheet_view.zoomScale = ZOOM
    sheet.sheet_view.tabSelected = is_active
    sheet.sheet_view.showGridLines = False
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False  # False: not locked
