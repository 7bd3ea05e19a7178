-- The communes of a city side by side: four shares from 0 to 100, their plain average over those that can be told, and
-- the place by it, where at least three can be told: one or two say too little. What each share counts is said in
-- mart_commune_standing.yml; the city may leave the ranking out.
WITH shared AS (
    SELECT
        c.commune_code, c.commune_name, c.city_code,
        100.0 * n.met / nullif(n.compared, 0) AS milestones_met,
        100.0 * n.well / nullif(n.paced, 0) AS on_track,
        100.0 * n.done_on_time / nullif(n.tasks_due, 0) AS tasks_on_time,
        100.0 * n.sent_on_time / nullif(n.reports_due, 0) AS reports_on_time,
        list_filter([milestones_met, on_track, tasks_on_time, reports_on_time], lambda share: share IS NOT NULL) AS told
    FROM core.dim_commune AS c
    JOIN staged.stg_commune_count AS n USING (commune_code)
),
scored AS (
    SELECT * EXCLUDE (told), list_avg(told) AS score, len(told)::INTEGER AS shares, shares >= 3 AS is_ranked
    FROM shared
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
    if(is_ranked, rank() OVER (PARTITION BY is_ranked ORDER BY round(score, 2) DESC), NULL) AS country_rank,
    count(*) FILTER (is_ranked) OVER () AS communes_ranked_in_country,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM scored
WHERE score IS NOT NULL
ORDER BY city_code, rank NULLS LAST, commune_code
