"""The tables of an extract's workbook, one sheet each: indicators against every milestone, tasks, reporting, findings.

What a table of the extract holds is extract.py; the page for leaders is workbook/summary.py, the words on method are
workbook/method.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from openpyxl import Workbook

from pipelines.bundles.extract import CITY, Extract
from pipelines.bundles.workbook.sheet import Column, column, severity_of, table
from pipelines.files import Row
from pipelines.office.colours import FINDINGS
from pipelines.office.figures import cited, dated, day, in_words, indicator, parts_told, printed_at
from pipelines.office.wording import say, wording
from pipelines.office.workbook import FINDING_WORDS

_YEAR_END = (12, 31)


class _Sheet(NamedTuple):
    name: str  # that of its wording
    columns: Callable[[Extract], list[Column]]
    rows: Callable[[Extract], list[Row]]
    frozen: str  # the last column that stays in sight


def add_tables(book: Workbook, extract: Extract) -> None:
    """One sheet a table; what is gathered over communes only where there are several."""
    for one in _SHEETS:
        if one.name == "city" and extract.scope != CITY:
            continue
        columns = one.columns(extract)
        frozen = [column.title for column in columns].index(say(f"labels.columns.{one.frozen}")) + 1
        sheet = book.create_sheet(say(f"labels.tables.{one.name}.title"))
        table(sheet, say(f"labels.tables.{one.name}.heading"), columns, one.rows(extract), extract,
              none=say(f"labels.tables.{one.name}.none"), frozen=frozen)  # fmt: skip


def _commune(extract: Extract) -> list[Column]:
    return [column("commune_name", 16)] if extract.scope == CITY else []


def _rows(name: str) -> Callable[[Extract], list[Row]]:
    return lambda extract: extract.tables[name].dicts()


# ---------------------------------------------------------------- indicators against every milestone


def milestone_years(extract: Extract) -> list[int]:
    """The years in which a target of the extract is due."""
    return sorted({row["milestone_on"].year for row in extract.tables["milestones"].dicts()
                   if row["is_in_force"] and row["milestone_on"]})  # fmt: skip


def _has_undated(extract: Extract) -> bool:
    """Whether a target of the extract names no day."""
    return any(row["is_in_force"] and not row["milestone_on"] for row in extract.tables["milestones"].dicts())


def _year(target: Row) -> int | None:
    return target["milestone_on"].year if target["milestone_on"] else None


def _progress_rows(extract: Extract) -> list[Row]:
    """A line for each indicator with a figure, or asked for, or only with a target; with its targets under 'due'. Of a
    commune those without a code come last."""
    table = extract.tables["progress"]
    lines: dict[tuple[str, str, str], Row] = {
        (row["commune_code"], row["indicator_code"], row["scope"]): {**row, "due": {}} for row in table.dicts()
    }
    unasked = dict.fromkeys(table.columns)
    for target in extract.tables["milestones"].dicts():
        if target["is_in_force"] and target["indicator_code"]:
            key = (target["commune_code"], target["indicator_code"], target["scope"])
            line = lines.setdefault(key, {**unasked, **{name: target[name] for name in _NAMED}, "due": {}})
            line["due"].setdefault(_year(target), []).append(target)
    found = [lines[key] for key in sorted(lines)]
    for target in extract.uncoded:
        due: dict[int | None, list[Row]] = {}
        for row in target["due"]:
            due.setdefault(_year(row), []).append(row)
        named = {name: target[name] for name in _NAMED} | {"indicator_name": target["target_name"]}
        found.append({**unasked, **named, "due": due})
    return sorted(found, key=lambda line: line["commune_code"])


_NAMED = ("commune_code", "commune_name", "indicator_code", "indicator_name", "scope", "unit_of_measure")


def _due(year: int | None) -> Column:
    """The targets of a year as written, a day other than its last named, and the indicator's status against them. None:
    those that name no day."""

    def show(row: Row, extract: Extract) -> str | None:
        texts = []
        for target in row["due"].get(year, ()):
            on = target["milestone_on"]
            is_plain = on is None or (on.month, on.day) == _YEAR_END
            texts.append(target["as_written"] + ("" if is_plain else f" ({day(on)})"))
        texts += [target["status_label"] for target in row["due"].get(year, ()) if target["status_label"]]
        return "\n".join(dict.fromkeys(texts)) or None

    def grave(row: Row, extract: Extract) -> int | None:
        found = [extract.statuses[target["answer"], target["status"]].severity
                 for target in row["due"].get(year, ()) if target["status"]]  # fmt: skip
        return max(found, default=None)

    title = say("labels.columns.milestone_of_year", year=year) if year else say("labels.columns.no_milestone")
    return Column(title, 13, show, grave, center=True)


def _period(row: Row, extract: Extract) -> str | None:
    return extract.periods.get(row["period_code"])


def _figure_period(row: Row, extract: Extract) -> str | None:
    if row["period_code"] is None:
        return say("labels.not_asked_yet")
    return _period(row, extract) if row["actual_id"] else say("labels.no_figure")


def _result(row: Row, extract: Extract) -> Any:
    words = in_words(row, extract.kinds[row["indicator_code"]]) if row["actual_id"] else None
    return row["value"] if words is None else words


def _measured(name: str) -> Callable[[Row, Extract], Any]:
    """A figure of the pace; of a yes or no there is none to show."""
    return lambda row, extract: None if extract.kinds.get(row["indicator_code"]) == "yes_no" else row[name]


def _progress(extract: Extract) -> list[Column]:
    return [
        *_commune(extract),
        column("indicator_code", 9, lambda row, extract: row["indicator_code"] or say("labels.no_code"), center=True),
        column("indicator", 36, lambda row, extract: indicator(row)),
        column("unit_of_measure", 7, center=True),
        column("figure_period", 10, _figure_period, center=True),
        column("numerator", 9),
        column("denominator", 9),
        column("result", 11, _result),
        *(_due(year) for year in milestone_years(extract)),
        *([_due(None)] if _has_undated(extract) else []),
        column("level_label", 13, grave=severity_of("level"), center=True),
        column("expected_value", 9, _measured("expected_value")),
        column("pace", 9, _measured("pace"), number="0%"),
        column("pace_label", 13, grave=severity_of("pace"), center=True),
    ]


# ---------------------------------------------------------------- the city's rates


def _city_rows(extract: Extract) -> list[Row]:
    """The newest period of each indicator."""
    newest = {(row["city_code"], row["indicator_code"]): row for row in extract.tables["city"].dicts()}
    return list(newest.values())


def _city_milestone(which: str) -> Callable[[Row, Extract], str | None]:
    """A milestone of a plan above the communes: its targets as written, and its day."""
    return lambda row, extract: (
        row[f"{which}_on"] and "\n".join([*row[f"{which}_as_written"], f"({day(row[f'{which}_on'])})"])
    )


def _city_judged(extract: Extract) -> list[Column]:
    """The city's rate against milestones, where a plan above the communes sets any."""
    if not any(row["milestone_scope"] for row in extract.tables["city"].dicts()):
        return []
    return [
        column("in_force_milestone", 13, _city_milestone("in_force"), center=True),
        column("level_label", 13, grave=severity_of("level"), center=True),
        column("next_milestone", 13, _city_milestone("next"), center=True),
        column("pace_label", 13, grave=severity_of("pace"), center=True),
    ]


def _city(extract: Extract) -> list[Column]:
    return [
        column("indicator_code", 9, center=True),
        column("indicator", 50, "indicator_name"),
        column("unit_of_measure", 8, center=True),
        column("figure_period", 14, "period_label", center=True),
        column("sum_of_numerators", 12, "numerator"),
        column("sum_of_denominators", 12, "denominator"),
        column("pooled_value", 10, "value"),
        column("communes_reporting", 9),
        column("communes_in_rate", 9),
        column("communes_in_city", 9),
        column("value_lowest", 9),
        column("value_median", 9),
        column("value_highest", 9),
        *_city_judged(extract),
    ]


# ---------------------------------------------------------------- tasks and reporting


def _state(row: Row, extract: Extract) -> str | None:
    return extract.answers["state"].get(row["state"])


def _document(row: Row, extract: Extract) -> str | None:
    return dated(row["document_number"], row["document_date"] and day(row["document_date"])) or None


def _tasks(extract: Extract) -> list[Column]:
    return [
        *_commune(extract),
        column("printed_at", 12, lambda row, extract: printed_at(row)),
        column("task", 54, "title"),
        column("lead_as_written", 16),
        column("deliverable", 18),
        column("deadline_as_written", 12),
        column("due_on", 11, center=True),
        column("task_status", 13, "task_label", severity_of("task"), center=True),
        column("days_overdue", 8),
        column("state", 12, _state, center=True),
        column("percent_done", 9),
        column("document", 14, _document),
        column("latest_period", 10, _period, center=True),
        column("task_result", 20, "result"),
        column("difficulty", 17),
        column("proposal", 17),
        *_parts(extract),
    ]


def _parts(extract: Extract) -> list[Column]:
    """How many agencies reported on their parts, where a task is given to all of them."""
    is_shared = any(row["agencies_asked"] for row in extract.tables["tasks"].dicts())
    return [column("parts_told", 14, lambda row, extract: parts_told(row) or None)] if is_shared else []


def _reporting(extract: Extract) -> list[Column]:
    return [
        column("period_label", 14, center=True),
        *_commune(extract),
        column("agency_name", 44),
        column("report_due_on", 12, "due_on", center=True),
        column("task_status", 19, "reporting_label", severity_of("reporting"), center=True),
        column("days_late", 9, lambda row, extract: row["days_late"] or None),
        column("first_received_at", 16, center=True),
        column("last_received_at", 16, center=True),
        column("submissions", 9),
        column("lines_accepted", 10),
        column("lines_rejected", 10),
    ]


# ---------------------------------------------------------------- what was refused, what contradicts itself


def _where(row: Row, extract: Extract) -> str:
    """'Chỉ tiêu, ô J16'; of a finding about the file itself, that."""
    cell = (say("labels.cell", cell=row["source_cell"]) if row["source_cell"] else
            say("labels.row", row=row["source_row"]) if row["source_row"] else None)  # fmt: skip
    return ", ".join(part for part in (row["source_sheet"], cell) if part) or say("labels.whole_file")


def _rejections(extract: Extract) -> list[Column]:
    return [
        *_commune(extract),
        column("agency_name", 21),
        column("period_label", 11, lambda row, extract: row["period_label"] or say("labels.unknown"), center=True),
        column("received_at", 16, center=True),
        column("file", 21, "original_name"),
        column("place_in_file", 13, _where),
        column("finding_severity", 8, lambda row, extract: FINDING_WORDS[row["severity"]],
               lambda row, extract: FINDINGS[row["severity"]], center=True),
        column("found", 17),
        column("message", 35),
        column("fix", 35),
        column("rule_code", 8, center=True),
    ]  # fmt: skip


def _conflict_rows(extract: Extract) -> list[Row]:
    """Each pair with both of its targets as the plan has them."""
    targets = {row["target_id"]: row for row in extract.tables["milestones"].dicts()}
    return [
        {**row, "first": targets[row["first_target_id"]], "second": targets[row["second_target_id"]]}
        for row in extract.tables["conflicts"].dicts()
    ]


def _of(which: str, show: Callable[[Row], Any]) -> Callable[[Row, Extract], Any]:
    return lambda row, extract: show(row[which])


def _documents(row: Row, extract: Extract) -> str:
    """'Kế hoạch số 110/KH-UBND ngày 25/03/2026 của Ủy ban nhân dân …', as far as the document says."""
    return "\n".join(
        cited(say("labels.kinds.KH"), plan["document_number"], plan["issued_on"] and day(plan["issued_on"]),
              plan["issuer"])
        for plan in extract.tables["plans"].dicts() if plan["plan_id"] in (row["plan_id"], row["second_plan_id"])
    )  # fmt: skip


def _conflicts(extract: Extract) -> list[Column]:
    sides = [
        Column(say(f"workbook.conflicts.{name}", which=word), width, _of(which, show), center=center)
        for which, word in wording("workbook.conflicts.which").items()
        for name, width, show, center in (("as_written", 14, lambda target: target["as_written"], True),
                                          ("place", 12, printed_at, True),
                                          ("name", 25, lambda target: target["target_name"], False),
                                          ("lead", 14, lambda target: target["lead_agency_name"], False))
    ]  # fmt: skip
    return [
        *_commune(extract),
        column("indicator_code", 9, center=True),
        column("indicator", 26, "indicator_name"),
        column("milestone_on", 11, center=True),
        *sides,
        column("plan_document", 20, _documents),
    ]


_SHEETS = (
    _Sheet("progress", _progress, _progress_rows, "indicator"),
    _Sheet("city", _city, _city_rows, "indicator"),
    _Sheet("tasks", _tasks, _rows("tasks"), "task"),
    _Sheet("reporting", _reporting, _rows("reporting"), "agency_name"),
    _Sheet("rejections", _rejections, _rows("rejections"), "agency_name"),
    _Sheet("conflicts", _conflicts, _conflict_rows, "indicator"),
)
