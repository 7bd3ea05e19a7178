"""What an extract says: the tables of one period for a commune or the city, chosen from core and marts.

What the figures mean was settled in models/marts. How they look is workbook/workbook.py, how they are sealed bundle.py.
What is told period by period reaches back twelve months, so that a bundle is no larger in twenty years than today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import duckdb

from pipelines.files import Row
from pipelines.office.figures import answers, by_target
from pipelines.office.statuses import Status, newest_due, read_statuses
from pipelines.office.wording import say

CITY = "city"
SINCE = "last_day($until::DATE - INTERVAL 1 YEAR)"

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
SELECT p.*, t.source_page
FROM marts.mart_task_progress AS p
JOIN core.dim_task AS t USING (task_id)
WHERE list_contains($communes::VARCHAR[], p.commune_code)
ORDER BY p.commune_code, p.plan_id, t.line_order
"""
# What agencies reported on their parts of tasks given to all of them.
_PARTS = """
SELECT p.*
FROM marts.mart_task_part AS p
JOIN core.dim_task AS t USING (task_id)
WHERE list_contains($communes::VARCHAR[], p.commune_code)
ORDER BY p.commune_code, p.plan_id, t.line_order, p.agency_code
"""
_REPORTING = f"""
SELECT p.*
FROM marts.mart_reporting_status AS p
JOIN core.dim_period AS d USING (period_code)
WHERE list_contains($communes::VARCHAR[], p.commune_code) AND d.measured_on > {SINCE}
    AND d.measured_on <= $until::DATE
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
# A file that does not say its period is shown from the month on in which it came. What names no commune is the city's.
MONTH = "coalesce(d.measured_on, (s.received_at - INTERVAL 1 MONTH)::DATE)"
OURS = "($is_city OR list_contains($communes::VARCHAR[], s.commune_code))"
_SUBMISSIONS = f"""
SELECT
    s.submission_id, s.sha256, s.original_name, s.commune_code, c.commune_name, s.agency_code, a.agency_name,
    s.period_code, d.label AS period_label, s.received_at, s.due_on, s.is_late, s.status, l.label AS status_label,
    s.rows_read, s.rows_accepted, s.rows_unchanged, s.rows_held, s.rows_rejected, s.rows_ignored,
    s.is_illustrative
FROM core.fct_submission AS s
JOIN core.dim_status AS l ON l.answer = 'submission' AND l.status = s.status
LEFT JOIN core.dim_commune AS c USING (commune_code)
LEFT JOIN core.dim_agency AS a USING (agency_code)
LEFT JOIN core.dim_period AS d USING (period_code)
WHERE {OURS} AND {MONTH} > {SINCE} AND {MONTH} <= $until::DATE
ORDER BY s.ledger_sequence
"""
# What was found in those files; of severity 'fail' is what was refused, of 'confirm' what is held until
# the agency confirms it, of 'warn' what was taken and questioned.
_REJECTIONS = f"""
WITH submission AS ({_SUBMISSIONS})
SELECT
    r.submission_id, s.original_name, s.commune_code, s.commune_name, s.agency_code, s.agency_name, s.period_code,
    s.period_label, s.received_at, r.source_sheet, r.source_row, r.source_cell, r.rule_code, r.severity, r.found,
    r.message, r.fix, s.is_illustrative
FROM core.fct_rejection AS r
JOIN submission AS s USING (submission_id)
ORDER BY s.received_at, r.submission_id, r.finding_order
"""
_PLANS = """
SELECT p.* EXCLUDE (legal_documents), c.commune_name, a.agency_name AS focal_agency_name, b.is_illustrative
FROM core.dim_plan AS p
JOIN core.dim_commune AS c USING (commune_code)
LEFT JOIN core.dim_agency AS a ON a.agency_code = p.focal_agency_code
CROSS JOIN core.dim_build AS b
WHERE list_contains($communes::VARCHAR[], p.commune_code)
ORDER BY p.commune_code, p.in_force_from, p.plan_id
"""
# Every target with its place in its document. Its status: of a milestone passed the level of the newest figure that
# answered for it, of the one that is next the pace; of those further on none.
_MILESTONES = f"""
WITH regime AS (
    SELECT
        commune_code,
        coalesce(max(regime_from) FILTER (regime_from <= $until::DATE), min(regime_from)) AS regime_from
    FROM core.bridge_plan_in_force
    GROUP BY commune_code
),
in_force AS (SELECT plan_id FROM core.bridge_plan_in_force SEMI JOIN regime USING (commune_code, regime_from)),
passed AS (
    SELECT p.commune_code, p.indicator_code, p.scope, p.in_force_on AS milestone_on, p.level_status, p.level_label
    FROM marts.mart_kpi_progress AS p
    JOIN core.dim_period AS d USING (period_code)
    WHERE list_contains($communes::VARCHAR[], p.commune_code) AND p.in_force_on IS NOT NULL
        AND d.measured_on <= $until::DATE
    QUALIFY row_number() OVER (
        PARTITION BY p.commune_code, p.indicator_code, p.scope, p.in_force_on
        ORDER BY p.actual_id IS NOT NULL DESC, d.measured_on DESC, d.kind) = 1
),
ahead AS (
    SELECT commune_code, indicator_code, scope, next_on AS milestone_on, pace_status, pace_label FROM ({_PROGRESS})
)
SELECT
    t.target_id, t.plan_id, n.document_number, n.title AS plan_title, t.commune_code, c.commune_name,
    t.indicator_code, i.indicator_name, t.scope, t.target_name, t.milestone_on, t.operator, t.value, t.value_high,
    t.unit_of_measure, t.as_written, t.is_aspirational, t.appendix, t.row_number, t.source_page,
    t.lead_agency_code, a.agency_name AS lead_agency_name, t.lead_as_written, f.plan_id IS NOT NULL AS is_in_force,
    CASE WHEN p.level_status IS NOT NULL THEN 'level' WHEN h.pace_status IS NOT NULL THEN 'pace' END AS answer,
    coalesce(p.level_status, h.pace_status) AS status,
    coalesce(p.level_label, h.pace_label) AS status_label,
    b.is_illustrative
FROM core.fct_target AS t
JOIN core.dim_plan AS n USING (plan_id)
JOIN core.dim_commune AS c ON c.commune_code = t.commune_code
LEFT JOIN core.dim_indicator AS i USING (indicator_code)
LEFT JOIN core.dim_agency AS a ON a.agency_code = t.lead_agency_code
LEFT JOIN in_force AS f USING (plan_id)
LEFT JOIN passed AS p ON (p.commune_code, p.indicator_code, p.scope, p.milestone_on)
    = (t.commune_code, t.indicator_code, t.scope, t.milestone_on) AND f.plan_id IS NOT NULL
LEFT JOIN ahead AS h ON (h.commune_code, h.indicator_code, h.scope, h.milestone_on)
    = (t.commune_code, t.indicator_code, t.scope, t.milestone_on) AND f.plan_id IS NOT NULL
CROSS JOIN core.dim_build AS b
WHERE list_contains($communes::VARCHAR[], t.commune_code)
ORDER BY t.commune_code, t.indicator_code, t.scope, t.milestone_on, t.plan_id, t.line_order
"""
# Every period for which a figure was asked for or came, and older ones whose figure came since; value and expected
# value are null where there is none.
_SERIES = f"""
SELECT
    p.commune_code, p.commune_name, p.indicator_code, p.indicator_name, p.unit_of_measure, p.scope, p.period_code,
    d.label AS period_label, p.measured_on, p.actual_id, p.numerator, p.denominator, p.value, p.value_text,
    p.baseline_on, p.baseline_value, p.expected_value, p.next_on, p.next_value, p.pace, p.level_status, p.level_label,
    p.pace_status, p.pace_label, p.is_illustrative
FROM marts.mart_kpi_progress AS p
JOIN core.dim_period AS d USING (period_code)
WHERE list_contains($communes::VARCHAR[], p.commune_code) AND d.measured_on <= $until::DATE
    AND (d.measured_on > {SINCE}
        OR p.actual_id IN (SELECT actual_id FROM core.fct_actual WHERE recorded_at > {SINCE}))
ORDER BY p.commune_code, p.indicator_code, p.scope, p.measured_on, p.period_code
"""
# Only of the whole city; a commune's extract has the table without rows.
_CITY_PROGRESS = """
SELECT p.* EXCLUDE (period_code), p.period_code, d.label AS period_label, d.measured_on
FROM marts.mart_city_progress AS p
JOIN core.dim_period AS d USING (period_code)
WHERE $is_city AND d.measured_on <= $until::DATE
    AND p.city_code IN (SELECT city_code FROM core.dim_commune WHERE list_contains($communes::VARCHAR[], commune_code))
ORDER BY p.city_code, p.indicator_code, d.measured_on, d.period_code
"""
# Indicators that plans set targets for, by commune and scope: more than there are lines of progress, as some are asked
# for only once a year.
_TARGETED = """
SELECT count(DISTINCT (commune_code, indicator_code, scope)) AS targeted
FROM core.fct_target WHERE list_contains($communes::VARCHAR[], commune_code) AND indicator_code IS NOT NULL
"""
# What lies ahead on the as-of date: the yearly report, tasks that fall due by the end of the year, targets in doubt.
_YEARLY = """
SELECT *
FROM marts.mart_commune_report
WHERE list_contains($communes::VARCHAR[], commune_code) AND period_kind = 'year'
QUALIFY period_code = max(period_code) OVER ()
ORDER BY due_on, commune_code
"""
_DUE = """
SELECT count(*)
FROM marts.mart_task_deadline
WHERE list_contains($communes::VARCHAR[], commune_code) AND due_within IN ('days_30', 'this_year')
    AND due_on <= (SELECT make_date(year(as_of_on), 12, 31) FROM core.dim_build)
"""
_DOUBTFUL = "SELECT count(*) FROM marts.mart_target_outlook WHERE list_contains($communes::VARCHAR[], commune_code)"
# Whether the communes' leaders approved the figures of the period.
APPROVALS = """
SELECT c.commune_code, coalesce(a.approval_status, 'not_approved') AS approval_status, a.acted_at, a.figures_changed
FROM core.dim_commune AS c
LEFT JOIN marts.mart_approval AS a ON a.commune_code = c.commune_code AND a.period_code = $period
WHERE list_contains($communes::VARCHAR[], c.commune_code)
ORDER BY c.commune_code
"""
BUILD = "SELECT as_of_on, is_illustrative, sources_fingerprint, ledger_entries, ledger_head FROM core.dim_build"
_AGENCIES = "SELECT agency_code, agency_name FROM core.dim_agency WHERE NOT is_group"
# Who reports the figure of an indicator, by commune.
_REPORTERS = """
SELECT d.commune_code, d.indicator_code, string_agg(a.agency_name, ', ' ORDER BY a.agency_code) AS agency_names
FROM core.bridge_indicator_duty AS d
JOIN core.dim_agency AS a USING (agency_code)
GROUP BY ALL
"""
_LEGAL_DOCUMENTS = "SELECT plan_id, coalesce(legal_documents, []) FROM core.dim_plan"
_TABLES = {
    "progress": _PROGRESS,
    "milestones": _MILESTONES,
    "series": _SERIES,
    "city": _CITY_PROGRESS,
    "tasks": _TASKS,
    "parts": _PARTS,
    "reporting": _REPORTING,
    "submissions": _SUBMISSIONS,
    "rejections": _REJECTIONS,
    "conflicts": _CONFLICTS,
    "plans": _PLANS,
}


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
    targeted: int
    yearly: list[Row]  # the yearly report of each commune, of marts.mart_commune_report
    due: int  # open tasks that fall due by the end of the year
    doubtful: int  # targets that will be missed as things are
    approvals: list[Row]  # of each commune: whether the figures of the period are approved, since when, what changed
    tables: dict[str, Table]
    statuses: dict[tuple[str, str], Status]
    periods: dict[str, str]
    kinds: dict[str, str]
    answers: dict[str, dict[str, str]]
    agencies: dict[str, str]  # those that report themselves, not groups of agencies
    reporters: dict[tuple[str, str], str]
    legal_documents: dict[str, list[Row]]  # by plan: number, issued_on and issuer of each it names as its ground

    @cached_property
    def untargeted(self) -> int:
        """How many indicators are followed without a target."""
        rows = self.tables["progress"].dicts()
        return sum(row["in_force_on"] is None and row["next_on"] is None for row in rows)

    @cached_property
    def uncoded(self) -> list[Row]:
        """The targets in force whose indicator has no code yet, each with its milestones under 'due'."""
        rows = self.tables["milestones"].dicts()
        return by_target(row for row in rows if row["indicator_code"] is None and row["is_in_force"])

    @property
    def place(self) -> str:
        """'Xã Vĩnh Lại', or the city with how many of its communes have a plan."""
        if self.scope != CITY:
            return self.communes[self.scope]
        return say("labels.city_with_plans", city=self.city_name, communes=len(self.communes))

    @cached_property
    def newest_owed(self) -> str:
        """The extract's period, or the newest one whose reports are due where none was owed for that."""
        rows = self.tables["reporting"].dicts()
        newest = newest_due(rows, self.as_of_on)
        is_owed = any(row["period_code"] == self.period_code for row in rows)
        return self.period_code if is_owed or newest is None else str(newest["period_code"])

    @property
    def stem(self) -> str:
        return f"kpi57-{self.period_code}-{self.scope}" + ("-MINH-HOA" if self.is_illustrative else "")


def read_extract(con: duckdb.DuckDBPyConnection, period_code: str, scope: str) -> Extract:
    """Choose from core and marts what the bundle says. Raises LookupError as export does."""
    periods, chosen, chose = choose(con, period_code, scope)
    as_of_on, is_illustrative, *_ = con.execute(BUILD).fetchall()[0]
    return Extract(
        as_of_on=as_of_on,
        is_illustrative=is_illustrative,
        period_code=period_code,
        scope=scope,
        communes={code: name for code, name, _ in chosen},
        city_name=", ".join(dict.fromkeys(city for _, _, city in chosen)),
        targeted=query(con, _TARGETED, chose).rows[0][0],
        yearly=query(con, _YEARLY, chose).dicts(),
        due=query(con, _DUE, chose).rows[0][0],
        doubtful=query(con, _DOUBTFUL, chose).rows[0][0],
        approvals=query(con, APPROVALS, chose).dicts(),
        tables={name: query(con, sql, chose) for name, sql in _TABLES.items()},
        statuses=read_statuses(con),
        periods={code: label for code, (label, _) in periods.items()},
        kinds=dict(con.execute("SELECT indicator_code, kind FROM core.dim_indicator").fetchall()),
        answers=answers(),
        agencies=dict(con.execute(_AGENCIES).fetchall()),
        reporters={(commune, indicator): names for commune, indicator, names in con.execute(_REPORTERS).fetchall()},
        legal_documents=dict(con.execute(_LEGAL_DOCUMENTS).fetchall()),
    )  # fmt: skip


def relations(con: duckdb.DuckDBPyConnection, extract: Extract) -> Iterator[tuple[str, duckdb.DuckDBPyRelation]]:
    """The tables of the extract by name, each as DuckDB holds it until the next: for files that it writes itself."""
    _, _, chose = choose(con, extract.period_code, extract.scope)
    for name, sql in _TABLES.items():
        con.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {sql}", _named(sql, chose))
        yield name, con.table("temp.main.chosen")
    con.execute("DROP TABLE temp.main.chosen")


def choose(con: duckdb.DuckDBPyConnection, period_code: str, scope: str) -> tuple[Row, list[tuple[str, ...]], Row]:
    """Label and last day by period; code, name and city of the communes chosen; the parameters of the queries."""
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
    chose = {"communes": [code for code, _, _ in chosen], "period": period_code, "until": periods[period_code][1],
             "is_city": scope == CITY}  # fmt: skip
    return periods, chosen, chose


def query(con: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]) -> Table:
    cursor = con.execute(sql, _named(sql, parameters))
    return Table([column[0] for column in cursor.description or []], cursor.fetchall())


def _named(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that the SQL names."""
    return {name: value for name, value in parameters.items() if f"${name}" in sql}
