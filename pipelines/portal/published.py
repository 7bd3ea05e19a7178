"""What the portal asks the published copy. Nothing is computed here.

It is opened for each question and closed again, so a run that swaps a new one in is seen at once and never hindered.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from pipelines.files import Row
from pipelines.home import Home
from pipelines.intake.ledger import VIETNAM
from pipelines.warehouse.database import reading_newest
from pipelines.warehouse.rows import dicts

_BUILD = "SELECT as_of_on, is_illustrative FROM core.dim_build"
_REPORTS = """
SELECT
    r.*,
    coalesce((SELECT arg_max(e.event, e.ledger_sequence) = 'locked' FROM core.fct_period_event AS e
        WHERE e.period_code = r.period_code AND (e.commune_code IS NULL OR e.commune_code = r.commune_code)), false)
        AS is_locked
FROM marts.mart_reporting_status AS r
JOIN core.dim_period AS p USING (period_code)
WHERE r.commune_code = $commune AND ($agency IS NULL OR r.agency_code = $agency)
ORDER BY r.due_on DESC, p.kind, r.agency_name
"""
_HELD = """
SELECT h.*, p.label AS period_label, s.agency_code AS sent_by, s.original_name
FROM marts.mart_held_line AS h
JOIN core.dim_period AS p USING (period_code)
JOIN core.fct_submission AS s USING (submission_id)
WHERE h.commune_code = $commune AND ($agency IS NULL OR $agency IN (h.agency_code, s.agency_code))
    AND h.state = 'waiting'
ORDER BY s.ledger_sequence, h.source_sheet, h.source_row
"""
_SUBMISSIONS = """
SELECT
    s.submission_id, s.original_name, s.sha256, s.commune_code, s.agency_code, s.period_code, s.received_at, s.is_late,
    s.status, t.label AS status_label, t.severity, p.label AS period_label, s.rows_read, s.rows_accepted,
    s.rows_unchanged, s.rows_held, s.rows_rejected
FROM core.fct_submission AS s
LEFT JOIN core.dim_period AS p USING (period_code)
LEFT JOIN core.dim_status AS t ON t.answer = 'submission' AND t.status = s.status
WHERE s.commune_code = $commune AND s.agency_code = $agency
ORDER BY s.ledger_sequence DESC
LIMIT 200
"""
_APPROVALS = """
SELECT period_code, figures, figures_sha256, approval_status, acted_by, acted_at, reason, missing, figures_changed,
    (SELECT ledger_entries FROM core.dim_build) AS up_to_sequence
FROM marts.mart_approval
WHERE commune_code = $commune
"""
_FIGURES = """
SELECT
    a.agency_code, g.agency_name, a.indicator_code, i.indicator_name, i.unit_of_measure, a.numerator, a.denominator,
    a.value, a.value_text, a.is_estimate, a.note, a.recorded_at
FROM core.fct_actual AS a
JOIN core.dim_indicator AS i USING (indicator_code)
JOIN core.dim_agency AS g USING (agency_code)
WHERE a.commune_code = $commune AND a.period_code = $period AND a.is_current AND NOT a.is_withdrawn
ORDER BY g.agency_name, a.agency_code, a.indicator_code
"""
# One commune a row: how many of its agencies have given the period's report.
_COMMUNES = """
SELECT
    r.commune_code, r.commune_name, count(*) AS agencies, count(r.first_received_at) AS given,
    count(*) FILTER (r.is_outstanding) AS outstanding, count(*) FILTER (r.reporting_status = 'late') AS late,
    max(r.due_on) AS due_on,
    coalesce((SELECT arg_max(e.event, e.ledger_sequence) = 'locked' FROM core.fct_period_event AS e
        WHERE e.period_code = $period AND (e.commune_code IS NULL OR e.commune_code = r.commune_code)), false)
        AS is_locked,
    (SELECT count(*) FROM marts.mart_held_line AS h
     WHERE h.commune_code = r.commune_code AND h.period_code = $period AND h.state = 'waiting') AS held,
    coalesce(any_value(a.approval_status), 'not_approved') AS approval_status,
    any_value(a.figures_changed) AS figures_changed
FROM marts.mart_reporting_status AS r
LEFT JOIN marts.mart_approval AS a USING (commune_code, period_code)
WHERE r.period_code = $period
GROUP BY r.commune_code, r.commune_name
ORDER BY r.commune_name, r.commune_code
"""
_PERIODS = """
SELECT period_code, any_value(period_label) AS period_label, min(due_on) AS due_on
FROM marts.mart_reporting_status
WHERE $commune IS NULL OR commune_code = $commune
GROUP BY period_code
ORDER BY due_on DESC, period_code DESC
"""
_SUBMISSION = """
SELECT submission_id, commune_code, agency_code FROM core.fct_submission WHERE submission_id = $submission
"""


def state(home: Home) -> Row:
    """As-of day and whether the figures are made up; of a home in which no run has published yet None and False."""
    return _state_of(home, mark(home))


@lru_cache(maxsize=4)
def _state_of(home: Home, mark: str) -> Row:
    found = _ask(home, _BUILD)
    return found[0] if found else {"as_of_on": None, "is_illustrative": False}


def today(home: Home) -> date:
    """The day pages speak of: today in Vietnam. An illustrative home lives on the day its figures were made for."""
    now = state(home)
    return now["as_of_on"] if now["is_illustrative"] else home.day or datetime.now(VIETNAM).date()


def reports(home: Home, commune: str, agency: str | None = None) -> list[Row]:
    """What is owed and what came, the newest due day first; is_locked beside it."""
    return _ask(home, _REPORTS, commune=commune, agency=agency)


def held_lines(home: Home, commune: str, agency: str | None = None) -> list[Row]:
    """Lines that wait to be confirmed: an agency's own, and those it sent for others (sent_by)."""
    return _ask(home, _HELD, commune=commune, agency=agency)


def submissions(home: Home, commune: str, agency: str) -> list[Row]:
    """What an agency sent, by whatever way, the newest first, and what each became."""
    return _ask(home, _SUBMISSIONS, commune=commune, agency=agency)


def periods(home: Home, commune: str | None = None) -> list[Row]:
    """The periods reports are owed for, the newest due day first."""
    return _ask(home, _PERIODS, commune=commune)


_NOT_APPROVED = {"figures": 0, "figures_sha256": None, "approval_status": "not_approved", "figures_changed": None,
                 "acted_by": None}  # fmt: skip


def approval(home: Home, commune: str, period: str) -> Row:
    """Whether the figures of a commune's period are approved, and the digest of those in force."""
    found = [one for one in _ask(home, _APPROVALS, commune=commune) if one["period_code"] == period]
    return found[0] if found else {**_NOT_APPROVED, "period_code": period, "up_to_sequence": 0}


def figures(home: Home, commune: str, period: str) -> list[Row]:
    """The figures in force of a commune's period."""
    return _ask(home, _FIGURES, commune=commune, period=period)


def communes(home: Home, period: str) -> list[Row]:
    """How far each commune is with a period."""
    return _ask(home, _COMMUNES, period=period)


def submission(home: Home, submission_id: str) -> Row | None:
    found = _ask(home, _SUBMISSION, submission=submission_id)
    return found[0] if found else None


def mark(home: Home) -> str:
    """Tells one published copy from another."""
    return str(home.published.stat().st_mtime_ns) if home.published.exists() else ""


def _ask(home: Home, sql: str, **parameters: Any) -> list[Row]:
    try:
        with reading_newest(home) as con:
            return dicts(con, sql, parameters)
    except FileNotFoundError:  # no run has published yet
        return []
