"""Communes are merged, agencies and indicators get another code, a definition changes: what was decided stays, and what
comes after is compared with what it follows."""

import csv
import shutil
from datetime import date

import pytest
from lived_city import ANSWERS
from test_time import agency_recoded, decided

from pipelines.home import SOURCES
from pipelines.registry import registry as registries
from pipelines.registry.plan_folders import RegistryError
from pipelines.registry.successions import Successions
from pipelines.scorecard.board import read_board
from pipelines.warehouse.database import reading

VINH_LAI, DAI_SON = "11164", "11086"
DVC_01 = {"DVC-01": {"numerator": 30, "denominator": 100}}


def happened(city, *rows):
    """Write successions.csv of the city: kind, old code, new code, day."""
    with (city.sources / "reference" / "successions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "old_code", "new_code", "ends_on", "source"])
        writer.writerows([*row, "Nghị quyết"] for row in rows)


def merged(city):
    happened(city, ("commune", VINH_LAI, DAI_SON, "2026-08-20"), ("commune", DAI_SON, DAI_SON, "2026-08-20"))


def test_a_merged_commune_keeps_its_history_and_owes_nothing_more(city):
    before = decided(city)
    merged(city)
    city.run()
    assert decided(city) == before
    city.run(date(2026, 10, 1))
    owed = city.ask("SELECT DISTINCT period_code FROM marts.mart_reporting_status WHERE commune_code = ? "
                    "AND period_code > '2026-08' ", VINH_LAI)  # fmt: skip
    assert owed == []
    assert city.ask("SELECT count(*) FROM marts.mart_task_progress WHERE commune_code = ? AND NOT is_closed",
                    VINH_LAI) == [(0,)]  # fmt: skip
    assert city.ask("SELECT holds_from, holds_until, successor_code FROM core.dim_commune WHERE commune_code = ?",
                    VINH_LAI) == [(None, date(2026, 8, 20), DAI_SON)]  # fmt: skip


def test_its_folder_takes_what_ended_before_and_names_the_successor_s_for_what_came_after(city):
    city.send("2026-10-16", "CA", "2026-09", ANSWERS)  # made before the merger was known
    city.send("2026-10-17", "CA", "2026-08", ANSWERS | {"XHS-02": {"numerator": 61, "denominator": 100}})
    merged(city)
    city.run(date(2026, 10, 20))
    [finding] = city.ask("SELECT rule_code, message, fix FROM core.fct_rejection JOIN core.fct_submission AS s "
                         "USING (submission_id) WHERE s.period_code = '2026-09' AND severity = 'fail'")  # fmt: skip
    assert finding == (
        "T20",
        "Xã Vĩnh Lại đã được sắp xếp thành Xã Đại Sơn kể từ ngày 20/08/2026, nên không báo cáo Tháng 09/2026.",
        "Gửi báo cáo Tháng 09/2026 vào thư mục 11086-dai-son của Xã Đại Sơn; thư mục này chỉ nhận số liệu của các kỳ "
        "kết thúc trước ngày 20/08/2026.",
    )
    assert city.ask("SELECT value FROM core.fct_actual WHERE indicator_code = 'XHS-02' AND period_code = '2026-08' "
                    "AND is_current") == [(61,)]  # fmt: skip


def test_the_successor_s_series_shows_the_pooled_figure_and_the_city_counts_who_was_there(city):
    city.send("2026-08-26", "PVHCC", "2026-07", DVC_01)
    city.send("2026-08-26", "PVHCC", "2026-07", {"DVC-01": {"numerator": 90, "denominator": 100}}, commune=DAI_SON)
    city.run(date(2026, 8, 27))
    in_city = city.ask("SELECT numerator, denominator, communes_in_city FROM marts.mart_city_progress "
                       "WHERE indicator_code = 'DVC-01' AND period_code = '2026-07'")  # fmt: skip
    merged(city)
    city.send("2026-09-16", "PVHCC", "2026-09", {"DVC-01": {"numerator": 150, "denominator": 200}}, commune=DAI_SON)
    city.run(date(2026, 9, 20))
    series = city.ask("SELECT period_code, numerator, denominator, value, is_pooled, predecessors, reported_by "
                      "FROM marts.mart_successor_series WHERE commune_code = ? AND indicator_code = 'DVC-01'",
                      DAI_SON)  # fmt: skip
    assert series == [
        ("2026-07", 120, 200, 60, True, 2, [DAI_SON, VINH_LAI]),
        ("2026-09", 150, 200, 75, False, 1, [DAI_SON]),
    ]
    with reading(city.home) as con:
        shown = read_board(con).series[DAI_SON, "DVC-01", ""]
    assert [(row["period_code"], row["value"], row["note"]) for row in shown] == [
        ("2026-07", 60, "Số gộp của 2/2 xã, phường, đặc khu trước khi sắp xếp"),
        ("2026-09", 75, None),
    ]
    own = city.ask("SELECT DISTINCT commune_code FROM marts.mart_kpi_progress "
                   "WHERE actual_id IS NOT NULL AND period_code = '2026-07' AND indicator_code = 'DVC-01'")  # fmt: skip
    assert len(own) == 2
    cities = city.ask("SELECT period_code, numerator, denominator, communes_in_city FROM marts.mart_city_progress "
                      "WHERE indicator_code = 'DVC-01' ORDER BY 1")  # fmt: skip
    assert cities == [("2026-07", *in_city[0]), ("2026-09", 150, 200, in_city[0][2] - 1)]


def test_a_merged_commune_answers_for_no_milestone_after_its_end(city):
    merged(city)
    city.run(date(2031, 1, 5))
    answered = city.ask("SELECT DISTINCT in_force_on FROM marts.mart_kpi_progress WHERE commune_code = ? AND is_latest "
                        "AND actual_id IS NOT NULL AND indicator_code = 'XHS-02'", VINH_LAI)  # fmt: skip
    assert all(day is None or day < date(2026, 8, 20) for (day,) in answered)
    assert answered


def recoded(city):
    agency_recoded(city)
    happened(city, ("agency", "CA", "CAX", "2026-08-25"))


def test_an_agency_with_a_new_code_goes_on_with_its_series(city):
    before = decided(city)
    old_form = city.send("2026-09-16", "CA", "2026-09", ANSWERS | {"XHS-02": {"numerator": 65, "denominator": 100}})
    waiting = old_form.rename(city.home.root / "later.xlsx")
    recoded(city)
    city.run()
    assert decided(city) == before
    old_form.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(waiting, old_form)  # an old form, in the old folder
    city.send("2026-09-17", "CAX", "2026-08", ANSWERS | {"XHS-02": {"numerator": 62, "denominator": 100}})
    city.run(date(2026, 9, 25))
    rows = city.ask("SELECT agency_code, period_code, value, is_current FROM core.fct_actual "
                    "WHERE indicator_code = 'XHS-02' AND period_code >= '2026-08' ORDER BY 2, 3")  # fmt: skip
    assert rows == [("CA", "2026-08", 60, False), ("CAX", "2026-08", 62, True), ("CAX", "2026-09", 65, True)]
    status = city.ask("SELECT agency_code, period_code, reporting_status, submissions FROM marts.mart_reporting_status "
                      "WHERE commune_code = ? AND period_code IN ('2026-08', '2026-09') AND agency_code LIKE 'CA%' "
                      "ORDER BY 2, 1", VINH_LAI)  # fmt: skip
    assert status == [("CA", "2026-08", "on_time", 2), ("CAX", "2026-09", "on_time", 1)]
    assert city.ask("SELECT value FROM marts.progress_as_of(TIMESTAMP '2026-09-01') WHERE indicator_code = 'XHS-02' "
                    "AND period_code = '2026-08' AND commune_code = ?", VINH_LAI) == [(60,)]  # fmt: skip


def test_a_jump_is_seen_over_a_change_of_code(city):
    recoded(city)
    city.run()
    city.send("2026-09-16", "CAX", "2026-09", ANSWERS | {"XHS-02": {"numerator": 99, "denominator": 100}})
    city.run(date(2026, 9, 25))
    assert city.ask("SELECT count(*) FROM core.fct_rejection AS r JOIN core.fct_submission AS s USING (submission_id) "
                    "WHERE s.period_code = '2026-09' AND r.rule_code = 'C16'") == [(1,)]  # fmt: skip


def test_an_indicator_redefined_is_not_compared_over_the_break(city):
    city.send("2026-09-16", "CA", "2026-09", ANSWERS | {"XHS-02": {"numerator": 30, "denominator": 100}})
    city.run(date(2026, 9, 20))
    ours = f"commune_code = '{VINH_LAI}' AND indicator_code = 'XHS-02'"
    line = f"SELECT baseline_on, redefined_on FROM marts.mart_kpi_progress WHERE {ours} AND is_latest"
    assert city.ask(line) == [(date(2026, 6, 30), None)]
    past = city.ask("FROM marts.progress_as_of(TIMESTAMP '2026-09-10 12:00:00')")
    happened(city, ("indicator", "XHS-02", "", "2026-09-01"))
    city.run(date(2026, 9, 25))
    assert city.ask(line) == [(None, date(2026, 9, 1))]
    assert city.ask("FROM marts.progress_as_of(TIMESTAMP '2026-09-10 12:00:00')") == past
    assert city.ask("SELECT redefined_on FROM core.dim_indicator WHERE indicator_code = 'XHS-02'") == [
        ([date(2026, 9, 1)],)
    ]


def test_an_indicator_with_a_new_code_is_one_series(city):
    plan = city.sources / "plans" / "11164-vinh-lai-2025" / "targets.csv"
    indicators = city.sources / "reference" / "indicators.csv"
    [row] = [line for line in indicators.read_text(encoding="utf-8").splitlines(True) if line.startswith("XHS-02,")]
    old_form = city.send("2026-09-16", "CA", "2026-09", {"XHS-02": {"numerator": 65, "denominator": 100}})
    waiting = old_form.rename(city.home.root / "later.xlsx")
    with indicators.open("a", encoding="utf-8") as file:
        file.write(row.replace("XHS-02,", "XHS-32,", 1))
    plan.write_text(plan.read_text(encoding="utf-8").replace("XHS-02", "XHS-32"), encoding="utf-8")
    happened(city, ("indicator", "XHS-02", "XHS-32", "2026-08-20"))
    city.run()
    shutil.move(waiting, old_form)
    city.run(date(2026, 9, 25))
    series = city.ask("SELECT period_code, value, reported_as FROM marts.mart_successor_series "
                      "WHERE commune_code = ? AND indicator_code = 'XHS-32' ORDER BY 1", VINH_LAI)  # fmt: skip
    assert series == [("2026-06", 50, ["XHS-02"]), ("2026-07", 55, ["XHS-02"]), ("2026-08", 60, ["XHS-02"]),
                      ("2026-09", 65, ["XHS-32"])]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([("commune", "11164", "", "2027-07-01")], "has no successor"),
        ([("commune", "11164", "11086", "01/07/2027")], "is no day"),
        ([("xã", "11164", "11086", "2027-07-01")], "no kind"),
        ([("commune", "11164", "99999", "2027-07-01")], "no commune 99999"),
        ([("commune", "11164", "11086", "2027-07-01"), ("commune", "11164", "11167", "2027-07-01")], "two successors"),
        ([("commune", "11164", "11086", "2027-07-01"), ("commune", "11086", "11164", "2028-07-01")], "after itself"),
        ([("commune", "11164", "11086", "2027-07-01")], "add the row 'commune,11086,11086,2027-07-01'"),
        ([("agency", "CA", "VP", "2027-07-01")], "still in agencies.csv"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_lost(rows, fault, tmp_path):
    shutil.copytree(SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("inbox"))

    class There:
        sources = tmp_path / "sources"

    happened(There, *rows)
    with pytest.raises(RegistryError, match=fault):
        registries.load(There.sources)


def test_codes_are_followed_over_several_successions():
    steps = (("A", "B", "2027-01-01"), ("B", "C", "2028-01-01"), ("D", "C", "2028-01-01"))
    known = Successions(
        {"kind": "agency", "old_code": old, "new_code": new, "ends_on": on, "source": ""} for old, new, on in steps
    )
    assert known.newest("agency", "A") == "C"
    assert known.newest("agency", "A", date(2027, 6, 1)) == "B"
    assert known.before("agency", "C") == ["A", "B", "D"]
    assert known.newest("agency", "D", date(2027, 12, 31)) == "D"
