-- Every accepted task report in the order it was received; is_unchanged: it says what was believed already.
WITH sent AS (
    SELECT
        t.*, r.commune_code, r.agency_code, s.period_code, r.received_at, r.ledger_sequence,
        row(t.state, t.percent_done, t.document_number, t.document_date, t.difficulty) AS said
    FROM checked.task_report AS t
    JOIN raw.receipt AS r USING (submission_id)
    JOIN checked.submission AS s USING (submission_id)
)
SELECT
    * EXCLUDE (said),
    coalesce(said = lag(said) OVER history, false) AS is_unchanged
FROM sent
WINDOW history AS (
    PARTITION BY task_id, agency_code, period_code
    ORDER BY received_at, ledger_sequence, source_row
)
ORDER BY ledger_sequence, source_row
