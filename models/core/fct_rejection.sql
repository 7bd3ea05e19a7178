-- Every finding, warnings included; only severity 'fail' refused its line (or, without a row, its file).
SELECT
    f.submission_id, f.source_sheet, f.source_row, f.source_cell, f.rule_code, f.severity, f.found, f.message, f.fix,
    f.finding_order, r.commune_code, r.agency_code
FROM checked.finding AS f
JOIN raw.receipt AS r USING (submission_id)
ORDER BY r.ledger_sequence, f.finding_order
