-- Every line of line_as_of beside what the other figures of its commune, indicator and scope say: which is the newest,
-- which the first, which a milestone was met or missed with, and a straight line through the last six. Figures before and
-- after a day on which the indicator was redefined are not compared. A commune that was merged answers for no later
-- milestone.
WITH line AS (
    FROM marts.line_as_of(moment, first_commune := first_commune, last_commune := last_commune)
),
-- The newest line with a figure; the newest of all where none has one.
latest AS (
    SELECT
        series, coalesce(max(period_order) FILTER (actual_id IS NOT NULL), max(period_order)) AS period_order,
        true AS is_latest
    FROM line
    GROUP BY series
),
-- One figure a day: that of the shortest period.
figure AS (
    SELECT series, redefined_on, measured_on, arg_max(value, period_order) AS value
    FROM line
    WHERE value IS NOT NULL
    GROUP BY series, redefined_on, measured_on
),
first AS (
    SELECT series, redefined_on, min(measured_on) AS measured_on, arg_min(value, measured_on) AS value
    FROM figure
    GROUP BY series, redefined_on
),
-- The last figure up to the milestone's day.
at_milestone AS (
    SELECT m.series, m.passed_on, f.redefined_on, f.value
    FROM (
        SELECT DISTINCT series, passed_on
        FROM core.known_milestone_span
        WHERE commune_code BETWEEN first_commune AND last_commune
            AND (known_from IS NULL OR known_from <= moment) AND (known_to IS NULL OR known_to > moment)
    ) AS m
    ASOF JOIN figure AS f ON f.series = m.series AND f.measured_on <= m.passed_on
),
trend AS (
    SELECT
        series, measured_on,
        count(*) OVER recent AS points,
        regr_slope(value, epoch(measured_on) / 86400) OVER recent AS gain_a_day,
        regr_r2(value, epoch(measured_on) / 86400) OVER recent AS fit
    FROM figure
    WINDOW recent AS (
        PARTITION BY series, redefined_on ORDER BY measured_on ROWS BETWEEN 5 PRECEDING AND CURRENT ROW)
),
merged AS (
    SELECT old_code AS commune_code, min(ends_on) AS ends_on
    FROM core.known_succession
    WHERE kind = 'commune' AND new_code <> old_code
        AND (known_from IS NULL OR known_from <= moment) AND (known_to IS NULL OR known_to > moment)
    GROUP BY ALL
)
SELECT
    l.*, coalesce(n.is_latest, false) AS is_latest,
    greatest(CASE WHEN n.is_latest THEN least(moment::DATE, e.ends_on - 1) ELSE l.answers_on END, CASE WHEN l.is_estimate THEN l.measured_on END)
        AS answers_until,
    f.measured_on AS first_on, f.value AS first_value,
    m.value AS value_at_passed, t.points, t.gain_a_day, t.fit
FROM line AS l
LEFT JOIN latest AS n ON n.series = l.series AND n.period_order = l.period_order
LEFT JOIN merged AS e ON e.commune_code = l.commune_code
LEFT JOIN first AS f ON f.series = l.series AND f.redefined_on IS NOT DISTINCT FROM l.redefined_on
LEFT JOIN at_milestone AS m
    ON m.series = l.series AND m.passed_on = l.passed_on AND m.redefined_on IS NOT DISTINCT FROM l.redefined_on
LEFT JOIN trend AS t
    ON t.series = l.series AND t.measured_on = l.measured_on AND l.value IS NOT NULL AND t.points >= 3
