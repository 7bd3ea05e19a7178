"""A file of the focal agency for several agencies: each line is its agency's, by a column, a row, a block or a sheet.

Vĩnh Lại's focal agency is Phòng Văn hóa - Xã hội (VHXH). XHS-01 and XHS-02 are led by Công an (CA), NL-01 by Phòng Kinh
tế (KT), HT-02 by VHXH itself.
"""

import os

import openpyxl
import pytest
from judged import judged

from pipelines import flow
from pipelines.flow import run_steps

HEAD = ["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả", "Ghi chú"]
CA_LINES = [["XHS-01", 30, 60], ["XHS-02", 20, 40]]
KT_LINE, OWN_LINE = ["NL-01", None, None, 7], ["HT-02", 5, 10]


@pytest.fixture
def check(registry):
    """What is made of sheets, as {title: rows}: each line's code, agency (None: the sender's) and disposition, and the
    rules that found something."""

    def checked(sheets, folder="VHXH"):
        stated = {title: [["Kỳ báo cáo", "2026-10"], *rows] for title, rows in sheets.items()}
        found = judged(registry, stated, folder)
        lines = [
            (one["code"], one["agency_code"], one["disposition"]) for one in found.lines if one["line_kind"] == "data"
        ]
        return lines, sorted({f["rule_code"] for f in found.findings if f["severity"] == "fail"}), found

    return checked


def with_agency(*agencies, head="Cơ quan báo cáo"):
    """A table with a column that says whose each line is: of CA's two lines, KT's and the sender's own."""
    lines = [*CA_LINES, KT_LINE, OWN_LINE]
    rows = [[*line, *[None] * (5 - len(line)), agency] for line, agency in zip(lines, agencies, strict=True)]
    return [[*HEAD, head], *rows]


TAKEN = [("XHS-01", "CA", "accepted"), ("XHS-02", "CA", "accepted"), ("NL-01", "KT", "accepted"),
         ("HT-02", None, "accepted")]  # fmt: skip


@pytest.mark.parametrize(
    "sheets",
    [
        {"Bảng": with_agency("CA", "CA", "KT", "VHXH", head="Mã cơ quan")},
        {"Bảng": with_agency("Công an xã", "Công an xã Vĩnh Lại", "Phòng Kinh tế", None)},
        {"Bảng": with_agency("CA", "Công an", "Phòng Kinh tế xã", "Phòng VH-XH", head="Đơn vị thực hiện")},
        {"Bảng": with_agency("CA", "CA", "KT", "Các thôn", head="Cơ quan chủ trì")},  # nobody: the sender
        {"CA": [HEAD, *CA_LINES], "Phòng Kinh tế": [HEAD, KT_LINE], "Bảng": [HEAD, OWN_LINE]},
        {"Công an xã": [["Cơ quan báo cáo", "Phòng Văn hóa - Xã hội"], HEAD, *CA_LINES], "KT": [HEAD, KT_LINE],
         "VHXH": [["Mã cơ quan", "VHXH"], HEAD, OWN_LINE]},
        {"1": [["Mã cơ quan", "CA"], HEAD, *CA_LINES], "2": [["Cơ quan báo cáo", "Phòng Kinh tế"], HEAD, KT_LINE],
         "3": [["Mã cơ quan", "VHXH"], HEAD, OWN_LINE]},
        {"Bảng": [["1. CÔNG AN XÃ"], HEAD, *CA_LINES, [], ["2. PHÒNG KINH TẾ"], HEAD, KT_LINE, [],
                  ["3. PHÒNG VĂN HÓA - XÃ HỘI"], HEAD, OWN_LINE]},
        {"Bảng": [HEAD, ["Công an xã"], *CA_LINES, ["II", "Phòng Kinh tế"], KT_LINE, ["Phòng Văn hóa - Xã hội"],
                  OWN_LINE]},
    ],
    ids=["codes", "names", "who carries it out", "who is nobody", "sheets", "sheets and blocks", "blocks", "titles",
         "rows between"],
)  # fmt: skip
def test_each_line_of_the_focal_agency_s_file_is_its_agency_s(check, sheets):
    lines, refused, _ = check(sheets)
    assert (lines, refused) == (TAKEN, [])


def test_any_other_agency_sends_for_itself_alone(check):
    lines, refused, _ = check({"Bảng": with_agency("CA", "CA", "KT", "VHXH")}, folder="CA")
    assert [one[2] for one in lines] == ["accepted", "accepted", "rejected", "rejected"]
    assert refused == ["C27"]
    assert check({"Công an xã": [HEAD, *CA_LINES]}, folder="KT")[1] == ["C02"]


@pytest.mark.parametrize(
    ("sheets", "rules"),
    [
        ({"Bảng": with_agency("KT", "KT", "CA", "VHXH")}, ["C02"]),  # not theirs to report
        ({"Bảng": with_agency("CAX", "", "KT", "VHXH")}, ["C02", "C27"]),  # nobody registered; the sender's by silence
        ({"Bảng": with_agency("CA, KT", "CA và KT", "KT", "VHXH")}, ["C27"]),
        ({"Bảng": with_agency("Công an xã Đại Sơn", "CA", "KT", "VHXH")}, ["C27"]),  # of another commune
        ({"Phòng Kinh tế": with_agency("CA", "CA", "KT", "VHXH")}, ["C27"]),  # column and sheet contradict each other
        ({"KT": [["Mã cơ quan", "CA"], HEAD, *CA_LINES], "VHXH": [["Mã cơ quan", "VHXH"], HEAD, OWN_LINE]}, ["C27"]),
        ({"Bảng": [HEAD, *CA_LINES, KT_LINE]}, ["C02"]),  # nothing says whose
        ({"Bảng": [["Mã cơ quan", "CA"], HEAD, *CA_LINES]}, ["T05"]),  # the form of one agency, in another's folder
        ({"1": [["Mã cơ quan", "CA"], HEAD, *CA_LINES], "2": [["Mã cơ quan", "XYZ"], HEAD, KT_LINE]}, ["T05"]),
    ],
)
def test_what_nobody_can_say_whose_it_is_is_asked(check, sheets, rules):
    lines, refused, found = check(sheets)
    assert refused == rules
    wrong = {one["source_row"] for one in found.findings if one["severity"] == "fail" and one["source_row"]}
    assert all(one["source_cell"] for one in found.findings if one["source_row"] in wrong)
    assert not [one for one in lines if one[2] == "accepted" and one[:2] not in {line[:2] for line in TAKEN}]


def test_a_refusal_says_how_a_file_for_several_names_its_agencies(check):
    *_, found = check({"Bảng": [HEAD, KT_LINE]})
    [fix] = [f["fix"] for f in found.findings if f["rule_code"] == "C02"]
    assert "ghi tên cơ quan của từng dòng ở cột “Cơ quan báo cáo”" in fix
    *_, found = check({"Bảng": [HEAD, KT_LINE]}, folder="CA")
    assert [f["fix"] for f in found.findings if f["rule_code"] == "C02"] == [
        "Xóa dòng này; cơ quan được giao chủ trì sẽ báo cáo."
    ]


def test_lines_missing_are_those_of_the_agencies_the_file_is_for(check):
    *_, found = check({"CA": [HEAD, CA_LINES[0]]})
    assert [f["found"] for f in found.findings if f["rule_code"] == "T13"] == ["XHS-02"]


# ---------------------------------------------------------------- through the warehouse


def drop(office, name, sheets):
    """A workbook in the focal agency's folder."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in [["Kỳ báo cáo", "2026-10"], *rows]:
            sheet.append(row)
    path = office.folder("11164", "VHXH") / name
    book.save(path)
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


def test_figures_status_feedback_and_sums_of_a_file_for_several_agencies(home, office, ask):
    """CA's own figure of before is superseded by the collected one, that by CA's next, then by a new one."""
    for period, numerator in (("2026-09", 20), ("2026-10", 21)):
        office.send("CA", period, {"XHS-02": {"numerator": numerator, "denominator": 40}})
        run_steps(home)
    sheets = {"CA": [HEAD, ["XHS-01", 30, 60], ["XHS-02", 22, 40]], "Phòng Kinh tế": [HEAD, KT_LINE, ["XHS-02", 1, 2]]}
    drop(office, "tổng hợp.xlsx", sheets)
    run_steps(home)
    current = (
        "SELECT indicator_code, agency_code, value FROM core.fct_actual WHERE period_code = '2026-10' AND is_current"
    )
    assert ask(f"{current} ORDER BY ALL") == [("NL-01", "KT", 7), ("XHS-01", "CA", 50), ("XHS-02", "CA", 55)]
    status = "SELECT agency_code, reporting_status, is_outstanding, lines_accepted, lines_rejected, figures_given " \
        "FROM marts.mart_reporting_status WHERE commune_code = '11164' AND period_code = '2026-10' " \
        "AND agency_code IN ('CA', 'KT', 'VHXH', 'VP') ORDER BY ALL"  # fmt: skip
    assert [one[:1] + one[2:5] for one in ask(status)] == [
        ("CA", False, 3, 0), ("KT", False, 1, 1), ("VHXH", True, 0, 0), ("VP", True, 0, 0)
    ]  # fmt: skip
    assert ask("SELECT sum(rows_unaccounted) FROM marts.mart_reconciliation") == [(0,)]
    assert ask("SELECT DISTINCT agency_code, code FROM core.fct_line WHERE disposition = 'rejected'") == [
        ("KT", "XHS-02")
    ]
    flow.write_feedback(home)
    [path] = (home.feedback / "11164" / "VHXH").glob("*.xlsx")
    sheet = openpyxl.load_workbook(path)["Kết quả kiểm tra"]
    said = {row[0].value: next((c.value for c in row[1:] if c.value), None) for row in sheet.iter_rows()}
    assert said["Theo cơ quan"] == (
        "Công an xã, phường (CA): 2 dòng được nhận; Phòng Kinh tế (KT): 1 dòng được nhận, 1 dòng bị từ chối"
    )
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 23, "denominator": 40}}, name="lại.xlsx")
    drop(office, "tháng 11.xlsx", {"CA": [["Kỳ báo cáo", "2026-10"], HEAD, ["XHS-01", 59, 60], ["XHS-02", 24, 40]]})
    run_steps(home)
    numerators = current.replace("value", "numerator")
    assert ask(f"{numerators} AND agency_code = 'CA' ORDER BY ALL") == [("XHS-01", "CA", 59), ("XHS-02", "CA", 24)]
    versions = "SELECT value FROM core.fct_actual WHERE indicator_code = 'XHS-02' AND period_code = '2026-10' "
    assert [one[0] for one in ask(versions + "ORDER BY recorded_at")] == [52.5, 55, 57.5, 60]


def test_a_leap_of_another_agency_s_figure_is_asked_of_the_focal_agency(home, office, ask):
    office.send("CA", "2026-09", {"XHS-02": {"numerator": 20, "denominator": 40}})
    run_steps(home)
    leap = ["XHS-02", 20000, 40000]
    drop(office, "tổng hợp.xlsx", {"CA": [HEAD, leap]})
    run_steps(home)
    held = "SELECT agency_code, code, state, confirmed_reason FROM marts.mart_held_line"
    assert ask(held) == [("CA", "XHS-02", "waiting", None)]
    drop(office, "tổng hợp 2.xlsx", {"CA": [HEAD, [*leap, None, "Đã rà soát"]]})
    run_steps(home)
    assert ask(held) == [("CA", "XHS-02", "confirmed", "Đã rà soát")]
    assert ask("SELECT agency_code, numerator FROM core.fct_actual WHERE period_code = '2026-10'") == [("CA", 20000)]
