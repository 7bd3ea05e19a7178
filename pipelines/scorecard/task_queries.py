"""What the scorecard asks about tasks: each with its day, the parts of those given to all, the heads answerable."""

from __future__ import annotations

TASKS = """
SELECT
    t.*, d.line_order, d.section_title, d.source_page, s.severity, p.label AS period_label, e.days_left,
    e.due_within, e.is_done, e.is_on_time,
    coalesce((
        SELECT list(b.agency_code ORDER BY b.agency_code) FROM core.bridge_task_duty AS b
        WHERE b.commune_code = t.commune_code AND b.task_id = t.task_id AND NOT b.is_part), []) AS agencies
FROM marts.mart_task_progress AS t
JOIN core.dim_task AS d USING (task_id)
JOIN marts.mart_task_deadline AS e USING (task_id)
JOIN core.dim_status AS s ON s.answer = 'task' AND s.status = t.task_status
LEFT JOIN core.dim_period AS p ON p.period_code = t.period_code
ORDER BY s.severity DESC, t.days_overdue DESC NULLS LAST, t.due_on NULLS LAST, t.commune_code, t.plan_id, d.line_order
"""
# What agencies reported on their parts of tasks given to all of them, as lines of a report (office/figures.py, sent).
PARTS = """
SELECT p.*, 'task' AS table_kind, p.percent_done AS value, p.state AS value_text
FROM marts.mart_task_part AS p
JOIN core.dim_task AS t USING (task_id)
ORDER BY p.commune_code, p.plan_id, t.line_order, p.agency_code
"""
HEADS = """
SELECT * FROM marts.mart_task_agency ORDER BY commune_code, overdue DESC, tasks DESC, agency_code, head_role
"""
