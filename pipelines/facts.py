"""What the rules look at: the facts of a file and of each of its lines.

A fact is one column of the frames validate.py hands to Great Expectations. It is None where no rule applies, so that a
rule needs no condition of its own. Which facts are wrong is data (sources/forms/rules.yml).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from pipelines.layout import address
from pipelines.periods import Period
from pipelines.registry import Registry
from pipelines.vietnamese import Number, clean, fold, format_number, parse_number

Row = dict[str, Any]
_LIMIT = Decimal(10) ** 14  # what DECIMAL(18, 4) holds

# ---------------------------------------------------------------- facts of a file


def file_facts(registry: Registry, receipt: Mapping[str, Any], reading: Mapping[str, Any]) -> Row:
    problem = reading["problem"]
    tables = reading.get("tables", [])
    stated = reading.get("identification", {})
    known_folder = receipt["commune_code"] is not None and receipt["agency_code"] is not None
    period_stated = stated.get("period_code", [""])[0]
    period = registry.periods.get(period_code(period_stated))
    missing = next((t for t in tables if t["missing"]), None)
    readable = not problem and bool(tables)

    def where(name: str) -> list[str | None]:
        return list(stated[name][1:]) if name in stated else [tables[0]["sheet"] if tables else None, None]

    received_on = datetime.fromisoformat(str(receipt["received_at"])).date()
    return {
        **receipt,
        "index": receipt["submission_id"],
        "reading_problem": problem,
        "reading_problem_text": registry.form["problems"].get(problem, problem),
        "has_known_sheet": bool(tables) if not problem else None,
        "sheets_found": ", ".join(reading.get("sheet_names", [])) or "không có",
        "folder_known": known_folder,
        "commune_stated": stated.get("commune_code", [""])[0],
        "commune_agrees": _agrees(stated, "commune_code", receipt) if readable and known_folder else None,
        "agency_stated": stated.get("agency_code", [""])[0],
        "agency_agrees": _agrees(stated, "agency_code", receipt) if readable and known_folder else None,
        "period_stated": period_stated,
        "period": period,
        "period_known": period is not None if readable else None,
        "period_has_begun": period.starts_on <= received_on if readable and period else None,
        "received_on": f"{received_on:%d/%m/%Y}",
        "missing_columns": ", ".join(missing["missing"]) if missing else "" if tables else None,
        "missing_sheet": missing["sheet"] if missing else "",
        "headers_found": ", ".join(missing["headers"]) if missing else "",
        "repeated_columns": ", ".join(h for t in tables for h in t["repeated"]) if tables else None,
        "cells": {
            "file": [None, None],
            "header": [tables[0]["sheet"], f"A{tables[0]['header_row']}"] if tables else [None, None],
            **{name: where(name) for name in ("commune_code", "agency_code", "period_code")},
        },
        "source_row": None,
    }


def _agrees(stated: Mapping[str, list[str]], name: str, receipt: Mapping[str, Any]) -> bool:
    """The identification block is trusted only where it agrees with the folder; a file that states none takes it."""
    return name not in stated or stated[name][0].casefold() == str(receipt[name]).casefold()


def period_code(text: str) -> str:
    """'2026-10' as typed or as Excel makes of it: a date cell 2026-10-01 is the month."""
    plain = clean(text).upper()
    return plain[:7] if len(plain) == 10 and plain[4] == plain[7] == "-" else plain


# ---------------------------------------------------------------- facts of a line


def line_facts(
    registry: Registry, file: Row, table: Mapping[str, Any], line: Mapping[str, Any], make: Callable[..., Row]
) -> Row:
    typed = line["typed"]
    facts: Row = {
        "index": f"{file['submission_id']}|{table['sheet']}|{line['row']}",
        "submission_id": file["submission_id"],
        "commune_code": file["commune_code"],
        "agency_code": file["agency_code"],
        "kind": table["kind"],
        "line_kind": line["kind"],
        "is_checked": line["kind"] in ("data", "unanswered"),
        "sheet": table["sheet"],
        "source_row": line["row"],
        # an absent cell is where its column meets the line
        "cells": {name: [table["sheet"], typed[name][0] if name in typed else address(line["row"], column)]
                  for name, column in table["columns"].items()},
    }  # fmt: skip
    if facts["is_checked"]:
        facts |= make(registry, file, line["kind"], typed)
    return facts


def _text(typed: Mapping[str, list[str]], name: str) -> str:
    return clean(typed[name][2]) if name in typed else ""


def _number(typed: Mapping[str, list[str]], name: str) -> Number:
    """The number in a cell: a number cell as it is, text in Vietnamese notation."""
    if name not in typed:
        return Number(None)
    _, kind, text = typed[name]
    if kind == "n":
        number = Number(Decimal(text))
    elif kind == "t":
        number = parse_number(text)
    else:
        number = Number(None, "not_a_number")
    if number.value is not None and abs(number.value) >= _LIMIT:
        return Number(None, "not_a_number")
    return number


def _kept(number: Number) -> Number:
    return number if number.value is None else replace(number, value=to_four_places(number.value))


def to_four_places(value: Decimal) -> Decimal:
    """A figure as DECIMAL(18, 4) keeps it."""
    return value.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


def _shown(typed: Mapping[str, list[str]], name: str) -> str:
    """What stands in the cell, as a Vietnamese reader sees it."""
    if name not in typed:
        return ""
    _, kind, text = typed[name]
    return format_number(Decimal(text), 4) if kind == "n" else clean(text)


def indicator_facts(registry: Registry, file: Row, line_kind: str, typed: Mapping[str, list[str]]) -> Row:
    code = _text(typed, "indicator_code").upper()
    indicator = registry.indicators.get(code)
    commune, agency, period = file["commune_code"], file["agency_code"], file["period"]
    kind = indicator["kind"] if indicator else "amount"
    own = indicator is not None and file["commune_agrees"] and file["agency_agrees"]
    facts: Row = {
        "indicator_code": code,
        "code_known": indicator is not None,
        "code_key": f"{file['submission_id']}|{code}" if indicator else None,
        "led_here": registry.indicator_duties.get((commune, code)) == agency if own else None,
        "note": _text(typed, "note"),
        "kind_text": {"ratio": "tỷ lệ", "amount": "số lượng", "yes_no": "Đạt/Chưa đạt", "text": "mô tả"}[kind],
        "due_but_empty": _due_but_empty(registry, indicator, period, line_kind),
    }
    for name in ("numerator", "denominator", "value"):
        facts[f"{name}_typed"] = _shown(typed, name)
    if line_kind == "unanswered":
        return facts
    if kind == "yes_no":
        return facts | _yes_no(registry, typed)
    if kind == "text":
        return facts | {"value_text": _text(typed, "value") or None, "value_problem": ""}
    return facts | _figures(kind, indicator["unit_of_measure"] if indicator else "", typed)


def _due_but_empty(registry: Registry, indicator: Row | None, period: Period | None, line_kind: str) -> bool | None:
    if indicator is None or period is None:
        return None
    return line_kind == "unanswered" and registry.is_asked(indicator["frequency"], period)


def _yes_no(registry: Registry, typed: Mapping[str, list[str]]) -> Row:
    answers = {fold(text): key for key, text in registry.form["answers"]["yes_no"].items()}
    text = _text(typed, "value")
    answer = answers.get(fold(text))
    return {"value": Decimal(answer) if answer else None,
            "value_problem": "" if answer or not text else "not_a_number"}  # fmt: skip


def _figures(kind: str, unit: str, typed: Mapping[str, list[str]]) -> Row:
    # to the places the warehouse keeps, so that a rate is always that of the parts stored beside it
    numbers = {name: _kept(_number(typed, name)) for name in ("numerator", "denominator", "value")}
    num, den, value = (numbers[name].value for name in ("numerator", "denominator", "value"))
    given = {name: number.value for name, number in numbers.items() if number.value is not None}
    ambiguous = next((name for name, number in numbers.items() if number.problem == "ambiguous"), None)
    ratio = kind == "ratio"
    complete = ratio and num is not None and den is not None
    computed = 100 * num / den if complete and num is not None and den else None
    sound = not any(number.problem for number in numbers.values())
    smallest = min(given, key=lambda name: given[name]) if given else None
    half = ratio and sound and (num is None) != (den is None)
    facts: Row = {
        **{f"{name}_problem": number.problem for name, number in numbers.items()},
        "numerator": num,
        "denominator": den,
        "value": computed if computed is not None else None if complete else value,
        "percent": value if unit == "%" else None,
        "ratio_numerator": num if complete and den else None,
        "ratio_denominator": den if complete and den else None,
        "half_ratio": half,
        "half_ratio_missing": ("mẫu số" if den is None else "tử số") if half else "",
        "half_ratio_cell": "denominator" if den is None else "numerator",
        "smallest_number": given[smallest] if smallest else None,
        "smallest_number_column": smallest,
        "result_gap": abs(value - computed) if computed is not None and value is not None else None,
        "computed_written": format_number(computed) if computed is not None else "",
        "part_of_nothing": complete and den == 0 and num != 0,
        "nothing_of_nothing": complete and den == 0 and num == 0,
        "bare_ratio": ratio and num is None and den is None and value is not None,
        "ambiguous_column": ambiguous,
    }
    if ambiguous:
        facts |= _ambiguity(_text(typed, ambiguous))
    return facts


def _ambiguity(text: str) -> Row:
    """'1,234' is 1.234 (a decimal comma) or 1234 (a thousands comma)."""
    plain = text.rstrip("% ")
    return {
        "ambiguous_typed": text,
        "ambiguous_small": f"{plain} (số thập phân)",
        "ambiguous_large": f"{plain.replace(',', '.')} (hàng nghìn)",
        "ambiguous_large_written": plain.replace(",", "."),
    }


def task_facts(registry: Registry, file: Row, line_kind: str, typed: Mapping[str, list[str]]) -> Row:
    task_id = _text(typed, "task_id")
    task = registry.tasks_by_id.get(task_id)
    own = task is not None and file["commune_agrees"] and file["agency_agrees"]
    duty = (file["commune_code"], task_id, file["agency_code"])
    facts: Row = {
        "task_id": task_id,
        "task_known": task is not None,
        "task_key": f"{file['submission_id']}|{task_id}" if task else None,
        "led_here": duty in registry.task_duty_set if own else None,
        "state_typed": _text(typed, "state"),
        "percent_typed": _shown(typed, "percent_done"),
        "date_typed": _text(typed, "document_date"),
        "document_number": _text(typed, "document_number") or None,
        "difficulty": _text(typed, "difficulty") or None,
    }
    if line_kind == "unanswered":
        return facts
    states = {fold(text): key for key, text in registry.form["answers"]["state"].items()}
    state = states.get(fold(facts["state_typed"]))
    percent = _number(typed, "percent_done")
    document_date, date_problem = _date(typed, "document_date")
    return facts | {
        "state": state,
        "state_known": state is not None,
        "percent_done": percent.value,
        "percent_problem": percent.problem,
        "document_date": document_date,
        "date_problem": date_problem,
        "done_without_document": state == "done" and not facts["document_number"],
        "full_but_not_done": percent.value == 100 and state is not None and state != "done",
    }


def _date(typed: Mapping[str, list[str]], name: str) -> tuple[date | None, str]:
    if name not in typed:
        return None, ""
    _, kind, text = typed[name]
    for pattern in ("%Y-%m-%d",) if kind == "d" else ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(clean(text), pattern).date(), ""
        except ValueError:
            continue
    return None, "not_a_date"
