-- Every agency ever known, as it was last named.
SELECT agency_code, agency_name, is_group, known_to IS NULL AS in_registry
FROM raw.agency
QUALIFY row_number() OVER (PARTITION BY agency_code ORDER BY known_from DESC NULLS LAST) = 1
ORDER BY agency_code
