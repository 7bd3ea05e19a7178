SELECT
    indicator_code, indicator_name, unit_of_measure, kind, direction, aggregation,
    nullif(numerator_name, '') AS numerator_name,
    nullif(denominator_name, '') AS denominator_name,
    frequency, accumulates, theme, indicator_name_en, lead_agency_code, definition_source,
    nullif(note, '') AS note
FROM raw.indicator
ORDER BY indicator_code
