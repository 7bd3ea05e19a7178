-- Status of each task by the newest report on it, from any of the agencies that lead it. A report is as of its
-- period's last day; a yearly one that is made in November as of the day it came, and a later month's is newer.
-- A task given to all agencies together is as the focal agency, which sums up, says it is; what the others report on their
-- parts is counted beside it and never made into a status or a share of the whole.
WITH newest AS (
    SELECT r.*
    FROM core.fct_task_report AS r
    JOIN core.dim_period AS p USING (period_code)
    WHERE r.is_current AND NOT coalesce(r.is_part, false)
    QUALIFY row_number() OVER (
        PARTITION BY r.task_id
        ORDER BY least(p.measured_on, r.recorded_at::DATE) DESC, r.recorded_at DESC, r.agency_code) = 1
),
part AS (
    SELECT
        task_id, count(*) AS agencies_asked, count(state) AS agencies_reported,
        count(*) FILTER (state = 'done') AS agencies_done
    FROM marts.mart_task_part
    GROUP BY task_id
),
judged AS (
    SELECT
        t.*, p.tasks_until, n.state, n.percent_done, n.document_number, n.document_date, n.difficulty, n.result, n.proposal,
        n.agency_code AS reported_by,
        n.period_code, n.recorded_at, a.agencies_asked, a.agencies_reported, a.agencies_done, b.as_of_on, b.is_illustrative,
        coalesce(NOT t.in_registry OR p.tasks_until <= b.as_of_on, false) AS is_closed,
        CASE
            WHEN is_closed AND n.state IS DISTINCT FROM 'done' THEN 'closed'
            WHEN is_closed AND n.document_number IS NULL THEN 'done_without_proof'
            WHEN is_closed THEN 'done'
            WHEN t.recurrence NOT IN ('once', 'on_request') AND n.recorded_at < b.as_of_on - INTERVAL 1 YEAR
                THEN 'report_owed'
            WHEN n.state = 'done' AND n.document_number IS NULL THEN 'done_without_proof'
            WHEN n.state = 'done' THEN 'done'
            WHEN t.due_on < b.as_of_on THEN 'overdue'
            WHEN t.due_on <= b.as_of_on + 30 THEN 'due_soon'
            WHEN n.state IS NULL AND a.agencies_reported > 0 THEN 'awaiting_summary'
            WHEN n.state IS NULL THEN 'never_reported'
            ELSE n.state
        END AS task_status
    FROM core.dim_task AS t
    LEFT JOIN core.dim_plan AS p USING (plan_id)
    LEFT JOIN newest AS n USING (task_id)
    LEFT JOIN part AS a USING (task_id)
    CROSS JOIN core.dim_build AS b
)
SELECT
    j.task_id, j.plan_id, j.commune_code, c.commune_name, j.appendix, j.section, j.row_number, j.title, j.head_role,
    j.lead_as_written, j.lead_agency_codes, j.deliverable, j.deadline_as_written, j.due_on, j.recurrence,
    j.state, j.percent_done, j.document_number, j.document_date, j.difficulty, j.result, j.proposal, j.reported_by, j.period_code,
    j.recorded_at, j.task_status, s.label AS task_label,
    if(j.task_status = 'overdue', date_diff('day', j.due_on, j.as_of_on), NULL) AS days_overdue,
    j.as_of_on, j.is_illustrative,
    j.is_closed, CASE WHEN j.is_closed THEN j.tasks_until - 1 END AS closed_on,
    j.continues, j.agencies_asked, j.agencies_reported, j.agencies_done
FROM judged AS j
JOIN core.dim_commune AS c USING (commune_code)
JOIN core.dim_status AS s ON s.answer = 'task' AND s.status = j.task_status
ORDER BY j.plan_id, j.line_order
