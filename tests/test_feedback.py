"""What an agency gets back: its own file with each mistake marked where it is, and the list in front."""

import openpyxl
import pytest
from openpyxl.styles import Font
from test_rules import cell_of, typing

from pipelines import flow
from pipelines.flow import run_steps
from pipelines.outputs.marked_copy import marked_copy
from pipelines.reading.limited import LimitError, run_limited


@pytest.fixture
def answer(home, office):
    """Send a file, run the steps, and open the feedback on it."""

    def send(*args, **options):
        office.send(*args, **options)
        run_steps(home)
        flow.write_feedback(home)
        [path] = home.feedback.rglob("*.xlsx")
        return openpyxl.load_workbook(path)

    return send


def marks(book):
    """Cells with a comment: {(sheet, address): first line of the comment}."""
    return {
        (sheet.title, cell.coordinate): cell.comment.text.splitlines()[0]
        for sheet in book.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.comment
    }


def test_each_mistake_is_coloured_and_explained_at_its_cell_and_nothing_else_changes(answer, office, tmp_path):
    edit = typing(
        ("XHS-01", "Tử số", 50), ("XHS-01", "Mẫu số", 40), ("XHS-02", "Tử số", "12o"), ("XHS-02", "Mẫu số", 9)
    )
    sent = openpyxl.load_workbook(office.fill(tmp_path / "sent.xlsx", "11164", "CA", "2026-10", {}))
    edit(sent)
    book = answer("CA", "2026-10", edit=edit)
    assert book.sheetnames == ["Kết quả kiểm tra", *sent.sheetnames]
    sheet = book["Chỉ tiêu"]
    first, second = cell_of(sheet, "XHS-01", "Tử số"), cell_of(sheet, "XHS-02", "Tử số")
    wrong = {
        ("Chỉ tiêu", first.coordinate): "LỖI C09: Tử số 50 lớn hơn mẫu số 40.",
        ("Chỉ tiêu", second.coordinate): "LỖI C04: Tử số “12o” không phải là số.",
    }
    assert marks(book) == wrong
    for name in sent.sheetnames:
        for row in sent[name].iter_rows():
            for cell in row:
                copied = book[name][cell.coordinate]
                assert copied.value == cell.value
                assert (copied.font.name, copied.font.b) == (cell.font.name, cell.font.b)
                is_marked = (name, cell.coordinate) in wrong
                assert (copied.fill.fgColor.rgb == cell.fill.fgColor.rgb) != is_marked


def test_the_list_in_front_names_cell_mistake_and_fix(answer):
    book = answer("CA", "2026-10", edit=typing(("XHS-02", "Kết quả", 180)))
    texts = [str(cell.value) for row in book["Kết quả kiểm tra"].iter_rows() for cell in row if cell.value is not None]
    assert "Tỷ lệ 180 nằm ngoài khoảng từ 0 đến 100%." in texts
    assert any(text.startswith("Kiểm tra lại tử số") for text in texts)
    assert any("1 dòng bị từ chối" in text for text in texts)


def test_a_file_without_findings_at_cells_gets_the_list_alone(answer):
    book = answer("CA", "2026-10", {code: {"numerator": 1, "denominator": 2} for code in ("XHS-01", "XHS-02")})
    assert book.sheetnames == ["Kết quả kiểm tra"]


def test_formulas_of_the_sender_become_the_values_they_showed(tmp_path):
    book = openpyxl.Workbook()
    book.worksheets[0]["A1"] = "=1+1"
    book.worksheets[0]["A2"] = '=HYPERLINK("http://example.invalid","bấm")'
    book.worksheets[0]["A3"] = "giữ nguyên"
    book.worksheets[0]["A3"].font = Font(bold=True)
    book.save(tmp_path / "sent.xlsx")
    finding = {"source_sheet": "Sheet", "source_cell": "A3", "severity": "warn", "rule_code": "X", "message": "m",
               "fix": "f"}  # fmt: skip
    copy = marked_copy(tmp_path / "sent.xlsx", [finding])
    copy.save(tmp_path / "copy.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "copy.xlsx")["Sheet"]
    assert [sheet[a].data_type for a in ("A1", "A2", "A3")] == ["s", "s", "s"]  # never calculated: kept as text
    assert sheet["A3"].font.bold
    assert sheet["A3"].comment.text == "LƯU Ý X: m\nCách sửa: f"


def test_a_comment_on_a_merged_cell_stands_at_its_first_cell(tmp_path):
    book = openpyxl.Workbook()
    book.worksheets[0]["A1"] = "x"
    book.worksheets[0].merge_cells("A1:C2")
    book.save(tmp_path / "sent.xlsx")
    finding = {"source_sheet": "Sheet", "source_cell": "B2", "severity": "fail", "rule_code": "X", "message": "m",
               "fix": "f"}  # fmt: skip
    assert marks(marked_copy(tmp_path / "sent.xlsx", [finding])) == {("Sheet", "A1"): "LỖI X: m"}


def test_a_text_file_cannot_be_marked(tmp_path):
    (tmp_path / "a.csv").write_text("a;b", encoding="utf-8")
    with pytest.raises(ValueError, match="text file"):
        marked_copy(tmp_path / "a.csv", [])


def test_a_call_that_hangs_fails_or_dies_costs_only_itself():
    import limited_calls

    outcomes = [outcome for _, outcome in run_limited(limited_calls.act, ["fine", "raise", "abort", "hoard", "fine"])]
    assert outcomes[0] == outcomes[4] == "done"
    assert isinstance(outcomes[1], ValueError)
    assert isinstance(outcomes[2], LimitError)
    assert isinstance(outcomes[3], LimitError)
