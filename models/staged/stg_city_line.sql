-- The city's figures beside its milestones and the other figures of their series, as marts.line_as_of and history_as_of put
-- a commune's: the milestone passed last and the next, that in force for its level, the first figure, the figure at the
-- milestone, a straight line through the last six. Figures of another definition are not compared.
WITH line AS (
    SELECT
        s.city_code, s.indicator_code, s.period_code, s.value, s.is_estimate, d.measured_on, d.period_order,
        least(d.measured_on, getvariable('today')) AS answers_on,
        row_number() OVER (PARTITION BY s.city_code, s.indicator_code ORDER BY d.period_order DESC) = 1 AS is_latest,
        greatest(if(is_latest, getvariable('today'), answers_on), if(s.is_estimate, d.measured_on, NULL)) AS answers_until,
        coalesce(list_max(list_filter(n.redefined_on, lambda day: day <= d.measured_on)), DATE '-infinity')
            AS defined_from
    FROM staged.stg_city_sum AS s
    JOIN core.dim_period AS d USING (period_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    WHERE s.commune_type = ''
),
milestone AS (FROM core.dim_city_milestone WHERE scope = ''),  -- one for a part of them is not for the rate of all
figure AS (  -- one a day: that of the shortest period
    SELECT city_code, indicator_code, defined_from, measured_on, arg_max(value, period_order) AS value
    FROM line
    WHERE value IS NOT NULL
    GROUP BY ALL
),
first AS (
    SELECT city_code, indicator_code, defined_from, min(measured_on) AS first_on, arg_min(value, measured_on) AS first_value
    FROM figure
    GROUP BY ALL
),
trend AS (
    SELECT
        city_code, indicator_code, measured_on,
        count(*) OVER recent AS points,
        regr_slope(value, epoch(measured_on) / 86400) OVER recent AS gain_a_day
    FROM figure
    WINDOW recent AS (
        PARTITION BY city_code, indicator_code, defined_from ORDER BY measured_on
        ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)
),
placed AS (
    SELECT l.*, p.milestone_on AS passed_on, a AS ahead, h AS held, coalesce(a.sign, p.sign) AS sign
    FROM line AS l
    ASOF LEFT JOIN milestone AS p
        ON p.city_code = l.city_code AND p.indicator_code = l.indicator_code AND l.answers_on >= p.milestone_on
    ASOF LEFT JOIN milestone AS a
        ON a.city_code = l.city_code AND a.indicator_code = l.indicator_code AND l.answers_on < a.milestone_on
    ASOF LEFT JOIN milestone AS h
        ON h.city_code = l.city_code AND h.indicator_code = l.indicator_code AND l.answers_until >= h.milestone_on
)
SELECT
    l.* EXCLUDE (ahead, held), l.held.milestone_on AS in_force_on, l.held.value AS in_force_value,
    l.held.as_written AS in_force_as_written, l.held.sign AS in_force_sign, l.held.is_conflict AS in_force_is_conflict,
    l.held.is_text AS in_force_is_text, l.held.is_strict AS in_force_is_strict,
    l.ahead.milestone_on AS next_on, l.ahead.value AS next_value, l.ahead.as_written AS next_as_written,
    l.ahead.is_conflict AS next_is_conflict, l.ahead.is_text AS next_is_text, l.ahead.is_strict AS next_is_strict,
    coalesce(l.ahead.plan_scope, l.held.plan_scope) AS milestone_scope,
    f.first_on, f.first_value, m.value AS value_at_passed, t.points, t.gain_a_day
FROM placed AS l
LEFT JOIN first AS f USING (city_code, indicator_code, defined_from)
ASOF LEFT JOIN figure AS m
    ON m.city_code = l.city_code AND m.indicator_code = l.indicator_code AND m.defined_from = l.defined_from
    AND l.passed_on >= m.measured_on
LEFT JOIN trend AS t
    ON t.city_code = l.city_code AND t.indicator_code = l.indicator_code AND t.measured_on = l.measured_on
    AND l.value IS NOT NULL AND t.points >= 3
ORDER BY l.city_code, l.indicator_code, l.period_order
