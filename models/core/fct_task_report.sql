-- is_part: of a task given to all agencies together the report of one of them on its own part, which the period's duties
-- say; every other report is on the task as a whole.
WITH successor AS (
    SELECT code AS agency_code, successor_code
    FROM core.bridge_successor
    WHERE kind = 'agency' AND successor_code IS NOT NULL
),
shared AS (SELECT DISTINCT code FROM core.known_duty WHERE kind = 'task' AND part_from IS NOT NULL),
duty AS (
    SELECT d.code AS task_id, coalesce(s.successor_code, d.agency_code) AS agency_now, d.part_from, d.accepted_from, d.holds_until
    FROM core.known_duty AS d
    SEMI JOIN shared USING (code)
    LEFT JOIN successor AS s USING (agency_code)
    WHERE d.kind = 'task'
),
report AS (
    SELECT
        t.*, e.commune_code, coalesce(t.agency_code, e.agency_code) AS sent_by, e.period_code, e.entered_at,
        e.ledger_sequence, coalesce(s.successor_code, sent_by) AS agency_now
    FROM checked.task_report AS t
    JOIN staged.stg_entry AS e USING (submission_id, version)
    LEFT JOIN successor AS s ON s.agency_code = coalesce(t.agency_code, e.agency_code)
    WHERE e.entered_at IS NOT NULL AND NOT coalesce(t.is_held, false)
),
part AS (
    SELECT r.submission_id, r.version, r.source_sheet, r.source_row, bool_and(d.part_from IS NOT NULL) AS is_part
    FROM report AS r
    JOIN core.dim_period AS p USING (period_code)
    JOIN duty AS d
        ON d.task_id = r.task_id AND d.agency_now = r.agency_now
        AND (d.accepted_from IS NULL OR d.accepted_from <= p.ends_on) AND (d.holds_until IS NULL OR d.holds_until > p.ends_on)
    GROUP BY ALL
)
SELECT
    concat(r.submission_id, '/', r.source_sheet, '/', r.source_row,
        CASE WHEN r.version > 1 THEN '/v' || r.version END, CASE WHEN v.nth > 1 THEN '/' || v.nth END) AS task_report_id,
    r.submission_id, r.commune_code, r.sent_by AS agency_code, r.task_id, r.period_code,
    coalesce(d.is_part, false) AS is_part,
    r.state, r.percent_done, r.document_number, r.document_date, r.difficulty,
    r.result, r.proposal, r.repeats_period,
    coalesce(v.recorded_at, r.entered_at) AS recorded_at,
    v.superseded_at,
    v.superseded_at IS NULL AS is_current,
    r.source_sheet, r.source_row, r.source_cell,
    getvariable('is_illustrative') AS is_illustrative,
    r.version
FROM report AS r
LEFT JOIN part AS d USING (submission_id, version, source_sheet, source_row)
LEFT JOIN staged.stg_version AS v
    ON v.kind = 'task' AND v.submission_id = r.submission_id AND v.version = r.version
    AND v.source_sheet = r.source_sheet AND v.source_row = r.source_row
WHERE NOT coalesce(v.is_unchanged, false)
ORDER BY r.ledger_sequence, r.source_row, r.version, v.nth
