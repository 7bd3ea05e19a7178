-- Level: is the figure at the milestone in force? Pace: is it on the way to the next one? (docs/method.md)
WITH lines AS (
    SELECT
        l.*,
        force.milestone_on AS in_force_on, force.value_lowest AS in_force_value, force.value_high AS in_force_high,
        force.is_conflict AS in_force_conflict, force.is_text AS in_force_text, force.is_strict AS in_force_strict,
        force.as_written AS in_force_as_written,
        ahead.milestone_on AS next_on, ahead.value_lowest AS next_value, ahead.is_conflict AS next_conflict,
        ahead.is_text AS next_text, ahead.is_strict AS next_strict, ahead.is_aspirational AS next_aspirational,
        ahead.as_written AS next_as_written
    FROM staged.stg_progress_line AS l
    ASOF LEFT JOIN staged.stg_milestone AS force
        ON force.commune_code = l.commune_code AND force.regime_from = l.regime_from
        AND force.indicator_code = l.indicator_code
        AND force.scope = l.scope AND force.milestone_on <= l.measured_on
    ASOF LEFT JOIN staged.stg_milestone AS ahead
        ON ahead.commune_code = l.commune_code AND ahead.regime_from = l.regime_from
        AND ahead.indicator_code = l.indicator_code
        AND ahead.scope = l.scope AND ahead.milestone_on > l.measured_on
),
valued AS (
    SELECT commune_code, indicator_code, scope, measured_on, period_kind, value
    FROM lines
    WHERE value IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY commune_code, indicator_code, scope, measured_on ORDER BY period_kind) = 1
),
firsts AS (
    SELECT commune_code, indicator_code, scope, min(measured_on) AS on_day, arg_min(value, measured_on) AS value
    FROM valued
    GROUP BY ALL
),
based AS (
    SELECT
        l.*,
        CASE WHEN m.value IS NOT NULL THEN 'milestone' WHEN f.on_day < l.measured_on THEN 'first_actual' END
            AS baseline_from,
        CASE WHEN m.value IS NOT NULL THEN l.in_force_on WHEN f.on_day < l.measured_on THEN f.on_day END
            AS baseline_on,
        CASE WHEN m.value IS NOT NULL THEN m.value WHEN f.on_day < l.measured_on THEN f.value END AS baseline_value
    FROM lines AS l
    ASOF LEFT JOIN valued AS m
        ON m.commune_code = l.commune_code AND m.indicator_code = l.indicator_code AND m.scope = l.scope
        AND m.measured_on <= l.in_force_on
    LEFT JOIN firsts AS f
        ON f.commune_code = l.commune_code AND f.indicator_code = l.indicator_code AND f.scope = l.scope
),
expected AS (
    SELECT
        b.*, n.kind AS indicator_kind, n.direction,
        if(n.direction = 'lower_is_better', -1, 1) AS sign,
        CASE WHEN NOT coalesce(next_conflict, true) AND baseline_on < next_on AND measured_on > baseline_on THEN
            baseline_value + (next_value - baseline_value)
            * (date_diff('day', baseline_on, measured_on)::DOUBLE / date_diff('day', baseline_on, next_on))
        END AS expected_value
    FROM based AS b
    JOIN core.dim_indicator AS n USING (indicator_code)
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
            WHEN (value - baseline_value) / (expected_value - baseline_value) >= 0.95 THEN 'on_track'
            WHEN (value - baseline_value) / (expected_value - baseline_value) >= 0.60 THEN 'behind'
            WHEN (value - baseline_value) / (expected_value - baseline_value) >= 0 THEN 'at_risk'
            ELSE 'backwards'
        END AS pace_status
    FROM expected
)
SELECT
    a.commune_code, c.commune_name, a.indicator_code, n.indicator_name, n.unit_of_measure, a.scope, a.period_code,
    a.agency_code, a.actual_id, a.numerator, a.denominator, a.value, a.value_text, a.measured_on,
    a.in_force_on, a.in_force_value, a.in_force_as_written,
    a.next_on, a.next_value, a.next_as_written, a.next_aspirational,
    a.baseline_from, a.baseline_on, a.baseline_value,
    round(a.expected_value, 4) AS expected_value,
    round((a.value - a.baseline_value) / nullif(a.expected_value - a.baseline_value, 0), 4) AS pace,
    a.next_value - a.value AS gap_to_next,
    date_diff('day', a.measured_on, a.next_on) AS days_to_next,
    a.level_status, level.label AS level_label,
    a.pace_status, pace.label AS pace_label,
    row_number() OVER (
        PARTITION BY a.commune_code, a.indicator_code, a.scope
        ORDER BY a.actual_id IS NOT NULL DESC, a.measured_on DESC, a.period_kind
    ) = 1 AS is_latest,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM answered AS a
JOIN core.dim_commune AS c USING (commune_code)
JOIN core.dim_indicator AS n USING (indicator_code)
JOIN core.dim_status AS level ON level.answer = 'level' AND level.status = a.level_status
JOIN core.dim_status AS pace ON pace.answer = 'pace' AND pace.status = a.pace_status
ORDER BY a.commune_code, a.indicator_code, a.scope, a.measured_on, a.period_code
