-- What the report of a moment said: every indicator a commune had targets for, in every period for which a figure was
-- owed or had come by then. Level: is the figure at the milestone in force? Pace: is it on the way to the next one?
-- (docs/method.md) A series is one commune, indicator and scope, a path its milestones under one set of plans in force;
-- their numbers stand for them in what is joined and sorted, as numbers are cheaper than texts. CASE, never if(): a
-- macro is read by the analyst's own DuckDB, and 1.5 cannot read an if() that 2.0 wrote.
-- first_commune, last_commune: only of the communes between these codes.
WITH regime AS (  -- the first speaks for the days before it too
    SELECT
        commune_code, regime_from,
        CASE WHEN lag(regime_from) OVER history IS NULL THEN '-infinity'::DATE ELSE regime_from END AS holds_from,
        coalesce(lead(regime_from) OVER history, 'infinity'::DATE) AS holds_until
    FROM (
        SELECT DISTINCT commune_code, regime_from
        FROM core.bridge_plan_in_force
        WHERE commune_code BETWEEN first_commune AND last_commune
    ) AS days
    WINDOW history AS (PARTITION BY commune_code ORDER BY regime_from)
),
milestone AS (
    SELECT
        m.commune_code, m.regime_from, m.indicator_code, m.scope,
        dense_rank() OVER (ORDER BY m.commune_code, m.indicator_code, m.scope) AS series,
        dense_rank() OVER (ORDER BY m.commune_code, m.indicator_code, m.scope, m.regime_from) AS path,
        row_number() OVER (
            PARTITION BY m.commune_code, m.indicator_code, m.scope, m.regime_from ORDER BY m.milestone_on) AS nth,
        m.milestone_on, m.is_conflict, m.is_text, m.is_strict, m.is_aspirational, m.as_written,
        CASE WHEN n.direction = 'lower_is_better' THEN coalesce(m.value_high, m.value_highest) ELSE m.value_lowest END
            AS value
    FROM core.dim_milestone AS m
    JOIN core.dim_indicator AS n USING (indicator_code)
    WHERE m.commune_code BETWEEN first_commune AND last_commune
),
path AS (
    SELECT
        m.commune_code, m.indicator_code, m.scope, m.series, m.path, r.holds_from, r.holds_until,
        list(m.milestone_on ORDER BY m.nth) AS days,
        count(*) FILTER (m.milestone_on <= moment::DATE) AS passed_now
    FROM milestone AS m
    JOIN regime AS r USING (commune_code, regime_from)
    GROUP BY ALL
),
-- nth: the order of the lines of a series. finer: how much finer than a year the period is; where a month and a year end
-- together, the month goes before.
period AS (
    SELECT
        period_code, measured_on, row_number() OVER (ORDER BY measured_on, period_code) AS nth,
        list_position(['year', 'quarter', 'nine_months', 'half', 'month'], kind) AS finer
    FROM core.dim_period
),
duty AS (
    SELECT p.path, p.commune_code, p.indicator_code, d.agency_code, n.frequency
    FROM path AS p
    JOIN core.bridge_indicator_duty AS d USING (commune_code, indicator_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
),
believed AS (
    SELECT
        d.path, p.nth, p.period_code, p.measured_on, p.finer,
        a.actual_id, a.agency_code, a.numerator, a.denominator, a.value, a.value_text
    FROM core.fct_actual AS a
    JOIN duty AS d USING (commune_code, indicator_code, agency_code)
    JOIN period AS p USING (period_code)
    WHERE a.commune_code BETWEEN first_commune AND last_commune
        AND a.recorded_at <= moment AND (a.superseded_at IS NULL OR a.superseded_at > moment) AND NOT a.is_withdrawn
),
asked AS (
    SELECT d.path, p.nth, p.period_code, p.measured_on, p.finer
    FROM (SELECT DISTINCT path, commune_code, frequency FROM duty) AS d
    JOIN core.dim_due AS o USING (commune_code)
    JOIN core.bridge_period_asked AS a USING (period_code, frequency)
    JOIN period AS p USING (period_code)
    WHERE o.asked_on <= moment::DATE
),
line AS (
    SELECT
        p.series, l.*,
        len(list_filter(p.days, lambda m: m <= l.measured_on)) AS passed,
        -- which line of a series is its newest: one with a figure, then the later, then the finer
        CASE WHEN l.actual_id IS NULL THEN 0 ELSE 1::BIGINT << 40 END
            + 8 * epoch(l.measured_on)::BIGINT // 86400 + l.finer AS newest
    FROM (
        FROM believed
        UNION ALL BY NAME
        FROM asked ANTI JOIN believed USING (path, nth)
    ) AS l
    JOIN path AS p ON p.path = l.path AND p.holds_from <= l.measured_on AND p.holds_until > l.measured_on
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
    FROM (SELECT DISTINCT series, milestone_on FROM milestone) AS m
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
-- What the lines between two milestones of a path have in common.
stretch AS (
    SELECT
        p.path, passed, p.passed_now, p.commune_code, c.commune_name, p.indicator_code, n.indicator_name,
        n.unit_of_measure, n.kind AS indicator_kind, p.scope,
        CASE WHEN n.direction = 'lower_is_better' THEN -1 ELSE 1 END AS sign,
        p.days[passed] AS passed_on, ahead.milestone_on AS next_on,
        ahead.value AS next_value, ahead.is_conflict AS next_conflict, ahead.is_text AS next_text,
        ahead.is_strict AS next_strict, ahead.is_aspirational AS next_aspirational, ahead.as_written AS next_as_written,
        m.value AS passed_value, e.first_on, e.first_value, e.newest,
        c.is_illustrative
    FROM path AS p
    CROSS JOIN unnest(range(len(p.days) + 1)) AS _(passed)
    JOIN core.dim_commune AS c USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN ends AS e ON e.series = p.series
    LEFT JOIN milestone AS ahead ON ahead.path = p.path AND ahead.nth = passed + 1
    LEFT JOIN at_milestone AS m ON m.series = p.series AND m.milestone_on = p.days[passed]
),
-- The newest figure answers for every milestone passed since; an older one for those of its own day.
placed AS (
    SELECT
        l.* EXCLUDE (newest), s.* EXCLUDE (path, passed, newest), l.newest = s.newest AS is_latest,
        CASE WHEN is_latest AND l.measured_on < moment::DATE THEN s.passed_now ELSE l.passed END AS in_force,
        CASE WHEN s.passed_value IS NOT NULL THEN 'milestone' WHEN s.first_on < l.measured_on THEN 'first_actual' END
            AS baseline_from,
        CASE baseline_from WHEN 'milestone' THEN s.passed_on WHEN 'first_actual' THEN s.first_on END AS baseline_on,
        CASE baseline_from WHEN 'milestone' THEN s.passed_value WHEN 'first_actual' THEN s.first_value END
            AS baseline_value,
        t.points, t.gain_a_day, t.intercept, t.fit
    FROM line AS l
    LEFT JOIN trend AS t
        ON t.series = l.series AND t.measured_on = l.measured_on AND l.value IS NOT NULL AND t.points >= 3
    JOIN stretch AS s ON s.path = l.path AND s.passed = l.passed
),
expected AS (
    SELECT
        l.*,
        force.milestone_on AS in_force_on, force.value AS in_force_value, force.is_conflict AS in_force_conflict,
        force.is_text AS in_force_text, force.is_strict AS in_force_strict, force.as_written AS in_force_as_written,
        CASE WHEN NOT coalesce(next_conflict, true) AND baseline_on < next_on AND measured_on > baseline_on THEN
            baseline_value + (next_value - baseline_value)
            * (date_diff('day', baseline_on, measured_on)::DOUBLE / date_diff('day', baseline_on, next_on))
        END AS expected_value
    FROM placed AS l
    LEFT JOIN milestone AS force ON force.path = l.path AND force.nth = l.in_force
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
    a.commune_code, a.commune_name, a.indicator_code, a.indicator_name, a.unit_of_measure, a.scope, a.period_code,
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
    a.is_illustrative
FROM answered AS a
JOIN core.dim_status AS level ON level.answer = 'level' AND level.status = a.level_status
JOIN core.dim_status AS pace ON pace.answer = 'pace' AND pace.status = a.pace_status
ORDER BY a.series, a.nth
