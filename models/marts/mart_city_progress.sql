-- Above one commune a rate is the sum of numerators over the sum of denominators, never an average of rates.
WITH figure AS (
    SELECT DISTINCT ON (p.commune_code, p.indicator_code, p.period_code)
        p.commune_code, p.indicator_code, p.period_code, p.numerator, p.denominator, p.value, c.city_code,
        n.aggregation
    FROM marts.mart_kpi_progress AS p
    JOIN core.dim_commune AS c USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    WHERE p.actual_id IS NOT NULL
    ORDER BY p.commune_code, p.indicator_code, p.period_code, p.scope
),
summed AS (
    SELECT
        city_code, indicator_code, period_code, any_value(aggregation) AS aggregation,
        count(*) AS communes_reporting,
        count(*) FILTER (numerator IS NOT NULL AND denominator > 0) AS communes_in_rate,
        sum(numerator) FILTER (denominator > 0) AS numerator,
        sum(denominator) FILTER (denominator > 0 AND numerator IS NOT NULL) AS denominator,
        sum(value) AS total,
        min(value) AS value_lowest, median(value) AS value_median, max(value) AS value_highest
    FROM figure
    GROUP BY ALL
)
SELECT
    s.city_code, s.indicator_code, n.indicator_name, n.unit_of_measure, s.period_code,
    if(s.aggregation = 'ratio_of_sums', s.numerator, NULL) AS numerator,
    if(s.aggregation = 'ratio_of_sums', s.denominator, NULL) AS denominator,
    CASE s.aggregation
        WHEN 'ratio_of_sums' THEN round(100 * s.numerator::DOUBLE / nullif(s.denominator, 0), 4)
        WHEN 'sum' THEN s.total
    END AS value,
    s.communes_reporting, s.communes_in_rate,
    (SELECT count(*) FROM core.dim_commune AS c WHERE c.city_code = s.city_code) AS communes_in_city,
    s.value_lowest, s.value_median, s.value_highest,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM summed AS s
JOIN core.dim_indicator AS n USING (indicator_code)
JOIN core.dim_period AS d USING (period_code)
ORDER BY s.city_code, s.indicator_code, d.measured_on, s.period_code
