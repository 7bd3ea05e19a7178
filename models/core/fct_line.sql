SELECT submission_id, source_sheet, source_row, kind AS table_kind, line_kind, code, disposition, reason, note,
    confirms, confirmed_how, confirmed_reason, confirmed_rules
FROM checked.line
ORDER BY submission_id, source_sheet, source_row
