"""Reporting periods: their codes, bounds and names, in calendar months or by administrative reporting.

Which periods are owed and when they are due is data (sources/reference/periods.yml).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

from pipelines.files import read_yaml
from pipelines.home import SOURCES
from pipelines.vietnamese import month_end
from pipelines.vietnamese.period_names import PERIOD


@dataclass(frozen=True)
class Period:
    """A reporting period: code '2026-10', kind, first and last day, and the day its figures are due (or None).

    due_days: days from the period's last to the day it is due; grace_days: days after that on which it still counts as
    on time. None where the period is not owed.
    """

    code: str
    kind: str
    starts_on: date
    ends_on: date
    due_on: date | None
    due_days: int | None
    grace_days: int | None
    owed_from: date | None
    label: str


def period_bounds(code: str, closes_on_day: int | None = None) -> tuple[str, date, date]:
    """Kind, first and last day of a period code.

    closes_on_day None: calendar months. 14: administrative reporting, where a period runs from the 15th before its
    first month to the 14th of its last (Nghị định 09/2019/NĐ-CP, Điều 12). Raises ValueError for what is no code.
    """
    found = PERIOD.fullmatch(code)
    if not found:
        raise ValueError(f"'{code}' is not a period: write 2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026")
    year, part = int(found["year"]), found["part"] or ""
    if part.isdigit():
        kind, first, last = "month", int(part), int(part)
        if not 1 <= first <= 12:
            raise ValueError(f"'{code}': there is no month {part}")
    elif part.startswith("Q"):
        kind, first, last = "quarter", 3 * int(part[1]) - 2, 3 * int(part[1])
    elif part.startswith("H"):
        kind, first, last = "half", 6 * int(part[1]) - 5, 6 * int(part[1])
    elif part == "9M":
        kind, first, last = "nine_months", 1, 9
    else:
        kind, first, last = "year", 1, 12
    if closes_on_day is None:
        return kind, date(year, first, 1), month_end(year, last)
    before = date(year, first, 1) - timedelta(days=1)
    return kind, date(before.year, before.month, closes_on_day + 1), date(year, last, closes_on_day)


RHYTHMS = ("month", "quarter", "half", "year")  # in which a plan may have its agencies report


def in_rhythm(period: Period, calendar: Mapping[str, Period], rhythm: str | None) -> Period:
    """The period as it is owed by a plan with a rhythm of its own: that of another kind is not; a quarter or half year
    is due as the month that closes with it. The yearly report is owed in any rhythm."""
    if rhythm is None or (period.kind == rhythm and period.due_days is not None) or period.kind == "year":
        return period
    if period.kind != rhythm:
        return replace(period, due_on=None, due_days=None, grace_days=None, owed_from=None)
    month = next(one for one in calendar.values() if one.kind == "month" and one.ends_on == period.ends_on)
    return replace(period, due_on=month.due_on, due_days=month.due_days, grace_days=month.grace_days,
                   owed_from=month.owed_from)  # fmt: skip


@cache
def _config() -> Any:
    return read_yaml(SOURCES / "reference" / "periods.yml")


def period_label(code: str) -> str:
    """What officers call a period: '2026-10' is 'Tháng 10/2026', '2026-Q4' is 'Quý IV/2026'."""
    year, _, part = code.partition("-")
    label: str = _config()["labels"][period_bounds(code)[0]]
    return label.format(year=year, part=_config()["parts"].get(part, part))


def make_periods(config: Mapping[str, Any], reporting: Mapping[str, Any], calendar: str) -> dict[str, Period]:
    """Every period of the years in periods.yml by a calendar of it; due only for the kinds that the form is owed for.

    reporting: what periods.yml says of the form. Raises ValueError for a calendar that periods.yml does not name.
    """
    if calendar not in config["calendars"]:
        raise ValueError(f"no calendar '{calendar}' in periods.yml: write one of {', '.join(config['calendars'])}")
    closes = config["calendars"][calendar]["closes_on_day"]
    owed = {rule["kind"]: rule for rule in reporting["owed"]}
    parts = [f"-{m:02}" for m in range(1, 13)] + ["-Q1", "-Q2", "-Q3", "-Q4", "-H1", "-H2", "-9M", ""]
    periods = {}
    for year in range(config["first_year"], config["last_year"] + 1):
        for part in parts:
            code = f"{year}{part}"
            kind, starts_on, ends_on = period_bounds(code, closes)
            due_on = due_days = grace_days = owed_from = None
            if rule := owed.get(kind):
                due_days, grace_days = rule["due_days"], rule["grace_days"]
                due_on = ends_on + timedelta(days=due_days)
                owed_from = period_bounds(str(rule["from"]), closes)[1]
            periods[code] = Period(
                code, kind, starts_on, ends_on, due_on, due_days, grace_days, owed_from, period_label(code)
            )
    return periods
