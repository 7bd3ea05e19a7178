-- Every indicator ever known, as it was last described.
SELECT
    indicator_code, indicator_name, unit_of_measure, kind, direction, aggregation,
    nullif(numerator_name, '') AS numerator_name,
    nullif(denominator_name, '') AS denominator_name,
    frequency, accumulates, theme, indicator_name_en, lead_agency_code, definition_source,
    nullif(note, '') AS note,
    known_to IS NULL AS in_registry
FROM raw.indicator
QUALIFY row_number() OVER (PARTITION BY indicator_code ORDER BY known_from DESC NULLS LAST) = 1
ORDER BY indicator_code
