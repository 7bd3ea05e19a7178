-- Who reports an indicator today: of the plans in force the newest decides.
SELECT commune_code, code AS indicator_code, arg_max(agency_code, (coalesce(holds_from, DATE '-infinity'), plan_id)) AS agency_code
FROM core.known_duty
WHERE kind = 'indicator' AND known_to IS NULL
    AND (holds_until IS NULL OR holds_until > getvariable('last_end'))
GROUP BY ALL
ORDER BY ALL
