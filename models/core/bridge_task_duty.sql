-- Which agencies report on a task: today, or when its plan ended.
SELECT commune_code, code AS task_id, agency_code
FROM core.known_duty
WHERE kind = 'task'
QUALIFY coalesce(known_from, TIMESTAMP '-infinity')
    = max(coalesce(known_from, TIMESTAMP '-infinity')) OVER (PARTITION BY code)
ORDER BY ALL
