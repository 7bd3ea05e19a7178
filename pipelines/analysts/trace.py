"""'kpi57 trace': one figure with its file and cell, what it replaced, and the targets it is compared with.

Read from the published warehouse; the views behind it are marts.mart_trace and core.fct_rejection. What a
figure means does not belong here.
"""

from __future__ import annotations

from typing import Any

import duckdb

from pipelines.home import Home
from pipelines.vietnamese import format_number
from pipelines.warehouse.database import reading

_LINES = """
SELECT submission_id, original_name, sha256, received_at, source_sheet, source_row, source_cell, disposition, reason,
    numerator, denominator, value, value_text, is_withdrawn, recorded_at, superseded_at, is_current, replaced_value,
    agency_code
FROM marts.mart_trace
WHERE commune_code = ? AND indicator_code = ? AND period_code = ?
ORDER BY received_at
"""
_FINDINGS = """
SELECT rule_code, severity, source_cell, message
FROM core.fct_rejection
WHERE submission_id = ? AND source_sheet = ? AND source_row = ?
ORDER BY finding_order
"""
_TARGETS = """
SELECT t.milestone_on, t.as_written, t.scope, t.plan_id, coalesce(p.document_number, '(no number printed)'),
    t.appendix, t.row_number, p.superseded_by, t.source_page, t.source_place, p.source_file, p.source_sha256,
    p.is_document_kept
FROM core.fct_target AS t
JOIN core.dim_plan AS p USING (plan_id)
WHERE t.commune_code = ? AND t.indicator_code = ?
ORDER BY t.milestone_on, t.plan_id, t.line_order
"""
_ANSWER = """
SELECT scope, level_status, level_label, pace_status, pace_label, expected_value, pace
FROM marts.mart_kpi_progress
WHERE commune_code = ? AND indicator_code = ? AND period_code = ?
"""
_OWED = """
SELECT r.agency_code, r.agency_name, r.due_on, r.reporting_status, r.reporting_label
FROM core.bridge_indicator_duty AS d
JOIN marts.mart_reporting_status AS r USING (commune_code, agency_code)
WHERE d.commune_code = ? AND d.indicator_code = ? AND r.period_code = ?
"""
_NAMES = """
SELECT c.commune_name, i.indicator_name, p.label
FROM core.dim_commune AS c, core.dim_indicator AS i, core.dim_period AS p
WHERE c.commune_code = ? AND i.indicator_code = ? AND p.period_code = ?
"""


def trace(home: Home, commune: str, indicator: str, period: str) -> str:
    """Everything known of one figure, as text. Raises LookupError for a commune, indicator or period nobody knows."""
    key = [commune, indicator.upper(), period.upper()]
    with reading(home) as con:
        names = con.execute(_NAMES, key).fetchone()
        if names is None:
            raise LookupError(f"no commune {commune}, indicator {indicator} or period {period} in the warehouse")
        lines = [f"{names[0]} ({key[0]}) · {key[1]} {names[1]} · {names[2]}", ""]
        sent = con.execute(_LINES, key).fetchall()
        lines += [text for row in sent for text in _line(con, row)] or ["Nothing was sent on this indicator."]
        lines += [_owed(row) for row in con.execute(_OWED, key).fetchall()]
        lines += ["", "Compared with"]
        targets = con.execute(_TARGETS, key[:2]).fetchall()
        lines += [_target(row[:-3]) for row in targets] or ["  no target of any plan"]
        lines += dict.fromkeys(_document(*row[-3:]) for row in targets if row[-3])
        lines += ["", *[_answer(row) for row in con.execute(_ANSWER, key).fetchall()]]
    return "\n".join(lines).rstrip()


def _figure(numerator: Any, denominator: Any, value: Any, text: Any) -> str:
    parts = "" if numerator is None else f" = {format_number(numerator, 4)} / {format_number(denominator, 4)}"
    return (text or "no value") + parts if value is None else format_number(value, 4) + parts


def _line(con: duckdb.DuckDBPyConnection, row: tuple[Any, ...]) -> list[str]:
    (submission, name, sha256, received, sheet, number, cell, disposition, reason, numerator, denominator, value, text,
     withdrawn, recorded, superseded, current, replaced, agency) = row  # fmt: skip
    if disposition == "accepted" and recorded is not None:
        said = "withdrawn" if withdrawn else _figure(numerator, denominator, value, text)
        state = "in force" if current else f"superseded {superseded:%Y-%m-%d %H:%M}"
        first = f"Figure     {said}   ({state}, recorded {recorded:%Y-%m-%d %H:%M})"
    elif disposition == "accepted":
        first = "Figure     the same as before, or held back by a lock: see marts.mart_late_change"
    elif disposition == "rejected":
        first = f"Rejected   by {reason}"
    else:
        first = f"No answer  the line is in the file without a figure ({reason})"
    told = [
        first,
        f"  from     {name} of {agency}, {sheet}!{cell or f'row {number}'}, received {received:%Y-%m-%d %H:%M}",
        f"  sha256   {sha256} (submission {submission})",
    ]
    if replaced is not None:
        told.append(f"  replaced {format_number(replaced, 4)}")
    for code, severity, where, message in con.execute(_FINDINGS, [submission, sheet, number]).fetchall():
        told.append(f"  {severity:<8} {code} {where}: {message}")
    return told


def _owed(row: tuple[Any, ...]) -> str:
    agency, name, due, status, label = row
    return f"Owed by    {agency} {name}, due {due:%Y-%m-%d}: {status} ({label})"


def _target(row: tuple[Any, ...]) -> str:
    milestone, written, scope, plan, number, appendix, printed_row, superseded_by, page, there = row
    left = f", superseded by {superseded_by}" if superseded_by else ""
    place = f"{appendix}, {printed_row}" if appendix else printed_row
    place += "".join(f", {said}" for said in (f"page {page}" if page else "", there) if said)
    on = f"{milestone:%Y-%m-%d}" if milestone else "no day    "
    return f"  {on}  {written}{f' [{scope}]' if scope else ''}   {plan} {number}, {place}{left}"


def _document(file: str, sha256: str | None, is_kept: bool) -> str:
    kept = "kept in the archive" if is_kept else "not kept"
    return f"  read from {file}{f', sha256 {sha256}' if sha256 else ''} ({kept})"


def _answer(row: tuple[Any, ...]) -> str:
    scope, level, level_label, pace, pace_label, expected, ratio = row
    sums = f", expected {format_number(expected, 4)}, pace {format_number(ratio, 4)}" if ratio is not None else ""
    return f"Level {level} ({level_label}); pace {pace} ({pace_label}){sums}{f' [{scope}]' if scope else ''}"
