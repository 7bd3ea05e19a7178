-- The milestones of a commune, indicator and scope in time, under each set of its plans: between which days which one is
-- the last that passed, and which is next, through all editions of sources/. The first set also covers the days
-- before it. An indicator followed without a target has one span that no milestone bounds.
WITH regime AS (
    SELECT
        commune_code, known_from, regime_from,
        CASE WHEN lag(regime_from) OVER history IS NOT NULL THEN regime_from END AS holds_from,
        lead(regime_from) OVER history AS holds_until
    FROM (SELECT DISTINCT commune_code, known_from, regime_from FROM core.known_in_force) AS sets
    WINDOW history AS (PARTITION BY commune_code, known_from ORDER BY regime_from)
),
milestone AS (
    SELECT
        m.commune_code, m.known_from, m.known_to, m.regime_from, m.indicator_code, m.scope, m.milestone_on,
        m.is_conflict, m.is_text, m.is_strict, m.is_aspirational, m.as_written,
        CASE
            WHEN m.is_at_least THEN 1
            WHEN m.is_at_most OR n.direction = 'lower_is_better' THEN -1
            ELSE 1
        END AS sign,  -- what the plan asks for; where it leaves that open, what is good for the indicator
        n.kind AS indicator_kind,
        CASE WHEN sign = -1 THEN coalesce(m.value_high, m.value_highest) ELSE m.value_lowest END AS value
    FROM core.known_milestone AS m
    JOIN core.dim_indicator AS n USING (indicator_code)
),
span AS (
    SELECT
        commune_code, known_from, known_to, regime_from, indicator_code, scope, indicator_kind,
        row_number() OVER path AS milestones_passed,
        m AS passed, lead(m) OVER path AS ahead
    FROM milestone AS m
    WINDOW path AS (PARTITION BY commune_code, known_from, regime_from, indicator_code, scope ORDER BY milestone_on)
    UNION ALL  -- before the first
    SELECT
        commune_code, known_from, known_to, regime_from, indicator_code, scope, indicator_kind, 0, NULL,
        arg_min(m, milestone_on)
    FROM milestone AS m
    GROUP BY ALL
    UNION ALL  -- followed without a target: no milestone at all
    SELECT f.commune_code, f.known_from, f.known_to, f.regime_from, f.indicator_code, '', n.kind, 0, NULL, NULL
    FROM core.known_followed AS f
    JOIN core.dim_indicator AS n USING (indicator_code)
)
SELECT
    s.commune_code, s.indicator_code, s.scope, s.regime_from, r.holds_from, r.holds_until, s.indicator_kind,
    coalesce(ahead.sign, passed.sign, CASE n.direction WHEN 'lower_is_better' THEN -1 ELSE 1 END) AS sign,
    dense_rank() OVER (ORDER BY s.commune_code, s.indicator_code, s.scope) AS series,
    dense_rank() OVER (
        ORDER BY s.commune_code, s.indicator_code, s.scope, s.known_from NULLS FIRST, s.regime_from) AS path,
    s.milestones_passed, passed.milestone_on AS passed_on, passed.value AS passed_value,
    passed.is_conflict AS passed_is_conflict, passed.is_text AS passed_is_text, passed.is_strict AS passed_is_strict,
    passed.sign AS passed_sign, passed.as_written AS passed_as_written,
    ahead.milestone_on AS next_on, ahead.value AS next_value, ahead.is_conflict AS next_is_conflict,
    ahead.is_text AS next_is_text, ahead.is_strict AS next_is_strict, ahead.is_aspirational AS next_is_aspirational,
    ahead.as_written AS next_as_written, s.known_from, s.known_to
FROM span AS s
JOIN regime AS r
    ON r.commune_code = s.commune_code AND r.regime_from = s.regime_from
    AND r.known_from IS NOT DISTINCT FROM s.known_from
JOIN core.dim_indicator AS n ON n.indicator_code = s.indicator_code
ORDER BY s.commune_code, s.indicator_code, s.scope, s.known_from NULLS FIRST, s.regime_from, s.milestones_passed
