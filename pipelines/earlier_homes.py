"""A home of version 0.1.0: what its build database says is taken over, as verdicts and as its first edition.

Version 0.1.0 kept verdicts in its build database alone and knew no editions. That database is kept aside until the
ledger names the segment its verdicts are in. How verdicts are kept is warehouse/segments.py.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import duckdb

from pipelines.home import SOURCES, Home
from pipelines.intake.acts import record_told
from pipelines.intake.editions import Edition, record_earlier_edition
from pipelines.intake.ledger import Ledger
from pipelines.registry import registry as registries
from pipelines.registry.in_force import set_days
from pipelines.warehouse.database import attach_earlier, earlier_version, keep_earlier_build, reading_earlier
from pipelines.warehouse.rows import columns_of, dicts, replace

Rows = dict[str, list[dict[str, Any]]]
_TABLES = ("commune", "agency", "indicator", "period", "asked", "plan", "target", "task", "indicator_duty", "task_duty")


def keep_aside(home: Home, ledger: Ledger) -> bool:
    """Keep the build database of version 0.1.0 aside, and what its registry said as the home's first edition where
    sources/ says something else now. Returns whether there is one to take over."""
    received, known = ledger.of("received"), ledger.of("edition")
    if ledger.of("judged") or not received or (known and known[0]["sequence"] < received[0]["sequence"]):
        return False  # nothing received by that version, or taken over already
    keep_earlier_build(home)
    if earlier_version(home) is None:
        return False
    if not ledger.of("edition"):
        with reading_earlier(home) as con:
            if any(_differs(con, f"raw.{name}", rows) for name, rows in _said_now()):
                said = {f"raw.{name}": dicts(con, f"FROM earlier.raw.{name}") for name in _TABLES}
                record_earlier_edition(home, ledger, _with_plans(said))
    return True


def _said_now() -> list[tuple[str, list[dict[str, Any]]]]:
    rows = registries.load(SOURCES).rows()
    return [(name, rows[f"raw.{name}"]) for name in _TABLES]


def _differs(con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> bool:
    """Whether the database kept aside says something else in a table than sources/ now, as far as it had columns."""
    replace(con, table, rows)
    columns = ", ".join(columns_of(con, f"earlier.{table}"))
    now, then = (f"SELECT DISTINCT {columns} FROM {place}{table}" for place in ("", "earlier."))
    return bool(con.execute(f"({now} EXCEPT {then}) UNION ALL ({then} EXCEPT {now}) LIMIT 1").fetchall())


def _with_plans(tables: Rows) -> Rows:
    """The rows of version 0.1.0 as registry.rows() gives them now: plans with their days, duties by plan."""
    plans = {row["plan_id"]: row for row in tables["raw.plan"]}
    for plan in plans.values():
        plan |= dict.fromkeys(("supersedes_plan", "supersedes_issued_on", "in_force_from", "for_year"))
    set_days(plans)
    for plan in plans.values():
        del plan["supersedes_issued_on"]
    asked = {row["indicator_code"]: row["frequency"] for row in tables["raw.indicator"]}
    setting: dict[tuple[str, str], set[str]] = defaultdict(set)
    for target in tables["raw.target"]:
        if target["lead_agency_code"]:
            setting[target["commune_code"], target["indicator_code"]].add(target["plan_id"])
    tables["raw.indicator_duty"] = [
        {**duty, "plan_id": plan_id, "frequency": asked[duty["indicator_code"]]}
        for duty in tables["raw.indicator_duty"]
        for plan_id in sorted(setting[duty["commune_code"], duty["indicator_code"]])
    ]
    plan_of = {task["task_id"]: task["plan_id"] for task in tables["raw.task"]}
    tables["raw.task_duty"] = [{**duty, "plan_id": plan_of[duty["task_id"]]} for duty in tables["raw.task_duty"]]
    return tables


def take_over(home: Home, con: duckdb.DuckDBPyConnection, first: Edition) -> None:
    """Enter the verdicts of the database kept aside into checked.*, as not recorded yet, with what was read."""
    given = {"edition": first.digest, "program": earlier_version(home)}
    attach_earlier(home, con)
    for statement in _TAKE_OVER:
        con.execute(statement, given if "$" in statement else None)


_TAKE_OVER = (
    """
    INSERT INTO raw.reading BY NAME
    SELECT r.submission_id, r.problem, r.layout, coalesce(l.lines, '[]')::JSON AS lines
    FROM earlier.raw.reading AS r
    LEFT JOIN (
        SELECT submission_id, to_json(list(
            {'table': table_number, 'row': source_row, 'kind': kind, 'typed': typed}
            ORDER BY table_number, source_row))::VARCHAR AS lines
        FROM earlier.raw.line
        GROUP BY submission_id
    ) AS l USING (submission_id)
    """,
    """
    INSERT INTO checked.submission BY NAME
    SELECT
        r.submission_id, 1 AS version, r.received_at AS judged_at, $edition AS edition, $program AS program,
        r.duplicate_of, r.commune_code, r.agency_code, s.period_code, coalesce(s.is_unreadable, false) AS is_unreadable,
        coalesce(s.is_refused, false) AS is_refused,
        (SELECT count(*) FROM earlier.raw.line AS l WHERE l.submission_id = r.submission_id) AS lines_read
    FROM earlier.raw.receipt AS r
    LEFT JOIN earlier.checked.submission AS s USING (submission_id)
    WHERE s.submission_id IS NOT NULL OR r.duplicate_of IS NOT NULL
    """,
    "INSERT INTO checked.line BY NAME FROM earlier.checked.line",
    "INSERT INTO checked.actual BY NAME FROM earlier.checked.actual",
    "INSERT INTO checked.task_report BY NAME FROM earlier.checked.task_report",
    "INSERT INTO checked.finding BY NAME FROM earlier.checked.finding",
)


def note_told(home: Home, ledger: Ledger) -> None:
    """Enter what the senders were told by version 0.1.0, and delete the database kept aside: all is recorded."""
    with reading_earlier(home) as con:
        told = dicts(con, "SELECT submission_id, 1 AS version, status FROM earlier.raw.feedback_written ORDER BY ALL")
    record_told(ledger, told)
    home.earlier_build.unlink()
