SELECT submission_id, source_sheet, source_row, kind AS table_kind, line_kind, code, disposition, reason
FROM checked.line
ORDER BY submission_id, source_sheet, source_row
