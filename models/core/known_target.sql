-- Every version of a target in the editions of sources/, and from when until when it was known.
SELECT
    target_id, plan_id, commune_code, indicator_code, scope, milestone_on, operator, value, value_high, as_written,
    is_aspirational, lead_agency_code, known_from, known_to
FROM raw.target
ORDER BY target_id, known_from NULLS FIRST
