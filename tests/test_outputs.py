"""What leaves the house: the form an agency fills in, the feedback it gets, the bundles for the city."""

import csv
import io
import shutil
from datetime import date, datetime
from itertools import pairwise, zip_longest

import duckdb
import openpyxl
import pytest
import python_calamine
from conftest import VINH_LAI, Office, Warehouse, run_day
from test_rules import cell_of, typing

from pipelines.agencies.form import write_template
from pipelines.home import Home
from pipelines.office.plain_tables import Sheet, write_tables
from pipelines.office.workbook import ILLUSTRATIVE

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def bundle_of(home, scope):
    [bundle] = (home.exports / "2026-10" / scope).iterdir()
    return bundle


def workbook_of(bundle):
    [path] = bundle.glob("*.xlsx")
    return path


def cells(path):
    """Every cell of a workbook that holds something."""
    book = openpyxl.load_workbook(path)
    return [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]


def records(path):
    """A CSV as rows of texts, the header first."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.reader(handle))


# ---------------------------------------------------------------- the form of an agency

TABLES = {
    "Chỉ tiêu": ("Mã chỉ tiêu", ["CQS-05", "XHS-01", "XHS-02"]),
    "Nhiệm vụ": ("Mã nhiệm vụ", [f"11164-vinh-lai-2025/{n}" for n in
                                 ("III/48", "III/49", "III/90", "III/74", "III/92", "III/91", "III/71", "III/154",
                                  "IV/III.3", "IV/III.10", "IV/III.11", "IV/V.8", "IV/V.13", "IV/V.14", "IV/V.15")]),
}  # fmt: skip
ANSWERS = {
    "Chỉ tiêu": ["Tử số", "Mẫu số", "Kết quả", "Ghi chú"],
    "Nhiệm vụ": ["Trạng thái", "Tỷ lệ hoàn thành (%)", "Số văn bản sản phẩm", "Ngày văn bản", "Kết quả thực hiện",
                 "Khó khăn, vướng mắc", "Kiến nghị, đề xuất"],
}  # fmt: skip
FREE_TEXT = {"Ghi chú", "Số văn bản sản phẩm", "Kết quả thực hiện", "Khó khăn, vướng mắc", "Kiến nghị, đề xuất"}


@pytest.fixture(scope="module")
def form(registry, tmp_path_factory):
    """The form of the police of Vĩnh Lại, which leads three indicators and seven tasks, and has its part in eight that
    are given to all agencies."""
    path = tmp_path_factory.mktemp("form") / "form.xlsx"
    return openpyxl.load_workbook(write_template(registry, VINH_LAI, "CA", "2026-10", path))


@pytest.mark.parametrize("sheet", TABLES)
def test_the_form_has_one_line_for_each_thing_the_agency_reports_on(form, sheet):
    header, codes = TABLES[sheet]
    [head] = [cell for row in form[sheet].iter_rows() for cell in row if cell.value == header]
    below = [form[sheet].cell(row, head.column).value for row in range(head.row + 1, form[sheet].max_row + 1)]
    assert below == codes


@pytest.mark.parametrize("sheet", TABLES)
def test_only_the_answers_of_the_form_can_be_typed_over(form, sheet):
    _, codes = TABLES[sheet]
    answers = {cell_of(form[sheet], code, header).coordinate for code in codes for header in ANSWERS[sheet]}
    opened = {cell.coordinate for row in form[sheet].iter_rows() for cell in row if not cell.protection.locked}
    assert opened == answers
    assert form[sheet].protection.sheet


def test_the_guide_of_the_form_cannot_be_typed_over(form):
    assert form["Hướng dẫn"].protection.sheet
    assert all(cell.protection.locked for row in form["Hướng dẫn"].iter_rows() for cell in row)


@pytest.mark.parametrize("sheet", TABLES)
def test_excel_itself_looks_at_every_answer_that_is_no_free_text(form, sheet):
    _, codes = TABLES[sheet]
    rules = form[sheet].data_validations.dataValidation
    for header in ANSWERS[sheet]:
        for code in codes:
            cell = cell_of(form[sheet], code, header).coordinate
            looking = [rule for rule in rules if cell in rule.sqref]
            assert len(looking) == 1, cell
            [rule] = looking
            assert rule.allow_blank and rule.showInputMessage and rule.prompt
            assert bool(rule.showErrorMessage and rule.error) == (header not in FREE_TEXT)


@pytest.mark.parametrize("sheet", TABLES)
def test_the_form_says_who_reports_what_where_and_until_when(form, sheet):
    texts = [cell.value for row in form[sheet].iter_rows(max_row=8) for cell in row if cell.value is not None]
    said = dict(pairwise(texts))
    expected = {
        "Xã, phường": "Xã Vĩnh Lại", "Mã xã": "11164", "Cơ quan báo cáo": "Công an xã, phường", "Mã cơ quan": "CA",
        "Kỳ báo cáo": "2026-10", "Thời gian số liệu": "15/09/2026 – 14/10/2026", "Hạn gửi": "20/10/2026",
        "Nơi gửi": "11164-vinh-lai/CA",
    }  # fmt: skip
    assert {label: said.get(label) for label in expected} == expected


# ---------------------------------------------------------------- a real home, with an officer who types formulas

HOSTILE = {
    "III.3": ("Khó khăn, vướng mắc", '=HYPERLINK("http://example.com";"Bấm vào đây")'),
    "III.10": ("Khó khăn, vướng mắc", "+84 912 345 678"),
    "III.11": ("Khó khăn, vướng mắc", "-x"),
    "V.8": ("Số văn bản sản phẩm", "@SUM(A1:A9)"),
}
REFUSED = "=1+1"
NAMED = "=cmd.xlsx"


def type_formulas(book):
    for number, (header, text) in HOSTILE.items():
        task = f"11164-vinh-lai-2025/IV/{number}"
        typing((task, "Trạng thái", "Đang thực hiện"), (task, header, text), sheet="Nhiệm vụ")(book)
    typing(("XHS-01", "Tử số", REFUSED), ("XHS-01", "Mẫu số", 40), ("XHS-02", "Tử số", 20), ("XHS-02", "Mẫu số", 40),
           ("XHS-02", "Ghi chú", "=1+2"))(book)  # fmt: skip


@pytest.fixture(scope="module")
def real(registry, tmp_path_factory):
    """A home that is not illustrative, run once with one file full of texts that look like formulas."""
    home = Home(tmp_path_factory.mktemp("real"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI57_HOME", str(home.root))
        patch.delenv("KPI57_DAY", raising=False)
        Office(home, registry).send("CA", "2026-10", name=NAMED, edit=type_formulas)
        assert run_day(home).success
    return home


def extracts(home):
    return sorted(home.exports.rglob("*.xlsx"))


def feedback(home):
    return sorted(home.feedback.rglob("*.xlsx"))


def test_what_was_typed_is_kept_as_it_was_typed(real):
    ask = Warehouse(real.published)
    assert ask.one("SELECT note FROM core.fct_actual") == "=1+2"
    kept = ask("SELECT difficulty, document_number FROM core.fct_task_report")
    assert {text for row in kept for text in row if text} == {text for _, text in HOSTILE.values()}


def test_a_text_that_looks_like_a_formula_is_a_text_in_the_feedback(real):
    """In the list of findings it stays one even if somebody edits the cell; a marked copy has it as it was sent."""
    [answer] = feedback(real)
    for text in (REFUSED, NAMED):
        shown = [cell for cell in cells(answer) if cell.value == text]
        assert {cell.data_type for cell in shown} == {"s"}
        assert shown[0].parent.title == "Kết quả kiểm tra"
        assert shown[0].quotePrefix


@pytest.mark.parametrize("scope", ["city", VINH_LAI])
def test_a_text_that_looks_like_a_formula_is_a_text_in_the_extract(real, scope):
    [path] = [path for path in extracts(real) if path.parent.parent.name == scope]
    shown = {cell.value: cell for cell in cells(path)}
    for text in (*(text for _, text in HOSTILE.values()), REFUSED, NAMED):
        assert (shown[text].data_type, shown[text].quotePrefix) == ("s", True)


def test_no_cell_of_any_workbook_is_a_formula(real):
    for path in (*extracts(real), *feedback(real)):
        assert [cell.coordinate for cell in cells(path) if cell.data_type == "f"] == [], path.name


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_a_text_that_looks_like_a_formula_is_a_text_in_a_csv(real):
    paths = sorted(real.exports.rglob("*.csv"))
    fields = {field for path in paths for record in records(path) for field in record}
    assert [field for field in fields if field.startswith(FORMULA_STARTS) and not is_number(field)] == []
    assert {f"'{text}" for _, text in HOSTILE.values()} <= fields


def test_nothing_of_a_real_home_calls_itself_illustrative(real, form, registry):
    made = (*extracts(real), *feedback(real))
    assert len(made) == 1 + len(registry.commune_codes_with_plans) + 1  # the city, communes with a plan, one feedback
    for path in made:
        assert "MINH-HOA" not in path.name
        assert ILLUSTRATIVE not in [cell.value for cell in cells(path)]
    assert ILLUSTRATIVE not in [cell.value for sheet in form for row in sheet.iter_rows() for cell in row]


def files_below(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_ledger_gives_the_same_bytes_in_another_home(real, tmp_path, monkeypatch):
    again = Home(tmp_path / "again")
    shutil.copytree(real.archive, again.archive)
    monkeypatch.setenv("KPI57_HOME", str(again.root))
    monkeypatch.setenv("KPI57_DAY", Warehouse(real.published).one("SELECT as_of_on FROM core.dim_build").isoformat())
    assert run_day(again).success
    assert files_below(again.exports) == files_below(real.exports) != {}
    assert files_below(again.feedback) == files_below(real.feedback) != {}


# ---------------------------------------------------------------- illustrative figures say so


def first_texts(path):
    """Name of each sheet, and the text of its first cell."""
    book = python_calamine.CalamineWorkbook.from_path(path)
    return {name: book.get_sheet_by_name(name).to_python(nrows=1)[0][0] for name in book.sheet_names}


def test_every_sheet_of_an_illustrative_extract_says_so_and_its_name_too(demo_home, registry):
    made = extracts(demo_home)
    assert len(made) == 1 + len(registry.commune_codes_with_plans)
    for path in made:
        assert path.stem.endswith("-MINH-HOA")
        assert set(first_texts(path).values()) == {ILLUSTRATIVE}, path.name


def test_every_sheet_of_illustrative_feedback_says_so(demo, demo_home):
    made = feedback(demo_home)
    assert len(made) == demo.one("SELECT count(*) FROM core.fct_submission")
    for path in made:
        assert set(first_texts(path).values()) == {ILLUSTRATIVE}, path.name


def test_every_sheet_of_an_illustrative_form_says_so(registry, tmp_path):
    path = write_template(registry, VINH_LAI, "CA", "2026-10", tmp_path / "form.xlsx", illustrative=True)
    assert first_texts(path) == dict.fromkeys(("Chỉ tiêu", "Nhiệm vụ", "Hướng dẫn"), ILLUSTRATIVE)


# ---------------------------------------------------------------- a bundle says what the marts say


def newest_progress(ask, communes):
    """Of each indicator of the communes, by October 2026, the newest line with a figure, else the newest line."""
    sql = "SELECT * EXCLUDE (is_latest) FROM marts.mart_kpi_progress WHERE list_contains(?, commune_code) AND "
    lines = rows(ask, sql + "measured_on <= DATE '2026-10-31'", communes)
    lines.sort(key=lambda line: (line["actual_id"] is not None, line["measured_on"]))
    newest = {(line["commune_code"], line["indicator_code"], line["scope"]): line for line in lines}
    return [newest[key] for key in sorted(newest)]


def rows(ask, sql, *parameters):
    with duckdb.connect(ask.path, read_only=True) as con:
        cursor = con.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def communes_of(ask, scope):
    codes = [code for (code,) in ask("SELECT commune_code FROM core.dim_commune WHERE has_plan ORDER BY ALL")]
    return codes if scope == "city" else [scope]


def as_text(value):
    """A value of the warehouse as a CSV writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


SCOPES = ["city", VINH_LAI, "11383"]
MARTS = {
    "tasks": "SELECT p.*, t.source_page FROM marts.mart_task_progress AS p JOIN core.dim_task AS t USING (task_id) "
             "WHERE list_contains(?, p.commune_code)",
    "reporting": "SELECT * FROM marts.mart_reporting_status WHERE list_contains(?, commune_code) "
                 "AND period_code IN (SELECT period_code FROM core.dim_period WHERE measured_on <= DATE '2026-10-31')",
    "conflicts": "SELECT p.*, commune_name, true AS is_illustrative FROM marts.mart_plan_conflict AS p "
                 "JOIN core.dim_commune USING (commune_code) "
                 "WHERE list_contains(?, commune_code) AND kind = 'conflict'",
}  # fmt: skip


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("name", ["progress", *MARTS])
def test_a_csv_says_what_its_mart_says(demo, demo_home, name, scope):
    communes = communes_of(demo, scope)
    said = newest_progress(demo, communes) if name == "progress" else rows(demo, MARTS[name], communes)
    header, *lines = records(bundle_of(demo_home, scope) / f"{name}.csv")
    found = [dict(zip(header, line, strict=True)) for line in lines]
    expected = [
        {column: " | ".join(value) if value and column in ("in_force_as_written", "next_as_written") else as_text(value)
         for column, value in row.items()}
        for row in said
    ]  # fmt: skip
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_csv_opens_in_excel_as_it_is(demo_home):
    """UTF-8 with a mark at its beginning, lines ended as Windows ends them."""
    paths = sorted(demo_home.exports.rglob("*.csv"))
    assert len(paths) == 6 * 11  # scopes, tables
    for path in paths:
        data = path.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        assert data.endswith(b"\r\n")
        assert data.count(b"\r\n") == len(records(path))


def test_a_table_to_take_away_has_texts_as_they_are_figures_as_numbers_and_days_as_days(tmp_path):
    texts = ["=1+2", "@SUM(A1)", "＝1", "Đồng bằng & núi <b>", "a\x07b", "x" * 40_000, "https://example.vn", ""]
    others = [12, 66.7, None, True, date(2026, 11, 5), datetime(2026, 11, 5, 7, 30)]
    rows = [[text, other] for text, other in zip_longest(texts, others)]
    for name in ("first", "second"):
        sheets = [Sheet("Chỉ tiêu & nhiệm vụ", ["=Tên", "Số"], [60, 16], rows)]
        write_tables(tmp_path / name, sheets, datetime(2000, 1, 1), illustrative=True)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    [sheet] = openpyxl.load_workbook(io.BytesIO((tmp_path / "first").read_bytes()))
    (banner, _), heads, *lines = sheet.iter_rows()
    assert banner.value == ILLUSTRATIVE
    assert [cell.value for cell in heads] == ["=Tên", "Số"]
    assert [line[0].value for line in lines] == [*texts[:4], "ab", "x" * 32_767, *texts[6:]]
    assert [line[0].quotePrefix for line in lines] == [True] * 3 + [False] * 5
    shown = [line[1].value for line in lines[: len(others)]]
    assert shown == [*others[:4], datetime(2026, 11, 5), others[5]]
    assert [line[1].number_format for line in lines[4:6]] == ["dd/mm/yyyy", "dd/mm/yyyy hh:mm"]
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f" or cell.hyperlink]
    assert (sheet.freeze_panes, sheet.print_title_rows, sheet.oddFooter.left.text) == (
        "A3",
        "$2:$2",
        "Chỉ tiêu && nhiệm vụ",
    )
