-- Figures reported by a moment, and those due by then that were not, with duties and due days as known at the
-- moment. A figure is in force from when it was recorded until another superseded it. Where several agencies reported
-- one, that of the agency whose duty it was is used, else the newest: a duty never filters out an accepted figure.
-- answers_on: no milestone later than the moment is passed, so a period that is not over is compared with today's.
WITH duty AS (
    SELECT
        commune_code, code AS indicator_code, agency_code, frequency, holds_from,
        CASE WHEN known_to <= moment THEN holds_until ELSE plan_ends_on END AS holds_until
    FROM core.known_duty
    WHERE kind = 'indicator' AND commune_code BETWEEN first_commune AND last_commune
        AND (known_from IS NULL OR known_from <= moment)
),
believed AS (
    SELECT
        commune_code, indicator_code, period_code, agency_code, actual_id, numerator, denominator, value, value_text,
        is_estimate, recorded_at
    FROM core.fct_actual
    WHERE commune_code BETWEEN first_commune AND last_commune
        AND recorded_at <= moment AND (superseded_at IS NULL OR superseded_at > moment) AND NOT is_withdrawn
),
contested AS (
    SELECT commune_code, indicator_code
    FROM core.fct_actual
    WHERE commune_code BETWEEN first_commune AND last_commune
    GROUP BY ALL
    HAVING min(agency_code) <> max(agency_code)
),
chosen AS (
    SELECT * EXCLUDE (recorded_at)
    FROM believed ANTI JOIN contested USING (commune_code, indicator_code)
    UNION ALL
    SELECT b.* EXCLUDE (recorded_at)
    FROM believed AS b
    SEMI JOIN contested USING (commune_code, indicator_code)
    JOIN core.dim_period AS p USING (period_code)
    LEFT JOIN duty AS d
        ON d.commune_code = b.commune_code AND d.indicator_code = b.indicator_code AND d.agency_code = b.agency_code
        AND (d.holds_from IS NULL OR d.holds_from <= p.ends_on) AND (d.holds_until IS NULL OR d.holds_until > p.ends_on)
    QUALIFY row_number() OVER (
        PARTITION BY b.commune_code, b.indicator_code, b.period_code
        ORDER BY d.agency_code IS NULL, b.recorded_at DESC, b.agency_code) = 1
),
asked AS (
    SELECT d.commune_code, d.indicator_code, o.period_code
    FROM duty AS d
    JOIN core.known_due AS o
        ON o.commune_code = d.commune_code
        AND (d.holds_from IS NULL OR d.holds_from <= o.ends_on) AND (d.holds_until IS NULL OR d.holds_until > o.ends_on)
    SEMI JOIN core.bridge_period_asked AS a ON a.period_code = o.period_code AND a.frequency = d.frequency
    WHERE o.asked_on <= moment::DATE
        AND (o.known_from IS NULL OR o.known_from <= moment) AND (o.known_to IS NULL OR o.known_to > moment)
)
SELECT
    f.commune_code, f.indicator_code, f.period_code, p.period_order, p.measured_on, f.agency_code, f.actual_id,
    f.numerator, f.denominator, f.value, f.value_text, coalesce(f.is_estimate, false) AS is_estimate,
    least(p.measured_on, moment::DATE) AS answers_on
FROM (
    FROM chosen
    UNION ALL BY NAME
    SELECT DISTINCT * FROM asked ANTI JOIN chosen USING (commune_code, indicator_code, period_code)
) AS f
JOIN core.dim_period AS p USING (period_code)
