-- A plan is in force from its date (where none is printed, from when the agencies report on it) until the plan that
-- supersedes it.
WITH dated AS (
    SELECT *, coalesce(issued_on, reports_from) AS in_force_from
    FROM raw.plan
),
superseding AS (
    SELECT o.plan_id, arg_min(n.plan_id, n.in_force_from) AS superseded_by, min(n.in_force_from) AS in_force_to
    FROM dated AS o
    JOIN dated AS n ON n.commune_code = o.commune_code AND n.supersedes = o.document_number
        AND n.in_force_from > o.in_force_from  -- numbers begin anew each year
    GROUP BY o.plan_id
)
SELECT
    d.plan_id, d.commune_code, d.document_number, d.issued_on, d.title, d.supersedes, d.annual_report_due, d.issuer,
    d.legal_basis, d.focal_agency_code, d.reports_from, d.in_force_from, s.in_force_to, s.superseded_by,
    d.legal_documents
FROM dated AS d
LEFT JOIN superseding AS s USING (plan_id)
ORDER BY d.plan_id
