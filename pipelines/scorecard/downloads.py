"""The tables of the pages to take away: a workbook a page with a sheet a table, and each table of the city as CSV.

Figures are numbers, days are days. Which rows a workbook has is what its page shows; how it looks is office/. A CSV is
for programs, which want a table once and whole; it is packed, as most of its words are those of the line before.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.files import Row
from pipelines.office.figures import answers, in_words, parts_told, printed_at, sent
from pipelines.office.plain_tables import Sheet, write_tables
from pipelines.office.wording import say, wording
from pipelines.office.workbook import plain
from pipelines.scorecard.own_words import Own
from pipelines.vietnamese import slug

FOLDER = "data"
_AT = datetime(2000, 1, 1)  # the same bytes for the same rows, whenever they are written
_WIDTHS = {"indicator": 60, "task": 60, "agencies_waiting": 60, "message": 50, "fix": 50, "question": 50, "found": 20}
_BOM = "\ufeff"

Show = Callable[[Row], Any]
Columns = Sequence[
    tuple[str, str | Show]
]  # the name of its title, and what is in it: a column of the row, or made of it


class Table(NamedTuple):
    """A table of a page: its name, its columns and its rows."""

    name: str
    columns: Columns
    rows: Sequence[Row]
    titles: Sequence[str] = ()  # of the columns, where they are periods

    @property
    def title(self) -> str:
        return say(f"site.downloads.{self.name}")

    @property
    def heads(self) -> list[str]:
        return list(self.titles) or [say(f"labels.columns.{name}") for name, _ in self.columns]

    def values(self) -> Iterator[list[Any]]:
        shows: list[Show] = [itemgetter(show) if isinstance(show, str) else show for _, show in self.columns]
        for row in self.rows:
            yield [_shown(show(row)) for show in shows]

    def packed(self) -> bytes:
        """RFC 4180 in UTF-8 with a mark that Excel knows it by, in a ZIP without a time; no text runs as a formula."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(self.heads)
        writer.writerows(map(_in_csv, values) for values in self.values())
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w") as archive:
            archive.writestr(
                zipfile.ZipInfo(f"{self.name}.csv"), _BOM + text.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=6
            )
        return raw.getvalue()


class Download(NamedTuple):
    """The workbook of a page: its tables, by the page's name."""

    page: str
    tables: Sequence[Table]
    is_illustrative: bool
    own: Own  # how the place says it

    @property
    def workbook(self) -> str:
        return workbook_of(self.page)

    def digest(self, made_with: str) -> str:
        """sha256 of everything the workbook says, and of what it is made with."""
        said = repr([(table.name, list(table.values())) for table in self.tables])
        return hashlib.sha256(f"{made_with}{self.is_illustrative}{said}".encode()).hexdigest()

    def write(self, path: Path) -> None:
        """The workbook, a sheet a table."""
        shown = [table for table in self.tables if table.rows] or self.tables[:1]
        sheets = [
            Sheet(self.own(one.title), one.heads, [_WIDTHS.get(name, 16) for name, _ in one.columns], one.values())
            for one in shown
        ]
        write_tables(path, sheets, _AT, illustrative=self.is_illustrative)


def workbook_of(page: str) -> str:
    return f"{FOLDER}/{slug(page)}.xlsx"


def packed_of(table: str) -> str:
    """Where the table of the whole city is, as CSV."""
    return f"{FOLDER}/{table}.zip"


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(map(str, value))
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _in_csv(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


def _result(row: Row) -> Any:
    return row["value_text"] if row["value"] is None else row["value"]


# ---------------------------------------------------------------- the tables


def lines(rows: Sequence[Row], kinds: dict[str, Row]) -> Table:
    def result(row: Row) -> Any:
        words = in_words(row, kinds[row["indicator_code"]]["kind"]) if row["actual_id"] else None
        return row["value"] if words is None else words

    return Table("lines", (
        ("commune_name", "commune_name"), ("indicator_code", "indicator_code"), ("indicator", "indicator_name"),
        ("scope", "scope"), ("unit_of_measure", "unit_of_measure"), ("figure_period", "period_label"),
        ("numerator", "numerator"), ("denominator", "denominator"), ("result", result),
        ("in_force_milestone", "in_force_on"), ("target_in_force", "in_force_as_written"),
        ("level_label", lambda row: row.get("level_label")), ("next_milestone", "next_on"),
        ("target_next", "next_as_written"), ("expected_value", "expected_value"), ("pace", "pace"),
        ("pace_label", lambda row: row.get("pace_label")), ("forecast_at_next", "forecast_at_next"),
    ), rows)  # fmt: skip


def tasks(rows: Sequence[Row]) -> Table:
    return Table("tasks", (
        ("commune_name", "commune_name"), ("printed_at", printed_at), ("task", "title"),
        ("lead_as_written", "lead_as_written"), ("head_role", "head_role"), ("deliverable", "deliverable"),
        ("deadline_as_written", "deadline_as_written"), ("due_on", "due_on"), ("task_status", "task_label"),
        ("days_overdue", "days_overdue"), ("state", lambda row: answers()["state"].get(row["state"])),
        ("percent_done", "percent_done"), ("document", "document_number"), ("latest_period", "period_label"),
        ("difficulty", "difficulty"), ("parts_told", parts_told),
    ), rows)  # fmt: skip


def parts(rows: Sequence[Row]) -> Table:
    return Table("parts", (
        ("commune_name", "commune_name"), ("printed_at", printed_at), ("task", "title"), ("agency_name", "agency_name"),
        ("state", lambda row: answers()["state"].get(row["state"])), ("percent_done", "percent_done"),
        ("document", "document_number"), ("latest_period", "period_label"), ("task_result", "result"),
        ("difficulty", "difficulty"),
    ), rows)  # fmt: skip


def reports(rows: Sequence[Row]) -> Table:
    return Table("reports", (
        ("commune_name", "commune_name"), ("agency_name", "agency_name"), ("period_label", "period_label"),
        ("report_due_on", "due_on"), ("report_status", "reporting_label"), ("days_late", "days_late"),
        ("first_received_at", "first_received_at"), ("lines_accepted", "lines_accepted"),
        ("lines_rejected", "lines_rejected"),
    ), rows)  # fmt: skip


def yearly(rows: Sequence[Row]) -> Table:
    return Table("yearly", (
        ("commune_name", "commune_name"), ("period_label", "period_label"), ("report_due_on", "due_on"),
        ("agencies_reported", "agencies_reported"), ("agencies_asked", "agencies"),
        ("agencies_waiting", "waiting_names"), ("handed_over", "handed_over_at"),
    ), rows)  # fmt: skip


def outlook(rows: Sequence[Row]) -> Table:
    return Table("outlook", (
        ("commune_name", "commune_name"), ("indicator_code", "indicator_code"), ("indicator", "indicator_name"),
        ("scope", "scope"), ("result", "value"), ("unit_of_measure", "unit_of_measure"),
        ("figure_period", "period_label"), ("target_at_milestone", "as_written"), ("milestone_on", "milestone_on"),
        ("outlook", lambda row: wording("site.outlook.kinds")[row["outlook"]]),
        ("forecast_at_next", "forecast_at_next"), ("pace", "pace"),
    ), rows)  # fmt: skip


def city(rows: Sequence[Row]) -> Table:
    return Table("city", (
        ("indicator_code", "indicator_code"), ("indicator", "indicator_name"), ("unit_of_measure", "unit_of_measure"),
        ("figure_period", "period_label"), ("sum_of_numerators", "numerator"), ("sum_of_denominators", "denominator"),
        ("pooled_value", "value"), ("communes_reporting", "communes_reporting"),
        ("communes_in_rate", "communes_in_rate"), ("communes_in_city", "communes_in_city"),
        ("value_lowest", "value_lowest"), ("value_median", "value_median"), ("value_highest", "value_highest"),
    ), rows)  # fmt: skip


def held(rows: Sequence[Row]) -> Table:
    return Table("held", (
        ("commune_name", "commune_name"), ("indicator_or_task", "name"), ("agency_name", "agency_name"),
        ("period_label", "period_label"), ("held_value", sent), ("value_in_use", lambda row: sent(row, "old_")),
        ("question", "question"), ("waiting_since", "received_at"),
    ), rows)  # fmt: skip


def conflicts(rows: Sequence[Row]) -> Table:
    return Table("conflicts", (
        ("commune_name", "commune_name"), ("indicator_code", "indicator_code"), ("indicator", "indicator_name"),
        ("milestone_on", "milestone_on"), ("conflict_kind", lambda row: wording("site.conflicts.kinds")[row["kind"]]),
        ("first_given", "first_as_written"), ("first_place", lambda row: printed_at(row, "first_")),
        ("second_given", "second_as_written"), ("second_place", lambda row: printed_at(row, "second_")),
    ), rows)  # fmt: skip


def uncoded(rows: Sequence[Row]) -> Table:
    return Table("uncoded", (
        ("commune_name", "commune_name"), ("indicator", "target_name"), ("scope", "scope"),
        ("milestone_on", "milestone_on"), ("target_at_milestone", "as_written"), ("lead_as_written", "lead_as_written"),
        ("printed_at", printed_at),
    ), rows)  # fmt: skip


def above(rows: Sequence[Row], own: Own) -> Table:
    return Table("above", (
        ("indicator_code", "indicator_code"), ("indicator", "indicator_name"), ("unit_of_measure", "unit_of_measure"),
        ("figure_period", "period_label"), ("pooled_value", "value"),
        ("given_by", lambda row: own(wording("site.above.scopes")[row["milestone_scope"]])),
        ("in_force_milestone", "in_force_on"), ("target_in_force", "in_force_as_written"),
        ("level_label", "level_label"), ("next_milestone", "next_on"), ("target_next", "next_as_written"),
        ("expected_value", "expected_value"), ("pace", "pace"), ("pace_label", "pace_label"),
        ("forecast_at_next", "forecast_at_next"),
    ), rows)  # fmt: skip


def differences(rows: Sequence[Row], own: Own) -> Table:
    return Table("differences", (
        ("commune_name", "commune_name"), ("indicator_code", "indicator_code"), ("indicator", "indicator_name"),
        ("scope", "scope"), ("milestone_on", "milestone_on"), ("commune_gives", "as_written"),
        ("higher_gives", "higher_as_written"),
        ("given_by", lambda row: own(wording("site.above.scopes")[row["plan_scope"]])),
        ("difference", lambda row: wording("site.differences.kinds")[row["difference"]]),
    ), rows)  # fmt: skip


def rejections(rows: Sequence[Row]) -> Table:
    return Table("rejections", (
        ("received_at", "received_at"), ("commune_name", "commune_name"), ("agency_name", "agency_name"),
        ("period_label", "period_label"), ("sheet", "source_sheet"), ("cell", "source_cell"),
        ("finding_severity", lambda row: wording("labels.severities")[row["severity"]]), ("message", "message"),
        ("fix", "fix"), ("rule_code", "rule_code"),
    ), rows)  # fmt: skip


def series(rows: Sequence[Row]) -> Table:
    """A line a figure."""
    return Table("series", (
        ("commune_name", "commune_name"), ("indicator_code", "indicator_code"), ("scope", "scope"),
        ("period_label", "period_label"), ("numerator", "numerator"), ("denominator", "denominator"),
        ("result", _result),
    ), rows)  # fmt: skip


def by_period(lines: Sequence[Row], figures: Sequence[Row], periods: Sequence[Row]) -> Table:
    """The same with a column a period and a line a commune, as the page shows it."""
    found = {(row["commune_code"], row["scope"], row["period_code"]): _result(row) for row in figures}

    def at(code: str) -> Show:
        return lambda line: found.get((line["commune_code"], line["scope"], code))

    columns: list[tuple[str, str | Show]] = [("commune_name", "commune_name"), ("scope", "scope")]
    titles = [say(f"labels.columns.{name}") for name, _ in columns]
    columns += [(one["period_code"], at(one["period_code"])) for one in periods]
    return Table("series", columns, lines, titles + [one["label"] for one in periods])


def reconciled(rows: Sequence[Row]) -> Table:
    names = ("rows_read", "rows_accepted", "rows_unchanged", "rows_held", "rows_rejected", "rows_ignored",
             "rows_unaccounted")  # fmt: skip
    return Table(
        "reconciled", (("period_label", "period_label"), ("file", "files"), *zip(names, names, strict=True)), rows
    )


def late(rows: Sequence[Row]) -> Table:
    return Table("late", (
        ("commune_name", "commune_name"), ("agency_name", "agency_name"), ("period_label", "period_label"),
        ("received_at", "received_at"), ("locked_at", "locked_at"), ("entered_at", "entered_at"),
        ("good_lines", "good_lines"),
    ), rows)  # fmt: skip


_SHARES = (("score", "score"), ("share_met", "milestones_met"), ("share_on_track", "on_track"),
           ("share_tasks", "tasks_on_time"), ("share_reports", "reports_on_time"))  # fmt: skip


def standing(rows: Sequence[Row], *, in_country: bool) -> Table:
    over_all = (("country_rank", "country_rank"),) if in_country else ()
    return Table("standing", (("rank", "rank"), *over_all, ("commune_name", "commune_name"), *_SHARES), rows)


def country_ends(rows: Sequence[Row]) -> Table:
    names = (("country_rank", "country_rank"), ("commune_name", "commune_name"), ("city_name", "city_name"))
    return Table("country_ends", (*names, *_SHARES), rows)


def city_standing(rows: Sequence[Row]) -> Table:
    names = (("rank", "rank"), ("city_name", "city_name"), ("communes_with_plan", "communes_with_plan"),
             ("communes_in_city", "communes"))  # fmt: skip
    return Table("city_standing", (*names, *_SHARES), rows)


def city_first(rows: Sequence[Row]) -> Table:
    return Table("city_first", (
        ("city_name", "city_name"), ("indicator_code", "indicator_code"), ("indicator", "indicator_name"),
        ("unit_of_measure", "unit_of_measure"), ("figure_period", "period_label"), ("sum_of_numerators", "numerator"),
        ("sum_of_denominators", "denominator"), ("pooled_value", "value"), ("rank", "rank"),
        ("communes_reporting", "communes_reporting"), ("communes_in_rate", "communes_in_rate"),
        ("communes_in_city", "communes_in_city"),
    ), rows)  # fmt: skip


def city_reporting(rows: Sequence[Row]) -> Table:
    return Table("city_reporting", (
        ("city_name", "city_name"), ("communes_asked", "communes"), ("communes_complete", "complete"),
        ("communes_silent", "silent"), ("reports_asked", "reports"), ("reports_on_time", "on_time"),
        ("reports_late", "late"), ("reports_outstanding", "outstanding"),
    ), rows)  # fmt: skip


def heads(rows: Sequence[Row]) -> Table:
    return Table("heads", (
        ("commune_name", "commune_name"), ("head_role", "head_role"), ("agency_name", "agency_name"),
        ("task", "tasks"), ("done_on_time", "done_on_time"), ("done_late", "done_late"),
        ("without_proof", "done_without_proof"), ("overdue", "overdue"), ("not_reported", "report_owed"),
    ), rows)  # fmt: skip


def origins(rows: Sequence[Row]) -> Table:
    return Table("origins", (
        ("commune_name", "commune_name"), ("indicator_code", "indicator_code"), ("scope", "scope"), ("result", _result),
        ("agency_name", "agency_name"), ("period_label", "period_label"), ("file", "sha256"), ("sheet", "source_sheet"),
        ("cell", "source_cell"), ("received_at", "received_at"), ("replaced", "replaced_value"),
        ("rules_said", "rules"),
    ), rows)  # fmt: skip
