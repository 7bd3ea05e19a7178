-- Of each task given to all agencies together what each of them reported last on its own part. How the task stands as a
-- whole is said by the focal agency, which sums up (marts.mart_task_progress).
WITH successor AS (
    SELECT code AS agency_code, successor_code
    FROM core.bridge_successor
    WHERE kind = 'agency' AND successor_code IS NOT NULL
),
newest AS (
    SELECT r.*, coalesce(s.successor_code, r.agency_code) AS agency_now
    FROM core.fct_task_report AS r
    JOIN core.dim_period AS p USING (period_code)
    LEFT JOIN successor AS s ON s.agency_code = r.agency_code
    WHERE r.is_current AND r.is_part
    QUALIFY row_number() OVER (
        PARTITION BY r.task_id, agency_now
        ORDER BY least(p.measured_on, r.recorded_at::DATE) DESC, r.recorded_at DESC) = 1
)
SELECT
    d.task_id, t.plan_id, d.commune_code, c.commune_name, t.appendix, t.section, t.row_number, t.title,
    d.agency_code, a.agency_name,
    n.state, n.percent_done, n.document_number, n.document_date, n.difficulty, n.result, n.proposal,
    n.period_code, p.label AS period_label, n.recorded_at,
    b.as_of_on, b.is_illustrative
FROM core.bridge_task_duty AS d
JOIN core.dim_task AS t USING (task_id)
JOIN core.dim_commune AS c ON c.commune_code = d.commune_code
JOIN core.dim_agency AS a ON a.agency_code = d.agency_code
LEFT JOIN successor AS s ON s.agency_code = d.agency_code
LEFT JOIN newest AS n ON n.task_id = d.task_id AND n.agency_now = coalesce(s.successor_code, d.agency_code)
LEFT JOIN core.dim_period AS p ON p.period_code = n.period_code
CROSS JOIN core.dim_build AS b
WHERE d.is_part
ORDER BY d.commune_code, t.plan_id, t.line_order, d.agency_code
