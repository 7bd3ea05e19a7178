-- The lines progress is asked for: every indicator a commune has targets for, in every period for which a figure was
-- owed or came, by scope; with the figure in force, if any, and the plans in force on the day it speaks of.
WITH asked AS (
    SELECT d.commune_code, i.indicator_code, d.period_code
    FROM staged.stg_due AS d
    JOIN raw.indicator_duty AS i USING (commune_code)
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN raw.asked AS a ON a.period_code = d.period_code AND a.frequency = n.frequency
    WHERE d.asked_on <= (SELECT as_of_on FROM core.dim_build)
    UNION
    SELECT commune_code, indicator_code, period_code FROM core.fct_actual WHERE is_current
),
regime AS (
    SELECT DISTINCT commune_code, regime_from FROM staged.stg_regime
),
dated AS (
    SELECT
        l.commune_code, l.indicator_code, l.period_code, p.kind AS period_kind, p.measured_on,
        coalesce(
            max(r.regime_from) FILTER (r.regime_from <= p.measured_on),
            min(r.regime_from)
        ) AS regime_from
    FROM asked AS l
    JOIN core.dim_period AS p USING (period_code)
    JOIN regime AS r USING (commune_code)
    GROUP BY ALL
),
scopes AS (
    SELECT DISTINCT commune_code, regime_from, indicator_code, scope FROM staged.stg_milestone
),
figure AS (
    SELECT a.*
    FROM core.fct_actual AS a
    JOIN raw.indicator_duty AS d USING (commune_code, indicator_code, agency_code)
    WHERE a.is_current
)
SELECT
    l.commune_code, l.indicator_code, s.scope, l.period_code, l.period_kind, l.measured_on, l.regime_from,
    f.actual_id, f.agency_code, f.numerator, f.denominator, f.value, f.value_text
FROM dated AS l
JOIN scopes AS s USING (commune_code, regime_from, indicator_code)
LEFT JOIN figure AS f USING (commune_code, indicator_code, period_code)
ORDER BY ALL
