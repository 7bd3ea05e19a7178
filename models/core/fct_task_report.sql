SELECT
    submission_id || '/' || source_sheet || '/' || source_row AS task_report_id,
    submission_id, commune_code, agency_code, task_id, period_code, state, percent_done, document_number,
    document_date, difficulty,
    entered_at AS recorded_at,
    lead(entered_at) OVER history AS superseded_at,
    lead(entered_at) OVER history IS NULL AS is_current,
    source_sheet, source_row, source_cell,
    getvariable('is_illustrative') AS is_illustrative
FROM staged.stg_task_version
WHERE NOT is_unchanged
WINDOW history AS (
    PARTITION BY task_id, agency_code, period_code
    ORDER BY entered_at, ledger_sequence, source_row
)
ORDER BY ledger_sequence, source_row
