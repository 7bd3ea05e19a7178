SELECT
    task_id, plan_id, commune_code, appendix, section, row_number, title,
    nullif(head_role, '') AS head_role,
    lead_as_written, lead_agency_codes,
    nullif(deliverable, '') AS deliverable,
    nullif(deadline_as_written, '') AS deadline_as_written,
    due_on, recurrence, starts_on, recurs_on, earlier_due_on, reading_reason, source_page, source_place,
    nullif(section_title, '') AS section_title,
    nullif(cooperating_as_written, '') AS cooperating_as_written,
    nullif(title_as_written, '') AS title_as_written,
    nullif(deliverable_as_written, '') AS deliverable_as_written,
    nullif(note, '') AS note,
    line_order
FROM raw.task
ORDER BY plan_id, line_order
