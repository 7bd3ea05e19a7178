"""Publishing to a lake: a PostgreSQL catalogue, Parquet in a folder or in an object store. Run by 'make test-lake'."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from pipelines import flow
from pipelines.demo import fill_inbox
from pipelines.home import Home
from pipelines.intake.ledger import Ledger
from pipelines.lake.process import ADDRESS, ENGINE, LakeError, compare, lake, snapshots, tidy
from pipelines.registry import registry as registries
from pipelines.upkeep.status_report import run_report

LATER = "11086-*"  # whose files come on the second day
READER = Path(__file__).with_name("reader.py")


@pytest.fixture(scope="session")
def two_days(tmp_path_factory):
    """The illustrative home after its first day, and the same after a second day on which a commune's files came."""
    first, second = (Home(tmp_path_factory.mktemp(name) / "home") for name in ("first", "second"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        fill_inbox(first, registries.load(), Ledger(first))
        [later] = first.inbox.glob(LATER)
        later = later.rename(first.root / later.name)
        flow.run_steps(first)
        shutil.copytree(first.root, second.root, dirs_exist_ok=True)
        (second.root / later.name).rename(second.inbox / later.name)
        flow.run_steps(second)
    return first, second


@pytest.fixture
def home(two_days, tmp_path, monkeypatch):
    """One home whose first day is published; second_day() makes it the second."""
    monkeypatch.setenv("KPI57_HOME", str(tmp_path / "home"))
    shutil.copytree(two_days[0].root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def second_day(two_days, home):
    def go_on():
        shutil.rmtree(home.warehouse)
        shutil.copytree(two_days[1].warehouse, home.warehouse)

    return go_on


@pytest.fixture
def in_a_folder(postgres, tmp_path, monkeypatch, request):
    """A lake of the test's own; its files in a folder."""
    database = f"lake_{abs(hash(request.node.name))}"
    postgres.create(database)
    monkeypatch.setenv(ADDRESS, f"{postgres.address(database)} data_path={tmp_path / 'files'}/")
    (tmp_path / "files").mkdir()
    return lake()


def files_of(to):
    return {path for path in Path(to.data_path).rglob("*.parquet") if path.is_file()}


def in_lake(to, sql, *parameters):
    """The answer of the DuckDB that has the lake."""
    said = subprocess.run(
        [sys.executable, "-c", "import json, sys\nfrom pipelines.lake.publisher import connect\n"
         "con = connect(*sys.argv[1:3], is_read_only=True)\ncon.execute('USE lake')\n"
         "print(json.dumps(con.execute(sys.argv[3], json.loads(sys.argv[4])).fetchall(), default=str))",
         to.address, to.data_path, sql, json.dumps(parameters)],
        env=os.environ | {"PYTHONPATH": str(ENGINE)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [tuple(row) for row in json.loads(said.stdout)]


def in_file(home, sql):
    with duckdb.connect(home.published, read_only=True) as con:
        return con.execute(sql).fetchall()


def differences(home, to):
    found = compare(home, to)
    assert found["tables"] > 45
    return found["differs"]


# ---------------------------------------------------------------- what is published


def test_the_lake_holds_every_row_of_what_is_published_and_a_second_publish_writes_nothing(home, in_a_folder):
    first = flow.publish_lake(home)
    assert first["error"] is None
    assert differences(home, in_a_folder) == {}
    comments = """SELECT table_name, column_name, comment FROM duckdb_columns() WHERE schema_name IN ('core', 'marts')
        AND table_name NOT IN (SELECT view_name FROM duckdb_views()) AND database_name = '{}' ORDER BY ALL"""
    assert in_lake(in_a_folder, comments.format("lake")) == in_file(home, comments.format("kpi"))
    again = flow.publish_lake(home)
    assert (again["snapshot"], again["written"]) == (first["snapshot"], {})


def test_a_past_answer_is_asked_in_the_lake_as_in_the_file(home, in_a_folder):
    flow.publish_lake(home)
    asked = ("SELECT commune_code, indicator_code, scope, period_code, value::VARCHAR, level_status "
             "FROM marts.progress_as_of(TIMESTAMP '2026-10-31 17:00:00') ORDER BY ALL")  # fmt: skip
    assert in_lake(in_a_folder, asked) == in_file(home, asked) != []


def test_the_next_day_only_what_differs_is_written_and_yesterday_stays_to_be_asked(home, second_day, in_a_folder):
    yesterday = flow.publish_lake(home)
    was = in_file(home, "SELECT count(*), max(received_at)::VARCHAR FROM core.fct_submission")
    before = files_of(in_a_folder)
    second_day()
    today = flow.publish_lake(home)
    assert differences(home, in_a_folder) == {}
    assert today["snapshot"] == yesterday["snapshot"] + 1
    assert {"core.fct_submission", "core.fct_line", "core.dim_build"} <= today["written"].keys()
    assert not {"core.fct_target", "core.dim_task", "core.dim_commune"} & today["written"].keys()
    new = sum(path.stat().st_size for path in files_of(in_a_folder) - before)
    assert new < sum(path.stat().st_size for path in before)
    then = f"core.fct_submission AT (VERSION => {yesterday['snapshot']})"
    assert in_lake(in_a_folder, f"SELECT count(*), max(received_at)::VARCHAR FROM {then}") == was
    said = [one["message"] for one in snapshots(in_a_folder, 2)]
    [(head, entries)] = in_file(home, "SELECT ledger_head, ledger_entries FROM core.dim_build")
    assert said[0].startswith(f"2026-11-16, ledger {entries} {head[:12]}, kpi57 ")
    home.site.mkdir()
    assert flow.publish_lake(home)["snapshot"] == json.loads((home.site / "lake.json").read_bytes())["snapshot"]
    found = "SELECT snapshot_id FROM lake.snapshots() WHERE commit_extra_info->>'ledger_head' = ?"
    assert in_lake(in_a_folder, found, head) == [(today["snapshot"],)]


def test_files_lie_in_an_object_store_as_well(home, second_day, postgres, object_store, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    postgres.create("in_s3")
    monkeypatch.setenv(ADDRESS, f"{postgres.address('in_s3')} data_path=s3://kpi57/lake/")
    assert flow.publish_lake(home)["error"] is None
    second_day()
    assert flow.publish_lake(home)["error"] is None
    assert differences(home, lake()) == {}


def test_what_old_snapshots_alone_need_is_tidied_away(home, second_day, in_a_folder):
    flow.publish_lake(home)
    second_day()
    flow.publish_lake(home)
    before = files_of(in_a_folder)
    (next(iter(before)).parent / "left-by-a-killed-publisher.parquet").write_bytes(b"PAR1")
    assert tidy(in_a_folder, 0)["expired"] > 0
    assert not [path for path in files_of(in_a_folder) if path.name.startswith("left-by")]
    assert len([one for one in snapshots(in_a_folder, 99) if one["message"]]) == 1
    assert differences(home, in_a_folder) == {}


# ---------------------------------------------------------------- whose lake it is


def test_another_home_or_an_earlier_state_does_not_take_the_lakes_place(
    home, two_days, second_day, in_a_folder, tmp_path
):
    other = Home(tmp_path / "other")
    shutil.copytree(two_days[0].root, other.root)
    second_day()
    flow.publish_lake(home)
    assert "entries of its ledger" in flow.publish_lake(other)["error"]
    assert differences(home, in_a_folder) == {}
    assert flow.publish_lake(other, replace=True)["error"] is None
    assert differences(other, in_a_folder) == {}


def test_an_analyst_reads_and_changes_nothing(home, postgres, in_a_folder):
    flow.publish_lake(home)
    database = in_a_folder.address.partition("dbname=")[2].split()[0]
    postgres.sql("postgres", "CREATE ROLE analyst LOGIN")
    postgres.sql(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst")
    theirs = type(in_a_folder)(postgres.address(database, "analyst"), in_a_folder.data_path)
    assert in_lake(theirs, "SELECT count(*) FROM core.fct_line") == in_file(home, "SELECT count(*) FROM core.fct_line")
    with pytest.raises(LakeError, match="permission denied"):
        tidy(theirs, 0)


# ---------------------------------------------------------------- what goes wrong


def test_a_lake_that_cannot_be_reached_fails_no_run_and_the_next_makes_up_for_it(
    home, second_day, postgres, in_a_folder
):
    flow.publish_lake(home)
    second_day()
    postgres.stop()
    try:
        noted = flow.publish_lake(home)
    finally:
        postgres.start()
    assert "onnection" in noted["error"]
    assert "NOT PUBLISHED, the next run makes up for it" in run_report(home)
    assert flow.publish_lake(home)["error"] is None
    assert "NOT PUBLISHED" not in run_report(home)
    assert differences(home, in_a_folder) == {}


class Readers:
    """Three readers at work while something happens."""

    def __init__(self, to, folder):
        command = [sys.executable, READER, to.address, to.data_path]
        env = os.environ | {"PYTHONPATH": str(ENGINE)}
        self.said = [folder / f"reader-{n}" for n in range(3)]
        self.all = []
        for path in self.said:
            with path.open("w") as out:
                self.all.append(subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=out))
        while not all(path.stat().st_size for path in self.said):
            time.sleep(0.05)

    def seen(self):
        """What each saw, in order, each thing once where it saw the same again; without the moments in which there was
        no server."""
        for one in self.all:
            one.communicate(b"end\n")
        said = [[tuple(one) for one in map(json.loads, path.open()) if isinstance(one, list)] for path in self.said]
        return [[one for n, one in enumerate(of_one) if n == 0 or one != of_one[n - 1]] for of_one in said]


def say_of(home):
    return in_file(home, READER.read_text(encoding="utf-8").split('"""')[3])[0]


def begin_to_publish(to):
    """'kpi57 lake publish', up to the moment in which the first new file is in the lake's folder."""
    before = files_of(to)
    begun = subprocess.Popen([Path(sys.executable).with_name("kpi57"), "lake", "publish"], start_new_session=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    while files_of(to) == before:
        assert begun.poll() is None, begun.stdout.read()
        time.sleep(0.005)
    return begun


@pytest.mark.parametrize("what", ["the publisher is killed", "PostgreSQL is restarted"])
def test_readers_see_yesterday_until_they_see_today_whatever_is_killed(
    home, second_day, postgres, in_a_folder, what, tmp_path
):
    flow.publish_lake(home)
    yesterday = say_of(home)
    second_day()
    today = say_of(home)
    assert sum(before != after for before, after in zip(yesterday, today, strict=True)) == 5
    readers = Readers(in_a_folder, tmp_path)
    begun = begin_to_publish(in_a_folder)
    if what == "the publisher is killed":
        os.killpg(begun.pid, signal.SIGKILL)
        begun.communicate()
    else:
        postgres.stop()
        postgres.start()
        assert begun.communicate()[0].startswith("Error: ")
    assert in_lake(in_a_folder, "SELECT count(*) FROM core.fct_submission") == [(yesterday[1],)]
    assert flow.publish_lake(home)["error"] is None
    time.sleep(2)
    assert readers.seen() == [[yesterday, today]] * 3
    assert differences(home, in_a_folder) == {}
