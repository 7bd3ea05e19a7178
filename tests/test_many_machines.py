"""Several places and one builder, as far as it can be seen without PostgreSQL: what Dagster is given and told. With
one, and with workers: tests/lake/test_many_machines.py."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner
from dagster._core.storage.tags import PARTITION_NAME_TAG

from pipelines import flow
from pipelines.cli import main
from pipelines.definitions import defs
from pipelines.home import PROJECT, Home, current_home
from pipelines.intake.ledger import Ledger
from pipelines.intake.places import join
from pipelines.many_machines import of_places
from pipelines.upkeep.dagster_settings import (
    BROKER,
    EXECUTOR,
    HISTORY,
    PLACES,
    RESULTS,
    SettingsError,
    executor,
    use_dagster_home,
)
from pipelines.upkeep.next_run import PLACE_JOB, bury_of_worker, next_run, next_runs_of_places
from pipelines.warehouse.database import run_lock

DATABASE = "postgresql+psycopg2://kpi57@db.example.vn/dagster"


@pytest.fixture
def named(monkeypatch):
    """Sets the variables of many machines, and no other of them; what is set on the way is undone."""

    def name(**variables):
        for one in (PLACES, HISTORY, EXECUTOR, BROKER, RESULTS, "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY"):
            monkeypatch.setenv(one, "")  # so that it is undone
            monkeypatch.delenv(one)
        for one, value in variables.items():
            monkeypatch.setenv(one, value)

    name()
    return name


def settings(home):
    use_dagster_home(home)
    return yaml.safe_load((home.dagster / "dagster.yaml").read_text(encoding="utf-8"))


# ---------------------------------------------------------------- Dagster's settings


def test_one_machine_has_the_settings_it_always_had(home, named):
    use_dagster_home(home)
    assert (home.dagster / "dagster.yaml").read_bytes() == (PROJECT / "dagster.yaml").read_bytes()
    assert BROKER not in os.environ


def test_history_in_postgresql_is_asked_for_by_its_variable_alone(home, named):
    named(KPI57_DAGSTER_POSTGRES=DATABASE)
    found = settings(home)
    assert found.pop("storage") == {"postgres": {"postgres_url": {"env": HISTORY}}}
    assert found == yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))


def test_places_run_beside_each_other_one_place_never_twice(home, named):
    named(KPI57_PLACES="/places")
    assert settings(home)["telemetry"] == {"enabled": False}
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        limits = instance.get_concurrency_config()
        assert limits.run_queue_config.max_concurrent_runs == 2
        assert limits.run_queue_config.tag_concurrency_limits == [
            {"key": PARTITION_NAME_TAG, "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
        ]
        assert (limits.pool_config.pool_granularity.value, limits.pool_config.default_pool_limit) == ("run", 1)
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled


@pytest.mark.parametrize(
    ("where", "launcher"), [("celery", "CeleryRunLauncher"), ("k8s", "K8sRunLauncher")], ids=["celery", "k8s"]
)
def test_runs_go_where_the_executor_says(home, named, where, launcher):
    named(KPI57_EXECUTOR=where, KPI57_PLACES="/places", KPI57_DAGSTER_POSTGRES=DATABASE)
    found = settings(home)
    assert found["run_launcher"]["class"] == launcher
    assert found["concurrency"]["runs"]["max_concurrent_runs"] == 64
    assert found["concurrency"]["runs"]["tag_concurrency_limits"]
    assert "db.example.vn" not in json.dumps(found), "an address may hold a password"
    if where == "celery":
        assert (os.environ[BROKER], os.environ[RESULTS]) == (f"sqla+{DATABASE}", f"db+{DATABASE}")


def test_another_queue_than_postgresql_can_be_named(home, named):
    named(KPI57_EXECUTOR="celery", KPI57_PLACES="/places", KPI57_DAGSTER_POSTGRES=DATABASE,
          KPI57_CELERY_BROKER="amqp://kpi57@mq.example.vn/")  # fmt: skip
    settings(home)
    assert os.environ[BROKER] == "amqp://kpi57@mq.example.vn/"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"KPI57_EXECUTOR": "dask"}, "KPI57_EXECUTOR is 'dask': write in_process, celery or k8s"),
        ({"KPI57_EXECUTOR": "celery", "KPI57_PLACES": "/places"}, "needs KPI57_PLACES and KPI57_DAGSTER_POSTGRES"),
        ({"KPI57_EXECUTOR": "k8s", "KPI57_DAGSTER_POSTGRES": DATABASE}, "needs KPI57_PLACES and KPI57_DAGSTER"),
        ({"KPI57_DAGSTER_POSTGRES": "postgres://kpi57:geheim@db/x"}, "does not begin with postgresql+psycopg2://"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_refused_in_words(home, named, variables, said):
    named(**variables)
    with pytest.raises(SettingsError, match=re.escape(said)) as refused:
        use_dagster_home(home)
    assert "geheim" not in str(refused.value)
    assert not home.dagster.exists()


def test_one_machine_is_the_executor_where_none_is_named(named):
    assert executor() == "in_process"


def test_a_worker_that_is_not_asked_for_does_not_start(home, named):
    said = CliRunner().invoke(main, ["worker", "hue"])
    assert said.exit_code == 1
    assert "a worker needs KPI57_EXECUTOR=celery" in said.output


# ---------------------------------------------------------------- what Dagster is given

_SHOWN = """
import json
from pipelines import flow
from pipelines.cli import main
from pipelines.definitions import defs
job, daily = defs.resolve_job_def("place_run"), defs.resolve_job_def("daily")
shown = {
    "partitions": job.partitions_def.get_partition_keys(),
    "tags": job.get_tags_for_partition_key("hue", None),
    "steps": [node.name for node in job.nodes],
    "executors": [one.executor_def.name for one in (job, daily)],
    "pools": sorted({node.definition.pool or "" for node in daily.nodes}),
    "daily": sorted(key.to_user_string() for key in daily.asset_layer.executable_asset_keys),
    "morning": defs.resolve_schedule_def("places_each_morning").cron_schedule,
    "sensor": defs.resolve_sensor_def("places_wait").job_name,
}
print(json.dumps(shown))
"""


@pytest.fixture(scope="module")
def with_places(tmp_path_factory):
    """What Dagster is given where there are two places."""
    folder = tmp_path_factory.mktemp("places")
    for name in ("hue", "hai-phong"):
        (folder / name).mkdir()
    env = os.environ | {PLACES: str(folder), "KPI57_HOME": str(tmp_path_factory.mktemp("builder"))}
    said = subprocess.run([sys.executable, "-c", _SHOWN], env=env, cwd=PROJECT, capture_output=True, text=True,
                          check=True)  # fmt: skip
    return json.loads(said.stdout)


def test_a_place_is_a_partition_and_its_run_one_step(with_places):
    assert with_places["partitions"] == ["hai-phong", "hue"]
    assert with_places["steps"] == ["place"]
    assert with_places["tags"]["dagster-celery/queue"] == "place.hue"
    assert with_places["sensor"] == "place_run"
    assert with_places["morning"] == "0 5 * * *", "an hour before the builder"


def test_the_builders_run_is_the_one_of_one_machine_and_one_at_a_time(with_places):
    assert with_places["daily"] == sorted(
        key.to_user_string() for key in defs.resolve_job_def("daily").asset_layer.executable_asset_keys
    )
    assert with_places["pools"] == ["builder"]
    assert with_places["executors"] == ["in_process", "in_process"]


def test_alone_no_step_is_in_a_pool_and_there_are_no_places():
    assert {node.definition.pool for node in defs.resolve_job_def("daily").nodes} == {None}
    assert {job.name for job in defs.jobs} == {"daily", "month_again"}
    assert defs.executor is dg.in_process_executor


# ---------------------------------------------------------------- which places are asked for


@dg.job(name=PLACE_JOB)
def place_run():
    pass


def a_run(instance, name, *events, ended_before=0.0):
    """A run of a place in the history."""
    run = instance.create_run_for_job(place_run, tags={PARTITION_NAME_TAG: name})
    for event in events:
        at = time.time() - ended_before
        instance.handle_new_event(
            dg.EventLogEntry(None, "info", "", run.run_id, at, dagster_event=dg.DagsterEvent(event.value, PLACE_JOB))
        )
    return run.run_id


BEGAN, FAILED = dg.DagsterEventType.RUN_START, dg.DagsterEventType.RUN_FAILURE


@pytest.fixture
def two_places(office, tmp_path, named):
    """Homes of two places; a file waits in one of them."""
    named()
    office.send("CA", "2026-10")
    return [replace(office.home, place="hai-phong"), Home(tmp_path / "hue", place="hue")]


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def asked(instance, homes):
    return [one.partition_key for one in next_runs_of_places(instance, homes)]


@pytest.mark.parametrize(
    ("fault", "outcome"), [(None, "succeeded"), (PermissionError("/shared is read-only"), "failed")]
)
def test_how_a_run_of_a_place_ended_is_said_in_its_home(tmp_path, named, monkeypatch, fault, outcome):
    (tmp_path / "places" / "hue").mkdir(parents=True)
    named(KPI57_PLACES=str(tmp_path / "places"), KPI57_HOME=str(tmp_path / "builder"))

    def steps(home):
        if fault:
            raise fault

    for step in ("run_steps", "write_feedback", "write_extracts", "write_site"):
        monkeypatch.setattr(flow, step, steps)
    [place] = of_places(current_home())["assets"]
    ended = dg.materialize([place], partition_key="hue", raise_on_error=False)
    assert ended.success is (fault is None)
    noted = json.loads((tmp_path / "places" / "hue" / "warehouse" / "summary.json").read_text(encoding="utf-8"))
    assert (noted["outcome"], noted["run_id"]) == (outcome, ended.run_id)
    assert [one["error"] for one in noted["failed"]] == ([str(fault)] if fault else [])


def test_a_place_where_files_wait_is_asked_for_until_it_is(two_places, instance):
    [first] = next_runs_of_places(instance, two_places)
    [again] = next_runs_of_places(instance, two_places)
    assert (first.partition_key, first.run_key) == ("hai-phong", again.run_key)
    a_run(instance, "hai-phong")
    assert asked(instance, two_places) == []


def test_a_place_whose_run_failed_is_asked_for_again_after_a_while(two_places, instance):
    a_run(instance, "hue", BEGAN, FAILED, ended_before=5)
    assert asked(instance, two_places) == ["hai-phong"]
    a_run(instance, "hue", BEGAN, FAILED, ended_before=70)
    assert asked(instance, two_places) == ["hai-phong", "hue"]


def test_a_run_that_was_killed_on_this_machine_is_found_and_asked_for_again(two_places, instance):
    killed = a_run(instance, "hai-phong", BEGAN, ended_before=300)
    with run_lock(two_places[0]):
        assert asked(instance, two_places) == []
    assert instance.get_run_by_id(killed).status == dg.DagsterRunStatus.STARTED
    asked(instance, two_places)
    assert instance.get_run_by_id(killed).status == dg.DagsterRunStatus.FAILURE


def test_on_other_machines_a_free_home_here_says_nothing_of_a_run_there(two_places, instance, named):
    named(KPI57_EXECUTOR="celery", KPI57_PLACES="/places", KPI57_DAGSTER_POSTGRES=DATABASE)
    at_work = a_run(instance, "hai-phong", BEGAN, ended_before=300)
    assert asked(instance, two_places) == []
    assert instance.get_run_by_id(at_work).status == dg.DagsterRunStatus.STARTED


def test_a_worker_that_begins_anew_gives_up_what_the_lost_one_had_begun_and_nothing_else(two_places, instance):
    begun, waiting, other = (a_run(instance, *run) for run in (("hue", BEGAN), ("hue",), ("hai-phong", BEGAN)))
    assert bury_of_worker(instance, ["hue"]) == [begun]
    status = {run_id: instance.get_run_by_id(run_id).status for run_id in (begun, waiting, other)}
    assert status[begun] == dg.DagsterRunStatus.FAILURE
    assert status[waiting] == dg.DagsterRunStatus.NOT_STARTED
    assert status[other] == dg.DagsterRunStatus.STARTED


# ---------------------------------------------------------------- when the builder joins


def test_the_builder_is_asked_once_for_what_a_place_entered(tmp_path, instance, named):
    named()
    place = Home(tmp_path / "places" / "hue", place="hue")
    builder = Home(tmp_path / "builder", places=tmp_path / "places")
    place.root.mkdir(parents=True)
    assert next_run(instance, builder).skip_message == "no place has something new"
    Ledger(place).record_site("hue")
    first, again = next_run(instance, builder), next_run(instance, builder)
    assert first.run_key == again.run_key
    join(builder, Ledger(builder))
    assert isinstance(next_run(instance, builder), dg.SkipReason)
    Ledger(place).append([{"event": "day", "day": "2026-11-16"}])
    assert next_run(instance, builder).run_key != first.run_key
    file = place.inbox / "11164-vinh-lai" / "CA" / "a.xlsx"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    assert "places are at work, or to be asked again" in next_run(instance, builder).skip_message
    file.unlink()
    assert isinstance(next_run(instance, builder), dg.RunRequest)
    for events in ((BEGAN,), (BEGAN, FAILED)):
        a_run(instance, "hue", *events)
        assert "places are at work, or to be asked again" in next_run(instance, builder).skip_message


def test_illustrative_files_of_places_want_a_folder_for_each(home, named):
    named(KPI57_PLACES=str(home.root / "places"))
    said = CliRunner().invoke(main, ["demo"])
    assert said.exit_code == 1
    assert "make a folder for each" in said.output


# ---------------------------------------------------------------- deploy/

DEPLOY = PROJECT / "deploy"


def test_what_compose_names_is_there():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert {"postgres", "builder", "builder-runs", "hai-duong", "hai-phong", "site"} <= compose["services"].keys()
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= compose["services"].keys(), name
        assert set(service.get("networks", [])) <= compose["networks"].keys(), name
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= compose["volumes"].keys(), name
        assert {one["source"] for one in service.get("configs", [])} <= compose["configs"].keys(), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} asks for no password"
    assert compose["networks"]["inside"] == {"internal": True}
    workers = {name: service["command"][1] for name, service in compose["services"].items()
               if service.get("command", [""])[0] == "worker"}  # fmt: skip
    assert workers == {"builder-runs": "--builder", "hai-duong": "hai-duong", "hai-phong": "hai-phong"}


def test_what_kubernetes_is_given_holds_together():
    objects = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
    assert {one["metadata"]["namespace"] for one in objects} == {"kpi57"}
    by_kind = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    assert len(by_kind) == len(objects)
    launcher = yaml.safe_load((DEPLOY / "dagster" / "k8s.yaml").read_text(encoding="utf-8"))["run_launcher"]["config"]
    pod = by_kind["Deployment", "kpi57"]["spec"]["template"]["spec"]
    assert launcher["service_account_name"] == pod["serviceAccountName"] == "kpi57"
    assert ("ServiceAccount", "kpi57") in by_kind
    assert launcher["volumes"] == pod["volumes"], "a run finds what the page finds"
    claims = {one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"] if "emptyDir" not in one}
    assert {("PersistentVolumeClaim", claim) for claim in claims} <= by_kind.keys()
    [container] = pod["containers"]
    assert launcher["volume_mounts"] == container["volumeMounts"]
    given = by_kind["ConfigMap", "kpi57"]["data"]
    assert launcher["job_image"]["env"] in given
    assert given["KPI57_EXECUTOR"] == "k8s"
    assert given["KPI57_DAGSTER_POSTGRES"].startswith("postgresql+psycopg2://")
    assert "PGPASSWORD" not in given


def test_a_variable_that_deploy_names_is_one_that_the_program_or_postgresql_knows():
    named = set(re.findall(r"\bKPI57_[A-Z_]+", "".join(
        path.read_text(encoding="utf-8") for path in DEPLOY.rglob("*.yaml"))))  # fmt: skip
    known = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "pipelines").rglob("*.py"))
    known += (DEPLOY / "dagster" / "k8s.yaml").read_text(encoding="utf-8")
    assert len(named) > 6
    assert {name for name in named if f'"{name}"' not in known and f"env: {name}" not in known} == set()
