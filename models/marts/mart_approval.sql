-- Whether a commune's figures of a period are approved, and how many changed since. The last event counts.
WITH figure AS (
    SELECT
        commune_code, period_code, agency_code, indicator_code, recorded_at, superseded_at, is_current,
        concat_ws('|', agency_code, indicator_code, coalesce(numerator::VARCHAR, ''), coalesce(denominator::VARCHAR, ''),
            coalesce(value::VARCHAR, ''), coalesce(value_text, ''), is_estimate::VARCHAR) AS said
    FROM core.fct_actual
    WHERE period_code IS NOT NULL AND NOT is_withdrawn
        AND commune_code BETWEEN getvariable('first_commune') AND getvariable('last_commune')
),
present AS (
    SELECT
        commune_code, period_code, count(*) AS figures,
        sha256(string_agg(said, chr(10) ORDER BY said)) AS figures_sha256
    FROM figure
    WHERE is_current
    GROUP BY commune_code, period_code
),
newest AS (
    SELECT * FROM core.fct_approval
    WHERE commune_code BETWEEN getvariable('first_commune') AND getvariable('last_commune')
    QUALIFY row_number() OVER (PARTITION BY commune_code, period_code ORDER BY ledger_sequence DESC) = 1
),
approved AS (
    SELECT f.commune_code, f.period_code, f.agency_code, f.indicator_code, f.said
    FROM newest AS a
    JOIN figure AS f USING (commune_code, period_code)
    WHERE f.recorded_at <= a.known_at AND (f.superseded_at IS NULL OR f.superseded_at > a.known_at)
),
standing AS (
    SELECT f.commune_code, f.period_code, f.agency_code, f.indicator_code, f.said
    FROM figure AS f
    SEMI JOIN newest USING (commune_code, period_code)
    WHERE f.is_current
),
changed AS (
    SELECT commune_code, period_code, count(*) AS figures_changed
    FROM approved AS t
    FULL JOIN standing AS n USING (commune_code, period_code, agency_code, indicator_code)
    WHERE t.said IS DISTINCT FROM n.said
    GROUP BY commune_code, period_code
)
SELECT
    commune_code, m.commune_name, period_code, d.label AS period_label,
    coalesce(p.figures, 0) AS figures, p.figures_sha256,
    CASE
        WHEN a.event IS NULL THEN 'not_approved'
        WHEN a.event = 'approval_withdrawn' THEN 'withdrawn'
        WHEN a.figures_sha256 IS DISTINCT FROM p.figures_sha256 THEN 'changed'
        ELSE 'approved'
    END AS approval_status,
    a.acted_by, a.acted_at, a.reason, a.missing,
    if(a.event = 'approved', coalesce(c.figures_changed, 0), NULL) AS figures_changed,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM present AS p
FULL JOIN newest AS a USING (commune_code, period_code)
JOIN core.dim_commune AS m USING (commune_code)
JOIN core.dim_period AS d USING (period_code)
LEFT JOIN changed AS c USING (commune_code, period_code)
ORDER BY commune_code, d.measured_on, period_code
