-- Lines that were sent more than once, or are no longer in force: figures of one commune, agency, indicator and period,
-- reports of one agency on a task and period. Most lines are sent once and are not here; neither are lines held, by a
-- lock or for confirmation. An agency and the one that took its place have one series, unless the latter had reported before
-- that was known. Lines are not kept in between: of a country they fill the memory.
WITH line AS NOT MATERIALIZED (
    SELECT
        'indicator' AS kind, a.submission_id, a.version, a.source_sheet, a.source_row,
        e.commune_code, coalesce(a.agency_code, e.agency_code) AS agency_code, a.indicator_code AS code, e.period_code,
        row(a.numerator, a.denominator, a.value, a.value_text, a.note, a.is_withdrawn, a.is_estimate) AS figure,
        NULL AS report,
        e.let_in_at, e.entered_at, e.left_at, e.ledger_sequence
    FROM checked.actual AS a
    JOIN staged.stg_entry AS e USING (submission_id, version)
    WHERE e.entered_at IS NOT NULL AND NOT coalesce(a.is_held, false)
    UNION ALL
    SELECT
        'task', t.submission_id, t.version, t.source_sheet, t.source_row,
        e.commune_code, coalesce(t.agency_code, e.agency_code), t.task_id, e.period_code,
        NULL, row(t.state, t.percent_done, t.document_number, t.document_date, t.difficulty, t.result, t.proposal),
        e.let_in_at, e.entered_at, e.left_at, e.ledger_sequence
    FROM checked.task_report AS t
    JOIN staged.stg_entry AS e USING (submission_id, version)
    WHERE e.entered_at IS NOT NULL AND NOT coalesce(t.is_held, false)
),
successor AS (
    SELECT code AS agency_code, successor_code, known_from
    FROM core.bridge_successor
    WHERE kind = 'agency' AND successor_code IS NOT NULL
),
apart AS (
    SELECT DISTINCT s.agency_code, l.commune_code, l.code, l.period_code
    FROM line AS l
    JOIN successor AS s ON s.successor_code = l.agency_code
    WHERE l.entered_at < s.known_from
),
sent AS NOT MATERIALIZED (
    SELECT
        l.*, CASE WHEN p.code IS NULL THEN coalesce(s.successor_code, l.agency_code) ELSE l.agency_code END AS agency_now,
        hash(l.kind, l.commune_code, agency_now, l.code, l.period_code) AS series_hash
    FROM line AS l
    LEFT JOIN successor AS s ON s.agency_code = l.agency_code
    LEFT JOIN apart AS p
        ON p.agency_code = l.agency_code AND p.commune_code = l.commune_code AND p.code = l.code
        AND p.period_code = l.period_code
),
again AS (  -- two series of one hash may be strangers: what follows goes by their names
    SELECT series_hash
    FROM sent
    GROUP BY series_hash
    HAVING count(*) > 1 OR bool_or(left_at IS NOT NULL)
)
SELECT
    s.kind, s.submission_id, s.version, s.source_sheet, s.source_row,
    row(s.kind, s.commune_code, s.agency_now, s.code, s.period_code)::VARCHAR AS series,
    coalesce(to_json(s.figure), to_json(s.report))::VARCHAR AS said,
    s.let_in_at, s.entered_at, s.left_at, s.ledger_sequence
FROM sent AS s
SEMI JOIN again USING (series_hash)
ORDER BY s.kind, series, s.let_in_at, s.ledger_sequence, s.source_row, s.version
