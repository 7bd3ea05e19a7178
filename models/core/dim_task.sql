-- Every task ever known, as it was last worded.
SELECT
    task_id, plan_id, commune_code, appendix, section, row_number, title,
    nullif(head_role, '') AS head_role,
    lead_as_written, lead_agency_codes,
    nullif(deliverable, '') AS deliverable,
    nullif(deadline_as_written, '') AS deadline_as_written,
    due_on, recurrence, starts_on, recurs_on, earlier_due_on,
    nullif(printed_number, '') AS printed_number,
    nullif(parent_task, '') AS parent_task,
    reading_reason, source_page, source_place,
    nullif(section_title, '') AS section_title,
    nullif(cooperating_as_written, '') AS cooperating_as_written,
    nullif(title_as_written, '') AS title_as_written,
    nullif(deliverable_as_written, '') AS deliverable_as_written,
    nullif(note, '') AS note,
    line_order, continues,
    known_to IS NULL AS in_registry
FROM raw.task
QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY known_from DESC NULLS LAST) = 1
ORDER BY plan_id, line_order
