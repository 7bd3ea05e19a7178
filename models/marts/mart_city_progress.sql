-- Above one commune a rate is the sum of numerators over the sum of denominators, never an average of rates.
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
    getvariable('is_illustrative') AS is_illustrative
FROM staged.stg_city_sum AS s
JOIN core.dim_indicator AS n USING (indicator_code)
JOIN core.dim_period AS d USING (period_code)
WHERE s.commune_type = ''
ORDER BY s.city_code, s.indicator_code, d.measured_on, s.period_code
