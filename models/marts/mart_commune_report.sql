-- A commune's report of a period: which of its agencies have sent theirs, how many days are left, and whether the commune
-- has handed its bundle over. Nobody reports for a period that is not asked for yet.
WITH handed_over AS (
    SELECT commune_code, period_code, min(first_sent_at) AS handed_over_at
    FROM core.fct_bundle
    WHERE commune_code IS NOT NULL
    GROUP BY ALL
)
SELECT
    r.commune_code,
    any_value(r.commune_name) AS commune_name,
    r.period_code,
    any_value(r.period_label) AS period_label,
    any_value(p.kind) AS period_kind,
    max(r.due_on) AS due_on,
    date_diff('day', any_value(r.as_of_on), max(r.due_on)) AS days_left,
    count(*) AS agencies,
    count(*) FILTER (r.first_received_at IS NOT NULL) AS agencies_reported,
    coalesce(list(r.agency_code ORDER BY r.agency_code) FILTER (r.first_received_at IS NULL), []) AS waiting_codes,
    coalesce(list(r.agency_name ORDER BY r.agency_code) FILTER (r.first_received_at IS NULL), []) AS waiting_names,
    any_value(h.handed_over_at) AS handed_over_at,
    any_value(r.is_illustrative) AS is_illustrative
FROM marts.mart_reporting_status AS r
JOIN core.dim_period AS p USING (period_code)
LEFT JOIN handed_over AS h USING (commune_code, period_code)
GROUP BY r.commune_code, r.period_code
ORDER BY r.commune_code, max(r.due_on), r.period_code
