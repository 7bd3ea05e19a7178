-- A file may have been set aside for the very reason that it has a line twice.
WITH line AS (
    FROM checked.line ANTI JOIN raw.set_aside USING (submission_id)
    UNION ALL
    SELECT DISTINCT ON (submission_id, source_sheet, source_row)
        * REPLACE ('ignored' AS disposition, 'set_aside' AS reason)
    FROM checked.line SEMI JOIN raw.set_aside USING (submission_id)
    WHERE source_sheet IS NOT NULL AND source_row IS NOT NULL
)
SELECT submission_id, source_sheet, source_row, kind AS table_kind, line_kind, code, disposition, reason, note,
    confirms, confirmed_how, confirmed_reason, confirmed_rules
FROM line
ORDER BY submission_id, source_sheet, source_row
