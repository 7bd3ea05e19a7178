-- Figures of communes that were merged and of indicators that got another code, in the series of what took their place: for
-- the time before it, the sum over its predecessors; afterwards its own. Such a sum has no level against the successor's
-- milestones, which were not set for it. City sums take the communes' own figures, never these.
WITH figure AS (
    SELECT f.commune_code, f.indicator_code, f.period_code, d.ends_on, f.numerator, f.denominator, f.value
    FROM marts.figure_as_of(
        getvariable('moment'),
        first_commune := getvariable('first_commune'),
        last_commune := getvariable('last_commune')) AS f
    JOIN core.dim_period AS d USING (period_code)
    WHERE f.actual_id IS NOT NULL
),
commune AS (
    SELECT code, holds_from, holds_until, successor_code FROM core.bridge_successor WHERE kind = 'commune'
),
recoded AS (
    SELECT code, successor_code FROM core.bridge_successor WHERE kind = 'indicator' AND successor_code IS NOT NULL
),
joined AS (
    SELECT
        coalesce(c.successor_code, f.commune_code) AS commune_code,
        coalesce(r.successor_code, f.indicator_code) AS indicator_code,
        f.period_code, f.ends_on, f.commune_code AS commune_then, f.indicator_code AS indicator_then, f.numerator,
        f.denominator, f.value
    FROM figure AS f
    LEFT JOIN commune AS c ON c.code = f.commune_code
    LEFT JOIN recoded AS r ON r.code = f.indicator_code
    WHERE (c.holds_from IS NULL OR c.holds_from <= f.ends_on) AND (c.holds_until IS NULL OR c.holds_until > f.ends_on)
    -- reported under both codes: the newer counts
    QUALIFY row_number() OVER (
        PARTITION BY f.commune_code, coalesce(r.successor_code, f.indicator_code), f.period_code
        ORDER BY f.indicator_code = coalesce(r.successor_code, f.indicator_code) DESC, f.indicator_code) = 1
),
concerned AS (
    SELECT DISTINCT commune_code, indicator_code
    FROM joined
    WHERE commune_then <> commune_code OR indicator_then <> indicator_code
),
of_period AS (
    SELECT
        j.commune_code, j.indicator_code, j.period_code, any_value(j.ends_on) AS ends_on,
        sum(j.numerator) FILTER (j.denominator > 0) AS numerator,
        sum(j.denominator) FILTER (j.denominator > 0 AND j.numerator IS NOT NULL) AS denominator,
        sum(j.value) AS total, any_value(j.value) AS only_value, count(*) AS predecessors_reporting,
        list(DISTINCT j.commune_then ORDER BY j.commune_then) AS reported_by,
        list(DISTINCT j.indicator_then ORDER BY j.indicator_then) AS reported_as
    FROM joined AS j
    SEMI JOIN concerned USING (commune_code, indicator_code)
    GROUP BY ALL
),
counted AS (  -- of how many it consisted then: its predecessors valid at the time, and itself
    SELECT
        p.*,
        (
            SELECT count(*) FROM commune AS c
            WHERE c.successor_code = p.commune_code AND c.holds_until > p.ends_on
                AND (c.holds_from IS NULL OR c.holds_from <= p.ends_on)
        ) + CASE WHEN EXISTS (
            FROM commune AS c WHERE c.code = p.commune_code AND c.holds_from > p.ends_on
        ) THEN 0 ELSE 1 END AS predecessors
    FROM of_period AS p
)
SELECT
    c.commune_code, m.commune_name, c.indicator_code, n.indicator_name, n.unit_of_measure, c.period_code,
    CASE WHEN n.aggregation = 'ratio_of_sums' THEN c.numerator END AS numerator,
    CASE WHEN n.aggregation = 'ratio_of_sums' THEN c.denominator END AS denominator,
    CASE
        WHEN c.predecessors = 1 THEN c.only_value
        WHEN n.aggregation = 'ratio_of_sums' THEN round(100 * c.numerator::DOUBLE / nullif(c.denominator, 0), 4)
        WHEN n.aggregation = 'sum' AND c.predecessors_reporting = c.predecessors THEN c.total
    END AS value,
    c.reported_by <> [c.commune_code] AS is_pooled,
    c.predecessors, c.predecessors_reporting, c.reported_by, c.reported_as,
    getvariable('is_illustrative') AS is_illustrative
FROM counted AS c
JOIN core.dim_commune AS m USING (commune_code)
JOIN core.dim_indicator AS n USING (indicator_code)
ORDER BY c.commune_code, c.indicator_code, c.ends_on, c.period_code
