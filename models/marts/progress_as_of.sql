-- What the report of a moment said: every indicator a commune had targets for, in every period for which a figure was
-- owed or had come by then. Level: is the figure at the milestone in force? Pace: is it on the way to the next one?
-- (docs/method.md) A series is one commune, indicator and scope, a path its milestones under one set of plans in force;
-- their numbers stand for them in what is joined and sorted, as numbers are cheaper than texts. CASE, never if(): a
-- macro is read by the analyst's own DuckDB, and 1.5 cannot read an if() that 2.0 wrote.
-- first_commune, last_commune: only of the communes between these codes.
WITH believed AS (
    SELECT a.*
    FROM core.fct_actual AS a
    JOIN core.bridge_indicator_duty AS d USING (commune_code, indicator_code, agency_code)
    WHERE a.commune_code BETWEEN first_commune AND last_commune
        AND a.recorded_at <= moment AND (a.superseded_at IS NULL OR a.superseded_at > moment) AND NOT a.is_withdrawn
),
asked AS (
    SELECT d.commune_code, i.indicator_code, d.period_code
    FROM core.dim_due AS d
    JOIN core.bridge_indicator_duty AS i USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN core.bridge_period_asked AS a ON a.period_code = d.period_code AND a.frequency = n.frequency
    WHERE d.commune_code BETWEEN first_commune AND last_commune AND d.asked_on <= moment::DATE
    UNION
    SELECT commune_code, indicator_code, period_code FROM believed
),
regime AS (
    SELECT commune_code, list(DISTINCT regime_from ORDER BY regime_from) AS days
    FROM core.bridge_plan_in_force
    WHERE commune_code BETWEEN first_commune AND last_commune
    GROUP BY commune_code
),
-- finer: how much finer than a year the period is; where a month and a year end together, the month goes before.
dated AS (
    SELECT
        r.commune_code, p.period_code, p.measured_on,
        list_position(['year', 'quarter', 'nine_months', 'half', 'month'], p.kind) AS finer,
        coalesce(list_filter(r.days, lambda d: d <= p.measured_on)[-1], r.days[1]) AS regime_from
    FROM core.dim_period AS p
    CROSS JOIN regime AS r
),
path AS (
    SELECT
        m.commune_code, m.regime_from, m.indicator_code, m.scope,
        dense_rank() OVER (ORDER BY m.commune_code, m.indicator_code, m.scope) AS series,
        row_number() OVER (ORDER BY m.commune_code, m.indicator_code, m.scope, m.regime_from) AS path,
        list(m.milestone_on ORDER BY m.milestone_on) AS days,
        max(m.milestone_on) FILTER (m.milestone_on <= moment::DATE) AS now_on
    FROM core.dim_milestone AS m
    WHERE m.commune_code BETWEEN first_commune AND last_commune
    GROUP BY m.commune_code, m.regime_from, m.indicator_code, m.scope
),
milestone AS (
    SELECT
        p.path, m.milestone_on, m.is_conflict, m.is_text, m.is_strict, m.is_aspirational, m.as_written,
        CASE WHEN n.direction = 'lower_is_better' THEN coalesce(m.value_high, m.value_highest) ELSE m.value_lowest END
            AS value
    FROM core.dim_milestone AS m
    JOIN path AS p USING (commune_code, regime_from, indicator_code, scope)
    JOIN core.dim_indicator AS n USING (indicator_code)
),
line AS (
    SELECT
        p.series, p.path, p.commune_code, p.indicator_code, p.scope, l.period_code, d.measured_on, d.finer,
        len(list_filter(p.days, lambda m: m <= d.measured_on)) AS passed,
        p.now_on, p.days[passed] AS passed_on, p.days[passed + 1] AS next_on,
        f.actual_id, f.agency_code, f.numerator, f.denominator, f.value, f.value_text,
        -- which line of a series is its newest: one with a figure, then the later, then the finer
        CASE WHEN f.actual_id IS NULL THEN 0 ELSE 1::BIGINT << 40 END
            + 8 * epoch(d.measured_on)::BIGINT // 86400 + d.finer AS newest
    FROM asked AS l
    JOIN dated AS d USING (commune_code, period_code)
    JOIN path AS p USING (commune_code, indicator_code, regime_from)
    LEFT JOIN believed AS f USING (commune_code, indicator_code, period_code)
),
-- One figure a day.
valued AS (
    SELECT series, measured_on, arg_max(value, finer) AS value
    FROM line
    WHERE value IS NOT NULL
    GROUP BY series, measured_on
),
ends AS (
    SELECT
        series, max(newest) AS newest,
        min(measured_on) FILTER (value IS NOT NULL) AS first_on,
        arg_min(value, 8 * epoch(measured_on)::BIGINT // 86400 - finer) FILTER (value IS NOT NULL) AS first_value
    FROM line
    GROUP BY series
),
-- The figure a milestone was met or missed with: the last one up to its day.
at_milestone AS (
    SELECT m.series, m.milestone_on, v.value
    FROM (SELECT DISTINCT series, unnest(days) AS milestone_on FROM path) AS m
    ASOF JOIN valued AS v ON v.series = m.series AND v.measured_on <= m.milestone_on
),
-- A straight line through the last six figures, for the forecast.
trend AS (
    SELECT
        series, measured_on,
        count(*) OVER recent AS points,
        regr_slope(value, epoch(measured_on) / 86400) OVER recent AS gain_a_day,
        regr_intercept(value, epoch(measured_on) / 86400) OVER recent AS intercept,
        regr_r2(value, epoch(measured_on) / 86400) OVER recent AS fit
    FROM valued
    WINDOW recent AS (PARTITION BY series ORDER BY measured_on ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)
),
-- The newest figure answers for every milestone passed since; an older one for those of its own day.
placed AS (
    SELECT
        l.*, e.first_on, e.first_value, l.newest = e.newest AS is_latest,
        CASE WHEN is_latest AND l.measured_on < moment::DATE THEN l.now_on ELSE l.passed_on END AS in_force_on
    FROM line AS l
    JOIN ends AS e USING (series)
),
based AS (
    SELECT
        l.*,
        CASE WHEN n.direction = 'lower_is_better' THEN -1 ELSE 1 END AS sign, n.indicator_name, n.unit_of_measure,
        n.kind AS indicator_kind,
        force.value AS in_force_value, force.is_conflict AS in_force_conflict, force.is_text AS in_force_text,
        force.is_strict AS in_force_strict, force.as_written AS in_force_as_written,
        ahead.value AS next_value, ahead.is_conflict AS next_conflict, ahead.is_text AS next_text,
        ahead.is_strict AS next_strict, ahead.is_aspirational AS next_aspirational, ahead.as_written AS next_as_written,
        CASE WHEN m.value IS NOT NULL THEN 'milestone' WHEN first_on < l.measured_on THEN 'first_actual' END
            AS baseline_from,
        CASE WHEN m.value IS NOT NULL THEN l.passed_on WHEN first_on < l.measured_on THEN first_on END AS baseline_on,
        CASE WHEN m.value IS NOT NULL THEN m.value WHEN first_on < l.measured_on THEN first_value END
            AS baseline_value,
        t.points, t.gain_a_day, t.intercept, t.fit
    FROM placed AS l
    JOIN core.dim_indicator AS n USING (indicator_code)
    LEFT JOIN milestone AS force ON force.path = l.path AND force.milestone_on = l.in_force_on
    LEFT JOIN milestone AS ahead ON ahead.path = l.path AND ahead.milestone_on = l.next_on
    LEFT JOIN at_milestone AS m ON m.series = l.series AND m.milestone_on = l.passed_on
    LEFT JOIN trend AS t
        ON t.series = l.series AND t.measured_on = l.measured_on AND l.value IS NOT NULL AND t.points >= 3
),
expected AS (
    SELECT
        *,
        CASE WHEN NOT coalesce(next_conflict, true) AND baseline_on < next_on AND measured_on > baseline_on THEN
            baseline_value + (next_value - baseline_value)
            * (date_diff('day', baseline_on, measured_on)::DOUBLE / date_diff('day', baseline_on, next_on))
        END AS expected_value
    FROM based
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
            AND sign * gain_a_day > 0 AND (next_value - value) / gain_a_day < 100000
            THEN measured_on + ceil((next_value - value) / gain_a_day)::INTEGER
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
    CASE WHEN a.pace_status IN ('reached', 'conflict', 'by_hand') THEN NULL
        ELSE round((a.next_value - a.value) / (date_diff('day', a.measured_on, a.next_on) / 30.4375), 4)
    END AS required_monthly_gain,
    a.level_status, level.label AS level_label,
    a.pace_status, pace.label AS pace_label,
    CASE WHEN a.meets_on <= DATE '2100-01-01' THEN a.meets_on END AS forecast_meets_on,
    CASE WHEN a.unit_of_measure = '%' AND a.at_next IS NOT NULL THEN least(greatest(round(a.at_next, 4), 0), 100)
        ELSE round(a.at_next, 4)
    END AS forecast_at_next,
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
ORDER BY a.series, a.measured_on, a.period_code
