-- Every finding, warnings included; only severity 'fail' refused its line (or, without a row, its file). Of a file that
-- was set aside the one finding is why.
WITH finding AS (
    FROM checked.finding ANTI JOIN raw.set_aside USING (submission_id)
    UNION ALL BY NAME
    SELECT
        submission_id, 1 AS finding_order, 'T00' AS rule_code, 'fail' AS severity, r.original_name AS found,
        q.message, q.fix
    FROM raw.set_aside AS q
    JOIN raw.receipt AS r USING (submission_id)
)
SELECT
    f.submission_id, f.source_sheet, f.source_row, f.source_cell, f.rule_code, f.severity, f.found, f.message, f.fix,
    f.finding_order, r.commune_code, r.agency_code
FROM finding AS f
JOIN raw.receipt AS r USING (submission_id)
ORDER BY r.ledger_sequence, f.finding_order
