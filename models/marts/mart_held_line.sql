-- Every line that was held until its agency confirms it, and its outcome: waiting; confirmed, by which file and with
-- what reason; or replaced by another figure sent later.
WITH said AS NOT MATERIALIZED (
    SELECT
        submission_id, version, source_sheet, source_row, source_cell, 'indicator' AS table_kind, indicator_code AS code,
        numerator, denominator, value, value_text, NULL AS document_number, NULL::DATE AS document_date, note AS remark,
        is_held, agency_code AS for_agency
    FROM checked.actual
    UNION ALL
    SELECT
        submission_id, version, source_sheet, source_row, source_cell, 'task', task_id,
        NULL, NULL, percent_done, state, document_number, document_date, difficulty, is_held, agency_code
    FROM checked.task_report
),
placed AS NOT MATERIALIZED (
    SELECT
        d.*, e.commune_code, coalesce(d.for_agency, e.agency_code) AS agency_code, e.period_code, e.received_at, e.ledger_sequence, l.reason, l.confirms,
        l.confirmed_how, l.confirmed_reason,
        row(d.numerator, d.denominator, d.value, d.value_text, d.document_number, d.document_date) AS figure
    FROM said AS d
    JOIN staged.stg_entry AS e USING (submission_id, version)
    JOIN checked.line AS l USING (submission_id, source_sheet, source_row)
    WHERE e.is_newest
),
held AS (
    FROM placed WHERE is_held
),
later AS (
    SELECT
        h.submission_id, h.source_sheet, h.source_row,
        arg_min(n.submission_id, n.ledger_sequence) FILTER (n.confirms IS NOT NULL AND n.figure = h.figure) AS confirmed_by,
        min(n.received_at) FILTER (n.confirms IS NOT NULL AND n.figure = h.figure) AS confirmed_at,
        arg_min(n.confirmed_how, n.ledger_sequence) FILTER (n.confirms IS NOT NULL AND n.figure = h.figure)
            AS confirmed_how,
        arg_min(n.confirmed_reason, n.ledger_sequence) FILTER (n.confirms IS NOT NULL AND n.figure = h.figure)
            AS confirmed_reason,
        count(*) > 0 AS came_again
    FROM held AS h
    JOIN placed AS n
        ON n.commune_code = h.commune_code AND n.agency_code = h.agency_code AND n.period_code = h.period_code
        AND n.table_kind = h.table_kind AND n.code = h.code AND n.ledger_sequence > h.ledger_sequence
    GROUP BY ALL
)
SELECT
    h.submission_id, h.source_sheet, h.source_row, h.source_cell, h.commune_code, c.commune_name, h.agency_code,
    a.agency_name, h.period_code, h.received_at, h.table_kind, h.code, h.numerator, h.denominator, h.value,
    h.value_text, h.document_number, h.document_date, h.remark,
    h.reason AS held_by,
    (SELECT string_agg(f.message, ' ' ORDER BY f.finding_order) FROM checked.finding AS f
     WHERE f.submission_id = h.submission_id AND f.source_sheet = h.source_sheet AND f.source_row = h.source_row
         AND f.severity = 'confirm') AS question,
    CASE WHEN l.confirmed_by IS NOT NULL THEN 'confirmed' WHEN l.came_again THEN 'replaced' ELSE 'waiting' END AS state,
    l.confirmed_by, l.confirmed_at, l.confirmed_how, l.confirmed_reason,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM held AS h
JOIN core.dim_commune AS c USING (commune_code)
JOIN core.dim_agency AS a USING (agency_code)
LEFT JOIN later AS l USING (submission_id, source_sheet, source_row)
ORDER BY h.ledger_sequence, h.source_sheet, h.source_row
