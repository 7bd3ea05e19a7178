"""Whatever is typed into the form's cells gives exactly the facts typed, or a finding at that very cell."""

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.layout import Cell, Form, Sheet, lay_out
from pipelines.read import read_sheets
from pipelines.receive import receipts
from pipelines.template import write_template
from pipelines.validate import validate

NUMERATOR, DENOMINATOR, RESULT = "G", "I", "J"


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
    st.sampled_from(["12o", "1,234", "1.23.4", "20 hồ sơ", "khoảng 20", "20/40", "½", "=", "85%", "0x10", "٣"]).map(
        lambda text: Cell("t", unicodedata.normalize("NFD", text))),
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
    checked = validate(registry, receipts([entry], registry.city_communes, registry.agencies), {"x": reading})
    facts = {one["source_row"]: (one["numerator"], one["denominator"]) for one in checked.actuals}
    refused = {f["source_cell"] for f in checked.findings if f["severity"] == "fail"}
    assert len(checked.lines) == len(reading["tables"][0]["lines"])
    return facts, refused


@given(lines=LINES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_typed_figures_are_facts_or_findings(registry, base, lines):
    sheet, rows = base
    cells = dict(sheet.cells)
    for row, figures in zip(rows, lines, strict=True):
        for column, (_, cell) in zip((7, 9), figures, strict=True):
            if cell:
                cells[row, column] = cell
    facts, refused = outcome(registry, Sheet("Chỉ tiêu", cells))
    for row, ((number, first), (of, second)) in zip(rows, lines, strict=True):
        for value, cell, column in ((number, first, NUMERATOR), (of, second, DENOMINATOR)):
            if value is None and cell and cell.text != "-":
                assert f"{column}{row}" in refused, cell
                assert row not in facts
        if number is not None and of is not None:
            is_right = number <= of and (of or not number)
            assert (row in facts) == is_right
            if is_right:
                assert facts[row] == (str(Decimal(number) + Decimal("0.0000")), str(Decimal(of) + Decimal("0.0000")))
        elif (number is None) != (of is None):
            assert row not in facts
            assert {f"{NUMERATOR}{row}", f"{DENOMINATOR}{row}"} & refused
