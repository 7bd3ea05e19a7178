-- Every agency ever known, as it was last named.
SELECT agency_code, agency_name, is_group, a.known_to IS NULL AS in_registry, s.holds_from, s.holds_until,
    s.successor_code
FROM raw.agency AS a
LEFT JOIN core.bridge_successor AS s ON s.kind = 'agency' AND s.code = a.agency_code
QUALIFY row_number() OVER (PARTITION BY agency_code ORDER BY a.known_from DESC NULLS LAST) = 1
ORDER BY agency_code
