SELECT
    submission_id || '/' || source_sheet || '/' || source_row AS actual_id,
    submission_id, commune_code, agency_code, indicator_code, period_code, numerator, denominator, value, note,
    entered_at AS recorded_at,
    superseded_at,
    superseded_at IS NULL AS is_current,
    source_sheet, source_row, source_cell, value_text, is_withdrawn,
    getvariable('is_illustrative') AS is_illustrative
FROM staged.stg_actual_version
WHERE NOT is_unchanged
ORDER BY commune_code, indicator_code, period_code, ledger_sequence, source_row
