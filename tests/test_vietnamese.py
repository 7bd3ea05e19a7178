"""Numbers, names, targets and deadlines as Vietnamese offices write them."""

import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.vietnamese import Deadline, Target, fold, format_number, parse_deadline, parse_number, parse_target, slug


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("85,5", "85.5"),
        ("85,5%", "85.5"),
        ("85,5 %", "85.5"),
        ("1.234", "1234"),
        ("1.234.567", "1234567"),
        ("1.234,5", "1234.5"),
        ("1 234", "1234"),
        ("1\u00a0234,5", "1234.5"),
        ("８５", "85"),
        ("100", "100"),
        ("0,125", "0.125"),
        ("0.125", "0.125"),
        ("85.5", "85.5"),
        ("1,234.5", "1234.5"),
        ("1,234,567", "1234567"),
        ("-5", "-5"),
        ("\u22125,5", "-5.5"),
    ],
)
def test_a_number_has_one_reading(text, value):
    number = parse_number(text)
    assert (number.value, number.problem) == (Decimal(value), "")


@pytest.mark.parametrize("text", ["", " ", "-", "–", "\u00a0"])
def test_nothing_is_no_number_and_no_problem(text):
    assert parse_number(text) == parse_number("-")
    assert (parse_number(text).value, parse_number(text).problem) == (None, "")


@pytest.mark.parametrize("text", ["1,234", "85,500", "12,345%"])
def test_what_can_be_read_two_ways_is_asked_not_guessed(text):
    assert (parse_number(text).value, parse_number(text).problem) == (None, "ambiguous")


@pytest.mark.parametrize("text", ["12o", "khoảng 80", "12 34", "1.23.456", "80-90", "#DIV/0!", "1e5", "=1+1"])
def test_other_text_is_not_a_number(text):
    assert (parse_number(text).value, parse_number(text).problem) == (None, "not_a_number")


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=4, allow_nan=False))
def test_any_number_written_in_vietnamese_reads_back_the_same(value):
    written = format_number(value, places=4)
    number = parse_number(written)
    if number.problem == "ambiguous":  # '1,234': three decimals and no thousands
        assert "," in written and "." not in written
    else:
        assert number.value == value


@given(st.text())
def test_any_text_gives_a_number_or_a_named_problem(text):
    number = parse_number(text)
    assert number.problem in ("", "ambiguous", "not_a_number")
    assert number.value is None or number.problem == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Phòng Văn hoá – Xã hội", "phòng văn hóa-xã hội"),
        ("Phòng Văn hóa- Xã hội", "Phòng Văn hóa - Xã hội"),
        ("Tỉ lệ", "Tỷ lệ"),
        ("Uỷ ban", "Ủy ban"),
        (unicodedata.normalize("NFD", "Công an xã"), "Công an xã"),
        ("Văn phòng HĐND&UBND", "Văn phòng HĐND & UBND"),
        ("  Kết\u00a0quả ", "kết quả"),
    ],
)
def test_two_spellings_of_one_name_meet(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("Cẩm Giàng", "Cẩm Giang"), ("hóa", "hòa"), ("Tỷ", "Tý")])
def test_accents_keep_names_apart(one, other):
    assert fold(one) != fold(other)


def test_slug_is_plain_ascii():
    assert slug("Xã Đại Sơn") == "xa-dai-son"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("≥ 95", Target(">=", Decimal(95))),
        ("≥60%", Target(">=", Decimal(60))),
        ("100%", Target("=", Decimal(100))),
        ("80-90%", Target("range", Decimal(80), Decimal(90))),
        ("phấn đấu ít nhất 3%", Target(">=", Decimal(3), None, True)),
        ("Đạt trên 3%", Target(">", Decimal(3))),
        ("Đạt 3%", Target("=", Decimal(3))),
        ("Phấn đấu đạt 3%", Target("=", Decimal(3), None, True)),
        ("Tiên tiến, hiện đại", Target("text")),
        ("-", None),
    ],
)
def test_a_target_cell_is_understood(text, target):
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "due", "recurrence"),
    [
        ("Tháng 12/2026", date(2026, 12, 31), "once"),
        ("Tháng 2/2028", date(2028, 2, 29), "once"),
        ("Quý II/2026", date(2026, 6, 30), "once"),
        ("Quý IV/2026", date(2026, 12, 31), "once"),
        ("Trước ngày 20/12/2026", date(2026, 12, 20), "once"),
        ("9/2025", date(2025, 9, 30), "once"),
        ("Tháng 7,8 /2025", date(2025, 8, 31), "once"),
        ("2025-2027", date(2027, 12, 31), "once"),
        ("Giai đoạn 2025-2026", date(2026, 12, 31), "once"),
        ("Trong năm 2025", date(2025, 12, 31), "once"),
        ("Năm 2025 và những năm tiếp theo", date(2025, 12, 31), "yearly"),
        ("Tháng 7/2025, duy trì hàng năm", date(2025, 7, 31), "yearly"),
        ("Tháng 12/2026 (theo hướng dẫn của thành phố)", date(2026, 12, 31), "once"),
        ("Thường xuyên", None, "continuous"),
        ("Hằng năm", None, "yearly"),
        ("Khi có văn bản của cấp trên", None, "on_request"),
        ("", None, "once"),
    ],
)
def test_a_deadline_is_the_last_day_of_what_it_names(text, due, recurrence):
    assert parse_deadline(text) == Deadline(due, recurrence)
