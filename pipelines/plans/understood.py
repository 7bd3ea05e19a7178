"""What a target's figure and a task's deadline say, as the registry's columns: the reader's answer beside the typist's.

The reader answers or asks (vietnamese/). A person may overrule it and says why in 'reading_reason'. Which cell a fault
stands at is draft.py's question, what is wrong in the registry check.py's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.vietnamese import Target, parse_deadline, parse_target

# The understood columns by what is written; the first decides: where a person gives it, the others are as typed.
TARGET_COLUMNS = ("operator", "value", "value_high", "is_aspirational")
TASK_COLUMNS = ("recurrence", "due_on", "starts_on", "recurs_on", "earlier_due_on")


@dataclass(frozen=True)
class Reading:
    """The understood columns as the registry keeps them ('' for nothing), and the question where there is no answer."""

    columns: dict[str, str]
    question: str = ""


def target_reading(said: Target) -> Reading:
    return Reading(
        {
            "operator": said.operator,
            "value": "" if said.value is None else str(said.value),
            "value_high": "" if said.value_high is None else str(said.value_high),
            "is_aspirational": "true" if said.is_aspirational else "false",
        },
        said.question,
    )


def read_target(as_written: str) -> Reading | None:
    """None where the text sets no target ('-')."""
    said = parse_target(as_written)
    return target_reading(said) if said else None


def read_deadline(as_written: str, year: int | None) -> Reading:
    said = parse_deadline(as_written, year)
    days = {"due_on": said.due_on, "starts_on": said.starts_on}
    return Reading(
        {
            "recurrence": said.recurrence,
            **{name: day.isoformat() if day else "" for name, day in days.items()},
            "recurs_on": said.recurs_on,
            "earlier_due_on": "; ".join(day.isoformat() for day in said.earlier),
        },
        said.question,
    )


def plan_year(plan: Mapping[str, Any]) -> int | None:
    """The year meant by a deadline without one: that in the plan's id, else that of its date."""
    if found := re.search(r"-(20\d\d)(?:-\d)?$", plan.get("plan_id") or ""):
        return int(found[1])
    issued_on = plan.get("issued_on")
    return issued_on.year if issued_on else None


def agrees(name: str, given: str, columns: Mapping[str, str]) -> bool:
    """Whether a column as typed says what the reader understood; the first day of a yearly one may be added."""
    value = columns[name]
    if name == "due_on" and given and not value and columns["recurrence"] == "yearly":
        return given[5:] == columns["recurs_on"]
    if name in ("value", "value_high") and given and value:
        return Decimal(given) == Decimal(value)
    return given == value


def stands_in(value: str, sentence: str) -> bool:
    """Whether a text contains a figure, as Vietnamese offices write it."""
    return re.search(rf"(?<![\d,.])0*{re.escape(value.replace('.', ','))}(?![\d,.]\d)", sentence) is not None
