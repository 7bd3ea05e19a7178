SELECT plan_id, plan_scope, city_code, document_number, issued_on, title, issuer, in_force_from, in_force_to
FROM raw.higher_plan
WHERE known_to IS NULL
ORDER BY plan_id
