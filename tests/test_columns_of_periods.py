"""Columns of several periods side by side, or of a period that only their headers say: the one of the file's period is
taken, any other is said, and none is taken for another."""

import pytest
from judged import judged

CODES = ["XHS-01", "XHS-02"]
STATED = ["Kỳ báo cáo", "2026-10"]
MONTHS = [f"T{n}" for n in range(1, 13)]


def by_month(headers, figures, *above):
    """A table with a column for each header; figures: of both lines, by header."""
    lines = [[n, code, None, *(figures[header][n] for header in headers)] for n, code in enumerate(CODES)]
    return {"Số liệu": [*above, ["STT", "Mã chỉ tiêu", "Tên chỉ tiêu", *headers], *lines]}


def figures(headers, last=None):
    """11, 12 and so on for the months, half a percent more in the second line; nothing after the last."""
    given = list(headers)[: None if last is None else list(headers).index(last) + 1]
    return {header: (n, n + 0.5) if header in given else (None, None) for n, header in enumerate(headers, 11)}


def outcome(checked):
    facts = {one["indicator_code"]: float(one["value"]) for one in checked.actuals}
    found = sorted({(f["rule_code"], f["severity"]) for f in checked.findings} - _OF_ANY)
    return checked.submissions[0]["period_code"], facts, found


# a rate without its parts, a period taken from elsewhere, a line that is owed
_OF_ANY = {("C15", "warn"), ("T11", "warn"), ("T13", "warn")}
SAID = [("T19", "warn")]


@pytest.mark.parametrize(
    "headers",
    [MONTHS, [f"Tháng {n}" for n in range(1, 13)], [f"{n:02}/2026" for n in range(1, 13)],
     [f"Tháng {n} năm 2026" for n in (8, 9, 10)], ["THANG 9", "THANG 10"], ["Quý III", "Tháng 10"]],
)  # fmt: skip
def test_of_a_column_for_each_month_the_file_s_is_taken_and_the_others_are_said(registry, headers):
    filled = figures(headers, next(one for one in headers if "10" in one))
    checked = judged(registry, by_month(headers, filled, STATED))
    [first, second] = next(some for header, some in filled.items() if "10" in header)
    assert outcome(checked) == ("2026-10", {"XHS-01": first, "XHS-02": second}, SAID)
    [said] = [f for f in checked.findings if f["rule_code"] == "T19"]
    assert all(one in said["message"] for one in headers if filled[one][0] is not None and "10" not in one)


def test_a_month_left_empty_takes_no_figure_of_the_month_before(registry):
    period, facts, found = outcome(judged(registry, by_month(MONTHS, figures(MONTHS, "T9"), STATED)))
    assert (period, facts, found) == ("2026-10", {}, [("C16", "warn"), ("T19", "warn")])


def test_months_without_the_file_s_are_asked_wherever_their_figures_are(registry):
    """Also where the first of them is empty in a line."""
    some = figures(MONTHS[:9]) | {"T1": (None, None), "T2": (None, 3)}
    checked = judged(registry, by_month(MONTHS[:9], some, STATED))
    assert outcome(checked) == ("2026-10", {}, [("C35", "fail")])
    asked = sorted(f["source_cell"] for f in checked.findings if f["rule_code"] == "C35")
    assert asked == ["E4", "F3"]  # the first figure of each line
    assert "T3" in next(f["message"] for f in checked.findings if (f["rule_code"], f["source_cell"]) == ("C35", "F3"))


@pytest.mark.parametrize(
    ("headers", "period"),
    [(["Tháng 10/2026"], "2026-10"), (["Tử số tháng 10/2026", "Mẫu số tháng 10/2026"], "2026-10"),
     (["Kết quả (tháng 9/2026)"], "2026-09"), (["Kế hoạch tháng 11/2026", "Thực hiện tháng 10/2026"], "2026-10"),
     (["Kết quả quý III/2026"], "2026-Q3")],
)  # fmt: skip
def test_a_period_that_only_the_headers_say_is_the_file_s(registry, headers, period):
    some = {header: (10 * n, 10 * n) for n, header in enumerate(headers, 1)}
    found_period, facts, found = outcome(judged(registry, by_month(headers, some)))
    assert (found_period, found) == (period, [("T17", "warn")] if "Q" in period else [])
    assert set(facts.values()) == ({50.0} if "Tử số" in headers[0] else {10.0 * len(headers)})


@pytest.mark.parametrize(
    "headers",
    [MONTHS, ["Tháng 9/2026", "Tháng 10/2026"], ["Kết quả tháng 9/2026", "Kết quả"], ["T10"], ["Kết quả (tháng 10)"],
     ["Kế hoạch tháng 10/2026", "Kết quả"], ["Kết quả năm 2026"]],
)  # fmt: skip
def test_where_headers_say_several_periods_or_none_whole_the_file_is_asked_for_its_own(registry, headers):
    checked = judged(registry, by_month(headers, figures(headers)))
    period, facts, found = outcome(checked)
    assert (period, facts, found) == (None, {}, [("T06", "fail")])
    [asked] = [f for f in checked.findings if f["rule_code"] == "T06"]
    assert headers[0] in asked["message"] or headers[0].startswith("K")


def test_the_name_of_the_file_decides_between_months(registry):
    some = figures(["Tháng 9/2026", "Tháng 10/2026"])
    checked = judged(registry, by_month(list(some), some), name="bao-cao-2026-10.xlsx")
    assert outcome(checked) == ("2026-10", {"XHS-01": 12.0, "XHS-02": 12.5}, SAID)


def test_a_sheet_of_months_beside_the_form_s_table_is_said_and_not_read(registry):
    table = [STATED, ["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả"], ["XHS-01", 30, 60], ["XHS-02", 20, 40]]
    checked = judged(registry, {"Bảng": table} | by_month(MONTHS, figures(MONTHS, "T10")))
    assert outcome(checked) == ("2026-10", {"XHS-01": 50.0, "XHS-02": 50.0}, [("T18", "warn")])


def test_months_under_the_figures_of_a_rate(registry):
    """Numerator and denominator of each month; those of this one are taken together."""
    rows = [STATED, ["Mã chỉ tiêu", "Tử số", None, "Mẫu số", None], [None, "T9", "T10", "T9", "T10"],
            ["XHS-01", 1, 30, 2, 60], ["XHS-02", 1, 20, 2, 40]]  # fmt: skip
    checked = judged(registry, {"Bảng": rows})
    assert outcome(checked) == ("2026-10", {"XHS-01": 50.0, "XHS-02": 50.0}, SAID)


TABLE = [STATED, ["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả"], ["XHS-01", 30, 60], ["XHS-02", 20, 40]]
TAKEN = {"XHS-01": 50.0, "XHS-02": 50.0}


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ("(nghìn người)", {}), ("ĐVT: nghìn người", {}), ("nghìn", {}), ("(tháng 9/2026)", {}), ("(Kế hoạch)", {}),
        ("Tháng chín", {}), ("kế_hoạch_năm_2026", {}), ("last month", {}),
        ("(người)", TAKEN), ("(tháng 10/2026)", TAKEN), ("Tháng mười", TAKEN), ("(1)", TAKEN),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", [1, 2, 4])
def test_a_row_below_the_header_says_what_the_figures_are(registry, said, column, facts):
    """In brackets, in a column for figures or beside them."""
    row = [None] * (column - 1) + [said]
    checked = judged(registry, {"Bảng": [*TABLE[:2], row, *TABLE[2:]]})
    assert outcome(checked)[1] == facts
    asked = {f["source_row"] for f in checked.findings if f["severity"] == "fail"}
    assert bool(facts) or asked >= {4, 5}


@pytest.mark.parametrize("said", ["Thực hiện năm 2025", "T9", "plan", "Kỳ trước", "previous period"])
def test_a_text_alone_just_above_the_figures_is_a_group_over_them(registry, said):
    checked = judged(registry, {"Bảng": [TABLE[0], [None, said], *TABLE[1:]]})
    assert outcome(checked)[1] == {}
    assert {f["source_row"] for f in checked.findings if f["rule_code"] == "C35"} == {4, 5}


def test_parts_of_a_rate_are_asked_in_their_own_unit(registry):
    checked = judged(registry, {"Bảng": [*TABLE[:2], ["(nghìn người)"], *TABLE[2:]]})
    fixes = {f["fix"] for f in checked.findings if f["rule_code"] == "C35"}
    assert len(fixes) == 1
    assert fixes.pop().startswith("Ghi số theo đơn vị của chỉ tiêu (đơn vị đếm), ví dụ 5.000 chứ không ghi 5 nghìn")
