"""What the Word report says of indicators and tasks: counts, what is behind and by how much, what is missing, annexes.

How it looks is office/administrative_document.py; the report around these sections is report/report.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docx.document import Document

from pipelines.bundles.extract import CITY, Extract
from pipelines.bundles.report.charts import Bar, bars, stacked
from pipelines.bundles.report.wording import (
    NONE,
    agency,
    counted,
    distance,
    printed,
    result,
    targets,
    told,
)
from pipelines.files import Row
from pipelines.office.administrative_document import BLANK, annex, body, chart, heading, items, table
from pipelines.office.figures import dated, day, indicator, measured, parts_told, printed_at
from pipelines.office.statuses import Count, Counts, counts, is_behind
from pipelines.office.wording import say, titles, wording
from pipelines.vietnamese import clean, format_number, in_sentence

_FEWEST = 5  # things that a chart is worth

MOST = 300  # lines of a table that people read on paper; the rest is in the workbook
A_CHART = 30  # communes a chart has room for

# name of the title, width in millimetres, whether its values are centred
Columns = Sequence[tuple[str, float, bool]]


def indicators(document: Document, extract: Extract) -> None:
    """Part II."""
    progress = extract.tables["progress"].dicts()
    heading(document, 1, say("report.indicators.heading"))
    if not progress:
        targeted = extract.targeted
        if targeted or not extract.uncoded:
            body(document, say("report.indicators.none_asked", count=targeted) if targeted
                 else say("report.indicators.no_targets"))  # fmt: skip
        _without_code(document, extract)
        return
    heading(document, 2, say("report.indicators.overall"))
    _how_they_stand(document, progress, extract)
    if len(progress) >= _FEWEST:
        annexed = annex_names(extract).get("progress")
        where = say("report.in_annex", annex=annexed) if annexed else _in_workbook("progress", extract)
        body(document, say("report.indicators.one_by_one", where=where))
        heading(document, 2, say("report.indicators.behind"))
        _behind(document, [row for row in progress if is_behind(row, extract.statuses)], extract)
    else:
        heading(document, 2, say("report.indicators.each"))
        _compared(document, progress, extract)
    heading(document, 2, say("report.indicators.unanswered"))
    _unanswered(document, progress, extract)
    _without_code(document, extract)
    _budget(document, progress, extract)


def _how_they_stand(document: Document, progress: list[Row], extract: Extract) -> None:
    panels = []
    for answer, due in (("level", "in_force_on"), ("pace", "next_on")):
        rows = [row for row in progress if row[due]]
        if not rows:
            body(document, say(f"report.indicators.{answer}.none"))
            continue
        lines = counts("", say(f"labels.counted.{answer}.noun"), answer, rows, extract.statuses)
        if len(rows) == 1:
            body(document, say(f"report.indicators.{answer}.one", indicator=indicator(rows[0]),
                               status=in_sentence(lines.items[0].label)))  # fmt: skip
            continue
        body(document, say(f"report.indicators.{answer}.several", count=len(rows)), keep=True)
        _list(document, lines)
        panels.append((say(f"report.indicators.{answer}.title"), _bars(lines.best_first)))
    if len(progress) >= _FEWEST and panels:
        says = "; ".join(f"{title}: " + ", ".join(f"{b.label} {b.size}" for b in one) for title, one in panels)
        chart(document, say("report.indicators.chart"), bars(panels), says)
    if extract.scope == CITY:
        targeted = [row for row in progress if row["in_force_on"] or row["next_on"]]
        _by_commune(document, "level", targeted, say("report.indicators.by_commune"), extract)


def _list(document: Document, lines: Counts) -> None:
    items(document, [counted(one.label, one.n, lines.noun, lines.total) for one in lines.best_first])


def _bars(lines: Sequence[Count]) -> list[Bar]:
    return [Bar(one.label, one.n, one.severity) for one in lines]


def _by_commune(document: Document, answer: str, rows: list[Row], caption: str, extract: Extract) -> None:
    """A bar a commune, where more than one has lines; as many charts as they need."""
    parts = []
    for code, name in extract.communes.items():
        of_commune = [row for row in rows if row["commune_code"] == code]
        if of_commune:
            parts.append((name, _bars(counts("", "", answer, of_commune, extract.statuses).best_first)))
    charts = [parts[start : start + A_CHART] for start in range(0, len(parts), A_CHART)] if len(parts) > 1 else []
    for place, shown in enumerate(charts, 1):
        says = "; ".join(f"{name}: " + ", ".join(f"{b.label} {b.size}" for b in one) for name, one in shown)
        numbered = f"{caption} ({place}/{len(charts)})" if len(charts) > 1 else caption
        chart(document, numbered, stacked(shown), says)


def _behind(document: Document, rows: list[Row], extract: Extract) -> None:
    if not rows:
        body(document, say("report.indicators.none_behind"))
        return
    body(document, say("report.indicators.some_behind", count=len(rows)), keep=True)
    _compared(document, rows, extract)


def _compared(document: Document, rows: list[Row], extract: Extract) -> None:
    """Each figure against its milestone and its pace, the most serious first."""

    def gravity(row: Row) -> tuple[int, int]:
        pace, level = (extract.statuses[answer, row[f"{answer}_status"]] for answer in ("pace", "level"))
        return -pace.severity, -level.severity

    lines = [[str(place), _named(row, extract), _dated_result(row, extract), _against_level(row),
              _against_pace(row, extract)]
             for place, row in enumerate(sorted(rows, key=gravity)[:MOST], 1)]  # fmt: skip
    titled = titles("serial", "indicator", "result_of_period", "to_level", "to_pace")
    table(document, "", titled, (9, 45, 24, 40, 42), lines, centered=(0, 2), size=10.5)
    _rest(document, len(rows), "progress", extract)


def _in_workbook(table: str, extract: Extract) -> str:
    return say("report.in_workbook", sheet=say(f"labels.tables.{table}.title"), file=f"{extract.stem}.xlsx")


def _rest(document: Document, lines: int, table: str, extract: Extract) -> None:
    """Where the lines are that a table has no room for."""
    if lines > MOST:
        body(document, say("report.rest", shown=format_number(MOST), all=format_number(lines),
                           where=_in_workbook(table, extract)))  # fmt: skip


def _dated_result(row: Row, extract: Extract) -> str:
    return result(row, extract) + (f"\n({extract.periods[row['period_code']]})" if row["actual_id"] else "")


def _named(row: Row, extract: Extract) -> str:
    return f"{row['commune_name']}: {indicator(row)}" if extract.scope == CITY else indicator(row)


def _against_level(row: Row) -> str:
    if row["in_force_on"] is None:
        return row["level_label"] or NONE
    lines = [row["level_label"], _against(row, "in_force")]
    if row["level_status"] == "not_met":
        lines += _short_by(row, row["in_force_value"])
    return "\n".join(lines)


def _against_pace(row: Row, extract: Extract) -> str:
    if row["next_on"] is None:
        return row["pace_label"] or NONE
    lines = [row["pace_label"]]
    if extract.statuses["pace", row["pace_status"]].is_behind and row["expected_value"] is not None:
        lines.append(say("report.indicators.needed", value=measured(row["expected_value"], row["unit_of_measure"])))
        lines += _short_by(row, row["expected_value"])
    return "\n".join([*lines, _against(row, "next")])


def _against(row: Row, which: str) -> str:
    return say("report.indicators.milestone", day=day(row[f"{which}_on"]), targets=targets(row[f"{which}_as_written"]))


def _short_by(row: Row, wanted: Any) -> list[str]:
    short = distance(row["value"], wanted, row["unit_of_measure"])
    return [say("report.indicators.short_by", distance=short)] if short else []


def _unanswered(document: Document, progress: list[Row], extract: Extract) -> None:
    """No figure, and who owes it; not asked for yet; assessed by hand; no rate."""
    missing, by_hand, no_rate = [], [], []
    for row in progress:
        answers = (row["level_status"], row["pace_status"])
        if not row["actual_id"]:
            owner = extract.reporters.get((row["commune_code"], row["indicator_code"]))
            owes = agency({**row, "agency_name": owner}, extract)
            missing.append(say("report.indicators.no_figure", indicator=_named(row, extract), agency=owes))
        elif "by_hand" in answers:
            by_hand.append(say("report.indicators.by_hand", indicator=_named(row, extract), said=result(row, extract),
                               blank=BLANK))  # fmt: skip
        elif "no_rate" in answers:
            no_rate.append(say("report.indicators.no_rate", indicator=_named(row, extract)))
    not_asked = extract.targeted + extract.untargeted - len(progress)
    later = [say("report.indicators.later", count=not_asked)] if not_asked else []
    said = [*missing, *no_rate, *by_hand]
    items(document, [*said[:MOST], *later])
    _rest(document, len(said), "progress", extract)
    if not (missing or no_rate or by_hand or later):
        body(document, say("report.indicators.all_answered"))


def _at_day(target: Row) -> str:
    """'≥ 80% (31/12/2026)'; without the day where the plan names none."""
    text = clean(target["as_written"])
    return f"{text} ({day(target['milestone_on'])})" if target["milestone_on"] else text


def _without_code(document: Document, extract: Extract) -> None:
    """Targets whose indicator has no code yet: what the plan asks, and where."""
    if not extract.uncoded:
        return
    body(document, say("report.indicators.uncoded", count=len(extract.uncoded)), keep=True)
    lines = []
    for row in extract.uncoded[:MOST]:
        due = "; ".join(_at_day(one) for one in row["due"])
        named = _named({**row, "indicator_name": clean(row["target_name"])}, extract)
        lines.append(say("report.indicators.uncoded_line", indicator=named, due=due, place=printed_at(row)))
    items(document, lines)
    _rest(document, len(extract.uncoded), "progress", extract)


def _budget(document: Document, progress: list[Row], extract: Extract) -> None:
    """What was reported of the money spent."""
    asked = wording("report.indicators.budget.indicators")
    reported = [row for row in progress if row["indicator_code"] in asked and row["actual_id"]]
    if not reported:
        return
    heading(document, 2, say("report.indicators.budget.heading"))
    lines = []
    for row in reported:
        shown = {"indicator": _named(row, extract), "result": result(row, extract),
                 "period": in_sentence(extract.periods[row["period_code"]])}  # fmt: skip
        if row["numerator"] is None or row["denominator"] is None:
            lines.append(say("report.indicators.budget.line", **shown))
        else:
            parts = {name: format_number(row[name]) for name in ("numerator", "denominator")}
            lines.append(say("report.indicators.budget.of_parts", **shown, **parts))
    items(document, lines)


# ---------------------------------------------------------------- tasks


def tasks(document: Document, extract: Extract) -> None:
    """Part III."""
    rows = extract.tables["tasks"].dicts()
    heading(document, 1, say("report.tasks.heading"))
    if not rows:
        body(document, say("labels.tables.tasks.none"))
        return
    heading(document, 2, say("report.tasks.overall"))
    lines = counts(say("labels.counted.task.title"), say("labels.counted.task.noun"), "task", rows, extract.statuses)
    body(document, say("report.tasks.opening", day=day(extract.as_of_on), count=len(rows)), keep=True)
    _list(document, lines)
    if len(rows) >= _FEWEST and extract.scope != CITY:
        made = _bars(lines.best_first)
        says = ", ".join(f"{bar.label} {bar.size}" for bar in made)
        chart(document, say("report.tasks.chart"), bars([(lines.title, made)]), says)
    if extract.scope == CITY:
        _by_commune(document, "task", rows, say("report.tasks.by_commune"), extract)
    else:
        body(document, say("report.tasks.one_by_one", annex=annex_names(extract)["tasks"]))
    lists = wording("report.tasks.lists")
    listed = [status for status in lists if any(row["task_status"] == status for row in rows)]
    for place, status in enumerate(listed, 2):
        heading(document, 2, f"{place}. {lists[status]['title']}")
        _task_table(document, [row for row in rows if row["task_status"] == status], status, extract)
    if without := ", ".join(one["none"] for status, one in lists.items() if "none" in one and status not in listed):
        body(document, f"{without[0].upper()}{without[1:]}.")
    if reported := [row for row in rows if row["result"]]:
        heading(document, 2, say("report.tasks.results", place=len(listed) + 2))
        items(document, [told(row, "result", extract) for row in reported[:MOST]])
        _rest(document, len(reported), "tasks", extract)


def _task_table(document: Document, rows: list[Row], status: str, extract: Extract) -> None:
    late = status == "overdue"
    if late:
        rows = sorted(rows, key=lambda row: -row["days_overdue"])
    lines = [
        [str(place), _task_named(row, extract), printed(row["lead_as_written"]),
         printed(row["deadline_as_written"]), *([format_number(row["days_overdue"])] if late else [])]
        for place, row in enumerate(rows[:MOST], 1)
    ]  # fmt: skip
    titled = titles("serial", "task", "lead_as_written", "deadline_as_written", *(("days_overdue",) if late else ()))
    widths = (9, 74, 34, 25, 18) if late else (9, 86, 38, 27)
    table(document, "", titled, widths, lines, centered=(0, 3, 4))
    _rest(document, len(rows), "tasks", extract)


def _task_named(row: Row, extract: Extract) -> str:
    text = f"{clean(row['title'])} ({'; '.join(filter(None, (printed_at(row), parts_told(row))))})"
    return f"{row['commune_name']}: {text}" if extract.scope == CITY else text


# ---------------------------------------------------------------- annexes


def annex_names(extract: Extract) -> dict[str, str]:
    """The tables in an annex, and its name: few indicators are in the report itself."""
    names = ["progress"] if _FEWEST <= len(extract.tables["progress"].rows) <= MOST else []
    names += [name for name in (["city"] if extract.scope == CITY else ["tasks"]) if extract.tables[name].rows]
    word = say("report.annex")
    return {name: f"{word} {'I' * place}" if len(names) > 1 else word for place, name in enumerate(names, 1)}


def annexes(document: Document, extract: Extract, belongs_to: str) -> None:
    """All indicators; then the tasks of a commune, or the rates of the whole city."""
    for name, called in annex_names(extract).items():
        rows = extract.tables[name].dicts()
        if name == "progress":
            title, (columns, lines) = say("report.annexes.progress"), _indicator_lines(rows, extract)
        elif name == "tasks":
            title, (columns, lines) = say("report.annexes.tasks"), _task_lines(rows)
        else:
            title, (columns, lines) = say("labels.tables.city.heading"), _city_lines(rows, extract)
        annex(document, called, title, belongs_to)
        table(document, "", titles(*(name for name, _, _ in columns)), [width for _, width, _ in columns], lines,
              centered=[place for place, (_, _, middle) in enumerate(columns) if middle], size=10)  # fmt: skip


def _indicator_lines(progress: list[Row], extract: Extract) -> tuple[Columns, list[list[str]]]:
    is_city = extract.scope == CITY
    columns = [("serial", 10, True), *([("commune_name", 24, False)] if is_city else []),
               ("indicator_code_short", 18, True), ("indicator", 46 if is_city else 64, False), ("result", 26, True),
               ("figure_period", 18 if is_city else 22, True), ("in_force_milestone", 27 if is_city else 28, True),
               ("level_label_short", 22, True), ("next_milestone", 33 if is_city else 34, True),
               ("pace_label_short", 23, True)]  # fmt: skip
    lines = []
    for place, row in enumerate(progress, 1):
        lines.append([
            str(place), *([row["commune_name"]] if is_city else []), row["indicator_code"], indicator(row),
            result(row, extract), extract.periods[row["period_code"]] if row["actual_id"] else NONE,
            _milestone(row, "in_force"), row["level_label"], _milestone(row, "next"), row["pace_label"],
        ])  # fmt: skip
    return columns, lines


def _milestone(row: Row, which: str) -> str:
    return f"{day(row[f'{which}_on'])}\n{targets(row[f'{which}_as_written'])}" if row[f"{which}_on"] else NONE


def _task_lines(rows: list[Row]) -> tuple[Columns, list[list[str]]]:
    columns = [("serial", 10, True), ("printed_at", 24, False), ("task", 76, False),
               ("lead_as_written", 34, False), ("deadline_as_written", 24, True), ("task_status", 26, True),
               ("percent_done", 17, True), ("document", 36, False)]  # fmt: skip
    lines = []
    for place, row in enumerate(rows, 1):
        number, issued = clean(row["document_number"] or ""), row["document_date"] and day(row["document_date"])
        proof = say("labels.dated", day=issued) if issued and not number else dated(number, issued)
        done: Any = row["percent_done"]
        lines.append([
            str(place), printed_at(row), "\n".join(filter(None, (clean(row["title"]), parts_told(row)))),
            printed(row["lead_as_written"]),
            printed(row["deadline_as_written"]), row["task_label"], NONE if done is None else format_number(done),
            proof or NONE,
        ])  # fmt: skip
    return columns, lines


def _city_lines(city: list[Row], extract: Extract) -> tuple[Columns, list[list[str]]]:
    """The newest line of each indicator."""
    columns = [("serial", 10, True), ("indicator_code_short", 17, True), ("indicator", 76, False),
               ("figure_period", 24, True), ("numerator", 20, True), ("denominator", 20, True),
               ("pooled_value", 24, True), ("lowest_to_highest", 30, True), ("communes_covered", 26, True)]  # fmt: skip
    newest = {row["indicator_code"]: row for row in city}
    lines = []
    for place, row in enumerate(newest.values(), 1):
        unit = row["unit_of_measure"]
        spread = [measured(row[which], unit) for which in ("value_lowest", "value_highest")]
        if extract.kinds[row["indicator_code"]] == "yes_no":
            spread = [NONE]
        covered = row["communes_reporting"] if row["denominator"] is None else row["communes_in_rate"]
        lines.append([
            str(place), row["indicator_code"], row["indicator_name"], row["period_label"],
            measured(row["numerator"], ""), measured(row["denominator"], ""), measured(row["value"], unit),
            " – ".join(dict.fromkeys(spread)), f"{covered}/{row['communes_in_city']}",
        ])  # fmt: skip
    return columns, lines
