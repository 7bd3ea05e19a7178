"""What an agency gets back: its own file with each mistake marked where it is, and the list in front."""

import os
import zipfile

import openpyxl
import pytest
from conftest import vietnam
from openpyxl.drawing.image import Image
from openpyxl.styles import Font
from PIL import Image as Picture
from test_rules import cell_of, typing

from pipelines import flow
from pipelines.agencies.marked_copy import marked_copy
from pipelines.flow import run_steps
from pipelines.intake.acts import act_on_period
from pipelines.intake.ledger import Ledger
from pipelines.workers import LimitError, run_limited


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
                # a formula that was never calculated shows nothing
                assert copied.value == (None if cell.data_type == "f" else cell.value)
                assert (copied.font.name, copied.font.b) == (cell.font.name, cell.font.b)
                is_marked = (name, cell.coordinate) in wrong
                assert (copied.fill.fgColor.rgb == cell.fill.fgColor.rgb) != is_marked


def test_the_list_in_front_names_cell_mistake_and_fix(answer):
    book = answer("CA", "2026-10", edit=typing(("XHS-02", "Kết quả", 180)))
    texts = [str(cell.value) for row in book["Kết quả kiểm tra"].iter_rows() for cell in row if cell.value is not None]
    assert "Tỷ lệ 180 không thể có: tỷ lệ chỉ từ 0 đến 100%." in texts
    assert any(text.startswith("Nếu thiếu dấu phẩy") for text in texts)
    assert any("1 dòng bị từ chối" in text for text in texts)


def test_a_file_without_findings_at_cells_gets_the_list_alone(answer):
    book = answer("CA", "2026-10", {code: {"numerator": 1, "denominator": 2} for code in ("XHS-01", "XHS-02")})
    assert book.sheetnames == ["Kết quả kiểm tra"]


# ---------------------------------------------------------------- what the officer is told


@pytest.fixture
def told(home, office):
    """The lines above the table of each feedback by the name of the file it answers: {'late': {'Nhận lúc': ...}}."""
    # files arrive on the day they bear
    Ledger(home).append([{"event": "illustrative", "seed": 0, "day": "2026-01-01"}])

    class Desk:
        written = 0

        def send(self, name, answers, *day, agency="CA", edit=None):
            at = vietnam(*day).timestamp()
            os.utime(office.send(agency, "2026-10", answers, name=f"{name}.xlsx", edit=edit), (at, at))

        def act(self, event):
            act_on_period(Ledger(home), event, "2026-10", "chốt số liệu", "Sở KH&CN")

        def __call__(self):
            run_steps(home)
            self.written = flow.write_feedback(home)
            return {
                facts["Tệp đã gửi"].removesuffix(".xlsx"): facts
                for facts in map(self.facts, home.feedback.rglob("*.xlsx"))
            }

        @staticmethod
        def facts(path):
            sheet = openpyxl.load_workbook(path)["Kết quả kiểm tra"]
            return {
                row[0].value: next((cell.value for cell in row[1:] if cell.value), None) for row in sheet.iter_rows()
            }

    return Desk()


FIGURES = {code: {"numerator": 50, "denominator": 100} for code in ("XHS-01", "XHS-02")}
HELD = "Kỳ đã khóa: tệp được giữ lại, chưa tính."


def test_a_held_file_is_told_why_it_waits_and_that_it_need_not_be_sent_again(told):
    told.act("locked")
    told.send("held", FIGURES, 2026, 11, 18)
    told.send("held-wrong", FIGURES, 2026, 11, 19, edit=typing(("XHS-02", "Tử số", "12o")))
    answers = told()
    held, wrong = answers["held"], answers["held-wrong"]
    assert held["Kết quả"] == "Giữ lại, chưa tính"
    assert held["Việc cần làm"] == f"{HELD} Không phải gửi lại; báo cán bộ đầu mối nếu cần mở khóa."
    assert held["Số dòng"].startswith("Đọc 18 dòng, gồm: 2 dòng đúng được giữ lại, chưa tính vì kỳ đã khóa; ")
    assert held["Số dòng"].endswith(
        "0 dòng bị từ chối; 16 dòng bỏ qua (dòng trống, dòng cộng, ghi chú, dòng chưa điền)"
    )
    assert wrong["Việc cần làm"].startswith(f"{HELD} Sửa các dòng có mức độ “Lỗi” rồi gửi lại cả tệp")
    assert "1 dòng đúng được giữ lại, chưa tính vì kỳ đã khóa; 1 dòng bị từ chối; 16 dòng bỏ qua" in wrong["Số dòng"]


def test_an_unlock_writes_anew_only_what_it_changed(told, home):
    told.act("locked")
    told.send("blank", {}, 2026, 11, 17)
    told.send("held", FIGURES, 2026, 11, 18)
    told.send("held-again", FIGURES, 2026, 11, 19)
    answers = told()
    assert told.written == 3
    assert answers["blank"]["Kết quả"] == "Chưa có số liệu"
    assert "kết quả: giữ lại, chưa tính" in answers["held-again"]["Việc cần làm"]
    before = {path.name: path.stat().st_mtime_ns for path in home.feedback.rglob("*.xlsx")}
    told.act("unlocked")
    answers = told()
    assert told.written == 2
    assert answers["held"]["Kết quả"] == "Đã nhận đủ"
    assert "gồm: 2 dòng nhận mới; " in answers["held"]["Số dòng"]
    assert "kết quả: đã nhận đủ" in answers["held-again"]["Việc cần làm"]
    after = {path.name: path.stat().st_mtime_ns for path in home.feedback.rglob("*.xlsx")}
    assert after.keys() == before.keys()
    assert ["-blank-" in name for name in after if after[name] == before[name]] == [True]
    assert flow.write_feedback(home) == 0


def test_a_withdrawal_is_confirmed_with_the_codes_it_took_back(told):
    told.send("one", FIGURES, 2026, 10, 16)
    told.send("back", {code: {"note": "Rút số liệu"} for code in FIGURES}, 2026, 10, 17)
    told.send("back-again", {"XHS-01": {"note": "Xin rút số liệu"}}, 2026, 10, 18)
    answers = told()
    assert "Rút số liệu" not in answers["one"]
    assert answers["back"]["Rút số liệu"] == "Đã rút số liệu của XHS-01, XHS-02: 2 chỉ tiêu"
    assert answers["back-again"]["Rút số liệu"] == "Không có số liệu đã gửi để rút: XHS-01"


def test_a_correction_of_a_report_that_came_in_time_is_not_called_late_but_one_of_a_refused_report_is(told):
    figures = {"DVC-01": {"numerator": 60, "denominator": 100}}
    told.send("in-time", FIGURES, 2026, 10, 18)
    told.send("refused", figures, 2026, 10, 19, agency="PVHCC", edit=typing(("DVC-01", "Tử số", "12o")))
    told.send("corrected", {"XHS-02": {"numerator": 60, "denominator": 100}}, 2026, 10, 22)
    told.send("late", figures, 2026, 10, 22, agency="PVHCC")
    answers = told()
    assert answers["in-time"]["Nhận lúc"].endswith("hạn gửi 20/10/2026: đúng hạn, trước hạn 2 ngày")
    assert answers["corrected"]["Nhận lúc"].endswith(
        "hạn gửi 20/10/2026: tệp gửi bổ sung sau hạn 2 ngày; báo cáo của kỳ đã được tính đúng hạn"
    )
    assert answers["refused"]["Kết quả"] == "Bị từ chối"
    assert answers["late"]["Nhận lúc"].endswith("hạn gửi 20/10/2026: muộn 2 ngày")


TASKS = [f"11164-vinh-lai-2025/IV/{n}" for n in ("III.3", "III.10", "III.11", "V.8", "V.13", "V.14", "V.15")]
SHARED = [f"11164-vinh-lai-2025/III/{n}" for n in (48, 49, 90, 74, 92, 91, 71, 154)]  # given to all agencies


def test_what_was_replaced_by_what_and_what_remains_is_said_line_by_line(told, home):
    """As it was when each file came in; CA owes two figures of October and reports on seven tasks,
    and on its part of eight."""
    done = {"state": "Đã hoàn thành", "percent_done": 100, "document_number": "15/BC-CAX"}
    told.send("one", {"XHS-01": {"numerator": 50, "denominator": 100}}, 2026, 10, 16)
    told.send("two", FIGURES | {TASKS[0]: {"state": "Đang thực hiện", "percent_done": 60}}, 2026, 10, 20)
    told.send("three", {"XHS-02": {"numerator": 60, "denominator": 100}, TASKS[0]: done}, 2026, 10, 22)
    told.send("four", dict.fromkeys(SHARED + TASKS[1:], done), 2026, 10, 23)
    answers = told()
    assert "Thay số đã gửi" not in answers["one"]
    assert answers["one"]["Còn phải gửi"].startswith("XHS-02: Tỷ lệ người dân có tài khoản định danh điện tử")
    assert answers["two"]["Nhận lúc"].endswith("đúng hạn, trong ngày hạn gửi")
    assert answers["two"]["Còn phải gửi"] == f"14 nhiệm vụ: {', '.join(SHARED + TASKS[1:])}"
    assert answers["three"]["Thay số đã gửi"] == "XHS-02: 50 / 100 (50%) → 60 / 100 (60%)"
    [path] = home.feedback.rglob("*-three-*.xlsx")
    said = {cell.value for row in openpyxl.load_workbook(path)["Kết quả kiểm tra"].iter_rows() for cell in row}
    assert f"{TASKS[0]}: Đang thực hiện, 60% → Đã hoàn thành, 100%, 15/BC-CAX" in said
    assert answers["four"]["Còn phải gửi"] == "Không còn dòng nào: 17 dòng phải báo cáo của kỳ đều đã được nhận"


def test_a_report_repeated_and_a_figure_that_waits_are_said_with_what_they_are(told, office, home):
    started = {"state": "Đang thực hiện", "percent_done": 60}
    at = vietnam(2026, 9, 18).timestamp()
    os.utime(
        office.send("CA", "2026-09", {TASKS[0]: started, "XHS-02": {"numerator": 40, "denominator": 100}}), (at, at)
    )
    told()
    told.send(
        "again", {TASKS[0]: {"state": "Như kỳ trước"}, "XHS-02": {"numerator": 95, "denominator": 100}}, 2026, 10, 16
    )
    again = told()["again"]
    assert again["Như kỳ trước"] == f"{TASKS[0]}: Đang thực hiện, 60%, lấy theo báo cáo tháng 09/2026"
    assert again["Chờ xác nhận"] == "XHS-02: 95 / 100 (95%); số đang tính: chưa có"


def test_formulas_of_the_sender_become_the_values_they_showed(tmp_path):
    book = openpyxl.Workbook()
    book.worksheets[0]["A1"] = "=1+1"
    book.worksheets[0]["A2"] = '=HYPERLINK("http://example.invalid","bấm")'
    book.worksheets[0]["A3"] = "giữ nguyên"
    book.worksheets[0]["A3"].font = Font(bold=True)
    book.save(tmp_path / "sent.xlsx")
    findings = [{"source_sheet": "Sheet", "source_cell": cell, "severity": "warn", "rule_code": "X", "message": "m",
                 "fix": "f"} for cell in ("A2", "A3")]  # fmt: skip
    copy = marked_copy(tmp_path / "sent.xlsx", findings)
    copy.save(tmp_path / "copy.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "copy.xlsx")["Sheet"]
    assert sheet["A1"].value is None  # never calculated: it showed nothing
    assert [sheet[a].data_type for a in ("A2", "A3")] == ["s", "s"]  # its text is what a finding speaks of
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


def test_a_picture_of_the_file_stays_in_its_marked_copy(tmp_path):
    Picture.new("RGB", (8, 8), "red").save(tmp_path / "stamp.png")
    book = openpyxl.Workbook()
    book.active["A1"] = "12o"
    book.active.add_image(Image(tmp_path / "stamp.png"), "B2")
    book.save(tmp_path / "sent.xlsx")
    marked_copy(tmp_path / "sent.xlsx", []).save(tmp_path / "copy.xlsx")
    with zipfile.ZipFile(tmp_path / "copy.xlsx") as package:
        assert [name for name in package.namelist() if name.startswith("xl/media/")] == ["xl/media/image1.png"]


def test_a_call_that_hangs_fails_or_dies_costs_only_itself():
    import limited_calls

    outcomes = [outcome for _, outcome in run_limited(limited_calls.act, ["fine", "raise", "abort", "hoard", "fine"])]
    assert outcomes[0] == outcomes[4] == "done"
    assert isinstance(outcomes[1], ValueError)
    assert isinstance(outcomes[2], LimitError)
    assert isinstance(outcomes[3], LimitError)


def test_a_line_held_comes_into_force_by_a_yes_in_the_workbook_sent_back(home, office, ask):
    """What was asked, by which file it was confirmed and in which words stays; the lines still add up."""
    for period, numerator in (("2026-09", 40), ("2026-10", 90)):
        office.send("CA", period, {"XHS-02": {"numerator": numerator, "denominator": 100}})
        run_steps(home)
    flow.write_feedback(home)
    in_force = "SELECT numerator FROM core.fct_actual WHERE period_code = '2026-10' AND is_current"
    assert ask(in_force) == []
    assert ask("SELECT status, rows_held FROM core.fct_submission WHERE period_code = '2026-10'") == [("held", 1)]
    [path] = home.feedback.rglob("*2026-10*.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book["Kết quả kiểm tra"]
    [head] = [cell for row in sheet.iter_rows() for cell in row if cell.value == "Xác nhận"]
    [asked] = [row for row in sheet.iter_rows(min_row=head.row) if row[4].value == "Cần xác nhận"]
    assert asked[5].value == "Kết quả 90% chênh 50 điểm phần trăm so với Tháng 09/2026 (40%)."
    sheet.cell(asked[0].row, head.column).value = "Đúng, có đợt cấp lưu động"
    back = office.folder("11164", "CA") / "trả lời.xlsx"
    book.save(back)
    os.utime(back, (back.stat().st_mtime - 60,) * 2)
    run_steps(home)
    assert ask(in_force) == [(90,)]
    assert ask("SELECT code, state, confirmed_how, confirmed_reason FROM marts.mart_held_line") == [
        ("XHS-02", "confirmed", "workbook", "Đúng, có đợt cấp lưu động")
    ]
    assert ask("SELECT rows_held, rows_unaccounted FROM marts.mart_reconciliation WHERE submission_id = 'all'") == [
        (1, 0)
    ]
