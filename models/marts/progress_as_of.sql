-- What a report made at a moment said: every indicator a commune had targets for or followed without one, in every period for which a figure was
-- owed or had come by then. Level: is the figure at the milestone in force? Pace: is it on the way to the next one?
-- (docs/method.md) It is computed in steps, each a macro one can query too: figure_as_of, the figures in force;
-- line_as_of, between which milestones each is; history_as_of, the other figures of its series; pace_as_of.
-- CASE, never if(): a macro is read by the analyst's own DuckDB, and 1.5 cannot read an if() that 2.0 wrote.
-- first_commune, last_commune: only of the communes between these codes.
WITH judged AS (
    SELECT
        l.*, s.passed_on AS in_force_on, s.passed_value AS in_force_value, s.passed_as_written AS in_force_as_written,
        CASE
            WHEN NOT l.has_target AND l.actual_id IS NULL THEN 'no_figure'
            WHEN NOT l.has_target THEN 'no_target'
            WHEN s.path IS NULL THEN 'not_due'
            WHEN l.actual_id IS NULL THEN 'no_figure'
            WHEN s.passed_is_text AND l.indicator_kind <> 'yes_no' THEN 'by_hand'
            WHEN l.value IS NULL THEN 'no_rate'
            WHEN s.passed_is_conflict THEN 'conflict'
            WHEN s.passed_is_strict AND s.passed_sign * l.value > s.passed_sign * coalesce(s.passed_value, 1) THEN 'met'
            WHEN NOT s.passed_is_strict AND s.passed_sign * l.value >= s.passed_sign * coalesce(s.passed_value, 1) THEN 'met'
            ELSE 'not_met'
        END AS level_as_reported,
        CASE WHEN l.is_estimate AND level_as_reported IN ('met', 'not_met') THEN 'estimate_' ELSE '' END
            || level_as_reported AS level_status
    FROM marts.pace_as_of(moment, first_commune := first_commune, last_commune := last_commune) AS l
    -- the newest figure is compared with every milestone passed since, an older one with those of its own day, what is
    -- expected of a year with that of its year
    LEFT JOIN core.known_milestone_span AS s
        ON s.path = l.path AND s.passed_on <= l.answers_until AND (s.next_on IS NULL OR s.next_on > l.answers_until)
)
SELECT
    a.commune_code, c.commune_name, a.indicator_code, n.indicator_name, n.unit_of_measure, a.scope, a.period_code,
    a.agency_code, a.actual_id, a.numerator, a.denominator, a.value, a.value_text, a.measured_on,
    a.in_force_on, a.in_force_value, a.in_force_as_written,
    a.next_on, a.next_value, a.next_as_written, a.next_is_aspirational AS next_aspirational,
    a.baseline_from, a.baseline_on, a.baseline_value,
    round(a.expected_value, 4) AS expected_value,
    round(a.pace, 4) AS pace,
    a.next_value - a.value AS gap_to_next,
    date_diff('day', a.measured_on, a.next_on) AS days_to_next,
    CASE WHEN a.pace_status IN ('reached', 'conflict', 'by_hand') THEN NULL
        ELSE round((a.next_value - a.value) / (date_diff('day', a.measured_on, a.next_on) / 30.4375), 4)
    END AS required_monthly_gain,
    a.level_status, level.label AS level_label,
    a.pace_status, pace.label AS pace_label,
    CASE WHEN a.forecast_meets_on <= DATE '2100-01-01' THEN a.forecast_meets_on END AS forecast_meets_on,
    CASE WHEN n.unit_of_measure = '%' AND a.forecast_at_next IS NOT NULL
        THEN least(greatest(round(a.forecast_at_next, 4), 0), 100)
        ELSE round(a.forecast_at_next, 4)
    END AS forecast_at_next,
    a.points AS forecast_points,
    round(a.fit, 4) AS forecast_fit,
    CASE WHEN a.points IS NULL THEN NULL
        WHEN a.fit >= 0.9 THEN 'high' WHEN a.fit >= 0.6 THEN 'medium' ELSE 'low'
    END AS forecast_confidence,
    a.is_latest,
    c.is_illustrative,
    a.is_estimate,
    a.redefined_on
FROM judged AS a
JOIN core.dim_commune AS c USING (commune_code)
JOIN core.dim_indicator AS n USING (indicator_code)
JOIN core.dim_status AS level ON level.answer = 'level' AND level.status = a.level_status
JOIN core.dim_status AS pace ON pace.answer = 'pace' AND pace.status = a.pace_status
ORDER BY a.series, a.period_order
