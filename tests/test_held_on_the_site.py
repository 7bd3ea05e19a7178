"""Lines that wait to be confirmed, on the pages where the focal officer looks."""

import re
from html import unescape

import pytest

from pipelines import flow
from pipelines.flow import run_steps
from pipelines.office.figures import sent


def rows_of(page, table="t-held"):
    """The cells of a table's lines, as text; [] where the page has no such table."""
    found = re.search(rf"<table id={table} .*?<tbody>(.*?)</tbody>", page.read_text(encoding="utf-8"), re.S)
    lines = re.split(r"<tr\b", found[1])[1:] if found else []
    cells = [re.split(r"<t[hd]\b[^>]*>", line)[1:] for line in lines]
    return [[unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in line] for line in cells]


def test_what_waits_is_shown_with_its_question_until_it_is_confirmed(home, office, registry):
    ratio = {"denominator": 100}
    for period, numerator in (("2026-09", 40), ("2026-10", 42), ("2026-10", 90)):
        office.send("CA", period, {"XHS-02": {"numerator": numerator} | ratio}, name=f"{numerator}.xlsx")
        run_steps(home)
    flow.write_site(home)
    name = registry.indicators["XHS-02"]["indicator_name"]
    pages = {"": home.site / "reporting.html", "11164": home.site / "commune" / "11164.html"}
    [waits] = rows_of(pages["11164"])
    assert waits[:5] == [f"XHS-02 {name}", "Công an xã, phường", "Tháng 10/2026", "90 / 100 (90%)", "42 / 100 (42%)"]
    assert waits[5].startswith("Kết quả 90% chênh 50 điểm phần trăm so với Tháng 09/2026 (40%).")
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d", waits[6])
    assert rows_of(pages[""]) == [["Xã Vĩnh Lại", *waits]]
    assert rows_of(home.site / "commune" / "11383.html") == []
    confirmed = {"XHS-02": {"numerator": 90, "note": "Đã rà soát"} | ratio}
    office.send("CA", "2026-10", confirmed, name="lại.xlsx")
    run_steps(home)
    flow.write_site(home)
    assert rows_of(pages["11164"]) == rows_of(pages[""]) == []
    assert "Không có số liệu nào chờ xác nhận." in pages[""].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ({"numerator": 30, "denominator": 60, "value": 50, "unit_of_measure": "%"}, "30 / 60 (50%)"),
        ({"value": 12345.5, "unit_of_measure": "triệu đồng", "kind": "amount"}, "12.345,5 triệu đồng"),
        ({"value": 1, "kind": "yes_no"}, "Đạt"),
        ({"value_text": "Đã có mạng", "kind": "text"}, "Đã có mạng"),
        ({"table_kind": "task", "value_text": "in_progress", "value": 0.6}, "Đang thực hiện, 0,6%"),
        ({"table_kind": "task", "value_text": "done"}, "Đã hoàn thành"),
        ({}, None),
        ({"table_kind": "task"}, None),
    ],
)
def test_a_line_is_said_in_one_text(line, text):
    empty = dict.fromkeys(("numerator", "denominator", "value", "value_text", "unit_of_measure"))
    assert sent({"table_kind": "indicator", "kind": "ratio"} | empty | line) == text
