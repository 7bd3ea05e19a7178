SELECT period_code, frequency
FROM raw.asked
WHERE known_to IS NULL
ORDER BY ALL
