"""What Dagster is given, and that it runs with Dagster's own tools as well as with 'kpi57 run'."""

import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from sys import executable
from typing import Any

import dagster as dg
import pytest
from conftest import VINH_LAI, run_day

from pipelines.definitions import defs, new_files
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import Ledger
from pipelines.intake.receive import receive
from pipelines.warehouse.database import run_lock
from pipelines.warehouse.models import models

GRAPH = defs.resolve_asset_graph()


@pytest.fixture
def dagster_home(tmp_path):
    """A folder of Dagster's own with this project's settings."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    shutil.copyfile(PROJECT / "dagster.yaml", folder / "dagster.yaml")
    return folder


@pytest.fixture
def dagster(home, dagster_home):
    """Dagster's command line, in the project folder; it must succeed. Returns what it said."""

    def command(*words, program="dagster", stderr=subprocess.STDOUT):
        said = subprocess.run(
            [Path(executable).parent / program, *words],
            cwd=PROJECT,
            env={**os.environ, "DAGSTER_HOME": str(dagster_home), "KPI57_HOME": str(home.root)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stdout
        return said.stdout

    return command


# ---------------------------------------------------------------- with Dagster's own tools


def test_the_definitions_are_valid_for_the_workspace(dagster):
    assert "Validation successful for code location kpi57" in dagster("definitions", "validate", "-w", "workspace.yaml")


def test_dg_lists_and_checks_what_there_is(dagster):
    """'[tool.dg]' of pyproject.toml says where the definitions are."""
    assert "All definitions loaded successfully" in dagster("check", "defs", program="dg")
    listed = json.loads(dagster("list", "defs", "--json", program="dg", stderr=subprocess.DEVNULL))
    keys = {asset["asset_key"] for asset in listed["assets"]}
    assert keys == {key.to_user_string() for key in GRAPH.get_all_asset_keys()}
    assert {job["name"] for job in listed["jobs"]} >= {"daily", "month_again"}


def test_the_daily_job_runs_without_the_command_line_of_kpi57(dagster, office, home, ask):
    """'dagster job execute' takes a module, not a workspace file."""
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    dagster("job", "execute", "-m", "pipelines.definitions", "-j", "daily")
    assert ask("SELECT commune_code, value FROM core.fct_actual") == [(VINH_LAI, 50)]
    assert ask("SELECT status FROM core.fct_submission") == [("accepted",)]
    assert not list(home.inbox.rglob("*.xlsx"))
    assert list(home.exports.rglob("*.xlsx"))


def test_feedback_can_be_made_with_no_more_than_what_it_says_it_needs(office, home):
    """Given a new home, expect the assets above feedback to be all that it reads."""
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    needed = dg.AssetSelection.assets("feedback").upstream().required_multi_asset_neighbors().resolve(GRAPH)
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("daily").execute_in_process(
            instance=instance, asset_selection=sorted(needed), raise_on_error=False
        )
    assert [event.step_key for event in result.all_events if event.is_step_failure] == []
    assert len(list(home.feedback.rglob("*.xlsx"))) == 1


# ---------------------------------------------------------------- settings


def test_one_run_at_a_time_and_no_call_home(dagster_home):
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert instance.telemetry_enabled is False


def test_all_steps_of_a_run_are_in_one_process():
    assert defs.resolve_job_def("daily").executor_def is dg.in_process_executor
    assert defs.executor is dg.in_process_executor


def test_a_run_that_finds_another_at_work_fails_and_touches_nothing(office, home: Home):
    sent = office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    with run_lock(home):
        assert not run_day(home).success
    assert sent.exists()
    assert not home.build.exists()


# ---------------------------------------------------------------- schedule and sensor


def test_the_day_begins_at_six_in_vietnam():
    schedule = defs.resolve_schedule_def("every_morning")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 6 * * *", "Asia/Ho_Chi_Minh")
    assert schedule.job_name == "daily"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


@contextmanager
def daemon():
    """What the daemon asks every half minute, with the same run history."""
    with dg.DagsterInstance.ephemeral() as instance:

        def asked():
            with dg.build_sensor_context(instance=instance) as context:
                return new_files(context)

        yield instance, asked


def sensed():
    with daemon() as (_, asked):
        return asked()


def a_run(instance, status, ended_before=0.0):
    """A run of the daily job in the history, as it would be found so many seconds after its end."""
    run = instance.create_run_for_job(defs.resolve_job_def("daily"))
    for number, one in enumerate((dg.DagsterEventType.RUN_START, {"failed": dg.DagsterEventType.RUN_FAILURE,
                                  "succeeded": dg.DagsterEventType.RUN_SUCCESS}.get(status))):  # fmt: skip
        if one is not None:
            event = dg.DagsterEvent(one.value, "daily", message="")
            at = time.time() - ended_before - (1 - number)
            instance.handle_new_event(dg.EventLogEntry(None, "info", "", run.run_id, at, dagster_event=event))
    return run.run_id


def test_files_left_by_a_run_that_failed_are_asked_for_again(office):
    """Busy, a full disk, a failed check: the run is over and did nothing."""
    office.send("CA", "2026-10")
    with daemon() as (instance, asked):
        first = asked()
        a_run(instance, "failed", ended_before=10)
        assert isinstance(asked(), dg.SkipReason), "not at once"
    with daemon() as (instance, asked):
        a_run(instance, "failed", ended_before=70)
        again = asked()
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != first.run_key


def test_a_run_that_failed_after_it_took_the_files_is_asked_for_again(home):
    """The inbox is empty then, and what came is not published."""
    home.warehouse.mkdir(parents=True)
    with daemon() as (instance, asked):
        a_run(instance, "failed", ended_before=70)
        assert isinstance(asked(), dg.RunRequest)
    with daemon() as (instance, asked):
        a_run(instance, "succeeded", ended_before=70)
        assert isinstance(asked(), dg.SkipReason)


def test_a_run_that_was_killed_is_over_and_one_at_work_is_waited_for(office, home):
    office.send("CA", "2026-10")
    with daemon() as (instance, asked):
        killed = a_run(instance, "at work", ended_before=300)
        with run_lock(home):
            assert "another kpi57 run" in asked().skip_message
            assert instance.get_run_by_id(killed).status == dg.DagsterRunStatus.STARTED
        asked()
        assert instance.get_run_by_id(killed).status == dg.DagsterRunStatus.FAILURE
        a_run(instance, "at work", ended_before=5)
        assert "asked for already" in asked().skip_message


def test_what_a_good_run_left_is_not_asked_for_every_minute(office):
    office.send("CA", "2026-10")
    with daemon() as (instance, asked):
        a_run(instance, "succeeded", ended_before=-5)  # after the file came
        assert "again in" in asked().skip_message


def test_a_full_disk_starts_no_run_that_would_fill_it_more(office, monkeypatch):
    office.send("CA", "2026-10")
    office.home.warehouse.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(office.home.root)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=1000))
    assert "the disk is full" in sensed().skip_message


def test_an_empty_inbox_starts_no_run_and_says_why(home):
    told = sensed()
    assert isinstance(told, dg.SkipReason)
    assert told.skip_message == "no files wait in the inbox"


def test_a_waiting_file_asks_for_one_run_however_often_it_is_seen(office):
    office.send("CA", "2026-10")
    first, again = sensed(), sensed()
    assert isinstance(first, dg.RunRequest)
    assert first.run_key
    assert first.run_key == again.run_key
    assert new_files.job_name == "daily"


def test_another_file_asks_for_another_run(office):
    office.send("CA", "2026-10")
    first = sensed()
    office.send("VHXH", "2026-10")
    assert sensed().run_key != first.run_key


def test_a_file_sent_again_after_it_was_taken_asks_for_another_run(office, home):
    office.send("CA", "2026-10")
    first = sensed()
    receive(home, Ledger(home))
    assert isinstance(sensed(), dg.SkipReason)
    office.send("CA", "2026-10")
    assert sensed().run_key != first.run_key


# ---------------------------------------------------------------- assets and checks


def test_the_daily_job_makes_every_asset_but_those_made_by_month():
    """A job with a partitioned asset in it would have to be told a month."""
    by_month = {key for key in GRAPH.get_all_asset_keys() if GRAPH.get(key).is_partitioned}
    assert by_month == {dg.AssetKey("month_extract")}
    assert defs.resolve_job_def("daily").asset_layer.executable_asset_keys == GRAPH.get_all_asset_keys() - by_month
    assert defs.resolve_job_def("month_again").asset_layer.executable_asset_keys == by_month


@pytest.mark.parametrize("key", sorted(GRAPH.get_all_asset_keys()), ids=lambda key: key.to_user_string())
def test_an_asset_says_what_it_is_who_answers_for_it_and_where_it_is_written(key):
    asset = GRAPH.get(key)
    assert asset.description.endswith(".")
    assert asset.group_name != "default"
    assert asset.owners in (["team:operators"], ["team:analysts"])
    references = asset.metadata["dagster/code_references"].code_references
    assert references
    for one in references:
        lines = Path(one.file_path).read_text(encoding="utf-8").splitlines()
        assert one.file_path.endswith((".sql", ".yml")) or lines[one.line_number - 1].startswith("def ")


def materialized(result: dg.ExecuteInProcessResult, *key: str) -> dict[str, Any]:
    """The metadata an asset was materialized with."""
    [made] = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()
              if event.asset_key == dg.AssetKey(key)]  # fmt: skip
    return {name: value.value for name, value in made.metadata.items()}


def test_a_run_says_the_columns_of_what_it_built_and_where_lies_what_it_wrote(great_expectations, office, home):
    """Given a run, expect the page of a table to show its columns with types and meanings, and exports their path."""
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    result = run_day(home)
    [model] = [model for model in models() if model.table == "core.fct_target"]
    columns = materialized(result, "core", "fct_target")["dagster/column_schema"].columns
    assert {column.name: column.description for column in columns} == {
        name: about["en"] for name, about in model.spec["columns"].items()
    }
    said = {column.name: (column.type, column.constraints.nullable, column.constraints.unique) for column in columns}
    assert said["target_id"] == ("VARCHAR", False, True)
    assert said["value"] == ("DECIMAL(18,4)", True, False)
    places = {"published": home.published, "feedback": home.feedback, "city_extract": home.exports,
              "scorecard": home.site / "index.html"}  # fmt: skip
    assert {name: materialized(result, name)["path"] for name in places} == {
        name: str(at) for name, at in places.items()
    }
    assert all(path.exists() for path in places.values())


@pytest.mark.parametrize("model", models(), ids=lambda model: model.table)
def test_the_checks_of_a_model_are_checks_of_its_asset(model):
    """Those of severity error keep what is built on the model from being made."""
    key = dg.AssetKey(model.table.split("."))
    [asset] = [asset for asset in defs.assets if isinstance(asset, dg.AssetsDefinition) and key in asset.keys]
    given = {spec.name: (spec.blocking, spec.description) for spec in asset.check_specs if spec.asset_key == key}
    blocking = [check for check in model.checks if check.severity == "error"]
    warning = [check for check in model.checks if check.severity == "warn"]
    assert given.keys() == {name for name, of in (("no_errors", blocking), ("no_warnings", warning)) if of}
    for name, of in (("no_errors", blocking), ("no_warnings", warning)):
        for check in of:
            assert given[name][0] == (of is blocking)
            assert f"{check.code}: {check.description}" in given[name][1]
    assert "key" in {check.code for check in blocking} or model.parameters or model.is_view, "no rows, no key to check"
    assert {spec.asset_key for spec in asset.check_specs} <= asset.keys
