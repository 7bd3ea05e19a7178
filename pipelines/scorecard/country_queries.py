"""What the pages of the country ask of core and marts. Every answer has a row a city, or a few rows: none grows with
the communes."""

# The newest period of which a report is due: what is compared, so that no city is behind another for reporting later.
NEWEST = """
SELECT period_code, period_label, due_on
FROM marts.mart_reporting_status
WHERE due_on <= as_of_on
ORDER BY due_on DESC, period_code DESC
LIMIT 1
"""
INDICATORS = """
SELECT * FROM core.dim_indicator
WHERE list_contains($codes::VARCHAR[], indicator_code)
ORDER BY list_position($codes::VARCHAR[], indicator_code)
"""
CITIES = "FROM marts.mart_city_standing ORDER BY city_code"
# Of each indicator the newest period that is due, if it has figures, else the newest that has.
FIGURES = """
SELECT p.*, d.label AS period_label, d.measured_on
FROM marts.mart_country_progress AS p
JOIN core.dim_period AS d USING (period_code)
WHERE p.value IS NOT NULL AND list_contains($codes::VARCHAR[], p.indicator_code)
QUALIFY row_number() OVER (
    PARTITION BY p.indicator_code
    ORDER BY p.period_code IN (SELECT period_code FROM marts.mart_reporting_status WHERE due_on <= as_of_on) DESC,
        d.period_order DESC) = 1
"""
# The way to it, the newest last.
WAYS = """
SELECT p.indicator_code, p.period_code, p.value, d.label AS period_label, d.measured_on
FROM marts.mart_country_progress AS p
JOIN core.dim_period AS d USING (period_code)
WHERE p.value IS NOT NULL AND list_contains($codes::VARCHAR[], p.indicator_code)
ORDER BY p.indicator_code, d.period_order
"""
OF_CITIES = """
SELECT p.city_code, c.city_name, p.indicator_code, p.period_code, p.value, p.numerator, p.denominator,
    p.communes_reporting, p.communes_in_rate, p.communes_in_city, r.rank, r.cities_ranked
FROM marts.mart_city_progress AS p
JOIN marts.mart_city_standing AS c USING (city_code)
LEFT JOIN marts.mart_city_rank AS r USING (city_code, indicator_code, period_code)
WHERE list_contains($codes::VARCHAR[], p.indicator_code)
    AND list_contains($periods::VARCHAR[], p.indicator_code || ' ' || p.period_code)
ORDER BY p.indicator_code, r.rank NULLS LAST, p.city_code
"""
ABOVE = """
SELECT p.*, d.label AS period_label
FROM marts.mart_country_progress AS p
JOIN core.dim_period AS d USING (period_code)
JOIN core.dim_status AS l ON l.answer = 'level' AND l.status = p.level_status
JOIN core.dim_status AS s ON s.answer = 'pace' AND s.status = p.pace_status
WHERE p.is_latest AND p.milestone_scope IS NOT NULL
ORDER BY greatest(l.severity, s.severity) DESC, p.indicator_code
"""
# The first and the last of all communes.
ENDS = """
SELECT s.*, c.city_name
FROM marts.mart_commune_standing AS s
JOIN core.dim_commune AS c USING (commune_code)
WHERE s.country_rank IS NOT NULL
QUALIFY least(
    row_number() OVER (ORDER BY s.country_rank, s.commune_code),
    row_number() OVER (ORDER BY s.country_rank DESC, s.commune_code DESC)) <= $ends
ORDER BY s.country_rank, s.commune_code
"""
# Who has sent the reports of a period: reports, and communes of which none is outstanding.
REPORTING = """
WITH commune AS (
    SELECT
        c.city_code, r.commune_code, count(*) AS reports,
        count(*) FILTER (r.reporting_status = 'on_time') AS on_time,
        count(*) FILTER (r.reporting_status = 'late') AS late,
        count(*) FILTER (r.is_outstanding) AS outstanding
    FROM marts.mart_reporting_status AS r
    JOIN core.dim_commune AS c USING (commune_code)
    WHERE r.period_code = $period
    GROUP BY ALL
)
SELECT
    s.city_code, s.city_name, count(o.commune_code) AS communes,
    count(o.commune_code) FILTER (o.outstanding = 0) AS complete,
    count(o.commune_code) FILTER (o.outstanding = o.reports) AS silent,
    coalesce(sum(o.reports), 0)::BIGINT AS reports, coalesce(sum(o.on_time), 0)::BIGINT AS on_time,
    coalesce(sum(o.late), 0)::BIGINT AS late, coalesce(sum(o.outstanding), 0)::BIGINT AS outstanding
FROM marts.mart_city_standing AS s
LEFT JOIN commune AS o USING (city_code)
GROUP BY s.city_code, s.city_name
ORDER BY sum(o.outstanding) / nullif(sum(o.reports), 0) DESC NULLS LAST, s.city_code
"""
# How many lines, tasks and reports of all communes have each status.
STATUSES = {
    "level": "SELECT level_status, count(*) FROM marts.mart_kpi_progress WHERE is_latest GROUP BY ALL ORDER BY ALL",
    "pace": "SELECT pace_status, count(*) FROM marts.mart_kpi_progress WHERE is_latest GROUP BY ALL ORDER BY ALL",
    "task": "SELECT task_status, count(*) FROM marts.mart_task_progress GROUP BY ALL ORDER BY ALL",
    "reporting": "SELECT reporting_status, count(*) FROM marts.mart_reporting_status WHERE period_code = $period "
    "GROUP BY ALL ORDER BY ALL",
}
# Every file received, and those of no commune: they are in the pages of no city.
FILES = """
SELECT count(*) AS files, count(*) FILTER (s.commune_code IS NULL) AS of_nobody,
    count(*) FILTER (r.status = 'unreadable') AS unreadable, count(*) FILTER (r.status = 'duplicate') AS duplicate,
    count(*) FILTER (r.status = 'rejected') AS refused,
    coalesce(sum(r.rows_read), 0)::BIGINT AS rows_read, coalesce(sum(r.rows_accepted), 0)::BIGINT AS rows_accepted,
    coalesce(sum(r.rows_unchanged), 0)::BIGINT AS rows_unchanged, coalesce(sum(r.rows_held), 0)::BIGINT AS rows_held,
    coalesce(sum(r.rows_rejected), 0)::BIGINT AS rows_rejected,
    coalesce(sum(r.rows_ignored), 0)::BIGINT AS rows_ignored,
    coalesce(sum(r.rows_unaccounted), 0)::BIGINT AS rows_unaccounted
FROM marts.mart_reconciliation AS r
JOIN core.fct_submission AS s USING (submission_id)
"""
