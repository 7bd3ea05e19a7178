"""The golden cases beside marts.mart_kpi_progress: given targets and figures, expect level and pace."""

import shutil
from dataclasses import replace as replace_in
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import duckdb
import pytest
import yaml
from conftest import VINH_LAI

from pipelines.home import MODELS, Home
from pipelines.vietnamese import parse_target
from pipelines.warehouse.database import building, in_memory
from pipelines.warehouse.models import build, models, offending
from pipelines.warehouse.rows import insert, replace, set_info

CASES = yaml.safe_load((MODELS / "marts" / "mart_kpi_progress.cases.yml").read_text(encoding="utf-8"))
PLAN = "plan"


def given(con, registry, case):
    """One commune, one indicator, the case's targets and figures, as of the end of 2026."""
    keep = ("raw.commune", "raw.agency", "raw.period", "raw.asked", "raw.status")
    rows = {table: rows for table, rows in registry.rows().items() if table in keep}
    indicator = registry.indicators["XHS-02"] | {k: case[k] for k in ("direction", "kind", "aggregation") if k in case}
    rows["raw.indicator"] = [indicator]
    rows["raw.plan"] = [{"plan_id": PLAN, "commune_code": VINH_LAI, "title": "t", "issuer": "i", "legal_basis": "",
                         "focal_agency_code": "VHXH", "reports_from": "2025-01-01",
                         "in_force_from": "2025-01-01"}]  # fmt: skip
    rows["raw.target"] = [target(n, on, str(text)) for n, (on, text) in enumerate(case["targets"], 1)]
    rows["raw.higher_plan"] = [{"plan_id": "city", "plan_scope": "city", "city_code": "31", "issuer": "i", "title": "t",
                                "in_force_from": "2025-01-01"}]  # fmt: skip
    of_communes = ("commune_code", "lead_agency_code", "lead_as_written")
    rows["raw.higher_target"] = [
        {name: said for name, said in one.items() if name not in of_communes} | {"plan_id": "city"}
        for one in rows["raw.target"]
    ]
    followed_from = None if case["targets"] else "2026-06-01"
    rows["raw.indicator_duty"] = [duty(PLAN, VINH_LAI) | {"followed_from": followed_from}]
    for n, (period, figure) in enumerate(case["figures"].items(), 1):
        send(rows, n, str(period), figure)
        rows["checked.submission"][-1]["is_estimate"] = period in case.get("estimates", [])
    for table, content in rows.items():
        replace(con, table, content)
    set_info(con, "as_of", "2026-12-31")


def duty(plan_id, commune_code):
    return {"plan_id": plan_id, "commune_code": commune_code, "indicator_code": "XHS-02", "frequency": "month",
            "agency_code": "CA"}  # fmt: skip


def target(n, on, text):
    said = parse_target(text)
    return {"target_id": f"t{n}", "plan_id": PLAN, "commune_code": VINH_LAI, "indicator_code": "XHS-02", "name": "n",
            "appendix": "I", "row_number": str(n), "scope": "", "milestone_on": str(on), "operator": said.operator,
            "value": said.value, "value_high": said.value_high, "unit_of_measure": "%", "as_written": text,
            "is_aspirational": said.is_aspirational, "lead_agency_code": "CA", "lead_as_written": "Công an xã",
            "line_order": n}  # fmt: skip


def answer(figure):
    """What is said in a case: 50 is 50 of 100, [1, 3] is 1 of 3, {value: 50} a result alone, {withdrawn: true} none."""
    if isinstance(figure, dict):
        return {"numerator": None, "denominator": None, "value": figure.get("value"),
                "is_withdrawn": figure.get("withdrawn", False)}  # fmt: skip
    numerator, denominator = figure if isinstance(figure, list) else (figure, 100)
    value = None if denominator == 0 else 100 * numerator / denominator
    return {"numerator": numerator, "denominator": denominator, "value": value, "is_withdrawn": False}


def send(rows, n, period, figure):
    place = {"submission_id": f"s{n}", "source_sheet": "Chỉ tiêu", "source_row": 11}
    rows.setdefault("raw.receipt", []).append(
        {"submission_id": f"s{n}", "ledger_sequence": n, "sha256": f"{n}", "original_name": "f.xlsx", "folder": "f",
         "commune_code": VINH_LAI, "agency_code": "CA", "received_at": f"2026-12-{n:02}T08:00:00",
         "size_bytes": 1})  # fmt: skip
    rows.setdefault("checked.submission", []).append(
        {"submission_id": f"s{n}", "period_code": period, "is_unreadable": False, "is_refused": False,
         "lines_read": 1}
    )  # fmt: skip
    rows.setdefault("checked.line", []).append({**place, "kind": "indicator", "disposition": "accepted"})
    rows.setdefault("checked.actual", []).append(
        {**place, "source_cell": "G11", "indicator_code": "XHS-02", **answer(figure)}
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_progress(registry, case):
    with in_memory() as con:
        given(con, registry, case)
        for model in models():
            build(con, model)
            for check in model.checks:
                bad, examples = offending(con, check)
                assert bad == 0 or check.severity == "warn", (model.table, check.code, examples)
        for period, expected in case["expect"].items():
            columns = list(expected)
            [found] = con.execute(
                f"SELECT {', '.join(columns)} FROM marts.mart_kpi_progress WHERE period_code = ?", [str(period)]
            ).fetchall()
            assert dict(zip(columns, map(plain, found), strict=True)) == expected
        if case["targets"]:
            assert_the_city_is_judged_alike(con)


JUDGED = """in_force_on, in_force_value, in_force_as_written, next_on, next_value, next_as_written, baseline_on,
    baseline_value, expected_value, pace, level_status, level_label, pace_status, pace_label, forecast_meets_on,
    forecast_at_next, is_latest, is_estimate"""


def assert_the_city_is_judged_alike(con):
    """The city's plan has the same targets and one commune reports: its figures get the same answers, where all of them
    can be summed."""
    of_commune, of_city = (
        {row[0]: [float(x) if isinstance(x, Decimal) else x for x in row] for row in con.execute(
            f"SELECT period_code, value, {JUDGED} FROM marts.{mart} WHERE value IS NOT NULL").fetchall()}
        for mart in ("mart_kpi_progress", "mart_city_progress")
    )  # fmt: skip
    if all(period in of_city for period in of_commune):
        assert of_city == of_commune


def plain(value):
    """A value as YAML writes it."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return date(value.year, value.month, value.day) if isinstance(value, date) else value


def test_rates_above_one_commune_are_sums_over_sums(registry):
    """90 of 100 and 1 of 10 are 91 of 110, not the mean of 90 and 10."""
    with in_memory() as con:
        case = {"targets": [[date(2030, 12, 31), 90]], "figures": {"2026-10": [90, 100]}}
        given(con, registry, case)
        other = {}
        send(other, 9, "2026-10", [1, 10])
        for row in other["raw.receipt"]:
            row["commune_code"] = "11086"
        insert(con, "raw.plan", [{"plan_id": "other", "commune_code": "11086", "title": "t", "issuer": "i",
                                  "legal_basis": "", "focal_agency_code": "VHXH",
                                  "reports_from": "2025-01-01", "in_force_from": "2025-01-01"}])  # fmt: skip
        insert(con, "raw.target", [{**target(1, "2030-12-31", "90"), "plan_id": "other", "target_id": "o1",
                                    "commune_code": "11086"}])  # fmt: skip
        insert(con, "raw.indicator_duty", [duty("other", "11086")])
        for table, content in other.items():
            insert(con, table, content)
        for model in models():
            build(con, model)
        [found] = con.execute(
            "SELECT numerator, denominator, value, communes_reporting, communes_in_city FROM marts.mart_city_progress "
            "WHERE period_code = '2026-10'"
        ).fetchall()
        assert tuple(map(plain, found)) == (91, 110, 82.7273, 2, 114)


def test_a_superseding_plan_brings_its_targets_from_its_day_on(registry):
    with in_memory() as con:
        given(con, registry, {"targets": [[date(2030, 12, 31), 90]], "figures": {"2026-03": 50, "2026-10": 55}})
        con.execute("UPDATE raw.plan SET in_force_to = DATE '2026-06-01', superseded_by = 'revised'")
        insert(con, "raw.plan", [{"plan_id": "revised", "commune_code": VINH_LAI, "document_number": "99/KH-UBND",
                                  "issued_on": "2026-06-01", "title": "t", "issuer": "i", "legal_basis": "",
                                  "focal_agency_code": "VHXH", "reports_from": "2026-06-01",
                                  "in_force_from": "2026-06-01"}])  # fmt: skip
        insert(con, "raw.indicator_duty", [duty("revised", VINH_LAI)])
        insert(con, "raw.target", [{**target(1, "2030-12-31", "70"), "plan_id": "revised", "target_id": "r1"}])
        for model in models():
            build(con, model)
        rows = con.execute(
            "SELECT period_code, next_value FROM marts.mart_kpi_progress WHERE actual_id IS NOT NULL ORDER BY 1"
        ).fetchall()
        assert [(period, plain(value)) for period, value in rows] == [("2026-03", 90), ("2026-10", 70)]
        assert con.execute("SELECT count(*) FROM core.fct_target").fetchone() == (2,)
        assert con.execute("SELECT count(*) FROM marts.mart_plan_conflict").fetchone() == (0,)
        assert con.execute(
            "SELECT superseded_by, in_force_to FROM core.dim_plan WHERE plan_id = 'plan'"
        ).fetchone() == (
            "revised",
            date(2026, 6, 1),
        )


@pytest.mark.parametrize(("table", "codes"), [
    ("marts.mart_approval", 6), ("marts.mart_kpi_progress", 5), ("staged.stg_city_sum", 50)])  # fmt: skip
def test_some_communes_or_indicators_at_a_time_give_the_same_table(demo_home, tmp_path, table, codes):
    """The parts that keep a country within memory change nothing, not even the order; a figure of a commune without a
    plan is in one of them."""
    home = Home(tmp_path)
    home.warehouse.mkdir()
    for path in (demo_home.build, demo_home.built):
        shutil.copyfile(path, home.warehouse / path.name)
    with building(home) as con:
        con.execute("UPDATE core.fct_actual SET commune_code = (SELECT min(commune_code) FROM core.dim_commune "
                    "ANTI JOIN core.bridge_plan_in_force USING (commune_code)) "
                    "WHERE actual_id = (SELECT min(actual_id) FROM core.fct_actual WHERE is_current)")  # fmt: skip
    [model] = [model for model in models() if model.table == table]
    [what], made = model.spec["parts"], []
    for at_a_time in (1, 2, 300):
        with building(home) as con:
            build(con, replace_in(model, spec={**model.spec, "parts": {what: at_a_time}}))
            made.append(con.execute(f"FROM {model.table}").fetchall())
    assert made[0] == made[1] == made[2]
    column = list(model.spec["columns"]).index(f"{what}_code")
    assert len({row[column] for row in made[0]}) == codes


def test_between_two_days_on_which_it_turns_progress_says_the_same(demo_home, tmp_path):
    """Of every day of five months, reports asked for, ends of periods and a milestone among them: what is said at its
    end is what was said at the moment the table is built for."""
    shutil.copyfile(demo_home.published, tmp_path / "kpi.duckdb")
    [model] = [model for model in models() if model.table == "marts.mart_kpi_progress"]
    said, turns = "SELECT count(*), bit_xor(hash(p)) FROM marts.progress_as_of(?) AS p", {}
    with duckdb.connect(tmp_path / "kpi.duckdb") as con:
        for days in range(150):
            day = date(2026, 9, 10) + timedelta(days)
            con.execute("UPDATE core.dim_build SET as_of_on = ?", [day])
            turns[con.execute(model.given["moment"]).fetchone()] = datetime.combine(day, time.max)
        for (moment,), last in turns.items():
            assert moment <= last
            assert con.execute(said, [moment]).fetchone() == con.execute(said, [last]).fetchone(), last
    assert 20 < len(turns) < 100
