-- Every plan ever known, as it was last described. A plan is in force from its own day (where none is printed, from when the
-- agencies report on it) until the plan that supersedes it; one removed from sources/, until then.
SELECT
    plan_id, commune_code, document_number, issued_on, title, supersedes, annual_report_due, issuer, legal_basis,
    focal_agency_code, reports_from, in_force_from,
    CASE WHEN p.known_to IS NULL THEN in_force_to ELSE least(in_force_to, p.known_to::DATE) END AS in_force_to,
    superseded_by, for_year,
    CASE WHEN p.known_to IS NULL THEN tasks_until ELSE least(tasks_until, p.known_to::DATE) END AS tasks_until,
    p.known_to IS NULL AS in_registry,
    legal_documents, d.source_file, d.source_sha256, d.kept_as IS NOT NULL AS is_document_kept, d.reviewed_on
FROM raw.plan AS p
LEFT JOIN (FROM raw.plan_document WHERE known_to IS NULL) AS d USING (plan_id)
QUALIFY row_number() OVER (PARTITION BY plan_id ORDER BY p.known_from DESC NULLS LAST) = 1
ORDER BY plan_id
