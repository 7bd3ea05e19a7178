-- Status of a commune's tasks, by the agency that reports on them and the head answerable for them. A head is one person
-- however plans spell the post: capitals, dashes, spaces, '&' and a word of two letters that begins with v ('and') do
-- not matter; the commonest spelling is shown. A task given to all agencies together counts for the one that sums up.
WITH task AS (
    SELECT
        t.task_id, t.commune_code, t.commune_name, d.agency_code, a.agency_name, coalesce(t.head_role, '') AS spelt,
        trim(regexp_replace(regexp_replace(regexp_replace(lower(spelt), '&|\sv\pL\s', ' ', 'g'), '[-–—]', ' - ', 'g'),
            '\s+', ' ', 'g'))
            AS head,
        t.task_status, e.is_on_time, t.is_illustrative
    FROM marts.mart_task_progress AS t
    JOIN marts.mart_task_deadline AS e USING (task_id)
    JOIN core.bridge_task_duty AS d ON d.commune_code = t.commune_code AND d.task_id = t.task_id AND NOT d.is_part
    JOIN core.dim_agency AS a USING (agency_code)
),
shown AS (
    SELECT commune_code, head, spelt
    FROM task
    GROUP BY commune_code, head, spelt
    QUALIFY row_number() OVER (PARTITION BY commune_code, head ORDER BY count(*) DESC, spelt) = 1
)
SELECT
    t.commune_code, t.commune_name, t.agency_code, t.agency_name, s.spelt AS head_role,
    count(*) AS tasks,
    count(*) FILTER (t.task_status IN ('done', 'done_without_proof')) AS done,
    count(*) FILTER (t.is_on_time) AS done_on_time,
    count(*) FILTER (NOT t.is_on_time) AS done_late,
    count(*) FILTER (t.task_status = 'done_without_proof') AS done_without_proof,
    count(*) FILTER (t.task_status = 'overdue') AS overdue,
    count(*) FILTER (t.task_status = 'due_soon') AS due_soon,
    count(*) FILTER (t.task_status IN ('never_reported', 'report_owed', 'awaiting_summary')) AS report_owed,
    list(t.task_id ORDER BY t.task_id) AS task_ids,
    any_value(t.is_illustrative) AS is_illustrative
FROM task AS t
JOIN shown AS s USING (commune_code, head)
GROUP BY t.commune_code, t.commune_name, t.agency_code, t.agency_name, s.spelt
ORDER BY t.commune_code, t.agency_code, s.spelt
