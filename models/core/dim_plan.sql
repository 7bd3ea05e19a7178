SELECT
    plan_id, commune_code, document_number, issued_on, title, supersedes, annual_report_due, issuer, legal_basis,
    focal_agency_code, reports_from
FROM raw.plan
ORDER BY plan_id
