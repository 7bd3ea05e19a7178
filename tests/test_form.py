"""The form that helps: what stands beside each answer, what it says while it is filled in, how it is read.

What LibreOffice makes of the formulas was compared by hand: a blank form's stored results are those it calculates.
"""

import re
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from conftest import DAI_SON, VINH_LAI
from judged import judged
from test_rules import cell_of, typing

from pipelines import flow
from pipelines.agencies.form import write_template
from pipelines.agencies.form_lines import sentences
from pipelines.agencies.reported import Figure, Report, Reported
from pipelines.check import check_files
from pipelines.reading.form import Form

FIGURES, TASKS = "Chỉ tiêu", "Nhiệm vụ"
TASK = "11164-vinh-lai-2025/IV/III.3"
SAME = "Như kỳ trước"


@pytest.fixture(scope="module")
def last(registry):
    """What the police of Vĩnh Lại reported last."""
    september = registry.period_of(VINH_LAI, "2026-09")
    return Reported(
        {"XHS-02": Figure(september, Decimal(50), Decimal(100), Decimal(50), None, False),
         "XHS-01": Figure(september, None, None, Decimal(12), None, False)},
        {TASK: Report(september, "in_progress", Decimal(40), "197/KH-CAX", date(2026, 7, 9))},
    )  # fmt: skip


@pytest.fixture
def made(registry, last, tmp_path):
    """A form of the police of Vĩnh Lại, as openpyxl opens it."""

    def make(period="2026-10", *, shown=False, **options):
        path = write_template(registry, VINH_LAI, "CA", period, tmp_path / "form.xlsx", **{"reported": last} | options)
        return openpyxl.load_workbook(path, data_only=shown)

    return make


def formulas(book):
    return {(sheet.title, cell.coordinate): cell.value for sheet in book for row in sheet for cell in row
            if cell.data_type == "f"}  # fmt: skip


# ---------------------------------------------------------------- beside the answers


def test_the_last_report_and_the_milestone_ahead_stand_beside_each_answer(made):
    book = made()
    said = {header: cell_of(book[FIGURES], "XHS-02", header).value for header in ("Số đã báo gần nhất", "Mốc phải đạt")}
    assert said["Số đã báo gần nhất"] == "50 / 100\n= 50%\nTháng 09/2026"
    assert re.fullmatch(r"\S.*\nđến 31/12/20\d\d", said["Mốc phải đạt"])
    assert cell_of(book[TASKS], TASK, "Đã báo gần nhất").value == (
        "Đang thực hiện, 40%\nTháng 09/2026\n197/KH-CAX, 09/07/2026")  # fmt: skip


def test_a_form_without_a_warehouse_says_that_nothing_was_reported(made):
    book = made(reported=Reported())
    assert cell_of(book[FIGURES], "XHS-02", "Số đã báo gần nhất").value == "Chưa có số liệu"
    assert cell_of(book[TASKS], TASK, "Đã báo gần nhất").value == "Chưa báo cáo"


def test_the_same_order_gives_the_same_bytes(registry, last, tmp_path):
    paths = [write_template(registry, VINH_LAI, "CA", "2026-10", tmp_path / name, reported=last) for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()


SHARED = "11164-vinh-lai-2025/III/48"  # given to 'Các cơ quan, đơn vị liên quan'; Phòng Văn hóa - Xã hội sums up


def test_a_task_given_to_all_agencies_says_what_each_is_to_report(registry, made, tmp_path):
    """One of them on its part; the focal agency on the whole, beside what the others said, in the same period too."""
    said = cell_of(made()[TASKS], SHARED, "Nhiệm vụ").value
    assert said.split("Nhiệm vụ chung: ")[1] == (
        "kế hoạch giao cho tất cả các cơ quan; chỉ báo cáo phần việc của cơ quan mình, cơ quan đầu mối tổng hợp."
    )
    october = registry.period_of(VINH_LAI, "2026-10")
    parts = {
        (SHARED, "CA"): Report(october, "done", Decimal(100), "12/BC", date(2026, 10, 5), "Số hóa 40/40 hồ sơ"),
        (SHARED, "KT"): Report(october, "in_progress", Decimal(60), None, None),
    }
    path = write_template(
        registry, VINH_LAI, "VHXH", "2026-10", tmp_path / "focal.xlsx", reported=Reported(parts=parts)
    )
    said = cell_of(openpyxl.load_workbook(path)[TASKS], SHARED, "Nhiệm vụ").value
    assert said.split("Nhiệm vụ chung: ")[1].split("\n") == [
        "kế hoạch giao cho tất cả các cơ quan; ghi kết quả tổng hợp, kể cả phần việc của cơ quan mình. "
        "2/6 cơ quan khác đã báo cáo, 1 đã hoàn thành.",
        "– Đã hoàn thành (tháng 10/2026): Công an xã, phường",
        "– Đang thực hiện (tháng 10/2026): Phòng Kinh tế 60%",
        "– Chưa báo cáo: Trung tâm Phục vụ hành chính công; Ban Chỉ huy Quân sự xã, phường; "
        "Trung tâm Văn hóa, Thể thao và Truyền thông; Văn phòng HĐND và UBND",
        "– Công an xã, phường: Số hóa 40/40 hồ sơ",
    ]
    assert "Nhiệm vụ chung" not in cell_of(made()[TASKS], TASK, "Nhiệm vụ").value


# ---------------------------------------------------------------- while it is filled in


def test_formulas_stand_outside_the_answer_cells(made):
    book = made()
    found = formulas(book)
    opened = {(sheet.title, cell.coordinate) for sheet in book for row in sheet for cell in row
              if not cell.protection.locked}  # fmt: skip
    assert found and opened and not found.keys() & opened
    assert {name for formula in found.values() for name in re.findall(r"([A-Z]+)\(", formula)} <= {
        "IF", "AND", "OR", "ISNUMBER", "ISTEXT", "TRIM", "ROUND", "ABS", "N", "INT", "LEFT", "MAX", "SUMPRODUCT",
        "TODAY"}  # fmt: skip
    assert max(map(len, found.values())) < 8192  # what Excel takes
    assert max(formula.count("IF(") for formula in found.values()) < 64


def test_a_blank_form_has_the_results_of_its_formulas_and_a_filled_one_none(registry, made):
    shown = made(shown=True)
    assert cell_of(shown[FIGURES], "XHS-02", "Cần xem lại").value == "Chưa điền"
    assert [c.value for row in shown[FIGURES] for c in row if str(c.value).startswith("Đã điền")] == [
        "Đã điền 0/2 dòng bắt buộc · 0 chỗ cần xem lại"]  # fmt: skip
    filled = made(shown=True, answers={"XHS-02": {"numerator": 1, "denominator": 2}})
    assert {filled[sheet][cell].value for sheet, cell in formulas(made())} == {None}


def test_limits_in_sentences_are_those_of_the_rules(registry, made):
    [rule] = [rule for rule in registry.rules if rule["code"] == "C29"]
    limit = rule["arguments"]["max_value"]
    sentence = cell_of(made()[FIGURES], "XHS-02", "Cần xem lại").value
    assert f"ABS($H11/$I11*100-50)>{limit}" in sentence or re.search(rf"\*100-50\)>{limit}\b", sentence)
    assert "tháng 09/2026" in sentence


def test_every_sentence_speaks_of_a_rule_and_is_as_serious(registry):
    """What stands red is refused, what stands amber is asked or remarked."""
    rules = {rule["code"]: rule["severity"] for rule in registry.rules}
    entries = [entry for some in sentences()["review"].values() for entry in some]
    assert {entry["rule"] for entry in entries if "rule" in entry} <= rules.keys()
    assert {rules[entry["rule"]] for entry in entries if entry.get("word") == "missing"} == {"fail"}
    assert {rules[entry["rule"]] for entry in entries if "noted" in entry and "rule" in entry} == {"warn"}


def test_prompts_are_short_enough_for_excel(made, registry, tmp_path):
    books = [made(), made("2026")]
    books += [openpyxl.load_workbook(write_template(registry, VINH_LAI, "VHXH", "2026", tmp_path / "v.xlsx"))]
    found = [rule for book in books for sheet in book for rule in sheet.data_validations.dataValidation]
    assert {rule.promptTitle for rule in found} >= {"Trạng thái", "Kết quả thực hiện", "Kiến nghị, đề xuất"}
    for rule in found:
        assert len(rule.promptTitle or "") <= 32
        assert len(rule.prompt or "") <= 255


def test_the_guide_is_one_page_and_every_column_fits_the_paper(made):
    """At 185 characters a line the smallest text is printed at 9 points; the column of sentences is for the screen."""
    for book in (made(), made("2026")):
        assert book["Hướng dẫn"].page_setup.fitToHeight == 1
        for title in (FIGURES, TASKS):
            sheet = book[title]
            last = sheet.print_area.rpartition("$")[0].rpartition("$")[2]
            printed = [column.width for letter, column in sheet.column_dimensions.items() if letter <= last]
            assert sum(printed) <= 185
            assert book._fonts[0].name == "Times New Roman"


# ---------------------------------------------------------------- header words


def test_no_column_that_is_only_shown_is_taken_for_an_answer(registry):
    """Nor may it be one of the words the reader knows as a column, a label or the period of a line."""
    form = Form(registry.form)
    shown = [
        column["header"] for sheet in registry.form["sheets"] for column in sheet["columns"] if column.get("shown")
    ]
    assert len(shown) == 6
    for header in shown:
        assert [table.kind for table in form.words.tables if table.match(header)] == [], header
        assert header.casefold() not in form.labels


def test_each_header_is_one_column_of_its_table(registry):
    form = Form(registry.form)
    for table, sheet in zip(form.words.tables, registry.form["sheets"], strict=True):
        for column in sheet["columns"]:
            found = table.match(column["header"])
            assert (found.name if found else None) == (None if column.get("shown") else column["name"])


# ---------------------------------------------------------------- forms of before

IDENTIFICATION = [["Xã, phường", "Xã Vĩnh Lại", "Mã xã", "11164"], ["Cơ quan báo cáo", "Công an", "Mã cơ quan", "CA"],
                  ["Kỳ báo cáo", "2026-10"]]  # fmt: skip
VERSION_1 = {
    FIGURES: [
        *IDENTIFICATION,
        ["STT", "Mã chỉ tiêu", "Tên chỉ tiêu", "Đơn vị tính", "Kỳ này", "Nội dung tử số", "Tử số", "Nội dung mẫu số",
         "Mẫu số", "Kết quả", "Ghi chú"],
        [1, "XHS-02", None, "%", "Bắt buộc", "Số người", 30, "Tổng số người", 60, None, None],
    ],
    TASKS: [
        *IDENTIFICATION,
        ["STT", "Mã nhiệm vụ", "Nhiệm vụ", "Sản phẩm đầu ra", "Thời hạn", "Trạng thái", "Tỷ lệ hoàn thành (%)",
         "Số văn bản sản phẩm", "Ngày văn bản", "Khó khăn, vướng mắc"],
        [1, TASK, None, "Kế hoạch", "Quý IV/2026", "Đang thực hiện", 60, None, None, "Thiếu kinh phí"],
    ],
}  # fmt: skip


@pytest.mark.parametrize("folder", ["Nơi gửi", "Gửi vào thư mục"], ids=["version 1", "of 0.1.0"])
def test_forms_of_before_are_taken(registry, folder):
    sheets = {title: [[*rows[0], folder, "11164-vinh-lai/CA"], *rows[1:]] for title, rows in VERSION_1.items()}
    found = judged(registry, sheets)
    [figure] = found.actuals
    assert [figure[name] for name in ("indicator_code", "numerator", "is_estimate")] == ["XHS-02", "30.0000", None]
    assert [(one["task_id"], one["state"], one["difficulty"], one["result"]) for one in found.task_reports] == [
        (TASK, "in_progress", "Thiếu kinh phí", None)]  # fmt: skip
    assert [f["rule_code"] for f in found.findings if f["severity"] == "fail"] == []


def test_a_form_as_it_was_made_is_read_without_a_finding(registry, last, tmp_path):
    answers = {code: {"numerator": 51, "denominator": 100} for code in ("XHS-01", "XHS-02", "CQS-05")}
    answers |= {task["task_id"]: {"state": "Đang thực hiện", "percent_done": 50}
                for task in registry.tasks_of(VINH_LAI, "CA", date(2026, 10, 14))}  # fmt: skip
    path = write_template(registry, VINH_LAI, "CA", "2026-10", tmp_path / "a.xlsx", answers=answers, reported=last)
    [answer] = check_files(registry, [path], VINH_LAI, "CA")
    assert (answer["findings"], answer["lines"]["accepted"]) == ([], 18)


def test_a_name_beside_another_code_is_still_seen_in_the_folded_cell(registry, tmp_path, office):
    def swap(book):
        first, second = (cell_of(book[FIGURES], code, "Tên chỉ tiêu") for code in ("XHS-01", "XHS-02"))
        first.value, second.value = second.value, first.value

    answers = {code: {"numerator": 51, "denominator": 100} for code in ("XHS-01", "XHS-02")}
    path = office.send("CA", "2026-10", answers, edit=swap)
    [answer] = check_files(registry, [path], VINH_LAI, "CA")
    assert {f["rule"] for f in answer["findings"] if f["severity"] == "fail"} == {"C38"}


# ---------------------------------------------------------------- as in the last period


def test_as_in_the_last_period_repeats_that_report(home, office, ask):
    text = {"difficulty": "Thiếu kinh phí", "result": "12 lượt tuyên truyền", "proposal": "Đề nghị bố trí kinh phí"}
    done = {
        "state": "Đã hoàn thành",
        "percent_done": 100,
        "document_number": "15/BC-CAX",
        "document_date": date(2026, 8, 3),
    }
    office.send("CA", "2026-08", {TASK: done})
    office.send("CA", "2026-09", {TASK: {"state": SAME, **text}})
    flow.run_steps(home)
    office.send("CA", "2026-10", {TASK: {"state": SAME}})
    flow.run_steps(home)
    said = ask("SELECT period_code, state, percent_done, document_number, document_date, repeats_period, result, "
               "proposal FROM core.fct_task_report ORDER BY period_code")  # fmt: skip
    report = ("done", 100, "15/BC-CAX", date(2026, 8, 3))
    assert said == [
        ("2026-08", *report, None, None, None),
        ("2026-09", *report, "2026-08", "12 lượt tuyên truyền", "Đề nghị bố trí kinh phí"),
        ("2026-10", *report, "2026-09", None, None),
    ]
    assert ask("SELECT result, task_status FROM marts.mart_task_progress WHERE task_id = ?", TASK) == [(None, "done")]


@pytest.mark.parametrize(
    ("answers", "rule"),
    [({"state": SAME}, "N31"), ({"state": SAME, "percent_done": 40}, "N32")],
    ids=["nothing was reported", "and something else"],
)
def test_as_in_the_last_period_is_refused_where_it_is_not_clear_what_that_is(registry, office, answers, rule):
    path = office.send("CA", "2026-10", {TASK: answers})
    [answer] = check_files(registry, [path], VINH_LAI, "CA")
    assert [f["rule"] for f in answer["findings"] if f["severity"] == "fail"] == [rule]
    assert answer["tasks"] == []


# ---------------------------------------------------------------- expected of the year, or final


def yearly(registry, period, kind, received="2026-11-25T09:00:00"):
    rows = [["Kỳ báo cáo", period], ["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả", "Loại số liệu", "Ghi chú"],
            ["XHS-02", 30, 60, None, kind, None], ["XHS-01", None, None, None, kind, None]]  # fmt: skip
    found = judged(registry, {"Bảng": rows}, received=received)
    rules = [f["rule_code"] for f in found.findings if f["rule_code"] in ("C49", "C50", "C51", "C52")]
    return [one["is_estimate"] for one in found.actuals if not one["is_held"]], rules


@pytest.mark.parametrize(
    ("kind", "received", "expected"),
    [
        (None, "2026-11-25", ([True], [])),
        (None, "2027-01-05", ([False], [])),
        ("Ước cả năm", "2026-11-25", ([True], [])),
        ("ước thực hiện", "2026-11-25", ([True], [])),
        ("Số chính thức", "2027-01-05", ([False], [])),
        ("Số chính thức", "2026-11-25", ([], ["C50"])),  # held until confirmed
        ("Ước cả năm", "2027-01-05", ([True], ["C51"])),
        ("chắc là", "2026-11-25", ([], ["C49"])),
    ],
)
def test_a_figure_of_a_year_is_what_its_line_says_else_by_the_day(registry, kind, received, expected):
    assert yearly(registry, "2026", kind, f"{received}T09:00:00") == expected


def test_no_month_has_a_figure_expected_of_the_year(registry):
    assert yearly(registry, "2026-10", "Ước cả năm", "2026-10-20T09:00:00") == ([], ["C52"])
    assert yearly(registry, "2026-10", "Số chính thức", "2026-10-20T09:00:00") == ([None], [])


def test_a_prefilled_kind_of_figure_alone_reports_nothing(registry, office):
    path = office.send("CA", "2026", {})
    [answer] = check_files(registry, [path], VINH_LAI, "CA")
    assert (answer["lines"]["accepted"], answer["facts"]) == (0, [])


@pytest.mark.parametrize(
    ("on", "filled_in"),
    [(None, "Ước cả năm"), (date(2026, 11, 20), "Ước cả năm"), (date(2027, 1, 4), "Số chính thức")],
)
def test_the_form_of_a_year_says_what_its_figures_are(made, on, filled_in):
    book = made("2026", on=on)
    assert cell_of(book[FIGURES], "XHS-02", "Loại số liệu").value == filled_in
    assert "Loại số liệu" not in [cell.value for row in made("2026-10")[FIGURES] for cell in row]


def test_final_figures_supersede_the_estimate_even_where_they_are_the_same(home, office, ask, monkeypatch):
    """Đại Sơn: the same 81 of 100 in November and, as final, in January."""
    figures = {"numerator": 81, "denominator": 100}
    office.send("PVHCC", "2025", {"DVC-01": {**figures, "estimate": "Ước cả năm"}}, commune=DAI_SON)
    flow.run_steps(home)
    office.send("PVHCC", "2025", {"DVC-01": {**figures, "estimate": "Số chính thức"}}, commune=DAI_SON, name="2.xlsx")
    flow.run_steps(home)
    assert ask("SELECT value, is_estimate, is_current FROM core.fct_actual ORDER BY recorded_at") == [
        (81, True, False), (81, False, True)]  # fmt: skip


def test_typing_is_not_needed_where_nothing_is_new(office, registry):
    """What was typed over by hand into the yellow cells alone is read."""
    path = office.send("CA", "2026-10", edit=typing(("XHS-02", "Tử số", 20), ("XHS-02", "Mẫu số", 40)))
    [answer] = check_files(registry, [path], VINH_LAI, "CA")
    assert [(fact["code"], fact["value"]) for fact in answer["facts"]] == [("XHS-02", 50)]
