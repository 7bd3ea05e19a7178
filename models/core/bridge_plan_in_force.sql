-- From each day on which a plan comes into force or leaves it, which plans of the commune are in force, as known today.
SELECT commune_code, regime_from, plan_id
FROM core.known_in_force
WHERE known_to IS NULL
ORDER BY ALL
