-- Figures that were sent again, with until when each was believed; is_unchanged: it says what was believed already. Most
-- figures are sent once and are not here; neither are lines held back by a lock.
WITH sent AS (
    SELECT
        a.*, e.commune_code, e.agency_code, e.period_code, e.entered_at, e.ledger_sequence,
        hash(e.commune_code, e.agency_code, a.indicator_code, e.period_code) AS history
    FROM checked.actual AS a
    JOIN staged.stg_entry AS e USING (submission_id)
    WHERE e.entered_at IS NOT NULL
),
-- Two figures of one hash may be strangers: the order below is by the names themselves.
again AS (
    SELECT history
    FROM sent
    GROUP BY history
    HAVING count(*) > 1
),
said AS (
    SELECT *, row(numerator, denominator, value, value_text, note, is_withdrawn) AS said
    FROM sent
    SEMI JOIN again USING (history)
),
compared AS (
    SELECT *, coalesce(said = lag(said) OVER believed, false) AS is_unchanged
    FROM said
    WINDOW believed AS (
        PARTITION BY commune_code, agency_code, indicator_code, period_code
        ORDER BY entered_at, ledger_sequence, source_row)
)
SELECT
    submission_id, source_sheet, source_row, is_unchanged,
    min(entered_at) FILTER (NOT is_unchanged) OVER later AS superseded_at
FROM compared
WINDOW later AS (
    PARTITION BY commune_code, agency_code, indicator_code, period_code
    ORDER BY entered_at, ledger_sequence, source_row
    ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
