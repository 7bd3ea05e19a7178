-- What the report of a moment said: every indicator a commune had targets for, in every period for which a figure was
-- owed or had come by then. Level: is the figure at the milestone in force? Pace: is it on the way to the next one?
-- (docs/method.md)
WITH believed AS (
    SELECT a.*
    FROM core.fct_actual AS a
    JOIN core.bridge_indicator_duty AS d USING (commune_code, indicator_code, agency_code)
    WHERE a.recorded_at <= moment AND (a.superseded_at IS NULL OR a.superseded_at > moment) AND NOT a.is_withdrawn
),
asked AS (
    SELECT d.commune_code, i.indicator_code, d.period_code
    FROM core.dim_due AS d
    JOIN core.bridge_indicator_duty AS i USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN core.bridge_period_asked AS a ON a.period_code = d.period_code AND a.frequency = n.frequency
    WHERE d.asked_on <= moment::DATE
    UNION
    SELECT commune_code, indicator_code, period_code FROM believed
),
regime AS (
    SELECT DISTINCT commune_code, regime_from FROM core.bridge_plan_in_force
),
dated AS (
    SELECT
        l.commune_code, l.indicator_code, l.period_code, p.measured_on,
        if(p.kind = 'month', '', p.kind) AS period_kind,  -- '' sorts first: a month goes before what ends with it
        coalesce(max(r.regime_from) FILTER (r.regime_from <= p.measured_on), min(r.regime_from)) AS regime_from
    FROM asked AS l
    JOIN core.dim_period AS p USING (period_code)
    JOIN regime AS r USING (commune_code)
    GROUP BY ALL
),
scopes AS (
    SELECT DISTINCT commune_code, regime_from, indicator_code, scope FROM core.dim_milestone
),
line AS (
    SELECT
        l.*, s.scope, f.actual_id, f.agency_code, f.numerator, f.denominator, f.value, f.value_text,
        row_number() OVER (
            PARTITION BY l.commune_code, l.indicator_code, s.scope
            ORDER BY f.actual_id IS NOT NULL DESC, l.measured_on DESC, l.period_kind
        ) = 1 AS is_latest
    FROM dated AS l
    JOIN scopes AS s USING (commune_code, regime_from, indicator_code)
    LEFT JOIN believed AS f USING (commune_code, indicator_code, period_code)
),
-- The newest figure answers for every milestone passed since; an older one for those of its own day.
held AS (
    SELECT
        l.*,
        if(is_latest, greatest(measured_on, moment::DATE), measured_on) AS held_on,
        if(n.direction = 'lower_is_better', -1, 1) AS sign
    FROM line AS l
    JOIN core.dim_indicator AS n USING (indicator_code)
),
milestoned AS (
    SELECT
        l.*,
        force.milestone_on AS in_force_on,
        if(l.sign = 1, force.value_lowest, coalesce(force.value_high, force.value_highest)) AS in_force_value,
        force.is_conflict AS in_force_conflict,
        force.is_text AS in_force_text, force.is_strict AS in_force_strict, force.as_written AS in_force_as_written,
        ahead.milestone_on AS next_on,
        if(l.sign = 1, ahead.value_lowest, coalesce(ahead.value_high, ahead.value_highest)) AS next_value,
        ahead.is_conflict AS next_conflict,
        ahead.is_text AS next_text, ahead.is_strict AS next_strict, ahead.is_aspirational AS next_aspirational,
        ahead.as_written AS next_as_written,
        passed.milestone_on AS passed_on
    FROM held AS l
    ASOF LEFT JOIN core.dim_milestone AS force
        ON force.commune_code = l.commune_code AND force.regime_from = l.regime_from
        AND force.indicator_code = l.indicator_code AND force.scope = l.scope AND force.milestone_on <= l.held_on
    ASOF LEFT JOIN core.dim_milestone AS ahead
        ON ahead.commune_code = l.commune_code AND ahead.regime_from = l.regime_from
        AND ahead.indicator_code = l.indicator_code AND ahead.scope = l.scope AND ahead.milestone_on > l.measured_on
    ASOF LEFT JOIN core.dim_milestone AS passed
        ON passed.commune_code = l.commune_code AND passed.regime_from = l.regime_from
        AND passed.indicator_code = l.indicator_code AND passed.scope = l.scope AND passed.milestone_on <= l.measured_on
),
-- One figure a day: where a month and a year end together, that of the month.
valued AS (
    SELECT commune_code, indicator_code, scope, measured_on, value
    FROM line
    WHERE value IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY commune_code, indicator_code, scope, measured_on ORDER BY period_kind) = 1
),
firsts AS (
    SELECT commune_code, indicator_code, scope, min(measured_on) AS on_day, arg_min(value, measured_on) AS value
    FROM valued
    GROUP BY ALL
),
-- A straight line through the last six figures, for the forecast.
trend AS (
    SELECT
        commune_code, indicator_code, scope, measured_on,
        count(*) OVER recent AS points,
        regr_slope(value, epoch(measured_on) / 86400) OVER recent AS gain_a_day,
        regr_intercept(value, epoch(measured_on) / 86400) OVER recent AS intercept,
        regr_r2(value, epoch(measured_on) / 86400) OVER recent AS fit
    FROM valued
    WINDOW recent AS (
        PARTITION BY commune_code, indicator_code, scope ORDER BY measured_on ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)
),
based AS (
    SELECT
        l.*,
        CASE WHEN m.value IS NOT NULL THEN 'milestone' WHEN f.on_day < l.measured_on THEN 'first_actual' END
            AS baseline_from,
        CASE WHEN m.value IS NOT NULL THEN l.passed_on WHEN f.on_day < l.measured_on THEN f.on_day END AS baseline_on,
        CASE WHEN m.value IS NOT NULL THEN m.value WHEN f.on_day < l.measured_on THEN f.value END AS baseline_value,
        t.points, t.gain_a_day, t.intercept, t.fit
    FROM milestoned AS l
    ASOF LEFT JOIN valued AS m
        ON m.commune_code = l.commune_code AND m.indicator_code = l.indicator_code AND m.scope = l.scope
        AND m.measured_on <= l.passed_on
    LEFT JOIN firsts AS f
        ON f.commune_code = l.commune_code AND f.indicator_code = l.indicator_code AND f.scope = l.scope
    LEFT JOIN trend AS t
        ON t.commune_code = l.commune_code AND t.indicator_code = l.indicator_code AND t.scope = l.scope
        AND t.measured_on = l.measured_on AND l.value IS NOT NULL AND t.points >= 3
),
expected AS (
    SELECT
        b.*, n.indicator_name, n.unit_of_measure, n.kind AS indicator_kind,
        CASE WHEN NOT coalesce(next_conflict, true) AND baseline_on < next_on AND measured_on > baseline_on THEN
            baseline_value + (next_value - baseline_value)
            * (date_diff('day', baseline_on, measured_on)::DOUBLE / date_diff('day', baseline_on, next_on))
        END AS expected_value
    FROM based AS b
    JOIN core.dim_indicator AS n USING (indicator_code)
),
paced AS (
    SELECT
        *,
        (value - baseline_value) / nullif(expected_value - baseline_value, 0) AS raw_pace,
        intercept + gain_a_day * (epoch(next_on) / 86400) AS at_next
    FROM expected
),
answered AS (
    SELECT
        *,
        CASE
            WHEN in_force_on IS NULL THEN 'not_due'
            WHEN actual_id IS NULL THEN 'no_figure'
            WHEN in_force_text AND indicator_kind <> 'yes_no' THEN 'by_hand'
            WHEN value IS NULL THEN 'no_rate'
            WHEN in_force_conflict THEN 'conflict'
            WHEN in_force_strict AND sign * value > sign * coalesce(in_force_value, 1) THEN 'met'
            WHEN NOT in_force_strict AND sign * value >= sign * coalesce(in_force_value, 1) THEN 'met'
            ELSE 'not_met'
        END AS level_status,
        CASE
            WHEN next_on IS NULL THEN 'no_next'
            WHEN actual_id IS NULL THEN 'no_figure'
            WHEN next_text AND indicator_kind <> 'yes_no' THEN 'by_hand'
            WHEN value IS NULL THEN 'no_rate'
            WHEN next_conflict THEN 'conflict'
            WHEN next_strict AND sign * value > sign * coalesce(next_value, 1) THEN 'reached'
            WHEN NOT next_strict AND sign * value >= sign * coalesce(next_value, 1) THEN 'reached'
            WHEN expected_value IS NULL THEN 'no_baseline'
            WHEN sign * (next_value - baseline_value) <= 0 THEN 'backwards'
            WHEN raw_pace >= 0.95 THEN 'on_track'
            WHEN raw_pace >= 0.60 THEN 'behind'
            WHEN raw_pace >= 0 THEN 'at_risk'
            ELSE 'backwards'
        END AS pace_status,
        CASE WHEN pace_status NOT IN ('reached', 'conflict', 'by_hand') AND next_value IS NOT NULL
            AND sign * gain_a_day > 0 AND (next_value - value) / gain_a_day < 100000 THEN measured_on + ceil((next_value - value) / gain_a_day)::INTEGER
        END AS meets_on
    FROM paced
)
SELECT
    a.commune_code, c.commune_name, a.indicator_code, a.indicator_name, a.unit_of_measure, a.scope, a.period_code,
    a.agency_code, a.actual_id, a.numerator, a.denominator, a.value, a.value_text, a.measured_on,
    a.in_force_on, a.in_force_value, a.in_force_as_written,
    a.next_on, a.next_value, a.next_as_written, a.next_aspirational,
    a.baseline_from, a.baseline_on, a.baseline_value,
    round(a.expected_value, 4) AS expected_value,
    round(a.raw_pace, 4) AS pace,
    a.next_value - a.value AS gap_to_next,
    date_diff('day', a.measured_on, a.next_on) AS days_to_next,
    if(a.pace_status IN ('reached', 'conflict', 'by_hand'), NULL,
        round((a.next_value - a.value) / (date_diff('day', a.measured_on, a.next_on) / 30.4375), 4)
    ) AS required_monthly_gain,
    a.level_status, level.label AS level_label,
    a.pace_status, pace.label AS pace_label,
    if(a.meets_on <= DATE '2100-01-01', a.meets_on, NULL) AS forecast_meets_on,
    CASE WHEN a.unit_of_measure = '%' AND a.at_next IS NOT NULL THEN least(greatest(round(a.at_next, 4), 0), 100) ELSE round(a.at_next, 4) END
        AS forecast_at_next,
    a.points AS forecast_points,
    round(a.fit, 4) AS forecast_fit,
    CASE WHEN a.points IS NULL THEN NULL WHEN a.fit >= 0.9 THEN 'high' WHEN a.fit >= 0.6 THEN 'medium' ELSE 'low' END
        AS forecast_confidence,
    a.is_latest,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM answered AS a
JOIN core.dim_commune AS c USING (commune_code)
JOIN core.dim_status AS level ON level.answer = 'level' AND level.status = a.level_status
JOIN core.dim_status AS pace ON pace.answer = 'pace' AND pace.status = a.pace_status
ORDER BY a.commune_code, a.indicator_code, a.scope, a.measured_on, a.period_code
