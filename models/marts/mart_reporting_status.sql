-- From receipts alone: who owes which period, and what came, from the agency or the one that took its place.
WITH successor AS (
    SELECT code AS agency_code, successor_code
    FROM core.bridge_successor
    WHERE kind = 'agency' AND successor_code IS NOT NULL
),
known AS (
    SELECT
        d.*, coalesce(s.successor_code, d.agency_code) AS agency_now,
        d.kind <> 'task' AND count(*) OVER (PARTITION BY d.commune_code, d.kind, d.code) > 1 AS is_in_several
    FROM core.known_duty AS d
    LEFT JOIN successor AS s USING (agency_code)
),
of_period AS NOT MATERIALIZED (
    SELECT
        d.kind, d.commune_code, d.code, d.agency_code, d.agency_now, d.frequency, d.is_in_several, d.holds_from, d.plan_id,
        o.period_code, o.due_on, o.grace_until
    FROM known AS d
    JOIN core.dim_due AS o
        ON o.commune_code = d.commune_code
        AND (d.holds_from IS NULL OR d.holds_from <= o.ends_on) AND (d.holds_until IS NULL OR d.holds_until > o.ends_on)
    WHERE o.asked_on <= (SELECT as_of_on FROM core.dim_build)
),
duty AS NOT MATERIALIZED (  -- of plans in force together the newest decides who reports an indicator
    FROM of_period WHERE NOT is_in_several
    UNION ALL
    FROM of_period WHERE is_in_several
    QUALIFY row_number() OVER (
        PARTITION BY commune_code, kind, code, period_code
        ORDER BY coalesce(holds_from, DATE '-infinity') DESC, plan_id DESC) = 1
),
owed AS (
    SELECT DISTINCT commune_code, agency_code, agency_now, period_code, due_on, grace_until
    FROM duty
),
-- Of a focal agency's file for several agencies each one's lines count for that agency, from that file.
others AS (
    SELECT
        s.submission_id, l.agency_code,
        count(*) FILTER (l.disposition = 'accepted') AS lines_good,
        count(*) FILTER (l.disposition = 'held') AS lines_held,
        count(*) FILTER (l.disposition = 'rejected') AS lines_rejected
    FROM core.fct_line AS l
    JOIN core.fct_submission AS s ON s.submission_id = l.submission_id AND s.agency_code <> l.agency_code
    GROUP BY ALL
),
of_others AS (
    SELECT submission_id, sum(lines_good) AS lines_good, sum(lines_held) AS lines_held, sum(lines_rejected) AS lines_rejected
    FROM others
    GROUP BY submission_id
),
sent AS (
    SELECT
        s.commune_code, s.agency_code, s.period_code, s.received_at, s.is_held,
        s.rows_accepted + s.rows_unchanged - if(s.is_held, 0, coalesce(o.lines_good, 0)) AS lines_accepted,
        s.rows_to_confirm - coalesce(o.lines_held, 0) AS lines_held,
        s.rows_rejected - coalesce(o.lines_rejected, 0) AS lines_rejected,
        s.status IN ('rejected', 'unreadable', 'set_aside') AS is_refused
    FROM core.fct_submission AS s
    LEFT JOIN of_others AS o USING (submission_id)
    WHERE s.period_code IS NOT NULL AND s.status <> 'duplicate'
    UNION ALL
    SELECT
        s.commune_code, o.agency_code, s.period_code, s.received_at, s.is_held,
        if(s.is_held, 0, o.lines_good), o.lines_held, o.lines_rejected, s.status IN ('rejected', 'set_aside')
    FROM others AS o
    JOIN core.fct_submission AS s USING (submission_id)
    WHERE s.period_code IS NOT NULL AND s.status <> 'duplicate'
),
came AS (
    SELECT
        commune_code, coalesce(s.successor_code, agency_code) AS agency_now, period_code,
        count(*) AS submissions,
        -- what waits to be confirmed has come
        min(received_at) FILTER (lines_accepted + lines_held > 0 AND NOT is_held) AS first_received_at,
        max(received_at) FILTER (lines_accepted + lines_held > 0 AND NOT is_held) AS last_received_at,
        sum(lines_accepted) AS lines_accepted,
        sum(lines_rejected) AS lines_rejected,
        count(*) FILTER (is_refused) AS refused,
        count(*) FILTER (is_held) AS held
    FROM sent
    LEFT JOIN successor AS s USING (agency_code)
    GROUP BY ALL
),
asked AS (
    SELECT d.commune_code, d.agency_code, d.agency_now, d.period_code, d.code AS indicator_code
    FROM duty AS d
    JOIN core.bridge_period_asked AS a USING (period_code, frequency)
    WHERE d.kind = 'indicator'
),
figure AS (
    SELECT f.commune_code, coalesce(s.successor_code, f.agency_code) AS agency_now, f.indicator_code, f.period_code
    FROM core.fct_actual AS f
    LEFT JOIN successor AS s USING (agency_code)
    WHERE f.is_current AND NOT f.is_withdrawn
),
figures AS (
    SELECT
        commune_code, agency_code, period_code, count(*) AS figures_asked,
        count(*) FILTER ((commune_code, agency_now, indicator_code, period_code) IN (FROM figure)) AS figures_given
    FROM asked
    GROUP BY ALL
),
judged AS (
    SELECT
        o.*, c.* EXCLUDE (commune_code, agency_now, period_code),
        coalesce(f.figures_asked, 0) AS figures_asked,
        coalesce(f.figures_given, 0) AS figures_given,
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
    LEFT JOIN came AS c USING (commune_code, agency_now, period_code)
    LEFT JOIN figures AS f USING (commune_code, agency_code, period_code)
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
