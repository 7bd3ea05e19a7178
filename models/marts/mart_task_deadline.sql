-- Each task against its day: when it was done and whether in time; of one that is open, how soon its day comes.
WITH done AS (
    SELECT task_id, min(least(document_date, recorded_at::DATE)) AS done_on
    FROM core.fct_task_report
    WHERE is_current AND state = 'done' AND NOT coalesce(is_part, false)
    GROUP BY task_id
),
judged AS (
    SELECT
        t.*, d.done_on,
        t.task_status IN ('done', 'done_without_proof') AS is_done,
        NOT is_done AND t.task_status <> 'closed' AS is_open
    FROM marts.mart_task_progress AS t
    LEFT JOIN done AS d USING (task_id)
)
SELECT
    task_id, commune_code, due_on, is_done,
    if(is_done, done_on, NULL) AS done_on,
    if(is_done, done_on <= due_on, NULL) AS is_on_time,
    if(is_open, date_diff('day', as_of_on, due_on), NULL) AS days_left,
    CASE
        WHEN NOT is_open OR due_on IS NULL THEN NULL
        WHEN due_on < as_of_on THEN 'overdue'
        WHEN due_on <= as_of_on + 30 THEN 'days_30'
        WHEN due_on <= make_date(year(as_of_on), 12, 31) THEN 'this_year'
        WHEN due_on <= make_date(year(as_of_on) + 1, 12, 31) THEN 'next_year'
        ELSE 'later'
    END AS due_within,
    is_illustrative
FROM judged
ORDER BY commune_code, task_id
