SELECT answer, status, label, label_en, severity, needs_attention, is_behind, is_outstanding, meaning
FROM raw.status
ORDER BY answer, severity, status
