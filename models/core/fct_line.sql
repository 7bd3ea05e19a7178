-- Every line read below a header, with the indicator or task it speaks of as typed, and what became of it.
WITH line AS (
    SELECT
        l.submission_id, l.table_number, l.source_row, l.kind AS line_kind,
        (((r.layout -> 'tables') -> l.table_number) ->> 'sheet') AS source_sheet,
        (((r.layout -> 'tables') -> l.table_number) ->> 'kind') AS table_kind,
        upper(trim(coalesce((l.typed -> 'indicator_code') ->> 2, (l.typed -> 'task_id') ->> 2))) AS code_typed
    FROM raw.line AS l
    JOIN raw.reading AS r USING (submission_id)
)
SELECT
    l.submission_id, l.source_sheet, l.source_row, l.table_kind, l.line_kind, l.code_typed, c.disposition, c.reason
FROM line AS l
LEFT JOIN checked.line AS c USING (submission_id, source_sheet, source_row)
ORDER BY l.submission_id, l.table_number, l.source_row
