"""What an extract says: the tables of one period for a commune or the city, chosen from core and marts.

What the figures mean was settled in models/marts. How they look is extract_workbook.py, how they are sealed export.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import duckdb

from pipelines.home import SOURCES
from pipelines.plans.folders import read_yaml

Row = dict[str, Any]

CITY = "city"

# The newest line with a figure, else the newest line asked for, as mart_kpi_progress.is_latest, up to a period.
_PROGRESS = """
SELECT p.* EXCLUDE (is_latest)
FROM marts.mart_kpi_progress AS p
JOIN core.dim_period AS d USING (period_code)
WHERE list_contains($communes::VARCHAR[], p.commune_code) AND d.measured_on <= $until::DATE
QUALIFY row_number() OVER (
    PARTITION BY p.commune_code, p.indicator_code, p.scope
    ORDER BY p.actual_id IS NOT NULL DESC, d.measured_on DESC, d.kind) = 1
ORDER BY p.commune_code, p.indicator_code, p.scope
"""
_TASKS = """
SELECT p.*
FROM marts.mart_task_progress AS p
JOIN core.dim_task AS t USING (task_id)
WHERE list_contains($communes::VARCHAR[], p.commune_code)
ORDER BY p.commune_code, p.plan_id, t.line_order
"""
_REPORTING = """
SELECT p.*
FROM marts.mart_reporting_status AS p
JOIN core.dim_period AS d USING (period_code)
WHERE list_contains($communes::VARCHAR[], p.commune_code) AND d.measured_on <= $until::DATE
ORDER BY d.measured_on DESC, d.period_code DESC, p.commune_code, p.agency_code
"""
_CONFLICTS = """
SELECT p.*, c.commune_name, b.is_illustrative
FROM marts.mart_plan_conflict AS p
JOIN core.dim_commune AS c USING (commune_code)
CROSS JOIN core.dim_build AS b
WHERE list_contains($communes::VARCHAR[], p.commune_code) AND p.kind = 'conflict'
ORDER BY p.plan_id, p.indicator_code, p.milestone_on, p.first_target_id, p.second_target_id
"""
_SUBMISSIONS = """
SELECT submission_id, sha256
FROM core.fct_submission
SEMI JOIN (
    SELECT a.submission_id
    FROM core.fct_actual AS a
    JOIN core.dim_period AS d USING (period_code)
    WHERE a.is_current AND d.measured_on <= $until::DATE
    UNION ALL
    SELECT t.submission_id FROM core.fct_task_report AS t WHERE t.is_current
) AS f USING (submission_id)
WHERE list_contains($communes::VARCHAR[], commune_code)
ORDER BY submission_id
"""
# Indicators that plans set targets for, by commune and scope: more than there are lines of progress, as some are asked
# for only once a year.
_TARGETED = """
SELECT count(DISTINCT (commune_code, indicator_code, scope)) AS targeted
FROM core.fct_target
WHERE list_contains($communes::VARCHAR[], commune_code)
"""


class Table(NamedTuple):
    """A table of the bundle: English column names and rows, as in the marts."""

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def dicts(self) -> list[Row]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Extract:
    """Everything one bundle says: what it is about, its tables by name, and the words its codes are shown in."""

    period_code: str
    scope: str
    communes: dict[str, str]
    city_name: str
    as_of_on: date
    is_illustrative: bool
    sources_fingerprint: str
    submissions: list[Row]
    targeted: int
    tables: dict[str, Table]
    statuses: dict[tuple[str, str], tuple[str, int]]
    periods: dict[str, str]
    kinds: dict[str, str]
    answers: dict[str, dict[str, str]]

    @property
    def place(self) -> str:
        """'Xã Vĩnh Lại', or the city with how many of its communes have a plan."""
        if self.scope != CITY:
            return self.communes[self.scope]
        return f"{self.city_name} ({len(self.communes)} xã, phường, đặc khu có kế hoạch)"

    @property
    def stem(self) -> str:
        return f"kpi57-{self.period_code}-{self.scope}" + ("-MINH-HOA" if self.is_illustrative else "")


def read_extract(con: duckdb.DuckDBPyConnection, period_code: str, scope: str) -> Extract:
    """Choose from core and marts what the bundle says. Raises LookupError as export does."""
    periods = {code: (label, day) for code, label, day in
               con.execute("SELECT period_code, label, measured_on FROM core.dim_period").fetchall()}  # fmt: skip
    if period_code not in periods:
        raise LookupError(f"no period {period_code}")
    with_plans = con.execute(
        "SELECT commune_code, commune_name, city_name FROM core.dim_commune WHERE has_plan ORDER BY commune_code"
    ).fetchall()
    chosen = [row for row in with_plans if scope in (CITY, row[0])]
    if not chosen:
        raise LookupError(f"no commune {scope} with a plan")
    chose = {"communes": [code for code, _, _ in chosen]}
    until = {**chose, "until": periods[period_code][1]}
    as_of_on, is_illustrative, mark = con.execute(
        "SELECT as_of_on, is_illustrative, sources_fingerprint FROM core.dim_build"
    ).fetchall()[0]
    return Extract(
        period_code=period_code,
        scope=scope,
        communes={code: name for code, name, _ in chosen},
        city_name=", ".join(dict.fromkeys(city for _, _, city in chosen)),
        as_of_on=as_of_on,
        is_illustrative=is_illustrative,
        sources_fingerprint=mark,
        submissions=_query(con, _SUBMISSIONS, until).dicts(),
        targeted=_query(con, _TARGETED, chose).rows[0][0],
        tables={
            "progress": _query(con, _PROGRESS, until),
            "tasks": _query(con, _TASKS, chose),
            "reporting": _query(con, _REPORTING, until),
            "conflicts": _query(con, _CONFLICTS, chose),
        },
        statuses={(answer, status): (label, severity) for answer, status, label, severity in
                  con.execute("SELECT answer, status, label, severity FROM core.dim_status").fetchall()},
        periods={code: label for code, (label, _) in periods.items()},
        kinds=dict(con.execute("SELECT indicator_code, kind FROM core.dim_indicator").fetchall()),
        answers=read_yaml(SOURCES / "forms" / "periodic-report.yml")["answers"],
    )  # fmt: skip


def _query(con: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]) -> Table:
    cursor = con.execute(sql, parameters)
    return Table([column[0] for column in cursor.description or []], cursor.fetchall())
