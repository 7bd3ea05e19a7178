"""Given what an officer typed, expect these facts and these findings, at these cells."""

from datetime import datetime
from itertools import pairwise

import openpyxl
import pytest

from pipelines.check import check_files
from pipelines.checking.rules import SEVERITIES


def cell_of(sheet, code, header):
    """The cell where a line's code meets a column's header."""
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value == header:
                head = cell
    for row in range(head.row + 1, sheet.max_row + 1):
        if code in [sheet.cell(row, column).value for column in range(1, sheet.max_column + 1)]:
            return sheet.cell(row, head.column)
    raise LookupError(f"{code} × {header}")


def typing(*entries, sheet="Chỉ tiêu"):
    """An edit that types texts into cells: (code, header, value)."""

    def edit(book):
        for code, header, value in entries:
            cell = cell_of(book[sheet], code, header)
            cell.value = value
            cell.data_type = "s" if isinstance(value, str) else cell.data_type

    return edit


@pytest.fixture
def checked(office, registry):
    """Check what was typed into a form: findings as (rule, column letters and row), and the counts."""

    def check(edit=None, agency="CA", period="2026-10", answers=None, **options):
        path = office.send(agency, period, answers, edit=edit, **options)
        [answer] = check_files(registry, [path], "11164", agency)
        return answer["lines"], answer["findings"]

    return check


def fails(findings):
    return [finding["rule"] for finding in findings if finding["severity"] == "fail"]


@pytest.mark.parametrize(
    ("entries", "rule", "header", "found"),
    [
        ([("XHS-02", "Kết quả", 180)], "C08", "Kết quả", "180"),
        ([("XHS-02", "Kết quả", "180%")], "C08", "Kết quả", "180%"),
        ([("XHS-02", "Tử số", 50), ("XHS-02", "Mẫu số", 40)], "C09", "Tử số", "50"),
        ([("XHS-02", "Tử số", "12o"), ("XHS-02", "Mẫu số", 40)], "C04", "Tử số", "12o"),
        ([("XHS-02", "Tử số", 12), ("XHS-02", "Mẫu số", "bốn mươi")], "C05", "Mẫu số", "bốn mươi"),
        ([("XHS-02", "Kết quả", "khoảng 80")], "C06", "Kết quả", "khoảng 80"),
        ([("XHS-02", "Tử số", "1234\n1250"), ("XHS-02", "Mẫu số", 5000)], "C37", "Tử số", "1234 1250"),
        ([("XHS-02", "Tử số", 12)], "C10", "Mẫu số", "mẫu số"),
        ([("XHS-02", "Mẫu số", 12)], "C10", "Tử số", "tử số"),
        ([("XHS-02", "Tử số", -1), ("XHS-02", "Mẫu số", 40)], "C11", "Tử số", "-1"),
        ([("XHS-02", "Tử số", 20), ("XHS-02", "Mẫu số", 40), ("XHS-02", "Kết quả", 60)], "C12", "Kết quả", "60"),
        ([("XHS-02", "Tử số", 20), ("XHS-02", "Mẫu số", 0)], "C13", "Mẫu số", "0"),
    ],
)
def test_a_wrong_figure_is_refused_at_its_cell(checked, office, entries, rule, header, found):
    counts, findings = checked(typing(*entries))
    failed = [finding for finding in findings if finding["severity"] == "fail"]
    assert [finding["rule"] for finding in failed] == [rule]
    [finding] = failed
    assert (finding["sheet"], finding["found"]) == ("Chỉ tiêu", found)
    [path] = office.folder("11164", "CA").glob("*.xlsx")
    expected = cell_of(openpyxl.load_workbook(path)["Chỉ tiêu"], "XHS-02", header)
    assert finding["cell"] == expected.coordinate
    assert counts["rejected"] == 1
    assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["ignored"]
    assert finding["fix"]


@pytest.mark.parametrize(
    ("numerator", "denominator", "value"),
    [(20, 40, None), ("1.234", "2.000", "61,7"), ("20", "40", "50%"), (1, 3, "33,33"), (0, 10, 0), (40, 40, 100)],
)
def test_a_right_figure_is_accepted(checked, numerator, denominator, value):
    entries = [("XHS-02", "Tử số", numerator), ("XHS-02", "Mẫu số", denominator), ("XHS-02", "Kết quả", value)]
    counts, findings = checked(typing(*[entry for entry in entries if entry[2] is not None]))
    assert fails(findings) == []
    assert (counts["accepted"], counts["rejected"]) == (1, 0)


def test_a_zero_denominator_without_numerator_is_accepted_with_a_warning(checked):
    counts, findings = checked(typing(("XHS-02", "Tử số", 0), ("XHS-02", "Mẫu số", 0)))
    assert counts["accepted"] == 1
    assert "C14" in [f["rule"] for f in findings]


def test_a_rate_alone_is_accepted_with_a_warning(checked):
    counts, findings = checked(typing(("XHS-02", "Kết quả", "85,5")))
    assert counts["accepted"] == 1
    assert "C15" in [f["rule"] for f in findings]


def test_a_figure_that_is_due_but_missing_is_a_warning_and_no_rejection(checked):
    counts, findings = checked()
    assert (counts["accepted"], counts["rejected"]) == (0, 0)
    assert {f["rule"] for f in findings} == {"C16"}
    # Ca's quarterly figure is not asked for in October, its two monthly ones are
    assert sorted(f["found"] for f in findings) == ["XHS-01", "XHS-02"]


def test_an_unknown_code_a_foreign_code_and_a_code_twice(checked):
    def edit(book):
        sheet = book["Chỉ tiêu"]
        cell_of(sheet, "CQS-05", "Mã chỉ tiêu").value = "XHS-99"
        cell_of(sheet, "XHS-99", "Kết quả").value = 50
        typing(("XHS-01", "Tử số", 1), ("XHS-01", "Mẫu số", 2), ("XHS-02", "Tử số", 1), ("XHS-02", "Mẫu số", 2))(book)
        cell_of(sheet, "XHS-01", "Mã chỉ tiêu").value = "DVC-01"

    counts, findings = checked(edit)
    assert fails(findings) == ["C01", "C02"]
    assert (counts["accepted"], counts["rejected"]) == (1, 2)

    def twice(book):
        typing(("XHS-01", "Tử số", 1), ("XHS-01", "Mẫu số", 2), ("XHS-02", "Tử số", 1), ("XHS-02", "Mẫu số", 2))(book)
        cell_of(book["Chỉ tiêu"], "XHS-01", "Mã chỉ tiêu").value = "XHS-02"

    counts, findings = checked(twice, name="twice.xlsx")
    assert fails(findings) == ["C03", "C03"]
    assert counts["rejected"] == 2


def test_all_findings_of_a_file_come_in_one_pass(checked):
    counts, findings = checked(
        typing(
            ("XHS-01", "Tử số", 50),
            ("XHS-01", "Mẫu số", 40),
            ("XHS-01", "Kết quả", 180),
            ("XHS-02", "Tử số", "12o"),
            ("XHS-02", "Mẫu số", "??"),
        )
    )
    assert fails(findings) == ["C08", "C09", "C12", "C04", "C05"]
    assert counts["rejected"] == 2


TASK = "11164-vinh-lai-2025/IV/III.10"


@pytest.mark.parametrize(
    ("entries", "rules", "accepted"),
    [
        ([("Trạng thái", "Đang thực hiện"), ("Tỷ lệ hoàn thành (%)", 40)], [], 1),
        ([("Trạng thái", "đang  thực hiện")], [], 1),
        ([("Trạng thái", "Sắp xong")], ["N04"], 0),
        ([("Trạng thái", "Đang thực hiện"), ("Tỷ lệ hoàn thành (%)", "một nửa")], ["N05"], 0),
        ([("Trạng thái", "Đang thực hiện"), ("Tỷ lệ hoàn thành (%)", 140)], ["N06"], 0),
        ([("Trạng thái", "Đang thực hiện"), ("Ngày văn bản", "31/02/2026")], ["N07"], 0),
        ([("Trạng thái", "Đã hoàn thành"), ("Tỷ lệ hoàn thành (%)", 100)], ["N08"], 1),
        ([("Trạng thái", "Đang thực hiện"), ("Tỷ lệ hoàn thành (%)", 100)], ["N09"], 1),
        (
            [
                ("Trạng thái", "Đã hoàn thành"),
                ("Tỷ lệ hoàn thành (%)", 100),
                ("Số văn bản sản phẩm", "12/BC-CAX"),
                ("Ngày văn bản", datetime(2026, 9, 30)),
            ],
            [],
            1,
        ),
    ],
)
def test_what_an_agency_says_of_a_task(checked, entries, rules, accepted):
    edit = typing(*[(TASK, header, value) for header, value in entries], sheet="Nhiệm vụ")
    counts, findings = checked(edit)
    assert [f["rule"] for f in findings if f["rule"].startswith("N")] == rules
    assert counts["accepted"] == accepted


@pytest.mark.parametrize(
    ("label", "value", "rule"),
    [
        ("Mã xã", "11086", "T04"),
        ("Mã cơ quan", "VHXH", "T05"),
        ("Kỳ báo cáo", "tháng mười", "T06"),
        ("Kỳ báo cáo", "2040-10", "T07"),
    ],
)
def test_a_file_that_says_it_is_another_s_is_refused_whole(checked, label, value, rule):
    def edit(book):
        typing(("XHS-02", "Tử số", 20), ("XHS-02", "Mẫu số", 40))(book)
        sheet = book["Chỉ tiêu"]
        for row in sheet.iter_rows(max_row=12):
            filled = [cell for cell in row if cell.value is not None]
            for cell, after in pairwise(filled):
                if str(cell.value).rstrip(":") == label:
                    after.value = value
                    return
        raise LookupError(label)

    counts, findings = checked(edit)
    assert rule in fails(findings)
    assert (counts["accepted"], counts["rejected"]) == (0, 1)


def test_a_missing_column_names_the_headers_found(checked):
    def edit(book):
        typing(("XHS-02", "Tử số", 20), ("XHS-02", "Mẫu số", 40))(book)
        head = cell_of(book["Chỉ tiêu"], "XHS-02", "Mẫu số")
        for row in book["Chỉ tiêu"].iter_rows():
            for cell in row:
                if cell.column == head.column and cell.value == "Mẫu số":
                    cell.value = "Cột khác"

    _, findings = checked(edit)
    [finding] = [f for f in findings if f["rule"] == "T08"]
    assert "Mẫu số" in finding["message"]
    assert "Mã chỉ tiêu" in finding["message"]
    assert "Cột khác" in finding["message"]


def test_every_rule_names_an_expectation_a_cell_and_a_fix(registry):
    codes = [rule["code"] for rule in registry.rules]
    assert len(codes) == len(set(codes))
    for rule in registry.rules:
        assert rule["severity"] in SEVERITIES
        assert rule["level"] in ("file", "indicator", "task")
        assert rule["message"].endswith(".")
        assert rule["fix"].endswith((".", "}"))  # or a text of the form
