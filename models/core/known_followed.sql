-- What is followed without a milestone under each set of a commune's plans in force, through all editions of sources/: what
-- one of them has followed and none of them has a milestone for, and what one sets a target for that names no day.
WITH followed AS (
    SELECT plan_id, indicator_code, followed_from, known_from, known_to
    FROM raw.indicator_duty
    WHERE followed_from IS NOT NULL
    UNION ALL
    SELECT plan_id, indicator_code, NULL, known_from, known_to
    FROM raw.target
    WHERE indicator_code IS NOT NULL AND milestone_on IS NULL
)
SELECT
    r.commune_code, r.regime_from, d.indicator_code, min(coalesce(d.followed_from, r.regime_from)) AS followed_from,
    r.known_from, r.known_to
FROM core.known_in_force AS r
JOIN followed AS d
    ON d.plan_id = r.plan_id
    AND coalesce(d.known_from, TIMESTAMP '-infinity') <= coalesce(r.known_from, TIMESTAMP '-infinity')
    AND coalesce(d.known_to, TIMESTAMP 'infinity') > coalesce(r.known_from, TIMESTAMP '-infinity')
ANTI JOIN core.known_milestone AS m
    ON m.commune_code = r.commune_code AND m.regime_from = r.regime_from AND m.indicator_code = d.indicator_code
    AND m.known_from IS NOT DISTINCT FROM r.known_from
GROUP BY ALL
ORDER BY r.commune_code, r.known_from NULLS FIRST, r.regime_from, d.indicator_code
