"""What a run leaves about itself: warehouse/summary.json, and the same under warehouse/runs/ for each run.

A program that watches kpi57 reads these; they hold no figure of an agency and no secret. What is sent to people is
alerts.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from pipelines.files import read_json, write_whole
from pipelines.home import Home
from pipelines.intake.ledger import VIETNAM, count_received
from pipelines.upkeep.disk import free_bytes
from pipelines.upkeep.error_advice import what_to_do
from pipelines.warehouse.database import reading
from pipelines.warehouse.rows import dicts

RUNNING, SUCCEEDED, FAILED, STOPPED = "running", "succeeded", "failed", "stopped"

_COUNTS = """
SELECT
    (SELECT count(*) FROM core.fct_submission) AS submissions,
    rows_read AS lines_read, rows_accepted AS lines_accepted, rows_unchanged AS lines_unchanged,
    rows_held AS lines_held, rows_rejected AS lines_rejected, rows_ignored AS lines_ignored,
    rows_unaccounted AS lines_unaccounted,
    (SELECT count(*) FROM core.fct_actual WHERE is_current) AS current_figures,
    (SELECT count(*) FROM marts.mart_reporting_status WHERE is_outstanding AND days_late > 0) AS overdue
FROM marts.mart_reconciliation WHERE submission_id = 'all'
"""


def begin(home: Home, run_id: str) -> None:
    """Note that a run is at work. Only for who holds the run lock: a run still marked as running was cut off."""
    before = last(home)
    if before and before["outcome"] == RUNNING and before["run_id"] != run_id:
        told = {"outcome": STOPPED, "exit_code": 1, "what_to_do": "nothing: the next run finishes its work"}
        _write(home, {**before, **told}, is_newest=False)
    note = {"outcome": RUNNING, "run_id": run_id, "started_at": _now(), "received_before": count_received(home)}
    _write(home, note, is_newest=True)


class Failure(NamedTuple):
    """A step that failed: the error's text, and the name of its class."""

    step: str
    error: str
    kind: str


def end(home: Home, run_id: str, failures: Sequence[Failure]) -> dict[str, Any]:
    """Note how a run ended, and return it. failures: of each step that failed."""
    ended, begun = _now(), last(home)
    at_work = begun is not None and begun["outcome"] == RUNNING and begun["run_id"] != run_id
    if not begun or begun["run_id"] != run_id:  # it never got hold of the warehouse
        begun = {"started_at": ended, "received_before": count_received(home)}
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun["started_at"])).total_seconds()
    try:
        counts = published(home)
    except duckdb.Error:  # a damaged copy, or one of a version before, left by a run that failed
        counts = None
    summary = {
        "outcome": FAILED if failures else SUCCEEDED,
        "exit_code": 1 if failures else 0,
        "run_id": run_id,
        "started_at": begun["started_at"],
        "ended_at": ended,
        "seconds": seconds,
        "received": count_received(home) - begun["received_before"],
        "failed": [{**failure._asdict(), "what_to_do": what_to_do(failure.error)} for failure in failures],
        "published": counts,
        "lake": read_json(home.lake) or None,
        "places": read_json(home.joined) or None,
        "free_bytes": free_bytes(home),
    }
    _write(home, summary, is_newest=not at_work)
    return summary


def last_received(home: Home) -> int:
    """How many files the last run took that took any; 0 where no summary says."""
    told = [json.loads(path.read_bytes()) for path in home.runs.glob("*.json")]
    took = [one for one in told if one.get("received")]
    return int(max(took, key=lambda one: str(one["started_at"]))["received"]) if took else 0


def complete(home: Home, summary: dict[str, Any]) -> None:
    """Write a summary again, with what was done after the end: who was told, what was deleted."""
    newest = last(home)
    _write(home, summary, is_newest=newest is None or newest["run_id"] == summary["run_id"])


def published(home: Home) -> dict[str, Any] | None:
    """What the published copy says in counts; None where nothing is published."""
    try:
        with reading(home) as con:
            [build] = dicts(con, "SELECT as_of_on, is_illustrative, built_by, schema_mark FROM core.dim_build")
            [counts] = dicts(con, _COUNTS)
    except FileNotFoundError:
        return None
    return {**build, "as_of_on": build["as_of_on"].isoformat(), **counts}


def last(home: Home) -> dict[str, Any] | None:
    """The summary of the last run; None where there is none or it cannot be read."""
    try:
        found = json.loads(home.summary.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and {"outcome", "run_id", "started_at"} <= found.keys() else None


def _write(home: Home, summary: dict[str, Any], *, is_newest: bool) -> None:
    stamp = summary["started_at"][:19].replace(":", "").replace("-", "")
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    home.runs.mkdir(parents=True, exist_ok=True)
    write_whole(home.runs / f"{stamp}-{summary['run_id'][:8]}.json", text)
    if is_newest:
        write_whole(home.summary, text)


def _now() -> str:
    return datetime.now(VIETNAM).isoformat(timespec="seconds")
