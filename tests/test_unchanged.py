"""A run builds what changed and leaves what did not: with it and without it, the tables are the same."""

import shutil
from dataclasses import replace
from datetime import date, timedelta

import pytest
from conftest import Office, run_day
from faults import tables

from pipelines import flow
from pipelines.checking import quarantine
from pipelines.home import SOURCES, Home
from pipelines.intake.acts import act_on_period
from pipelines.intake.ledger import Ledger
from pipelines.warehouse import incremental
from pipelines.warehouse.database import building, discard_built
from pipelines.warehouse.models import models, offending

FIRST, NEXT = date(2044, 11, 16), date(2044, 11, 17)  # after any day a file of this test is received
FIGURE = {"XHS-02": {"numerator": 20, "denominator": 40}}


@pytest.fixture
def ran(office: Office, home: Home) -> Home:
    """A home after its run: nothing is new."""
    office.send("CA", "2026-10", FIGURE)
    home = replace(home, day=FIRST)
    flow.run_steps(home)
    return home


def built(monkeypatch) -> list[str]:
    """The models that are built from here on."""
    done: list[str] = []
    build = incremental.build
    monkeypatch.setattr(incremental, "build", lambda con, model: done.append(model.table) or build(con, model))
    return done


def as_without(home: Home, tmp_path) -> bool:
    """Whether the published tables are those of a home that has built everything anew."""
    other = replace(home, root=tmp_path / "other")
    shutil.copytree(home.root, other.root)
    discard_built(other)
    with building(other) as con:
        con.execute("DELETE FROM raw.model_mark")
    flow.run_steps(other)
    return tables(home.published) == tables(other.published)


def test_a_second_run_of_the_day_builds_and_publishes_nothing(ran, monkeypatch):
    done, before = built(monkeypatch), ran.published.stat().st_ino
    flow.run_steps(ran)
    assert done == []
    assert ran.published.stat().st_ino == before


def test_a_new_day_builds_what_speaks_of_the_day_and_no_more(ran, monkeypatch, tmp_path):
    """What is given a value of the day's table, and not the table, stands while the value does."""
    done = built(monkeypatch)
    ran = replace(ran, day=NEXT)
    flow.run_steps(ran)
    of_the_day = {"core.dim_build"}
    for model in models():
        if (model.made_from | model.compared) & of_the_day:
            of_the_day.add(model.table)
    assert set(done) == of_the_day
    assert "marts.mart_reporting_status" in done
    assert not {"core.fct_actual", "core.fct_target", "marts.mart_kpi_progress"} & of_the_day
    assert as_without(ran, tmp_path)


@pytest.mark.parametrize("turn", [date(2044, 12, 1), date(2044, 12, 14), date(2045, 12, 31)])
def test_a_day_on_which_progress_turns_builds_it(ran, monkeypatch, tmp_path, turn):
    """A month has ended, a report is asked for, the last milestone is there."""
    flow.run_steps(replace(ran, day=turn - timedelta(1)))
    done = built(monkeypatch)
    flow.run_steps(replace(ran, day=turn))
    assert "marts.mart_kpi_progress" in done
    assert "core.fct_actual" not in done
    assert as_without(replace(ran, day=turn), tmp_path)


def a_file(home, office):
    office.send("CA", "2026-09", FIGURE)


def a_correction(home, office):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 30, "denominator": 40}})


def a_lock(home, office):
    act_on_period(Ledger(home), "locked", "2026-10", "đã chốt", "Sở KH&CN")


@pytest.mark.parametrize("change", [a_file, a_correction, a_lock])
def test_what_comes_is_noticed(ran, office, tmp_path, change):
    before = tables(ran.published)
    change(ran, office)
    flow.run_steps(ran)
    assert tables(ran.published) != before
    assert as_without(ran, tmp_path)


def test_a_model_written_otherwise_is_built_with_all_that_read_it(ran, monkeypatch):
    """As an upgrade brings it: its SELECT, or what its .yml says."""
    done = built(monkeypatch)
    [old] = [model for model in models() if model.table == "core.dim_agency"]
    for new in (replace(old, sql=f"{old.sql}\n-- otherwise"), replace(old, spec={**old.spec, "en": "Otherwise"})):
        others = tuple(new if model is old else model for model in models())
        for module in (incremental, flow, quarantine):
            monkeypatch.setattr(module, "models", lambda others=others: others)
        done.clear()
        flow.run_steps(ran)
        assert "core.dim_agency" in done
        assert all(model.table in done for model in others if "core.dim_agency" in model.depends)
        assert "core.dim_status" not in done


def test_sources_written_otherwise_are_built_anew(ran, monkeypatch, tmp_path):
    shutil.copytree(SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("inbox"))
    names = tmp_path / "sources" / "reference" / "agencies.csv"
    names.write_text(names.read_text(encoding="utf-8") + "MOI,Cơ quan mới,false\n", encoding="utf-8")
    monkeypatch.setattr(flow, "SOURCES", tmp_path / "sources")
    done = built(monkeypatch)
    flow.run_steps(ran)
    assert {model.table for model in models() if not model.table.startswith("staged.")} <= set(done)


@pytest.mark.parametrize("lost", ["build", "built", "published"])
def test_what_is_lost_is_made_again(ran, lost):
    before = tables(ran.published)
    getattr(ran, lost).unlink()
    flow.run_steps(ran)
    assert tables(ran.published) == before
    with building(ran) as con:
        assert not any(offending(con, check)[0] for model in models() for check in model.checks
                       if check.severity == "error")  # fmt: skip


def test_a_run_cut_off_before_publishing_is_not_taken_for_unchanged(ran, office, monkeypatch, tmp_path):
    before = tables(ran.published)
    a_correction(ran, office)
    with monkeypatch.context() as cut:
        cut.setattr(flow, "publish", lambda home: None)
        flow.run_steps(ran)
    assert tables(ran.published) == before
    flow.run_steps(ran)
    assert tables(ran.published) != before
    assert as_without(ran, tmp_path)


def test_a_check_that_found_something_is_asked_again(ran, monkeypatch):
    """A warning is said in every run until its cause is gone."""
    [old] = [model for model in models() if model.table == "core.dim_agency"]
    warning = {"code": "warned", "severity": "warn", "description": "never", "sql": "SELECT 1"}
    new = replace(old, spec={**old.spec, "checks": [warning]})
    for _ in range(2):
        with building(ran) as con:
            assert [
                bad for check, bad, _ in incremental.build_if_changed(con, new).outcomes if check.code == "warned"
            ] == [1]


def test_dagster_says_what_stands_as_it_was(office, home, ask, monkeypatch):
    monkeypatch.setenv("KPI57_DAY", FIRST.isoformat())
    office.send("CA", "2026-10", FIGURE)
    done = built(monkeypatch)
    first = run_day(home)
    assert len(done) == len(set(done))  # what is built is built once, after all that it reads is recorded
    second, third = run_day(home), run_day(home)
    assert first.success
    assert second.success  # the bundles the first one made are on record now

    def said(result):
        metadata = [e.materialization.metadata for e in result.get_asset_materialization_events()]
        checks = [(check.passed, "unchanged" in check.metadata) for check in result.get_asset_check_evaluations()]
        return sum("unchanged" in one for one in metadata), checks

    assert said(first)[0] == 0
    assert not any(unchanged for _, unchanged in said(first)[1])
    assert said(third)[0] == len(models()) + 1
    assert {unchanged for passed, unchanged in said(third)[1] if passed} == {True, False}  # those that warn are asked
