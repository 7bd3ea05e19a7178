-- Every accepted task report in the order in which it was believed; is_unchanged: it says what was believed already.
-- Lines held back by a lock are not here.
WITH sent AS (
    SELECT
        t.*, e.commune_code, e.agency_code, e.period_code, e.received_at, e.entered_at, e.ledger_sequence,
        row(t.state, t.percent_done, t.document_number, t.document_date, t.difficulty) AS said
    FROM checked.task_report AS t
    JOIN staged.stg_entry AS e USING (submission_id)
    WHERE e.entered_at IS NOT NULL
)
SELECT
    * EXCLUDE (said),
    coalesce(said = lag(said) OVER history, false) AS is_unchanged
FROM sent
WINDOW history AS (
    PARTITION BY task_id, agency_code, period_code
    ORDER BY entered_at, ledger_sequence, source_row
)
ORDER BY ledger_sequence, source_row
