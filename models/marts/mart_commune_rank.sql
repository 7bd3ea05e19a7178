-- Rank of a commune among those of its city that report the same indicator for the same period; 1 is best.
-- CASE, never if(): a view is read by the analyst's own DuckDB, and 1.5 cannot read an if() that 2.0 wrote.
SELECT
    p.commune_code, p.commune_name, c.city_code, p.indicator_code, p.period_code, p.scope, p.value,
    rank() OVER (standing ORDER BY CASE WHEN n.direction = 'lower_is_better' THEN p.value ELSE -p.value END) AS rank,
    count(*) OVER standing AS communes_ranked,
    p.is_illustrative
FROM marts.mart_kpi_progress AS p
JOIN core.dim_commune AS c USING (commune_code)
JOIN core.dim_indicator AS n USING (indicator_code)
WHERE p.value IS NOT NULL
WINDOW standing AS (PARTITION BY c.city_code, p.indicator_code, p.period_code, p.scope)
ORDER BY c.city_code, p.indicator_code, p.period_code, p.scope, rank, p.commune_code
