"""What an agency reported last before a period, as the published warehouse has it: figures and reports on tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb

from pipelines.home import Home
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.warehouse.database import reading
from pipelines.warehouse.rows import columns_of


class Figure(NamedTuple):
    """The figure in force of an indicator for a period."""

    period: Period
    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal | None
    value_text: str | None
    is_estimate: bool


class Report(NamedTuple):
    """The report in force on a task for a period."""

    period: Period
    state: str
    percent_done: Decimal | None
    document_number: str | None
    document_date: date | None
    result: str | None = None


@dataclass(frozen=True)
class Reported:
    """The newest of each before a period: figures by indicator code, reports by task_id; and of tasks given to all
    agencies what the others said of their parts, by task_id and agency, up to the period itself."""

    figures: Mapping[str, Figure] = field(default_factory=dict)
    reports: Mapping[str, Report] = field(default_factory=dict)
    parts: Mapping[tuple[str, str], Report] = field(default_factory=dict)


NOTHING = Reported()
_FIGURES = """
SELECT indicator_code, period_code, numerator, denominator, value, value_text, is_estimate
FROM core.fct_actual
WHERE is_current AND NOT is_withdrawn AND commune_code = $commune AND agency_code = $agency
    AND (value IS NOT NULL OR value_text IS NOT NULL)
ORDER BY indicator_code, period_code
"""
_REPORTS = """
SELECT task_id, period_code, state, percent_done, document_number, document_date
FROM core.fct_task_report
WHERE is_current AND commune_code = $commune AND agency_code = $agency
ORDER BY task_id, period_code
"""
_PARTS = """
SELECT task_id, agency_code, period_code, state, percent_done, document_number, document_date, result
FROM core.fct_task_report
WHERE is_current AND is_part AND commune_code = $commune AND agency_code <> $agency
ORDER BY task_id, agency_code, period_code
"""


def last_reported(
    home: Home, registry: Registry, forms: Iterable[tuple[str, str]], period_code: str
) -> dict[tuple[str, str], Reported]:
    """What each agency of a commune reported last before a period, as it is published; nothing where nothing is."""
    if period_code not in registry.periods or not home.published.exists():
        return dict.fromkeys(forms, NOTHING)
    with reading(home) as con:
        return {(commune, agency): _before(con, registry, commune, agency, registry.period_of(commune, period_code))
                for commune, agency in forms}  # fmt: skip


def _before(
    con: duckdb.DuckDBPyConnection, registry: Registry, commune_code: str, agency_code: str, period: Period
) -> Reported:
    """What the agency of a commune reported last of periods that ended before this one does, the others on parts."""
    place = {"commune": commune_code, "agency": agency_code}
    figures: dict[str, Figure] = {}
    reports: dict[str, Report] = {}
    for code, period_code, *figure in con.execute(_FIGURES, place).fetchall():
        of = registry.periods[period_code]
        if of.ends_on < period.ends_on and (code not in figures or _later(of, figures[code].period)):
            figures[code] = Figure(of, *figure)
    for code, period_code, *report in con.execute(_REPORTS, place).fetchall():
        of = registry.periods[period_code]
        if of.ends_on < period.ends_on and (code not in reports or _later(of, reports[code].period)):
            reports[code] = Report(of, *report)
    parts: dict[tuple[str, str], Report] = {}
    # what an earlier version published knows no parts
    has_parts = "is_part" in columns_of(con, "core.fct_task_report")
    for task, agency, period_code, *report in con.execute(_PARTS, place).fetchall() if has_parts else ():
        of = registry.periods[period_code]
        if of.ends_on <= period.ends_on and ((task, agency) not in parts or _later(of, parts[task, agency].period)):
            parts[task, agency] = Report(of, *report)
    return Reported(figures, reports, parts)


def _later(one: Period, other: Period) -> bool:
    return (one.ends_on, one.starts_on) > (other.ends_on, other.starts_on)
