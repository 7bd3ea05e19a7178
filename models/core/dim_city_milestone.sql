-- The milestones of a city: of its own plans in force where they set any for the indicator, else of the country's; and, with
-- no city_code, those that the country's plans set for the country. Targets conflict as in core.known_milestone; which figure
-- of them is compared is said as in core.known_milestone_span.
WITH target AS (
    SELECT
        c.city_code, p.plan_scope, t.*, n.direction,
        p.plan_scope = min(p.plan_scope) OVER (PARTITION BY c.city_code, t.indicator_code) AS is_nearest  -- city, country
    FROM core.fct_higher_target AS t
    JOIN core.dim_higher_plan AS p
        ON p.plan_id = t.plan_id AND p.in_force_from <= getvariable('today')
        AND (p.in_force_to IS NULL OR p.in_force_to > getvariable('today'))
    JOIN (SELECT DISTINCT city_code FROM core.dim_commune UNION ALL SELECT '') AS c
        ON p.plan_scope = 'country' OR p.city_code = c.city_code
    JOIN core.dim_indicator AS n USING (indicator_code)
)
SELECT
    city_code, plan_scope, indicator_code, scope, milestone_on,
    count(*) AS targets,
    count(DISTINCT (value, value_high)) > 1
        OR (bool_or(operator IN ('>=', '>')) AND bool_or(operator IN ('<=', '<'))) AS is_conflict,
    bool_and(operator = 'text') AS is_text,
    bool_or(operator IN ('>', '<')) AS is_strict,
    CASE
        WHEN bool_or(operator IN ('>=', '>')) THEN 1
        WHEN bool_or(operator IN ('<=', '<')) OR any_value(direction) = 'lower_is_better' THEN -1
        ELSE 1
    END AS sign,
    if(sign = -1, coalesce(max(value_high), max(value)), min(value)) AS value,
    list(as_written ORDER BY plan_id, line_order) AS as_written
FROM target
WHERE is_nearest
GROUP BY ALL
ORDER BY city_code, indicator_code, scope, milestone_on
