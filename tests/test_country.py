"""Several cities in one warehouse: the page of the country, and a site of its own for each city below it."""

import io
import re
import shutil
import zipfile

import duckdb
import pytest
from openpyxl import load_workbook
from site_city import Size, made_up_city
from site_tab import BANNER, Tab, contents

from pipelines import flow
from pipelines.home import Home
from pipelines.scorecard import country, front
from pipelines.scorecard.filters import number
from pipelines.upkeep.leaders_page import leaders_page
from pipelines.warehouse import published_copy
from pipelines.warehouse.database import reading

HA_NOI, QUANG_NINH, HAI_PHONG = "01", "22", "31"
CITIES = {HA_NOI: "Thành phố Hà Nội", QUANG_NINH: "Tỉnh Quảng Ninh", HAI_PHONG: "Thành phố Hải Phòng"}
FIRST = ["DVC-01", "XHS-02", "DVC-03"]  # of sources/reference/scorecard.yml
PAGES = ["index.html", "method.html", f"{QUANG_NINH}/index.html", f"{QUANG_NINH}/ranking.html"]
# A file in a folder that is none of a commune, and a plan of the Government.
_MORE = """
INSERT INTO raw.receipt BY NAME
    SELECT 'of-nobody-1' AS submission_id, sha256('x') AS sha256, 'so-lieu.xlsx' AS original_name,
        'xa-khong-ro/ca' AS folder, TIMESTAMP '2027-02-01 08:00' AS received_at, 100000 AS ledger_sequence,
        2000 AS size_bytes;
INSERT INTO checked.submission BY NAME
    SELECT 'of-nobody-1' AS submission_id, TIMESTAMP '2027-02-01 08:00' AS judged_at, false AS is_unreadable,
        true AS is_refused, 0 AS lines_read;
INSERT INTO checked.finding BY NAME
    SELECT 'of-nobody-1' AS submission_id, 1 AS finding_order, 'A02' AS rule_code, 'fail' AS severity,
        'Không rõ xã, phường.' AS message, 'Gửi vào đúng thư mục.' AS fix;
INSERT INTO raw.higher_plan BY NAME
    SELECT 'country-2025' AS plan_id, 'country' AS plan_scope, 'Kế hoạch' AS title, 'Chính phủ' AS issuer,
        DATE '2025-01-01' AS in_force_from;
INSERT INTO raw.higher_target BY NAME
    SELECT 'country-2025/1/' || y AS target_id, 'country-2025' AS plan_id, 'XHS-02' AS indicator_code,
        'VNeID' AS name, '' AS appendix, '1' AS row_number, '' AS scope, make_date(y, 12, 31) AS milestone_on,
        '>=' AS operator, v AS value, '%' AS unit_of_measure, '≥ ' || v AS as_written, false AS is_aspirational,
        y AS line_order
    FROM (VALUES (2025, 40), (2030, 99)) AS m (y, v);
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("country"))
    made_up_city(home, Size(communes=3, indicators=100, months=5, tasks=9, cities=tuple(CITIES)), more=_MORE)
    flow.write_site(home)
    return home


@pytest.fixture(scope="module")
def ask(home):
    with reading(home) as con:
        yield lambda sql, *given: con.execute(sql, given).fetchall()


@pytest.fixture(scope="module")
def tab(browser, home):
    tab = Tab(browser, home.site)
    yield tab
    tab.page.close()


def cells(tab, table):
    """The rows of a table as texts, without what stands below a figure in small."""
    return [[cell.split("\n")[0].strip() for cell in row.locator("th, td").all_inner_texts()]
            for row in tab.rows(table)]  # fmt: skip


def city_folder(name):
    return name.split("/")[0] if "/" in name else ""


# ---------------------------------------------------------------- the page of the country


def test_pages_open_with_their_banner_without_an_error_and_without_a_network(tab):
    for name in [*PAGES, *(f"{code}/reporting.html" for code in CITIES)]:
        page = tab.open(name)
        assert BANNER in page.locator(".illustrative").inner_text(), name
        assert page.locator("h1").count() == 1
        assert page.locator("th:not([scope])").count() == 0, name
        assert page.locator("table:not(:has(caption))").count() == 0, name
    assert tab.errors == []
    assert [url for url in tab.requests if not url.startswith("file://")] == []


@pytest.mark.parametrize("name", ["index.html", f"{QUANG_NINH}/ranking.html"])
def test_a_page_fits_a_phone_prints_whole_and_axe_finds_nothing_serious(browser, home, name):
    tab = Tab(browser, home.site)
    tab.fits_and_is_accessible(name)
    tab.prints_whole(name)
    tab.page.close()


def test_every_link_of_the_country_leads_to_a_page(home):
    page = (home.site / "index.html").read_text("utf-8")
    linked = {one.split("#")[0] for one in re.findall(r'(?:href|src)="(?!#|data:)([^"?]*)', page)}
    assert linked >= {f"{code}/index.html" for code in CITIES}
    assert [one for one in linked if not (home.site / one).is_file()] == []


def test_the_rates_of_the_country_are_summed_from_the_figures_of_the_communes(tab, ask):
    """Of the newest period that is due, and not the mean of rates."""
    tab.open("index.html")
    shown = tab.texts(".cards4.three .card .total b")
    for code, told in zip(FIRST, shown, strict=True):
        [(rate,)] = ask("SELECT 100 * sum(numerator) / sum(denominator) FROM marts.mart_kpi_progress "
                        "WHERE indicator_code = ? AND period_code = '2026-12'", code)  # fmt: skip
        assert told == number(rate)


def test_the_cities_stand_side_by_side_with_rate_and_rank(tab, ask):
    tab.open("index.html")
    for row, (code, name) in zip(tab.rows("#t-cities"), CITIES.items(), strict=True):
        texts = row.locator("th, td").all_inner_texts()
        [(all_communes,)] = ask("SELECT count(*) FROM core.dim_commune WHERE city_code = ?", code)
        assert texts[:2] == [name, f"3/{all_communes}"]
        for indicator, told in zip(FIRST, texts[2:], strict=True):
            [(rate, rank)] = ask(
                "SELECT rate, rank FROM (SELECT city_code, 100 * sum(numerator) / sum(denominator) AS rate, "
                "rank() OVER (ORDER BY rate DESC) AS rank FROM marts.mart_kpi_progress JOIN core.dim_commune USING "
                "(commune_code) WHERE indicator_code = ? AND period_code = '2026-12' GROUP BY ALL) "
                "WHERE city_code = ?", indicator, code)  # fmt: skip
            assert told.split("\n")[0] == f"{number(rate)}%"
            assert f"hạng {rank}/3" in told


def test_ranks_of_cities_and_of_communes_over_all_are_those_of_the_marts(tab, ask):
    tab.open("index.html")
    standing = ask("SELECT rank, city_name, score, milestones_met, on_track, tasks_on_time, reports_on_time "
                   "FROM marts.mart_city_standing ORDER BY rank")  # fmt: skip
    assert [rank for rank, *_ in standing] == [1, 2, 3]
    assert cells(tab, "#t-ranking") == [
        [str(rank), name, number(score, 1), *(f"{number(share, 1)}%" for share in shares)]
        for rank, name, score, *shares in standing
    ]
    communes = ask("SELECT country_rank, s.commune_name, city_name, score FROM marts.mart_commune_standing AS s "
                   "JOIN core.dim_commune USING (commune_code) ORDER BY country_rank, commune_code")  # fmt: skip
    scores = [score for *_, score in communes]
    assert scores == sorted(scores, reverse=True)
    assert [rank for rank, *_ in communes] == [1 + sum(other > score for other in scores) for score in scores]
    shown = [tuple(row[:4]) for row in cells(tab, "#t-ends")]
    assert shown == [(str(rank), name, city, number(score, 1)) for rank, name, city, score in communes]


def test_who_has_not_reported_is_counted_by_city(tab, ask):
    tab.open("index.html")
    owed = ask("SELECT city_name, count(DISTINCT commune_code), count(*), count(*) FILTER (reporting_status = "
               "'on_time'), count(*) FILTER (reporting_status = 'late'), count(*) FILTER (is_outstanding) AS missing "
               "FROM marts.mart_reporting_status JOIN core.dim_commune USING (commune_code) "
               "WHERE period_code = '2026-12' GROUP BY city_name ORDER BY missing DESC, min(city_code)")  # fmt: skip
    assert sum(missing for *_, missing in owed) > 0
    shown = [(name, communes, *rest) for name, communes, _, _, *rest in cells(tab, "#t-reporting")]
    assert shown == [(name, *map(str, counted)) for name, *counted in owed]


def test_the_milestones_of_the_country_stand_beside_its_rate(tab, ask):
    tab.open("index.html")
    [row] = tab.rows("#t-above")
    [(value, level, pace)] = ask("SELECT value, level_label, pace_label FROM marts.mart_country_progress "
                                 "WHERE indicator_code = 'XHS-02' AND is_latest")  # fmt: skip
    text = row.inner_text()
    assert "≥ 40 · 31/12/2025" in text and "≥ 99 · 31/12/2030" in text
    assert number(value) in text and level in text and pace in text


def test_every_file_is_counted_once_and_one_of_nobody_is_in_no_city(home, ask):
    page = (home.site / "index.html").read_text("utf-8")
    [(files,)] = ask("SELECT count(*) FROM core.fct_submission")
    assert f"{number(files)} tệp đã nhận" in page
    assert "1 tệp chưa xác định được xã" in page
    of_cities = [re.search(r"([\d.]+) tệp đã nhận", (home.site / code / "quality.html").read_text("utf-8"))[1]
                 for code in CITIES]  # fmt: skip
    assert sum(int(one.replace(".", "")) for one in of_cities) == files - 1


def test_the_search_finds_a_city_and_its_pages_lead_back(tab):
    page = tab.open("index.html")
    page.get_by_label("Tìm tỉnh, thành phố").fill("quang ninh")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{QUANG_NINH}/index.html")
    assert page.locator("h1").inner_text().startswith("Tỉnh Quảng Ninh:")
    page = tab.open(f"{QUANG_NINH}/commune/06652.html")
    page.get_by_label("Các trang").get_by_role("link", name="Toàn quốc").click()
    page.wait_for_url("**/site/index.html")


def test_its_tables_can_be_taken_away(home):
    book = load_workbook(home.site / "data" / "index.xlsx")
    assert book.sheetnames == ["Chỉ tiêu trọng tâm", "Xếp hạng tỉnh, thành phố", "Xã đứng đầu và đứng cuối",
                               "Tình hình gửi báo cáo", "Mốc của cấp trên"]  # fmt: skip
    assert [row[1].value for row in book["Xếp hạng tỉnh, thành phố"].iter_rows(min_row=3)] == [*CITIES.values()]
    with zipfile.ZipFile(home.site / "data" / "city_first.zip") as packed:
        lines = io.TextIOWrapper(packed.open("city_first.csv"), "utf-8-sig").read().splitlines()
    assert len(lines) == 1 + 3 * len(FIRST)


def test_without_a_ranking_nobody_is_ranked(home, monkeypatch):
    monkeypatch.setattr(country, "settings", lambda: front.settings() | {"ranking": False})
    with reading(home) as con:
        pages = country.CountryPages(country.read_country(con))
    page = dict(pages.all())["index.html"]
    assert "t-cities" in page
    assert not re.search(r"t-ranking|t-ends|hạng \d|#ranking|#communes", page)
    assert {one.name for one in pages.tables()} == {"city_first", "city_reporting", "above"}


def test_leaders_get_the_page_of_the_country(home):
    page = leaders_page(home)
    assert "Toàn quốc: tiến độ" in page
    assert re.findall(r'<script|href="(?!#|data:)', page) == []


# ---------------------------------------------------------------- the pages of a city


def test_the_pages_of_a_city_name_no_commune_of_another(home, ask):
    names = {code: {name for (name,) in ask("SELECT commune_name FROM core.dim_commune WHERE city_code = ?", code)}
             for code in CITIES}  # fmt: skip
    for code in CITIES:
        text = "\n".join(path.read_text("utf-8") for path in (home.site / code).rglob("*")
                         if path.suffix in (".html", ".js"))  # fmt: skip
        assert all(name in text for name in names[code])
        for other in CITIES.keys() - {code}:
            assert [one for one in names[other] - names[code] if re.search(rf"{one}(?! [A-ZĐ])", text)] == []
            assert CITIES[other] not in text


def test_a_province_is_called_one(home):
    province, city = ((home.site / code / "index.html").read_text("utf-8") for code in (QUANG_NINH, HAI_PHONG))
    for said in ("Toàn {}</a>", "CSV (toàn {}, tệp ZIP)"):
        assert said.format("tỉnh") in province and said.format("thành phố") not in province
        assert said.format("thành phố") in city and said.format("tỉnh") not in city
    book = load_workbook(home.site / QUANG_NINH / "data" / "indicators.xlsx")
    assert book.sheetnames == ["Toàn tỉnh"]


def test_a_city_ranks_its_communes_within_it_and_over_all(tab, ask):
    tab.open(f"{QUANG_NINH}/ranking.html")
    expected = ask("SELECT rank, country_rank, communes_ranked_in_country, commune_name "
                   "FROM marts.mart_commune_standing WHERE city_code = ? ORDER BY rank, commune_code",
                   QUANG_NINH)  # fmt: skip
    assert [row[:3] for row in cells(tab, "#t-ranking")] == [
        [str(rank), f"{over_all}/{ranked}", name] for rank, over_all, ranked, name in expected
    ]
    assert {ranked for _, _, ranked, _ in expected} == {9}


# ---------------------------------------------------------------- writing


@pytest.fixture
def copied(home, tmp_path):
    """A home with the same published copy and site."""
    to = Home(tmp_path)
    to.warehouse.mkdir()
    shutil.copyfile(home.published, to.published)
    shutil.copyfile(home.proof, to.proof)
    shutil.copytree(home.site, to.site)
    return to


def change(home, *statements):
    with duckdb.connect(home.published) as con:
        for sql in statements:
            con.execute(sql)
    published_copy.prove(home, [published_copy.digest(home.published)])


def test_a_changed_figure_of_a_city_changes_its_pages_and_those_of_the_country(copied):
    assert flow.write_site(copied) == 0
    before = contents(copied.site)
    change(copied, *(
        f"UPDATE marts.{mart} SET value = 60.66 WHERE indicator_code = 'DVC-01' AND period_code = '2026-12' {whose}"
        for mart, whose in (("mart_kpi_progress", "AND commune_code = '06652'"),
                            ("mart_city_progress", f"AND city_code = '{QUANG_NINH}'"), ("mart_country_progress", ""))
    ))  # fmt: skip
    flow.write_site(copied)
    after = contents(copied.site)
    changed = {name for name in after if after[name] != before.get(name)}
    assert {"index.html", f"{QUANG_NINH}/commune/06652.html", f"{QUANG_NINH}/indicator/dvc-01.html"} <= changed
    assert {city_folder(name) for name in changed} == {"", "data", QUANG_NINH}
    assert flow.write_site(copied) == 0


def test_what_is_lost_below_comes_back_and_a_strangers_file_stays(copied):
    whole = contents(copied.site)
    (copied.site / HA_NOI / "tasks.html").unlink()
    (copied.site / "commune").mkdir()
    (copied.site / "commune" / "11164.html").write_text("left by a site of one city")
    (copied.site / HA_NOI / "robots.txt").write_text("kept")
    assert flow.write_site(copied) == 2
    assert contents(copied.site) == {**whole, f"{HA_NOI}/robots.txt": b"kept"}


def test_a_city_alone_has_the_site_it_has_in_the_country_and_nothing_else(copied, home):
    """But for the way back to the country and the places over all. What was below is removed."""
    with reading(home) as con:
        tables = con.execute("SELECT schema_name || '.' || table_name, list(column_name) FROM duckdb_columns() "
                             "SEMI JOIN duckdb_tables() USING (schema_name, table_name) "
                             "WHERE schema_name IN ('core', 'marts') GROUP BY ALL").fetchall()  # fmt: skip
    of_city = f"SELECT commune_code FROM core.dim_commune WHERE city_code = '{HAI_PHONG}'"
    kept = {name: column for name, columns in sorted(tables, key=lambda one: one[0] == "core.dim_commune")
            for column in ("commune_code", "city_code") if column in columns}  # fmt: skip
    change(
        copied,
        f"DELETE FROM marts.mart_reconciliation WHERE submission_id NOT IN (SELECT submission_id FROM "
        f"core.fct_submission WHERE commune_code IN ({of_city}))",
        *(f"DELETE FROM {name} WHERE {column} IS NULL OR {column} <> '{HAI_PHONG}'" if column == "city_code" else
          f"DELETE FROM {name} WHERE commune_code IS NULL OR commune_code NOT IN ({of_city})"
          for name, column in kept.items() if name != "core.dim_commune"),
        f"DELETE FROM core.dim_commune WHERE city_code <> '{HAI_PHONG}'",
    )  # fmt: skip
    flow.write_site(copied)
    alone, below = contents(copied.site), contents(home.site / HAI_PHONG)
    assert alone.keys() == below.keys()
    back = re.compile(rb'<li><a href="?(?:\.\./)*index\.html"?>To\xc3\xa0n qu\xe1\xbb\x91c</a>(?:</li>)?\s*')
    ranked = {"ranking.html", "data/ranking.xlsx", "data/standing.zip", ".made-from.json"}
    assert [name for name in alone if name not in ranked and alone[name] != back.sub(b"", below[name], count=1)] == []
    assert "cả nước" not in alone["ranking.html"].decode()
    assert flow.write_site(copied) == 0
