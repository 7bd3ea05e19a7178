"""A target whose indicator has no code yet: kept, shown, neither asked nor compared, and continued once it has one."""

import csv

import docx
import openpyxl
import pytest
from test_plan_workbook import FORM, Phieu, codes, kpi57, place, sources  # noqa: F401 - a fixture
from test_time import decided

from pipelines.bundles.extract import read_extract
from pipelines.bundles.report.report import official_report
from pipelines.bundles.workbook.workbook import workbook
from pipelines.files import read_csv
from pipelines.home import SOURCES
from pipelines.plans.add import add_plan
from pipelines.plans.check import check_plans
from pipelines.plans.form import write_plan_workbook
from pipelines.plans.plan_files import rows_text
from pipelines.registry import registry as registries
from pipelines.scorecard.board import read_board
from pipelines.scorecard.downloads import uncoded
from pipelines.scorecard.pages import Pages
from pipelines.warehouse.database import reading

DAI_SON, PLAN = "11086", "11086-dai-son-2026"
NAME = "Tỷ lệ hộ gia đình có kết nối băng rộng cố định"
TARGET_ID = "11086-dai-son-2026/I/99/2026"


def give(sources, code):  # noqa: F811
    """Write the target into the plan's folder, in place of one of an earlier time."""
    path = sources / "plans" / PLAN / "targets.csv"
    rows = [row for row in read_csv(path) if row["row_number"] != "99"]
    one = dict.fromkeys(rows[0], "") | {
        "appendix": "I", "row_number": "99", "indicator_code": code, "name": NAME, "milestone_on": "2026-12-31",
        "as_written": "≥ 80%", "operator": ">=", "value": "80", "unit_of_measure": "%", "is_aspirational": "false",
        "lead_as_written": "Phòng Kinh tế", "source_page": "4"}  # fmt: skip
    path.write_text(rows_text(list(one), [*rows, one]), encoding="utf-8")


# ---------------------------------------------------------------- the plan's workbook


def test_an_empty_code_is_asked_and_the_answer_may_be_none(sources, registry, tmp_path):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    phieu.fill("targets", 1, indicator_code=None)
    refused = add_plan(phieu.save(), sources, replace=True)
    [finding] = refused.findings
    assert codes(refused) == {place(phieu.cell("targets", 1, "indicator_code")): "K08"}
    assert "ghi “chưa có mã”" in finding["fix"]

    phieu.fill("targets", 1, indicator_code="Chưa có mã", unit_of_measure=None)
    added = add_plan(phieu.save(), sources, replace=True)
    assert added.findings == []
    row = read_csv(added.folder / "targets.csv")[0]
    assert (row["indicator_code"], row["unit_of_measure"]) == ("none", "%")
    again = Phieu(write_plan_workbook(sources, registries.load(sources), tmp_path / "lại.xlsx", PLAN))
    assert again.cell("targets", 1, "indicator_code").value == "chưa có mã"
    before = (added.folder / "targets.csv").read_bytes()
    assert add_plan(again.path, sources, replace=True).findings == []
    assert (added.folder / "targets.csv").read_bytes() == before

    checked = kpi57("plans", "check", "--sources", sources)
    [said] = [line for line in checked.output.splitlines() if "[no_code]" in line and PLAN in line]
    assert said.startswith(f"note: {PLAN} ") and "write it in place of 'none' in targets.csv" in said
    assert checked.exit_code == 0


def test_the_words_can_be_chosen_in_excel_and_are_explained(registry, tmp_path):
    book = openpyxl.load_workbook(write_plan_workbook(SOURCES, registry, tmp_path / "kh.xlsx", PLAN))
    catalogue = [row[0].value for row in book[FORM["catalogue"]["title"]].iter_rows(max_col=1)]
    last = catalogue.index("chưa có mã")
    assert catalogue[last - 1] == list(registry.indicators)[-1]
    lists = [one.formula1 for one in book[FORM["targets"]["title"]].data_validations.dataValidation]
    assert any(one.endswith(f"$A${last + 1}") for one in lists)


def test_only_a_target_may_be_without(sources, registry, tmp_path):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    phieu.table("reports", 1, "indicator_code").value = "chưa có mã"
    phieu.table("reports", 1, "agency_code").value = "KT"
    assert [f["rule"] for f in add_plan(phieu.save(), sources, replace=True).findings] == ["K23"]


@pytest.mark.parametrize(("written", "value", "rule"), [("≥ 120%", "120", "K32"), ("-", "", "K25")])
def test_its_figure_is_read_as_any_other(sources, registry, tmp_path, written, value, rule):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    phieu.fill("targets", 1, indicator_code="chưa có mã", as_written=written, operator=None, value=None,
               unit_of_measure=None)  # fmt: skip
    assert rule in [f["rule"] for f in add_plan(phieu.save(), sources, replace=True).findings]


# ---------------------------------------------------------------- what is made of it


def test_it_is_kept_and_shown_asked_of_nobody_and_goes_on_with_its_code(city):
    before = decided(city)
    give(city.sources, "none")
    city.run()
    assert decided(city) == before
    assert any(NAME in f.message for f in check_plans(registries.load(city.sources)) if f.code == "no_code")
    kept = "SELECT indicator_code, target_name, value, lead_agency_code FROM core.fct_target WHERE target_id = ?"
    assert city.ask(kept, TARGET_ID) == [(None, NAME, 80, "KT")]
    assert city.ask("SELECT count(*) FROM core.known_duty WHERE code IS NULL") == [(0,)]
    assert city.ask("SELECT count(*) FROM core.dim_milestone WHERE indicator_code IS NULL") == [(0,)]

    with reading(city.home) as con:
        extract, board = read_extract(con, "2026-08", DAI_SON), read_board(con)
    [line] = lines_of(workbook(extract), "Tiến độ chỉ tiêu", NAME)
    assert {"chưa có mã", "≥ 80%"} <= set(line)
    assert any("Ngoài ra có 1 chỉ tiêu giao chưa có mã" in str(cell) for row in
               workbook(extract)["Tổng hợp"].iter_rows(values_only=True) for cell in row)  # fmt: skip
    report = [paragraph.text for paragraph in docx.Document(official_report(extract)).paragraphs]
    assert any(f"{NAME}: ≥ 80% (31/12/2026); Phụ lục I, dòng 99" in text for text in report)
    pages = Pages(board)
    [page] = [text for name, text in pages.all() if DAI_SON in name and name.startswith("commune/")]
    assert NAME in page and "chưa có mã" in page
    assert (
        sum("chưa có mã" in text for name, text in pages.all() if name.startswith("commune/")) == 2
    )  # Vĩnh Lại's III.48
    assert [row[1] for row in uncoded(board.uncoded[DAI_SON]).values()] == [NAME]

    with (city.sources / "reference" / "indicators.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(
            ["HT-99", NAME, "Fixed broadband", "Hạ tầng số", "%", "ratio", "higher_is_better", "ratio_of_sums", "level",
             "month", "Số hộ có kết nối", "Tổng số hộ", "KT", "Văn bản của thành phố", ""])  # fmt: skip
    give(city.sources, "HT-99")
    city.run()
    assert decided(city) == before
    assert city.ask(kept, TARGET_ID) == [("HT-99", NAME, 80, "KT")]
    assert [code for (code,) in city.ask(
        "SELECT indicator_code FROM core.known_target WHERE target_id = ? ORDER BY known_from", TARGET_ID)] == [
        None, "HT-99"]  # fmt: skip
    city.send("2026-09-16", "KT", "2026-09", {"HT-99": {"numerator": 60, "denominator": 100}}, commune=DAI_SON)
    city.run(city.home.day.replace(month=9, day=22))
    assert city.ask("SELECT value, next_value, level_status FROM marts.mart_kpi_progress "
                    "WHERE indicator_code = 'HT-99' AND period_code = '2026-09'") == [(60, 80, "not_due")]  # fmt: skip


def lines_of(book, sheet, name):
    """The lines of a sheet that name the indicator."""
    return [row for row in book[sheet].iter_rows(values_only=True) if name in row]
