-- Who reports what, through all editions of sources/: an agency's duty for an indicator or a task by a plan, from when
-- until when it is valid, and from when until when it was known.
-- An edit in place applies from then on only: a duty is valid from its plan's start or, where a later edition adds it,
-- from that edition's day, until the plan ends or an edition drops it. A commune's first edition counts as always known;
-- a new plan whose plan.yml states in_force_from is valid from that day. What is followed without a target is not owed
-- before the day from which it is, and neither is an agency's own part of a task given to all agencies together; what is
-- reported on a part of an earlier period is taken.
WITH plan AS (
    SELECT
        plan_id, commune_code, coalesce(in_force_from, DATE '-infinity') AS starts_on,
        coalesce(in_force_to, DATE 'infinity') AS ends_on, coalesce(tasks_until, DATE 'infinity') AS tasks_until,
        coalesce(is_start_stated, false) AS is_start_stated, coalesce(is_end_stated, false) AS is_end_stated,
        coalesce(known_from, TIMESTAMP '-infinity') AS known_from,
        coalesce(known_to, TIMESTAMP 'infinity') AS known_to
    FROM raw.plan
),
first AS (
    SELECT
        plan_id, min(p.known_from) AS plan_known_from, any_value(c.known_from) AS commune_known_from,
        any_value(c.starts_on) AS commune_starts_on
    FROM plan AS p
    JOIN (
        SELECT commune_code, min(known_from) AS known_from, arg_min(starts_on, (known_from, starts_on)) AS starts_on
        FROM plan
        GROUP BY commune_code
    ) AS c USING (commune_code)
    GROUP BY plan_id
),
duty AS (
    SELECT
        'indicator' AS kind, commune_code, plan_id, indicator_code AS code, frequency, agency_code, followed_from, NULL AS part_from,
        coalesce(known_from, TIMESTAMP '-infinity') AS known_from,
        coalesce(known_to, TIMESTAMP 'infinity') AS known_to
    FROM raw.indicator_duty
    UNION ALL
    SELECT
        'task', commune_code, plan_id, task_id, NULL, agency_code, NULL, part_from,
        coalesce(known_from, TIMESTAMP '-infinity'), coalesce(known_to, TIMESTAMP 'infinity')
    FROM raw.task_duty
),
said AS (
    SELECT
        d.kind, d.commune_code, d.code, d.frequency, d.agency_code, d.followed_from, d.part_from, d.plan_id, p.starts_on, p.is_start_stated,
        p.is_end_stated, CASE WHEN d.kind = 'task' THEN p.tasks_until ELSE p.ends_on END AS ends_on,
        greatest(d.known_from, p.known_from) AS known_from, least(d.known_to, p.known_to) AS known_to
    FROM duty AS d
    JOIN plan AS p ON p.plan_id = d.plan_id AND p.known_from < d.known_to AND d.known_from < p.known_to
),
held AS (
    SELECT
        s.*,
        greatest(coalesce(s.followed_from, s.part_from, DATE '-infinity'), CASE
            WHEN s.known_from = f.commune_known_from AND s.starts_on = f.commune_starts_on THEN DATE '-infinity'
            WHEN s.known_from = f.commune_known_from THEN s.starts_on
            WHEN s.known_from = f.plan_known_from AND s.is_start_stated THEN s.starts_on
            ELSE greatest(s.starts_on, s.known_from::DATE)
        END) AS holds_from,
        s.known_from = min(s.known_from) OVER (PARTITION BY s.commune_code, s.kind, s.code) AS is_first,
        -- a later plan may state that it took over before it was known
        min(CASE WHEN s.is_end_stated THEN s.ends_on END) OVER (
            PARTITION BY s.plan_id, s.kind, s.code ORDER BY s.known_from
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS cut_on
    FROM said AS s
    JOIN first AS f USING (plan_id)
)
SELECT
    commune_code, kind, code, agency_code, plan_id, frequency, followed_from, part_from,
    nullif(holds_from, DATE '-infinity') AS holds_from,
    nullif(least(ends_on, known_to::DATE, cut_on), DATE 'infinity') AS holds_until,
    nullif(CASE WHEN is_first OR part_from IS NOT NULL THEN DATE '-infinity' ELSE holds_from END, DATE '-infinity') AS accepted_from,
    nullif(ends_on, DATE 'infinity') AS plan_ends_on,
    nullif(known_from, TIMESTAMP '-infinity') AS known_from,
    nullif(known_to, TIMESTAMP 'infinity') AS known_to
FROM held
WHERE holds_from < least(ends_on, known_to::DATE, coalesce(cut_on, DATE 'infinity'))
ORDER BY commune_code, kind, code, plan_id, agency_code, known_from NULLS FIRST
