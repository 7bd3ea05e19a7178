-- What is due when: the yearly report on the plan's own date where it sets one, everything else as periods.yml says.
-- asked_on: from this day the period counts as owed; a report due before its period closes, 30 days before it is due.
WITH reporting AS (
    SELECT commune_code, arg_max(annual_report_due, plan_id) AS annual_report_due, min(reports_from) AS reports_from
    FROM raw.plan
    GROUP BY commune_code
),
due AS (
    SELECT
        p.commune_code, d.period_code, d.ends_on,
        CASE
            WHEN d.kind = 'year' AND p.annual_report_due IS NOT NULL
                THEN strptime(d.period_code || '-' || p.annual_report_due, '%Y-%m-%d')::DATE
            ELSE d.due_on
        END AS due_on
    FROM reporting AS p
    CROSS JOIN raw.period AS d
    WHERE d.due_on IS NOT NULL AND d.starts_on >= d.owed_from AND d.ends_on >= p.reports_from
)
SELECT commune_code, period_code, due_on, if(due_on < ends_on, due_on - 30, ends_on) AS asked_on
FROM due
ORDER BY ALL
