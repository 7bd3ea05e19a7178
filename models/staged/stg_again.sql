-- Lines that were sent more than once, or are no longer in force: figures of one commune, agency, indicator and period,
-- reports of one agency on a task and period. Most lines are sent once and are not here; neither are lines held, by a
-- lock or for confirmation.
WITH sent AS (
    SELECT
        'indicator' AS kind, a.submission_id, a.version, a.source_sheet, a.source_row,
        row(e.commune_code, coalesce(a.agency_code, e.agency_code), a.indicator_code, e.period_code)::VARCHAR AS series,
        hash(e.commune_code, coalesce(a.agency_code, e.agency_code), a.indicator_code, e.period_code) AS series_hash,
        to_json(row(a.numerator, a.denominator, a.value, a.value_text, a.note, a.is_withdrawn, a.is_estimate))::VARCHAR AS said,
        e.let_in_at, e.entered_at, e.left_at, e.ledger_sequence
    FROM checked.actual AS a
    JOIN staged.stg_entry AS e USING (submission_id, version)
    WHERE e.entered_at IS NOT NULL AND NOT coalesce(a.is_held, false)
    UNION ALL
    SELECT
        'task', t.submission_id, t.version, t.source_sheet, t.source_row,
        row(t.task_id, coalesce(t.agency_code, e.agency_code), e.period_code)::VARCHAR,
        hash(t.task_id, coalesce(t.agency_code, e.agency_code), e.period_code),
        to_json(row(t.state, t.percent_done, t.document_number, t.document_date, t.difficulty, t.result, t.proposal))::VARCHAR,
        e.let_in_at, e.entered_at, e.left_at, e.ledger_sequence
    FROM checked.task_report AS t
    JOIN staged.stg_entry AS e USING (submission_id, version)
    WHERE e.entered_at IS NOT NULL AND NOT coalesce(t.is_held, false)
),
again AS (  -- two series of one hash may be strangers: what follows goes by their names
    SELECT series_hash
    FROM sent
    GROUP BY series_hash
    HAVING count(*) > 1 OR bool_or(left_at IS NOT NULL)
)
SELECT s.* EXCLUDE (series_hash)
FROM sent AS s
SEMI JOIN again USING (series_hash)
ORDER BY s.kind, s.series, s.let_in_at, s.ledger_sequence, s.source_row, s.version
