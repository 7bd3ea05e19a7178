"""A country made up for measuring: plans, receipts and checked figures as reading would have left them, made in SQL.

Communes, agencies, indicators and periods are the real ones; figures rise with noise, no two communes alike. What is
measured on it does not belong here.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.home import SOURCES, Home
from pipelines.registry import registry as registries
from pipelines.warehouse.database import building, schema_mark
from pipelines.warehouse.rows import replace, set_info

AGENCIES, INDICATORS, FIRST_MONTH = 7, 50, "2026-01"
HAI_PHONG = "31"
_REFERENCE = ("raw.commune", "raw.agency", "raw.indicator", "raw.period", "raw.asked", "raw.status")

# Hải Phòng's communes first, so that a small country is one city.
_LISTS = """
CREATE TEMP TABLE commune AS
    SELECT commune_code, row_number() OVER (ORDER BY city_code <> $city, commune_code) AS n
    FROM raw.commune QUALIFY n <= $communes;
CREATE TEMP TABLE agency AS
    SELECT agency_code, row_number() OVER (ORDER BY agency_code) - 1 AS a
    FROM raw.agency WHERE NOT is_group QUALIFY a < $agencies;
CREATE TEMP TABLE indicator AS
    SELECT indicator_code, unit_of_measure, row_number() OVER (ORDER BY indicator_code) - 1 AS i
    FROM raw.indicator QUALIFY i < $indicators;
CREATE TEMP TABLE month AS
    SELECT period_code, ends_on, row_number() OVER (ORDER BY ends_on) - 1 AS k
    FROM raw.period WHERE is_default AND kind = 'month' AND period_code >= $first QUALIFY k < $months;
"""
_PLANS = """
INSERT INTO raw.plan BY NAME
    SELECT commune_code || '-made-up' AS plan_id, commune_code, '1/KH-UBND' AS document_number,
        DATE '2025-11-01' AS issued_on, 'Ủy ban nhân dân' AS issuer, 'Kế hoạch' AS title, '' AS legal_basis,
        '11-30' AS annual_report_due, 'VHXH' AS focal_agency_code, DATE '2026-01-01' AS reports_from,
        DATE '2025-11-01' AS in_force_from
    FROM commune;
INSERT INTO raw.target BY NAME
    SELECT commune_code || '/' || indicator_code || '/' || y AS target_id, commune_code || '-made-up' AS plan_id,
        commune_code, indicator_code, 'Chỉ tiêu' AS name, '' AS name_as_written, 'I' AS appendix,
        (i + 1)::VARCHAR AS row_number, '' AS scope, make_date(y, 12, 31) AS milestone_on, '>=' AS operator,
        least(100, 40 + 3 * (y - 2025))::DECIMAL(18, 4) AS value, unit_of_measure, unit_of_measure AS unit_as_written,
        '≥ ' || least(100, 40 + 3 * (y - 2025)) AS as_written, false AS is_aspirational,
        agency_code AS lead_agency_code, agency_code AS lead_as_written, (5 * i + (y - 2025) // 5) AS line_order
    FROM commune, indicator JOIN agency ON a = i % $agencies, (SELECT unnest([2025, 2030, 2035, 2040, 2045]) AS y)
    ORDER BY ALL;
INSERT INTO raw.indicator_duty BY NAME
    SELECT commune_code || '-made-up' AS plan_id, commune_code, indicator_code, 'month' AS frequency, agency_code
    FROM commune, indicator JOIN agency ON a = i % $agencies
    ORDER BY ALL;
"""
_RECEIPTS = """
INSERT INTO raw.receipt BY NAME
    SELECT substr(sha256(commune_code || agency_code || period_code), 1, 12) || '-1' AS submission_id,
        (row_number() OVER (ORDER BY k, n, a))::INTEGER + $entered::INTEGER AS ledger_sequence,
        sha256(commune_code || agency_code || period_code) AS sha256, period_code || '.xlsx' AS original_name,
        commune_code || '/' || agency_code AS folder, commune_code, agency_code,
        ends_on::TIMESTAMP + INTERVAL 1 DAY + to_seconds((10 * n + a)::INTEGER) AS received_at, 20000 AS size_bytes
    FROM month, commune, agency
    ORDER BY k, n, a;
INSERT INTO raw.told SELECT submission_id, 1, 'accepted' FROM raw.receipt;
INSERT INTO checked.submission BY NAME
    SELECT submission_id, received_at AS judged_at, commune_code, agency_code,
        replace(original_name, '.xlsx', '') AS period_code, false AS is_unreadable, false AS is_refused,
        (SELECT count(*) FROM indicator WHERE i % $agencies = a) AS lines_read
    FROM raw.receipt JOIN agency USING (agency_code);
"""
_FIGURES = """
INSERT INTO checked.actual BY NAME
WITH line AS (
    SELECT r.submission_id, r.ledger_sequence, 'Chỉ tiêu' AS source_sheet,
        (12 + i // $agencies)::INTEGER AS source_row, 'G' || (12 + i // $agencies) AS source_cell, indicator_code,
        1000 + hash(commune_code, indicator_code) % 500 AS denominator,
        least(1.0, 0.3 + 0.0025 * (k + $passed::INTEGER)
            + ((hash(r.submission_id, indicator_code) % 100)::INTEGER - 50) / 2000.0) AS share
    FROM raw.receipt AS r
    JOIN month ON month.period_code = replace(r.original_name, '.xlsx', '')
    JOIN agency USING (agency_code)
    JOIN indicator ON i % $agencies = a
)
SELECT submission_id, source_sheet, source_row, source_cell, indicator_code,
    round(share * denominator)::DECIMAL(18, 4) AS numerator, denominator::DECIMAL(18, 4) AS denominator,
    round(100 * round(share * denominator) / denominator, 4)::DECIMAL(18, 4) AS value, false AS is_withdrawn
FROM line
ORDER BY ledger_sequence, source_row;
INSERT INTO checked.line BY NAME
    SELECT submission_id, source_sheet, source_row, 'indicator' AS kind, 'data' AS line_kind, indicator_code AS code,
        'accepted' AS disposition
    FROM checked.actual;
"""


def make(
    home: Home,
    communes: int,
    months: int,
    *,
    sources: Path | None = None,
    first: str = FIRST_MONTH,
    passed: int = 0,
    entered: int = 0,
) -> int:
    """Fill the build database of an empty home. Returns the number of figures: communes x 50 indicators x months.

    sources: whose plans and duties are taken as they are, else they are made up too. passed: how many months figures
    had risen before the first. entered: what the ledger holds before the first receipt.
    """
    known = registries.load(sources or SOURCES)
    rows = known.rows()
    with building(home) as con:
        for table in rows if sources else _REFERENCE:
            replace(con, table, rows[table])
        con.execute("UPDATE raw.indicator SET frequency = 'month'")
        values = {"communes": communes, "months": months, "agencies": AGENCIES, "indicators": INDICATORS,
                  "first": first, "city": HAI_PHONG, "passed": passed, "entered": entered}  # fmt: skip
        for script in (_LISTS, *(() if sources else (_PLANS,)), _RECEIPTS, _FIGURES):
            _run(con, script, values)
        as_of = con.execute("SELECT max(ends_on) + 10 FROM month").fetchall()[0][0]
        for name, value in (("schema", schema_mark()), ("edition", "made up"),
                            ("as_of", as_of.isoformat()), ("illustrative", "true")):  # fmt: skip
            set_info(con, name, value)
        return int(con.execute("SELECT count(*) FROM checked.actual").fetchall()[0][0])


def _run(con: duckdb.DuckDBPyConnection, script: str, values: dict[str, object]) -> None:
    for statement in script.split(";"):
        asked = {name: value for name, value in values.items() if f"${name}" in statement}
        if statement.strip():
            con.execute(statement, asked)
