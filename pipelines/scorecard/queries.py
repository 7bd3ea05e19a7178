"""What the scorecard asks of core and marts, in one query a subject. What is made of the answers is board.py."""

# In the order of the Vietnamese alphabet, as near as it matters: đ after d, tones last.
COMMUNES = """
FROM core.dim_commune
ORDER BY strip_accents(replace(lower(short_name), 'đ', 'dzz')), lower(short_name), commune_code
"""
INDICATORS = """
SELECT i.*, a.agency_name AS lead_agency_name
FROM core.dim_indicator AS i
LEFT JOIN core.dim_agency AS a ON a.agency_code = i.lead_agency_code
ORDER BY i.indicator_code
"""
# The figures of the last 24 months, and before them those at the end of a year: enough to see the way from the first
# year on, and of the same size after twenty years.
_RECENT = """(d.measured_on > (SELECT as_of_on - INTERVAL 25 MONTH FROM core.dim_build) OR d.kind = 'year'
    OR month(d.measured_on) = 12)"""
PERIODS = f"""
SELECT d.period_code, d.label, d.kind, d.measured_on
FROM core.dim_period AS d
WHERE {_RECENT}
ORDER BY d.measured_on, if(d.kind = 'month', '', d.kind), d.period_code
"""
PLANS = """
SELECT p.*, a.agency_name AS focal_agency_name
FROM core.dim_plan AS p
LEFT JOIN core.dim_agency AS a ON a.agency_code = p.focal_agency_code
ORDER BY p.commune_code, p.in_force_from DESC, p.plan_id
"""
# The period of each indicator's newest rate.
_NEWEST_RATE = """
SELECT p.indicator_code, arg_max(p.period_code, (q.measured_on, if(q.kind = 'month', '', q.kind))) AS period_code
FROM marts.mart_city_progress AS p
JOIN core.dim_period AS q USING (period_code)
GROUP BY p.indicator_code
"""
# The periods that anything is newest of. Ranks and origins are asked for these alone, given as a list: so DuckDB leaves
# out the lines of all others before a window looks at them.
NEWEST = f"""
SELECT period_code FROM marts.mart_kpi_progress WHERE is_latest
UNION
SELECT period_code FROM ({_NEWEST_RATE})
ORDER BY ALL
"""
PROGRESS = """
SELECT
    p.*, d.label AS period_label, f.note, r.rank, r.communes_ranked
FROM marts.mart_kpi_progress AS p
JOIN core.dim_period AS d USING (period_code)
LEFT JOIN core.fct_actual AS f USING (actual_id)
LEFT JOIN (FROM marts.mart_commune_rank WHERE list_contains($newest, period_code)) AS r
    ON (r.commune_code, r.indicator_code, r.scope, r.period_code)
    = (p.commune_code, p.indicator_code, p.scope, p.period_code)
WHERE p.is_latest
ORDER BY p.commune_code, p.indicator_code, p.scope
"""
# A commune that others were merged into has their figures of before with its own, summed and marked.
SERIES = f"""
WITH pooled AS (
    SELECT
        s.commune_code, s.indicator_code, s.period_code, s.value, s.numerator, s.denominator, s.commune_name,
        replace(
            replace($pooled, '{{reported}}', s.predecessors_reporting::VARCHAR), '{{communes}}', s.predecessors::VARCHAR
        ) AS note
    FROM marts.mart_successor_series AS s
    WHERE s.is_pooled
),
figure AS (
    SELECT
        p.commune_code, p.indicator_code, p.scope, p.period_code, p.value::DOUBLE AS value, p.value_text,
        p.numerator::DOUBLE AS numerator, p.denominator::DOUBLE AS denominator, p.expected_value, f.note, p.commune_name
    FROM marts.mart_kpi_progress AS p
    JOIN core.fct_actual AS f USING (actual_id)
    ANTI JOIN pooled AS o
        ON o.commune_code = p.commune_code AND o.indicator_code = p.indicator_code AND o.period_code = p.period_code
        AND p.scope = ''
    UNION ALL BY NAME
    SELECT
        commune_code, indicator_code, '' AS scope, period_code, value::DOUBLE AS value,
        numerator::DOUBLE AS numerator, denominator::DOUBLE AS denominator, note, commune_name
    FROM pooled
)
SELECT p.*, d.measured_on, d.label AS period_label
FROM figure AS p
JOIN core.dim_period AS d USING (period_code)
WHERE {_RECENT}
ORDER BY p.commune_code, p.indicator_code, p.scope, d.measured_on, if(d.kind = 'month', '', d.kind)
"""
# The milestones of the plans in force now; before the first plan comes into force, those of the first.
MILESTONES = """
WITH regime AS (
    SELECT
        r.commune_code,
        coalesce(max(r.regime_from) FILTER (r.regime_from <= b.as_of_on), min(r.regime_from)) AS regime_from
    FROM core.bridge_plan_in_force AS r
    CROSS JOIN core.dim_build AS b
    GROUP BY r.commune_code
)
SELECT m.*
FROM core.dim_milestone AS m
SEMI JOIN regime AS r USING (commune_code, regime_from)
ORDER BY m.commune_code, m.indicator_code, m.scope, m.milestone_on
"""
CITY = f"""
SELECT p.*, d.label AS period_label, d.measured_on
FROM marts.mart_city_progress AS p
JOIN core.dim_period AS d USING (period_code)
WHERE {_RECENT}
ORDER BY p.indicator_code, d.measured_on DESC, if(d.kind = 'month', '', d.kind)
"""
REPORTING = f"""
SELECT r.*, d.measured_on, s.severity
FROM marts.mart_reporting_status AS r
JOIN core.dim_period AS d USING (period_code)
JOIN core.dim_status AS s ON s.answer = 'reporting' AND s.status = r.reporting_status
WHERE {_RECENT}
ORDER BY d.measured_on DESC, d.period_code DESC, r.commune_code, r.agency_code
"""
REJECTIONS = """
SELECT
    r.*, s.period_code, p.label AS period_label, s.received_at, c.commune_name, a.agency_name
FROM core.fct_rejection AS r
JOIN core.fct_submission AS s USING (submission_id)
LEFT JOIN core.dim_commune AS c ON c.commune_code = r.commune_code
LEFT JOIN core.dim_agency AS a ON a.agency_code = r.agency_code
LEFT JOIN core.dim_period AS p ON p.period_code = s.period_code
WHERE s.received_at > (SELECT as_of_on - INTERVAL 13 MONTH FROM core.dim_build)
ORDER BY s.received_at DESC, r.submission_id, r.finding_order
"""
RECONCILED = """
SELECT
    s.period_code, any_value(d.label) AS period_label, any_value(d.measured_on) AS measured_on, count(*) AS files,
    count(*) FILTER (r.status = 'unreadable') AS unreadable, count(*) FILTER (r.status = 'duplicate') AS duplicate,
    count(*) FILTER (r.status = 'rejected') AS refused,
    sum(r.rows_read) AS rows_read, sum(r.rows_accepted) AS rows_accepted, sum(r.rows_unchanged) AS rows_unchanged,
    sum(r.rows_held) AS rows_held, sum(r.rows_rejected) AS rows_rejected, sum(r.rows_ignored) AS rows_ignored,
    sum(r.rows_unaccounted) AS rows_unaccounted
FROM marts.mart_reconciliation AS r
JOIN core.fct_submission AS s USING (submission_id)
LEFT JOIN core.dim_period AS d USING (period_code)
GROUP BY s.period_code
ORDER BY measured_on DESC NULLS LAST, s.period_code DESC
"""
CONFLICTS = """
SELECT p.*, c.commune_name
FROM marts.mart_plan_conflict AS p
JOIN core.dim_commune AS c USING (commune_code)
ORDER BY p.kind, p.commune_code, p.indicator_code, p.milestone_on, p.first_target_id, p.second_target_id
"""
LATE = """
SELECT l.* EXCLUDE (act), d.label AS period_label, a.agency_name
FROM marts.mart_late_change AS l
LEFT JOIN core.dim_period AS d USING (period_code)
LEFT JOIN core.dim_agency AS a USING (agency_code)
ORDER BY l.received_at DESC, l.submission_id
"""
# The yearly report that the communes work on or made last: those that wait for most agencies first.
YEARLY = """
SELECT *
FROM marts.mart_commune_report
WHERE period_kind = 'year'
QUALIFY period_code = max(period_code) OVER ()
ORDER BY handed_over_at IS NOT NULL, due_on, len(waiting_codes) DESC, commune_code
"""
OUTLOOK = """
SELECT o.*, d.label AS period_label
FROM marts.mart_target_outlook AS o
JOIN core.dim_period AS d USING (period_code)
ORDER BY o.milestone_on, o.pace NULLS FIRST, o.commune_code, o.indicator_code, o.scope
"""
# Places of the communes by the newest figure of the city.
PLACES = f"""
SELECT r.indicator_code, r.commune_code, r.commune_name, r.value, r.rank, r.communes_ranked
FROM marts.mart_commune_rank AS r
JOIN core.dim_period AS d USING (period_code)
WHERE list_contains($newest, r.period_code) AND r.scope = '' AND (r.indicator_code, r.period_code) IN (
    {_NEWEST_RATE})
ORDER BY r.indicator_code, r.rank, r.commune_code
"""
APPROVALS = "SELECT commune_code, period_code, approval_status, acted_at, figures_changed FROM marts.mart_approval"
STANDING = "FROM marts.mart_commune_standing ORDER BY rank NULLS LAST, score DESC, commune_code"
# Where the newest figures come from, without the names of people or of files.
ORIGINS = """
SELECT
    p.commune_code, p.commune_name, p.indicator_code, p.indicator_name, p.scope, p.unit_of_measure, p.actual_id,
    p.numerator, p.denominator, p.value, p.value_text, p.is_estimate, d.label AS period_label, a.agency_name, t.sha256,
    t.source_sheet, t.source_cell, t.received_at, t.replaced_value, t.replaced_actual_id,
    coalesce((
        SELECT list(DISTINCT r.rule_code ORDER BY r.rule_code) FROM core.fct_rejection AS r
        WHERE r.submission_id = t.submission_id AND r.source_sheet = t.source_sheet AND r.source_row = t.source_row
    ), []) AS rules
FROM marts.mart_kpi_progress AS p
JOIN marts.mart_trace AS t USING (actual_id)
JOIN core.dim_period AS d ON d.period_code = p.period_code
LEFT JOIN core.dim_agency AS a ON a.agency_code = p.agency_code
WHERE p.is_latest AND list_contains($newest, t.period_code)
ORDER BY p.commune_code, p.indicator_code, p.scope
"""
TARGETS = """
SELECT
    t.commune_code, t.indicator_code, t.scope, t.milestone_on, t.as_written, t.appendix, t.row_number, t.source_page,
    t.source_place, p.document_number, p.issued_on, p.source_file
FROM core.fct_target AS t
JOIN core.dim_plan AS p USING (plan_id)
WHERE p.superseded_by IS NULL AND t.indicator_code IS NOT NULL
ORDER BY t.commune_code, t.indicator_code, t.scope, t.milestone_on, t.plan_id, t.line_order
"""
# Targets in force whose indicator has no code yet.
UNCODED = """
SELECT
    t.commune_code, c.commune_name, t.target_name, t.scope, t.milestone_on, t.as_written, t.lead_as_written, t.appendix,
    t.row_number, t.source_page, p.document_number
FROM core.fct_target AS t
JOIN core.dim_plan AS p USING (plan_id)
JOIN core.dim_commune AS c ON c.commune_code = t.commune_code
WHERE p.superseded_by IS NULL AND t.indicator_code IS NULL
ORDER BY t.commune_code, t.plan_id, t.line_order
"""
DIFFERENCES = "FROM marts.mart_milestone_difference ORDER BY commune_code, indicator_code, scope, milestone_on"
# What waits to be confirmed, beside what is in force meanwhile.
HELD = """
SELECT
    h.commune_code, h.commune_name, h.agency_code, h.agency_name, h.table_kind, h.code, h.received_at, h.question,
    h.numerator, h.denominator, h.value, h.value_text, d.label AS period_label,
    coalesce(i.indicator_name, t.title) AS name, i.kind, i.unit_of_measure,
    f.numerator AS old_numerator, f.denominator AS old_denominator,
    coalesce(f.value, r.percent_done) AS old_value, coalesce(f.value_text, r.state) AS old_value_text
FROM marts.mart_held_line AS h
LEFT JOIN core.dim_period AS d USING (period_code)
LEFT JOIN core.dim_indicator AS i ON h.table_kind = 'indicator' AND i.indicator_code = h.code
LEFT JOIN core.dim_task AS t ON h.table_kind = 'task' AND t.task_id = h.code
LEFT JOIN core.fct_actual AS f
    ON h.table_kind = 'indicator' AND f.is_current AND NOT f.is_withdrawn AND f.commune_code = h.commune_code
    AND f.agency_code = h.agency_code AND f.indicator_code = h.code AND f.period_code = h.period_code
LEFT JOIN core.fct_task_report AS r
    ON h.table_kind = 'task' AND r.is_current AND r.agency_code = h.agency_code AND r.task_id = h.code
    AND r.period_code = h.period_code
WHERE h.state = 'waiting'
ORDER BY h.received_at, h.commune_code, h.code, h.submission_id, h.source_row
"""
