SELECT commune_code, task_id, agency_code
FROM raw.task_duty
ORDER BY ALL
