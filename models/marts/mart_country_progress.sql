-- The same over all cities. Level, pace and forecast are by the milestones that the country's plans set for the country.
WITH city AS (
    SELECT
        indicator_code, period_code, count(*) AS cities_reporting, min(value) AS value_lowest,
        median(value) AS value_median, max(value) AS value_highest
    FROM staged.stg_city_sum
    WHERE commune_type = '' AND city_code <> ''
    GROUP BY ALL
)
SELECT
    s.indicator_code, n.indicator_name, n.unit_of_measure, s.period_code, s.numerator, s.denominator, s.value,
    c.cities_reporting,
    (SELECT count(DISTINCT city_code) FROM core.dim_commune) AS cities_in_country,
    s.communes_reporting, s.communes_in_rate,
    (
        SELECT count(*) FROM core.dim_commune AS m
        WHERE (m.holds_from IS NULL OR m.holds_from <= d.ends_on)
            AND (m.holds_until IS NULL OR m.holds_until > d.ends_on)
    ) AS communes_in_country,
    c.value_lowest, c.value_median, c.value_highest,
    getvariable('is_illustrative') AS is_illustrative,
    s.is_estimate, j.milestone_scope, j.in_force_on, j.in_force_value, j.in_force_as_written, j.next_on, j.next_value,
    j.next_as_written, j.baseline_on, j.baseline_value, j.expected_value, j.pace, j.level_status, j.level_label,
    j.pace_status, j.pace_label, j.forecast_meets_on, j.forecast_at_next,
    coalesce(j.is_latest, false) AS is_latest
FROM staged.stg_city_sum AS s
JOIN city AS c USING (indicator_code, period_code)
JOIN core.dim_indicator AS n USING (indicator_code)
JOIN core.dim_period AS d USING (period_code)
LEFT JOIN staged.stg_city_judged AS j
    ON j.city_code = s.city_code AND j.indicator_code = s.indicator_code AND j.period_code = s.period_code
WHERE s.city_code = ''
ORDER BY s.indicator_code, d.measured_on, s.period_code
