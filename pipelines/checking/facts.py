"""What the rules look at: the facts of a file and of each of its lines.

A fact is one column of the frames validate.py hands to Great Expectations. It is None where no rule applies, so that a
rule needs no condition of its own. Which facts are wrong is data (sources/forms/rules.yml). What a cell means is in
figures.py, what a name or code in lookup.py, who sends the file in identify.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.checking.figures import (
    LONGEST_TEXT,
    Figure,
    Typed,
    cell_of,
    day_of,
    figure_of,
    rounds_to,
    shown,
    text_of,
)
from pipelines.checking.identify import identify
from pipelines.checking.lookup import Known, loose
from pipelines.reading.sheet import address
from pipelines.registry.periods import Period, stated_period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import clean, code_key, fold, format_number

Row = dict[str, Any]
FIGURES = ("numerator", "denominator", "value")
# How long before a period closes, or is due, its report may come: a yearly one is made in November with what is
# expected of its last weeks (see models/core/dim_due.sql), any other before a weekend or holiday.
_EARLY, _ANY_EARLY = {"year": timedelta(days=30)}, timedelta(days=3)


# ---------------------------------------------------------------- facts of a file


def file_facts(known: Known, receipt: Mapping[str, Any], reading: Mapping[str, Any]) -> Row:
    registry, problem = known.registry, reading["problem"]
    tables = reading.get("tables", [])
    missing = [t for t in tables if t["missing"]]
    repeated = [t for t in tables if t["repeated"]]
    received_on = datetime.fromisoformat(str(receipt["received_at"])).date()
    who = identify(registry, known.names, receipt, reading)
    period = who["period"]

    def header(some: list[Row], cell: str) -> list[str | None]:
        return [some[0]["sheet"], some[0][cell]] if some else [tables[0]["sheet"] if tables else None, None]

    return {
        **receipt,
        **who,
        "index": receipt["submission_id"],
        "source_row": None,
        "reading_problem": problem,
        "reading_problem_text": registry.form["problems"].get(problem, problem),
        "has_known_sheet": bool(tables) if not problem else None,
        "sheets_found": _several(reading.get("sheet_names", [])) or "không có",
        "folder_known": receipt["commune_code"] is not None and receipt["agency_code"] is not None,
        "period_known": period is not None if tables else None,
        "period_has_begun": period.starts_on <= received_on if tables and period else None,
        **_when(known, receipt["commune_code"], period, received_on),
        "received": received_on,
        "received_on": f"{received_on:%d/%m/%Y}",
        "missing_columns": _several(h for t in missing for h in t["missing"]) if tables else None,
        "missing_where": "; ".join(
            f"trang “{t['sheet']}” thiếu cột bắt buộc {', '.join(t['missing'])} "
            f"(các cột tìm thấy: {_several(t['headers']) or 'không có'})" for t in missing),
        "repeated_columns": _several(h for t in repeated for h in t["repeated"]) if tables else None,
        "hidden_places": _hidden(registry, tables) if tables else None,
        "missing_lines": None,
        "cells": {
            **who["cells"],
            "file": [None, None],
            "header": header(missing or tables, "header_cell"),
            "repeated_header": header(repeated, "repeated_cell"),
        },
    }  # fmt: skip


def _several(texts: Any) -> str:
    """Texts as a list, the first forty of them."""
    some = list(texts)
    return ", ".join(some[:40]) + (f" … (tất cả {len(some)})" if len(some) > 40 else "")


def _when(known: Known, commune: str | None, period: Period | None, received_on: date) -> Row:
    """Whether the period is over, and one that is owed."""
    if period is not None and commune is not None:
        period = known.registry.period_of(commune, period.code)
    if period is None or commune is None or period.starts_on > received_on:
        return {"period_is_over": None, "period_is_owed": None, "period_ends_on": ""}
    closes = min(period.ends_on, period.due_on or period.ends_on) - _EARLY.get(period.kind, _ANY_EARLY)
    owed = period.owed_from is not None and period.starts_on >= period.owed_from
    return {
        "period_is_over": received_on >= closes,
        "period_is_owed": owed and period.ends_on >= known.reports_from.get(commune, period.ends_on),
        "period_ends_on": f"{period.ends_on:%d/%m/%Y}",
    }


def _hidden(registry: Registry, tables: list[Row]) -> str:
    """Hidden sheets and columns with figures in them."""
    headers = {(s["kind"], c["name"]): c["header"] for s in registry.form["sheets"] for c in s["columns"]}
    places = [f"trang “{t['sheet']}”" for t in tables if t["hidden_sheet"]]
    columns = [(table["sheet"], headers[table["kind"], name]) for table in tables for name in table["hidden_columns"]]
    return ", ".join([*places, *(f"cột “{header}” của trang “{sheet}”" for sheet, header in columns)])


# ---------------------------------------------------------------- facts of a line


class Line(dict[str, Any]):
    """The facts of a line. What only a finding says of it is worked out when asked for: <column>_typed as a reader
    sees the cell, <column>_thousands with points between thousands, and cells, the [sheet, cell] of each column."""

    def __init__(self, facts: Row, table: Mapping[str, Any], typed: Typed) -> None:
        super().__init__(facts)
        self._table, self._typed = table, typed

    def __missing__(self, name: str) -> Any:
        column, _, what = name.rpartition("_")
        if name == "cells":
            made: Any = self._cells()
        elif what == "typed":
            made = shown(self._typed, column)
        elif what == "thousands":
            made = shown(self._typed, column).rstrip("% ").replace(",", ".")
        else:
            raise KeyError(name)
        self[name] = made
        return made

    def _cells(self) -> dict[str, list[str]]:
        """An absent cell is where its column meets the line."""
        sheet, row, typed = self._table["sheet"], self["source_row"], self._typed
        return {name: [sheet, typed[name][0] if name in typed else address(row, column)]
                for name, column in self._table["columns"].items()}  # fmt: skip


def table_facts(known: Known, file: Row, table: Mapping[str, Any]) -> list[Row]:
    """The facts of every line of a table, in order."""
    make = indicator_facts if table["kind"] == "indicator" else task_facts
    odd = {what: {(row, name) for row, name in table[what]} for what in ("shared", "covered") if table[what]}
    hidden = set(table["hidden_rows"])
    of_all = {
        "submission_id": file["submission_id"],
        "commune_code": file["commune_code"],
        "agency_code": file["agency_code"],
        "period_label": file["period_label"],
        "kind": table["kind"],
        "sheet": table["sheet"],
    }
    begin = f"{file['submission_id']}|{table['sheet']}|"
    lines: list[Row] = []
    for line in table["lines"]:
        row, kind, typed = line["row"], line["kind"], line["typed"]
        is_checked = kind in ("data", "unanswered") and not table["missing"]
        facts = Line(of_all, table, typed)
        facts.update(
            index=f"{begin}{row}", line_kind=kind, is_checked=is_checked, source_row=row, is_hidden=row in hidden
        )
        if is_checked:
            facts |= _who(known, file, typed)
            facts |= make(known, file, facts["is_own"], kind, typed)
        for what, places in odd.items():
            facts |= {f"{name}_{what}": (row, name) in places for name in table["columns"]}
        lines.append(facts)
    return lines


def line_code(line: Row) -> str | None:
    """The indicator or task a line speaks of: as understood, else as typed (indicators in capitals); None for none."""
    name = "indicator_code" if line["kind"] == "indicator" else "task_id"
    said: str = (line.get(name) or line[f"{name}_typed"]).strip()
    return (said.upper() if line["kind"] == "indicator" else said) or None


def _who(known: Known, file: Row, typed: Typed) -> Row:
    """Whether a line says that it is another's: only where the file itself does not."""
    own = bool(file["commune_agrees"] and file["agency_agrees"])
    names = ("commune_code", "agency_code", "period_code")
    commune, agency, period = (clean(typed[name][2]) if cell_of(typed, name) else "" for name in names)
    facts = {
        "line_commune": commune,
        "line_agency": agency,
        "line_period": period,
        "line_commune_agrees": file["commune_code"] in known.names.communes(commune) if own and commune else None,
        "line_agency_agrees": file["agency_code"] in known.names.agencies(agency)[0] if own and agency else None,
        "line_period_agrees": None,
    }
    if period and file["period"] and file["period_is_one"]:
        facts["line_period_agrees"] = stated_period(period) == file["period"].code
    facts["is_own"] = own and facts["line_commune_agrees"] is not False and facts["line_agency_agrees"] is not False
    return facts


def _problems(typed: Typed, names: tuple[str, ...]) -> Row:
    """Errors and formulas never calculated in cells that hold text."""
    return {f"{name}_problem": _NO_TEXT.get(typed[name][1], "") if name in typed else None for name in names}


_NO_TEXT = {"e": "error", "f": "formula"}


def _texts(typed: Typed, names: tuple[str, ...]) -> Row:
    """Texts as they are kept, and whether they were cut."""
    facts: Row = {}
    for name in names:
        text = text_of(typed, name)
        facts[name] = text[:LONGEST_TEXT] or None
        facts[f"{name}_length"] = len(text)
        facts[f"{name}_is_whole"] = len(text) <= LONGEST_TEXT
    return facts


# ---------------------------------------------------------------- indicators


def indicator_facts(known: Known, file: Row, is_own: bool, line_kind: str, typed: Typed) -> Row:
    registry = known.registry
    as_typed = text_of(typed, "indicator_code")
    code = known.indicators.get(loose(as_typed), "")
    indicator = registry.indicators.get(code)
    kind = indicator["kind"] if indicator else "amount"
    is_readable = typed.get("indicator_code", ["", "t"])[1] not in ("e", "f")
    facts: Row = {
        **_problems(typed, ("indicator_code", "note")),
        **_texts(typed, ("note",)),
        "indicator_code": code or as_typed,
        "code_missing": not as_typed,
        "code_known": bool(code) if as_typed and is_readable else None,
        "code_key": None,
        "other_places": "",
        "led_here": _is_led(known, file, "indicator", code) if code and is_own else None,
        "kind_text": _KINDS[kind],
        "due_but_empty": _due_but_empty(registry, indicator, file["period"], line_kind),
    }  # fmt: skip
    if line_kind == "unanswered":
        return facts
    if _withdraws(known, typed):
        return facts | {"is_withdrawn": True}
    if kind in ("yes_no", "text"):
        answer = _yes_no(known, typed) if kind == "yes_no" else _described(typed)
        return facts | _unused(typed, ("numerator", "denominator")) | answer
    unit = indicator["unit_of_measure"] if indicator else ""
    return facts | _figures(registry.form, indicator, kind, unit, typed)


_KINDS = {"ratio": "tỷ lệ", "amount": "số lượng", "yes_no": "Đạt/Chưa đạt", "text": "mô tả"}


def _withdraws(known: Known, typed: Typed) -> bool:
    """Whether the line takes back what was sent before: no figure, and the word for it in the note or the result."""
    said = [name for name in (*FIGURES, "note") if cell_of(typed, name)]
    return said in (["note"], ["value"]) and fold(text_of(typed, said[0])) in known.answers["withdrawn"]


def _due_but_empty(registry: Registry, indicator: Row | None, period: Period | None, line_kind: str) -> bool | None:
    if indicator is None or period is None:
        return None
    return line_kind == "unanswered" and registry.is_asked(indicator["frequency"], period)


def _yes_no(known: Known, typed: Typed) -> Row:
    cell = cell_of(typed, "value")
    text = shown(typed, "value") if cell else ""
    answer = known.answers["yes_no"].get(fold(text))
    problem = {"e": "error", "f": "formula"}.get(cell.kind, "" if answer else "not_a_number") if cell else ""
    return {"value": Decimal(answer) if answer else None, "value_problem": problem}


def _described(typed: Typed) -> Row:
    problems, texts = _problems(typed, ("value",)), _texts(typed, ("value",))
    texts["value_text"] = texts.pop("value") if not problems["value_problem"] else None
    return problems | texts


def _unused(typed: Typed, names: tuple[str, ...]) -> Row:
    """Figures in cells the indicator has no use for."""
    return {f"{name}_unused": cell_of(typed, name) is not None for name in names}


def _figures(form: Row, indicator: Row | None, kind: str, unit: str, typed: Typed) -> Row:
    names = FIGURES if kind == "ratio" or indicator is None else ("value",)
    figures = {name: figure_of(typed, name, percent=name == "value" and unit in ("%", "")) for name in names}
    value = figures["value"].value
    facts: Row = {
        **{f"{name}_problem": figure.problem for name, figure in figures.items()},
        **{f"{name}_number": figure.value for name, figure in figures.items()},
        **(_unused(typed, ("numerator", "denominator")) if kind == "amount" and indicator is not None else {}),
        "value": value,
        **_in_range(form, unit, value),
    }
    return facts | _ratio(form, indicator, unit, figures) if kind == "ratio" and indicator else facts


def _in_range(form: Row, unit: str, value: Decimal | None) -> Row:
    """A result held against what its unit of measure can be."""
    span = form["units"].get(unit)
    if span is None or value is None:
        return {}
    written = f"từ {format_number(span['low'])} đến {format_number(span['high'])}{unit if unit == '%' else f' {unit}'}"
    return {
        "value_number": None,
        "value_in_range": span["low"] <= value <= span["high"],
        "value_range": written,
        "value_name": "Tỷ lệ" if unit == "%" else "Kết quả",
    }


def _ratio(form: Row, indicator: Row, unit: str, figures: Mapping[str, Figure]) -> Row:
    num, den, value = (figures[name].value for name in FIGURES)
    is_complete = num is not None and den is not None
    computed = 100 * num / den if num is not None and den else None
    half = not any(figure.problem for figure in figures.values()) and (num is None) != (den is None)
    bare = num is None and den is None and value is not None
    named = indicator["numerator_name"] + indicator["denominator_name"]
    is_measured = any(word in named for word in form["measured"])
    return {
        "numerator": num,
        "denominator": den,
        "value": computed if computed is not None else None if is_complete else value,
        "ratio_numerator": num if is_complete and den else None,
        "ratio_denominator": den if is_complete and den else None,
        "half_ratio": half,
        "half_ratio_missing": ("mẫu số" if den is None else "tử số") if half else "",
        "half_ratio_cell": "denominator" if den is None else "numerator",
        "result_agrees": rounds_to(computed, figures["value"]) if computed is not None else None,
        "computed_written": format_number(computed) if computed is not None else "",
        "part_of_nothing": is_complete and den == 0 and num != 0,
        "nothing_of_nothing": is_complete and den == 0 and num == 0,
        "bare_ratio": bare,
        "may_be_a_fraction": value is not None and 0 < value < 1 if bare and unit == "%" else None,
        **{f"{name}_is_whole_number": figure.value is None or figure.value == int(figure.value)
           for name, figure in figures.items() if name != "value" and not is_measured},
    }  # fmt: skip


def _is_led(known: Known, file: Row, kind: str, code: str) -> bool:
    """Whether the sender reports it for the period of the file: who led it on the period's last day."""
    on = _last_day(known.registry, file)
    return known.duties.holds(kind, file["commune_code"], code, file["agency_code"], on)


def _last_day(registry: Registry, file: Row) -> date | None:
    """The last day of the file's period by the commune's own calendar."""
    period = file["period"]
    return registry.period_of(file["commune_code"], period.code).ends_on if period else None


def _has_ended(registry: Registry, file: Row, task_id: str) -> bool:
    """Whether the plan's tasks were closed before the period's last day."""
    until = registry.plans[registry.tasks_by_id[task_id]["plan_id"]]["tasks_until"]
    on = _last_day(registry, file)
    return bool(until and on and until <= on)


# ---------------------------------------------------------------- tasks


def task_facts(known: Known, file: Row, is_own: bool, line_kind: str, typed: Typed) -> Row:
    registry = known.registry
    as_typed = text_of(typed, "task_id")
    task_id = known.tasks.get(code_key(as_typed), "")
    is_readable = typed.get("task_id", ["", "t"])[1] not in ("e", "f")
    has_ended = bool(task_id) and _has_ended(registry, file, task_id)
    texts = ("document_number", "difficulty")
    facts: Row = {
        **_problems(typed, ("task_id", "state", *texts)),
        **_texts(typed, texts),
        "task_id": task_id or as_typed,
        "code_missing": not as_typed,
        "task_known": bool(task_id) if as_typed and is_readable else None,
        "task_key": None,
        "other_places": "",
        "led_here": _is_led(known, file, "task", task_id) if task_id and is_own and not has_ended else None,
        "plan_has_ended": has_ended if task_id and is_own else None,
    }
    if line_kind == "unanswered":
        return facts
    state = known.answers["state"].get(fold(text_of(typed, "state")))
    percent = figure_of(typed, "percent_done", percent=True)
    day, day_problem = day_of(typed, "document_date")
    plan_day = known.plan_days[registry.tasks_by_id[task_id]["plan_id"]] if task_id else None
    done = percent.value
    return facts | {
        "state": state,
        "state_known": state is not None if not facts["state_problem"] else None,
        "percent_done": done,
        "percent_done_problem": percent.problem,
        "document_date": day,
        "document_date_problem": day_problem,
        "plan_day": f"{plan_day:%d/%m/%Y}" if plan_day else "",
        "date_after_plan": day >= plan_day if day and plan_day else None,
        "date_has_come": day <= file["received"] if day else None,
        "done_without_document": state == "done" and not facts["document_number"],
        "full_but_not_done": done == 100 and state is not None and state != "done",
        "done_but_not_full": state == "done" and done is not None and done < 100,
        "begun_but_not_started": state == "not_started" and done is not None and done > 0,
    }
