-- Every version of a plan in the editions of sources/, and from when until when it was known.
SELECT
    plan_id, commune_code, document_number, issued_on, title, for_year, in_force_from, in_force_to, superseded_by,
    tasks_until, annual_report_due, reporting_calendar, reporting_rhythm, due_days, grace_days, reports_from, focal_agency_code,
    known_from, known_to
FROM raw.plan
ORDER BY plan_id, known_from NULLS FIRST
