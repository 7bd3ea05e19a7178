"""Targets that ask something else than their indicator counts, or name no day: what was reported and decided stays."""

from datetime import date

from test_plan_workbook import Phieu, codes, place, sources  # noqa: F401 - a fixture
from test_time import decided

from pipelines.files import read_csv
from pipelines.plans.add import add_plan
from pipelines.plans.check import check_plans
from pipelines.plans.form import write_plan_workbook
from pipelines.plans.plan_files import rows_text
from pipelines.registry import registry as registries

VINH_LAI, PLAN = "11164", "11164-vinh-lai-2025"
OCTOBER = date(2026, 10, 14)
DUTIES = "SELECT indicator_code, agency_code FROM core.bridge_indicator_duty WHERE commune_code = ? ORDER BY ALL"
# What was joined under one code: by appendix and row, the code of before.
JOINED = {("II", "27"): "XHS-01", ("I", "11.5"): "GD-07", ("I", "14"): "GD-07", ("III", "48"): "DVC-05"}


def edit_targets(sources, change):  # noqa: F811
    """Change each row of Vĩnh Lại's targets."""
    path = sources / "plans" / PLAN / "targets.csv"
    rows = [{**row, **change(row)} for row in read_csv(path)]
    path.write_text(rows_text(list(rows[0]), rows), encoding="utf-8")


def as_before(row):
    """A row as it was when the indicators were joined."""
    return {
        "indicator_code": JOINED.get((row["appendix"], row["row_number"]), row["indicator_code"]),
        "milestone_on": "2030-12-31" if row["milestone_on"] == "none" else row["milestone_on"],
    }


def as_now(row):
    place = row["appendix"], row["row_number"]
    return {
        "indicator_code": "none" if place in JOINED else row["indicator_code"],
        "milestone_on": "none" if place == ("III", "48") else row["milestone_on"],
    }


def test_what_asks_something_else_than_its_indicator_counts_has_no_code_and_contradicts_nothing(registry):
    targets = [t for t in registry.targets if t["commune_code"] == VINH_LAI]
    by_row = {(t["appendix"], t["row_number"]): t["indicator_code"] for t in targets}
    assert {place: by_row[place] for place in JOINED} == dict.fromkeys(JOINED)
    assert (by_row["I", "9"], by_row["II", "15"], by_row["I", "1.5"]) == ("XHS-01", "GD-07", "DVC-05")
    assert [(t["appendix"], t["row_number"]) for t in targets if t["milestone_on"] is None] == [("III", "48")]
    led = registry.led_in(VINH_LAI, OCTOBER)
    assert {code: led[code] for code in ("XHS-01", "GD-07", "DVC-05")} == {
        "XHS-01": "CA", "GD-07": "VHXH", "DVC-05": "PVHCC"}  # fmt: skip
    told = [f.message for f in check_plans(registry) if f.code == "conflict" and f.plan_id == PLAN]
    assert sorted(message[:6] for message in told) == ["DVC-02", "GD-02 "]


def test_a_home_that_had_them_as_one_keeps_what_was_reported_and_said(city):
    """Begins with targets that join them (XHS-01 is 70 and 10 for 2030), then gets those that do not."""
    edit_targets(city.sources, as_before)
    city.run()
    judged = ("SELECT pace_status FROM marts.mart_kpi_progress WHERE commune_code = ? AND indicator_code = 'XHS-01' "
              "AND is_latest")  # fmt: skip
    assert city.ask(judged, VINH_LAI) == [("conflict",)]
    before, duties = decided(city), city.ask(DUTIES, VINH_LAI)

    edit_targets(city.sources, as_now)
    city.run()
    assert decided(city) == before
    assert city.ask(DUTIES, VINH_LAI) == duties, "nobody owes more or less"
    assert city.ask("SELECT count(*) FROM core.fct_actual WHERE indicator_code = 'XHS-01'")[0][0] == 3
    assert city.ask(judged, VINH_LAI) != [("conflict",)]
    pairs = "SELECT count(*) FROM marts.mart_plan_conflict WHERE indicator_code IN ('XHS-01', 'GD-07', 'DVC-05')"
    assert city.ask(pairs) == [(0,)]
    was = ("SELECT DISTINCT is_conflict FROM core.known_milestone WHERE indicator_code = 'XHS-01' "
           "AND milestone_on = DATE '2030-12-31' AND known_to IS NOT NULL AND known_from IS NOT NULL")  # fmt: skip
    assert (True,) in city.ask(was)


def test_a_target_without_a_day_is_kept_by_the_workbook_and_has_no_milestone(sources, registry, tmp_path):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", "11086-dai-son-2026"))
    phieu.fill("targets", 1, milestone_on=None)
    refused = add_plan(phieu.save(), sources, replace=True)
    assert codes(refused) == {place(phieu.cell("targets", 1, "milestone_on")): "K08"}
    assert "ghi “không ghi mốc”" in refused.findings[0]["fix"]
    phieu.fill("targets", 1, milestone_on="Không ghi mốc", as_written="100%", operator=None, value=None)
    added = add_plan(phieu.save(), sources, replace=True)
    assert added.findings == []
    assert read_csv(added.folder / "targets.csv")[0]["milestone_on"] == "none"
    known = registries.load(sources)
    again = Phieu(write_plan_workbook(sources, known, tmp_path / "lại.xlsx", "11086-dai-son-2026"))
    assert again.cell("targets", 1, "milestone_on").value == "không ghi mốc"


def test_an_indicator_with_a_target_without_a_day_is_asked_and_not_compared(city):
    def undated(row):
        return {"milestone_on": "none"} if row["indicator_code"] == "XHS-02" else {}

    edit_targets(city.sources, undated)
    city.run()
    city.send("2026-09-16", "CA", "2026-09", {"XHS-02": {"numerator": 80, "denominator": 100}})
    city.run(date(2026, 9, 22))
    judged = ("SELECT value, level_status, pace_status, next_on FROM marts.mart_kpi_progress "
              "WHERE commune_code = ? AND indicator_code = 'XHS-02' AND period_code = '2026-09'")  # fmt: skip
    assert city.ask(judged, VINH_LAI) == [(80, "no_target", "no_target", None)]
