-- What is due when, through all editions of sources/: by the calendar, due days and grace that the plans in force on the
-- period's last day set, else the form's of periods.yml; the yearly report on the plan's own date where it sets one.
-- A plan may set its own rhythm: a report each quarter or half year, due when its last month's would be, or the yearly one
-- alone.
-- asked_on: from this day the period counts as owed; a report due before its period closes, 30 days before it is due.
-- A due day that has passed stays: an edition with another one, or another rhythm, applies only to periods not due yet.
WITH plan AS (
    SELECT
        *, coalesce(in_force_from, DATE '-infinity') AS starts_on,
        coalesce(known_from, TIMESTAMP '-infinity') AS said_from, coalesce(known_to, TIMESTAMP 'infinity') AS said_to
    FROM raw.plan
),
period AS (
    SELECT
        *, coalesce(known_from, TIMESTAMP '-infinity') AS said_from, coalesce(known_to, TIMESTAMP 'infinity') AS said_to
    FROM raw.period
    WHERE due_days IS NOT NULL OR kind IN ('quarter', 'half')
),
turn AS (
    SELECT commune_code, said_from AS turned_at FROM plan
    UNION
    SELECT commune_code, said_to FROM plan WHERE said_to < 'infinity'
    UNION
    SELECT p.commune_code, d.said_from
    FROM (SELECT commune_code, min(said_from) AS turned_at FROM plan GROUP BY commune_code) AS p
    JOIN (SELECT DISTINCT said_from FROM period) AS d ON d.said_from > p.turned_at
),
state AS (  -- between two changes a commune's settings are the same
    SELECT commune_code, turned_at AS said_from, lead(turned_at, 1, TIMESTAMP 'infinity') OVER (PARTITION BY commune_code ORDER BY turned_at)
        AS said_to
    FROM turn
),
plan_said AS (  -- the first plan covers the days before it too
    SELECT
        s.commune_code, s.said_from, s.said_to, p.plan_id, p.starts_on, p.in_force_to, p.annual_report_due,
        p.reporting_calendar, p.reporting_rhythm, p.due_days, p.grace_days, p.reports_from,
        s.said_from = min(s.said_from) OVER (PARTITION BY s.commune_code) AS is_first_said,
        p.starts_on = min(p.starts_on) OVER (PARTITION BY s.commune_code, s.said_from) AS is_first
    FROM state AS s
    JOIN plan AS p ON p.commune_code = s.commune_code AND p.said_from <= s.said_from AND p.said_to > s.said_from
),
setting AS (
    SELECT
        p.commune_code, p.said_from, p.said_to, d.period_code,
        arg_max(p.annual_report_due, (p.starts_on, p.plan_id)) AS annual_report_due,
        arg_max(p.reporting_calendar, (p.starts_on, p.plan_id)) AS reporting_calendar,
        arg_max(p.reporting_rhythm, (p.starts_on, p.plan_id)) AS reporting_rhythm,
        bool_and(p.is_first_said) AS is_first_said,
        arg_max(p.due_days, (p.starts_on, p.plan_id)) AS due_days,
        arg_max(p.grace_days, (p.starts_on, p.plan_id)) AS grace_days,
        min(p.reports_from) AS reports_from
    FROM plan_said AS p
    JOIN period AS d ON d.is_default AND d.said_from <= p.said_from AND d.said_to > p.said_from
        AND (p.is_first OR p.starts_on <= d.ends_on) AND coalesce(p.in_force_to, DATE 'infinity') > d.ends_on
    GROUP BY ALL
),
due AS (
    SELECT
        p.commune_code, p.said_from, p.said_to, d.period_code, d.starts_on, d.ends_on,
        coalesce(p.grace_days, d.grace_days, m.grace_days) AS grace_days,
        CASE
            WHEN d.kind = 'year' AND p.annual_report_due IS NOT NULL
                -- 29/02 is the last of February
                THEN coalesce(try_strptime(d.period_code || '-' || p.annual_report_due, '%Y-%m-%d')::DATE,
                    last_day(make_date(d.period_code::INTEGER, left(p.annual_report_due, 2)::INTEGER, 1)))
            ELSE d.ends_on + coalesce(p.due_days, d.due_days, m.due_days)
        END AS due_on
    FROM setting AS p
    JOIN period AS d ON d.period_code = p.period_code AND d.said_from <= p.said_from AND d.said_to > p.said_from
        AND CASE WHEN p.reporting_calendar IS NULL THEN d.is_default ELSE d.calendar = p.reporting_calendar END
    LEFT JOIN period AS m  -- the month that closes with it
        ON d.due_days IS NULL AND m.kind = 'month' AND m.calendar = d.calendar AND m.ends_on = d.ends_on
        AND m.said_from <= p.said_from AND m.said_to > p.said_from
    WHERE d.starts_on >= coalesce(d.owed_from, m.owed_from) AND d.ends_on >= p.reports_from
        AND (p.is_first_said OR d.ends_on >= p.said_from::DATE)
        AND CASE
            WHEN p.reporting_rhythm IS NULL THEN d.due_days IS NOT NULL
            ELSE d.kind IN ('year', p.reporting_rhythm)
        END
),
settled AS (
    SELECT
        *, least(due_on, ends_on) < said_to::DATE AS is_settled,
        coalesce(bool_or(least(due_on, ends_on) < said_to::DATE) OVER (
            PARTITION BY commune_code, period_code ORDER BY said_from
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS was_settled
    FROM due
)
SELECT
    commune_code, period_code, due_on,
    CASE WHEN due_on < ends_on THEN due_on - 30 ELSE ends_on END AS asked_on,
    due_on + grace_days AS grace_until,
    starts_on, ends_on,
    nullif(said_from, TIMESTAMP '-infinity') AS known_from,
    CASE WHEN NOT is_settled AND said_to < 'infinity' THEN said_to END AS known_to
FROM settled
WHERE NOT was_settled
ORDER BY commune_code, period_code, known_from NULLS FIRST
