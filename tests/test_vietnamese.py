"""Numbers, names, targets and deadlines as Vietnamese offices write them."""

import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.vietnamese import (
    Deadline,
    Target,
    fold,
    format_number,
    parse_deadline,
    parse_number,
    parse_target,
    slug,
    split_targets,
)


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
        ("≤ 5%", Target("<=", Decimal(5))),
        ("không quá 5%", Target("<=", Decimal(5))),
        ("không dưới 80%", Target(">=", Decimal(80))),
        ("Dưới 70%", Target("<", Decimal(70))),
        ("70% trở lên", Target(">=", Decimal(70))),
        ("Từ 2 giải pháp trở lên", Target(">=", Decimal(2))),
        ("đạt và vượt 85%", Target(">=", Decimal(85))),
        ("khoảng 40% tổng số", Target("about", Decimal(40))),
        ("từ 80 đến 90%", Target("range", Decimal(80), Decimal(90))),
        ("Tỷ lệ thanh toán không dùng tiền mặt đạt trên 50%", Target(">", Decimal(50))),
        ("100% người dân từ 15 tuổi trở lên có tài khoản", Target("=", Decimal(100))),
        ("phủ sóng 5G đạt 100% dân số", Target("=", Decimal(100))),
        ("Tỷ lệ trường học đạt mức 2 trở lên phấn đấu tối thiểu 60%", Target(">=", Decimal(60), None, True)),
        ("không phát sinh sự cố", Target("=", Decimal(0))),
        ("tăng bình quân 10%/năm", Target("=", Decimal(10))),
        ("03 mô hình", Target("=", Decimal(3))),
    ],
)
def test_a_target_cell_is_understood(text, target):
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("80% cơ sở đạt loại khá trở lên", "sentence"),
        ("tăng 10% so với năm 2025", "sentence"),
        ("giảm 5%", "sentence"),
        ("từ 80%", "comparison"),
        ("đến 80%", "comparison"),
        ("trên dưới 80%", "comparison"),
        ("không đạt 80%", "comparison"),
        ("trong 24 giờ", "comparison"),
        ("Đề án 06", "no_figure"),
        ("vượt 5% kế hoạch", "comparison"),
        ("Đạt mức độ 3", "no_figure"),
        ("2/3 số hộ", "two_targets"),
        ("≤ 3 Đông Nam Á; ≤ 50 Thế giới", "two_targets"),
        ("80% năm 2026, 100% năm 2030", "two_targets"),
        ("Cấp 50 máy cho 10 thôn", "numbered"),
        ("một nửa số hộ", "in_words"),
        ("Toàn bộ", "in_words"),
        ("2030-2045", "year"),
        ("1,234", "ambiguous"),
        ("90-80%", "bad_range"),
        ("½", "odd_digits"),
    ],
)
def test_a_target_that_can_mean_something_else_is_asked(text, question):
    said = parse_target(text)
    assert (said.operator, said.value, said.question) == ("", None, question)


def test_what_a_target_says_beside_its_figure_is_kept():
    by = parse_target("đạt tối thiểu 85% trước ngày 15/12/2026")
    assert (by.unit, by.year) == ("%", 2026)
    assert parse_target("đạt khoảng 20%/năm").unit == "%/năm"
    assert parse_target("Từ 2 giải pháp trở lên").unit == "giải pháp"


def test_two_targets_in_one_cell_come_apart_with_their_words():
    parts = split_targets("≤ 3 Đông Nam Á; ≤ 50 Thế giới")
    assert parts == [("≤ 3 Đông Nam Á", Target("<=", Decimal(3))), ("≤ 50 Thế giới", Target("<=", Decimal(50)))]
    assert split_targets("100% hồ sơ, tài liệu") == []


# What stands beside a figure: words that lead to it, change it, say nothing, or bring another number.
_WORDS = ["đạt", "tối thiểu", "không quá", "trên", "dưới", "khoảng", "từ", "đến", "trở lên", "tăng", "giảm", "gấp",
          "lần", "so với", "không", "tỷ lệ", "hồ sơ", "trên địa bàn", "và", "hoặc", "năm 2026", "mức 2", "12",
          "phấn đấu", ",", "một nửa", "còn", "hơn", "vượt"]  # fmt: skip
_AT_MOST = {"không quá", "dưới"}


@example(["so với"], [])
@given(st.lists(st.sampled_from(_WORDS), max_size=5), st.lists(st.sampled_from(_WORDS), max_size=4))
def test_no_words_around_a_figure_make_it_another(before, after):
    said = parse_target(" ".join([*before, "73%", *after]))
    if said.value is not None:
        assert (said.value, said.value_high) == (73, None)
        assert not {"tăng", "giảm", "gấp", "một nửa", "còn", "so với", "12"} & {*before, *after}
        if said.operator in ("<", "<="):
            assert _AT_MOST & {*before}
        if said.operator in (">", ">="):
            assert {"tối thiểu", "trên", "hơn", "vượt", "trở lên"} & {*before, *after}
        if said.operator == "=":
            assert not _AT_MOST & {*before}
    assert (said.value is None) == (said.operator in ("", "text"))


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
        ("20 ngày sau khi kế hoạch được ban hành", None, "on_request"),
        ("", None, "once"),
        ("trong quý 2/2026", date(2026, 6, 30), "once"),
        ("tháng 5 năm 2026", date(2026, 5, 31), "once"),
        ("6 tháng đầu năm 2026", date(2026, 6, 30), "once"),
        ("ngày 20 tháng 12 năm 2026", date(2026, 12, 20), "once"),
        ("31.12.2026", date(2026, 12, 31), "once"),
        ("trước 17h00 ngày 30/6/2026", date(2026, 6, 30), "once"),
        ("Quý I-II/2026", date(2026, 6, 30), "once"),
        ("Hằng tuần", None, "weekly"),
        ("định kỳ hằng quý", None, "quarterly"),
        ("6 tháng/lần", None, "half_yearly"),
        ("Thực hiện thường xuyên, tổng hợp báo cáo kết quả thực hiện theo chỉ đạo", None, "continuous"),
    ],
)
def test_a_deadline_is_the_last_day_of_what_it_names(text, due, recurrence):
    assert parse_deadline(text) == Deadline(due, recurrence)


@pytest.mark.parametrize(
    ("text", "deadline"),
    [
        ("trước 30/11 hằng năm", Deadline(None, "yearly", recurs_on="11-30")),
        ("Định kỳ hàng năm trước ngày 05/12", Deadline(None, "yearly", recurs_on="12-05")),
        ("trước ngày 25 hằng tháng", Deadline(None, "monthly", recurs_on="25")),
        ("Quý I, Quý III/2027", Deadline(date(2027, 9, 30), "once", earlier=(date(2027, 3, 31),))),
        ("từ ngày 09/02/2026 đến ngày 01/3/2026", Deadline(date(2026, 3, 1), "once", date(2026, 2, 9))),
        ("Thường xuyên từ tháng 3/2027", Deadline(None, "continuous", date(2027, 3, 1))),
        ("trước ngày 28/5", Deadline(date(2026, 5, 28), "once")),
        ("Trong Quý II", Deadline(date(2026, 6, 30), "once")),
    ],
)
def test_what_a_deadline_says_besides_is_kept(text, deadline):
    assert parse_deadline(text, 2026) == deadline


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Từ tháng 3/2027", "no_end"),
        ("Đầu năm 2027", "not_understood"),
        ("Trước tháng 6/2026", "before_span"),
        ("Trước ngày 31/6/2026", "no_such_day"),
        ("Tháng 13/2026", "no_such_day"),
        ("6 tháng hoặc hằng năm", "not_understood"),
        ("Hằng tháng, hằng quý", "several_recurrences"),
        ("năm học 2025-2026", "not_understood"),
        ("2027-2025", "order"),
        ("Hoàn thành trước ngày 30/6/2026, báo cáo trước 15/7/2026", "not_understood"),
        ("Dự kiến năm 2026", "not_understood"),
        ("20/12/26", "not_understood"),
        ("Năm 2206", "not_understood"),
        ("trước ngày 28/5", "no_year"),
    ],
)
def test_a_deadline_that_leaves_something_open_is_asked(text, question):
    assert parse_deadline(text) == Deadline(None, "", question=question)


@given(st.text(alphabet="0123456789/.- qtnăhýIVtrướcđế", max_size=24))
def test_any_text_gives_days_of_the_years_it_names_or_a_question(text):
    said = parse_deadline(text)
    assert (said.recurrence == "") == bool(said.question)
    if said.due_on:
        assert str(said.due_on.year) in text
