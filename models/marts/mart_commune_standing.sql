-- The communes of a city side by side: four shares from 0 to 100, their plain average over those that can be told, and
-- the place by it, where at least three can be told: one or two say too little. What each share counts is said in
-- mart_commune_standing.yml; the city may leave the ranking out.
WITH indicators AS (
    SELECT
        p.commune_code,
        100.0 * count(*) FILTER (p.level_status IN ('met', 'estimate_met'))
            / nullif(count(*) FILTER (p.level_status IN ('met', 'estimate_met', 'not_met', 'estimate_not_met')), 0)
            AS milestones_met,
        100.0 * count(*) FILTER (p.pace_status IN ('reached', 'on_track'))
            / nullif(count(*) FILTER (p.pace_status IN ('reached', 'on_track', 'behind', 'at_risk', 'backwards')), 0)
            AS on_track
    FROM marts.mart_kpi_progress AS p
    WHERE p.is_latest
    GROUP BY p.commune_code
),
tasks AS (
    SELECT
        d.commune_code,
        100.0 * count(*) FILTER (d.is_on_time) / nullif(count(*), 0) AS tasks_on_time
    FROM marts.mart_task_deadline AS d
    CROSS JOIN core.dim_build AS b
    WHERE d.due_on <= b.as_of_on AND (d.is_done OR d.due_within = 'overdue')
    GROUP BY d.commune_code
),
reports AS (
    SELECT
        commune_code,
        100.0 * count(*) FILTER (reporting_status = 'on_time') / nullif(count(*), 0) AS reports_on_time
    FROM marts.mart_reporting_status
    WHERE due_on <= as_of_on AND due_on > as_of_on - INTERVAL 12 MONTH AND reporting_status <> 'pending'
    GROUP BY commune_code
),
scored AS (
    SELECT
        c.commune_code, c.commune_name, c.city_code, i.milestones_met, i.on_track, t.tasks_on_time, r.reports_on_time,
        list_avg(list_filter(
            [i.milestones_met, i.on_track, t.tasks_on_time, r.reports_on_time], lambda share: share IS NOT NULL)) AS score,
        (i.milestones_met IS NOT NULL)::INTEGER + (i.on_track IS NOT NULL)::INTEGER
            + (t.tasks_on_time IS NOT NULL)::INTEGER + (r.reports_on_time IS NOT NULL)::INTEGER AS shares,
        shares >= 3 AS is_ranked
    FROM core.dim_commune AS c
    LEFT JOIN indicators AS i USING (commune_code)
    LEFT JOIN tasks AS t USING (commune_code)
    LEFT JOIN reports AS r USING (commune_code)
)
SELECT
    commune_code, commune_name, city_code,
    round(milestones_met, 2) AS milestones_met,
    round(on_track, 2) AS on_track,
    round(tasks_on_time, 2) AS tasks_on_time,
    round(reports_on_time, 2) AS reports_on_time,
    round(score, 2) AS score,
    shares,
    if(is_ranked, rank() OVER (PARTITION BY city_code, is_ranked ORDER BY round(score, 2) DESC), NULL) AS rank,
    count(*) FILTER (is_ranked) OVER (PARTITION BY city_code) AS communes_ranked,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM scored
WHERE score IS NOT NULL
ORDER BY city_code, rank NULLS LAST, commune_code
