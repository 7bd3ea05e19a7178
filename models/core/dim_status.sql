SELECT answer, status, label, label_en, severity
FROM raw.status
ORDER BY answer, severity, status
