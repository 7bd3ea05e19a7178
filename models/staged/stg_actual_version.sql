-- Every accepted figure in the order it was received; is_unchanged: it says what was believed already.
WITH sent AS (
    SELECT
        a.*, r.commune_code, r.agency_code, s.period_code, r.received_at, r.ledger_sequence,
        row(a.numerator, a.denominator, a.value, a.value_text, a.note) AS said
    FROM checked.actual AS a
    JOIN raw.receipt AS r USING (submission_id)
    JOIN checked.submission AS s USING (submission_id)
)
SELECT
    * EXCLUDE (said),
    coalesce(said = lag(said) OVER history, false) AS is_unchanged
FROM sent
WINDOW history AS (
    PARTITION BY commune_code, agency_code, indicator_code, period_code
    ORDER BY received_at, ledger_sequence, source_row
)
ORDER BY ledger_sequence, source_row
