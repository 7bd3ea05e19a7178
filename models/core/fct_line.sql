-- A file may have been set aside for the very reason that it has a line twice.
WITH line AS (
    FROM checked.line ANTI JOIN raw.set_aside USING (submission_id)
    UNION ALL
    SELECT DISTINCT ON (submission_id, source_sheet, source_row)
        * REPLACE ('ignored' AS disposition, 'set_aside' AS reason)
    FROM checked.line SEMI JOIN raw.set_aside USING (submission_id)
    WHERE source_sheet IS NOT NULL AND source_row IS NOT NULL
)
SELECT l.submission_id, l.source_sheet, l.source_row, l.kind AS table_kind, l.line_kind, l.code, l.disposition, l.reason,
    l.note, l.confirms, l.confirmed_how, l.confirmed_reason, l.confirmed_rules,
    coalesce(l.agency_code, r.agency_code) AS agency_code
FROM line AS l
LEFT JOIN raw.receipt AS r USING (submission_id)
ORDER BY l.submission_id, l.source_sheet, l.source_row
