-- Every indicator ever known, as it was last described.
SELECT
    indicator_code, indicator_name, unit_of_measure, i.kind, direction, aggregation,
    nullif(numerator_name, '') AS numerator_name,
    nullif(denominator_name, '') AS denominator_name,
    frequency, accumulates, theme, indicator_name_en, lead_agency_code, definition_source,
    nullif(note, '') AS note,
    i.known_to IS NULL AS in_registry, s.holds_from, s.holds_until, s.successor_code,
    (
        SELECT list(DISTINCT k.ends_on ORDER BY k.ends_on) FROM core.known_succession AS k
        WHERE k.kind = 'indicator' AND k.known_to IS NULL AND k.new_code IS NULL AND k.old_code = i.indicator_code
    ) AS redefined_on
FROM raw.indicator AS i
LEFT JOIN core.bridge_successor AS s ON s.kind = 'indicator' AND s.code = i.indicator_code
QUALIFY row_number() OVER (PARTITION BY indicator_code ORDER BY i.known_from DESC NULLS LAST) = 1
ORDER BY indicator_code
