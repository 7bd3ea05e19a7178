-- From receipts alone: who owes which period, and what came.
WITH owing AS (
    SELECT commune_code, agency_code FROM core.bridge_indicator_duty
    UNION
    SELECT commune_code, agency_code FROM core.bridge_task_duty
),
owed AS (
    SELECT o.commune_code, o.agency_code, d.period_code, d.due_on, d.grace_until
    FROM owing AS o
    JOIN core.dim_due AS d USING (commune_code)
    WHERE d.asked_on <= (SELECT as_of_on FROM core.dim_build)
),
came AS (
    SELECT
        commune_code, agency_code, period_code,
        count(*) AS submissions,
        min(received_at) FILTER (rows_accepted + rows_unchanged > 0) AS first_received_at,
        max(received_at) FILTER (rows_accepted + rows_unchanged > 0) AS last_received_at,
        sum(rows_accepted + rows_unchanged) AS lines_accepted,
        sum(rows_rejected) AS lines_rejected,
        count(*) FILTER (status IN ('rejected', 'unreadable')) AS refused,
        count(*) FILTER (is_held) AS held
    FROM core.fct_submission
    WHERE period_code IS NOT NULL AND status <> 'duplicate'
    GROUP BY ALL
),
asked AS (
    SELECT d.commune_code, d.agency_code, a.period_code, sum(d.figures)::BIGINT AS figures_asked
    FROM (
        SELECT commune_code, agency_code, frequency, count(*) AS figures
        FROM core.bridge_indicator_duty
        JOIN core.dim_indicator USING (indicator_code)
        GROUP BY ALL
    ) AS d
    JOIN core.bridge_period_asked AS a USING (frequency)
    GROUP BY ALL
),
given AS (
    SELECT commune_code, agency_code, period_code, count(*) AS figures_given
    FROM core.fct_actual
    SEMI JOIN core.bridge_indicator_duty USING (commune_code, agency_code, indicator_code)
    SEMI JOIN (
        SELECT indicator_code, period_code
        FROM core.dim_indicator
        JOIN core.bridge_period_asked USING (frequency)
    ) AS asked USING (indicator_code, period_code)
    WHERE is_current AND NOT is_withdrawn
    GROUP BY ALL
),
judged AS (
    SELECT
        o.*, c.* EXCLUDE (commune_code, agency_code, period_code),
        coalesce(w.figures_asked, 0) AS figures_asked,
        coalesce(g.figures_given, 0) AS figures_given,
        (SELECT as_of_on FROM core.dim_build) AS as_of_on,
        CASE
            WHEN c.first_received_at::DATE <= o.grace_until THEN 'on_time'
            WHEN c.first_received_at IS NOT NULL THEN 'late'
            WHEN c.held > 0 THEN 'held'
            WHEN c.lines_rejected > 0 OR c.refused > 0 THEN 'refused'
            WHEN c.submissions > 0 THEN 'empty'
            WHEN o.grace_until < (SELECT as_of_on FROM core.dim_build) THEN 'missing'
            ELSE 'pending'
        END AS reporting_status
    FROM owed AS o
    LEFT JOIN came AS c USING (commune_code, agency_code, period_code)
    LEFT JOIN asked AS w USING (commune_code, agency_code, period_code)
    LEFT JOIN given AS g USING (commune_code, agency_code, period_code)
)
SELECT
    j.commune_code, m.commune_name, j.agency_code, a.agency_name, j.period_code, d.label AS period_label, j.due_on,
    j.reporting_status, s.label AS reporting_label, s.is_outstanding,
    j.first_received_at, j.last_received_at,
    coalesce(j.submissions, 0) AS submissions,
    coalesce(j.lines_accepted, 0) AS lines_accepted,
    coalesce(j.lines_rejected, 0) AS lines_rejected,
    if(coalesce(j.first_received_at::DATE, j.as_of_on) <= j.grace_until, 0,
        date_diff('day', j.due_on, coalesce(j.first_received_at::DATE, j.as_of_on))) AS days_late,
    j.figures_asked, j.figures_given,
    j.first_received_at IS NOT NULL AND j.figures_given = j.figures_asked AS is_complete,
    j.grace_until, j.as_of_on,
    (SELECT is_illustrative FROM core.dim_build) AS is_illustrative
FROM judged AS j
JOIN core.dim_commune AS m USING (commune_code)
JOIN core.dim_agency AS a USING (agency_code)
JOIN core.dim_period AS d USING (period_code)
JOIN core.dim_status AS s ON s.answer = 'reporting' AND s.status = j.reporting_status
ORDER BY j.commune_code, j.agency_code, d.measured_on, j.period_code
