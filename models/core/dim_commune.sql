-- The communes of every city in which a commune has a plan.
SELECT c.commune_code, c.commune_name, c.commune_type, c.city_code, c.city_name, c.short_name,
    c.commune_code IN (SELECT p.commune_code FROM raw.plan AS p) AS has_plan,
    getvariable('is_illustrative') AS is_illustrative
FROM raw.commune AS c
WHERE c.city_code IN (SELECT d.city_code FROM raw.commune AS d SEMI JOIN raw.plan AS p USING (commune_code))
ORDER BY c.commune_code
