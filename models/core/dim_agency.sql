SELECT agency_code, agency_name, is_group
FROM raw.agency
ORDER BY agency_code
