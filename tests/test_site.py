"""The scorecard in a real browser, opened as a file: what it shows, finds and draws, on a screen, a phone and paper."""

import csv
import io
import json
import random
import re
import shutil
import zipfile
from datetime import datetime

import duckdb
import pytest
import yaml
from conftest import VINH_LAI
from openpyxl import load_workbook
from site_city import Size, made_up_city
from site_tab import BANNER, Tab, contents

from pipelines import flow
from pipelines.home import PROJECT, Home
from pipelines.scorecard import front, pages
from pipelines.scorecard.board import read_board
from pipelines.scorecard.filters import day, embedded, number
from pipelines.warehouse import published_copy

KINDS = ["index.html", "commune/11791.html", "commune/11383.html", "indicators.html", "indicator/dvc-01.html",
         "indicator/gd-02.html", "tasks.html", "agency/vhxh.html", "reporting.html", "quality.html",
         "ranking.html", "origin/11164.html", "method.html"]  # fmt: skip
QUESTIONS = re.findall(r"^\| ([^|]+\?) \| `([^`]+)` \|$", (PROJECT / "docs" / "scorecard.md").read_text("utf-8"), re.M)
ODD = "</script><script>window.hit = 1</script>\u2028<b onclick='x'>\"&lt;ghi chú</b>"


@pytest.fixture(scope="module")
def tab(browser, demo_home):
    tab = Tab(browser, demo_home.site)
    yield tab
    tab.page.close()


@pytest.fixture(scope="module")
def odd_home(tmp_path_factory):
    """A small made-up city that is not illustrative, wants no ranking, and whose officers write what could break a
    page."""
    home = Home(tmp_path_factory.mktemp("odd"))
    made_up_city(home, Size(communes=9, indicators=9, months=26, tasks=80), ODD, illustrative=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "settings", lambda: front.settings() | {"ranking": False})
        flow.write_site(home)
    return home


@pytest.fixture
def odd(browser, odd_home):
    tab = Tab(browser, odd_home.site)
    yield tab
    tab.page.close()


# ---------------------------------------------------------------- every page


def test_every_page_opens_from_a_file_with_its_banner_without_an_error_and_without_a_network(tab):
    names = sorted(path.relative_to(tab.site).as_posix() for path in tab.site.rglob("*.html"))
    assert len(names) > 70
    for name in names:
        page = tab.open(name)
        assert BANNER in page.locator(".illustrative").inner_text(), name
        assert page.locator(".illustrative button, .illustrative a").count() == 0
        assert page.locator("h1").count() == 1, name
        assert "Content-Security-Policy" in page.content()
        assert tab.width() == 1280, name
    assert tab.errors == []
    assert [url for url in tab.requests if not url.startswith("file://")] == []


@pytest.mark.parametrize("name", KINDS)
def test_a_page_fits_a_phone_and_axe_finds_nothing_serious_on_either(browser, demo_home, name):
    tab = Tab(browser, demo_home.site)  # of its own: axe asks for the style sheets once more, which the page forbids
    tab.fits_and_is_accessible(name)
    tab.page.close()


@pytest.mark.parametrize("name", KINDS)
def test_a_page_prints_on_a4_with_no_table_cut(browser, demo_home, name):
    tab = Tab(browser, demo_home.site)
    tab.prints_whole(name)
    tab.page.close()


def test_a_table_says_its_headers_and_the_keyboard_reaches_the_content_first(tab):
    for name in KINDS:
        page = tab.open(name)
        assert page.locator("th:not([scope])").count() == 0, name
        assert page.locator("table:not(:has(caption))").count() == 0, name
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Đến nội dung chính"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_the_tables_are_all_there_without_a_script(browser, odd_home):
    tab = Tab(browser, odd_home.site, java_script_enabled=False)
    tab.open("agency/ca.html")
    assert len(tab.rows("#t-tasks")) == 90  # ten of 80 tasks in each of nine communes
    tab.page.close()


# ---------------------------------------------------------------- search and filters


@pytest.mark.parametrize(
    ("typed", "found", "not_found"),
    [
        ("vinh lai", "Xã Vĩnh Lại", "Xã Đại Sơn"),
        ("Vĩnh Lại", "Xã Vĩnh Lại", "Xã Đại Sơn"),
        ("dai son", "Xã Đại Sơn", "Xã Vĩnh Lại"),
        ("DẠI", "Không tìm thấy", "Xã Đại Sơn"),
        ("chữ kí", "Không tìm thấy", "Xã Vĩnh Lại"),
        ("phong van hoa", "Phòng Văn hóa - Xã hội", "Phòng Kinh tế"),
        ("văn hoá", "Phòng Văn hóa - Xã hội", "Phòng Kinh tế"),
        ("xhs-02", "Tỷ lệ người dân có tài khoản định danh điện tử (VNeID)", "Xã Vĩnh Lại"),
    ],
)
def test_the_search_of_every_page_finds_with_accents_and_without(tab, typed, found, not_found):
    page = tab.open("indicator/dvc-01.html")
    page.get_by_label("Tìm xã, chỉ tiêu, cơ quan").fill(typed)
    hits = "\n".join(tab.texts("#found li"))
    assert found in hits
    assert not_found not in hits


def test_enter_opens_the_first_that_was_found(tab):
    page = tab.open("indicator/dvc-01.html")
    page.get_by_label("Tìm xã, chỉ tiêu, cơ quan").fill("tien minh")
    page.keyboard.press("Enter")
    page.wait_for_url("**/commune/11791.html")
    assert page.locator("h1").inner_text() == "Xã Tiên Minh"


def test_the_city_lists_all_its_communes_and_filters_both_those_with_a_plan_and_those_without(tab):
    page = tab.open("index.html")
    assert len(tab.rows("#t-communes")) == 5
    assert len(tab.texts("#without li")) == 109
    assert all("chưa có kế hoạch" in text for text in tab.texts("#without li"))
    search = page.get_by_label("Tìm xã, phường, đặc khu")
    search.fill("cam giang")  # Xã Cẩm Giàng has a plan, Xã Cẩm Giang has none
    assert [row.locator("th a").inner_text() for row in tab.rows("#t-communes")] == ["Xã Cẩm Giàng"]
    assert [text.split(" 1")[0] for text in tab.texts("#without li:visible")] == ["Xã Cẩm Giang"]
    search.fill("Cẩm Giàng")
    assert len(tab.rows("#t-communes")) == 1
    assert tab.texts("#without li:visible") == []
    search.fill("d")
    assert "Xã Đại Sơn" in "".join(row.inner_text() for row in tab.rows("#t-communes"))


def test_a_filter_keeps_the_lines_of_a_status_and_a_link_of_the_summary_sets_it(tab, demo):
    behind = demo.one("SELECT count(*) FROM marts.mart_kpi_progress WHERE commune_code = '11164' AND is_latest "
                      "AND level_status = 'not_met'")  # fmt: skip
    page = tab.open(f"commune/{VINH_LAI}.html")
    everything = len(tab.rows("#t-lines"))
    page.get_by_label("So với mốc đã đến hạn").select_option("not_met")
    assert len(tab.rows("#t-lines")) == behind
    assert page.locator(".filters .count").first.inner_text() == f"{behind}/{everything} dòng"
    page = tab.open(f"commune/{VINH_LAI}.html")
    page.locator(".card").get_by_role("link", name="Chưa đạt mốc").click()
    page.wait_for_url("**?level=not_met*")
    assert len(tab.rows("#t-lines")) == behind


def test_a_long_table_shows_its_first_lines_and_more_on_demand_and_finds_among_all(odd):
    page = odd.open("agency/ca.html")
    assert len(odd.rows("#t-tasks")) == 60
    page.get_by_role("button", name="Hiện thêm (còn 30 dòng)").click()
    assert len(odd.rows("#t-tasks")) == 90
    page.get_by_label("Xã, phường", exact=True).select_option(index=9)
    assert len(odd.rows("#t-tasks")) == 10
    assert odd.errors == []


# ---------------------------------------------------------------- charts


def drawn(chart):
    """How many points of a chart's canvas have a colour."""
    return chart.locator("canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 == 3 && v).length"
    )


def test_the_way_of_an_indicator_is_drawn_to_2045_and_told_by_a_table_of_the_same_figures(tab, demo):
    page = tab.open("indicator/cqs-06.html")
    chart = page.locator("#path .chart")
    assert drawn(chart) > 1000
    told = chart.get_attribute("aria-label")
    assert "kết quả mới nhất" in told
    assert "31/12/2045" in told
    table = tab.texts("#path tbody tr")
    for on, as_written in demo("SELECT milestone_on, as_written FROM core.dim_milestone WHERE indicator_code = 'CQS-06'"
                               " AND commune_code = '11164'"):  # fmt: skip
        assert any(day(on) in row and "Mốc kế hoạch" in row and "; ".join(as_written) in row for row in table)
    figures = demo("SELECT measured_on, value, expected_value FROM marts.mart_kpi_progress "
                   "WHERE indicator_code = 'CQS-06' AND commune_code = '11164' AND value IS NOT NULL")  # fmt: skip
    for on, value, expected in figures:
        [row] = [row.split("\t") for row in table if row.startswith(day(on)) and "Thực hiện" in row]
        assert row[-2:] == [number(value), number(expected) or "–"]
    [forecast] = [row for row in table if "Dự báo" in row]
    [(at_next,)] = demo("SELECT forecast_at_next FROM marts.mart_kpi_progress WHERE indicator_code = 'CQS-06' "
                        "AND commune_code = '11164' AND is_latest")  # fmt: skip
    assert number(at_next) in forecast


def test_every_chart_has_a_label_and_a_table_beside_it(tab):
    for name in ("indicator/dvc-01.html", "reporting.html", f"commune/{VINH_LAI}.html"):
        page = tab.open(name)
        if (button := page.locator("button.open")).count():
            button.first.click()
        page.locator(".chart").first.wait_for()
        charts = page.locator(".chart").all()
        for chart in charts:
            assert chart.get_attribute("role") == "img"
            assert chart.get_attribute("aria-label").startswith("Biểu đồ")
            assert "bảng" in chart.get_attribute("aria-label")
            assert drawn(chart) > 500
    assert tab.errors == []


def test_another_commune_is_drawn_when_it_is_chosen(tab):
    page = tab.open("indicator/dvc-01.html")
    first = page.locator("#path .chart").get_attribute("aria-label")
    page.locator("#which").select_option(label="Xã Vĩnh Lại")
    assert "Xã Vĩnh Lại" in page.locator("#path .chart").get_attribute("aria-label")
    assert page.locator("#path .chart").get_attribute("aria-label") != first
    assert page.locator("#path .chart").count() == 1


# ---------------------------------------------------------------- the figures


def test_figures_on_the_pages_are_those_of_the_marts(tab, demo):
    dice = random.Random(57)
    lines = demo("SELECT commune_code, indicator_code, scope, value, expected_value, level_label, pace_label FROM "
                 "marts.mart_kpi_progress JOIN core.dim_indicator USING (indicator_code) "
                 "WHERE is_latest AND value IS NOT NULL AND kind = 'ratio' ORDER BY ALL")  # fmt: skip
    for commune, indicator, scope, value, expected, level, pace in dice.sample(lines, 8):
        page = tab.open(f"commune/{commune}.html")
        [row] = [row for row in tab.rows("#t-lines") if (text := row.inner_text()).startswith(indicator)
                 and scope in text]  # fmt: skip
        assert row.locator("td b").first.inner_text() == number(value)
        cells = row.locator("td").all_inner_texts()
        assert cells[1].startswith(level)
        assert cells[2].startswith(pace)
        assert cells[3].split("\n")[0] == (number(expected) or "–")
        page = tab.open(f"indicator/{indicator.lower()}.html")
        assert any(number(value) in row.inner_text() for row in tab.rows("#t-lines"))
    for indicator, label, value, counted in dice.sample(demo(
            "SELECT indicator_code, label, value, communes_in_rate FROM marts.mart_city_progress "
            "JOIN core.dim_period USING (period_code) WHERE value IS NOT NULL ORDER BY ALL"), 5):  # fmt: skip
        page = tab.open(f"indicator/{indicator.lower()}.html")
        cells = page.locator("#t-city tbody tr").filter(has_text=label).first.locator("td").all_inner_texts()
        assert (cells[0], cells[3]) == (number(value), f"{counted}/114")


def test_an_agency_finds_its_tasks_in_two_clicks_overdue_first(tab, demo):
    page = tab.open("index.html")
    page.get_by_label("Các trang").get_by_role("link", name="Nhiệm vụ").click()
    page.locator("#t-agencies").get_by_role("link", name="Phòng Văn hóa - Xã hội").click()
    expected = demo("SELECT task_label, count(*) FROM marts.mart_task_progress JOIN core.bridge_task_duty "
                    "USING (commune_code, task_id) WHERE agency_code = 'VHXH' GROUP BY ALL")  # fmt: skip
    shown = [text.rsplit("\n", 1) for text in tab.texts(".card:first-child .legend li")]
    assert sorted((label, int(n)) for label, n in shown) == sorted(expected)
    states = [row.get_attribute("data-task") for row in page.locator("#t-tasks > tbody > tr").all()]
    assert len(states) == sum(n for _, n in expected)
    assert states[: states.count("overdue")] == ["overdue"] * states.count("overdue") != []


# ---------------------------------------------------------------- the first page


def test_a_head_leads_to_his_tasks_from_the_page_of_the_commune_and_of_the_agency(tab, demo):
    for head, agency, tasks, late, without in demo(
        "SELECT head_role, agency_code, tasks, done_late, done_without_proof FROM marts.mart_task_agency "
        f"WHERE commune_code = '{VINH_LAI}' ORDER BY tasks DESC LIMIT 2"
    ):
        page = tab.open(f"commune/{VINH_LAI}.html")
        [row] = [row for row in tab.rows("#t-heads") if page_of(row, agency) and head in row.inner_text()]
        assert row.locator("td").all_inner_texts()[1:5:2] == [number(tasks), number(late)]
        row.locator("th a").click()
        page.wait_for_url("**?head=*#task")
        assert len(tab.rows("#t-tasks")) == tasks
        page = tab.open(f"agency/{agency.lower()}.html")
        page.locator("#t-heads-q").fill("Vĩnh Lại")
        [row] = [row for row in tab.rows("#t-heads") if (head or "Kế hoạch không nêu") in row.inner_text()]
        assert number(without) == row.locator("td").all_inner_texts()[4]
        row.locator("th a").click()
        page.wait_for_url("**?head=*#task")
        assert len(tab.rows("#t-tasks")) == tasks


def page_of(row, agency):
    return row.locator("td a").get_attribute("href").endswith(f"/{agency.lower()}.html")


@pytest.mark.parametrize("width", [360, 1280])
def test_ten_questions_are_answered_at_most_one_click_from_the_first_page(browser, demo_home, width):
    assert len(QUESTIONS) == 10
    tab = Tab(browser, demo_home.site)
    tab.page.set_viewport_size({"width": width, "height": 900})
    for question, place in QUESTIONS:
        page = tab.open("index.html")
        name, _, part = place.partition("#")
        if name == "index.html":
            page.locator(f".jump a[href='#{part}']").click()
            heading = page.locator(f"h2#{part}")
            assert heading.bounding_box()["y"] < 900, question
            following = page.locator(f"h2#{part} ~ :is(.wide, .cards4, details):visible").first
            assert len(following.inner_text()) > 40, question
        else:
            page.locator(f"main a[href^='{name}'], nav a[href^='{name}']").first.click()
            page.wait_for_url(f"**/{name}**")
            assert page.locator("main table:visible").count(), question
    assert tab.errors == []
    tab.page.close()


def test_the_first_page_names_who_has_not_sent_the_yearly_report_and_how_many_days_are_left(tab, demo):
    tab.open("index.html")
    expected = demo("SELECT commune_name, due_on, days_left, waiting_names FROM marts.mart_commune_report "
                    "WHERE period_code = '2026'")  # fmt: skip
    assert len(expected) > 1
    shown = [row.locator("th, td").all_inner_texts() for row in tab.rows("#t-yearly")]
    assert sorted((cells[0], cells[1], cells[3]) for cells in shown) == sorted(
        (name, f"{day(due)}\ncòn {days} ngày", "; ".join(names)) for name, due, days, names in expected
    )
    assert {cells[4] for cells in shown} == {"Chưa bàn giao"}


def test_the_first_page_shows_the_indicators_the_city_asks_for_first(tab, demo):
    tab.open("index.html")
    codes = yaml.safe_load((PROJECT / "sources" / "reference" / "scorecard.yml").read_text("utf-8"))["first_indicators"]
    cards = tab.texts(".three .card")
    assert len(cards) == len(codes) == 3
    for code, card in zip(codes, cards, strict=True):
        [(value, covered, all_of)] = demo(
            "SELECT p.value, p.communes_in_rate, p.communes_in_city FROM marts.mart_city_progress AS p "
            f"JOIN core.dim_period AS d USING (period_code) WHERE indicator_code = '{code}' "
            "ORDER BY d.period_order DESC LIMIT 1")  # fmt: skip
        assert f"{number(value)}%" in card
        assert f"{covered}/{all_of} xã" in card


def test_a_window_of_the_tasks_that_fall_due_is_chosen_and_the_default_is_there_without_a_script(
    browser, demo_home, demo
):
    counted = dict(demo("SELECT due_within, count(*) FROM marts.mart_task_deadline GROUP BY ALL"))
    near, year, next_year = (counted.get(window, 0) for window in ("days_30", "this_year", "next_year"))
    assert year and next_year
    tab = Tab(browser, demo_home.site)
    page = tab.open("tasks.html")
    assert len(tab.rows("#t-due")) == near + year
    for window, expected in (("days_30", near), ("next_year", near + year + next_year)):
        page.get_by_label("Đến hạn", exact=True).select_option(window)
        assert len(tab.rows("#t-due")) == expected
    tab.page.close()
    tab = Tab(browser, demo_home.site, java_script_enabled=False)
    page = tab.open("index.html")
    assert [one.get_attribute("open") for one in page.locator("details").all()][-1] is None
    assert page.locator("#t-due-this_year").is_visible()
    tab.page.close()


def test_a_figure_opens_where_it_comes_from_without_names_of_files(tab, demo):
    page = tab.open(f"commune/{VINH_LAI}.html")
    page.locator("#t-lines td.r a").first.click()
    page.wait_for_url(f"**/origin/{VINH_LAI}.html#*")
    code = page.url.rpartition("#")[2].upper()
    [(sha256, sheet, cell, name)] = demo(
        "SELECT t.sha256, t.source_sheet, t.source_cell, t.original_name FROM marts.mart_trace AS t "
        "JOIN marts.mart_kpi_progress AS p USING (actual_id) "
        f"WHERE p.is_latest AND p.commune_code = '{VINH_LAI}' AND p.indicator_code = '{code}'")  # fmt: skip
    row = page.locator("tr:target").inner_text()
    assert f"{sheet}, ô {cell}" in row
    assert f"tệp {sha256[:12]}" in row
    assert name not in page.content()


def test_every_table_to_take_away_is_there_as_a_workbook_and_as_csv_with_numbers(tab, demo):
    links = set()
    for path in tab.site.rglob("*.html"):
        found = re.findall(r'href="?([^" ]*data/[^" ]+)"? download', path.read_text("utf-8"))
        links |= {(path.parent / link).resolve() for link in found}
    assert len(links) > 70
    assert [link for link in links if not link.is_file()] == []
    assert set((tab.site / "data").iterdir()) <= links
    with zipfile.ZipFile(tab.site / "data" / "lines.zip") as packed:
        [name] = packed.namelist()
        lines = list(csv.DictReader(io.StringIO(packed.read(name).decode("utf-8-sig"), newline="")))
    assert name == "lines.csv"
    shown = demo("SELECT count(*), count(DISTINCT commune_code) FROM marts.mart_kpi_progress WHERE is_latest")
    reported = [line for line in lines if line["Kỳ số liệu"]]
    assert [(len(reported), len({line["Xã, phường"] for line in reported}))] == shown
    sheet = load_workbook(tab.site / "data" / "commune-11164-html.xlsx")["Chỉ tiêu"]
    lines = list(sheet.iter_rows(min_row=2, values_only=True))
    rates = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert sheet["A1"].value.startswith(BANNER)
    assert any(isinstance(line["Kết quả"], float) and isinstance(line["Mốc tiếp theo"], datetime) for line in rates)


def test_what_an_officer_writes_does_not_run_in_a_table_taken_away(odd_home):
    with zipfile.ZipFile(odd_home.site / "data" / "tasks.zip") as packed:
        text = packed.read("tasks.csv").decode("utf-8")
    assert text.startswith('\ufeff"Xã, phường",')
    assert not re.search(r'(?:^|,)"?[=+@-](?!\d)', text, re.MULTILINE)


def test_the_city_can_leave_the_ranking_out(odd_home):
    assert not (odd_home.site / "ranking.html").exists()
    assert "ranking.html" not in (odd_home.site / "index.html").read_text("utf-8")


def test_an_indicator_asked_for_first_that_is_none_is_named(monkeypatch, demo):
    monkeypatch.setattr(front, "settings", lambda: {"first_indicators": ["DVC-99"]})
    with duckdb.connect(str(demo.path), read_only=True) as con, pytest.raises(ValueError, match="no indicator DVC-99"):
        front.first_indicators(read_board(con))


def test_reports_owed_and_lines_reconciled_are_those_of_the_marts(tab, demo):
    tab.open("reporting.html")
    owed = demo("SELECT commune_name, agency_name, period_label, due_on FROM marts.mart_reporting_status "
                "WHERE is_outstanding")  # fmt: skip
    shown = [tuple(row.locator("th, td").all_inner_texts()[:4]) for row in tab.rows("#t-owed")]
    assert sorted(shown) == sorted((*texts, day(due)) for *texts, due in owed)
    tab.open("quality.html")
    [total] = demo("SELECT rows_read, rows_accepted, rows_unchanged, rows_held, rows_rejected, rows_ignored, "
                   "rows_unaccounted FROM marts.mart_reconciliation WHERE submission_id = 'all'")  # fmt: skip
    assert tab.texts("#t-reconciled tr.whole td")[1:] == [number(n) for n in total]
    assert len(tab.rows("#t-rejections")) == demo.one("SELECT count(*) FROM core.fct_rejection")
    assert len(tab.rows("#t-conflicts")) == demo.one("SELECT count(*) FROM marts.mart_plan_conflict")


# ---------------------------------------------------------------- what officers write, and no illustrative figures


def test_what_an_officer_writes_arrives_as_text_wherever_it_stands(odd):
    shown = ODD.replace("\u2028", "")
    as_text = "e => e.map(x => x.textContent.replaceAll('\\u2028', ''))"
    commune = next(odd.site.glob("commune/*.html")).relative_to(odd.site).as_posix()
    page = odd.open(commune)
    page.locator("button.open").first.click()
    assert any(shown in text for text in page.locator(".opened small").evaluate_all(as_text))
    assert any(shown in text for text in page.locator("#t-tasks small").evaluate_all(as_text))
    page = odd.open("quality.html")
    assert any(shown in text for text in page.locator("#t-rejections td").evaluate_all(as_text))
    assert page.evaluate("window.hit") is None
    assert odd.errors == []


def test_data_inside_a_page_cannot_end_the_element_or_the_line_it_stands_in():
    text = embedded({"note": ODD + "\u2029<!--"})
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"note": ODD + "\u2029<!--"}


def test_real_figures_are_not_called_illustrative(odd, odd_home):
    odd.open("index.html")
    assert [path for path in odd_home.site.rglob("*.html") if BANNER in path.read_text(encoding="utf-8")] == []


# ---------------------------------------------------------------- writing


@pytest.fixture
def copied(demo_home, tmp_path):
    """A home with the demo's published copy and no site yet."""
    home = Home(tmp_path)
    home.warehouse.mkdir()
    shutil.copyfile(demo_home.published, home.published)
    shutil.copyfile(demo_home.proof, home.proof)
    return home


def test_the_same_state_gives_the_same_bytes_and_is_not_written_twice(copied, demo_home):
    flow.write_site(copied)
    assert contents(copied.site) == contents(demo_home.site)
    before = {path: path.stat().st_mtime_ns for path in copied.site.rglob("*")}
    assert flow.write_site(copied) == 0
    assert {path: path.stat().st_mtime_ns for path in copied.site.rglob("*")} == before


def test_a_page_that_is_lost_or_half_written_comes_back_old_pages_go_and_a_strangers_file_stays(copied):
    flow.write_site(copied)
    whole = contents(copied.site)
    (copied.site / "tasks.html").unlink()
    (copied.site / "index.html").write_bytes(b"")
    (copied.site / "commune" / "00001.html").write_text("an old page")
    (copied.site / "assets" / ".site.css.new").write_text("left by a run that was killed")
    (copied.site / "robots.txt").write_text("kept")
    assert flow.write_site(copied) == 4
    assert contents(copied.site) == {**whole, "robots.txt": b"kept"}


def test_one_figure_changed_changes_the_pages_that_show_it(copied):
    """It becomes the lowest of five: two communes have another place."""
    flow.write_site(copied)
    before = contents(copied.site)
    with duckdb.connect(copied.published) as con:
        con.execute("UPDATE marts.mart_kpi_progress SET value = 60.66 WHERE is_latest AND commune_code = '11164' "
                    "AND indicator_code = 'DVC-01'")  # fmt: skip
    published_copy.prove(copied, [published_copy.digest(copied.published)])
    flow.write_site(copied)
    after = contents(copied.site)
    changed = {name for name in after if after[name] != before[name]}
    shown = {"commune/11164.html", "indicator/dvc-01.html", "series/dvc-01.js", "index.html", "origin/11164.html"}
    shown |= {"commune/10903.html", "commune/11383.html"}
    assert {name for name in changed if not name.startswith("data/")} == {".made-from.json", *shown}
    workbooks = {"data/commune-11164-html.xlsx", "data/indicator-dvc-01-html.xlsx"}
    tables = {"data/lines.zip", "data/origins.zip", "data/series.zip"}
    assert {name for name in changed if name.startswith("data/")} == workbooks | tables
    shutil.rmtree(copied.site)
    flow.write_site(copied)
    assert contents(copied.site) == after, "as if nothing had been there"
