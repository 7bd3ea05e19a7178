"""The facts of a line that reports an indicator: its figures, how they fit together and what they can be.

A fact is None where no rule applies. Which facts are wrong is data (sources/forms/rules.yml).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from pipelines.checking.cell_texts import problems, texts_of
from pipelines.checking.duty import is_led
from pipelines.checking.figures import Figure, LineCells, Reads, Typed, cell_of, figure_of, rounds_to, shown, text_of
from pipelines.checking.lookup import Known
from pipelines.files import Row
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import fold, format_number, in_sentence

FIGURES = ("numerator", "denominator", "value")


def indicator_facts(known: Known, file: Row, line: LineCells) -> Row:
    registry, typed, code = known.registry, line.typed, line.code
    as_typed = text_of(typed, "indicator_code") or code
    indicator = registry.indicators.get(code)
    kind = indicator["kind"] if indicator else "amount"
    is_readable = typed.get("indicator_code", ["", "t"])[1] not in ("e", "f")
    facts: Row = {
        **problems(typed, ("indicator_code", "note")),
        **texts_of(typed, ("note",)),
        "indicator_code": code or as_typed,
        "code_missing": not as_typed,
        "code_known": bool(code) if as_typed and is_readable else None,
        "code_key": None,
        "other_places": "",
        "led_here": is_led(known, file, "indicator", line) if code and line.is_own else None,
        "kind_text": known.registry.form["found_words"]["kinds"][kind],
        "due_but_empty": _due_but_empty(registry, indicator, file["period"], line),
    }  # fmt: skip
    if line.kind == "unanswered":
        return facts
    facts |= _estimate(known, file, typed)
    if withdraws(known, typed):
        return facts | {"is_withdrawn": True}
    if kind in ("yes_no", "text"):
        answer = _yes_no(known, typed) if kind == "yes_no" else _described(typed)
        return facts | _unused(typed, ("numerator", "denominator")) | answer
    unit = indicator["unit_of_measure"] if indicator else ""
    return facts | _figures(registry.form, indicator, kind, unit, line)


def withdraws(known: Known, typed: Typed) -> bool:
    """Whether the line takes back what was sent before: no figure, and the word for it in the note or the result."""
    said = [name for name in (*FIGURES, "note") if cell_of(typed, name)]
    return said in (["note"], ["value"]) and fold(text_of(typed, said[0])) in known.answers["withdrawn"]


def _due_but_empty(registry: Registry, indicator: Row | None, period: Period | None, line: LineCells) -> bool | None:
    """A reason in the note replaces the missing figure."""
    if indicator is None or period is None:
        return None
    return (
        line.kind == "unanswered"
        and not cell_of(line.typed, "note")
        and registry.is_asked(indicator["frequency"], period)
    )


def came_before_year_end(registry: Registry, commune: str | None, period_code: str | None, on: date) -> bool:
    """Whether a report on a year came before the year was over: it says what is expected of the whole year."""
    if period_code is None or commune is None:
        return False
    period = registry.period_of(commune, period_code)
    return period.kind == "year" and on <= period.ends_on


def _estimate(known: Known, file: Row, typed: Typed) -> Row:
    """Whether the figure is what is expected of the whole year: as the line says, else by the day it came."""
    period, typed_text = file["period"], text_of(typed, "estimate")
    said = known.answers["estimate"].get(fold(typed_text)) if typed_text else None
    if period is None or period.kind != "year":
        return {"estimate_of_no_year": said == "estimate"}
    is_early = came_before_year_end(known.registry, file["commune_code"], period.code, file["received"])
    return {
        "is_estimate": said == "estimate" if said else is_early,
        "estimate_known": said is not None if typed_text else None,
        "final_too_early": said == "final" and is_early,
        "estimate_too_late": said == "estimate" and not is_early,
    }


def _yes_no(known: Known, typed: Typed) -> Row:
    cell = cell_of(typed, "value")
    text = shown(typed, "value") if cell else ""
    answer = known.answers["yes_no"].get(fold(text))
    problem = {"e": "error", "f": "formula"}.get(cell.kind, "" if answer else "not_a_number") if cell else ""
    return {"value": Decimal(answer) if answer else None, "value_problem": problem}


def _described(typed: Typed) -> Row:
    wrong, texts = problems(typed, ("value",)), texts_of(typed, ("value",))
    texts["value_text"] = texts.pop("value") if not wrong["value_problem"] else None
    return wrong | texts


def _unused(typed: Typed, names: tuple[str, ...]) -> Row:
    """Figures in cells the indicator has no use for."""
    return {f"{name}_unused": cell_of(typed, name) is not None for name in names}


def _figures(form: Row, indicator: Row | None, kind: str, unit: str, line: LineCells) -> Row:
    names, typed = FIGURES if kind == "ratio" or indicator is None else ("value",), line.typed
    is_counted = kind == "ratio" and indicator is not None and not _is_measured(form, indicator)
    highest = form["units"].get(unit, {}).get("high")
    of_value = Reads(unit in ("%", ""), False, None if highest is None else Decimal(highest), "value" in line.points)
    reads = {name: of_value if name == "value" else Reads(whole=is_counted, points=name in line.points)
             for name in names}  # fmt: skip
    figures = {name: figure_of(typed, name, reads[name]) for name in names}
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
    """A result compared with what its unit of measure allows."""
    span = form["units"].get(unit)
    if span is None or value is None:
        return {}
    words = form["found_words"]
    written = words["range"].format(low=format_number(span["low"]), high=format_number(span["high"]),
                                    unit=unit if unit == "%" else f" {unit}")  # fmt: skip
    name = words["rate" if unit == "%" else "result"]
    return {
        "value_number": None,
        "value_in_range": span["low"] <= value <= span["high"],
        "value_range": written,
        "value_name": name,
        "value_name_low": in_sentence(name),
    }


def _is_measured(form: Row, indicator: Row) -> bool:
    """Whether numerator and denominator are money and the like, which may have decimals."""
    named = indicator["numerator_name"] + indicator["denominator_name"]
    return any(word in named for word in form["measured"])


def _ratio(form: Row, indicator: Row, unit: str, figures: Mapping[str, Figure]) -> Row:
    num, den, value = (figures[name].value for name in FIGURES)
    is_complete = num is not None and den is not None
    computed = 100 * num / den if num is not None and den else None
    half = not any(figure.problem for figure in figures.values()) and (num is None) != (den is None)
    bare = num is None and den is None and value is not None
    agrees = rounds_to(computed, figures["value"]) if computed is not None else None
    # =G12/I12 beside its own parts
    is_fraction = computed is not None and agrees is False and rounds_to(computed / 100, figures["value"])
    return {
        "numerator": num,
        "denominator": den,
        "value": computed if computed is not None else None if is_complete else value,
        "ratio_numerator": num if is_complete and den else None,
        "ratio_denominator": den if is_complete and den else None,
        "half_ratio": half,
        "half_ratio_missing": form["found_words"]["denominator" if den is None else "numerator"] if half else "",
        "half_ratio_cell": "denominator" if den is None else "numerator",
        "result_agrees": agrees or is_fraction if agrees is not None else None,
        "result_is_fraction": is_fraction,
        "computed_written": format_number(computed) if computed is not None else "",
        "part_of_nothing": is_complete and den == 0 and num != 0,
        "nothing_of_nothing": is_complete and den == 0 and num == 0,
        "bare_ratio": bare,
        "may_be_a_fraction": value is not None and 0 < value <= 1 if bare and unit == "%" else None,
        **{f"{name}_is_whole_number": figure.value is None or figure.value == int(figure.value)
           for name, figure in figures.items() if name != "value" and not _is_measured(form, indicator)},
    }  # fmt: skip
