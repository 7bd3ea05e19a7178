"""The page of an extract that a leader reads first, on one sheet of A4, and the communes of the city side by side.

The tables behind it are workbook/tables.py; how a chart is drawn is workbook/charts.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import shorten
from typing import Any

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.bundles.extract import CITY, Extract
from pipelines.bundles.workbook.charts import bars, stacked
from pipelines.bundles.workbook.sheet import (
    counted,
    counted_by_commune,
    height,
    opening,
)
from pipelines.files import Row
from pipelines.office import approval
from pipelines.office.figures import day, indicator, measured, printed_at
from pipelines.office.row_height import row_height
from pipelines.office.statuses import Counts
from pipelines.office.wording import say, titles
from pipelines.office.workbook import HEAD_FILL, SEVERITY_FILLS, across, put
from pipelines.vietnamese import in_sentence

_WIDTHS = (36, 9, 8, 2, 46)  # label, count, share, a gap, and the chart
_CHART = 5
_LINE = 16.5  # points
_LONGEST = 120  # letters of a task's title; its sheet has the whole
_FEWEST_LINES = 4  # that a chart is drawn over
_ATTENTION = 3  # the severity in whose colour the line is that says what needs attention
_NAMED = 3  # things of a kind that are named one by one under what needs attention


def add_summary(sheet: Worksheet, extract: Extract) -> None:
    """One-page summary: counts by status, charts, and the most urgent items by name."""
    row = opening(sheet, say("workbook.summary.heading"), _WIDTHS, extract, landscape=False)
    sheet.page_setup.fitToHeight = 1
    counts = counted(extract)
    worries = _worries(counts, extract)
    across(sheet, row, _followed(extract), _WIDTHS, size=12)
    text = (say("workbook.summary.attention", what="; ".join(worries)) if worries
            else say("labels.no_attention"))  # fmt: skip
    across(sheet, row + 1, text, _WIDTHS, size=12, bold=True, fill=SEVERITY_FILLS[_ATTENTION if worries else 0])
    across(sheet, row + 2, _ahead(extract), _WIDTHS, size=12)
    across(sheet, row + 3, _approved(extract), _WIDTHS, size=12)
    sheet.freeze_panes = sheet.cell(row, 1)
    sheet.print_title_rows = f"1:{row - 1}"
    row += 5
    for one in counts:
        row = _block(sheet, row, one) + 1
    for heading, lines in _gravest(extract):
        across(sheet, row, heading, _WIDTHS, bold=True)
        for severity, line in lines:
            row += 1
            across(sheet, row, line, _WIDTHS, fill=SEVERITY_FILLS[severity])
        row += 1


def _block(sheet: Worksheet, row: int, one: Counts) -> int:
    """A table of counts, the most serious status first, with its chart beside it. Returns the row after it."""
    head, total = row, one.total
    for column, text in enumerate((one.title, *titles("count", "share")), 1):
        put(sheet.cell(row, column), text, bold=True, center=True, fill=HEAD_FILL, color="FFFFFF")
    for line in one.items:
        row += 1
        put(sheet.cell(row, 1), line.label, fill=SEVERITY_FILLS[line.severity])
        put(sheet.cell(row, 2), line.n, number="#,##0")
        put(sheet.cell(row, 3), line.n / total, number="0%")
    put(sheet.cell(row + 1, 1), say("labels.total" if total else "workbook.summary.nothing_counted"), bold=True)
    put(sheet.cell(row + 1, 2), total, bold=True, number="#,##0")
    put(sheet.cell(row + 1, 3), None)
    end = row + 1 if not one.items else max(row + 1, head + _FEWEST_LINES)
    for number in range(head, end + 1):
        text = sheet.cell(number, 1).value
        sheet.row_dimensions[number].height = max(_LINE, row_height([(text, _WIDTHS[0])], bold=number == head))
    if one.items:
        bars(sheet, f"{get_column_letter(_CHART)}{head}", one.title, (1, head + 1, row), 2,
             [line.severity for line in one.items], width=_WIDTHS[_CHART - 1],
             height=height(sheet, head, end))  # fmt: skip
    return end + 1


def _followed(extract: Extract) -> str:
    progress, tasks = extract.tables["progress"].dicts(), extract.tables["tasks"].rows
    all_of_them = extract.targeted + extract.untargeted
    uncoded = [say("labels.uncoded", count=len(extract.uncoded))] if extract.uncoded else []
    if not all_of_them:
        followed = say("workbook.summary.followed_tasks_only" if uncoded else "workbook.summary.followed_tasks",
                       tasks=len(tasks))  # fmt: skip
        return " ".join([followed, *uncoded])
    figures = sum(one["actual_id"] is not None for one in progress)
    followed = say("workbook.summary.followed_untargeted" if extract.untargeted else "workbook.summary.followed",
                   indicators=all_of_them, untargeted=extract.untargeted, figures=figures, tasks=len(tasks),
                   missing=len(progress) - figures, later=all_of_them - len(progress))  # fmt: skip
    return " ".join([followed, *uncoded])


def _ahead(extract: Extract) -> str:
    """What is to be done by the end of the year: the yearly report, who has not sent it, tasks and targets in doubt."""
    said = say("workbook.summary.ahead", due=extract.due, year=extract.as_of_on.year, doubtful=extract.doubtful)
    if not any(one["days_left"] >= 0 or one["waiting_codes"] for one in extract.yearly):
        return said  # the last one is done, the next one not asked for yet
    first = extract.yearly[0]
    period = in_sentence(first["period_label"])
    if extract.scope == CITY:
        handed = sum(one["handed_over_at"] is not None for one in extract.yearly)
        report = say("workbook.summary.yearly_of_city", period=period, handed=handed, communes=len(extract.yearly),
                     reported=sum(one["agencies_reported"] for one in extract.yearly),
                     agencies=sum(one["agencies"] for one in extract.yearly))  # fmt: skip
    else:
        left = say(
            f"workbook.summary.days_{'late' if first['days_left'] < 0 else 'left'}", days=abs(first["days_left"])
        )
        waiting = "; ".join(first["waiting_names"]) or say("workbook.summary.nobody")
        report = say("workbook.summary.yearly", period=period, due=day(first["due_on"]), waiting=waiting, days=left,
                     reported=first["agencies_reported"], agencies=first["agencies"])  # fmt: skip
    return f"{report} {said}"


def _approved(extract: Extract) -> str:
    period = extract.periods[extract.period_code]
    if extract.scope == CITY:
        return approval.of_city(extract.approvals, period)
    return approval.of_commune(extract.approvals[0], period)


def _worries(counts: list[Counts], extract: Extract) -> list[str]:
    """'5 chỉ tiêu chưa đạt mốc', '12 nhiệm vụ quá hạn' ..., conflicts between targets, and what was refused."""
    texts = [f"{line.n} {one.noun} {in_sentence(line.label)}" for one in counts for line in one.attention]
    refused = sum(row["severity"] == "fail" for row in extract.tables["rejections"].dicts())
    counts_of = {"conflicts": len(extract.tables["conflicts"].rows), "refused": refused}
    return texts + [say(f"labels.worries.{what}", count=count) for what, count in counts_of.items() if count]


# ---------------------------------------------------------------- the most urgent by name


def _gravest(extract: Extract) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """A heading and its lines, each with how grave it is: indicators, tasks and reports, the worst first."""
    reports = say("workbook.summary.reports", period=extract.periods[extract.newest_owed])
    for title, rows, answers, order, tell in (
        (say("workbook.summary.indicators"), "progress", ("pace", "level"), _worst_pace, _tell_indicator),
        (say("workbook.summary.tasks"), "tasks", ("task",), _longest_overdue, _tell_task),
        (reports, "reporting", ("reporting",), _agency, _tell_report),
    ):
        found = []
        for row in extract.tables[rows].dicts():
            statuses = [extract.statuses[answer, row[f"{answer}_status"]] for answer in answers]
            severity = max(status.severity for status in statuses)
            is_old = rows == "reporting" and row["period_code"] != extract.newest_owed
            if any(status.needs_attention for status in statuses) and not is_old:
                found.append((-severity, order(row), row))
        found.sort(key=lambda one: one[:2])
        if found:
            heading = say("workbook.summary.directed_some" if len(found) > _NAMED else "workbook.summary.directed",
                          what=title, shown=_NAMED, all=len(found))  # fmt: skip
            yield heading, [(-worst, f"– {_whose(row, extract)}{tell(row, extract)}.")
                            for worst, _, row in found[:_NAMED]]  # fmt: skip


def _worst_pace(row: Row) -> tuple[Any, ...]:
    pace = row["pace"]
    return (pace is None, pace, row["commune_code"], row["indicator_code"], row["scope"])


def _longest_overdue(row: Row) -> tuple[Any, ...]:
    return (-(row["days_overdue"] or 0), row["task_id"])


def _agency(row: Row) -> tuple[Any, ...]:
    return (row["commune_code"], row["agency_code"])


def _whose(row: Row, extract: Extract) -> str:
    return f"{row['commune_name']}: " if extract.scope == CITY else ""


def _tell_indicator(row: Row, extract: Extract) -> str:
    """'Tỷ lệ …: 63,06% (Tháng 10/2026). Mốc 31/12/2025 (≥ 70%): chưa đạt mốc. Mốc 31/12/2030 (100%): kém hơn số gốc'"""
    parts = [indicator(row)]
    if row["value"] is not None:
        parts[0] += f": {measured(row['value'], row['unit_of_measure'])} ({extract.periods[row['period_code']]})"
    for answer, which in (("level", "in_force"), ("pace", "next")):
        if extract.statuses[answer, row[f"{answer}_status"]].needs_attention:
            parts.append(say("workbook.summary.milestone", day=day(row[f"{which}_on"]),
                             targets="; ".join(row[f"{which}_as_written"]),
                             status=in_sentence(row[f"{answer}_label"])))  # fmt: skip
    return ". ".join(parts)


def _tell_task(row: Row, extract: Extract) -> str:
    days = row["days_overdue"]
    return say("workbook.summary.task", task=shorten(row["title"], _LONGEST, placeholder=" …"), place=printed_at(row),
               lead=row["lead_as_written"],
               status=say("workbook.summary.overdue", days=days) if days else row["task_label"])  # fmt: skip


def _tell_report(row: Row, extract: Extract) -> str:
    return say("workbook.summary.report_late" if row["days_late"] else "workbook.summary.report",
               agency=row["agency_name"], status=row["reporting_label"], day=day(row["due_on"]),
               days=row["days_late"])  # fmt: skip


# ---------------------------------------------------------------- the communes of the city side by side

_COMMUNE_WIDTH, _COUNT_WIDTH, _MOST_STATUSES = 26, 12, 11
_NONE_UNSEEN = "#,##0;-#,##0;"  # the chart's numbers are written as its cells are
_FEWEST_CHART_LINES = 8


def add_communes(sheet: Worksheet, extract: Extract) -> None:
    """For each answer a table, a line a commune and a column a status, and under it the same as stacked bars.

    Page breaks keep a table and its chart together in the programs that keep breaks where a sheet is fitted to width.
    """
    widths = (_COMMUNE_WIDTH, *[_COUNT_WIDTH] * (_MOST_STATUSES + 1))
    row = opening(sheet, say("workbook.communes.heading"), widths, extract)
    sheet.freeze_panes = sheet.cell(row, 2)
    sheet.print_title_rows = f"1:{row - 1}"
    room = _room(widths) - height(sheet, 1, row - 1)
    by_commune = counted_by_commune(extract)
    used = 0.0
    for number, one in enumerate(counted(extract)):
        if not one.items:
            continue
        end = _compared(sheet, row, one, [by_commune[code][number] for code in extract.communes], extract, widths)
        if used and used + height(sheet, row, end - 1) > room:
            sheet.row_breaks.append(Break(id=row - 1))
            used = 0.0
        used += height(sheet, row, end)
        row = end + 1


def _room(widths: Sequence[float]) -> float:
    """Points of rows on a landscape page that is as wide as these columns."""
    wide, high = 11.69 - 0.8, 8.27 - 1.2  # inches of A4 within the margins of office.workbook.page
    return high / wide * sum(7 * width + 5 for width in widths) * 0.75


def _compared(sheet: Worksheet, row: int, one: Counts, communes: Sequence[Counts], extract: Extract,
              widths: Sequence[float]) -> int:  # fmt: skip
    """Returns the row after the chart."""
    titled = [one.title, *(line.label for line in one.items), say("labels.total")]
    for column, text in enumerate(titled, 1):
        put(sheet.cell(row, column), text, bold=True, center=True, fill=HEAD_FILL, color="FFFFFF")
    sheet.row_dimensions[row].height = row_height(zip(titled, widths, strict=False), bold=True)
    head = row
    for name, of_commune in zip(extract.communes.values(), communes, strict=True):
        row += 1
        put(sheet.cell(row, 1), name)
        for column, line in enumerate(one.items, 2):
            count = of_commune.of(line.status)
            put(sheet.cell(row, column), count, center=True, number=_NONE_UNSEEN,
                fill=SEVERITY_FILLS[line.severity] if count else None)  # fmt: skip
        put(sheet.cell(row, len(one.items) + 2), of_commune.total, bold=True, center=True, number="#,##0")
        sheet.row_dimensions[row].height = _LINE
    lines = max(_FEWEST_CHART_LINES, len(communes) + 3)
    stacked(sheet, f"A{row + 1}", one.title, (1, head + 1, row), range(2, len(one.items) + 2),
            [line.severity for line in one.items], width=sum(widths), height=lines * _LINE)  # fmt: skip
    for number in range(row + 1, row + 1 + lines):
        sheet.row_dimensions[number].height = _LINE
    return row + 1 + lines
