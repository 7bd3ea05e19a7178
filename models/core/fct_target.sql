SELECT
    target_id, plan_id, commune_code, indicator_code, appendix, row_number, scope, milestone_on, operator, value,
    value_high, unit_of_measure, as_written, is_aspirational, lead_agency_code,
    name AS target_name,
    nullif(name_as_written, '') AS name_as_written,
    nullif(unit_as_written, '') AS unit_as_written,
    lead_as_written,
    nullif(cooperating_as_written, '') AS cooperating_as_written,
    nullif(deliverable, '') AS deliverable,
    nullif(note, '') AS note,
    reading_reason, source_page, source_place,
    line_order
FROM raw.target
WHERE known_to IS NULL
ORDER BY plan_id, line_order
