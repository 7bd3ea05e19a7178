-- What is due when: by the calendar, due days and grace the plan sets, else the form's of periods.yml; the yearly report
-- on the plan's own date where it sets one.
-- asked_on: from this day the period counts as owed; a report due before its period closes, 30 days before it is due.
WITH reporting AS (
    SELECT
        commune_code,
        arg_max(annual_report_due, plan_id) AS annual_report_due,
        arg_max(reporting_calendar, plan_id) AS reporting_calendar,
        arg_max(due_days, plan_id) AS due_days,
        arg_max(grace_days, plan_id) AS grace_days,
        min(reports_from) AS reports_from
    FROM raw.plan
    GROUP BY commune_code
),
due AS (
    SELECT
        p.commune_code, d.period_code, d.starts_on, d.ends_on,
        coalesce(p.grace_days, d.grace_days) AS grace_days,
        CASE
            WHEN d.kind = 'year' AND p.annual_report_due IS NOT NULL
                THEN strptime(d.period_code || '-' || p.annual_report_due, '%Y-%m-%d')::DATE
            ELSE d.ends_on + coalesce(p.due_days, d.due_days)
        END AS due_on
    FROM reporting AS p
    JOIN raw.period AS d ON if(p.reporting_calendar IS NULL, d.is_default, d.calendar = p.reporting_calendar)
    WHERE d.due_days IS NOT NULL AND d.starts_on >= d.owed_from AND d.ends_on >= p.reports_from
)
SELECT
    commune_code, period_code, due_on,
    if(due_on < ends_on, due_on - 30, ends_on) AS asked_on,
    due_on + grace_days AS grace_until,
    starts_on, ends_on
FROM due
ORDER BY ALL
