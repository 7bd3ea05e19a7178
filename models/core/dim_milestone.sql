-- The milestones as they are known today.
SELECT * EXCLUDE (known_from, known_to)
FROM core.known_milestone
WHERE known_to IS NULL
ORDER BY commune_code, regime_from, indicator_code, scope, milestone_on
