-- Every figure of figure_as_of beside the milestones of its day, as its commune's plans of that day have them, known at
-- the moment: the one passed last and the next. redefined_on: since when the indicator is measured as it was then.
WITH definition AS (
    SELECT old_code AS indicator_code, ends_on AS holds_from, lead(ends_on) OVER (PARTITION BY old_code ORDER BY ends_on) AS holds_until
    FROM (
        SELECT DISTINCT old_code, ends_on
        FROM core.known_succession
        WHERE kind = 'indicator' AND new_code IS NULL
            AND (known_from IS NULL OR known_from <= moment) AND (known_to IS NULL OR known_to > moment)
    )
)
SELECT
    s.series, s.path, s.commune_code, s.indicator_code, s.scope, s.indicator_kind, s.sign,
    f.period_code, f.period_order, f.measured_on, f.agency_code, f.actual_id, f.numerator, f.denominator, f.value,
    f.value_text, f.is_estimate, f.answers_on,
    s.passed_on, s.next_on, s.next_value, s.next_is_conflict, s.next_is_text, s.next_is_strict, s.next_is_aspirational,
    s.next_as_written, s.passed_on IS NOT NULL OR s.next_on IS NOT NULL AS has_target, n.holds_from AS redefined_on
FROM marts.figure_as_of(moment, first_commune := first_commune, last_commune := last_commune) AS f
JOIN core.known_milestone_span AS s
    ON s.commune_code = f.commune_code AND s.indicator_code = f.indicator_code
    AND (s.holds_from IS NULL OR s.holds_from <= f.measured_on)
    AND (s.holds_until IS NULL OR s.holds_until > f.measured_on)
    AND (s.passed_on IS NULL OR s.passed_on <= f.answers_on) AND (s.next_on IS NULL OR s.next_on > f.answers_on)
LEFT JOIN definition AS n
    ON n.indicator_code = f.indicator_code AND n.holds_from <= f.measured_on
    AND (n.holds_until IS NULL OR n.holds_until > f.measured_on)
WHERE s.commune_code BETWEEN first_commune AND last_commune
    AND (s.known_from IS NULL OR s.known_from <= moment) AND (s.known_to IS NULL OR s.known_to > moment)
