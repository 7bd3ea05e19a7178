-- The communes of every city in which a commune has or had a plan: every one ever known, as it was last named.
SELECT c.commune_code, c.commune_name, c.commune_type, c.city_code, c.city_name, c.short_name,
    c.commune_code IN (SELECT p.commune_code FROM raw.plan AS p WHERE p.known_to IS NULL) AS has_plan,
    getvariable('is_illustrative') AS is_illustrative,
    c.known_to IS NULL AS in_registry, s.holds_from, s.holds_until, s.successor_code
FROM raw.commune AS c
LEFT JOIN core.bridge_successor AS s ON s.kind = 'commune' AND s.code = c.commune_code
WHERE c.city_code IN (SELECT d.city_code FROM raw.commune AS d SEMI JOIN raw.plan AS p USING (commune_code))
QUALIFY row_number() OVER (PARTITION BY c.commune_code ORDER BY c.known_from DESC NULLS LAST) = 1
ORDER BY c.commune_code
