"""A made-up city as large as the scorecard must carry: every commune with a plan, 50 indicators, two years of months;
or a country of several.

Used by tests/test_site.py (a small one, with odd texts), test_country.py and benchmarks/scorecard.py. The figures enter
where validated lines do, and every model is built from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines import flow
from pipelines.home import Home
from pipelines.registry import registry as registries
from pipelines.warehouse.database import building, prepare
from pipelines.warehouse.rows import replace, set_info

AS_OF = date(2026, 12, 25)
HAI_PHONG = "31"


@dataclass(frozen=True)
class Size:
    """communes: of each city, the first by their codes. cities: which; none named: all."""

    communes: int = 114
    indicators: int = 50
    months: int = 24
    tasks: int = 35
    cities: tuple[str, ...] = (HAI_PHONG,)


# Ratios only, reported every month, so that every commune has a figure of every indicator in every month.
_REGISTRY = """
CREATE TEMP TABLE c AS
    SELECT *, row_number() OVER (ORDER BY commune_code) AS n FROM raw.commune
    QUALIFY row_number() OVER (PARTITION BY city_code ORDER BY commune_code) <= $communes ORDER BY commune_code;
CREATE TEMP TABLE i AS
    SELECT *, row_number() OVER (ORDER BY indicator_code) AS n FROM raw.indicator WHERE kind = 'ratio'
    ORDER BY indicator_code LIMIT $indicators;
CREATE TEMP TABLE p AS
    SELECT * FROM raw.period WHERE is_default AND kind = 'month' AND ends_on < $as_of::DATE
    ORDER BY ends_on DESC LIMIT $months;
CREATE TEMP TABLE a AS
    SELECT agency_code, row_number() OVER (ORDER BY agency_code) AS n FROM raw.agency WHERE NOT is_group LIMIT 8;
UPDATE raw.indicator SET frequency = 'month' WHERE indicator_code IN (SELECT indicator_code FROM i);
UPDATE i SET frequency = 'month';
INSERT INTO raw.plan BY NAME
    SELECT commune_code || '-plan' AS plan_id, commune_code, n || '/KH-UBND' AS document_number,
        DATE '2024-12-01' AS issued_on, 'UBND ' || commune_name AS issuer,
        'Kế hoạch thực hiện Nghị quyết số 57-NQ/TW của ' || commune_name AS title, '11-30' AS annual_report_due,
        'VHXH' AS focal_agency_code, (SELECT min(starts_on) FROM p) AS reports_from,
        DATE '2024-12-01' AS in_force_from, '' AS legal_basis
    FROM c;
INSERT INTO raw.indicator_duty BY NAME
    SELECT c.commune_code || '-plan' AS plan_id, c.commune_code, i.indicator_code, i.frequency, a.agency_code
    FROM c, i JOIN a ON a.n = 1 + i.n % 8;
INSERT INTO raw.target BY NAME
    SELECT c.commune_code || '/' || i.indicator_code || '/' || m.y AS target_id, c.commune_code || '-plan' AS plan_id,
        c.commune_code, i.indicator_code, i.indicator_name AS name, i.indicator_name AS name_as_written,
        'II' AS appendix, i.n::VARCHAR AS row_number, '' AS scope, make_date(m.y, 12, 31) AS milestone_on,
        '>=' AS operator, m.v AS value, '%' AS unit_of_measure, '≥ ' || m.v || '%' AS as_written,
        false AS is_aspirational, a.agency_code AS lead_agency_code, a.agency_code AS lead_as_written, i.n AS line_order
    FROM c, i JOIN a ON a.n = 1 + i.n % 8,
        (VALUES (2025, 50), (2030, 80), (2035, 90), (2040, 95), (2045, 100)) AS m (y, v);
INSERT INTO raw.task BY NAME
    SELECT c.commune_code || '/' || t.n AS task_id, c.commune_code || '-plan' AS plan_id, c.commune_code,
        'IV' AS appendix, '' AS section, t.n::VARCHAR AS row_number,
        repeat('Rà soát, hoàn thiện và tổ chức thực hiện nội dung thứ ' || t.n || ' của kế hoạch; ', 3) AS title,
        'Trưởng phòng' AS head_role, a.agency_code AS lead_as_written, [a.agency_code] AS lead_agency_codes,
        'Báo cáo kết quả' AS deliverable, 'Tháng ' || (1 + t.n % 12) || '/2026' AS deadline_as_written,
        last_day(make_date(2026, 1 + t.n::INTEGER % 12, 1)) AS due_on, 'once' AS recurrence, t.n AS line_order
    FROM c, range(1, $tasks + 1) AS t (n) JOIN a ON a.n = 1 + t.n % 8;
INSERT INTO raw.task_duty BY NAME
    SELECT plan_id, commune_code, task_id, lead_agency_codes[1] AS agency_code FROM raw.task;
"""
# A report of each agency for each month, some late and some never; the rates rise, each commune at its own speed.
_FIGURES = """
INSERT INTO raw.receipt BY NAME
    SELECT md5(c.commune_code || a.agency_code || p.period_code)[:12] || '-1' AS submission_id,
        sha256(c.commune_code || a.agency_code || p.period_code) AS sha256,
        a.agency_code || '-' || p.period_code || '.xlsx' AS original_name, c.commune_code || '/' || a.agency_code
        AS folder, c.commune_code, a.agency_code,
        p.ends_on + (1 + (c.n * 7 + a.n * 5 + month(p.ends_on)) % 23)::INTEGER + TIME '09:00' AS received_at,
        row_number() OVER (ORDER BY received_at, p.ends_on, c.commune_code, a.agency_code) AS ledger_sequence,
        20000 AS size_bytes
    FROM c, a, p
    WHERE (c.n * 3 + a.n * 11 + month(p.ends_on)) % 37 > 0;
INSERT INTO checked.submission BY NAME
    SELECT submission_id, received_at AS judged_at, commune_code, agency_code, original_name[-12:-6] AS period_code,
        false AS is_unreadable, false AS is_refused
    FROM raw.receipt;
INSERT INTO checked.actual BY NAME
    SELECT r.submission_id, 'Chỉ tiêu' AS source_sheet, (10 + i.n)::INTEGER AS source_row, 'H' || (10 + i.n)
        AS source_cell, i.indicator_code, round(d.part * d.whole) AS numerator, d.whole AS denominator,
        round(100 * round(d.part * d.whole) / d.whole, 4) AS value, $note AS note
    FROM raw.receipt AS r
    JOIN (SELECT submission_id, period_code FROM checked.submission) AS s USING (submission_id)
    JOIN p USING (period_code)
    JOIN c USING (commune_code)
    JOIN raw.indicator_duty AS duty USING (commune_code, agency_code)
    JOIN i USING (indicator_code),
    LATERAL (SELECT 400 + (c.n * 37 + i.n * 91) % 9000 AS whole,
        least(0.99, 0.3 + (c.n % 17) / 60 + (i.n % 13) / 50
            + date_diff('month', (SELECT min(ends_on) FROM p), p.ends_on) * ((c.n + i.n) % 9 - 1) / 900) AS part) AS d;
INSERT INTO checked.task_report BY NAME
    SELECT r.submission_id, 'Nhiệm vụ' AS source_sheet, (10 + t.line_order)::INTEGER AS source_row,
        'H' || source_row AS source_cell, t.task_id,
        if((t.line_order + length(t.task_id)) % 3 = 0, 'done', 'in_progress') AS state, 40 AS percent_done,
        $note AS difficulty
    FROM raw.receipt AS r
    JOIN (SELECT submission_id, period_code FROM checked.submission) AS s USING (submission_id)
    JOIN raw.task_duty AS d USING (commune_code, agency_code)
    JOIN raw.task AS t USING (task_id)
    WHERE s.period_code = (SELECT max(period_code) FROM p);
INSERT INTO checked.line BY NAME
    SELECT submission_id, source_sheet, source_row, 'indicator' AS kind, 'data' AS line_kind, indicator_code AS code,
        'accepted' AS disposition FROM checked.actual
    UNION ALL BY NAME
    SELECT submission_id, source_sheet, source_row, 'task' AS kind, 'data' AS line_kind, task_id AS code,
        'accepted' AS disposition FROM checked.task_report;
UPDATE checked.submission AS s
    SET lines_read = (SELECT count(*) FROM checked.line AS l WHERE l.submission_id = s.submission_id);
INSERT INTO checked.finding BY NAME
    SELECT submission_id, 1 AS finding_order, 'Chỉ tiêu' AS source_sheet, 11 AS source_row, 'H11' AS source_cell,
        'C15' AS rule_code, 'warn' AS severity, '85' AS found,
        'Chỉ có kết quả 85, không có tử số.' || coalesce($note, '') AS message,
        'Điền tử số và mẫu số của chỉ tiêu.' AS fix
    FROM raw.receipt WHERE ledger_sequence % 20 = 0;
"""


def fill(con: duckdb.DuckDBPyConnection, size: Size, note: str | None = None, *, illustrative: bool = True) -> None:
    """Fill an empty build database. note: what every officer writes into the free text of a line."""
    rows = registries.load().rows()
    for name in ("raw.commune", "raw.agency", "raw.indicator", "raw.period", "raw.status"):
        replace(con, name, rows[name])
    if size.cities:
        con.execute("DELETE FROM raw.commune WHERE NOT list_contains(?::VARCHAR[], city_code)", [list(size.cities)])
    replace(con, "raw.asked", [row for row in rows["raw.asked"] if row["frequency"] == "month"])
    set_info(con, "as_of", AS_OF.isoformat())
    set_info(con, "illustrative", "true" if illustrative else "false")
    set_info(con, "edition", "made up")
    values = {"communes": size.communes, "indicators": size.indicators, "months": size.months, "tasks": size.tasks,
              "as_of": AS_OF, "note": note}  # fmt: skip
    for statement in con.extract_statements(_REGISTRY + _FIGURES):
        con.execute(statement, {name: values[name] for name in statement.named_parameters})


def made_up_city(home: Home, size: Size, note: str | None = None, *, more: str = "", illustrative: bool = True) -> None:
    """An empty home with the city built and published. more: statements on what is filled in."""
    prepare(home)
    with building(home) as con:
        fill(con, size, note, illustrative=illustrative)
        con.execute(more)
    flow.publish(home)
