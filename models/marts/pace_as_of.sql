-- How fast an indicator moves towards its next milestone, and where it is heading. Pace: what was reached since the
-- baseline against what a straight line from there to the milestone asks for by the figure's day. Forecast: the figure
-- goes on to gain as the straight line through the last figures does, three at least. (docs/method.md)
WITH based AS (
    SELECT
        *,
        CASE WHEN value_at_passed IS NOT NULL THEN 'milestone' WHEN first_on < measured_on THEN 'first_actual' END
            AS baseline_from,
        CASE baseline_from WHEN 'milestone' THEN passed_on WHEN 'first_actual' THEN first_on END AS baseline_on,
        CASE baseline_from WHEN 'milestone' THEN value_at_passed WHEN 'first_actual' THEN first_value END
            AS baseline_value,
        CASE WHEN NOT next_is_conflict AND baseline_on < next_on AND measured_on > baseline_on THEN
            baseline_value + (next_value - baseline_value)
            * least(date_diff('day', baseline_on, measured_on)::DOUBLE / date_diff('day', baseline_on, next_on), 1)
        END AS expected_value
    FROM marts.history_as_of(moment, first_commune := first_commune, last_commune := last_commune)
)
SELECT
    *,
    (value - baseline_value) / nullif(expected_value - baseline_value, 0) AS pace,
    CASE
        WHEN NOT has_target THEN 'no_target'
        WHEN next_on IS NULL THEN 'no_next'
        WHEN actual_id IS NULL THEN 'no_figure'
        WHEN next_is_text AND indicator_kind <> 'yes_no' THEN 'by_hand'
        WHEN value IS NULL THEN 'no_rate'
        WHEN next_is_conflict THEN 'conflict'
        WHEN next_is_strict AND sign * value > sign * coalesce(next_value, 1) THEN 'reached'
        WHEN NOT next_is_strict AND sign * value >= sign * coalesce(next_value, 1) THEN 'reached'
        WHEN expected_value IS NULL THEN 'no_baseline'
        WHEN sign * (next_value - baseline_value) <= 0 THEN 'backwards'
        WHEN pace >= 0.95 THEN 'on_track'
        WHEN pace >= 0.60 THEN 'behind'
        WHEN pace >= 0 THEN 'at_risk'
        ELSE 'backwards'
    END AS pace_status,
    value + gain_a_day * date_diff('day', measured_on, next_on) AS forecast_at_next,
    CASE WHEN pace_status NOT IN ('reached', 'conflict', 'by_hand') AND next_value IS NOT NULL
        AND sign * gain_a_day > 0 AND (next_value - value) / gain_a_day < 100000
        THEN measured_on + ceil((next_value - value) / gain_a_day)::INTEGER
    END AS forecast_meets_on
FROM based
