-- measured_on: the last calendar day of the period's last month; a figure of the period is compared with the milestones
-- of that day, also where administrative reporting closes on the 14th.
SELECT
    period_code, kind, starts_on, ends_on, label, ends_on + due_days AS due_on, owed_from,
    last_day(ends_on) AS measured_on,
    row_number() OVER (
        ORDER BY
            last_day(ends_on),
            list_position(['year', 'quarter', 'nine_months', 'half', 'month'], kind),
            period_code
    ) AS period_order
FROM raw.period
WHERE is_default AND known_to IS NULL
ORDER BY ends_on, period_code
