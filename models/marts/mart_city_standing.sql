-- The cities side by side by the four shares of mart_commune_standing, pooled: what the communes of a city have that is as it
-- should be over what they have, never an average of the communes' shares. Score and place are made from them likewise.
WITH commune AS (
    SELECT
        m.*,
        (m.holds_from IS NULL OR m.holds_from <= b.as_of_on) AND (m.holds_until IS NULL OR m.holds_until > b.as_of_on)
            AS holds
    FROM core.dim_commune AS m
    CROSS JOIN core.dim_build AS b
),
counted AS (
    SELECT
        c.city_code, any_value(c.city_name) AS city_name,
        count(*) FILTER (c.holds) AS communes,
        count(*) FILTER (c.holds AND c.has_plan) AS communes_with_plan,
        100.0 * sum(n.met) / nullif(sum(n.compared), 0) AS milestones_met,
        100.0 * sum(n.well) / nullif(sum(n.paced), 0) AS on_track,
        100.0 * sum(n.done_on_time) / nullif(sum(n.tasks_due), 0) AS tasks_on_time,
        100.0 * sum(n.sent_on_time) / nullif(sum(n.reports_due), 0) AS reports_on_time,
        list_filter([milestones_met, on_track, tasks_on_time, reports_on_time], lambda share: share IS NOT NULL) AS told
    FROM commune AS c
    JOIN staged.stg_commune_count AS n USING (commune_code)
    GROUP BY c.city_code
),
scored AS (
    SELECT * EXCLUDE (told), list_avg(told) AS score, len(told)::INTEGER AS shares, shares >= 3 AS is_ranked
    FROM counted
)
SELECT
    city_code, city_name, communes, communes_with_plan,
    round(milestones_met, 2) AS milestones_met,
    round(on_track, 2) AS on_track,
    round(tasks_on_time, 2) AS tasks_on_time,
    round(reports_on_time, 2) AS reports_on_time,
    round(score, 2) AS score,
    shares,
    if(is_ranked, rank() OVER (PARTITION BY is_ranked ORDER BY round(score, 2) DESC), NULL) AS rank,
    count(*) FILTER (is_ranked) OVER () AS cities_ranked,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM scored
ORDER BY rank NULLS LAST, city_code
