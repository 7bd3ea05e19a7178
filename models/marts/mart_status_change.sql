-- What turned for the worse with the newest figure: a level or a pace that needs attention and did not before.
WITH figure AS (
    SELECT
        p.commune_code, p.commune_name, p.indicator_code, p.indicator_name, p.unit_of_measure, p.scope, p.period_code,
        p.value, p.level_status, p.pace_status, p.in_force_on, p.in_force_as_written, p.next_on, p.next_as_written,
        p.is_latest, p.is_illustrative,
        lag(p.period_code) OVER series AS period_before,
        lag(p.level_status) OVER series AS level_before,
        lag(p.pace_status) OVER series AS pace_before
    FROM marts.mart_kpi_progress AS p
    JOIN core.dim_period AS d USING (period_code)
    WHERE p.actual_id IS NOT NULL
    WINDOW series AS (PARTITION BY p.commune_code, p.indicator_code, p.scope ORDER BY d.period_order)
),
answered AS (
    SELECT
        *, 'level' AS answer, level_status AS status, level_before AS status_before, in_force_on AS milestone_on,
        in_force_as_written AS as_written
    FROM figure
    WHERE is_latest
    UNION ALL
    SELECT *, 'pace', pace_status, pace_before, next_on, next_as_written
    FROM figure
    WHERE is_latest
)
SELECT
    a.commune_code, a.commune_name, a.indicator_code, a.indicator_name, a.unit_of_measure, a.scope, a.period_code,
    a.value, a.answer, a.status, after.label AS status_label, a.status_before, before.label AS label_before,
    a.period_before, a.milestone_on, a.as_written, a.is_illustrative
FROM answered AS a
JOIN core.dim_status AS after ON after.answer = a.answer AND after.status = a.status
LEFT JOIN core.dim_status AS before ON before.answer = a.answer AND before.status = a.status_before
WHERE after.needs_attention AND NOT coalesce(before.needs_attention, false)
ORDER BY a.commune_code, a.indicator_code, a.scope, a.answer
