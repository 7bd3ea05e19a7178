"""The lines of a form: what each says already, what its answer cells take, and what was reported last.

What a form says is data (sources/forms), who owes which line the registry, what was reported reported.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from textwrap import shorten
from typing import Any

from pipelines.agencies.reported import NOTHING, Figure, Report, Reported
from pipelines.files import Row, read_yaml
from pipelines.home import SOURCES
from pipelines.office.figures import day, in_words, measured
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import clean, format_number, in_sentence

_LONGEST_RESULT = 110  # letters of what another agency did, beside its part of a task
Answers = Mapping[str, Mapping[str, Any]]


@cache
def sentences() -> Row:
    """What the form says while it is filled in."""
    found: Row = read_yaml(SOURCES / "forms" / "sentences.yml")
    return found


@dataclass(frozen=True)
class Order:
    """What one workbook is made for; on: the day it is made, where that is known."""

    registry: Registry
    commune_code: str
    agency_code: str
    period: Period
    illustrative: bool = False
    reported: Reported = NOTHING
    on: date | None = None

    @property
    def form(self) -> Row:
        return self.registry.form

    def columns(self, layout: Row) -> list[Row]:
        """The columns of a sheet that this form has."""
        return [column for column in layout["columns"]
                if "until" not in column and column.get("only") in (None, self.period.kind)]  # fmt: skip

    @cached_property
    def milestones(self) -> dict[str, str]:
        """The milestone ahead of each indicator, as it is printed."""
        plans = {plan["plan_id"] for plan in self.registry.plans_of(self.commune_code, self.period.ends_on)}
        ahead: dict[str, list[Row]] = {}
        for target in self.registry.targets:
            is_asked = target["indicator_code"] and target["milestone_on"] and target["plan_id"] in plans
            if is_asked and _day(target["milestone_on"]) >= self.period.ends_on:
                ahead.setdefault(target["indicator_code"], []).append(target)
        return {code: _milestone(targets) for code, targets in ahead.items()}


def _day(value: str | date) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


@dataclass(frozen=True)
class Line:
    """One line of a table: its code, its texts by column, what each open answer cell takes, by column, what it is
    (sentences.yml, 'of'), what is known of it in formulas and sentences by name, and the answers filled in."""

    code: str
    texts: dict[str, str]
    takes: dict[str, str]
    traits: frozenset[str] = frozenset()
    facts: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)


def lines_of(order: Order) -> dict[str, list[Line]]:
    """The lines of both tables, by kind."""
    return {"indicator": list(_indicator_lines(order)), "task": list(_task_lines(order))}


# ---------------------------------------------------------------- indicators


def _indicator_lines(order: Order) -> Iterator[Line]:
    form, registry = order.form, order.registry
    [layout] = [one for one in form["sheets"] if one["kind"] == "indicator"]
    printed = {column["name"] for column in order.columns(layout)}
    prefilled = {"estimate": form["answers"]["estimate"][_expected(order)]} if "estimate" in printed else {}
    for indicator in registry.indicators_of(order.commune_code, order.agency_code, order.period.ends_on):
        kind, code = form["kinds"][indicator["kind"]], indicator["indicator_code"]
        names = (
            "indicator_name",
            "unit_of_measure",
            *(() if "how" in kind else ("numerator_name", "denominator_name")),
        )
        texts = {"indicator_code": code, **{name: indicator[name] for name in names}}
        texts |= {"how": kind["how"].format_map(indicator)} if "how" in kind else {}
        is_due = registry.is_asked(indicator["frequency"], order.period)
        texts["is_due"] = form["answers"]["is_due"]["due" if is_due else "optional"]
        last = order.reported.figures.get(code)
        texts["earlier"] = _earlier(order, indicator, last) if last else sentences()["earlier"]["no_figure"]
        texts["milestone"] = order.milestones.get(code, sentences()["milestone"]["none"])
        takes = {column: _taken(what, indicator, form) for column, what in kind["takes"].items() if column in printed}
        yield Line(code, texts, takes, _traits(order, indicator, takes, is_due, last),
                   _facts(order, indicator, last) if last else {}, prefilled)  # fmt: skip


def _expected(order: Order) -> str:
    """Whether a form of a year is filled in with what is expected of it: made, else due, before the year is over."""
    on = order.on or order.period.due_on
    return "estimate" if on is None or on <= order.period.ends_on else "final"


def _taken(what: str, indicator: Row, form: Row) -> str:
    """What the cell of this very indicator takes: money is measured rather than counted, a '%' stays within 100."""
    named = indicator["numerator_name"] + indicator["denominator_name"]
    if what == "count" and any(word in named for word in form["measured"]):
        return "measure"
    return "percent" if what == "amount" and indicator["unit_of_measure"] == "%" else what


def _traits(order: Order, indicator: Row, takes: dict[str, str], is_due: bool, last: Figure | None) -> frozenset[str]:
    is_number = indicator["kind"] in ("ratio", "amount")
    is_percent = is_number and indicator["unit_of_measure"] == "%"
    found = {
        indicator["kind"]: True,
        "number": is_number,
        "counted": takes.get("numerator") == "count",
        "percent": is_percent,
        "no_percent": is_number and not is_percent,
        "sum": indicator["accumulates"] == "within_year",
        "level": indicator["accumulates"] != "within_year",
        "due": is_due,
        "optional": not is_due,
        "same_year": last is not None and last.period.code[:4] == order.period.code[:4],
    }
    return frozenset(name for name, holds in found.items() if holds)


def _facts(order: Order, indicator: Row, last: Figure) -> Row:
    """The last report for formulas (numbers) and sentences (texts)."""
    facts: Row = {"earlier_period": in_sentence(last.period.label)}
    for name in ("numerator", "denominator", "value"):
        if (number := getattr(last, name)) is not None and indicator["kind"] in ("ratio", "amount"):
            facts |= {f"earlier_{name}": f"{number.normalize():f}", f"earlier_{name}_text": format_number(number)}
    if "earlier_value" in facts:
        facts["earlier_value_text"] = measured(last.value, indicator["unit_of_measure"])
    return facts


def _earlier(order: Order, indicator: Row, last: Figure) -> str:
    words = sentences()["earlier"]
    said = in_words({"value": last.value, "value_text": last.value_text}, indicator["kind"])
    shown = {
        "value": said or measured(last.value, indicator["unit_of_measure"]),
        "period": last.period.label + (words["estimate"] if last.is_estimate else ""),
    }
    if last.numerator is None or last.denominator is None or said:
        return str(words["amount"].format_map(shown))
    parts = {"numerator": format_number(last.numerator), "denominator": format_number(last.denominator)}
    return str(words["parts"].format_map(shown | parts))


def _milestone(targets: list[Row]) -> str:
    """The next milestone of an indicator: all that the plans set for it, each once."""
    words, first = sentences()["milestone"], min(_day(target["milestone_on"]) for target in targets)
    said: dict[str, list[str]] = {}
    for target in targets:
        if _day(target["milestone_on"]) == first:
            said.setdefault(target["scope"] or "", []).append(_target(target))
    shown = [words["or"].join(dict.fromkeys(some)) for some in said.values()]
    if len(said) > 1:
        shown = [words["scope"].format(scope=scope, target=text) if scope else text
                 for scope, text in zip(said, shown, strict=True)]  # fmt: skip
    return str(words["at"].format(targets="; ".join(shown), day=day(first)))


def _target(target: Row) -> str:
    words, unit = sentences()["milestone"], target["unit_of_measure"]
    if target["value"] is None or target["operator"] not in words["operators"]:
        return clean(target["as_written"])
    high = target["value_high"]
    shown = {"value": measured(high if high is not None else target["value"], unit),
             "low": format_number(target["value"])}  # fmt: skip
    text = str(words["operators"][target["operator"]].format_map(shown))
    return str(words["aspirational"].format(target=text)) if target["is_aspirational"] else text


# ---------------------------------------------------------------- tasks


def _task_lines(order: Order) -> Iterator[Line]:
    [layout] = [one for one in order.form["sheets"] if one["kind"] == "task"]
    takes = {column["name"]: column["takes"] for column in layout["columns"] if column.get("answer")}
    for task in order.registry.tasks_of(order.commune_code, order.agency_code, order.period.ends_on):
        last = order.reported.reports.get(task["task_id"])
        texts = {name: task[name] for name in ("task_id", "title", "deliverable")}
        texts["deadline"] = task["deadline_as_written"]
        texts["shared"] = _shared(order, task)
        texts["earlier"] = _report(order, last) if last else sentences()["earlier"]["no_report"]
        facts: Row = {}
        if last and last.percent_done is not None:
            facts = {"earlier_percent": f"{last.percent_done.normalize():f}",
                     "earlier_percent_text": format_number(last.percent_done)}  # fmt: skip
        yield Line(task["task_id"], texts, takes, frozenset({"known" if last else "first"}), facts)


def _report(order: Order, last: Report) -> str:
    words, percent = sentences()["earlier"], last.percent_done
    document = ", ".join(filter(None, (last.document_number, day(last.document_date) if last.document_date else None)))
    return str(words["task"].format(
        state=order.form["answers"]["state"][last.state],
        percent=words["percent"].format(percent=format_number(percent)) if percent is not None else "",
        period=last.period.label,
        document=words["document"].format(document=document) if document else "",
    ))  # fmt: skip


def _shared(order: Order, task: Row) -> str:
    """Of a task given to all agencies: to one of them that it reports on its part; to the one that sums up what the
    others said of theirs. Nothing of any other task."""
    words, registry, task_id = sentences()["shared"], order.registry, task["task_id"]
    asked = registry.parts_of(task_id, order.period.ends_on)
    names = {code: registry.agencies[code]["agency_name"] for code in asked}
    if not asked:
        return ""
    if order.agency_code in asked:
        return str(words["part"])
    said = {code: order.reported.parts[task_id, code] for code in asked if (task_id, code) in order.reported.parts}
    done = sum(report.state == "done" for report in said.values())
    alike: dict[tuple[str, str], list[str]] = {}
    results = []
    for code, report in said.items():
        percent = report.percent_done if report.state != "done" else None
        share = words["percent"].format(percent=format_number(percent)) if percent is not None else ""
        alike.setdefault((report.state, report.period.label), []).append(names[code] + share)
        if result := shorten(clean(report.result or ""), _LONGEST_RESULT, placeholder=" …"):
            results.append(words["result"].format(agency=names[code], result=result))
    states = order.form["answers"]["state"]
    lines = [words["whole"].format(reported=len(said), asked=len(asked), done=done)]
    lines += [words["said"].format(state=states[state], period=in_sentence(period), agencies="; ".join(some))
              for (state, period), some in alike.items()]  # fmt: skip
    if waiting := [name for code, name in names.items() if code not in said]:
        lines.append(words["waiting"].format(agencies="; ".join(waiting)))
    return "\n".join(lines + results)


# ---------------------------------------------------------------- answers


def fill_in(lines: dict[str, list[Line]], answers: Answers) -> None:
    """Put the answers into the lines they belong to. Raises ValueError for one that belongs to no answer cell."""
    places = {line.code: (kind, n) for kind, some in lines.items() for n, line in enumerate(some)}
    for code, given in answers.items():
        if code not in places:
            raise ValueError(f"an answer for '{code}', which is not a line of this workbook: {', '.join(places)}")
        kind, n = places[code]
        line = lines[kind][n]
        if unknown := given.keys() - line.takes:
            raise ValueError(f"answers for {', '.join(sorted(unknown))} of '{code}', whose answer cells are: "
                             f"{', '.join(line.takes)}")  # fmt: skip
        lines[kind][n] = Line(line.code, line.texts, line.takes, line.traits, line.facts, {**line.answers, **given})
