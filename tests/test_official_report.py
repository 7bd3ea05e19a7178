"""The report to sign: given the warehouse of the illustrative figures, a document as Nghị định 30/2020/NĐ-CP asks."""

import io
import random
import re
import subprocess
import sys
import unicodedata
import zipfile
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise

import docx
import duckdb
import openpyxl
import pytest
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_COLOR_INDEX
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph

from pipelines.bundles.extract import CITY, Table, read_extract
from pipelines.bundles.report import results
from pipelines.bundles.report.report import official_report
from pipelines.bundles.report.wording import open_rejections
from pipelines.home import PROJECT
from pipelines.office import administrative_document as word
from pipelines.office.administrative_document import BLANK
from pipelines.office.workbook import ILLUSTRATIVE, save_office

VINH_LAI, CAM_GIANG, LE_CHAN, TIEN_MINH, DAI_SON = "11164", "10903", "11383", "11791", "11086"
SCOPES = [VINH_LAI, CAM_GIANG, LE_CHAN, TIEN_MINH, DAI_SON, CITY]


@pytest.fixture(scope="module")
def extracts(demo_home):
    with duckdb.connect(demo_home.published, read_only=True) as con:
        return {scope: read_extract(con, "2026-10", scope) for scope in SCOPES}


@pytest.fixture(scope="module")
def reports(extracts):
    return {scope: docx.Document(official_report(extract)) for scope, extract in extracts.items()}


def blocks(report):
    """Paragraphs and tables of the body, in their order."""
    return list(report.iter_inner_content())


def lines(report):
    return [block.text for block in blocks(report) if isinstance(block, Paragraph)]


def rows(report, title):
    """The rows of the first table that has a column of this title, as dicts."""
    for table in report.tables:
        titles, *values = [[cell.text for cell in row.cells] for row in table.rows]
        if title in titles:
            return [dict(zip(titles, row, strict=True)) for row in values]
    raise LookupError(title)


def everything(report):
    cells = [cell.text for table in report.tables for row in table.rows for cell in row.cells]
    return "\n".join([*lines(report), *cells])


def as_written(value):
    """86.3562 as an office writes it: 86,36."""
    whole, _, decimals = f"{float(value):.2f}".partition(".")
    grouped = re.sub(r"(?<=\d)(?=(\d{3})+$)", ".", whole)
    return f"{grouped},{decimals}".rstrip("0").rstrip(",")


def with_rows(extract, name, change):
    """The extract with each row of a table changed."""
    table = extract.tables[name]
    changed = [tuple(change(row)[column] for column in table.columns) for row in table.dicts()]
    return replace(extract, tables={**extract.tables, name: Table(table.columns, changed)})


# ---------------------------------------------------------------- the form


@pytest.mark.parametrize("scope", SCOPES)
def test_the_page_is_as_the_decree_asks(reports, scope):
    for section in reports[scope].sections:
        assert {round(side.mm) for side in (section.page_height, section.page_width)} == {297, 210}
        assert 20 <= round(section.top_margin.mm, 1) <= 25
        assert 20 <= round(section.bottom_margin.mm, 1) <= 25
        assert 30 <= round(section.left_margin.mm, 1) <= 35
        assert 15 <= round(section.right_margin.mm, 1) <= 20
    styles = {paragraph.style.name for paragraph in reports[scope].paragraphs}
    for name in styles:
        fonts = reports[scope].styles[name].element.rPr.find(qn("w:rFonts"))
        assert set(fonts.attrib.values()) == {"Times New Roman"}
    assert reports[scope].styles["Body Text"].font.size.pt in (13, 14)


def test_the_head_names_who_reports_and_leaves_number_and_day_to_be_filled(reports):
    left, right = (cell.text.split("\n") for cell in reports[VINH_LAI].tables[0].rows[0].cells)
    assert [text for text in left if text] == ["ỦY BAN NHÂN DÂN", "XÃ VĨNH LẠI", "Số: ......./BC-UBND"]
    assert [text for text in right if text] == [
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc",
        "Vĩnh Lại, ngày ....... tháng ....... năm 2026"]  # fmt: skip
    title = lines(reports[VINH_LAI]).index("BÁO CÁO")
    about, period = lines(reports[VINH_LAI])[title + 1 : title + 3]
    assert about.startswith("Kết quả thực hiện Kế hoạch thực hiện Nghị quyết 57-NQ/TW ngày 22/12/2024")
    assert period == "(Kỳ báo cáo: tháng 10/2026)"


def test_the_foot_names_recipients_and_leaves_the_signature_open(reports):
    [sign] = [table for table in reports[LE_CHAN].tables if "Nơi nhận:" in table.rows[0].cells[0].text]
    left, right = (cell.text for cell in sign.rows[0].cells)
    assert "- Ủy ban nhân dân thành phố Hải Phòng (để báo cáo);" in left
    assert left.endswith(f"- Lưu: VT, {BLANK}.")
    assert right.split() == ["TM.", "ỦY", "BAN", "NHÂN", "DÂN", "CHỦ", "TỊCH", BLANK]
    assert any(text.endswith("của Ủy ban nhân dân phường Lê Chân./.") for text in lines(reports[LE_CHAN]))


@pytest.mark.parametrize("scope", SCOPES)
def test_pages_are_numbered_in_the_middle_of_the_head_from_the_second_on(reports, scope):
    first, *annexes = reports[scope].sections
    assert first.different_first_page_header_footer
    number = first.header.paragraphs[0]
    assert number._p.find(qn("w:fldSimple")).get(qn("w:instr")) == "PAGE"
    assert number.alignment == 1
    assert first.first_page_header._element.findall(f".//{qn('w:fldSimple')}") == []
    assert [section._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) for section in annexes] == ["1"] * len(annexes)


@pytest.mark.parametrize("scope", SCOPES)
def test_its_parts_stand_in_order(reports, scope):
    parts = [p.text for p in reports[scope].paragraphs if p.style.name == "Heading 1"]
    assert [part.partition(".")[0] for part in parts] == ["I", "II", "III", "IV", "V", "VI"]
    assert [part for part in parts if part != part.upper()] == []


@pytest.mark.parametrize("scope", SCOPES)
def test_no_table_is_wider_than_its_page_and_its_head_is_repeated(reports, scope):
    for section in reports[scope].sections:
        room = section.page_width - section.left_margin - section.right_margin
        for table in section.iter_inner_content():
            if isinstance(table, WordTable):
                assert sum(column.width for column in table.columns) <= room + Mm(0.5)
                rules = [row._tr.trPr for row in table.rows]
                assert all(rule.find(qn("w:cantSplit")) is not None for rule in rules)
                assert len(rules) == 1 or rules[0].find(qn("w:tblHeader")) is not None
                if len(rules) > 2:  # the last row is not alone on a page
                    assert {p.paragraph_format.keep_with_next for c in table.rows[-2].cells for p in c.paragraphs} == {
                        True
                    }


@pytest.mark.parametrize("scope", SCOPES)
def test_the_signature_has_the_last_part_on_its_page(reports, scope):
    found = reports[scope].paragraphs
    [last] = [n for n, one in enumerate(found) if one.text.endswith("Phương hướng kỳ tới và kiến nghị khác")]
    assert [one.text[:8] for one in found[last + 1 : last + 3]] == [BLANK, "Trên đây"]
    assert [one.paragraph_format.keep_with_next for one in found[last + 1 : last + 3]] == [True, True]


@pytest.mark.parametrize("scope", SCOPES)
def test_every_blank_is_marked_for_the_officer(reports, scope):
    runs = list(reports[scope].element.body.iter(qn("w:r")))
    blanks = [run for run in runs if BLANK in "".join(t.text or "" for t in run.iter(qn("w:t")))]
    assert len(blanks) >= 4  # a recipient, the file, the proposals, the name
    marks = [run.rPr.find(qn("w:highlight")).get(qn("w:val")) for run in blanks]
    assert set(marks) == {WD_COLOR_INDEX.to_xml(WD_COLOR_INDEX.YELLOW)}


# ---------------------------------------------------------------- the words


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_announced_follows_and_nothing_is_counted_that_is_not_there(reports, scope):
    made = blocks(reports[scope])
    for block, after in pairwise(made):
        if isinstance(block, Paragraph) and block.text.endswith(":"):
            assert isinstance(after, WordTable) or after.text.startswith("- "), block.text
    texts = "\n".join(lines(reports[scope]))
    assert re.findall(r"(?<![\d.,])0 (?:chỉ tiêu|nhiệm vụ|cơ quan|báo cáo|chỗ|tệp|dòng)", texts) == []


@pytest.mark.parametrize("scope", SCOPES)
def test_it_is_vietnamese_as_offices_write_it(reports, scope):
    text = everything(reports[scope])
    assert unicodedata.is_normalized("NFC", text)
    assert re.findall(r"\b(?:None|nan|True|False|not_met|met|on_track|behind|missing|late)\b", text) == []
    assert re.findall(r"\d{4}-\d\d-\d\d", text) == []
    assert re.findall(r"\d+\.\d+%|\d,\d{3,}", text.replace("“1,234”", "").replace("1,234 hoặc", "")) == []


def test_a_commune_without_measured_targets_says_so_once_and_has_no_annex_of_them(reports):
    text = everything(reports[LE_CHAN])
    assert text.count("Kế hoạch không giao chỉ tiêu đo được.") == 1
    assert "Báo cáo theo dõi 3 chỉ tiêu không giao con số và 8 nhiệm vụ." in text
    followed = rows(reports[LE_CHAN], "So với mốc đã đến hạn")
    assert [line["So với mốc đã đến hạn"] for line in followed] == ["Không có chỉ tiêu giao"] * 3
    assert "TIẾN ĐỘ THỰC HIỆN TỪNG CHỈ TIÊU" not in text
    assert "Phụ lục" in lines(reports[LE_CHAN])  # of tasks, and the only one: without a number


def test_a_commune_with_few_indicators_has_them_in_the_report_itself(reports, demo):
    line, *followed = rows(reports[CAM_GIANG], "So với mốc đã đến hạn")
    assert len(followed) == 3
    value, target = demo(
        "SELECT value, in_force_value FROM marts.mart_kpi_progress WHERE commune_code = ? AND is_latest "
        "AND in_force_on IS NOT NULL",
        CAM_GIANG,
    )[0]
    assert line["Kết quả (kỳ số liệu)"].startswith(f"{as_written(value)}%")
    short = f"Còn thiếu {as_written(target - value)} điểm %"
    assert short in line["So với mốc đã đến hạn"].replace("\u00a0", " ")
    assert "Tất cả các chỉ tiêu đã có số liệu." in everything(reports[CAM_GIANG])


# ---------------------------------------------------------------- the figures


def test_figures_picked_at_random_are_those_of_the_mart(reports, demo):
    annex = {row["Mã"]: row for row in rows(reports[VINH_LAI], "Mã")}
    asked = demo(
        "SELECT indicator_code, value, level_label, pace_label, p.label, is_estimate FROM marts.mart_kpi_progress "
        "JOIN core.dim_period AS p USING (period_code) "
        "WHERE commune_code = ? AND is_latest AND value IS NOT NULL AND unit_of_measure = '%'", VINH_LAI
    )  # fmt: skip
    for code, value, level, pace, period, is_estimate in random.Random(57).sample(asked, 12):
        assert annex[code]["Kết quả"] == f"{as_written(value)}%" + (" (ước cả năm)" if is_estimate else "")
        assert (annex[code]["Đánh giá theo mốc"], annex[code]["Đánh giá tiến độ"]) == (level, pace)
        assert annex[code]["Kỳ số liệu"] == period
    assert len(annex) == len(demo("FROM marts.mart_kpi_progress WHERE commune_code = ? AND is_latest", VINH_LAI))


def test_counts_are_those_of_the_marts(reports, demo):
    said = lines(reports[VINH_LAI])
    for answer, noun, sql in (
        ("task_label", "nhiệm vụ", "marts.mart_task_progress WHERE commune_code = ?"),
        ("level_label", "chỉ tiêu",
         "marts.mart_kpi_progress WHERE commune_code = ? AND is_latest AND in_force_on IS NOT NULL"),
        ("pace_label", "chỉ tiêu",
         "marts.mart_kpi_progress WHERE commune_code = ? AND is_latest AND next_on IS NOT NULL"),
    ):  # fmt: skip
        counted = demo(f"SELECT {answer}, count(*) FROM {sql} GROUP BY ALL", VINH_LAI)
        assert counted
        for label, count in counted:
            assert any(text.startswith(f"- {label}: {count} {noun}") for text in said), label


def test_overdue_tasks_stand_with_who_leads_them_and_by_how_many_days(reports, demo):
    listed = [(row["Cơ quan chủ trì"], row["Số ngày quá hạn"]) for row in rows(reports[VINH_LAI], "Số ngày quá hạn")]
    asked = demo(
        "SELECT lead_as_written, days_overdue::VARCHAR FROM marts.mart_task_progress "
        "WHERE commune_code = ? AND task_status = 'overdue' ORDER BY days_overdue DESC", VINH_LAI
    )  # fmt: skip
    assert sorted(listed) == sorted(asked)
    assert len(asked) == 3


def test_the_grounds_are_cited_by_kind_number_day_and_issuer(reports):
    said = " ".join(lines(reports[VINH_LAI]))
    assert "Nghị quyết số 57-NQ/TW ngày 22/12/2024 của Bộ Chính trị" in said
    assert "Nghị quyết số 193/2025/QH15 của Quốc hội" in said
    assert "Kế hoạch số 12-KH/TU ngày 26/08/2025 của Ban Thường vụ Thành ủy" in said


def test_who_has_not_reported_is_named(reports, demo):
    said = [text.rstrip(";.") for text in lines(reports[VINH_LAI])]
    asked = demo(
        "SELECT replace(agency_name, 'xã, phường', 'xã'), "
        "list(concat('tháng ', substr(period_code, 6), '/', substr(period_code, 1, 4)) ORDER BY period_code) "
        "FROM marts.mart_reporting_status "
        "WHERE commune_code = ? AND is_outstanding GROUP BY ALL", VINH_LAI
    )  # fmt: skip
    assert len(asked) == 4
    for name, periods in asked:
        assert f"- {name}: {', '.join(periods)}" in said


def test_a_missing_figure_is_named_with_the_agency_that_owes_it(extracts):
    extract = with_rows(
        extracts[VINH_LAI], "progress",
        lambda row: {**row, "actual_id": None, "value": None, "level_status": "no_figure", "pace_status": "no_figure",
                     "level_label": "Chưa có số liệu", "pace_label": "Chưa có số liệu"}
        if row["indicator_code"] == "XHS-01" else row,
    )  # fmt: skip
    said = lines(docx.Document(official_report(extract)))
    name = "Tỷ lệ người dân trưởng thành có chữ ký số hoặc chữ ký điện tử cá nhân"
    assert any(text.startswith(f"- Chưa có số liệu: {name}; cơ quan phải báo cáo: Công an xã") for text in said)
    assert any("Công an xã:" in text and "bổ sung số liệu của 1 chỉ tiêu" in text for text in said)
    assert any("43 chỉ tiêu đã có số liệu, 1 chỉ tiêu đến kỳ nhưng chưa có số liệu" in text for text in said)


def test_before_the_first_report_it_says_that_there_is_nothing_yet(extracts):
    extract = extracts[TIEN_MINH]
    empty = {name: Table(table.columns, []) for name, table in extract.tables.items() if name != "plans"}
    report = docx.Document(official_report(replace(extract, tables={**extract.tables, **empty})))
    said = lines(report)
    assert "Kế hoạch giao 7 chỉ tiêu đo được nhưng chưa chỉ tiêu nào đến kỳ báo cáo." in said
    assert "Kế hoạch không giao nhiệm vụ nào." in said
    assert "Chưa có kỳ báo cáo nào đến hạn." in said
    assert len(report.inline_shapes) == 0
    assert len(report.tables) == 2  # the two heads, and the signature
    assert re.findall(r"(?<![\d.,])0 (?:chỉ tiêu|nhiệm vụ|cơ quan|tệp)", "\n".join(said)) == []


@pytest.mark.parametrize(
    ("status", "title"),
    [
        ("done_without_proof", "2. Nhiệm vụ báo hoàn thành nhưng chưa có văn bản sản phẩm"),
        ("never_reported", "2. Nhiệm vụ chưa có báo cáo lần nào"),
        ("report_owed", "2. Nhiệm vụ chưa có báo cáo trong 12 tháng qua"),
    ],
)
def test_a_single_task_that_stands_out_is_listed_under_its_own_heading(extracts, status, title):
    only = extracts[LE_CHAN].tables["tasks"].dicts()[3]["task_id"]
    extract = with_rows(
        extracts[LE_CHAN], "tasks", lambda row: {**row, "task_status": status} if row["task_id"] == only else row
    )
    report = docx.Document(official_report(extract))
    assert title in lines(report)
    [listed] = rows(report, "Thời hạn")
    assert listed["Nhiệm vụ"].endswith("(Dòng 4, trang 10)")
    asked = any("bổ sung văn bản sản phẩm của 1 nhiệm vụ" in text for text in lines(report))
    assert asked == (status == "done_without_proof")


def test_a_number_the_plan_does_not_print_is_a_blank(reports, demo):
    [[issuer]] = demo("SELECT issuer FROM core.dim_plan WHERE commune_code = ?", VINH_LAI)
    assert f"- Kế hoạch số {BLANK}/KH-UBND ngày {BLANK} của {issuer};" in lines(reports[VINH_LAI])
    assert "- Kế hoạch số 110/KH-UBND ngày 25/03/2026 của Ủy ban nhân dân phường Lê Chân;" in lines(reports[LE_CHAN])


def test_the_city_has_a_line_a_commune_and_its_sum(reports, demo):
    counted = rows(reports[CITY], "Báo cáo còn phải gửi")
    *communes, total = counted
    asked = demo(
        "SELECT commune_name, count(*), count(*) FILTER (task_status = 'overdue') FROM marts.mart_task_progress "
        "GROUP BY commune_name"
    )
    assert {(row["Xã, phường"], row["Nhiệm vụ"], row["Quá hạn"]) for row in communes} == {
        (name, str(tasks), str(overdue)) for name, tasks, overdue in asked
    }
    assert (total["Xã, phường"], total["Nhiệm vụ"]) == ("Cộng", str(sum(tasks for _, tasks, _ in asked)))


def test_the_citys_rates_are_pooled_and_say_how_many_communes_they_cover(reports, demo):
    [line] = [row for row in rows(reports[CITY], "Kết quả gộp") if row["Mã"] == "DVC-01"]
    value, numerator, covered, communes = demo(
        "SELECT value, numerator, communes_in_rate, communes_in_city FROM marts.mart_city_progress "
        "WHERE indicator_code = 'DVC-01' AND period_code = '2026-10'"
    )[0]
    assert (line["Kết quả gộp"], line["Tử số"]) == (f"{as_written(value)}%", as_written(numerator))
    assert line["Số xã, phường có số liệu"] == f"{covered}/{communes}"


def test_conflicts_are_shown_with_both_places_and_a_decision_is_asked_for(reports, demo):
    shown = rows(reports[VINH_LAI], "Mức giao thứ hai")
    assert len(shown) == demo.one("SELECT count(*) FROM marts.mart_plan_conflict WHERE kind = 'conflict'")
    [services] = [row for row in shown if "toàn trình" in row["Chỉ tiêu"]]
    assert (services["Mức giao thứ nhất"], services["Mức giao thứ hai"]) == (
        "90\n(Phụ lục I, dòng 1.2)", "100%\n(Phụ lục II, dòng 21)")  # fmt: skip
    assert any(f"cho {len(shown)} chỗ mâu thuẫn" in text and BLANK in text for text in lines(reports[VINH_LAI]))


def test_a_line_that_was_corrected_since_is_not_held_against_the_agency(extracts):
    extract = extracts[VINH_LAI]
    standing = open_rejections(extract)
    assert {row["rule_code"] for row in standing} >= {"C08", "T01"}
    wrong = next(row for row in standing if row["rule_code"] == "C08")
    table = extract.tables["submissions"]
    first = next(row for row in table.dicts() if row["submission_id"] == wrong["submission_id"])
    later = {**first, "submission_id": "later", "status": "accepted",
             "received_at": first["received_at"] + timedelta(days=1)}  # fmt: skip
    corrected = Table(table.columns, [*table.rows, tuple(later[column] for column in table.columns)])
    left = open_rejections(replace(extract, tables={**extract.tables, "submissions": corrected}))
    assert left == [row for row in standing if row["submission_id"] != wrong["submission_id"]]


# ---------------------------------------------------------------- the file


def test_it_is_in_the_bundle_and_the_same_bytes_when_made_again(demo_home, extracts, tmp_path):
    for scope in (LE_CHAN, CITY):
        extract = extracts[scope]
        name = f"bao-cao-2026-10-{scope}-MINH-HOA.docx"
        [standing] = (demo_home.exports / "2026-10" / scope).glob(f"*/{name}")
        save_office(official_report(extract), tmp_path / name, datetime.combine(extract.as_of_on, time()))
        assert (tmp_path / name).read_bytes() == standing.read_bytes()
    properties = docx.Document(standing).core_properties
    assert (properties.author, properties.created, properties.modified) == (
        "kpi57", *[datetime.fromisoformat("2026-11-16T00:00:00+00:00")] * 2)  # fmt: skip


@pytest.mark.parametrize("illustrative", [True, False])
def test_illustrative_figures_are_marked_in_red_on_every_page_and_real_ones_nowhere(extracts, illustrative):
    report = docx.Document(official_report(replace(extracts[TIEN_MINH], is_illustrative=illustrative)))
    section = report.sections[0]
    for head in (section.first_page_header, section.header):
        marks = [run for p in head.paragraphs for run in p.runs if run.text == ILLUSTRATIVE]
        assert [str(run.font.color.rgb) for run in marks] == (["C00000"] if illustrative else [])
    assert all(later.header.is_linked_to_previous for later in report.sections[1:])
    assert ("số liệu minh họa, không phải kết quả" in everything(report)) == illustrative


HOSTILE = '=HYPERLINK("http://x.vn","y")\x07\x1b\ufffe <w:fldSimple w:instr="PAGE"/> {DATE} [...]'


def test_a_text_from_a_file_stays_text(extracts, tmp_path):
    """No field, no link, no mark-up; what XML cannot hold is left out."""
    extract = with_rows(
        extracts[CAM_GIANG], "tasks", lambda row: {**row, "difficulty": HOSTILE, "document_number": HOSTILE}
    )
    path = tmp_path / "report.docx"
    save_office(official_report(extract), path, datetime(2026, 11, 16))
    report = docx.Document(path)
    kept = '=HYPERLINK("http://x.vn","y") <w:fldSimple w:instr="PAGE"/> {DATE} [...]'
    assert any(f"“{kept}”" in text for text in lines(report))
    assert kept in everything(report)
    body = report.element.body
    for tag in ("w:hyperlink", "w:fldSimple", "w:instrText", "w:fldChar"):
        assert list(body.iter(qn(tag))) == []
    with zipfile.ZipFile(path) as package:
        links = [name for name in package.namelist() if name.endswith(".rels") and b"External" in package.read(name)]
    assert links == []


def test_every_chart_is_also_said_in_words(reports, demo):
    pictures = [shape._inline.docPr.get("descr") for shape in reports[VINH_LAI].inline_shapes]
    assert len(pictures) == 2
    overdue = demo.one(
        "SELECT count(*) FROM marts.mart_task_progress WHERE commune_code = ? AND task_status = 'overdue'", VINH_LAI
    )
    assert f"Quá hạn {overdue}" in pictures[1]


@pytest.mark.parametrize("scope", [VINH_LAI, CITY])
def test_a_chart_is_words_own_and_its_workbook_holds_the_figures_it_draws(reports, scope):
    """What is drawn, what is in the workbook behind it and what its words say is the same; a formula is in none."""
    report = reports[scope]
    charts = [part for part in report.part.package.iter_parts() if part.partname.startswith("/word/charts/")]
    assert len(charts) == len(report.inline_shapes)
    for number, shape in enumerate(report.inline_shapes, 1):
        [part] = [part for part in charts if part.partname == f"/word/charts/chart{number}.xml"]
        [within] = [rel.target_part.blob for rel in part.rels.values()]
        book = openpyxl.load_workbook(io.BytesIO(within))
        cells = list(book.worksheets[0].iter_rows())
        assert not any(cell.data_type == "f" for row in cells for cell in row)
        xml = parse_xml(part.blob)
        names, series = [row[0].value for row in cells[1:]], xml.findall(".//{*}ser")
        for column, drawn in enumerate(series, 1):
            at = {int(point.get("idx")): int(point[0].text) for point in drawn.findall("{*}val//{*}pt")}
            assert at == {n: row[column].value for n, row in enumerate(cells[1:]) if row[column].value is not None}
            said = [point[0].text for point in drawn.findall("{*}cat//{*}pt")]
            assert [text or None for text in said] == names
        told = sum(int(n) for n in re.findall(r" (\d+)(?=[,;]|$)", shape._inline.docPr.get("descr")))
        assert told == sum(cell.value for row in cells[1:] for cell in row[1:] if cell.value)
        assert xml.find(".//{*}autoTitleDeleted").get("val") == "1"


def test_word_is_loaded_only_when_a_report_is_made():
    asked = "import sys, pipelines.bundles.bundle; print({'docx'} & sys.modules.keys() or 'none')"
    started = subprocess.run([sys.executable, "-c", asked], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert started.stdout == "none\n"


def test_what_is_more_than_paper_holds_stands_in_the_workbook(extracts, monkeypatch):
    """Given more lines than a table takes and more communes than a chart, expect the gravest, and where the rest is."""
    monkeypatch.setattr(results, "MOST", 5)
    monkeypatch.setattr(results, "A_CHART", 2)
    extract = extracts[CITY]
    report = docx.Document(official_report(extract))
    behind = rows(report, "So với mức cần đạt đến kỳ số liệu")
    assert [row["TT"] for row in behind] == ["1", "2", "3", "4", "5"]
    text = "\n".join(lines(report))
    place = f"ở trang tính “Tiến độ chỉ tiêu” của tệp {extract.stem}.xlsx kèm theo."
    assert re.search(rf"Trên đây nêu 5 trong \d+ dòng; danh sách đầy đủ {re.escape(place)}", text)
    assert f"Kết quả từng chỉ tiêu {place}" in text
    assert "TIẾN ĐỘ THỰC HIỆN TỪNG CHỈ TIÊU" not in text
    assert "Chỉ tiêu của từng xã, phường so với mốc đã đến hạn (2/2)" in text
    with pytest.raises(LookupError):
        rows(report, "Đánh giá theo mốc")


def cell_by_cell(document, titles, widths, rows, centered, size):
    """The table as python-docx makes it."""
    lines = [titles, *rows]
    made = document.add_table(len(lines), len(titles), style="Table Grid")
    made.alignment, made.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(made.columns, widths, strict=True):
        column.width = Mm(width)
    for number, (row, values) in enumerate(zip(made.rows, lines, strict=True)):
        rules = row._tr.get_or_add_trPr()
        for rule in ["w:cantSplit", "w:tblHeader"][: 2 if number == 0 else 1]:
            rules.append(OxmlElement(rule))
        for column, (cell, value) in enumerate(zip(row.cells, values, strict=True)):
            paragraph = cell.paragraphs[0]
            cell.width = Mm(widths[column])
            paragraph.style = "Table Text"
            if number == 0 or column in centered:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            paragraph.paragraph_format.keep_with_next = number == 0 or (number == len(lines) - 2 > 0) or None
            word.write(paragraph, value, size=size, bold=number == 0 or None)
    document.add_paragraph().paragraph_format.line_spacing = Pt(6)


TEXTS = ["Chỉ tiêu", "", "  hai dấu cách  ", "dòng một\ndòng hai\r\nba\tsau tab\t", "\n", "a < b & c > \"d\" 'e'",
         BLANK, f"từ {BLANK} đến {BLANK}.", "<w:t>&amp;</w:t>", "\x00\x0bẩn\x1f", "a\u00a0\u2028\x85b", "]]>",
         "😀 ỹ"]  # fmt: skip


@pytest.mark.parametrize("size", [11, 10.5])
@pytest.mark.parametrize("rows", [[], [[text, other, "x"] for text, other in pairwise(TEXTS)]])
def test_a_table_is_to_the_byte_what_python_docx_makes_cell_by_cell(rows, size):
    documents = [word.new_document("Báo cáo", "", None) for _ in range(2)]
    titles, widths = ["TT & tên", f"Nội dung {BLANK}", "Hạn\n(ngày)"], [12, 100.5, 47.5]
    word.table(documents[0], "", titles, widths, rows, centered=(0, 2), size=size)
    cell_by_cell(documents[1], titles, widths, rows, (0, 2), size)
    ours, theirs = (zipfile.ZipFile(word.bytes_of(document)).read("word/document.xml") for document in documents)
    assert ours == theirs
