"""The real daily job: what is dropped into the inbox, and what stands in the published warehouse afterwards."""

import shutil
import threading

import duckdb
import pytest
from conftest import DAI_SON, VINH_LAI, Office, Warehouse, run_day
from test_rules import typing

from pipelines.flow import run_steps
from pipelines.home import Home
from pipelines.warehouse.database import BusyError, building, run_lock
from pipelines.warehouse.models import models
from pipelines.warehouse.publishing import publish

ALL_TABLES = [m.table for m in models() if not m.table.startswith("staged.") and not m.parameters]


def content(ask, table):
    return sorted(map(repr, ask(f"FROM {table}")))


# ---------------------------------------------------------------- the illustrative figures of all communes


def test_the_contract_of_published_tables_holds(demo):
    contract = {
        "core.dim_commune": "commune_code, commune_name, commune_type, city_code",
        "core.dim_agency": "agency_code, agency_name",
        "core.dim_indicator": "indicator_code, indicator_name, unit_of_measure, kind, direction, aggregation, "
        "numerator_name, denominator_name, frequency",
        "core.dim_plan": "plan_id, commune_code, document_number, issued_on, title, supersedes, annual_report_due",
        "core.fct_target": "target_id, plan_id, commune_code, indicator_code, appendix, row_number, scope, "
        "milestone_on, operator, value, value_high, unit_of_measure, as_written, is_aspirational, lead_agency_code",
        "core.dim_task": "task_id, plan_id, commune_code, appendix, section, row_number, title, head_role, "
        "lead_as_written, lead_agency_codes, deliverable, deadline_as_written, due_on, recurrence",
        "core.fct_submission": "submission_id, sha256, original_name, commune_code, agency_code, period_code, "
        "received_at, due_on, is_late, status, rows_read, rows_accepted, rows_unchanged, rows_held, rows_rejected, "
        "rows_ignored",
        "core.fct_actual": "actual_id, submission_id, commune_code, agency_code, indicator_code, period_code, "
        "numerator, denominator, value, note, recorded_at, superseded_at, is_current, source_sheet, source_row, "
        "source_cell",
        "core.fct_rejection": "submission_id, source_sheet, source_row, source_cell, rule_code, severity, found, "
        "message, fix",
        "core.fct_task_report": "submission_id, task_id, period_code, state",
        "marts.mart_kpi_progress": "commune_code, indicator_code, period_code, level_status, pace_status",
        "marts.mart_city_progress": "indicator_code, period_code, numerator, denominator, value",
        "marts.mart_reporting_status": "commune_code, agency_code, period_code, reporting_status",
        "marts.mart_task_progress": "task_id, task_status",
        "marts.mart_plan_conflict": "plan_id, indicator_code, kind",
    }
    for table, columns in contract.items():
        assert demo(f"SELECT {columns} FROM {table}"), table


def test_the_plans_stand_in_the_warehouse(demo):
    assert demo("SELECT plan_id, count(*) FROM core.dim_task GROUP BY ALL ORDER BY ALL") == [
        ("10903-cam-giang-2025", 34),
        ("11086-dai-son-2026", 42),
        ("11164-vinh-lai-2025", 71),
        ("11383-le-chan-2026", 8),
        ("11791-tien-minh-2026", 21),
    ]
    in_appendices = "SELECT count(*) FROM core.fct_target WHERE commune_code = ? AND appendix IN ('I', 'II')"
    assert demo.one(in_appendices, VINH_LAI) == 147
    assert demo.one("SELECT count(*) FROM core.dim_commune") == 114


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("C08", "180"),
        ("C09", None),
        ("C01", "XHS-99"),
        ("C04", "12o"),
        ("C37", "1234 1250"),
        ("T04", "11164"),
        ("T01", None),
    ],
)
def test_each_deliberate_mistake_is_found_at_its_cell(demo, rule, found):
    rows = demo("SELECT source_cell, found, message, fix FROM core.fct_rejection WHERE rule_code = ?", rule)
    assert len(rows) == 1
    [(cell, said, message, fix)] = rows
    assert found is None or said == found
    assert (cell is None) == (rule == "T01")
    assert message
    assert fix


def test_the_same_file_twice_is_a_duplicate_and_a_correction_supersedes(demo):
    assert demo.one("SELECT count(*) FROM core.fct_submission WHERE status = 'duplicate'") == 1
    [(old, new)] = demo(
        "SELECT o.value, n.value FROM core.fct_actual AS o JOIN core.fct_actual AS n "
        "USING (commune_code, agency_code, indicator_code, period_code) "
        "WHERE NOT o.is_current AND n.is_current AND o.superseded_at = n.recorded_at"
    )
    assert old != new


def test_every_line_is_accounted_for(demo):
    assert demo("SELECT submission_id FROM marts.mart_reconciliation WHERE rows_unaccounted <> 0") == []
    assert demo.one("SELECT rows_read FROM marts.mart_reconciliation WHERE submission_id = 'all'") > 2000


def test_illustrative_figures_say_so_in_every_table_that_holds_them(demo):
    for table in ("core.dim_build", "core.fct_submission", "core.fct_actual", "core.fct_task_report",
                  "marts.mart_kpi_progress", "marts.mart_city_progress", "marts.mart_reporting_status",
                  "marts.mart_task_progress"):  # fmt: skip
        assert demo(f"SELECT DISTINCT is_illustrative FROM {table}") == [(True,)]


def test_tables_and_columns_are_described_in_both_languages(demo):
    bare = demo("SELECT table_name FROM duckdb_tables() WHERE comment NOT LIKE '% · %' OR comment IS NULL")
    bare += demo(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE schema_name IN ('core', 'marts') AND (comment IS NULL OR comment NOT LIKE '% · %')"
    )
    assert bare == []


# ---------------------------------------------------------------- again, and again


def test_a_second_run_changes_nothing(office, home, ask):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    assert run_day(home).success
    before = {table: content(ask, table) for table in ALL_TABLES}
    files = sorted(path.relative_to(home.root) for path in home.warehouse.rglob("*.xlsx"))
    assert run_day(home).success
    assert {table: content(ask, table) for table in ALL_TABLES} == before
    assert sorted(path.relative_to(home.root) for path in home.warehouse.rglob("*.xlsx")) == files


def test_a_correction_supersedes_and_the_old_figure_stays(office, home, ask):
    for sending, numerator in enumerate((20, 30, 30)):
        answers = {
            "XHS-02": {"numerator": numerator, "denominator": 40},
            "XHS-01": {"numerator": 1, "denominator": 40},
        }
        office.send("CA", "2026-10", answers, edit=lambda book, n=sending: book.create_sheet(f"Sheet {n}"))
        run_steps(home)
    versions = ask(
        "SELECT value, is_current, superseded_at IS NULL FROM core.fct_actual WHERE indicator_code = 'XHS-02' "
        "ORDER BY recorded_at"
    )
    assert versions == [(50, False, False), (75, True, True)]
    assert ask("SELECT rows_accepted, rows_unchanged FROM core.fct_submission ORDER BY received_at") == [
        (2, 0),
        (1, 1),
        (0, 2),
    ]


def test_a_file_in_another_commune_s_folder_is_refused_whole(office, home, ask):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}}, into=office.folder(DAI_SON, "CA"))
    run_steps(home)
    assert ask("SELECT status, rows_accepted, rows_rejected FROM core.fct_submission") == [("rejected", 0, 1)]
    assert ask("SELECT rule_code FROM core.fct_rejection WHERE severity = 'fail'") == [("T04",)]
    assert ask("FROM core.fct_actual") == []


def test_the_rest_is_processed_as_if_the_bad_files_were_not_there(office, home, ask):
    folder = office.folder(VINH_LAI, "CA")
    (folder / "a-empty.xlsx").write_bytes(b"")
    (folder / "b-text.xlsx").write_bytes(b"this is no workbook")
    good = office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}}, name="c.xlsx")
    (folder / "d-cut.xlsx").write_bytes(good.read_bytes()[:3000])
    office.send("CA", "2026-10", {}, into=home.inbox / "00004-ba-dinh" / "CA", name="elsewhere.xlsx")
    office.send("CA", "2026-10", {}, into=home.inbox / "nowhere", name="nowhere.xlsx")
    assert run_day(home).success
    assert ask("SELECT original_name, status FROM core.fct_submission ORDER BY original_name") == [
        ("a-empty.xlsx", "unreadable"),
        ("b-text.xlsx", "unreadable"),
        ("c.xlsx", "accepted"),
        ("d-cut.xlsx", "unreadable"),
        ("elsewhere.xlsx", "rejected"),
        ("nowhere.xlsx", "empty"),  # in no folder known: taken for whom it names itself
    ]
    assert dict(ask("SELECT original_name, rule_code FROM core.fct_rejection JOIN core.fct_submission "
                    "USING (submission_id) WHERE severity = 'fail'")) == {
        "a-empty.xlsx": "T01", "b-text.xlsx": "T01", "d-cut.xlsx": "T01", "elsewhere.xlsx": "T03"}  # fmt: skip
    assert not list(home.inbox.rglob("*.xlsx"))
    assert len(list(home.feedback.rglob("*.xlsx"))) == 6


def test_an_empty_form_is_no_report(office, home, ask):
    office.send("CA", "2026-10")
    run_steps(home)
    assert ask("SELECT reporting_status, days_late > 0 FROM marts.mart_reporting_status WHERE agency_code = 'CA' "
               "AND commune_code = ? AND period_code = '2026-10'", VINH_LAI) == [("empty", True)]  # fmt: skip


def test_more_decimals_than_are_kept_do_not_break_a_rate(office, home, ask):
    """Money is the one thing counted in parts."""
    office.send("KT", edit=typing(("NL-01", "Tử số", "1,23456789"), ("NL-01", "Mẫu số", "2,3")))
    run_steps(home)
    assert ask("SELECT numerator::VARCHAR, value::VARCHAR FROM core.fct_actual") == [("1.2346", "53.6783")]


# ---------------------------------------------------------------- checks and publishing


def test_the_reconciliation_fails_when_a_line_is_lost(office, home):
    """A line that was read and of which nothing is known any more fails its asset check, and the run."""
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    run_steps(home)
    with building(home) as con:
        con.execute("UPDATE checked.submission SET lines_read = lines_read + 1")
    with building(home) as con:
        con.execute("DELETE FROM built.main.model_mark")
    result = run_day(home)
    assert not result.success
    failed = {(e.asset_key.path[-1], e.check_name): e for e in result.get_asset_check_evaluations() if not e.passed}
    said = failed["mart_reconciliation", "no_errors"].metadata["total_is_all_lines"].value
    assert "1 rows" in said


def test_a_failed_check_leaves_the_published_copy_as_it_was(office, home, ask):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    run_steps(home)
    before = home.published.read_bytes()
    with building(home) as con:
        con.execute("DELETE FROM checked.line WHERE disposition = 'accepted'")
    assert not run_day(home).success
    assert home.published.read_bytes() == before


def test_readers_see_no_error_and_no_half_built_table_while_it_is_published(office, home):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    run_steps(home)
    stop, seen, errors = threading.Event(), set(), []

    def read():
        query = "SELECT (SELECT count(*) FROM core.fct_target), (SELECT count(*) FROM core.dim_task)"
        while not stop.is_set():
            try:
                with duckdb.connect(home.published, read_only=True) as con:
                    seen.update(con.execute(query).fetchall())
            except Exception as error:  # noqa: BLE001 - any error at all is what the test looks for
                errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    copies = set()
    for _ in range(15):
        publish(home, [model for model in models() if not model.table.startswith("staged.")])
        copies.add(home.published.stat().st_ino)
    stop.set()
    reader.join()
    assert len(copies) > 1, "each publishing is another file"
    assert errors == []
    assert seen == {(160, 176)}


def test_the_same_ledger_gives_the_same_warehouse(office, home, ask, tmp_path, monkeypatch):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    run_steps(home)
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 30, "denominator": 40}}, name="again.xlsx")
    assert run_day(home).success
    other = Home(tmp_path / "other")
    shutil.copytree(home.archive, other.archive)
    monkeypatch.setenv("KPI57_HOME", str(other.root))
    assert run_day(other).success
    for table in ALL_TABLES:
        assert content(Warehouse(other.published), table) == content(ask, table), table
    made = {path.relative_to(home.exports): path.read_bytes() for path in home.exports.rglob("*") if path.is_file()}
    again = {path.relative_to(other.exports): path.read_bytes() for path in other.exports.rglob("*") if path.is_file()}
    assert again
    assert again.items() <= made.items()


def test_two_runs_cannot_hold_the_warehouse_at_once(office: Office, home: Home):
    with run_lock(home), pytest.raises(BusyError, match="another kpi57 run"), run_lock(home):
        pass
