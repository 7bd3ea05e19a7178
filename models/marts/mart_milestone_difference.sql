-- The milestones of a commune that are others than those of its city or of the country for the same day.
WITH regime AS (  -- the plans in force today; before the first of them, the first
    SELECT commune_code, coalesce(max(regime_from) FILTER (regime_from <= getvariable('today')), min(regime_from)) AS regime_from
    FROM core.bridge_plan_in_force
    GROUP BY commune_code
),
pair AS (
    SELECT
        c.commune_code, c.commune_name, c.city_code, o.indicator_code, n.indicator_name, n.unit_of_measure, o.scope,
        o.milestone_on, o.as_written, h.as_written AS higher_as_written, h.value AS higher_value, h.plan_scope, h.sign,
        if(h.sign = -1, coalesce(o.value_high, o.value_highest), o.value_lowest) AS value,
        o.is_text OR h.is_text AS is_text, o.is_conflict OR h.is_conflict AS is_conflict
    FROM core.dim_milestone AS o
    JOIN regime USING (commune_code, regime_from)
    JOIN core.dim_commune AS c USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN core.dim_city_milestone AS h
        ON h.city_code = c.city_code AND h.indicator_code = o.indicator_code AND h.scope = o.scope
        AND h.milestone_on = o.milestone_on
)
SELECT
    commune_code, commune_name, city_code, indicator_code, indicator_name, unit_of_measure, scope, milestone_on, value,
    as_written, plan_scope, higher_value, higher_as_written,
    CASE
        WHEN is_text OR is_conflict THEN 'unclear'
        WHEN sign * value < sign * higher_value THEN 'less'
        ELSE 'more'
    END AS difference
FROM pair
WHERE value IS DISTINCT FROM higher_value OR (is_text AND as_written <> higher_as_written) OR is_conflict
ORDER BY commune_code, indicator_code, scope, milestone_on
