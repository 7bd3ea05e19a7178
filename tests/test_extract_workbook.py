"""The workbook of an extract: what it shows is what core and marts say, and it can be read and printed as it is."""

import io
import re
from collections import Counter
from datetime import date, datetime, time
from decimal import Decimal

import duckdb
import openpyxl
import pytest
from conftest import DAI_SON, VINH_LAI
from openpyxl.utils import get_column_letter
from test_outputs import MARTS, SCOPES, bundle_of, communes_of, newest_progress, rows, workbook_of

from pipelines.bundles.extract import read_extract
from pipelines.bundles.workbook.workbook import workbook
from pipelines.office.workbook import ILLUSTRATIVE, save

CAM_GIANG, LE_CHAN = "10903", "11383"
OF_A_COMMUNE = ["Tổng hợp", "Tiến độ chỉ tiêu", "Nhiệm vụ", "Tình hình báo cáo", "Lỗi và lưu ý", "Mâu thuẫn",
                "Phương pháp"]  # fmt: skip
OF_THE_CITY = ["Tổng hợp", "So sánh các xã", "Tiến độ chỉ tiêu", "Gộp toàn thành phố", *OF_A_COMMUNE[2:]]
TABLES = [title for title in OF_THE_CITY if title not in ("Tổng hợp", "So sánh các xã", "Phương pháp")]
EVERY_SCOPE = ["city", VINH_LAI, DAI_SON, CAM_GIANG, LE_CHAN, "11791"]


@pytest.fixture(scope="module")
def book_of(demo_home):
    books = {scope: openpyxl.load_workbook(workbook_of(bundle_of(demo_home, scope))) for scope in EVERY_SCOPE}
    return books.__getitem__


def texts(sheet):
    return [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]


def table(book, title):
    """The lines of a sheet as dicts."""
    titles, *lines = list(book[title].iter_rows(values_only=True))[header_row(book[title]) - 1 :]
    return [dict(zip(titles, line, strict=True)) for line in lines]


def header_row(sheet):
    return int(re.fullmatch(r"\$(\d+):\$\1", sheet.print_title_rows).group(1))


def as_cell(value):
    """A value of the warehouse as Excel keeps it."""
    if isinstance(value, Decimal):
        return float(value)
    return datetime.combine(value, time()) if type(value) is date else value


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_the_page_for_leaders_comes_first_then_the_tables_then_the_method(book_of, scope):
    assert book_of(scope).sheetnames == (OF_THE_CITY if scope == "city" else OF_A_COMMUNE)


# ---------------------------------------------------------------- indicators against every milestone


def result(line, kind):
    if kind == "yes_no":
        return {1: "Đạt", 0: "Chưa đạt"}.get(line["value"])
    return line["value_text"] if line["value"] is None else line["value"]


@pytest.mark.parametrize("scope", ["city", VINH_LAI, DAI_SON])
def test_every_figure_is_that_of_the_mart(demo, book_of, scope):
    labels = dict(demo("SELECT period_code, label FROM core.dim_period"))
    kinds = dict(demo("SELECT indicator_code, kind FROM core.dim_indicator"))
    shown = [line for line in table(book_of(scope), "Tiến độ chỉ tiêu") if line["Kỳ số liệu"] != "Chưa đến kỳ báo cáo"]
    said = newest_progress(demo, communes_of(demo, scope))
    assert said
    for line, mart in zip(shown, said, strict=True):
        kind = kinds[mart["indicator_code"]]
        expected = {
            "Mã chỉ tiêu": mart["indicator_code"],
            "Kỳ số liệu": labels[mart["period_code"]] if mart["actual_id"] else "Chưa có số liệu",
            "Tử số": mart["numerator"],
            "Mẫu số": mart["denominator"],
            "Kết quả": result(mart, kind),
            "Đánh giá theo mốc đã đến hạn": mart["level_label"],
            "Cần đạt đến kỳ này": None if kind == "yes_no" else mart["expected_value"],
            "So với mức cần tăng": None if kind == "yes_no" else mart["pace"],
            "Tiến độ đến mốc tiếp theo": mart["pace_label"],
        } | ({"Xã, phường": mart["commune_name"]} if scope == "city" else {})
        assert {title: line[title] for title in expected} == {title: as_cell(v) for title, v in expected.items()}


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_every_target_stands_in_the_column_of_its_year_as_it_is_written(demo, book_of, scope):
    """The day is named where it is not the last of the year; a target without a line of its own gets one, one without
    a day or a code says so."""
    lines = table(book_of(scope), "Tiến độ chỉ tiêu")
    names = dict(demo("SELECT commune_code, commune_name FROM core.dim_commune"))
    targets = rows(demo, "SELECT * FROM core.fct_target WHERE list_contains(?, commune_code)", communes_of(demo, scope))
    for target in targets:
        written, on = target["as_written"], target["milestone_on"]
        if on and (on.month, on.day) != (12, 31):
            written += f" ({on:%d/%m/%Y})"
        cells = [line[f"Mốc {on.year}" if on else "Không ghi mốc"] for line in lines
                 if line["Mã chỉ tiêu"] == (target["indicator_code"] or "chưa có mã")
                 and line["Chỉ tiêu"].endswith(f"({target['scope']})" if target["scope"] else "")
                 and line.get("Xã, phường") in (None, names[target["commune_code"]])]  # fmt: skip
        assert [cell for cell in cells if cell and written in cell.split("\n")], target["target_id"]
    assert len(targets) > 0 or scope == LE_CHAN


@pytest.mark.parametrize("scope", ["city", VINH_LAI, CAM_GIANG])
def test_the_milestone_in_force_says_its_level_and_the_next_one_its_pace(demo, book_of, scope):
    shown = [line for line in table(book_of(scope), "Tiến độ chỉ tiêu") if line["Kỳ số liệu"] != "Chưa đến kỳ báo cáo"]
    for line, mart in zip(shown, newest_progress(demo, communes_of(demo, scope)), strict=True):
        said = {f"Mốc {mart['next_on'].year}": mart["pace_label"]} if mart["next_on"] else {}
        said |= {f"Mốc {mart['in_force_on'].year}": mart["level_label"]} if mart["in_force_on"] else {}
        later = [title for title in line if title.startswith("Mốc ") and line[title] and title not in said]
        assert {title: line[title].split("\n")[-1] for title in said} == said
        assert [
            title for title in later if len(line[title].split("\n")) > 1 and mart["level_label"] in line[title]
        ] == []


def test_a_status_is_coloured_as_grave_as_it_is(demo, book_of):
    fills = {0: "00D9EAD3", 1: "00EDEDED", 2: "00FFF2CC", 3: "00F9CB9C", 4: "00F4B6B6"}
    severities = dict(demo("SELECT label, severity FROM core.dim_status"))
    seen = Counter()
    for title, columns in (("Tiến độ chỉ tiêu", ("Đánh giá theo mốc đã đến hạn", "Tiến độ đến mốc tiếp theo")),
                           ("Nhiệm vụ", ("Tình trạng",)), ("Tình hình báo cáo", ("Tình trạng",))):  # fmt: skip
        sheet = book_of("city")[title]
        for cell in sheet[header_row(sheet)]:
            for (below,) in sheet.iter_rows(header_row(sheet) + 1, min_col=cell.column, max_col=cell.column):
                if cell.value in columns and below.value:
                    assert below.fill.fgColor.rgb == fills[severities[below.value]], below.value
                    seen[severities[below.value]] += 1
    assert set(seen) == set(fills)


# ---------------------------------------------------------------- the other tables

SHOWN = {
    "tasks": ("Nhiệm vụ", {"Nhiệm vụ": "title", "Cơ quan chủ trì": "lead_as_written", "Ngày đến hạn": "due_on",
                           "Tình trạng": "task_label", "Số ngày quá hạn": "days_overdue",
                           "Hoàn thành (%)": "percent_done", "Khó khăn, vướng mắc": "difficulty",
                           "Kết quả thực hiện": "result", "Kiến nghị, đề xuất": "proposal"}),
    "reporting": ("Tình hình báo cáo", {"Kỳ báo cáo": "period_label", "Xã, phường": "commune_name",
                                        "Cơ quan": "agency_name", "Hạn gửi": "due_on", "Tình trạng": "reporting_label",
                                        "Nhận lần đầu": "first_received_at", "Dòng bị từ chối": "lines_rejected"}),
    "rejections": ("Lỗi và lưu ý", {"Xã, phường": "commune_name", "Cơ quan": "agency_name", "Tệp": "original_name",
                                    "Nhận lúc": "received_at", "Giá trị tìm thấy": "found", "Sai ở đâu": "message",
                                    "Cách sửa": "fix", "Mã quy tắc": "rule_code"}),
    "city": ("Gộp toàn thành phố", {"Mã chỉ tiêu": "indicator_code", "Tổng tử số": "numerator", "Kết quả gộp": "value",
                                    "Tổng mẫu số": "denominator", "Số xã trong tỷ lệ gộp": "communes_in_rate",
                                    "Tổng số xã": "communes_in_city", "Trung vị": "value_median"}),
}  # fmt: skip
SAID = MARTS | {
    "rejections": "SELECT r.*, s.original_name, s.received_at, c.commune_name, a.agency_name "
                  "FROM core.fct_rejection AS r JOIN core.fct_submission AS s USING (submission_id) "
                  "JOIN core.dim_commune AS c ON c.commune_code = s.commune_code "
                  "JOIN core.dim_agency AS a ON a.agency_code = s.agency_code "
                  "WHERE list_contains(?, s.commune_code)",
    "city": "SELECT p.* FROM marts.mart_city_progress AS p JOIN core.dim_period USING (period_code) "
            "WHERE len(?) > 0 AND measured_on <= DATE '2026-10-31' "
            "QUALIFY measured_on = max(measured_on) OVER (PARTITION BY indicator_code)",
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_every_line_of_the_marts_stands_in_the_city_s_extract(demo, book_of, name):
    title, columns = SHOWN[name]
    said = rows(demo, SAID[name], communes_of(demo, "city"))
    assert said
    found = [[line[title] for title in columns] for line in table(book_of("city"), title)]
    expected = [[as_cell(row[column]) for column in columns.values()] for row in said]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_finding_says_where_in_the_file_it_is_and_how_grave(book_of):
    lines = {line["Tệp"]: line for line in table(book_of(VINH_LAI), "Lỗi và lưu ý")}
    told = {name: (lines[name]["Vị trí trong tệp"], lines[name]["Mức độ"]) for name in lines}
    assert told["vinh-lai-CA-2026-04.xlsx"] == ("Chỉ tiêu, ô B14", "Lỗi")
    assert told["vinh-lai-QS-2026-07.xlsx"] == ("Cả tệp", "Lỗi")
    assert {grave for _, grave in told.values()} == {"Lỗi", "Lưu ý"}


def test_a_conflict_shows_both_places_in_the_document(book_of):
    """Full-process online services by 2030: 90 % in Appendix I, 100 % in Appendix II."""
    [line] = [line for line in table(book_of(VINH_LAI), "Mâu thuẫn") if line["Mã chỉ tiêu"] == "DVC-02"]
    sides = [[line[f"{what} {which}"] for what in ("Chỉ tiêu giao", "Vị trí")] for which in ("thứ nhất", "thứ hai")]
    assert sides == [["90", "Phụ lục I, dòng 1.2"], ["100%", "Phụ lục II, dòng 21"]]
    assert line["Mốc"] == datetime(2030, 12, 31)
    assert line["Văn bản"] == "Kế hoạch của Ủy ban nhân dân xã Vĩnh Lại"


@pytest.mark.parametrize("scope", SCOPES)
def test_every_conflict_of_the_mart_is_shown_once(demo, book_of, scope):
    said = rows(demo, MARTS["conflicts"], communes_of(demo, scope))
    lines = table(book_of(scope), "Mâu thuẫn")
    if not said:
        assert [line["Mã chỉ tiêu"] for line in lines] == ["Không có chỉ tiêu giao mâu thuẫn."]
        return
    shown = [(line["Mã chỉ tiêu"], line["Chỉ tiêu giao thứ nhất"], line["Chỉ tiêu giao thứ hai"]) for line in lines]
    assert sorted(shown) == sorted((c["indicator_code"], c["first_as_written"], c["second_as_written"]) for c in said)


def test_the_extract_of_a_plan_without_targets_has_what_is_followed(book_of):
    """Lê Chân's plan has tasks only."""
    lines = table(book_of(LE_CHAN), "Tiến độ chỉ tiêu")
    assert {line["Mã chỉ tiêu"]: line["Đánh giá theo mốc đã đến hạn"] for line in lines} == dict.fromkeys(
        ("DVC-01", "DVC-03", "XHS-02"), "Không có chỉ tiêu giao")  # fmt: skip


# ---------------------------------------------------------------- counts and charts


def cells_of(book, reference):
    sheet, span = reference.replace("'", "").rsplit("!", 1)
    found = book[sheet][span.replace("$", "")]
    return [cell.value for row in found for cell in row] if isinstance(found, tuple) else [found.value]


def drawn(book, title):
    """Of each chart of a sheet what it draws, by name of its series (None where it has none) and by label."""
    charts = []
    for chart in book[title]._charts:
        pieces = {}
        for series in chart.series:
            [name] = cells_of(book, series.tx.strRef.f) if series.tx else [None]
            labels = cells_of(book, series.cat.strRef.f)
            pieces[name] = dict(zip(labels, cells_of(book, series.val.numRef.f), strict=True))
        charts.append(pieces)
    return charts


def counts(demo, communes):
    """How many stand at each label, asked of the marts: levels, paces, tasks, reports of October."""
    progress = newest_progress(demo, communes)
    by_label = [Counter(line[f"{answer}_label"] for line in progress) for answer in ("level", "pace")]
    for column, mart in (("task_label", "mart_task_progress"), ("reporting_label", "mart_reporting_status")):
        of_period = "AND period_code = '2026-10'" if mart == "mart_reporting_status" else ""
        sql = f"SELECT {column}, count(*) FROM marts.{mart} WHERE list_contains(?, commune_code) {of_period} GROUP BY 1"
        by_label.append(Counter(dict(demo(sql, communes))))
    return by_label


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_the_summary_counts_and_draws_what_the_marts_count(demo, book_of, scope):
    expected = counts(demo, communes_of(demo, scope))
    assert drawn(book_of(scope), "Tổng hợp") == [{None: dict(one)} for one in expected if one]
    lines = [line[:3] for line in book_of(scope)["Tổng hợp"].iter_rows(values_only=True)]
    shares = [(label, count, round(share, 12)) for label, count, share in lines if isinstance(share, int | float)]
    for one in expected:
        for label, count in one.items():
            assert (label, count, round(count / one.total(), 12)) in shares
        assert (("Tổng số", one.total(), None) if one else ("Chưa có", 0, None)) in lines


def test_the_communes_side_by_side_are_those_of_the_marts(demo, book_of):
    names = dict(demo("SELECT commune_name, commune_code FROM core.dim_commune WHERE has_plan"))
    by_commune = {name: counts(demo, [code]) for name, code in names.items()}
    charts = drawn(book_of("city"), "So sánh các xã")
    assert len(charts) == 4
    for number, chart in enumerate(charts):
        shown = {name: {label: piece[name] for label, piece in chart.items() if piece[name]} for name in names}
        assert shown == {name: dict(by_commune[name][number]) for name in names}


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_no_chart_lies_over_cells_with_something_in_them(book_of, scope):
    for sheet in book_of(scope):
        for chart in sheet._charts:
            start = chart.anchor._from
            points, row = chart.anchor.ext.height / 12700, start.row + 1
            while points > 1:
                assert [cell.value for cell in sheet[row][start.col :] if cell.value is not None] == [], (
                    sheet.title,
                    row,
                )
                points -= sheet.row_dimensions[row].height
                row += 1


def test_the_gravest_are_named(book_of):
    said = [cell.value for cell in texts(book_of(VINH_LAI)["Tổng hợp"])]
    worries = next(text for text in said if text.startswith("Cần chú ý"))
    assert "2 cặp chỉ tiêu giao mâu thuẫn" in worries
    assert "6 lỗi trong các tệp đã gửi" in worries
    named = [text for text in said if text.startswith("–")]
    assert "Mốc 31/12/2025 (≥ 70%): chưa đạt mốc. Mốc 31/12/2030 (100%): kém hơn số gốc." in "".join(named)
    assert any("quá hạn 320 ngày" in text for text in named)


def test_the_first_page_says_what_lies_ahead(book_of, demo):
    [(waiting,)] = demo("SELECT waiting_names FROM marts.mart_commune_report WHERE commune_code = '11164' AND "
                        "period_code = '2026'")  # fmt: skip
    due = "SELECT count(*) FROM marts.mart_task_deadline WHERE days_left >= 0 AND due_on <= DATE '2026-12-31'"
    for scope, report, of in (
        (VINH_LAI, f"Báo cáo năm 2026: hạn gửi 30/11/2026, còn 14 ngày; đã nhận của 0/7 cơ quan; cơ quan chưa gửi: "
                   f"{'; '.join(waiting)}.", " AND commune_code = '11164'"),
        ("city", "Báo cáo năm 2026: đã nhận 0/17 báo cáo của các cơ quan; 0/3 xã, phường, đặc khu đã bàn giao.", ""),
    ):  # fmt: skip
        [said] = [
            cell.value for cell in texts(book_of(scope)["Tổng hợp"]) if cell.value.startswith("Báo cáo năm 2026:")
        ]
        assert said.startswith(f"{report} Từ nay đến 31/12/2026 có {demo.one(due + of)} nhiệm vụ đến hạn; ")


def test_every_status_has_a_meaning_among_the_notes(demo, book_of):
    said = demo("SELECT label, meaning FROM core.dim_status WHERE answer <> 'submission'")
    shown = [line[:3] for line in book_of("city")["Phương pháp"].iter_rows(values_only=True)]
    assert len(said) > 30
    assert Counter(said) <= Counter((label, meaning) for _, label, meaning in shown)


# ---------------------------------------------------------------- on paper and on a screen


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_every_sheet_prints_on_a4_one_page_wide_with_its_heading_on_every_page(book_of, scope):
    for sheet in book_of(scope):
        assert sheet.page_setup.paperSize == 9
        assert sheet.page_setup.orientation == (
            "portrait" if sheet.title in ("Tổng hợp", "Phương pháp") else "landscape"
        )
        assert sheet.print_title_rows and sheet.freeze_panes, sheet.title
        assert sheet.oddFooter.right.text == "Trang &P/&N"
        assert sheet["A1"].value == sheet.oddHeader.center.text == ILLUSTRATIVE
        # by the program that prints, not by a scale: how wide a character is differs between programs
        assert sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.page_setup.scale is None, sheet.title
        assert sheet.page_setup.fitToWidth == 1, sheet.title
    assert book_of(scope)["Tổng hợp"].page_setup.fitToHeight == 1


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_every_table_with_lines_has_filters_below_its_frozen_heading(book_of, scope):
    for title in set(TABLES) & set(book_of(scope).sheetnames):
        sheet = book_of(scope)[title]
        top = header_row(sheet)
        assert sheet.freeze_panes.endswith(str(top + 1))
        last = get_column_letter(sheet.max_column)
        if sheet.max_row > top + 1 or sheet.cell(top + 1, 2).value:
            assert sheet.auto_filter.ref == f"A{top}:{last}{sheet.max_row}"


def shown_text(cell):
    """A number or a day as Excel prints it with its format."""
    value, form = cell.value, cell.number_format
    if isinstance(value, datetime):
        return value.strftime("%d/%m/%Y %H:%M" if "hh" in form else "%d/%m/%Y")
    if form.endswith("%"):
        return f"{value:.0%}"
    return f"{value:,.{len(form.partition('.')[2])}f}" if form != "#,##0;-#,##0;" else f"{value:,}"


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_no_cell_is_narrower_than_its_number(book_of, scope):
    """Else Excel shows ####. A digit of Times 11 is 7.34 pixels wide, what stands between digits at most 5."""
    for sheet in book_of(scope):
        for cell in (
            cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, int | float | datetime)
        ):
            text = shown_text(cell)
            assert cell.number_format != "General", cell.coordinate
            needed = sum(7.34 if letter.isdigit() or letter == "%" else 4.5 for letter in text)
            assert needed <= 7 * sheet.column_dimensions[cell.column_letter].width + 1, (sheet.title, cell.coordinate)


SYLLABLE = re.compile(r"(ngh?|nh|gh?|gi|kh|ph|qu|th|tr|ch|[bcdhklmnprstvx])?[aeiouy]{1,3}(ng|nh|ch|[cmnpt])?")
NAMES = {"Excel", "Open", "xlsx"}


def words(text):
    return re.findall(r"[^\W\d_]+", text)


def test_no_english_is_left_over(demo, book_of):
    """A word without accents has the shape of a Vietnamese syllable, or stands in the plans, or is a name."""
    printed = " ".join(str(text) for row in demo(
        "SELECT concat_ws(' ', title, deliverable, lead_as_written, deadline_as_written) FROM core.dim_task UNION ALL "
        "SELECT concat_ws(' ', target_name, as_written, scope) FROM core.fct_target UNION ALL "
        "SELECT indicator_name FROM core.dim_indicator") for text in row)  # fmt: skip
    known = NAMES | set(words(printed))
    said = {cell.value for scope in EVERY_SCOPE for sheet in book_of(scope) for cell in texts(sheet)}
    said |= {sheet.title for sheet in book_of("city")} | {sheet.oddFooter.left.text for sheet in book_of("city")}
    plain = {word for text in said for word in words(text) if word.isascii() and len(word) > 1 and not word.isupper()}
    odd = {word for word in plain if not SYLLABLE.fullmatch(word.lower())}
    assert len(said) > 1000
    assert odd - known == set()


def test_the_same_extract_gives_the_same_bytes(demo_home, tmp_path):
    """Charts included: drawn twice, and once more from a second reading of the warehouse."""
    made = []
    for name in ("first.xlsx", "second.xlsx"):
        with duckdb.connect(demo_home.published, read_only=True) as con:
            extract = read_extract(con, "2026-10", VINH_LAI)
        save(workbook(extract), tmp_path / name, datetime.combine(extract.as_of_on, time()))
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1] == workbook_of(bundle_of(demo_home, VINH_LAI)).read_bytes()
    assert len(openpyxl.load_workbook(io.BytesIO(made[0]))["Tổng hợp"]._charts) == 4
