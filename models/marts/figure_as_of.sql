-- What was reported by a moment, and what was asked for by then and was not: a figure is believed from when it was
-- recorded until another took its place, and counts where its agency reports the indicator.
WITH believed AS (
    SELECT
        a.commune_code, a.indicator_code, a.period_code, a.agency_code, a.actual_id, a.numerator, a.denominator,
        a.value, a.value_text
    FROM core.fct_actual AS a
    SEMI JOIN core.bridge_indicator_duty AS d USING (commune_code, indicator_code, agency_code)
    WHERE a.commune_code BETWEEN first_commune AND last_commune
        AND a.recorded_at <= moment AND (a.superseded_at IS NULL OR a.superseded_at > moment) AND NOT a.is_withdrawn
),
asked AS (
    SELECT d.commune_code, d.indicator_code, o.period_code
    FROM core.bridge_indicator_duty AS d
    JOIN core.dim_indicator AS n USING (indicator_code)
    JOIN core.dim_due AS o USING (commune_code)
    SEMI JOIN core.bridge_period_asked AS a ON a.period_code = o.period_code AND a.frequency = n.frequency
    WHERE d.commune_code BETWEEN first_commune AND last_commune AND o.asked_on <= moment::DATE
)
SELECT
    f.commune_code, f.indicator_code, f.period_code, p.period_order, p.measured_on, f.agency_code, f.actual_id,
    f.numerator, f.denominator, f.value, f.value_text
FROM (
    FROM believed
    UNION ALL BY NAME
    FROM asked ANTI JOIN believed USING (commune_code, indicator_code, period_code)
) AS f
JOIN core.dim_period AS p USING (period_code)
