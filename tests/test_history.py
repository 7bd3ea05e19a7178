"""What was in force when: restatements, locks, looking back, and rebuilding from archive and ledger alone."""

import os
import random
import shutil
from decimal import Decimal

import pytest
from conftest import DAI_SON, VINH_LAI, Office, Warehouse, vietnam
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.analysts.trace import trace
from pipelines.flow import run_steps
from pipelines.home import Home
from pipelines.intake.acts import act_on_period
from pipelines.intake.ledger import Ledger
from pipelines.warehouse.database import building
from pipelines.warehouse.models import models

TABLES = [m.table for m in models() if not m.table.startswith("staged.") and not m.parameters]
CURRENT = "SELECT indicator_code, period_code, value::DOUBLE FROM core.fct_actual WHERE is_current ORDER BY ALL"


def figure(numerator, denominator=100, code="XHS-02"):
    return {code: {"numerator": numerator, "denominator": denominator}}


@pytest.fixture
def past(home):
    """A home in which files arrive on the day they bear, so that a test can live through months."""
    Ledger(home).append([{"event": "illustrative", "seed": 0, "day": "2026-01-01"}])
    return home


def arrive(path, *day):
    at = vietnam(*day).timestamp()
    os.utime(path, (at, at))


# ---------------------------------------------------------------- locks


def lock(home, event="locked"):
    act_on_period(Ledger(home), event, "2026-10", "chốt số liệu tháng", "Sở KH&CN")


def test_what_comes_for_a_locked_period_is_kept_and_held(office, home, ask):
    office.send("CA", "2026-10", figure(50))
    run_steps(home)
    lock(home)
    office.send("CA", "2026-10", figure(70), name="late.xlsx")
    run_steps(home)
    assert ask(CURRENT) == [("XHS-02", "2026-10", 50)]
    assert ask("SELECT status, rows_accepted FROM core.fct_submission ORDER BY received_at") == [
        ("accepted", 1),
        ("held", 0),
    ]
    assert ask("FROM marts.mart_reconciliation WHERE rows_unaccounted <> 0") == []
    assert ask("SELECT original_name, is_held, good_lines, act FROM marts.mart_late_change") == [
        ("late.xlsx", True, 1, "Sở KH&CN: chốt số liệu tháng")
    ]


def test_an_unlock_lets_in_what_was_held_from_that_moment_on(office, home, ask):
    office.send("CA", "2026-10", figure(50))
    run_steps(home)
    lock(home)
    office.send("CA", "2026-10", figure(70), name="late.xlsx")
    run_steps(home)
    lock(home, "unlocked")
    run_steps(home)
    assert ask(CURRENT) == [("XHS-02", "2026-10", 70)]
    [(recorded, received, unlocked)] = ask(
        "SELECT a.recorded_at, s.received_at, (SELECT max(acted_at) FROM core.fct_period_event) "
        "FROM core.fct_actual AS a JOIN core.fct_submission AS s USING (submission_id) WHERE a.is_current"
    )
    assert recorded == unlocked > received
    assert ask("SELECT event, acted_by FROM core.fct_period_event ORDER BY ledger_sequence") == [
        ("locked", "Sở KH&CN"),
        ("unlocked", "Sở KH&CN"),
    ]


def test_a_period_is_locked_once_and_other_periods_stay_open(office, home, ask):
    lock(home)
    with pytest.raises(ValueError, match="locked already"):
        lock(home)
    office.send("CA", "2026-09", figure(50))
    run_steps(home)
    assert ask(CURRENT) == [("XHS-02", "2026-09", 50)]
    lock(home, "unlocked")
    with pytest.raises(ValueError, match="not locked"):
        lock(home, "unlocked")


def test_a_lock_for_one_commune_holds_its_files_alone(home, registry, ask):
    office = Office(home, registry)
    act_on_period(Ledger(home), "locked", "2026-10", "chốt số liệu tháng", "Sở KH&CN", VINH_LAI)
    office.send("CA", "2026-10", figure(50))
    office.send("PVHCC", "2026-10", commune=DAI_SON)
    run_steps(home)
    held = "SELECT commune_code, is_held FROM core.fct_submission ORDER BY commune_code"
    assert ask(held) == [(DAI_SON, False), (VINH_LAI, True)]
    act_on_period(Ledger(home), "unlocked", "2026-10", "bổ sung số liệu", "Sở KH&CN", VINH_LAI)
    run_steps(home)
    assert ask(held) == [(DAI_SON, False), (VINH_LAI, False)]


def test_what_is_done_for_the_city_holds_for_each_commune_until_something_is_done_for_it(home):
    def act(event, commune=None):
        act_on_period(Ledger(home), event, "2026-10", "chốt", "Sở KH&CN", commune)

    act("locked")
    with pytest.raises(ValueError, match="locked already"):
        act("locked", VINH_LAI)
    act("unlocked", VINH_LAI)
    with pytest.raises(ValueError, match="not locked"):
        act("unlocked", VINH_LAI)
    act("locked")  # Vĩnh Lại is open: closing the city changes something
    act("unlocked")
    with pytest.raises(ValueError, match="not locked"):
        act("unlocked", VINH_LAI)


# ---------------------------------------------------------------- looking back


def test_what_the_report_of_a_past_day_said(past, registry, ask):
    """Progress as of a moment is what a build stopped at that moment gave."""
    office = Office(past, registry)
    said = {}
    sendings = [
        ((2026, 2, 16), "2026-02", 40),
        ((2026, 3, 17), "2026-03", 42),
        ((2026, 3, 30), "2026-02", 41),  # a correction of February
        ((2026, 5, 18), "2026-05", 47),
    ]
    for n, (day, period, numerator) in enumerate(sendings):
        arrive(office.send("CA", period, figure(numerator), name=f"{n}.xlsx"), *day)
        run_steps(past)
        moment = f"{day[0]}-{day[1]:02}-{day[2]:02} 23:59:59.999999"
        said[moment] = ask("FROM marts.mart_kpi_progress ORDER BY ALL")
    for moment, lines in said.items():
        assert ask(f"FROM marts.progress_as_of(TIMESTAMP '{moment}') ORDER BY ALL") == lines
    values = "SELECT value::DOUBLE FROM marts.progress_as_of(?::TIMESTAMP) WHERE indicator_code = 'XHS-02' " \
             "AND period_code = '2026-02' AND commune_code = '11164'"  # fmt: skip
    assert ask(values, "2026-03-29 12:00:00") == [(40,)]
    assert ask(values, "2026-03-31 12:00:00") == [(41,)]


def test_a_withdrawn_figure_is_a_version_and_no_figure(office, home, ask):
    office.send("CA", "2026-10", figure(50))
    run_steps(home)
    office.send("CA", "2026-10", {"XHS-02": {"note": "Rút số liệu"}}, name="withdrawn.xlsx")
    run_steps(home)
    assert ask("SELECT value::DOUBLE, is_withdrawn, is_current FROM core.fct_actual ORDER BY recorded_at") == [
        (50, False, False),
        (None, True, True),
    ]
    assert ask("SELECT level_status, value FROM marts.mart_kpi_progress WHERE indicator_code = 'XHS-02' "
               "AND period_code = '2026-10' AND commune_code = '11164'") == [("no_figure", None)]  # fmt: skip


# ---------------------------------------------------------------- order, batches, rebuilding

FILES = [
    (VINH_LAI, "CA", "2026-09", figure(50)),
    (VINH_LAI, "CA", "2026-10", figure(55)),
    (VINH_LAI, "PVHCC", "2026-10", figure(60, code="DVC-01")),
    (DAI_SON, "PVHCC", "2026-10", figure(70, code="DVC-01")),
]
FACTS = """
SELECT commune_code, agency_code, indicator_code, period_code, numerator, denominator, value, is_current
FROM core.fct_actual ORDER BY ALL
"""


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(FILES), cuts=st.sets(st.integers(1, 3)))
def test_files_in_any_order_and_in_any_batches_give_the_same_facts(
    registry, tmp_path_factory, monkeypatch, order, cuts
):
    home = Home(tmp_path_factory.mktemp("batches"))
    monkeypatch.setenv("KPI57_HOME", str(home.root))
    office = Office(home, registry)
    for n, (commune, agency, period, answers) in enumerate(order):
        if n in cuts:
            run_steps(home)
        office.send(agency, period, answers, commune=commune)
    run_steps(home)
    facts = [row[:4] + tuple(map(float, row[4:7])) for row in Warehouse(home.published)(FACTS)]
    assert facts == [
        (DAI_SON, "PVHCC", "DVC-01", "2026-10", 70, 100, 70),
        (VINH_LAI, "CA", "XHS-02", "2026-09", 50, 100, 50),
        (VINH_LAI, "CA", "XHS-02", "2026-10", 55, 100, 55),
        (VINH_LAI, "PVHCC", "DVC-01", "2026-10", 60, 100, 60),
    ]


def test_archive_and_ledger_alone_give_the_same_warehouse(office, home, ask, tmp_path, monkeypatch):
    office.send("CA", "2026-09", figure(50))
    run_steps(home)
    lock(home)
    office.send("CA", "2026-10", figure(70) | figure(10, code="XHS-01"))
    office.send("CA", "2026-09", figure(52), name="corrected.xlsx")
    run_steps(home)
    lock(home, "unlocked")
    run_steps(home)
    other = Home(tmp_path / "other")
    shutil.copytree(home.archive, other.archive)
    monkeypatch.setenv("KPI57_HOME", str(other.root))
    run_steps(other)
    again = Warehouse(other.published)
    for table in TABLES:
        assert sorted(map(repr, again(f"FROM {table}"))) == sorted(map(repr, ask(f"FROM {table}"))), table


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=8), seed=st.integers(0, 99)
)
def test_the_city_s_rate_is_the_rate_of_the_pooled_lines(registry, lines, seed):
    """However the same lines are split between communes, the rate above them stays the same."""
    from pipelines.warehouse.database import in_memory
    from pipelines.warehouse.models import build
    from pipelines.warehouse.rows import replace, set_info

    rows = [(min(a, b), max(a, b)) for a, b in lines]
    pooled = (sum(n for n, d in rows if d), sum(d for _, d in rows))
    communes = ["11164", "11086", "11383", "11791", "10903"]
    split: dict[str, list[tuple[int, int]]] = {}
    dice = random.Random(seed)
    for row in rows:
        split.setdefault(dice.choice(communes), []).append(row)
    wanted = {"core.known_succession", "core.bridge_successor", "staged.stg_city_sum", "marts.mart_city_progress",
              "core.dim_commune", "core.dim_indicator",
              "core.dim_period", "core.dim_build", "core.dim_status", "core.dim_higher_plan", "core.fct_higher_target",
              "core.dim_city_milestone", "staged.stg_city_line", "staged.stg_city_judged"}  # fmt: skip
    with in_memory() as con:
        for table, content in registry.rows().items():
            replace(con, table, content)
        set_info(con, "as_of", "2026-12-31")
        con.execute("CREATE TABLE marts.mart_kpi_progress (commune_code VARCHAR, indicator_code VARCHAR, "
                    "period_code VARCHAR, scope VARCHAR, actual_id VARCHAR, numerator DECIMAL(18,4), "
                    "denominator DECIMAL(18,4), value DECIMAL(18,4), is_estimate BOOLEAN)")  # fmt: skip
        for commune, own in split.items():
            n, d = sum(a for a, b in own if b), sum(b for _, b in own)
            con.execute("INSERT INTO marts.mart_kpi_progress VALUES (?, 'XHS-02', '2026-10', '', 'a', ?, ?, ?, false)",
                        [commune, n, d, Decimal(100 * n) / d if d else None])  # fmt: skip
        for model in models():
            if model.table in wanted:
                build(con, model)
        [(numerator, denominator, value)] = con.execute(
            "SELECT numerator, denominator, value FROM marts.mart_city_progress"
        ).fetchall()
        if pooled[1] == 0:
            assert value is None
        else:
            assert (numerator, denominator) == pooled
            assert value == pytest.approx(100 * pooled[0] / pooled[1], abs=0.0001)


# ---------------------------------------------------------------- trace


def test_trace_of_an_accepted_a_corrected_a_rejected_and_a_missing_figure(office, home):
    office.send("CA", "2026-10", figure(50))
    run_steps(home)
    office.send("CA", "2026-10", figure(60), name="corrected.xlsx")
    office.send("CA", "2026-09", figure(150), name="wrong.xlsx")
    run_steps(home)
    told = trace(home, VINH_LAI, "XHS-02", "2026-10")
    assert "50 = 50 / 100   (superseded" in told
    assert "60 = 60 / 100   (in force" in told
    assert "corrected.xlsx of CA, Chỉ tiêu!H" in told
    assert "replaced 50" in told
    assert "11164-vinh-lai-2025 (no number printed), II, 28, bảng 3, dòng 32" in told
    rejected = trace(home, VINH_LAI, "XHS-02", "2026-09")
    assert "Rejected   by C09" in rejected
    assert "Tử số 150 lớn hơn mẫu số 100." in rejected
    missing = trace(home, VINH_LAI, "XHS-01", "2026-08")
    assert "Nothing was sent on this indicator." in missing
    assert "missing (Quá hạn chưa gửi)" in missing
    with pytest.raises(LookupError, match="no commune"):
        trace(home, VINH_LAI, "ABC-1", "2026-10")


def test_a_database_of_another_schema_is_made_anew(office, home, ask):
    office.send("CA", "2026-10", figure(50))
    run_steps(home)
    with building(home) as con:
        con.execute("UPDATE raw.build_info SET value = 'older' WHERE name = 'schema'")
        con.execute("ALTER TABLE checked.actual DROP COLUMN note")
    run_steps(home)
    assert ask(CURRENT) == [("XHS-02", "2026-10", 50)]
