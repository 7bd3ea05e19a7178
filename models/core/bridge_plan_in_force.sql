-- From each day on which a plan comes into force or leaves it, which plans of the commune hold.
WITH days AS (
    SELECT commune_code, in_force_from AS regime_from FROM core.dim_plan
    UNION
    SELECT commune_code, in_force_to FROM core.dim_plan WHERE in_force_to IS NOT NULL
)
SELECT d.commune_code, d.regime_from, p.plan_id
FROM days AS d
JOIN core.dim_plan AS p
    ON p.commune_code = d.commune_code AND p.in_force_from <= d.regime_from
    AND (p.in_force_to IS NULL OR p.in_force_to > d.regime_from)
ORDER BY ALL
