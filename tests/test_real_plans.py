"""What real plans say: reports in another rhythm, milestones within a year, agencies beside those of the commune."""

from dataclasses import replace
from datetime import date

import pytest
from test_plan_workbook import Phieu, codes, place, sources  # noqa: F401 - a fixture
from test_time import decided

from pipelines.agencies.form import forms_owed
from pipelines.files import read_csv
from pipelines.plans.add import add_plan
from pipelines.plans.check import check_plans
from pipelines.plans.form import write_plan_workbook
from pipelines.registry import registry as registries
from pipelines.registry.plan_folders import RegistryError
from pipelines.vietnamese import named_day
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.models import build, models
from pipelines.warehouse.rows import replace as replace_rows

VINH_LAI, DAI_SON, LE_CHAN = "11164", "11086", "11383"
PLAN = "11086-dai-son-2026"
SEPTEMBER = date(2026, 9, 22)


# ---------------------------------------------------------------- the plan's own rhythm


@pytest.fixture
def in_rhythms(registry):
    """Vĩnh Lại reports each quarter, Đại Sơn each half year, Lê Chân once a year; the others as the form says."""
    rhythms = {VINH_LAI: "quarter", DAI_SON: "half", LE_CHAN: "year"}
    plans = {name: {**plan, "reporting_rhythm": rhythms.get(plan["commune_code"])}
             for name, plan in registry.plans.items()}  # fmt: skip
    return replace(registry, plans=plans)


def due_in(registry):
    """What core.dim_due says, by commune and period: first and last day, due day, days of grace."""
    with in_memory() as con:
        for table, rows in registry.rows().items():
            replace_rows(con, table, rows)
        for table in ("core.known_due", "core.dim_due"):
            build(con, next(model for model in models() if model.table == table))
        rows = con.execute("SELECT commune_code, period_code, starts_on, ends_on, due_on, "
                           "(grace_until - due_on)::INTEGER FROM core.dim_due").fetchall()  # fmt: skip
    return {(commune, code): days for commune, code, *days in rows}


def test_each_commune_owes_the_periods_of_its_rhythm(in_rhythms):
    due = due_in(in_rhythms)
    kinds = {code: {in_rhythms.periods[period].kind for commune, period in due if commune == code}
             for code in in_rhythms.commune_codes_with_plans}  # fmt: skip
    assert (kinds[VINH_LAI], kinds[DAI_SON], kinds[LE_CHAN]) == ({"quarter", "year"}, {"half", "year"}, {"year"})
    assert kinds["11791"] == {"month", "year"}
    assert due[VINH_LAI, "2026-Q3"] == [date(2026, 6, 15), date(2026, 9, 14), date(2026, 9, 20), 0]  # as September's
    assert due[DAI_SON, "2026-H2"][2] == date(2026, 12, 20)


def test_python_and_sql_agree_on_what_is_owed_in_any_rhythm(in_rhythms):
    due = due_in(in_rhythms)
    for commune in in_rhythms.commune_codes_with_plans:
        for code in in_rhythms.periods:
            period = in_rhythms.period_of(commune, code)
            says = [period.starts_on, period.ends_on, period.due_on, period.grace_days]
            if (commune, code) in due:
                assert due[commune, code] == says, (commune, code)
            elif period.due_on:
                reports_from = min(plan["reports_from"] for plan in in_rhythms.plans.values()
                                   if plan["commune_code"] == commune)  # fmt: skip
                assert period.starts_on < period.owed_from or period.ends_on < reports_from, (commune, code)


def test_a_rhythm_that_is_none_is_named(city):
    city.plan(reporting_rhythm="tháng")
    with pytest.raises(RegistryError, match="reporting_rhythm 'tháng': write one of month, quarter, half, year"):
        registries.load(city.sources)


def test_another_rhythm_is_owed_from_then_on_and_what_was_owed_stays(city):
    """Vĩnh Lại's plan turns to quarters on 25/08: July and August were owed and stay; Quý III comes in their place."""
    before = decided(city)
    owed = city.ask(
        "SELECT period_code FROM core.dim_due WHERE commune_code = ? AND ends_on < DATE '2026-08-25'", VINH_LAI
    )
    city.plan(reporting_rhythm="quarter")
    city.run()
    assert decided(city) == before
    now = city.ask(
        "SELECT period_code FROM core.dim_due WHERE commune_code = ? ORDER BY ends_on, period_code", VINH_LAI
    )
    assert sorted(now[: len(owed)]) == sorted(owed)
    assert [code for (code,) in now[len(owed) :]][:4] == ["2026-Q3", "2026", "2026-Q4", "2027-Q1"]
    assert {code[4:6] for (code,) in now[len(owed) :]} == {"", "-Q"}

    city.send("2026-09-16", "CA", "2026-Q3", {"XHS-02": {"numerator": 80, "denominator": 100}})
    city.run(SEPTEMBER)
    reported = city.ask("SELECT period_code, reporting_status, due_on FROM marts.mart_reporting_status "
                        "WHERE commune_code = ? AND agency_code = 'CA' "
                        "AND due_on BETWEEN DATE '2026-08-26' AND DATE '2026-09-30'", VINH_LAI)  # fmt: skip
    assert reported == [("2026-Q3", "on_time", date(2026, 9, 20))]
    assert city.ask("SELECT value, next_value FROM marts.mart_kpi_progress WHERE commune_code = ? "
                    "AND indicator_code = 'XHS-02' AND period_code = '2026-Q3'", VINH_LAI) == [(80, 85)]  # fmt: skip


def test_the_workbook_has_the_rhythm_and_the_form_its_due_day(sources, registry, tmp_path):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    phieu.field("reporting_rhythm").value = "hằng quý"
    assert add_plan(phieu.save(), sources, replace=True).findings == []
    known = registries.load(sources)
    assert known.plans[PLAN]["reporting_rhythm"] == "quarter"
    assert known.period_of(DAI_SON, "2026-Q4").due_on == date(2026, 12, 20)
    assert known.period_of(DAI_SON, "2026-10").due_on is None
    assert forms_owed(known, DAI_SON, None, "2026-Q4") == forms_owed(registry, DAI_SON, None, "2026-12")
    again = Phieu(write_plan_workbook(sources, known, tmp_path / "lại.xlsx", PLAN))
    assert again.field("reporting_rhythm").value == "hằng quý"


# ---------------------------------------------------------------- milestones within a year


@pytest.mark.parametrize(
    ("typed", "day"),
    [("Quý I/2027", "2027-03-31"), ("Tháng 6/2027", "2027-06-30"), ("6 tháng đầu năm 2027", "2027-06-30"),
     ("hết năm 2027", "2027-12-31"), ("Trước ngày 30/6/2027", "2027-06-30"), (2030, "2030-12-31")],
)  # fmt: skip
def test_a_milestone_may_be_a_quarter_or_a_month(sources, registry, tmp_path, typed, day):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    phieu.fill("targets", 1, milestone_on=typed, as_written="100%", operator=None, value=None)
    added = add_plan(phieu.save(), sources, replace=True)
    assert added.findings == []
    assert read_csv(added.folder / "targets.csv")[0]["milestone_on"] == day


@pytest.mark.parametrize("typed", ["Quý V/2027", "Quý I, Quý III/2027", "hằng năm", "2027-2030x", "Quý I"])
def test_what_is_no_one_day_is_asked(sources, registry, tmp_path, typed):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    phieu.fill("targets", 1, milestone_on=typed)
    refused = add_plan(phieu.save(), sources, replace=True)
    assert codes(refused) == {place(phieu.cell("targets", 1, "milestone_on")): "K14"}


def test_a_day_in_the_text_is_the_row_s_milestone(sources, registry, tmp_path):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    phieu.fill("targets", 1, milestone_on="31/12/2027", as_written="Đến quý II/2027 đạt 90%", operator=None, value=None)
    refused = add_plan(phieu.save(), sources, replace=True)
    assert codes(refused) == {place(phieu.cell("targets", 1, "milestone_on")): "K40"}
    assert "nêu mốc 30/06/2027" in refused.findings[0]["message"]


@pytest.mark.parametrize(
    ("heading", "day"),
    [("Mục tiêu quý I/2027", date(2027, 3, 31)), ("Mục tiêu đến năm 2030 (%)", date(2030, 12, 31)),
     ("Giai đoạn 2026-2030", date(2030, 12, 31)), ("2030", date(2030, 12, 31)), ("Thực hiện 2025, kế hoạch 2026", None),
     ("Quý V/2027", None)],
)  # fmt: skip
def test_the_heading_of_a_column_names_its_last_day(heading, day):
    assert named_day(heading) == day


# ---------------------------------------------------------------- agencies beside those of the commune


@pytest.mark.parametrize(
    ("written", "agencies"),
    [("Trạm Y tế xã Tiên Minh", ["YTE"]), ("TYT xã", ["YTE"]), ("Ủy ban MTTQ Việt Nam phường", ["MTTQ"]),
     ("Ủy ban MTTQ Việt Nam và các tổ chức chính trị - xã hội xã", ["MTTQ"]), ("UBMTTQVN và các đoàn thể xã", ["MTTQ"]),
     ("Các trường học trên địa bàn xã", ["TRUONG"]), ("Các thôn trên địa bàn xã", ["THON"]),
     ("Các đơn vị cung cấp dịch vụ viễn thông", ["VIENTHONG"]), ("Các doanh nghiệp trên địa bàn phường", ["DN"]),
     ("Phòng Kinh tế, Trạm Y tế xã", ["KT", "YTE"]), ("Trường THCS Vĩnh Lại", None)],
)  # fmt: skip
def test_names_of_health_stations_schools_fronts_villages_and_firms_are_known(registry, written, agencies):
    assert registry.agency_names.resolve(written) == agencies


def test_they_report_as_any_agency_and_a_group_of_them_by_the_focal_agency(sources, registry, tmp_path):  # noqa: F811
    with (sources / "reference" / "agencies.csv").open("a", encoding="utf-8") as file:
        file.write("THDS,Trường Tiểu học Đại Sơn,false,\n")  # one school that reports for itself
    phieu = Phieu(write_plan_workbook(sources, registries.load(sources), tmp_path / "kh.xlsx", PLAN))
    phieu.fill("targets", 1, lead_as_written="Trạm Y tế xã Đại Sơn")
    for number, lead in enumerate(
        ("Ủy ban MTTQ Việt Nam xã", "Các trường học trên địa bàn xã", "Trường Tiểu học Đại Sơn"), 1
    ):
        phieu.fill("tasks", number, lead_as_written=lead)
    assert add_plan(phieu.save(), sources, replace=True).findings == []
    known = registries.load(sources)
    october = date(2026, 10, 14)
    assert {"YTE", "MTTQ", "THDS"} <= set(known.agencies_of(DAI_SON, october))
    assert "TRUONG" not in known.agencies_of(DAI_SON, october)
    second = known.tasks[next(n for n, task in enumerate(known.tasks) if task["plan_id"] == PLAN) + 1]
    assert second["lead_agency_codes"] == ["TRUONG"]
    assert second in known.tasks_of(DAI_SON, known.plans[PLAN]["focal_agency_code"], october)


def test_a_row_that_several_agencies_lead_says_who_reports_it(registry):
    notes = [f for f in check_plans(registry) if f.code == "several_leads"]
    assert {f.plan_id for f in notes} == {"11791-tien-minh-2026"}
    assert any("NL-05 is led by VP and VHXH: VP, named first, reports it for all" in f.message for f in notes)


def test_several_leads_of_one_indicator_are_asked_with_both_ways_out(sources, registry, tmp_path):  # noqa: F811
    phieu = Phieu(write_plan_workbook(sources, registry, tmp_path / "kh.xlsx", PLAN))
    row = {name: phieu.cell("targets", 1, name).value for name in ("appendix", "indicator_code", "name", "as_written")}
    empty = len(read_csv(sources / "plans" / PLAN / "targets.csv")) + 1
    phieu.fill("targets", empty, **row, row_number="98", milestone_on=2027, lead_as_written="Trạm Y tế xã")
    refused = add_plan(phieu.save(), sources, replace=True)
    assert codes(refused) == {place(phieu.cell("targets", empty, "lead_as_written")): "K36"}
    fix = refused.findings[0]["fix"]
    assert "Một cơ quan báo cáo cho cả chỉ tiêu" in fix
    assert "mỗi phần là một chỉ tiêu" in fix
    phieu.fill("targets", empty, indicator_code="chưa có mã")
    assert add_plan(phieu.save(), sources, replace=True).findings == []
