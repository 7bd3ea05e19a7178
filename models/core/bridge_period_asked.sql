SELECT period_code, frequency
FROM raw.asked
ORDER BY ALL
