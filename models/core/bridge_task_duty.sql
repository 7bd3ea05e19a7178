-- Which agencies report on a task: today, or when its plan ended; those that lead it, and those with a part in it.
SELECT commune_code, code AS task_id, agency_code, part_from IS NOT NULL AS is_part
FROM core.known_duty
WHERE kind = 'task'
QUALIFY coalesce(known_to, TIMESTAMP 'infinity')
    = max(coalesce(known_to, TIMESTAMP 'infinity')) OVER (PARTITION BY code)
ORDER BY ALL
