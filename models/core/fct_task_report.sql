SELECT
    concat(t.submission_id, '/', t.source_sheet, '/', t.source_row,
        CASE WHEN t.version > 1 THEN '/v' || t.version END, CASE WHEN v.nth > 1 THEN '/' || v.nth END) AS task_report_id,
    t.submission_id, e.commune_code, coalesce(t.agency_code, e.agency_code) AS agency_code, t.task_id, e.period_code,
    t.state, t.percent_done, t.document_number, t.document_date, t.difficulty,
    t.result, t.proposal, t.repeats_period,
    coalesce(v.recorded_at, e.entered_at) AS recorded_at,
    v.superseded_at,
    v.superseded_at IS NULL AS is_current,
    t.source_sheet, t.source_row, t.source_cell,
    getvariable('is_illustrative') AS is_illustrative,
    t.version
FROM checked.task_report AS t
JOIN staged.stg_entry AS e USING (submission_id, version)
LEFT JOIN staged.stg_version AS v
    ON v.kind = 'task' AND v.submission_id = t.submission_id AND v.version = t.version
    AND v.source_sheet = t.source_sheet AND v.source_row = t.source_row
WHERE e.entered_at IS NOT NULL AND NOT coalesce(t.is_held, false) AND NOT coalesce(v.is_unchanged, false)
ORDER BY e.ledger_sequence, t.source_row, t.version, v.nth
