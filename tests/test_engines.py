"""What is published is read by programs with an older DuckDB: all of it is asked in each, 1.4 LTS and 1.5 beside ours.

'make test' installs them beside the project's own, into folders of their own (tests/engines/*.lock).
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines.home import PROJECT, Home
from pipelines.warehouse.database import building, prepare
from pipelines.warehouse.models import build, models
from pipelines.warehouse.publishing import publish
from pipelines.warehouse.rows import replace, set_info

ENGINES = Path(sys.prefix, "engines")
PAGES = ("README.md", "docs/analysts.md", "docs/method.md")
PUBLISHED = [model for model in models() if not model.table.startswith("staged.")]
TABLES = [model.table for model in PUBLISHED if not model.parameters]


def questions():
    """Every published table, view and macro, and every SQL block of the pages analysts read."""
    found = {table: f"FROM {table}" for table in TABLES}
    for model in PUBLISHED:
        if model.parameters:
            found[model.table] = f"FROM {model.table}(TIMESTAMP '2026-10-31 17:00:00')"
    for page in PAGES:
        blocks = re.findall(r"```sql\n(.*?)```", (PROJECT / page).read_text(encoding="utf-8"), re.S)
        found |= {f"{page}, SQL {n}": block for n, block in enumerate(blocks, 1)}
    return found


def asked(engine, database):
    """What a DuckDB says to the questions: {version, answers by name}."""
    path = {"PYTHONPATH": str(ENGINES / engine)} if engine else {}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("engine.py"), database],
        env=os.environ | path, input=json.dumps(questions()), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ours(demo_home):
    return asked("", demo_home.published)


def test_the_questions_are_all_there_and_our_own_duckdb_answers_them_with_rows(ours):
    assert ours["version"] == duckdb.__version__
    assert len([name for name in ours["answers"] if "SQL" in name]) > 20
    assert {name: answer for name, answer in ours["answers"].items() if not answer.get("rows")}.keys() <= {
        "core.fct_period_event", "marts.mart_late_change",  # no period of the demo was locked
        "marts.mart_held_line",  # and nothing waits for a confirmation
        "core.fct_bundle",  # written after publishing
        "core.known_succession", "core.bridge_successor", "marts.mart_successor_series",  # and nothing was merged
        "core.fct_approval",  # nor approved
        "core.dim_higher_plan", "core.fct_higher_target", "core.dim_city_milestone",
        "marts.mart_milestone_difference",  # and no plan stands above the communes'
    }  # fmt: skip


@pytest.mark.parametrize("version", ["1.4", "1.5"])
def test_an_older_duckdb_gives_the_same_answers(demo_home, ours, version):
    """Tables and views cell by cell; what it computes itself, by its rows and columns."""
    theirs = asked(f"duckdb-{version}", demo_home.published)
    assert theirs["version"].startswith(f"{version}."), "not installed: run 'make test'"
    assert {name: answer["error"] for name, answer in theirs["answers"].items() if "error" in answer} == {}
    for name, answer in theirs["answers"].items():
        of = ["rows", "columns", *(["hash"] if name in TABLES else [])]
        assert [answer[key] for key in of] == [ours["answers"][name][key] for key in of], name


def test_what_an_earlier_version_built_is_built_anew_in_the_format_that_all_can_read(tmp_path, registry):
    """0.1.0 built in the format of 1.5, and the format of a file that exists cannot be lowered."""
    home = Home(tmp_path)
    home.warehouse.mkdir()
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{home.built}' AS built (STORAGE_VERSION 'v1.5.0')")
        con.execute("CREATE TABLE built.main.model_mark (table_name VARCHAR, mark VARCHAR)")
        con.execute("CREATE SCHEMA built.core")
        con.execute("CREATE SCHEMA built.marts")
    prepare(home)
    with building(home) as con:
        for table, rows in registry.rows().items():
            replace(con, table, rows)
        set_info(con, "as_of", "2026-11-16")
    for model in models():
        with building(home) as con:
            build(con, model)
    publish(home, PUBLISHED)
    with duckdb.connect(home.published, read_only=True) as con:
        [[tags]] = con.execute("SELECT tags FROM duckdb_databases() WHERE database_name = 'kpi'").fetchall()
        assert tags == {"storage_version": "v1.2.0+"}
        assert con.execute("SELECT count(*) > 0 FROM core.fct_target").fetchall() == [(True,)]
