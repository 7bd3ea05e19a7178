-- Figures of one indicator and period summed above the commune, for the whole city and by type of commune
-- (commune_type empty: all), and for all cities together (city_code empty). A commune counts while it is one: not what it
-- reported for a time after it was merged.
WITH scoped AS (
    SELECT commune_code, indicator_code
    FROM marts.mart_kpi_progress
    WHERE indicator_code BETWEEN getvariable('first_indicator') AND getvariable('last_indicator')
    GROUP BY ALL
    HAVING min(scope) <> max(scope)
),
line AS NOT MATERIALIZED (
    SELECT
        p.commune_code, p.indicator_code, p.period_code, p.numerator, p.denominator, p.value, c.city_code,
        c.commune_type, n.aggregation, p.is_estimate
    FROM marts.mart_kpi_progress AS p
    JOIN core.dim_commune AS c USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN core.dim_period AS d USING (period_code)
    WHERE p.actual_id IS NOT NULL
        AND p.indicator_code BETWEEN getvariable('first_indicator') AND getvariable('last_indicator')
        AND (c.holds_from IS NULL OR c.holds_from <= d.ends_on) AND (c.holds_until IS NULL OR c.holds_until > d.ends_on)
),
-- A figure under several scopes has several lines.
figure AS (
    FROM line ANTI JOIN scoped USING (commune_code, indicator_code)
    UNION ALL
    SELECT DISTINCT * FROM line SEMI JOIN scoped USING (commune_code, indicator_code)
),
summed AS (
    SELECT
        city_code, commune_type, indicator_code, period_code,
        any_value(aggregation) AS aggregation,
        count(*) AS communes_reporting,
        count(*) FILTER (numerator IS NOT NULL AND denominator > 0) AS communes_in_rate,
        sum(numerator) FILTER (denominator > 0) AS numerator,
        sum(denominator) FILTER (denominator > 0 AND numerator IS NOT NULL) AS denominator,
        sum(value) AS total,
        bool_or(is_estimate) AS is_estimate,
        min(value) AS value_lowest, median(value) AS value_median, max(value) AS value_highest
    FROM figure
    GROUP BY GROUPING SETS (
        (city_code, commune_type, indicator_code, period_code), (city_code, indicator_code, period_code))
),
city AS (
    SELECT
        city_code, coalesce(commune_type, '') AS commune_type, indicator_code, period_code, aggregation,
        communes_reporting, communes_in_rate,
        if(aggregation = 'ratio_of_sums', numerator, NULL) AS numerator,
        if(aggregation = 'ratio_of_sums', denominator, NULL) AS denominator,
        CASE aggregation
            WHEN 'ratio_of_sums' THEN round(100 * numerator::DOUBLE / nullif(denominator, 0), 4)
            WHEN 'sum' THEN total
        END AS value,
        value_lowest, value_median, value_highest, is_estimate
    FROM summed
),
country AS (  -- summed from the cities; how far they are apart is said in mart_country_progress
    SELECT
        '' AS city_code, '' AS commune_type, indicator_code, period_code,
        sum(communes_reporting)::BIGINT AS communes_reporting, sum(communes_in_rate)::BIGINT AS communes_in_rate,
        sum(numerator) AS numerator, sum(denominator) AS denominator,
        CASE any_value(aggregation)
            WHEN 'ratio_of_sums' THEN round(100 * sum(numerator)::DOUBLE / nullif(sum(denominator), 0), 4)
            WHEN 'sum' THEN sum(value)
        END AS value,
        bool_or(is_estimate) AS is_estimate
    FROM city
    WHERE commune_type = ''
    GROUP BY ALL
)
SELECT * EXCLUDE (aggregation) FROM city
UNION ALL BY NAME
SELECT * FROM country
ORDER BY indicator_code, city_code, commune_type, period_code
