"""What a file changed, line by line, and what it leaves to do: figures replaced, reports repeated, lines that wait to
be confirmed, and what the agency still owes for the period.

As it was when the file came in: what other files did later does not change an answer.
"""

from __future__ import annotations

from collections import defaultdict

import duckdb

from pipelines.files import Row
from pipelines.office.figures import sent
from pipelines.office.wording import say
from pipelines.vietnamese import in_sentence
from pipelines.warehouse.rows import dicts

_WANTED = "wanted AS (SELECT unnest($ids::VARCHAR[]) AS submission_id)"
# Of each line that supersedes one: what it says now, and what was said before.
_REPLACED = f"""
WITH {_WANTED}
SELECT
    n.submission_id, 'indicator' AS table_kind, n.indicator_code AS code, i.kind, i.unit_of_measure,
    n.numerator, n.denominator, n.value, n.value_text, n.is_estimate, NULL AS document_number,
    b.numerator AS before_numerator, b.denominator AS before_denominator, b.value AS before_value,
    b.value_text AS before_value_text, b.is_estimate AS before_is_estimate, NULL AS before_document_number,
    n.source_sheet, n.source_row
FROM core.fct_actual AS n
SEMI JOIN wanted USING (submission_id)
JOIN core.fct_actual AS b
    ON b.commune_code = n.commune_code AND b.agency_code = n.agency_code AND b.indicator_code = n.indicator_code
    AND b.period_code = n.period_code AND b.superseded_at = n.recorded_at AND b.actual_id <> n.actual_id
JOIN core.dim_indicator AS i ON i.indicator_code = n.indicator_code
WHERE NOT n.is_withdrawn AND NOT b.is_withdrawn
UNION ALL
SELECT
    n.submission_id, 'task', n.task_id, NULL, NULL, NULL, NULL, n.percent_done, n.state, false, n.document_number,
    NULL, NULL, b.percent_done, b.state, false, b.document_number, n.source_sheet, n.source_row
FROM core.fct_task_report AS n
SEMI JOIN wanted USING (submission_id)
JOIN core.fct_task_report AS b
    ON b.task_id = n.task_id AND b.agency_code = n.agency_code AND b.period_code = n.period_code
    AND b.superseded_at = n.recorded_at AND b.task_report_id <> n.task_report_id
ORDER BY 1, 2, source_sheet, source_row
"""
_REPEATED = f"""
WITH {_WANTED}
SELECT t.submission_id, t.task_id AS code, 'task' AS table_kind, t.percent_done AS value, t.state AS value_text,
    t.document_number, p.label AS period_label
FROM checked.task_report AS t
SEMI JOIN wanted USING (submission_id)
SEMI JOIN (FROM core.fct_submission WHERE NOT is_held) AS s
    ON s.submission_id = t.submission_id AND s.version = t.version
JOIN core.dim_period AS p ON p.period_code = t.repeats_period
WHERE NOT coalesce(t.is_held, false)
ORDER BY 1, t.source_sheet, t.source_row
"""
# Lines held until the agency confirms them, and what was in force for the period when the file came.
_WAITING = f"""
WITH {_WANTED},
held AS (
    SELECT a.submission_id, a.version, 'indicator' AS table_kind, a.indicator_code AS code, a.agency_code, a.numerator,
        a.denominator, a.value, a.value_text, a.source_sheet, a.source_row
    FROM checked.actual AS a
    WHERE a.is_held
    UNION ALL
    SELECT submission_id, version, 'task', task_id, agency_code, NULL, NULL, percent_done, state, source_sheet,
        source_row
    FROM checked.task_report
    WHERE is_held
),
in_force AS (
    SELECT commune_code, agency_code, indicator_code AS code, period_code, numerator, denominator, value, value_text,
        recorded_at, superseded_at
    FROM core.fct_actual
    WHERE NOT is_withdrawn
    UNION ALL
    SELECT commune_code, agency_code, task_id, period_code, NULL, NULL, percent_done, state, recorded_at, superseded_at
    FROM core.fct_task_report
)
SELECT
    h.submission_id, h.table_kind, h.code, i.kind, i.unit_of_measure, h.numerator, h.denominator, h.value, h.value_text,
    f.numerator AS before_numerator, f.denominator AS before_denominator, f.value AS before_value,
    f.value_text AS before_value_text
FROM held AS h
SEMI JOIN wanted USING (submission_id)
JOIN core.fct_submission AS s ON s.submission_id = h.submission_id AND s.version = h.version
LEFT JOIN core.dim_indicator AS i ON i.indicator_code = h.code
LEFT JOIN in_force AS f
    ON f.commune_code = s.commune_code AND f.agency_code = coalesce(h.agency_code, s.agency_code) AND f.code = h.code
    AND f.period_code = s.period_code AND f.recorded_at < s.received_at
    AND (f.superseded_at IS NULL OR f.superseded_at > s.received_at)
ORDER BY h.submission_id, h.source_sheet, h.source_row
"""
# What the sender owes for the period, and whether a line of it was in force once the file was in.
_OWED = f"""
WITH {_WANTED},
of_file AS (
    SELECT s.submission_id, s.commune_code, s.agency_code, s.period_code, s.received_at, o.ends_on
    FROM core.fct_submission AS s
    SEMI JOIN wanted USING (submission_id)
    JOIN core.dim_due AS o ON o.commune_code = s.commune_code AND o.period_code = s.period_code
    WHERE s.status NOT IN ('duplicate', 'unreadable', 'set_aside')
),
duty AS (  -- of plans in force together the newest decides who reports an indicator
    SELECT f.*, d.kind, d.code, d.frequency, d.agency_code AS led_by
    FROM of_file AS f
    JOIN core.known_duty AS d
        ON d.commune_code = f.commune_code
        AND (d.holds_from IS NULL OR d.holds_from <= f.ends_on) AND (d.holds_until IS NULL OR d.holds_until > f.ends_on)
    QUALIFY d.kind = 'task' OR row_number() OVER (
        PARTITION BY f.submission_id, d.kind, d.code
        ORDER BY coalesce(d.holds_from, DATE '-infinity') DESC, d.plan_id DESC) = 1
),
owed AS (
    SELECT DISTINCT d.submission_id, d.commune_code, d.agency_code, d.period_code, d.received_at, d.kind, d.code
    FROM duty AS d
    LEFT JOIN core.bridge_period_asked AS a ON a.period_code = d.period_code AND a.frequency = d.frequency
    WHERE d.led_by = d.agency_code AND (d.kind = 'task' OR a.frequency IS NOT NULL)
),
given AS (
    SELECT submission_id, commune_code, agency_code, period_code, indicator_code AS code, recorded_at, superseded_at
    FROM core.fct_actual
    WHERE NOT is_withdrawn
    UNION ALL
    SELECT submission_id, commune_code, agency_code, period_code, task_id, recorded_at, superseded_at
    FROM core.fct_task_report
)
SELECT
    o.submission_id, o.kind AS table_kind, o.code, coalesce(i.indicator_name, t.title) AS name,
    bool_or(coalesce(g.submission_id = o.submission_id
        OR (g.recorded_at <= o.received_at AND (g.superseded_at IS NULL OR g.superseded_at > o.received_at)), false))
        AS is_given
FROM owed AS o
LEFT JOIN core.dim_indicator AS i ON o.kind = 'indicator' AND i.indicator_code = o.code
LEFT JOIN core.dim_task AS t ON o.kind = 'task' AND t.task_id = o.code
LEFT JOIN given AS g
    ON g.commune_code = o.commune_code AND g.agency_code = o.agency_code AND g.period_code = o.period_code
    AND g.code = o.code
GROUP BY ALL
ORDER BY o.submission_id, o.kind, any_value(t.line_order), o.code
"""
_PARTS = {"replaced": _REPLACED, "repeated": _REPEATED, "waiting": _WAITING, "owed": _OWED}
_MOST = 60  # lines of one kind that are listed
_LONGEST_NAME = 110  # letters of a name


def outcomes(con: duckdb.DuckDBPyConnection, ids: list[str]) -> dict[str, dict[str, list[Row]]]:
    """What each submission changed and leaves to do: rows by kind ('replaced', 'repeated', 'waiting', 'owed') and
    submission."""
    found: dict[str, dict[str, list[Row]]] = {}
    for what, sql in _PARTS.items():
        found[what] = defaultdict(list)
        for row in dicts(con, sql, {"ids": ids}):
            found[what][row["submission_id"]].append(row)
    return found


def told(submission: Row) -> dict[str, str]:
    """What the answer says of it, a line of text for each line of the report, by name."""
    lines = {
        "replaced": [say("feedback.replaced", code=row["code"], before=_said(row, "before_"), now=_said(row))
                     for row in submission["replaced"]],
        "repeated": [say("feedback.repeated", code=row["code"], said=_said(row),
                         period=in_sentence(row["period_label"])) for row in submission["repeated"]],
        "waiting": [say("feedback.waiting", code=row["code"], said=_said(row), in_force=_said(row, "before_"))
                    for row in submission["waiting"]],
        "remains": _remains(submission["owed"]),
    }  # fmt: skip
    return {name: "\n".join(_first(some)) for name, some in lines.items() if some}


def _first(lines: list[str]) -> list[str]:
    left = len(lines) - _MOST
    return [*lines[:_MOST], say("feedback.and_more", count=left)] if left > 0 else lines


def _said(row: Row, prefix: str = "") -> str:
    """What a line says, in one text."""
    text = sent({"kind": None, "unit_of_measure": None, "numerator": None, "denominator": None,
                 "before_numerator": None, "before_denominator": None} | row, prefix)  # fmt: skip
    if text is None:
        return say("feedback.nothing_said")
    if row.get(f"{prefix}document_number"):
        text = say("feedback.with_document", said=text, document=row[f"{prefix}document_number"])
    return say("feedback.of_the_year", said=text) if row.get(f"{prefix}is_estimate") else text


def _remains(owed: list[Row]) -> list[str]:
    """What is still to be sent for the period: indicators by name, tasks by code."""
    if not owed:
        return []
    left = [row for row in owed if not row["is_given"]]
    if not left:
        return [say("feedback.remains.none", count=len(owed))]
    indicators = [row for row in left if row["table_kind"] == "indicator"]
    tasks = [row["code"] for row in left if row["table_kind"] == "task"]
    lines = [say("feedback.remains.indicator", code=row["code"], name=_clipped(row["name"])) for row in indicators]
    return lines + ([say("feedback.remains.tasks", count=len(tasks), codes=", ".join(tasks))] if tasks else [])


def _clipped(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + " …"
