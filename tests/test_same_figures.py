"""One figure, wherever it is read: database, CSV, Parquet, workbook, report to sign and scorecard say the same."""

import csv
import re
from decimal import Decimal
from functools import cache
from html import unescape

import docx
import duckdb
import openpyxl
import pytest

from pipelines.vietnamese import format_number

PERIOD = "2026-10"


@pytest.fixture(scope="module")
def lines(demo):
    """Every line with a figure that is a number: (commune, indicator, scope), period, value, labels."""
    found = demo(
        "SELECT p.commune_code, p.indicator_code, p.scope, p.period_code, p.value, p.level_label, p.pace_label "
        "FROM marts.mart_kpi_progress AS p JOIN core.dim_indicator AS i USING (indicator_code) "
        "WHERE p.is_latest AND p.value IS NOT NULL AND i.kind IN ('ratio', 'amount') AND p.measured_on <= '2026-10-31' "
        "ORDER BY ALL"
    )
    assert len(found) > 40
    return found


def bundle(home, scope):
    [made] = (home.exports / PERIOD / scope).iterdir()
    return made


@cache
def rows_of_workbook(folder):
    [path] = folder.glob("kpi57-*.xlsx")
    return list(openpyxl.load_workbook(path, read_only=True)["Tiến độ chỉ tiêu"].iter_rows(values_only=True))


@cache
def rows_of_report(folder):
    [path] = folder.glob("bao-cao-*.docx")
    return [[cell.text for cell in row.cells] for table in docx.Document(path).tables for row in table.rows]


@cache
def rows_of_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return {(row["commune_code"], row["indicator_code"], row["scope"]): row for row in csv.DictReader(handle)}


@pytest.mark.parametrize("scope", ["city", "commune"])
def test_csv_and_parquet_say_what_the_database_says(demo_home, lines, scope):
    for commune, indicator, limited, period, value, level, pace in lines:
        folder = bundle(demo_home, "city" if scope == "city" else commune)
        row = rows_of_csv(folder / "progress.csv")[commune, indicator, limited]
        said = (row["period_code"], Decimal(row["value"]), row["level_label"], row["pace_label"])
        assert said == (period, value, level, pace)
        kept = duckdb.execute(
            "SELECT period_code, value, level_label, pace_label FROM read_parquet(?) "
            "WHERE (commune_code, indicator_code, scope) = (?, ?, ?)",
            [str(folder / "progress.parquet"), commune, indicator, limited],
        ).fetchall()
        assert kept == [(period, value, level, pace)]


def test_the_workbook_says_what_the_database_says(demo_home, lines):
    for commune, indicator, limited, _, value, _, _ in lines:
        rows = rows_of_workbook(bundle(demo_home, commune))
        [head] = [row for row in rows if row[0] == "Mã chỉ tiêu"]
        at, name = head.index("Kết quả"), head.index("Chỉ tiêu")
        shown = [row[at] for row in rows if row[0] == indicator and row[name].rstrip(")").endswith(limited)]
        assert any(figure is not None and Decimal(str(figure)) == value for figure in shown), (commune, indicator)


def test_the_report_to_sign_says_what_the_database_says(demo, demo_home, lines):
    """Rounded to two decimals, as a report is read; a plan of few indicators has no annex of them, only the text's."""
    names = dict(demo("SELECT indicator_code, indicator_name FROM core.dim_indicator"))
    for commune, indicator, _, _, value, level, pace in lines:
        rows = rows_of_report(bundle(demo_home, commune))
        shown = [row for row in rows if any(names[indicator] in text for text in row)]
        figure = rf"{re.escape(format_number(round(value, 2)))}(?![\d,.]\d)"
        assert any(any(re.match(figure, text) for text in row) and level in " ".join(row) and pace in " ".join(row)
                   for row in shown), (commune, indicator, figure, shown)  # fmt: skip


def test_the_scorecard_says_what_the_database_says(demo_home, lines):
    for commune, indicator, _, _, value, level, pace in lines:
        page = (demo_home.site / "commune" / f"{commune}.html").read_text(encoding="utf-8")
        rows = re.findall(rf"<tr[^>]*><th scope=row><a [^>]*>{indicator}</a>.*?(?=<tr|</tbody>)", page, re.DOTALL)
        texts = [unescape(re.sub(r"<[^>]+>", " ", row)) for row in rows]
        figure = format_number(round(value, 2))
        assert any(re.search(rf"(?<![\d,.]){re.escape(figure)}(?![\d,.]\d)", text) and level in text and pace in text
                   for text in texts), (commune, indicator, figure, texts)  # fmt: skip
