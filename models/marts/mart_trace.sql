-- A figure and where it comes from: one line for every line an agency sent on an indicator of a commune, taken or not.
SELECT
    s.commune_code, l.agency_code, l.code AS indicator_code, s.period_code, s.submission_id, s.original_name,
    s.sha256, s.received_at, l.source_sheet, l.source_row, a.source_cell, l.disposition, l.reason,
    a.actual_id, a.numerator, a.denominator, a.value, a.value_text, a.is_withdrawn, a.recorded_at, a.superseded_at,
    a.is_current,
    lag(a.actual_id) OVER history AS replaced_actual_id,
    lag(a.value) OVER history AS replaced_value,
    s.is_illustrative
FROM core.fct_line AS l
JOIN core.fct_submission AS s USING (submission_id)
LEFT JOIN core.fct_actual AS a
    ON a.submission_id = l.submission_id AND a.source_sheet = l.source_sheet AND a.source_row = l.source_row
WHERE l.table_kind = 'indicator' AND l.line_kind IN ('data', 'unanswered') AND l.code IS NOT NULL
WINDOW history AS (
    PARTITION BY s.commune_code, l.agency_code, l.code, s.period_code, a.actual_id IS NOT NULL
    ORDER BY a.recorded_at, s.ledger_sequence)
ORDER BY s.commune_code, l.code, s.period_code, s.ledger_sequence, l.source_row
