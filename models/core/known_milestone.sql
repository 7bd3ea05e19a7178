-- The targets in force of one commune, indicator, scope and milestone as one line, through all editions of sources/. Two
-- targets conflict when their figures differ ('90' against '100') or one asks for at least and the other for at most; the
-- same figure written '95' and '≥ 95' does not conflict. A target without a code yet, or without a
-- day, is no milestone.
SELECT
    r.commune_code, r.regime_from, t.indicator_code, t.scope, t.milestone_on,
    count(*) AS targets,
    count(DISTINCT (t.value, t.value_high)) > 1
        OR (bool_or(t.operator IN ('>=', '>')) AND bool_or(t.operator IN ('<=', '<'))) AS is_conflict,
    bool_and(t.operator = 'text') AS is_text,
    min(t.value) AS value_lowest,
    max(t.value) AS value_highest,
    max(t.value_high) AS value_high,
    bool_or(t.operator IN ('>', '<')) AS is_strict,
    bool_or(t.operator IN ('>=', '>')) AS is_at_least,
    bool_or(t.operator IN ('<=', '<')) AS is_at_most,
    bool_and(t.is_aspirational) AS is_aspirational,
    list(t.as_written ORDER BY t.plan_id, t.line_order) AS as_written,
    r.known_from, r.known_to
FROM core.known_in_force AS r
JOIN raw.target AS t
    ON t.plan_id = r.plan_id
    AND t.indicator_code IS NOT NULL AND t.milestone_on IS NOT NULL
    AND coalesce(t.known_from, TIMESTAMP '-infinity') <= coalesce(r.known_from, TIMESTAMP '-infinity')
    AND coalesce(t.known_to, TIMESTAMP 'infinity') > coalesce(r.known_from, TIMESTAMP '-infinity')
GROUP BY ALL
ORDER BY r.commune_code, r.known_from NULLS FIRST, r.regime_from, t.indicator_code, t.scope, t.milestone_on
