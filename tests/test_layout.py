"""What the cells of a sheet are taken for: tables, lines and what stands above, given cell by cell."""

import pytest

from pipelines.checking.lookup import Names
from pipelines.reading.form import Form
from pipelines.reading.layout import lay_out
from pipelines.reading.sheet import Cell, Sheet
from pipelines.vietnamese.period_names import named_periods, stated_period

HEADER = ["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả"]


@pytest.fixture(scope="module")
def form(registry):
    return Form(registry.form)


def sheet(*rows, name="Bảng", **shown):
    """A sheet of these rows; numbers are number cells, texts text cells, None is empty."""
    cells = {(r, c): value if isinstance(value, Cell) else Cell("t" if isinstance(value, str) else "n", str(value))
             for r, row in enumerate(rows, 1) for c, value in enumerate(row, 1) if value is not None}  # fmt: skip
    return Sheet(name, cells, **shown)


def kinds(form, *rows, **shown):
    """The kind of each line below the header."""
    [table] = lay_out([sheet(HEADER, *rows, **shown)], form)["tables"]
    return [line["kind"] for line in table["lines"]]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (["XHS-01", 1, 2], "data"),
        (["XHS-01"], "unanswered"),
        (["XHS-01", "-", "…"], "unanswered"),
        ([None, 1, 2], "data"),
        ([None, Cell("e", "#DIV/0!")], "data"),
        (["Tổng cộng", 1, 2], "total"),
        (["TỔNG SỐ (I + II)", 1, 2], "total"),
        (["Cộng:", 1, 2], "total"),
        (["Ghi chú: (1) số liệu tạm tính", 1], "note"),
        ([None, "xem công văn kèm theo"], "note"),
        (["II. Chính quyền số"], "note"),
        (["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả"], "header"),
        (["(1)", "(2)", "(3)", "(4) = (2)/(3)"], "header"),
        (["A", 1, 2, 3], "header"),
        ([None, "(người)", "(người)", "%"], "header"),
        (["Người lập biểu", None, "Thủ trưởng đơn vị"], "note"),
        ([None, None, "Vĩnh Lại, ngày 14 tháng 10 năm 2026"], "note"),
        (["Mã ngành 12", 1, 2], "data"),
    ],
)
def test_what_a_line_is(form, row, kind):
    assert kinds(form, row) == [kind]


def test_column_numbers_are_only_numbers_below_a_header(form):
    assert kinds(form, ["XHS-01", 1, 2], ["1", 2, 3, 4]) == ["data", "data"]


def test_below_the_signatures_only_a_line_with_a_code_is_data(form):
    rows = [["XHS-01", 1, 2], ["Người lập biểu"], [None, "0912345678"], [None, 5, 6], ["XHS-02", 3, 4]]
    assert kinds(form, *rows) == ["data", "note", "note", "note", "data"]


def test_a_stray_cell_far_below_makes_no_million_lines(form):
    cells = sheet(HEADER, ["XHS-01", 1, 2]).cells | {(1_048_576, 16_384): Cell("t", "x")}
    [table] = lay_out([Sheet("Bảng", cells)], form)["tables"]
    assert len(table["lines"]) == 22
    assert table["lines"][-1]["row"] == 1_048_576


def test_a_value_under_a_merged_cell_is_seen(form):
    [table] = lay_out([sheet(HEADER, ["XHS-01", 1, 2], merged=((2, 2, 2, 3),))], form)["tables"]
    assert table["covered"] == [[2, "denominator"]]
    assert table["lines"][0]["typed"]["denominator"] == ["C2", "n", "2"]


def test_hidden_lines_and_columns_are_read_and_said(form):
    shown = sheet(HEADER, ["XHS-01", 1, 2], ["XHS-02"], hidden_rows=frozenset({2, 3}), hidden_columns=frozenset({3, 4}))
    [table] = lay_out([shown], form)["tables"]
    assert (table["hidden_rows"], table["hidden_columns"]) == ([2], ["denominator"])


def test_a_page_s_header_of_two_rows_comes_again(form):
    head = [["Mã chỉ tiêu", "Số liệu", None, None], [None, "Tử số", "Mẫu số", "Tỷ lệ (%)"]]
    merged = ((1, 1, 2, 1), (1, 2, 1, 4), (4, 1, 5, 1), (4, 2, 4, 4))
    [table] = lay_out([sheet(*head, ["XHS-01", 1, 2], *head, ["XHS-02", 3, 4], merged=merged)], form)["tables"]
    assert [line["kind"] for line in table["lines"]] == ["data", "header", "header", "data"]


def test_tables_one_below_the_other_on_one_sheet(form):
    tasks = ["Mã nhiệm vụ", "Trạng thái", "Tỷ lệ hoàn thành"]
    rows = [HEADER, ["XHS-01", 1, 2], [], ["Phần II"], tasks, ["11164-vinh-lai-2025/IV/III.10", "Xong", 100],
            [], ["Mã", "Mẫu số", "Tử số", "Kết quả"], ["XHS-02", 4, 3]]  # fmt: skip
    tables = lay_out([sheet(*rows)], form)["tables"]
    assert [(table["kind"], table["header_row"]) for table in tables] == [
        ("indicator", 1),
        ("task", 5),
        ("indicator", 8),
    ]
    assert tables[2]["lines"][0]["typed"]["numerator"] == ["C9", "n", "3"]


@pytest.mark.parametrize(
    ("rows", "stated"),
    [
        ([["Mã xã", "11164", "Kỳ báo cáo", 2026]], {"commune_code": "11164", "period_code": "2026"}),
        ([["Mã xã:", None, None, "11164"]], {"commune_code": "11164"}),
        ([["Mã xã", "Kỳ báo cáo", "2026-10"]], {"period_code": "2026-10"}),
        ([["Mã xã: 11164 - Kỳ báo cáo: Tháng 10/2026"]], {"commune_code": "11164", "period_code": "Tháng 10/2026"}),
        ([["Đơn vị báo cáo: Phòng Văn hóa - Xã hội"]], {"agency_name": "Phòng Văn hóa - Xã hội"}),
        ([["Kỳ báo cáo:\nQuý III/2026"]], {"period_code": "Quý III/2026"}),
        ([["Kỳ báo cáo ghi theo mẫu: 2026-10"]], {}),
    ],
)
def test_what_a_file_says_of_itself_above_its_table(form, rows, stated):
    reading = lay_out([sheet(*rows, HEADER, ["XHS-01", 1, 2])], form)
    assert {name: text for name, text, *_ in reversed(reading["stated"])} == stated


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Tháng 10/2026", "2026-10"),
        ("tháng 9 năm 2026", "2026-09"),
        ("T10-2026", "2026-10"),
        ("2026-9", "2026-09"),
        ("202610", "2026-10"),
        ("Quý III năm 2026", "2026-Q3"),
        ("Q3-2026", "2026-Q3"),
        ("6 tháng đầu năm 2026", "2026-H1"),
        ("6 tháng cuối năm 2026", "2026-H2"),
        ("9 tháng năm 2026", "2026-9M"),
        ("Năm 2026", "2026"),
        ("2026-10-01", "2026-10"),
        ("14/10/2026", ""),
        ("20261014", ""),
        ("ngày 14 tháng 10 năm 2026", ""),
        ("Tháng 10", ""),
        ("tháng 9 và tháng 10 năm 2026", ""),
        ("Quý I và quý II/2026", ""),
        ("2025-2027", ""),
    ],
)
def test_a_period_as_offices_name_it(text, code):
    assert stated_period(text) == code


def test_a_file_s_name_may_hold_days_and_letters_around_the_period():
    assert named_periods("Vĩnh Lại_CA_BC tháng 10-2026 (gửi 20.10.2026) v2") == ["2026-10"]
    assert named_periods("BC-KH25-2026-10") == ["2026-10"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Xã Cẩm Giàng", {"10903"}),
        ("Cẩm Giang", {"10888"}),
        ("UBND XÃ CẨM GIANG, thành phố Hải Phòng", {"10888"}),
        ("Cam Giang", set()),
        ("11164", {"11164"}),
        ("11164 - Vĩnh Lại", {"11164"}),
        ("4", {"00004"}),
    ],
)
def test_communes_are_known_by_code_and_by_name_with_its_accents(registry, text, codes):
    assert Names(registry).communes(text) == codes


@pytest.mark.parametrize(
    ("text", "agencies", "communes"),
    [
        ("ca", {"CA"}, set()),
        ("Công an xã", {"CA"}, set()),
        ("Công an xã Vĩnh Lại", {"CA"}, {"11164"}),
        ("Phòng VH-XH xã", {"VHXH"}, set()),
        ("Phòng Văn hoá – Xã hội xã Đại Sơn", {"VHXH"}, {"11086"}),
        ("Phòng nào đó", set(), set()),
    ],
)
def test_agencies_are_known_by_code_and_by_any_of_their_names(registry, text, agencies, communes):
    assert Names(registry).agencies(text) == (agencies, communes)
