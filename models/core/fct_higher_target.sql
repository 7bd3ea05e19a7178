SELECT
    target_id, plan_id, indicator_code, appendix, row_number, scope, milestone_on, operator, value, value_high,
    unit_of_measure, as_written, is_aspirational, name AS target_name, nullif(note, '') AS note, reading_reason,
    source_page, source_place, line_order
FROM raw.higher_target
WHERE known_to IS NULL
ORDER BY plan_id, line_order
