"""A plan as a workbook: written, filled in, added; every fault at its cell; nothing touched but sources/."""

import hashlib
import shutil
from datetime import date

import openpyxl
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.files import read_csv, read_yaml
from pipelines.home import PROJECT, SOURCES
from pipelines.plans.add import add_plan
from pipelines.plans.form import read_form, write_plan_workbook
from pipelines.plans.plan_files import rows_text
from pipelines.registry import registry as registries
from pipelines.vietnamese import fold
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.models import build, models, offending
from pipelines.warehouse.rows import replace, set_info

FORM = read_form(SOURCES)
PLANS = sorted(folder.name for folder in (SOURCES / "plans").iterdir())
FILES = ["plan.yml", "targets.csv", "tasks.csv"]
UNDERSTOOD = {
    "targets": ["operator", "value", "value_high", "unit_of_measure", "is_aspirational"],
    "tasks": ["due_on", "recurrence", "starts_on", "recurs_on", "earlier_due_on"],
}


class Phieu:
    """A registry workbook under a typist's hands: cells found by their labels and headers."""

    def __init__(self, path):
        self.path = path
        self.book = openpyxl.load_workbook(path)

    def sheet(self, part):
        return self.book[FORM[part]["title"]]

    def field(self, name):
        [label] = [about["label"] for about in FORM["plan"]["fields"] if about["name"] == name]
        return next(row[1] for row in self.sheet("plan").iter_rows() if same(row[0].value, label))

    def table(self, name, number, column):
        """The cell of a small table on the plan's sheet; the first row is number 1."""
        [table] = [one for one in FORM["plan"]["tables"] if one["name"] == name]
        first = next(row for row in self.sheet("plan").iter_rows() if same(row[0].value, table["heading"]))
        at = [about["name"] for about in table["columns"]].index(column)
        return self.sheet("plan").cell(first[0].row + 2 + number, at + 1)

    def header(self, part, name):
        [header] = [column["header"] for column in FORM[part]["columns"] if column["name"] == name]
        return next(cell for row in self.sheet(part).iter_rows(max_row=10) for cell in row if same(cell.value, header))

    def cell(self, part, number, name):
        """The cell of a row of targets or tasks; the first row is number 1."""
        header = self.header(part, name)
        return self.sheet(part).cell(header.row + number, header.column)

    def fill(self, part, number, **values):
        for name, value in values.items():
            self.cell(part, number, name).value = value

    def save(self):
        self.book.save(self.path)
        return self.path


def same(value, label):
    return isinstance(value, str) and fold(value.removesuffix(" *")) == fold(label)


def kpi57(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def codes(added):
    """Where each finding stands and what it is: {'Chỉ tiêu giao!D7': 'K23'}."""
    return {f"{f['sheet']}!{f['cell']}": f["rule"] for f in added.findings}


def place(cell):
    return f"{cell.parent.title}!{cell.coordinate}"


@pytest.fixture
def sources(tmp_path):
    """A copy of sources/ that a test may change."""
    shutil.copytree(SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("inbox"))
    return tmp_path / "sources"


@pytest.fixture
def no_plans(sources):
    shutil.rmtree(sources / "plans")
    (sources / "plans").mkdir()
    return sources


@pytest.fixture
def vinh_lai(registry, tmp_path):
    return Phieu(write_plan_workbook(SOURCES, registry, tmp_path / "kh.xlsx", "11164-vinh-lai-2025"))


@pytest.fixture
def dai_son(registry, tmp_path):
    return Phieu(write_plan_workbook(SOURCES, registry, tmp_path / "kh.xlsx", "11086-dai-son-2026"))


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("plan_id", PLANS)
def test_a_plan_comes_back_as_the_same_bytes(plan_id, no_plans, tmp_path):
    written = kpi57("plans", "template", "--plan", plan_id, "--out", tmp_path / "kh.xlsx")
    assert written.exit_code == 0, written.output
    added = kpi57("plans", "add", tmp_path / "kh.xlsx", "--sources", no_plans)
    assert added.exit_code == 0, added.output
    [folder] = (no_plans / "plans").iterdir()
    assert folder.name == plan_id
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert contents(folder) == contents(SOURCES / "plans" / plan_id)
    assert {path.name for path in no_plans.iterdir()} == {path.name for path in SOURCES.iterdir()} - {"inbox"}


def test_the_same_plan_gives_the_same_workbook(registry, tmp_path):
    one, two = (write_plan_workbook(SOURCES, registry, tmp_path / name, PLANS[0]) for name in ("1.xlsx", "2.xlsx"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("plan_id", PLANS)
def test_what_is_left_empty_is_understood_from_what_is_written(plan_id, registry, no_plans, tmp_path):
    phieu = Phieu(write_plan_workbook(SOURCES, registry, tmp_path / "kh.xlsx", plan_id))
    targets = read_csv(SOURCES / "plans" / plan_id / "targets.csv")
    for part, numbers in (("targets", range(1, len(targets) + 1)), ("tasks", range(1, 80))):
        for number in numbers:
            phieu.fill(part, number, **dict.fromkeys(UNDERSTOOD[part]))
    added = add_plan(phieu.save(), no_plans)
    assert added.findings == []
    assert contents(added.folder) == contents(SOURCES / "plans" / plan_id)


def test_text_that_looks_like_a_formula_stays_text(sources, tmp_path):
    folder = sources / "plans" / "11383-le-chan-2026"
    tasks = read_csv(folder / "tasks.csv")
    notes = ["=1+1", "+84", "-5%", "@SUM(A1)", "'mới' thêm vào"]
    for task, note in zip(tasks, notes, strict=False):
        task["note"] = note
    (folder / "tasks.csv").write_text(rows_text(list(tasks[0]), tasks), encoding="utf-8")
    before = contents(folder)
    phieu = Phieu(write_plan_workbook(sources, registries.load(sources), tmp_path / "kh.xlsx", folder.name))
    cells = [phieu.cell("tasks", number, "note") for number in range(1, 6)]
    assert [(cell.value, cell.data_type, cell.quotePrefix) for cell in cells] == [(note, "s", True) for note in notes]
    assert add_plan(phieu.path, sources, replace=True).findings == []
    assert contents(folder) == before


# ---------------------------------------------------------------- what is wrong


def test_every_fault_stands_at_its_cell_in_one_pass(vinh_lai, sources):
    before = {path: path.read_bytes() for path in sources.rglob("*") if path.is_file()}
    field, cell, table = vinh_lai.field, vinh_lai.cell, vinh_lai.table
    broken = [
        (field("plan_id"), "11383-le-chan-2026", "K19"),
        (field("title"), None, "K08"),
        (field("issued_on"), "31/02/2026", "K13"),
        (field("annual_report_due"), "ngày 30 tháng 11", "K15"),
        (field("reporting_calendar"), "âm lịch", "K17"),
        (field("due_days"), "một tuần", "K37"),
        (field("focal_agency_as_written"), "Phòng Văn thơ", "K22"),
        (field("supersedes.as_written"), "Kế hoạch này thay thế", None),
        (table("legal_basis", 1, "issuer"), None, "K08"),
        (table("reports", 2, "agency_code"), "LIENQUAN", "K24"),
        (cell("targets", 1, "row_number"), None, "K08"),
        (cell("targets", 2, "indicator_code"), "DVC-99", "K23"),
        (cell("targets", 3, "lead_as_written"), "Sở Vũ trụ", "K22"),
        (cell("targets", 4, "milestone_on"), None, "K08"),
        (cell("targets", 5, "as_written"), None, "K08"),
        (cell("targets", 6, "value"), 90, "K26"),
        (cell("targets", 7, "operator"), "ít hơn", "K17"),
        (cell("targets", 8, "value"), "chín mươi", "K16"),
        (cell("targets", 9, "unit_of_measure"), "hồ sơ", "K33"),
        (cell("targets", 10, "as_written"), "-", "K25"),
        (cell("targets", 12, "milestone_on"), "năm sau", "K14"),
        (cell("targets", 13, "as_written"), 0.85, None),
        (cell("targets", 14, "name"), "=1/0", "K07"),
        (cell("targets", 14, "note"), "=B2", "K07"),
        (cell("tasks", 1, "row_number"), "hai", "K12"),
        (cell("tasks", 2, "recurrence"), "mỗi tuần", "K17"),
        (cell("tasks", 3, "due_on"), "31/12/2026", "K26"),
        (cell("tasks", 4, "deadline_as_written"), "Tháng 13/2026", "K34"),
        (cell("tasks", 5, "lead_as_written"), None, "K08"),
        (cell("tasks", 6, "title"), None, "K08"),
        (cell("tasks", 8, "row_number"), cell("tasks", 7, "row_number").value, "K35"),
    ]
    for at, value, _ in broken:
        at.value = value
    expected = {place(at): code for at, _, code in broken if code}
    expected[place(field("supersedes.document_number"))] = "K08"
    expected[place(cell("targets", 13, "value"))] = "K26"  # the cell as written now says 0,85
    added = add_plan(vinh_lai.save(), sources)
    assert codes(added) == expected
    assert added.folder is None
    assert {path: path.read_bytes() for path in sources.rglob("*") if path.is_file()} == before
    result = kpi57("plans", "add", vinh_lai.path, "--sources", sources)
    assert result.exit_code == 1
    assert {at for at in expected if f"{at} · tìm thấy:" not in result.output} == set()
    assert result.output.splitlines()[-1].endswith(f"{len(expected)} lỗi. Chưa ghi gì.")


@pytest.mark.parametrize(
    ("changes", "wrong", "code"),
    [
        ({"value": 100}, "value", "K30"),
        ({"operator": None, "value": None}, "as_written", "K38"),
        ({"operator": None}, "operator", "K28"),
        ({"value": None}, "value", "K27"),
        ({"operator": "bằng lời"}, "value", "K29"),
        ({"value_high": 90}, "value_high", "K29"),
        ({"as_written": "từ 90% đến 80%", "operator": "khoảng", "value": 90, "value_high": 80}, "value_high", "K31"),
        ({"as_written": "Tỷ lệ tăng thêm 180%", "value": 180}, "value", "K32"),
        ({"as_written": "130%", "operator": None, "value": None}, "as_written", "K32"),
        ({"appendix": "I/II"}, "appendix", "K11"),
        ({"row_number": 1.1}, "row_number", "K10"),
    ],
)
def test_a_figure_in_a_sentence_must_be_complete_and_stand_there(dai_son, sources, changes, wrong, code):
    sentence = {"as_written": "Tỷ lệ hồ sơ trực tuyến tăng lên 80%", "operator": "bằng", "value": 80}
    dai_son.fill("targets", 2, **(sentence | changes))
    assert codes(add_plan(dai_son.save(), sources, replace=True)) == {place(dai_son.cell("targets", 2, wrong)): code}


@pytest.mark.parametrize(
    ("changes", "wrong", "code"),
    [
        ({"as_written": "≤ 5 vụ", "value": 5, "operator": "≤"}, "indicator_code", "K41"),
        ({"as_written": "Đến năm 2030 đạt 80%"}, "milestone_on", "K40"),
        ({"value": 81}, "value", "K26"),
        ({"source_page": "bảy"}, "source_page", "K42"),
    ],
)
def test_what_the_text_itself_says_must_agree_with_the_row(dai_son, sources, changes, wrong, code):
    dai_son.fill("targets", 2, **changes)
    assert codes(add_plan(dai_son.save(), sources, replace=True)) == {place(dai_son.cell("targets", 2, wrong)): code}


@pytest.mark.parametrize(
    ("written", "code", "given", "kept"),
    [
        ("Trước tháng 6/2026", "K39", {"due_on": "31/05/2026"}, ("2026-05-31", "once", "", "")),
        ("Từ tháng 3/2027", "K39", {"recurrence": "thường xuyên", "starts_on": "01/03/2027"},
         ("", "continuous", "2027-03-01", "")),
        ("Đầu năm 2027", "K39", {"due_on": "31/03/2027", "recurrence": "một lần"}, ("2027-03-31", "once", "", "")),
        ("trước 30/11 hằng năm", None, {"due_on": "30/11/2026"}, ("2026-11-30", "yearly", "", "11-30")),
        ("Quý I, Quý III/2027", None, {"earlier_due_on": "31/3/2027"}, ("2027-09-30", "once", "", "")),
        ("trước ngày 28/5", None, {}, ("2026-05-28", "once", "", "")),
        ("Trước ngày 31/6/2026", "K34", {"due_on": "30/06/2026", "reading_reason": "Tháng 6 có 30 ngày."},
         ("2026-06-30", "once", "", "")),
    ],
)  # fmt: skip
def test_a_deadline_is_read_whole_or_asked_and_a_person_may_answer(dai_son, sources, written, code, given, kept):
    empty = dict.fromkeys(UNDERSTOOD["tasks"])
    dai_son.fill("tasks", 1, deadline_as_written=written, **empty)
    at = place(dai_son.cell("tasks", 1, "deadline_as_written"))
    assert codes(add_plan(dai_son.save(), sources, replace=True)) == ({at: code} if code else {})
    dai_son.fill("tasks", 1, **given)
    added = add_plan(dai_son.save(), sources, replace=True)
    assert added.findings == []
    [task, *_] = read_csv(added.folder / "tasks.csv")
    assert tuple(task[name] for name in ("due_on", "recurrence", "starts_on", "recurs_on")) == kept


def test_a_reviewer_with_a_reason_overrules_the_reader_and_the_check_says_so(dai_son, sources):
    due = dai_son.cell("tasks", 1, "due_on")
    due.value = "15/12/2026"
    value = dai_son.cell("targets", 2, "value")
    value.value = 85
    assert codes(add_plan(dai_son.save(), sources, replace=True)) == {place(due): "K26", place(value): "K26"}
    dai_son.fill("tasks", 1, reading_reason="Văn bản đính chính số 12 ghi ngày 15/12.")
    dai_son.fill("targets", 2, reading_reason="Văn bản đính chính số 12 ghi 85%.")
    assert add_plan(dai_son.save(), sources, replace=True).findings == []
    result = kpi57("plans", "check", "--sources", sources)
    assert result.exit_code == 0, result.output
    notes = [line for line in result.output.splitlines() if line.startswith("note: 11086-dai-son-2026")]
    assert len(notes) == 2
    assert all("Văn bản đính chính số 12" in note for note in notes)


def test_what_excel_turned_into_a_date_is_asked_for_again(dai_son, sources):
    at = dai_son.cell("tasks", 1, "deadline_as_written")
    at.value, at.number_format = dai_son.cell("tasks", 1, "due_on").value, "mm/yyyy"
    found = codes(add_plan(dai_son.save(), sources, replace=True))
    assert found == {place(at): "K09"}


def test_a_percentage_and_a_year_are_read_as_shown(dai_son, no_plans):
    value, milestone = dai_son.cell("targets", 2, "value"), dai_son.cell("targets", 2, "milestone_on")
    value.value, value.number_format = 0.8, "0%"
    milestone.value, milestone.number_format = 2026, "General"
    added = add_plan(dai_son.save(), no_plans)
    assert added.findings == []
    assert contents(added.folder) == contents(SOURCES / "plans" / "11086-dai-son-2026")


def test_two_leads_of_one_indicator_must_be_settled(vinh_lai, sources):
    for column in ("indicator_code", "agency_code"):
        vinh_lai.table("reports", 1, column).value = None
    rows = read_csv(SOURCES / "plans" / "11164-vinh-lai-2025" / "targets.csv")
    [first, *_] = [n for n, row in enumerate(rows, 1) if (row["appendix"], row["row_number"]) == ("II", "27")]
    vinh_lai.fill("targets", first, indicator_code="XHS-01")  # led by Công an xã, I.9 by Phòng Văn hóa - Xã hội
    added = add_plan(vinh_lai.save(), sources, replace=True)
    [finding] = added.findings
    assert finding["rule"] == "K36"
    assert "XHS-01" in finding["message"]
    assert "Công an xã, phường (CA); Phòng Văn hóa - Xã hội (VHXH)" in finding["message"]
    assert finding["cell"].startswith(vinh_lai.header("targets", "lead_as_written").column_letter)


def test_another_plan_of_the_commune_may_lead_an_indicator_too(dai_son, sources):
    """A second plan in force gives the same indicator to somebody else: nobody knows who reports."""
    dai_son.field("plan_id").value = "11086-dai-son-2026-2"
    at = dai_son.cell("targets", 2, "lead_as_written")
    at.value = "Phòng Kinh tế"
    assert codes(add_plan(dai_son.save(), sources)) == {place(at): "K36"}


def test_a_plan_that_is_there_is_only_replaced_when_told(dai_son, sources):
    dai_son.fill("tasks", 1, note="đã xem lại")
    refused = kpi57("plans", "add", dai_son.save(), "--sources", sources)
    assert (refused.exit_code, "K21" in refused.output) == (1, True)
    folder = sources / "plans" / "11086-dai-son-2026"
    assert contents(folder) == contents(SOURCES / "plans" / folder.name)
    replaced = kpi57("plans", "add", dai_son.path, "--replace", "--sources", sources)
    assert replaced.exit_code == 0, replaced.output
    assert read_csv(folder / "tasks.csv")[0]["note"] == "đã xem lại"
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_what_has_no_place_in_the_form_is_not_lost_silently(dai_son, sources):
    plan, tasks = dai_son.sheet("plan"), dai_son.sheet("tasks")
    label = dai_son.field("issuer").offset(column=-1)
    label.value = "Nơi ban hành"
    extra = tasks.cell(dai_son.header("tasks", "note").row, len(FORM["tasks"]["columns"]) + 1, "Kinh phí")
    dai_son.header("tasks", "deliverable").value = "Sản phẩm"
    dai_son.book.remove(dai_son.sheet("targets"))
    found = [(f["rule"], f["sheet"], f["cell"]) for f in add_plan(dai_son.save(), sources).findings]
    assert set(found) >= {
        ("K02", "", ""),
        ("K04", plan.title, ""),
        ("K05", plan.title, label.coordinate),
        ("K05", tasks.title, extra.coordinate),
        ("K05", tasks.title, dai_son.header("tasks", "title").offset(column=5).coordinate),
        ("K03", tasks.title, ""),
    }


def test_a_file_that_is_no_workbook_is_named(tmp_path, sources):
    (tmp_path / "kh.xlsx").write_bytes(b"not a workbook")
    result = kpi57("plans", "add", tmp_path / "kh.xlsx", "--sources", sources)
    assert result.exit_code == 1
    assert "K01" in result.output


# ---------------------------------------------------------------- a sixth plan


def sixth_plan(path):
    """An invented plan of Xã Cẩm Giang, filled into the empty workbook as its office would."""
    phieu = Phieu(path)
    fields = {"commune_code": 10888, "document_number": "15/KH-UBND", "issued_on": "20/04/2026",
              "issuer": "Ủy ban nhân dân xã Cẩm Giang", "annual_report_due": "30/11",
              "title": "Kế hoạch thực hiện Nghị quyết số 57-NQ/TW năm 2026 trên địa bàn xã Cẩm Giang",
              "focal_agency_as_written": "Phòng Văn hoá – Xã hội", "reports_from": "2026-05-01",
              "reporting_calendar": "chốt ngày cuối tháng", "grace_days": 2}  # fmt: skip
    for name, value in fields.items():
        phieu.field(name).value = value
    phieu.table("legal_basis", 1, "number").value = "57-NQ/TW"
    phieu.table("legal_basis", 1, "issuer").value = "Bộ Chính trị"
    phieu.table("legal_basis", 1, "date").value = "22/12/2024"
    phieu.table("notes", 1, "note").value = "Lập để thử."
    for number, (year, written) in enumerate([(2026, "≥ 85,5"), (2030, "95 - 98%")], 1):
        phieu.fill("targets", number, appendix="I", row_number=1, indicator_code="xhs-02", milestone_on=year,
                   name="Tỷ lệ người dân có VNeID", as_written=written, lead_as_written="Công an xã")  # fmt: skip
    phieu.fill("tasks", 1, row_number=1, title="Hướng dẫn người dân dùng VNeID", deadline_as_written="Quý III/2026",
               lead_as_written="Công an xã\nPhòng VH- XH xã")  # fmt: skip
    phieu.fill("tasks", 2, row_number="2", title="Tổng hợp báo cáo", deadline_as_written="Hằng tháng",
               lead_as_written="Các cơ quan, đơn vị liên quan")  # fmt: skip
    return phieu.save()


def state(folder, *, but):
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*")
            if path.is_file() and but not in path.parents and "__pycache__" not in path.parts}  # fmt: skip


def test_a_sixth_plan_is_an_edit_of_sources_only(sources, tmp_path):
    assert kpi57("plans", "template", "--out", tmp_path / "kh.xlsx", "--sources", sources).exit_code == 0
    folder = sources / "plans" / "10888-cam-giang-2026"
    before = state(sources, but=folder)
    code = [PROJECT / part for part in ("pipelines", "models", "sources/plans", "sources/reference", "sources/forms")]
    project = [state(part, but=folder) for part in code]
    result = kpi57("plans", "add", sixth_plan(tmp_path / "kh.xlsx"), "--sources", sources)
    assert result.exit_code == 0, result.output
    assert state(sources, but=folder) == before
    assert [state(part, but=folder) for part in code] == project
    assert read_yaml(folder / "plan.yml")["annual_report_due"] == "11-30"
    loaded = registries.load(sources)
    october = loaded.period_of("10888", "2026-10")
    assert (october.ends_on, october.grace_days) == (date(2026, 10, 31), 2)
    assert loaded.agencies_of("10888", date(2026, 10, 14)) == ["CA", "PVHCC", "VHXH"]
    with in_memory() as con:
        for table, rows in loaded.rows().items():
            replace(con, table, rows)
        set_info(con, "as_of", "2026-11-30")
        for model in models():
            build(con, model)
            wrong = [check.code for check in model.checks if check.severity == "error" and offending(con, check)[0]]
            assert wrong == [], model.table
        targets = con.execute(
            "SELECT milestone_on::VARCHAR, operator, value::DOUBLE, value_high::DOUBLE, unit_of_measure "
            "FROM core.fct_target WHERE commune_code = '10888' ORDER BY 1"
        ).fetchall()
        assert targets == [("2026-12-31", ">=", 85.5, None, "%"), ("2030-12-31", "range", 95.0, 98.0, "%")]
        tasks = con.execute(
            "SELECT lead_agency_codes, due_on::VARCHAR, recurrence FROM core.dim_task WHERE plan_id = ? ORDER BY 2",
            [folder.name],
        ).fetchall()
        assert tasks == [(["CA", "VHXH"], "2026-09-30", "once"), (["LIENQUAN"], None, "monthly")]
        assert con.execute("SELECT count(*) FROM core.dim_plan").fetchone() == (6,)


# ---------------------------------------------------------------- the check of all plans


def test_plans_check_fails_on_errors_only(sources):
    clean = kpi57("plans", "check", "--sources", sources)
    assert clean.exit_code == 0
    assert "0 errors" in clean.output.splitlines()[-1]
    assert "warning: 11164-vinh-lai-2025" in clean.output
    tasks = sources / "plans" / "11383-le-chan-2026" / "tasks.csv"
    tasks.write_text(tasks.read_text(encoding="utf-8").replace("2026-06-30", "2026-06-03"), encoding="utf-8")
    wrong = kpi57("plans", "check", "--sources", sources)
    assert wrong.exit_code == 1
    assert wrong.output.splitlines()[0].startswith("error: 11383-le-chan-2026")
    assert "1 errors" in wrong.output.splitlines()[-1]


def test_an_unknown_plan_is_refused_with_those_there_are(tmp_path):
    result = kpi57("plans", "template", "--plan", "11164", "--out", tmp_path / "kh.xlsx")
    assert result.exit_code == 1
    assert "11164-vinh-lai-2025" in result.output
    assert not (tmp_path / "kh.xlsx").exists()
