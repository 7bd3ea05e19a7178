"""What the scorecard shows, asked from core and marts (queries.py).

Which page shows what is pages.py, how a figure is written filters.py; what the figures mean was settled in models/.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb

from pipelines.files import Row
from pipelines.office.statuses import Status, read_statuses
from pipelines.office.wording import wording
from pipelines.scorecard import queries, task_queries
from pipelines.warehouse.rows import dicts

Key = tuple[str, str, str]  # commune, indicator, scope

# What says whether anything is new. The ranks are a view of the progress.
TABLES = (
    "(SELECT as_of_on, is_illustrative FROM core.dim_build)",  # its other columns are new in every run
    "core.dim_commune", "core.dim_agency", "core.dim_indicator", "core.dim_period", "core.dim_status",
    "core.dim_plan", "core.dim_milestone", "core.fct_target", "core.bridge_plan_in_force",
    "core.bridge_task_duty", "core.fct_actual", "marts.mart_task_part",
    "core.fct_submission", "core.fct_task_report", "core.fct_rejection", "core.dim_task", "marts.mart_kpi_progress",
    "marts.mart_city_progress", "marts.mart_task_progress", "marts.mart_reporting_status",
    "marts.mart_plan_conflict", "marts.mart_reconciliation", "marts.mart_late_change", "marts.mart_held_line",
    "marts.mart_commune_report", "marts.mart_task_deadline", "marts.mart_task_agency", "marts.mart_target_outlook",
    "marts.mart_commune_standing", "marts.mart_approval", "marts.mart_milestone_difference",
)  # fmt: skip

# What a line of progress says of a figure: nothing before the first report.
_OF_A_FIGURE = ("period_code", "period_label", "agency_code", "actual_id", "numerator", "denominator", "value",
    "value_text", "in_force_on", "in_force_as_written", "next_aspirational", "baseline_on", "baseline_value",
    "expected_value", "pace", "level_status", "pace_status", "forecast_meets_on", "forecast_at_next",
    "forecast_confidence", "forecast_points", "rank", "communes_ranked")  # fmt: skip


def state_of(con: duckdb.DuckDBPyConnection, tables: Sequence[str] = TABLES) -> str:
    """sha256 over everything the site shows: how many rows each table has, and the sum of their hashes."""
    sums = [con.execute(f"SELECT count(*), sum(hash(t)) FROM {table} AS t").fetchone() for table in tables]
    return hashlib.sha256(repr((duckdb.__version__, sums)).encode()).hexdigest()


@dataclass(frozen=True)
class Board:
    """Everything the pages show, in the order in which they show it."""

    as_of_on: date
    is_illustrative: bool
    statuses: dict[tuple[str, str], Status]
    communes: list[Row]
    agencies: dict[str, str]
    indicators: dict[str, Row]
    periods: list[Row]
    plans: list[Row]
    progress: list[Row]
    series: dict[Key, list[Row]]
    milestones: dict[Key, list[Row]]
    city: list[Row]
    tasks: list[Row]
    parts: list[Row]
    reporting: list[Row]
    rejections: list[Row]
    reconciled: list[Row]
    conflicts: list[Row]
    late: list[Row]
    held: list[Row]
    yearly: list[Row]
    outlook: list[Row]
    places: dict[str, list[Row]]
    heads: list[Row]
    approvals: dict[tuple[str, str], Row]  # by commune and period
    standing: list[Row]
    origins: dict[str, list[Row]]
    targets: dict[Key, list[Row]]
    uncoded: dict[str, list[Row]]  # by commune, targets whose indicator has no code yet
    differences: dict[str, list[Row]]  # by commune, milestones that are others than those of a plan above

    @property
    def city_name(self) -> str:
        return ", ".join(dict.fromkeys(one["city_name"] for one in self.communes))

    @cached_property
    def above(self) -> list[Row]:
        """The newest rate of the city for each indicator that a plan of the city, or of the country, sets milestones
        for: what needs attention first."""
        found = [one for one in self.city if one["is_latest"] and one["milestone_scope"]]
        return sorted(found, key=lambda one: (-self._gravity(one), one["indicator_code"]))

    def _gravity(self, line: Row) -> int:
        return max(self.statuses[answer, line[f"{answer}_status"]].severity for answer in ("level", "pace"))

    @cached_property
    def commune_of(self) -> dict[str, Row]:
        return {one["commune_code"]: one for one in self.communes}

    @cached_property
    def lines(self) -> list[Row]:
        """Every indicator a plan sets for a commune: its newest line, or, before its first report, its milestones.

        severity: how grave the graver of level and pace is; 0 before the first report. needs_attention: of either.
        """
        return sorted([*map(self._judged, self.progress), *self._waiting()], key=key_of)

    def _judged(self, line: Row) -> Row:
        level = self.statuses["level", line["level_status"]]
        pace = self.statuses["pace", line["pace_status"]]
        needs_attention = level.needs_attention or pace.needs_attention
        return {**line, "severity": max(level.severity, pace.severity), "needs_attention": needs_attention,
                "is_waiting": False}  # fmt: skip

    def _waiting(self) -> Iterable[Row]:
        known = {key_of(line) for line in self.progress}
        for key, milestones in self.milestones.items():
            if key not in known:
                commune, indicator, scope = key
                ahead = next((m for m in milestones if m["milestone_on"] > self.as_of_on), None)
                yield {
                    **dict.fromkeys(_OF_A_FIGURE), "commune_code": commune,
                    "commune_name": self.commune_of[commune]["commune_name"],
                    "indicator_code": indicator, "indicator_name": self.indicators[indicator]["indicator_name"],
                    "unit_of_measure": self.indicators[indicator]["unit_of_measure"], "scope": scope, "severity": 0,
                    "needs_attention": False,
                    "next_on": ahead and ahead["milestone_on"], "next_as_written": ahead and ahead["as_written"],
                    "is_waiting": True,
                }  # fmt: skip


def read_board(con: duckdb.DuckDBPyConnection) -> Board:
    """Ask everything the site shows. con: a database with core and marts built."""
    [(as_of_on, is_illustrative)] = con.execute("SELECT as_of_on, is_illustrative FROM core.dim_build").fetchall()
    newest = {"newest": [row[0] for row in con.execute(queries.NEWEST).fetchall()]}
    return Board(
        as_of_on=as_of_on,
        is_illustrative=is_illustrative,
        statuses=read_statuses(con),
        communes=dicts(con, queries.COMMUNES),
        agencies=dict(con.execute("SELECT agency_code, agency_name FROM core.dim_agency ORDER BY ALL").fetchall()),
        indicators={one["indicator_code"]: one for one in dicts(con, queries.INDICATORS)},
        periods=dicts(con, queries.PERIODS),
        plans=dicts(con, queries.PLANS),
        progress=dicts(con, queries.PROGRESS, newest),
        series=grouped(dicts(con, queries.SERIES, {"pooled": wording("site.pooled")}), key_of),
        milestones=grouped(dicts(con, queries.MILESTONES), key_of),
        city=dicts(con, queries.CITY),
        tasks=dicts(con, task_queries.TASKS),
        parts=dicts(con, task_queries.PARTS),
        reporting=dicts(con, queries.REPORTING),
        rejections=dicts(con, queries.REJECTIONS),
        reconciled=dicts(con, queries.RECONCILED),
        conflicts=dicts(con, queries.CONFLICTS),
        late=dicts(con, queries.LATE),
        held=dicts(con, queries.HELD),
        yearly=dicts(con, queries.YEARLY),
        outlook=dicts(con, queries.OUTLOOK),
        places=grouped(dicts(con, queries.PLACES, newest), lambda one: one["indicator_code"]),
        heads=dicts(con, task_queries.HEADS),
        approvals={(one["commune_code"], one["period_code"]): one for one in dicts(con, queries.APPROVALS)},
        standing=dicts(con, queries.STANDING),
        origins=grouped(dicts(con, queries.ORIGINS, newest), lambda one: one["commune_code"]),
        targets=grouped(dicts(con, queries.TARGETS), key_of),
        uncoded=grouped(dicts(con, queries.UNCODED), lambda one: one["commune_code"]),
        differences=grouped(dicts(con, queries.DIFFERENCES), lambda one: one["commune_code"]),
    )


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by a key, in the order in which they come."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)


def key_of(row: Row) -> Key:
    return row["commune_code"], row["indicator_code"], row["scope"]
