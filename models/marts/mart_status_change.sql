-- What turned for the worse with the newest figure: a level or a pace that needs attention and did not before.
WITH latest AS (
    SELECT p.*, d.period_order
    FROM marts.mart_kpi_progress AS p
    JOIN core.dim_period AS d USING (period_code)
    WHERE p.actual_id IS NOT NULL AND p.is_latest
),
earlier AS (
    SELECT
        p.commune_code, p.indicator_code, p.scope,
        arg_max({'period_code': p.period_code, 'level_status': p.level_status, 'pace_status': p.pace_status},
            d.period_order) AS figure
    FROM marts.mart_kpi_progress AS p
    JOIN core.dim_period AS d USING (period_code)
    JOIN latest AS l USING (commune_code, indicator_code, scope)
    WHERE p.actual_id IS NOT NULL AND d.period_order < l.period_order
    GROUP BY ALL
),
answered AS (
    SELECT
        l.*, e.figure.period_code AS period_before,
        unnest([
            {'answer': 'level', 'status': level_status, 'status_before': e.figure.level_status,
             'milestone_on': in_force_on, 'as_written': in_force_as_written},
            {'answer': 'pace', 'status': pace_status, 'status_before': e.figure.pace_status,
             'milestone_on': next_on, 'as_written': next_as_written}], recursive := true)
    FROM latest AS l
    LEFT JOIN earlier AS e USING (commune_code, indicator_code, scope)
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
