-- What is due when: the yearly report on the plan's own date where it sets one, everything else as periods.yml says.
SELECT
    p.commune_code,
    d.period_code,
    CASE
        WHEN d.kind = 'year' AND p.annual_report_due IS NOT NULL
            THEN strptime(d.period_code || '-' || p.annual_report_due, '%Y-%m-%d')::DATE
        ELSE d.due_on
    END AS due_on
FROM (
    SELECT commune_code, arg_max(annual_report_due, plan_id) AS annual_report_due, min(reports_from) AS reports_from
    FROM raw.plan
    GROUP BY commune_code
) AS p
CROSS JOIN raw.period AS d
WHERE d.due_on IS NOT NULL AND d.starts_on >= d.owed_from AND d.ends_on >= p.reports_from
ORDER BY ALL
