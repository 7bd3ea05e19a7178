-- Status of a commune's tasks, by the agency that reports on them and the head answerable for them.
SELECT
    t.commune_code, t.commune_name, d.agency_code, a.agency_name, coalesce(t.head_role, '') AS head_role,
    count(*) AS tasks,
    count(*) FILTER (t.task_status IN ('done', 'done_without_proof')) AS done,
    count(*) FILTER (t.task_status = 'done_without_proof') AS done_without_proof,
    count(*) FILTER (t.task_status = 'overdue') AS overdue,
    count(*) FILTER (t.task_status = 'due_soon') AS due_soon,
    count(*) FILTER (t.task_status IN ('never_reported', 'report_owed')) AS report_owed,
    any_value(t.is_illustrative) AS is_illustrative
FROM marts.mart_task_progress AS t
JOIN core.bridge_task_duty AS d USING (commune_code, task_id)
JOIN core.dim_agency AS a USING (agency_code)
GROUP BY ALL
ORDER BY t.commune_code, d.agency_code, head_role
