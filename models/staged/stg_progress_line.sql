-- The lines progress is asked for: every indicator a commune has targets for, in every period for which a figure was
-- owed or came, by scope; with the figure in force, if any.
WITH asked AS (
    SELECT d.commune_code, i.indicator_code, d.period_code
    FROM staged.stg_due AS d
    JOIN raw.indicator_duty AS i USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN raw.asked AS a ON a.period_code = d.period_code AND a.frequency = n.frequency
    JOIN core.dim_period AS p ON p.period_code = d.period_code
    WHERE p.ends_on <= (SELECT as_of_on FROM core.dim_build)
    UNION
    SELECT commune_code, indicator_code, period_code FROM core.fct_actual WHERE is_current
),
scopes AS (
    SELECT DISTINCT commune_code, indicator_code, scope FROM core.fct_target
),
figure AS (
    SELECT a.*
    FROM core.fct_actual AS a
    JOIN raw.indicator_duty AS d USING (commune_code, indicator_code, agency_code)
    WHERE a.is_current
)
SELECT
    l.commune_code, l.indicator_code, s.scope, l.period_code, p.kind AS period_kind, p.measured_on,
    f.actual_id, f.agency_code, f.numerator, f.denominator, f.value, f.value_text
FROM asked AS l
JOIN scopes AS s USING (commune_code, indicator_code)
JOIN core.dim_period AS p USING (period_code)
LEFT JOIN figure AS f USING (commune_code, indicator_code, period_code)
ORDER BY ALL
