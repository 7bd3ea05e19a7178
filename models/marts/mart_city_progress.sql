-- Above one commune a rate is the sum of numerators over the sum of denominators, never an average of rates. Where a plan
-- of the city, or of the country, sets milestones, level, pace and forecast are those of a commune (staged.stg_city_judged).
SELECT
    s.city_code, s.indicator_code, n.indicator_name, n.unit_of_measure, s.period_code, s.numerator, s.denominator,
    s.value, s.communes_reporting, s.communes_in_rate,
    (
        SELECT count(*) FROM core.dim_commune AS c
        WHERE c.city_code = s.city_code
            AND (c.holds_from IS NULL OR c.holds_from <= d.ends_on)
            AND (c.holds_until IS NULL OR c.holds_until > d.ends_on)
    ) AS communes_in_city,
    s.value_lowest, s.value_median, s.value_highest,
    getvariable('is_illustrative') AS is_illustrative,
    s.is_estimate, j.milestone_scope, j.in_force_on, j.in_force_value, j.in_force_as_written, j.next_on, j.next_value,
    j.next_as_written, j.baseline_on, j.baseline_value, j.expected_value, j.pace, j.level_status, j.level_label,
    j.pace_status, j.pace_label, j.forecast_meets_on, j.forecast_at_next,
    coalesce(j.is_latest, false) AS is_latest
FROM staged.stg_city_sum AS s
JOIN core.dim_indicator AS n USING (indicator_code)
JOIN core.dim_period AS d USING (period_code)
LEFT JOIN staged.stg_city_judged AS j
    ON j.city_code = s.city_code AND j.indicator_code = s.indicator_code AND j.period_code = s.period_code
WHERE s.commune_type = '' AND s.city_code <> ''
ORDER BY s.city_code, s.indicator_code, d.measured_on, s.period_code
