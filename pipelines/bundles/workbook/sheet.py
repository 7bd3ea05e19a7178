"""How the sheets of an extract are laid out: opening lines, tables of columns, counts by status.

Which columns a sheet has belongs to workbook/tables.py, the page leaders read to workbook/summary.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.bundles.extract import Extract
from pipelines.files import Row
from pipelines.office.figures import day
from pipelines.office.row_height import row_height
from pipelines.office.statuses import Counts, counts, status_of
from pipelines.office.wording import say
from pipelines.office.workbook import ILLUSTRATIVE, SEVERITY_FILLS, across, banner, head, page, put
from pipelines.vietnamese import in_sentence

_ALIGNED = {center: Alignment(wrap_text=True, vertical="center", horizontal="center" if center else None)
            for center in (False, True)}  # fmt: skip


class Column(NamedTuple):
    """A column of a sheet: title and width, what it shows of a row, and how grave that is (0 to 4, or no colour)."""

    title: str
    width: float
    show: Callable[[Row, Extract], Any]
    grave: Callable[[Row, Extract], int | None] | None = None
    center: bool = False
    number: str | None = None


def column(name: str, width: float, show: Callable[[Row, Extract], Any] | str | None = None,
           grave: Callable[[Row, Extract], int | None] | None = None, *, center: bool = False,
           number: str | None = None) -> Column:  # fmt: skip
    """A column that is titled, and shows the field of a row, by its name, where nothing else is said."""
    field = show if isinstance(show, str) else name
    shown = show if callable(show) else lambda row, extract: row[field]
    return Column(say(f"labels.columns.{name}"), width, shown, grave, center, number)


_COUNTED = ("progress", "tasks", "reporting")


def counted(extract: Extract) -> list[Counts]:
    """By level, pace, task status, and reporting status of the newest period that was owed."""
    return _count(extract, {name: extract.tables[name].dicts() for name in _COUNTED})


def counted_by_commune(extract: Extract) -> dict[str, list[Counts]]:
    """The same of each commune."""
    rows: dict[str, dict[str, list[Row]]] = {code: {name: [] for name in _COUNTED} for code in extract.communes}
    for name in _COUNTED:
        for row in extract.tables[name].dicts():
            rows[row["commune_code"]][name].append(row)
    return {code: _count(extract, of_commune) for code, of_commune in rows.items()}


def _count(extract: Extract, rows: Mapping[str, Sequence[Row]]) -> list[Counts]:
    progress, tasks, reporting = (rows[name] for name in _COUNTED)
    newest = extract.newest_owed
    owed = [row for row in reporting if row["period_code"] == newest]
    return [
        counts(say(f"labels.counted.{answer}.title", period=in_sentence(extract.periods[newest])),
               say(f"labels.counted.{answer}.noun"), answer, counted, extract.statuses)
        for answer, counted in (("level", progress), ("pace", progress), ("task", tasks), ("reporting", owed))
    ]  # fmt: skip


def severity_of(answer: str) -> Callable[[Row, Extract], int | None]:
    """How grave the status is that a row has for an answer."""

    def grave(row: Row, extract: Extract) -> int | None:
        status = status_of(row, answer, extract.statuses)
        return None if status is None else status.severity

    return grave


def opening(
    sheet: Worksheet, heading: str, widths: Sequence[float], extract: Extract, *, landscape: bool = True
) -> int:
    """Widths, page, banner, heading and what the sheet is about. Returns the first free row."""
    page(sheet, landscape=landscape, footer=f"{extract.periods[extract.period_code]} · {extract.place}")
    sheet.print_options.horizontalCentered = True
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    row = 1
    if extract.is_illustrative:
        banner(sheet, row, len(widths))
        sheet.oddHeader.center.text = ILLUSTRATIVE  # a later page may be handed on without the first
        row += 1
    about = say("workbook.about", place=extract.place, period=extract.periods[extract.period_code],
                day=day(extract.as_of_on))  # fmt: skip
    for text, size, bold in ((heading, 15, True), (about, 11, False)):
        across(sheet, row, text, widths, size=size, bold=bold, center=True)
        row += 1
    return row


def height(sheet: Worksheet, first: int, last: int) -> float:
    """Points of the rows from first to last."""
    return sum(sheet.row_dimensions[row].height or 15 for row in range(first, last + 1))


def table(sheet: Worksheet, heading: str, columns: Sequence[Column], rows: Sequence[Row], extract: Extract, *,
          none: str, frozen: int = 0) -> None:  # fmt: skip
    """A sheet with one table, with filters. frozen: columns that stay in sight; none: what is said of no rows."""
    lines = [[column.show(row, extract) for column in columns] for row in rows]
    widths = [max([column.width, *map(_width, values)]) for column, *values in zip(columns, *lines, strict=True)]
    titles = [column.title for column in columns]
    top = row = opening(sheet, heading, widths, extract)
    head(sheet, row, titles)
    sheet.freeze_panes = sheet.cell(row + 1, frozen + 1)
    sheet.row_dimensions[row].height = row_height(zip(titles, widths, strict=True), bold=True)
    aligned: dict[tuple[bytes, bool], Any] = {}  # a look is aligned once a table, not once a cell
    for one, values in zip(rows, lines, strict=True):
        row += 1
        for number, (column, value) in enumerate(zip(columns, values, strict=True), 1):
            severity = column.grave(one, extract) if column.grave else None
            cell = put(sheet.cell(row, number), value, number=column.number or number_format(value),
                       fill=None if severity is None else SEVERITY_FILLS[severity])  # fmt: skip
            look = (cell._style.tobytes(), column.center)
            if look in aligned:
                cell._style = copy(aligned[look])
            else:
                cell.alignment = _ALIGNED[column.center]
                aligned[look] = copy(cell._style)
        sheet.row_dimensions[row].height = row_height(zip(values, widths, strict=True))
    if row == top:
        across(sheet, row + 1, none, widths)
    else:
        sheet.auto_filter.ref = f"A{top}:{get_column_letter(len(columns))}{row}"


def _width(value: Any) -> float:
    """Characters a number or a day takes; Excel shows #### for one its column is too narrow for. Text wraps: 0."""
    if isinstance(value, datetime):
        return 16
    if isinstance(value, date):
        return 11
    if isinstance(value, int | float | Decimal):
        return len(f"{value:,.2f}".rstrip("0").rstrip("."))
    return 0


def number_format(value: Any) -> str | None:
    """How Excel shows a value: numbers grouped, with as many of two decimals as there are; dates day first."""
    if isinstance(value, datetime):
        return "dd/mm/yyyy hh:mm"
    if isinstance(value, date):
        return "dd/mm/yyyy"
    if isinstance(value, int | float | Decimal):
        decimals = len(f"{value:.2f}".rstrip("0").partition(".")[2])
        return "#,##0" + ("." + "0" * decimals if decimals else "")
    return None
