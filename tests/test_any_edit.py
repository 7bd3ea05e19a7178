"""Whatever is typed into the form's cells gives exactly the facts typed, or a finding at that very cell."""

import unicodedata

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines.agencies.form import write_template
from pipelines.checking.expectations import unexpected
from pipelines.checking.validate import validate
from pipelines.intake.receive import receipts
from pipelines.reading.form import Form
from pipelines.reading.layout import lay_out
from pipelines.reading.read import read_sheets
from pipelines.reading.sheet import Cell, Sheet

NUMERATOR, DENOMINATOR = "H", "I"


def with_points(number):
    return f"{number:,}".replace(",", ".")


def wide(text):
    return "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)


WRITTEN = [
    lambda n: Cell("n", str(n)),
    lambda n: Cell("t", str(n)),
    lambda n: Cell("t", with_points(n)),
    lambda n: Cell("t", with_points(n).replace(".", " ")),
    lambda n: Cell("t", f"\xa0{with_points(n)},0\xa0"),
    lambda n: Cell("t", wide(with_points(n))),
    lambda n: Cell("t", f"'{n}"),
]
NUMBERS = st.integers(0, 2_000_000)
GOOD = st.builds(lambda n, written: (n, written(n)), NUMBERS, st.sampled_from(WRITTEN))
BAD = st.one_of(
    st.sampled_from([Cell("e", "#DIV/0!"), Cell("e", "#N/A"), Cell("f", "=G1/0"), Cell("d", "2026-10-05"),
                     Cell("p", "0.5"), Cell("b", "1"), Cell("n", "1.5"), Cell("n", "-3"), Cell("n", "1e+20")]),
    st.sampled_from(["12o", "120\n125", "1.23.4", "20 hồ sơ", "khoảng 20", "20/40", "½", "=", "85%", "0x10", "20¹", "²",
                     "٣"]).map(lambda text: Cell("t", unicodedata.normalize("NFD", text))),
    st.text(st.characters(categories=["L"]), min_size=1, max_size=8).map(lambda text: Cell("t", text)),
).map(lambda cell: (None, cell))  # fmt: skip
BLANK = st.sampled_from([(None, None), (None, Cell("t", "-"))])
LINES = st.lists(st.tuples(st.one_of(GOOD, BAD, BLANK), st.one_of(GOOD, BAD, BLANK)), min_size=10, max_size=10)


@pytest.fixture(scope="module")
def base(registry, tmp_path_factory):
    """The sheet of PVHCC's form for October 2026, and the row of each of its ten lines."""
    path = write_template(registry, "11164", "PVHCC", "2026-10", tmp_path_factory.mktemp("any") / "form.xlsx")
    sheet = next(sheet for sheet in read_sheets(path) if sheet.name == "Chỉ tiêu")
    rows = [row for (row, column), cell in sorted(sheet.cells.items()) if column == 2 and cell.text.startswith("DVC-")]
    return sheet, rows


def outcome(registry, sheet):
    """The facts by row and the refusals as cells, of a workbook with this one sheet."""
    entry = {"sequence": 1, "submission_id": "x", "sha256": "x", "size": 0, "folder": "11164-vinh-lai/PVHCC",
             "name": "a.xlsx", "received_at": "2026-10-20T09:00:00"}  # fmt: skip
    reading = lay_out([sheet], Form(registry.form))
    rows = receipts([entry], registry.city_communes, registry.agency_folders)
    checked = validate(registry, rows, {"x": reading}, unexpected)
    facts = {one["source_row"]: (one["numerator"], one["denominator"]) for one in checked.actuals}
    refused = {f["source_cell"] for f in checked.findings if f["severity"] == "fail"}
    assert len(checked.lines) == len(reading["tables"][0]["lines"])
    return facts, refused


def test_typed_figures_are_facts_or_findings(registry, base):
    sheet, rows = base

    @given(lines=LINES)
    @settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    def hold(lines):
        cells = dict(sheet.cells)
        for row, figures in zip(rows, lines, strict=True):
            cells |= {(row, column): cell for column, (_, cell) in zip((8, 9), figures, strict=True) if cell}
        facts, refused = outcome(registry, Sheet("Chỉ tiêu", cells))
        for row, (first, second) in zip(rows, lines, strict=True):
            check(row, first, second, facts.get(row), refused)

    hold()


def check(row, numerator, denominator, fact, refused):
    """One line: (number or None, cell or None) of numerator and denominator, the fact, and all cells refused."""
    number, of = numerator[0], denominator[0]
    places = (f"{NUMERATOR}{row}", f"{DENOMINATOR}{row}")
    bad = [place for place, (value, cell) in zip(places, (numerator, denominator), strict=True)
           if value is None and cell and cell.text != "-"]  # fmt: skip
    assert not bad or fact is None
    assert set(bad) <= refused
    if number is not None and of is not None:
        if number <= of and (of or not number):
            assert fact == (f"{number}.0000", f"{of}.0000")
            assert not refused.intersection(places)
        else:
            assert fact is None
            assert refused.intersection(places)
    elif (number is None) != (of is None):
        assert fact is None
        assert refused.intersection(places)
    else:
        assert fact is None


# ---------------------------------------------------------------- text around the figures

SPOKEN = ["Tháng 9/2026", "tháng 10 năm 2026", "Kỳ trước", "kỳ này", "Kế hoạch năm 2026", "ước cả năm", "cùng kỳ",
          "Lũy kế", "T9", "năm 2025", "Quý III", "nghìn người", "(nếu có)", "(người)", "Số liệu", "Tổng cộng", "Tử số",
          "Mẫu số", "Kết quả", "Ghi chú", "Mã chỉ tiêu", "DVC-01", "DVC-02", "12", "1.234", "(1)", "-",
          "Kỳ báo cáo: 2026-09", "Đơn vị tính: triệu đồng", "Người lập biểu", "(nghìn người)", "(Kế hoạch năm 2026)",
          "phấn_đấu_2030", "Tháng chín", "Kế hoạch\u00a0năm\u00a02026", "Ｔ９", "ky truoc", "plan", "last month", "YTD",
          "so với cùng kỳ", "năm trước", "Công an xã", "Phòng Văn hóa - Xã hội", "14/9/2026"]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(SPOKEN),
    st.builds(lambda *parts: " ".join(parts), st.sampled_from(SPOKEN), st.sampled_from(SPOKEN)),
    st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=30),
)
PLACES = st.one_of(
    st.tuples(st.just("above"), st.integers(1, 8), st.integers(1, 12)),
    st.tuples(st.just("beside"), st.integers(9, 20), st.integers(14, 16)),
    st.tuples(st.just("header"), st.sampled_from(["{header} {text}", "{text} {header}", "{header} ({text})", "{text}"]),
              st.sampled_from([2, 8, 9, 11])),
    st.tuples(st.just("between"), st.integers(10, 20), st.integers(1, 13)),
    st.tuples(st.just("sheet"), st.just(0), st.just(0)),
)  # fmt: skip


def with_text(sheet, place, text):
    """The sheet with a text put somewhere; rows below a text between lines move down."""
    where, how, column = place
    cells = dict(sheet.cells)
    if where == "sheet":
        return Sheet(text[:31], cells)
    if where == "header":
        cells[9, column] = Cell("t", how.format(header=cells[9, column].text, text=text))
    elif where == "between":
        cells = {(row + (row >= how), number): cell for (row, number), cell in cells.items()}
        cells[how, column] = Cell("t", text)
    else:
        cells[how, column] = Cell("t", text)
    return Sheet("Chỉ tiêu", cells)


def test_text_around_the_figures_never_changes_one(registry, base):
    """Each fact is as it was, or not there and its line asked, or the file."""
    sheet, rows = base
    filled = dict(sheet.cells)
    figures = {}
    for number, row in enumerate(rows, 1):
        figures[filled[row, 2].text] = (f"{100 + number}.0000", f"{200 + number}.0000")
        filled[row, 8], filled[row, 9] = Cell("n", str(100 + number)), Cell("n", str(200 + number))
    sheet = Sheet("Chỉ tiêu", filled)

    @given(place=PLACES, text=TEXTS)
    @settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    def hold(place, text):
        entry = {"sequence": 1, "submission_id": "x", "sha256": "x", "size": 0, "folder": "11164-vinh-lai/PVHCC",
                 "name": "a.xlsx", "received_at": "2026-10-20T09:00:00"}  # fmt: skip
        reading = lay_out([with_text(sheet, place, text)], Form(registry.form))
        rows = receipts([entry], registry.city_communes, registry.agency_folders)
        checked = validate(registry, rows, {"x": reading}, unexpected)
        facts = {one["indicator_code"]: (one["numerator"], one["denominator"]) for one in checked.actuals}
        assert facts.items() <= figures.items(), (place, text)
        missing = figures.keys() - facts.keys()
        asked = [f for f in checked.findings if f["severity"] in ("fail", "warn", "confirm")]
        assert not missing or asked, (place, text)

    hold()
