-- What the shares of a commune, and of its city, count: by commune how many there are and how many are as they should be.
-- What each counts is said in mart_commune_standing.yml.
WITH indicators AS (
    SELECT
        commune_code,
        count(*) FILTER (level_status IN ('met', 'estimate_met')) AS met,
        count(*) FILTER (level_status IN ('met', 'estimate_met', 'not_met', 'estimate_not_met')) AS compared,
        count(*) FILTER (pace_status IN ('reached', 'on_track')) AS well,
        count(*) FILTER (pace_status IN ('reached', 'on_track', 'behind', 'at_risk', 'backwards')) AS paced
    FROM marts.mart_kpi_progress
    WHERE is_latest
    GROUP BY commune_code
),
tasks AS (
    SELECT d.commune_code, count(*) FILTER (d.is_on_time) AS done_on_time, count(*) AS tasks_due
    FROM marts.mart_task_deadline AS d
    CROSS JOIN core.dim_build AS b
    WHERE d.due_on <= b.as_of_on AND (d.is_done OR d.due_within = 'overdue')
    GROUP BY d.commune_code
),
reports AS (
    SELECT
        commune_code, count(*) FILTER (reporting_status = 'on_time') AS sent_on_time, count(*) AS reports_due
    FROM marts.mart_reporting_status
    WHERE due_on <= as_of_on AND due_on > as_of_on - INTERVAL 12 MONTH AND reporting_status <> 'pending'
    GROUP BY commune_code
)
SELECT
    c.commune_code, coalesce(i.met, 0) AS met, coalesce(i.compared, 0) AS compared, coalesce(i.well, 0) AS well,
    coalesce(i.paced, 0) AS paced, coalesce(t.done_on_time, 0) AS done_on_time, coalesce(t.tasks_due, 0) AS tasks_due,
    coalesce(r.sent_on_time, 0) AS sent_on_time, coalesce(r.reports_due, 0) AS reports_due
FROM core.dim_commune AS c
LEFT JOIN indicators AS i USING (commune_code)
LEFT JOIN tasks AS t USING (commune_code)
LEFT JOIN reports AS r USING (commune_code)
ORDER BY c.commune_code
