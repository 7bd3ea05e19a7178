-- From each day on which a plan comes into force or leaves it, which plans of the commune are in force, through all
-- editions of sources/: a state of a commune's plans is known from one edition that changes them to the next.
WITH plan AS (
    SELECT DISTINCT
        commune_code, plan_id, in_force_from, in_force_to, coalesce(known_from, TIMESTAMP '-infinity') AS said_from,
        coalesce(known_to, TIMESTAMP 'infinity') AS said_to
    FROM raw.plan
),
turn AS (
    SELECT commune_code, said_from AS turned_at FROM plan
    UNION
    SELECT commune_code, said_to FROM plan WHERE said_to < 'infinity'
    UNION
    SELECT commune_code, known_from FROM raw.target WHERE known_from IS NOT NULL
    UNION
    SELECT commune_code, known_to FROM raw.target WHERE known_to IS NOT NULL
    UNION
    SELECT commune_code, known_from FROM raw.indicator_duty WHERE followed_from IS NOT NULL AND known_from IS NOT NULL
    UNION
    SELECT commune_code, known_to FROM raw.indicator_duty WHERE followed_from IS NOT NULL AND known_to IS NOT NULL
),
state AS (
    SELECT commune_code, turned_at AS said_from, lead(turned_at, 1, TIMESTAMP 'infinity') OVER (PARTITION BY commune_code ORDER BY turned_at)
        AS said_to
    FROM turn
),
said AS (
    SELECT s.commune_code, s.said_from, s.said_to, p.plan_id, p.in_force_from, p.in_force_to
    FROM state AS s
    JOIN plan AS p ON p.commune_code = s.commune_code AND p.said_from <= s.said_from AND p.said_to > s.said_from
),
days AS (
    SELECT commune_code, said_from, in_force_from AS regime_from FROM said
    UNION
    SELECT commune_code, said_from, in_force_to FROM said WHERE in_force_to IS NOT NULL
)
SELECT
    d.commune_code, d.regime_from, p.plan_id,
    nullif(p.said_from, TIMESTAMP '-infinity') AS known_from, nullif(p.said_to, TIMESTAMP 'infinity') AS known_to
FROM days AS d
JOIN said AS p
    ON p.commune_code = d.commune_code AND p.said_from = d.said_from AND p.in_force_from <= d.regime_from
    AND (p.in_force_to IS NULL OR p.in_force_to > d.regime_from)
ORDER BY d.commune_code, d.regime_from, p.plan_id, known_from NULLS FIRST
