"""The workbook in which a plan is registered: empty for a commune to fill in, or filled with a plan that is there.

What it says comes from sources/forms/plan-workbook.yml, how a cell looks from office/workbook.py. Reading a filled
workbook back (workbook_cells.py) and judging it (draft.py) do not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.files import Row, read_csv, read_yaml
from pipelines.office.row_height import row_height
from pipelines.office.workbook import ANSWER_FILL, FONT, LOCKED_FILL, across, head, page, put, save
from pipelines.registry.registry import Registry

ZOOM = 90
_A3 = 8
_DATE = "dd/mm/yyyy"
_HINT = 9  # points
_LAST_ROW = 2000  # as far down as Excel's own checks reach
_CENTERED = Alignment(wrap_text=True, vertical="top", horizontal="center")
_IN_SIGHT = 170  # characters of width that a screen shows: what is said above a table must not be wider


def read_form(sources: Path) -> Row:
    """The workbook's form: sheets, columns, choices and the wording of faults."""
    form: Row = read_yaml(sources / "forms" / "plan-workbook.yml")
    return form


def write_plan_workbook(sources: Path, registry: Registry, path: Path, plan_id: str | None = None) -> Path:
    """Write the workbook, filled with the plan of that id, else with empty rows. The same input, the same bytes.

    registry: the one below sources. Raises ValueError if there is no such plan.
    """
    folder = sources / "plans" / (plan_id or "")
    if plan_id is not None and plan_id not in registry.plans:
        raise ValueError(f"there is no plan '{plan_id}'; plans: {', '.join(sorted(registry.plans)) or 'none'}")
    form = read_form(sources)
    writer = _Writer(form, _catalogue(sources, registry, form))
    plan = read_yaml(folder / "plan.yml") if plan_id else {}
    rows = {part: read_csv(folder / f"{part}.csv") if plan_id else [] for part in ("targets", "tasks")}
    save_plan_book(writer.book(plan, rows), form, path)
    return path


def plan_book(
    sources: Path, registry: Registry, form: Row, plan: Row, rows: Mapping[str, list[dict[str, str]]]
) -> Filled:
    """The workbook filled with a plan that is not in the registry, and where its cells are."""
    writer = _Writer(form, _catalogue(sources, registry, form))
    book = writer.book(plan, rows)
    return Filled(book, writer.fields, writer.first_rows, writer.first_basis)


def save_plan_book(book: Workbook, form: Row, path: Path) -> None:
    """Dated by the form, so that the same content is the same bytes."""
    save(book, path, datetime.combine(form["dated"], time()))


@dataclass(frozen=True)
class Filled:
    """A workbook, the cell of each field of the plan's sheet ('B5'), the first row of targets and tasks, and that of
    the documents the plan is founded on."""

    book: Workbook
    fields: dict[str, str]
    first_rows: dict[str, int]
    first_basis: int


@dataclass(frozen=True)
class _Table:
    """A list to look codes up in: heading, headers, rows."""

    heading: str
    headers: list[str]
    rows: list[list[str]]


def _catalogue(sources: Path, registry: Registry, form: Row) -> dict[str, _Table]:
    """What can be looked up, by name, in the order it is shown."""
    aliases = read_csv(sources / "reference" / "agency_aliases.csv")
    agencies = [
        [code, agency["agency_name"], "; ".join(a["alias"] for a in aliases if code in a["agency_codes"].split())]
        for code, agency in registry.agencies.items()
    ]
    columns = ("indicator_code", "indicator_name", "unit_of_measure", "theme", "numerator_name", "denominator_name")
    indicators = [[indicator[column] for column in columns] for indicator in registry.indicators.values()]
    indicators.append(form["catalogue"]["indicators"]["without"])
    communes = [[code, registry.communes[code]["commune_name"]] for code in sorted(registry.city_communes)]
    found = {"agencies": agencies, "indicators": indicators, "communes": communes}
    layout = form["catalogue"]
    return {name: _Table(layout[name]["heading"], layout[name]["headers"], rows)
            for name, rows in found.items() if rows}  # fmt: skip


class _Writer:
    """Writes one workbook."""

    def __init__(self, form: Row, catalogue: Mapping[str, _Table]) -> None:
        self.form, self.catalogue = form, catalogue
        self.codes: dict[str, str] = {}  # where the codes of a list are, as an Excel reference
        self.fields: dict[str, str] = {}
        self.first_rows: dict[str, int] = {}
        self.first_basis = 0

    def book(self, plan: Mapping[str, Any], rows: Mapping[str, list[dict[str, str]]]) -> Workbook:
        book = Workbook()
        book.remove(book.active)
        parts = ("plan", "targets", "tasks", "catalogue", "guide")
        sheets = {part: book.create_sheet(self.form[part]["title"]) for part in parts}
        self._write_catalogue(sheets["catalogue"])
        self._write_plan(sheets["plan"], plan)
        for part in ("targets", "tasks"):
            self.first_rows[part] = self._write_rows(sheets[part], self.form[part], rows[part])
        self._write_guide(sheets["guide"])
        footer = self.form["footer"].format_map(self.form)
        for part, sheet in sheets.items():
            page(sheet, footer=" – ".join(filter(None, (footer, plan.get("plan_id")))))
            if part in ("targets", "tasks"):
                sheet.page_setup.paperSize = _A3
            sheet.sheet_view.zoomScale = ZOOM
            sheet.sheet_view.showGridLines = False
        return book

    # ------------------------------------------------------------ the plan

    def _write_plan(self, sheet: Worksheet, plan: Mapping[str, Any]) -> None:
        layout = self.form["plan"]
        widths = [column["width"] for column in layout["columns"]]
        row = _heading(sheet, self.form["title"], layout, widths)
        _head(sheet, row, [column["header"] for column in layout["columns"]], widths)
        for about in layout["fields"]:
            row += 1
            part, _, name = about["name"].rpartition(".")
            value = ((plan.get(part) or {}) if part else plan).get(name)
            put(sheet.cell(row, 1), self._title(about, "label"), bold=True, fill=LOCKED_FILL)
            self._put(sheet.cell(row, 2), self._shown(about["takes"], value), about)
            self.fields[about["name"]] = f"B{row}"
            put(sheet.cell(row, 3), about["hint"], size=_HINT)
            hint_height = row_height([(about["hint"], widths[2])], size=_HINT)
            _fit(sheet, row, max(row_height([(about["label"], widths[0]), (value, widths[1])], bold=True), hint_height))
            self._check(sheet, about["takes"], f"B{row}")
        sheet.row_breaks.append(Break(id=row))
        for table in layout["tables"]:
            row = self._write_table(sheet, row + 2, table, _table_rows(table["name"], plan), widths)
        sheet.freeze_panes, sheet.print_title_rows = None, None

    def _shown(self, takes: str, value: Any) -> Any:
        """A choice by its word; a day of every year as people write it: '11-30' is 30/11."""
        if takes == "day" and value:
            month, day = value.split("-")
            return f"{day}/{month}"
        return self.form["choices"].get(takes, {}).get(value, value)

    def _write_table(self, sheet: Worksheet, row: int, table: Row, rows: list[Row], widths: list[float]) -> int:
        """A small table below its heading, with a few spare rows. Returns its last row."""
        across(sheet, row, table["heading"], widths, size=12, bold=True)
        across(sheet, row + 1, table["hint"], widths, size=_HINT)
        row += 2
        columns = [{**column, "required": False} for column in table["columns"]]  # only of a row that is filled
        is_wide = bool(columns[0].get("across"))
        _head(sheet, row, [self._title(column, "header") for column in columns], widths)
        first = row + 1
        if table["name"] == "legal_basis":
            self.first_basis = first
        for values in [*rows, *({} for _ in range(table["spare"]))]:
            row += 1
            for number, column in enumerate(columns, 1):
                self._put(sheet.cell(row, number), values.get(column["name"]), column)
            shown = [(values.get(column["name"], "\n" if is_wide else ""), sum(widths) if is_wide else width)
                     for column, width in zip(columns, widths, strict=False)]  # fmt: skip
            _fit(sheet, row, row_height(shown))
        for merged in range(first - 1, row + 1) if is_wide else ():
            sheet.merge_cells(start_row=merged, start_column=1, end_row=merged, end_column=len(widths))
        for number, column in enumerate(columns, 1):
            letter = get_column_letter(number)
            self._check(sheet, column["takes"], f"{letter}{first}:{letter}{row}")
        return row

    # ------------------------------------------------------------ targets and tasks

    def _write_rows(self, sheet: Worksheet, layout: Row, rows: list[dict[str, str]]) -> int:
        """Returns the first row that is filled in."""
        columns = layout["columns"]
        widths = [column["width"] for column in columns]
        top = _heading(sheet, layout["heading"], {**layout, "heading": None}, widths)
        for number, column in enumerate(columns, 1):
            put(sheet.cell(top, number), column["hint"], size=_HINT)
        sheet.row_dimensions[top].height = row_height([(c["hint"], c["width"]) for c in columns], size=_HINT)
        _head(sheet, top + 1, [self._title(column, "header") for column in columns], widths)
        sheet.freeze_panes = sheet.cell(top + 2, layout["frozen_columns"] + 1)
        for at, row in enumerate([*rows, *({} for _ in range(layout["spare"]))], top + 2):
            shown = [self._value(column, row.get(column["name"], "")) for column in columns]
            for number, (column, value) in enumerate(zip(columns, shown, strict=True), 1):
                self._put(sheet.cell(at, number), value, column)
            _fit(sheet, at, row_height(zip(shown, widths, strict=True)))
        for number, column in enumerate(columns, 1):
            letter = get_column_letter(number)
            below = sheet.column_dimensions[letter]  # rows that are added further down keep text as text
            below.number_format = self.form["takes"][column["takes"]]["number_format"]
            below.alignment, below.font = Alignment(wrap_text=True, vertical="top"), Font(name=FONT, size=11)
            self._check(sheet, column["takes"], f"{letter}{top + 2}:{letter}{_LAST_ROW}")
        return int(top + 2)

    def _value(self, column: Row, text: str) -> Any:
        """A value of the registry as the workbook shows it."""
        words = self.form["choices"].get(column["takes"], {})
        if text in words:
            return words[text]
        if column["takes"] == "figure" and text:
            value = Decimal(text)
            return int(value) if value == int(value) else float(value)
        if column["takes"] in ("date", "milestone") and text:
            return date.fromisoformat(text)
        if column["takes"] == "dates":
            return "; ".join(f"{date.fromisoformat(day):%d/%m/%Y}" for day in text.split("; ") if day)
        return "/".join(reversed(text.split("-"))) if column["takes"] == "recurring_day" else text

    def _title(self, about: Row, name: str) -> str:
        return str(about[name]) + (self.form["required_mark"] if about.get("required") else "")

    def _put(self, cell: Any, value: Any, about: Row) -> None:
        """A cell to fill in: yellow where it must be, grey where it is understood by itself."""
        fill = ANSWER_FILL if about.get("required") else LOCKED_FILL if about.get("understood") else None
        takes = self.form["takes"][about["takes"]]
        number = _DATE if isinstance(value, date) else takes["number_format"]
        put(cell, None if value == "" else value, fill=fill, number=number)
        if takes.get("centered"):
            cell.alignment = _CENTERED
        if isinstance(value, str) and value.startswith("'"):
            cell.quotePrefix = True  # else Excel takes the first apostrophe for its own sign that this is text

    def _check(self, sheet: Worksheet, takes: str, cells: str) -> None:
        """Excel's own check of these cells, if there is one for what they take."""
        rule = self.form["takes"][takes]
        if "list" in rule:
            words = ",".join(self.form["choices"][rule["list"]].values())
            validation = DataValidation(type="list", formula1=f'"{words}"')
        elif "catalogue" in rule:
            validation = DataValidation(type="list", formula1=self.codes[rule["catalogue"]])
        elif "validation" in rule:
            validation = DataValidation(**rule["validation"])
        else:
            return
        validation.allow_blank, validation.showErrorMessage = True, True
        validation.errorStyle, validation.errorTitle, validation.error = rule["style"], rule["title"], rule["error"]
        validation.add(cells)
        sheet.add_data_validation(validation)

    # ------------------------------------------------------------ to look up

    def _write_catalogue(self, sheet: Worksheet) -> None:
        layout = self.form["catalogue"]
        widths = layout["widths"]
        row = _heading(sheet, layout["heading"], {**layout, "heading": None}, widths)
        for name, table in self.catalogue.items():
            across(sheet, row, table.heading, widths, size=12, bold=True)
            _lookup_row(sheet, row + 1, table.headers, widths, is_head=True)
            for at, values in enumerate(table.rows, row + 2):
                _lookup_row(sheet, at, values, widths)
            last = row + 1 + len(table.rows)
            self.codes[name] = f"'{sheet.title}'!$A${row + 2}:$A${last}"
            row = last + 2
        sheet.freeze_panes, sheet.print_title_rows = None, None
        sheet.protection.sheet = True

    def _write_guide(self, sheet: Worksheet) -> None:
        guide = self.form["guide"]
        widths = guide["widths"]
        row = _heading(sheet, guide["heading"], {"heading": None, "hints": ()}, widths)
        for number, step in enumerate(guide["steps"], 1):
            across(sheet, row, f"{number}. {step}", widths)
            row += 1
        across(sheet, row + 1, guide["understood"], widths, size=12, bold=True)
        row = self._write_meanings(sheet, row + 2, guide, widths)
        for part in ("targets", "tasks"):
            sheet.row_breaks.append(Break(id=row))
            across(sheet, row + 1, f"{guide['what']}: {self.form[part]['title']}", widths, size=12, bold=True)
            row += 2
            _head(sheet, row, guide["headers"], widths)
            for number, column in enumerate(self.form[part]["columns"], 1):
                row += 1
                kind = next((k for k in ("required", "understood") if column.get(k)), "free")
                values = (number, column["header"], guide["must"][kind], column["hint"])
                _guide_row(sheet, row, values, widths)
            row += 1
        sheet.freeze_panes, sheet.print_title_rows = None, None
        sheet.protection.sheet = True

    def _write_meanings(self, sheet: Worksheet, row: int, guide: Row, widths: list[float]) -> int:
        """What each word to choose means. Returns the next free row."""
        _head(sheet, row, guide["meaning_headers"], widths)
        for number, meaning in enumerate(self.form["meanings"], 1):
            row += 1
            _guide_row(sheet, row, (number, meaning["column"], meaning["choice"], meaning["means"]), widths)
        return row + 1


# ---------------------------------------------------------------- pieces


def _heading(sheet: Worksheet, title: str, layout: Row, widths: list[float]) -> int:
    """Title, the sheet's own heading, and how to fill it in. Returns the next free row."""
    row = 1
    in_sight = [width for width, right in zip(widths, accumulate(widths), strict=True) if right <= _IN_SIGHT]
    across(sheet, row, title, in_sight, size=14, bold=True)
    if layout["heading"]:
        row += 1
        across(sheet, row, layout["heading"], in_sight, size=12, bold=True)
    for hint in layout["hints"]:
        row += 1
        across(sheet, row, hint, in_sight)
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    return row + 1


def _head(sheet: Worksheet, row: int, titles: Sequence[str], widths: Sequence[float]) -> None:
    head(sheet, row, titles)
    sheet.row_dimensions[row].height = row_height(zip(titles, widths, strict=False), bold=True)


def _fit(sheet: Worksheet, row: int, height: float) -> None:
    """Make a row to fill in as high as it needs; one line is left to Excel, which then grows it with what is typed."""
    if height > row_height([]):
        sheet.row_dimensions[row].height = height


def _lookup_row(sheet: Worksheet, row: int, values: list[str], widths: list[float], *, is_head: bool = False) -> None:
    """A row of a list; its last value takes the rest of the width."""
    if is_head:
        head(sheet, row, values)
    for column, value in enumerate(values, 1):
        if not is_head:
            put(sheet.cell(row, column), value or None)
    last = len(values)
    if last < len(widths):
        sheet.merge_cells(start_row=row, start_column=last, end_row=row, end_column=len(widths))
    rooms = [*widths[: last - 1], sum(widths[last - 1 :])]
    sheet.row_dimensions[row].height = row_height(zip(values, rooms, strict=True), bold=is_head)


def _guide_row(sheet: Worksheet, row: int, values: Sequence[Any], widths: list[float]) -> None:
    for column, value in enumerate(values, 1):
        cell = put(sheet.cell(row, column), value)
        if column == 1:
            cell.alignment = _CENTERED
    sheet.row_dimensions[row].height = row_height(zip(values, widths, strict=True))


def _table_rows(name: str, plan: Mapping[str, Any]) -> list[Row]:
    """The plan's content of one small table, a row each."""
    content: Any = plan.get(name) or ()
    if name == "reports":
        return [{"indicator_code": code, "agency_code": agency} for code, agency in dict(content).items()]
    return [{"note": note} for note in content] if name == "notes" else list(content)
