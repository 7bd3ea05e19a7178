SELECT
    a.submission_id || '/' || a.source_sheet || '/' || a.source_row AS actual_id,
    a.submission_id, e.commune_code, e.agency_code, a.indicator_code, e.period_code, a.numerator, a.denominator, a.value,
    a.note,
    e.entered_at AS recorded_at,
    v.superseded_at,
    v.superseded_at IS NULL AS is_current,
    a.source_sheet, a.source_row, a.source_cell, a.value_text, a.is_withdrawn,
    getvariable('is_illustrative') AS is_illustrative
FROM checked.actual AS a
JOIN staged.stg_entry AS e USING (submission_id)
LEFT JOIN staged.stg_actual_version AS v USING (submission_id, source_sheet, source_row)
WHERE e.entered_at IS NOT NULL AND NOT coalesce(v.is_unchanged, false)
ORDER BY e.commune_code, a.indicator_code, e.period_code, e.ledger_sequence, a.source_row
