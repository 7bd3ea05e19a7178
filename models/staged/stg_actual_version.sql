-- Every accepted figure in the order in which it was believed; is_unchanged: it says what was believed already.
-- Lines held back by a lock are not here.
WITH sent AS (
    SELECT
        a.*, e.commune_code, e.agency_code, e.period_code, e.received_at, e.entered_at, e.ledger_sequence,
        row(a.numerator, a.denominator, a.value, a.value_text, a.note, a.is_withdrawn) AS said
    FROM checked.actual AS a
    JOIN staged.stg_entry AS e USING (submission_id)
    WHERE e.entered_at IS NOT NULL
)
SELECT
    * EXCLUDE (said),
    coalesce(said = lag(said) OVER history, false) AS is_unchanged
FROM sent
WINDOW history AS (
    PARTITION BY commune_code, agency_code, indicator_code, period_code
    ORDER BY entered_at, ledger_sequence, source_row
)
ORDER BY ledger_sequence, source_row
