-- What is due when, as it is known today.
SELECT commune_code, period_code, due_on, asked_on, grace_until, starts_on, ends_on
FROM core.known_due
WHERE known_to IS NULL
ORDER BY commune_code, period_code
