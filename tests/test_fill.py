"""Somebody else's workbook: filled cell by cell as a mapping says, all else in it left as it was; or compared."""

import re
import zipfile
from datetime import date
from io import BytesIO

import openpyxl
import pytest
import yaml
from click.testing import CliRunner
from conftest import Office
from openpyxl.styles import Font, PatternFill

from pipelines.cli import main
from pipelines.flow import run_steps
from pipelines.home import Home

TASK = "11164-vinh-lai-2025/IV/III.3"


@pytest.fixture(scope="module")
def published(registry, tmp_path_factory):
    """What the police of Vĩnh Lại reported for September: one rate, one task done."""
    home = Home(tmp_path_factory.mktemp("fill"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI57_HOME", str(home.root))
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        Office(home, registry).send("CA", "2026-09", {
            "XHS-02": {"numerator": 1234, "denominator": 2000, "note": "=1+1"},
            TASK: {"state": "Đã hoàn thành", "percent_done": 100, "document_number": "15/BC-CAX",
                   "document_date": date(2026, 8, 3), "result": "12 lượt tuyên truyền"}})  # fmt: skip
        run_steps(home)
    return home


@pytest.fixture
def theirs(tmp_path):
    """Their workbook: a styled table with a formula, a merged cell, a picture of nothing, a sheet of its own."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Biểu 1"
    sheet["A1"], sheet["B3"], sheet["B4"] = "BÁO CÁO CỦA NGÀNH", "VNeID", "Nhiệm vụ"
    sheet["C3"].fill = PatternFill("solid", fgColor="FFFF00")
    sheet["C3"].font = Font(bold=True)
    sheet["D3"].number_format = "0.0%"
    sheet["E3"], sheet["F3"] = 99, "=C3*2"
    sheet["G3"].number_format = "dd/mm/yyyy"
    sheet.merge_cells("H3:I4")
    sheet.row_dimensions[5].height = 30
    book.create_sheet("Khác")["A1"] = "không ai đụng đến"
    book.save(tmp_path / "theirs.xlsx")
    return tmp_path / "theirs.xlsx"


@pytest.fixture
def fill(published, theirs, tmp_path, monkeypatch):
    """Fill by cells of a mapping: exit code, lines said, the copy (None where none was written)."""
    monkeypatch.setenv("KPI57_HOME", str(published.root))

    def run(*cells, compare=False, template=theirs, **top):
        (tmp_path / "map.yml").write_text(
            yaml.safe_dump({"sheet": "Biểu 1", "cells": list(cells)} | top, allow_unicode=True)
        )
        out = tmp_path / "out.xlsx"
        out.unlink(missing_ok=True)
        asked = ["fill", str(template), "--map", str(tmp_path / "map.yml"), "--period", "2026-09", "--commune", "11164"]
        answer = CliRunner().invoke(main, [*asked, *(["--compare"] if compare else ["--out", str(out)])])
        return answer.exit_code, answer.output.splitlines(), out if out.exists() else None

    return run


def parts(path):
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name) for name in package.namelist()}


def cells(path):
    """Every cell with its value and looks."""
    book = openpyxl.load_workbook(path)
    return {(sheet.title, cell.coordinate): (cell.value, cell.data_type if cell.value is not None else "",
                                             cell.number_format, cell.fill.fgColor.rgb, cell.font.b)
            for sheet in book for row in sheet for cell in row}  # fmt: skip


XHS = {"indicator": "XHS-02"}


def test_each_cell_gets_what_the_mapping_says_in_the_cell_s_own_look(fill, theirs):
    code, said, out = fill(
        {"cell": "C3", **XHS, "field": "numerator"}, {"cell": "D3", **XHS}, {"cell": "C7", **XHS, "unit": "%"},
        {"cell": "B7", **XHS, "field": "denominator", "divide_by": 1000},
        {"cell": "C4", "task": TASK}, {"cell": "D4", "task": TASK, "field": "document_date"},
        {"cell": "Khác!B2", "task": TASK, "field": "result"})  # fmt: skip
    assert (code, said) == (0, [f"7 of 7 cells filled in, {out}"])
    before, after = cells(theirs), cells(out)
    changed = {place: value for place, value in after.items() if before.get(place) != value}
    assert {place: value[0] for place, value in changed.items() if value[0] is not None} == {
        ("Biểu 1", "C3"): 1234, ("Biểu 1", "D3"): 0.617, ("Biểu 1", "C7"): 61.7, ("Biểu 1", "B7"): 2,
        ("Biểu 1", "C4"): "Đã hoàn thành", ("Biểu 1", "D4"): "03/08/2026", ("Khác", "B2"): "12 lượt tuyên truyền",
    }  # fmt: skip
    assert after["Biểu 1", "C3"][2:] == before["Biểu 1", "C3"][2:]
    assert after["Biểu 1", "D3"][2] == "0.0%"


def test_nothing_else_in_the_file_changes(fill, theirs):
    """But the sheet's cell, and that a workbook with formulas is asked to calculate anew."""
    _, _, out = fill({"cell": "C3", **XHS, "field": "numerator"})
    before, after = parts(theirs), parts(out)
    assert list(before) == list(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"xl/worksheets/sheet1.xml", "xl/workbook.xml"}
    taken_out = re.sub(rb"<c r=\"C3\"[^>]*>.*?</c>|<c r=\"C3\"[^>]*/>", b"", before["xl/worksheets/sheet1.xml"])
    assert re.sub(rb"<c r=\"C3\"[^>]*>.*?</c>", b"", after["xl/worksheets/sheet1.xml"]) == taken_out
    assert b'fullCalcOnLoad="1"' in after["xl/workbook.xml"]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ({"cell": "E3", **XHS}, "the cell is filled in (99); say 'overwrite: true' to replace it"),
        ({"cell": "F3", **XHS}, "the cell has a formula; say 'overwrite: true' to replace it"),
        ({"cell": "I4", **XHS}, "the cell is covered by the merged cell H3"),
        ({"cell": "G3", **XHS}, "the cell is formatted as a date or time"),
        ({"cell": "D3", **XHS, "field": "numerator"}, "the cell is formatted as a percentage, which the figure is not"),
        ({"cell": "C3", **XHS, "field": "note"}, "the text begins like a formula"),
        ({"cell": "C3", **XHS, "unit": "người"}, "the cell is counted in người, the indicator in %: say 'divide_by'"),
        ({"cell": "C3", **XHS, "period": "2026-08"}, "no figure for 2026-08"),
        ({"cell": "C3", "indicator": "XHS-99"}, "there is no indicator 'XHS-99'"),
        ({"cell": "C3", **XHS, "commune": "99999"}, "there is no commune '99999'"),
        ({"cell": "C3", "task": TASK, "field": "proposal"}, "no proposal reported for 2026-09"),
        ({"cell": "Mất!C3", **XHS}, "the workbook has no sheet 'Mất': Biểu 1, Khác"),
    ],
)
def test_what_cannot_be_filled_in_is_listed_and_left_as_it_was(fill, theirs, cell, problem):
    code, said, out = fill(cell)
    assert (code, said[-1]) == (1, f"0 of 1 cells filled in, {out}")
    assert said[0].endswith(f"· {problem}") or said[0].endswith(f": {problem}")
    assert cells(out) == cells(theirs)
    assert parts(out) == parts(theirs)


def test_a_formula_is_replaced_where_the_mapping_says_so(fill):
    code, _, out = fill({"cell": "F3", **XHS, "overwrite": True}, {"cell": "E3", **XHS, "overwrite": True})
    book = openpyxl.load_workbook(out)
    assert (code, book["Biểu 1"]["F3"].value, book["Biểu 1"]["E3"].value) == (0, 61.7, 61.7)


def test_a_mapping_with_faults_names_them_all_and_nothing_is_written(fill):
    code, said, out = fill({"cell": "3C", **XHS}, {"cell": "C3"}, {"cell": "C4", **XHS, "field": "rate"},
                           {"cell": "C5", **XHS, "colour": "red"})  # fmt: skip
    assert (code, out) == (1, None)
    assert [line for line in said if "map.yml, cell" in line and line.count("map.yml")] and len(said) == 4


def test_the_other_workbook_s_figures_are_compared_with_ours(fill, theirs):
    book = openpyxl.load_workbook(theirs)
    sheet = book["Biểu 1"]
    sheet["C3"], sheet["D3"], sheet["C7"], sheet["C4"] = 1234, 0.617, "61,7", "Đang thực hiện"
    sheet["B7"] = 2100
    book.save(theirs)
    mapping = [
        {"cell": "C3", **XHS, "field": "numerator"}, {"cell": "D3", **XHS}, {"cell": "C7", **XHS},
        {"cell": "B7", **XHS, "field": "denominator"}, {"cell": "C4", "task": TASK}, {"cell": "C8", **XHS},
    ]  # fmt: skip
    code, said, out = fill(*mapping, compare=True)
    assert (code, out) == (1, None)
    assert said == [
        "Biểu 1!B7: XHS-02 denominator 2026-09 · ours 2.000 · theirs 2.100 · differs",
        f"Biểu 1!C4: {TASK} state 2026-09 · ours Đã hoàn thành · theirs Đang thực hiện · differs",
        "Biểu 1!C8: XHS-02 value 2026-09 · ours 61,7 · the cell is empty",
        "3 of 6 cells as we have them",
    ]


def test_a_row_without_cells_and_a_sheet_without_rows_take_a_value(fill, tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Biểu 1"
    book.active.row_dimensions[4].height = 20
    book.create_sheet("Trống")
    book.save(tmp_path / "empty.xlsx")
    wanted = [{"cell": cell, **XHS} for cell in ("C4", "B4", "A2", "Trống!B9")]
    code, _, out = fill(*wanted, template=tmp_path / "empty.xlsx")
    filled = openpyxl.load_workbook(out)
    assert [filled["Biểu 1"][place].value for place in ("C4", "B4", "A2")] == [61.7] * 3
    assert (code, filled["Trống"]["B9"].value) == (0, 61.7)


@pytest.mark.parametrize("data", [b"", b"no workbook", b"PK\x03\x04"])
def test_what_is_no_workbook_is_refused_with_its_name(fill, tmp_path, data):
    (tmp_path / "bad.xlsx").write_bytes(data)
    code, said, out = fill({"cell": "C4", **XHS}, template=tmp_path / "bad.xlsx")
    assert (code, out) == (1, None)
    assert "bad.xlsx cannot be read as a workbook (.xlsx)" in said[-1]


def test_the_copy_is_never_written_over_a_file(published, theirs, tmp_path, monkeypatch):
    monkeypatch.setenv("KPI57_HOME", str(published.root))
    (tmp_path / "map.yml").write_text("cells: []")
    asked = ["fill", str(theirs), "--map", str(tmp_path / "map.yml"), "--period", "2026-09", "--out", str(theirs)]
    assert CliRunner().invoke(main, asked).exit_code == 2
    assert openpyxl.load_workbook(BytesIO(theirs.read_bytes())).sheetnames == ["Biểu 1", "Khác"]
