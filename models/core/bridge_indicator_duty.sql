SELECT commune_code, indicator_code, agency_code
FROM raw.indicator_duty
ORDER BY ALL
