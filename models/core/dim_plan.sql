-- Every plan ever known, as it was last described. A plan is in force from its own day (where none is printed, from when the
-- agencies report on it) until the plan that supersedes it; one removed from sources/, until then.
SELECT
    plan_id, commune_code, document_number, issued_on, title, supersedes, annual_report_due, issuer, legal_basis,
    focal_agency_code, reports_from, in_force_from,
    CASE WHEN known_to IS NULL THEN in_force_to ELSE least(in_force_to, known_to::DATE) END AS in_force_to,
    superseded_by, for_year,
    CASE WHEN known_to IS NULL THEN tasks_until ELSE least(tasks_until, known_to::DATE) END AS tasks_until,
    known_to IS NULL AS in_registry,
    legal_documents
FROM raw.plan
QUALIFY row_number() OVER (PARTITION BY plan_id ORDER BY known_from DESC NULLS LAST) = 1
ORDER BY plan_id
