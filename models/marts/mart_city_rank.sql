-- Rank of a city among those that report the same indicator for the same period; 1 is best.
-- CASE, never if(): a view is read by the analyst's own DuckDB, and 1.5 cannot read an if() that 2.0 wrote.
SELECT
    p.city_code, p.indicator_code, p.period_code, p.value,
    rank() OVER (standing ORDER BY CASE WHEN n.direction = 'lower_is_better' THEN p.value ELSE -p.value END) AS rank,
    count(*) OVER standing AS cities_ranked,
    p.is_illustrative
FROM marts.mart_city_progress AS p
JOIN core.dim_indicator AS n USING (indicator_code)
WHERE p.value IS NOT NULL
WINDOW standing AS (PARTITION BY p.indicator_code, p.period_code)
ORDER BY p.indicator_code, p.period_code, rank, p.city_code
