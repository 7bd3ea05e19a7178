"""A plan document drafted into a workbook: rows found in every layout, no white cell wrong, doubts asked."""

import shutil

import docx
import openpyxl
import pytest
from click.testing import CliRunner
from made_plans import LAYOUTS, make

from pipelines.agencies.form import write_template
from pipelines.cli import main
from pipelines.files import read_csv
from pipelines.home import SOURCES
from pipelines.plans.add import add_plan
from pipelines.plans.codes import CodeFinder
from pipelines.plans.draft_workbook import write_draft
from pipelines.plans.drafting import draft_plan
from pipelines.plans.form import read_form
from pipelines.plans.reading.document import UnreadableDocumentError
from pipelines.registry import registry as registries
from pipelines.vietnamese import clean

FORM = read_form(SOURCES)
VINH_LAI_PLAN = "11164-vinh-lai-2025"
TASK = ("title", "lead_as_written", "cooperating_as_written", "deliverable", "head_role", "deadline_as_written",
        "due_on", "recurrence")  # fmt: skip
TARGET = ("as_written", "operator", "value", "value_high", "name", "lead_as_written")


def rows_of(plan_id):
    """A plan's tasks, and those of its targets that stand in a table by years."""
    folder = SOURCES / "plans" / plan_id
    targets = [row for row in read_csv(folder / "targets.csv") if row["appendix"] == "II"]
    return read_csv(folder / "tasks.csv"), targets if plan_id == VINH_LAI_PLAN else []


def marked(drafted):
    return {(mark.part, mark.row, mark.column) for mark in drafted.marks}


def compare(drafted, made):
    """Rows missing, rows too many, and white cells that say something else."""
    missing, extra, wrong = [], [], []
    of_task, of_target = ("appendix", "section", "row_number"), ("appendix", "row_number", "milestone_on")
    for part, rows, key, columns in (
        ("tasks", made.tasks, of_task, TASK),
        ("targets", made.targets, of_target, TARGET),
    ):
        found = {tuple(row[name] for name in key): at for at, row in enumerate(drafted.rows[part])}
        wanted = {tuple(row[name] for name in key): row for row in rows}
        missing += wanted.keys() - found.keys()
        extra += found.keys() - wanted.keys() if part == "tasks" else []
        for place, row in wanted.items():
            at = found.get(place)
            for name in columns if at is not None else ():
                if clean(drafted.rows[part][at][name]) != clean(row[name]) and (part, at, name) not in marked(drafted):
                    wrong.append((place, name, drafted.rows[part][at][name], row[name]))
    return missing, extra, wrong


@pytest.mark.parametrize(("plan_id", "layouts"), [
    (VINH_LAI_PLAN, ()), *(("11791-tien-minh-2026", (layout,)) for layout in LAYOUTS),
    (VINH_LAI_PLAN, LAYOUTS), ("11086-dai-son-2026", LAYOUTS),
    ("10903-cam-giang-2025", ("shuffled", "automatic", "tracked", "unknown_heads")),
])  # fmt: skip
def test_every_row_is_found_in_every_layout_and_no_white_cell_is_wrong(plan_id, layouts, registry, tmp_path):
    made = make(tmp_path / "kh.docx", *rows_of(plan_id), seed=f"{plan_id} {layouts}", layouts=layouts)
    drafted = draft_plan([made.path], SOURCES, registry, FORM)
    assert compare(drafted, made) == ([], [], [])


def document(path, rows, heads=("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời gian hoàn thành"), text=()):
    made = docx.Document()
    for line in ("ỦY BAN NHÂN DÂN", "XÃ CẨM GIANG", "Số: 15/KH-UBND", "Cẩm Giang, ngày 20 tháng 4 năm 2026", "KẾ HOẠCH",
                 "Thực hiện Nghị quyết số 57-NQ/TW năm 2026", *text, "PHỤ LỤC"):  # fmt: skip
        made.add_paragraph(line)
    table = made.add_table(0, len(heads))
    for row in (heads, *rows):
        for cell, value in zip(table.add_row().cells, row, strict=True):
            cell.text = value
    made.save(path)
    return path


def cell_of(book, part, row, column):
    """The cell of a drafted row; the first is number 1."""
    sheet = book[FORM[part]["title"]]
    at = [one["name"] for one in FORM[part]["columns"]].index(column) + 1
    top = next(one.row for one in sheet["A"] if str(one.value).startswith("Phụ lục"))
    return sheet.cell(top + row, at)


def test_what_is_doubtful_is_coloured_quotes_its_source_and_is_left_empty(registry, tmp_path):
    path = document(tmp_path / "kh.docx", [
        ("1", "Rà soát hạ tầng số", "Phòng VHXH xã Cẩm Giang", "Quý III/2026"),
        ("2", "Cấp chữ ký số đạt 80% cán bộ", "Ban Vũ trụ", "Từ tháng 3/2027"),
        ("2", "Tổng hợp", "Công an xã", "Hằng quý"),
    ], text=["Phấn đấu 45% hộ dân dùng ứng dụng số trước ngày 30/09/2026."])  # fmt: skip
    write_draft([path], SOURCES, registry, tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")

    def seen(row, column):
        cell = cell_of(book, "tasks", row, column)
        return cell.value, cell.fill.fgColor.rgb[-6:] if cell.fill.fill_type else "white"

    assert seen(1, "title") == ("Rà soát hạ tầng số", "white")
    assert seen(1, "lead_as_written") == ("Phòng VHXH xã Cẩm Giang", "FFE699")
    assert seen(1, "recurrence") == ("một lần", "white")
    assert seen(2, "lead_as_written") == (None, "F4B6B6")
    assert [seen(2, column) for column in ("due_on", "recurrence")] == [(None, "F4B6B6")] * 2
    assert seen(3, "row_number") == ("2", "F4B6B6")
    comment = cell_of(book, "tasks", 2, "due_on").comment.text
    assert "Từ tháng 3/2027" in comment
    assert "bảng 1, dòng 3" in comment
    assert cell_of(book, "targets", 1, "value").value == 80
    assert cell_of(book, "targets", 1, "as_written").fill.fgColor.rgb.endswith("FFE699")
    told = [[cell.value for cell in row] for row in book["Nguồn"].iter_rows()]
    unused = [row[0] for row in told if row[0] in ("45%", "30/09/2026", "80%")]
    assert unused == ["45%", "30/09/2026"]


def test_the_same_document_gives_the_same_bytes(registry, tmp_path):
    path = document(tmp_path / "kh.docx", [("1", "Rà soát hạ tầng số", "Công an xã", "Quý III/2026")])
    for name in ("a.xlsx", "b.xlsx"):
        write_draft([path], SOURCES, registry, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_table_that_may_give_targets_or_tasks_is_shown_both_ways(registry, tmp_path):
    path = document(tmp_path / "kh.docx", [("1", "Hồ sơ trực tuyến", "90%", "Công an xã", "Quý III/2026")],
                    heads=("STT", "Nội dung", "Mức phấn đấu", "Cơ quan chủ trì", "Thời hạn"))  # fmt: skip
    drafted = draft_plan([path], SOURCES, registry, FORM)
    assert [len(drafted.rows[part]) for part in ("targets", "tasks")] == [1, 1]
    red = {(mark.part, mark.column) for mark in drafted.marks if mark.colour == "red"}
    assert red >= {("targets", "row_number"), ("tasks", "row_number")}


def test_two_targets_of_one_cell_are_two_rows(registry, tmp_path):
    row = ("1", "Thứ hạng đổi mới sáng tạo", "≤ 3 khu vực; ≤ 50 thế giới", "Công an xã")
    path = document(tmp_path / "kh.docx", [row], heads=("STT", "Chỉ tiêu", "Năm 2030", "Cơ quan chủ trì"))
    rows = draft_plan([path], SOURCES, registry, FORM).rows["targets"]
    found = [(row["scope"], row["operator"], row["value"]) for row in rows]
    assert found == [("khu vực", "<=", "3"), ("thế giới", "<=", "50")]


def test_rows_without_a_number_of_their_own_are_rows_and_letters_stand_below_their_number(registry, tmp_path):
    path = document(tmp_path / "kh.docx", [
        ("1", "Lập kế hoạch", "Công an xã", "Quý I/2026"), ("", "Rà soát lại", "Phòng Kinh tế", "Quý II/2026"),
        ("", "phần còn lại", "", ""), ("2", "Triển khai:", "", ""), ("a)", "Tập huấn", "Công an xã", "Hằng quý"),
    ])  # fmt: skip
    drafted = draft_plan([path], SOURCES, registry, FORM)
    found = [(row["row_number"], row["title"], row["recurrence"]) for row in drafted.rows["tasks"]]
    assert found == [("1", "Lập kế hoạch", "once"), ("1.1", "Rà soát lại phần còn lại", "once"),
                     ("2a", "Tập huấn", "quarterly")]  # fmt: skip
    assert {("tasks", 1, "row_number"), ("tasks", 1, "title")} <= marked(drafted)


def test_what_was_reached_before_is_no_target_and_is_not_lost(registry, tmp_path):
    row = ("1", "Người dân có tài khoản định danh điện tử", "%", "61", "≥ 80", "90", "Công an xã")
    heads = ("STT", "Chỉ tiêu", "ĐVT", "Kết quả năm 2024", "Năm 2026", "Mục tiêu đến năm 2030", "Cơ quan chủ trì")
    rows = draft_plan([document(tmp_path / "kh.docx", [row], heads=heads)], SOURCES, registry, FORM).rows["targets"]
    assert [(one["milestone_on"], one["as_written"]) for one in rows] == [("2026-12-31", "≥ 80"), ("2030-12-31", "90")]
    assert {one["note"] for one in rows} == {"Kết quả năm 2024: 61"}


@pytest.mark.parametrize(("sentence", "rhythm", "shown"), [
    ("Các cơ quan định kỳ hằng quý báo cáo kết quả về Phòng Văn hóa - Xã hội.", "quarter", "hằng quý"),
    ("Báo cáo kết quả 6 tháng, năm về Ủy ban nhân dân xã.", "half", "6 tháng một lần"),
    ("Trước ngày 25 hàng tháng gửi báo cáo về Văn phòng.", "month", "hằng tháng"),
    ("Định kỳ hàng năm trước ngày 05/12 báo cáo Ủy ban nhân dân thành phố.", None, None),
])  # fmt: skip
def test_how_often_agencies_report_is_proposed_from_the_plans_words(sentence, rhythm, shown, registry, tmp_path):
    path = document(tmp_path / "kh.docx", [("1", "Rà soát", "Công an xã", "Hằng quý")], text=[sentence])
    drafted = write_draft([path], SOURCES, registry, tmp_path / "a.xlsx")
    assert drafted.plan.get("reporting_rhythm") == rhythm
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")[FORM["plan"]["title"]]
    [answer] = [row[1] for row in sheet.iter_rows() if row[0].value == "Kỳ báo cáo"]
    assert answer.value == shown
    assert (answer.comment is not None and sentence.rstrip(".") in answer.comment.text) == bool(rhythm)


def test_what_cannot_be_read_is_refused_with_the_reason(registry, tmp_path):
    lost = tmp_path / "kh.txt"
    lost.write_text("PHỤ LỤC\n1\nRà soát\nCông an xã\nQuý III/2026\n", encoding="utf-8")
    (tmp_path / "kh.docx").write_bytes(b"not a document")
    (tmp_path / "kh.odt").write_bytes(b"")
    for name, reason in (("kh.txt", "mất khung ô"), ("kh.docx", "không mở được"), ("kh.odt", "chỉ đọc được")):
        with pytest.raises(UnreadableDocumentError, match=reason):
            draft_plan([tmp_path / name], SOURCES, registry, FORM)


def test_text_with_tabs_or_pipes_is_read(registry, tmp_path):
    for name, row in (("tab.txt", "{}\t{}\t{}\t{}"), ("pipe.txt", "| {} | {} | {} | {} |")):
        lines = [row.format("STT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn"),
                 row.format("1", "Rà soát hạ tầng số", "Công an xã", "Quý III/2026")]  # fmt: skip
        (tmp_path / name).write_text("PHỤ LỤC\n" + "\n".join(lines), encoding="utf-8")
        [task] = draft_plan([tmp_path / name], SOURCES, registry, FORM).rows["tasks"]
        assert (task["title"], task["due_on"]) == ("Rà soát hạ tầng số", "2026-09-30")


def test_a_code_is_proposed_only_where_a_name_is_near_enough(registry):
    finder = CodeFinder((code, row["indicator_name"]) for code, row in registry.indicators.items())
    assert finder.proposed("Tỉ lệ người dân có tài khoản định danh điện tử VNeID") == "XHS-02"
    assert finder.proposed("Số vụ cháy rừng") == ""
    assert len(finder.best("Số vụ cháy rừng")) == 3


def test_an_agency_is_known_by_rule_without_its_commune_its_dashes_and_abbreviations(registry):
    names = registry.agency_names
    for text, codes in (("Trung tâm PVHCC xã Vĩnh Lại", ["PVHCC"]), ("VP HĐND&UBND", ["VP"]),
                        ("Công an đặc khu Cát Hải", ["CA"]),
                        ("Phòng VH-XH phường Lê Chân; Công an phường", ["VHXH", "CA"]),
                        ("Công an thành phố", None), ("Sở Kinh tế", None), ("Trung tâm", None)):  # fmt: skip
        assert names.resolve(text) == codes, text
    assert names.is_listed("Công an xã")
    assert not names.is_listed("Công an đặc khu Cát Hải")


# ---------------------------------------------------------------- from the document to the first form


def test_a_sixth_plan_comes_from_its_document_to_its_first_form(tmp_path):
    """Forty rows nobody has typed: drafted, the red cells filled by a person, added, checked, and a form made."""
    sources = tmp_path / "sources"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("inbox"))
    agencies = ["Công an xã", "Phòng Kinh tế", "Văn phòng HĐND&UBND xã", "Phòng Văn hóa - Xã hội xã"]
    deadlines = ["Quý III/2026", "Hằng quý", "Trước ngày 15/12/2026", "trước 30/11 hằng năm", "Thường xuyên"]
    rows = [(str(n), f"Việc thứ {n}: rà soát, cập nhật dữ liệu dùng chung", agencies[n % 4], deadlines[n % 5])
            for n in range(1, 41)]  # fmt: skip
    text = ["Định kỳ hàng năm trước ngày 30/11 các cơ quan báo cáo Ủy ban nhân dân xã (qua Phòng Văn hóa - Xã hội)."]
    path = document(tmp_path / "kh.docx", rows, text=text)
    workbook = tmp_path / "kh.xlsx"
    drafted = CliRunner().invoke(main, ["plans", "draft", str(path), "--out", str(workbook), "--sources", str(sources)])
    assert drafted.exit_code == 0, drafted.output
    assert "40 nhiệm vụ" in drafted.output
    assert [f["rule"] for f in add_plan(workbook, sources).findings] == ["K08"]  # only when reports begin
    book = openpyxl.load_workbook(workbook)
    plan = book[FORM["plan"]["title"]]
    next(row[1] for row in plan.iter_rows() if str(row[0].value).startswith("Bắt đầu báo cáo")).value = "01/05/2026"
    book.save(workbook)
    added = add_plan(workbook, sources)
    assert (added.findings, added.tasks) == ([], 40)
    checked = CliRunner().invoke(main, ["plans", "check", "--sources", str(sources)])
    assert checked.exit_code == 0, checked.output
    loaded = registries.load(sources)
    assert loaded.plans["10888-cam-giang-2026"]["annual_report_due"] == "11-30"
    form = write_template(loaded, "10888", "CA", "2026-10", tmp_path / "bieu.xlsx")
    shown = [str(cell.value) for row in openpyxl.load_workbook(form)["Nhiệm vụ"].iter_rows() for cell in row]
    assert sum("Việc thứ" in text for text in shown) == 10
