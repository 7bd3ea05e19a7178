-- What the figures of a city, or of the country, say of its milestones: level, pace and forecast as those of a commune are
-- made (progress_as_of, pace_as_of).
WITH based AS (
    SELECT
        *,
        CASE WHEN value_at_passed IS NOT NULL THEN passed_on WHEN first_on < measured_on THEN first_on END AS baseline_on,
        CASE WHEN value_at_passed IS NOT NULL THEN value_at_passed WHEN first_on < measured_on THEN first_value END
            AS baseline_value,
        CASE WHEN NOT next_is_conflict AND baseline_on < next_on AND measured_on > baseline_on THEN
            baseline_value + (next_value - baseline_value)
            * least(date_diff('day', baseline_on, measured_on)::DOUBLE / date_diff('day', baseline_on, next_on), 1)
        END AS expected_value
    FROM staged.stg_city_line
),
judged AS (
    SELECT
        *,
        (value - baseline_value) / nullif(expected_value - baseline_value, 0) AS pace,
        CASE
            WHEN milestone_scope IS NULL THEN NULL
            WHEN in_force_on IS NULL THEN 'not_due'
            WHEN in_force_is_text THEN 'by_hand'
            WHEN value IS NULL THEN 'no_rate'
            WHEN in_force_is_conflict THEN 'conflict'
            WHEN in_force_is_strict AND in_force_sign * value > in_force_sign * in_force_value THEN 'met'
            WHEN NOT in_force_is_strict AND in_force_sign * value >= in_force_sign * in_force_value THEN 'met'
            ELSE 'not_met'
        END AS level_as_reported,
        CASE WHEN is_estimate AND level_as_reported IN ('met', 'not_met') THEN 'estimate_' ELSE '' END
            || level_as_reported AS level_status,
        CASE
            WHEN milestone_scope IS NULL THEN NULL
            WHEN next_on IS NULL THEN 'no_next'
            WHEN next_is_text THEN 'by_hand'
            WHEN value IS NULL THEN 'no_rate'
            WHEN next_is_conflict THEN 'conflict'
            WHEN next_is_strict AND sign * value > sign * next_value THEN 'reached'
            WHEN NOT next_is_strict AND sign * value >= sign * next_value THEN 'reached'
            WHEN expected_value IS NULL THEN 'no_baseline'
            WHEN sign * (next_value - baseline_value) <= 0 THEN 'backwards'
            WHEN pace >= 0.95 THEN 'on_track'
            WHEN pace >= 0.60 THEN 'behind'
            WHEN pace >= 0 THEN 'at_risk'
            ELSE 'backwards'
        END AS pace_status,
        value + gain_a_day * date_diff('day', measured_on, next_on) AS forecast_at_next,
        CASE WHEN pace_status NOT IN ('reached', 'conflict', 'by_hand') AND sign * gain_a_day > 0
            AND (next_value - value) / gain_a_day < 100000
            THEN measured_on + ceil((next_value - value) / gain_a_day)::INTEGER
        END AS forecast_meets_on
    FROM based
)
SELECT
    j.city_code, j.indicator_code, j.period_code, j.is_latest, j.milestone_scope, j.in_force_on, j.in_force_value,
    j.in_force_as_written, j.next_on, j.next_value, j.next_as_written, j.baseline_on, j.baseline_value,
    round(j.expected_value, 4) AS expected_value,
    round(j.pace, 4) AS pace,
    j.level_status, level.label AS level_label, j.pace_status, pace.label AS pace_label,
    CASE WHEN j.forecast_meets_on <= DATE '2100-01-01' THEN j.forecast_meets_on END AS forecast_meets_on,
    CASE WHEN n.unit_of_measure = '%' AND j.forecast_at_next IS NOT NULL
        THEN least(greatest(round(j.forecast_at_next, 4), 0), 100) ELSE round(j.forecast_at_next, 4)
    END AS forecast_at_next
FROM judged AS j
JOIN core.dim_indicator AS n USING (indicator_code)
LEFT JOIN core.dim_status AS level ON level.answer = 'level' AND level.status = j.level_status
LEFT JOIN core.dim_status AS pace ON pace.answer = 'pace' AND pace.status = j.pace_status
ORDER BY j.city_code, j.indicator_code, j.period_order
