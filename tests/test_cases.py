"""The golden cases beside the models: given these rows, expect those. One case a model, <name>.case.yml.

given: rows of the tables the model reads, only the columns that matter; what is not given is NULL, a table not given is
empty. Not worth repeating in each case, and there unless given: one build row, and the lists of statuses, periods,
communes and agencies as they stand under sources/reference. expect: the rows that come out, in order, only the columns
that matter; of a table macro, by the value it is asked with, in the order of its key.
"""

from dataclasses import replace as replace_in
from decimal import Decimal

import pytest
import yaml
from test_progress import CASES as PROGRESS

from pipelines.home import MODELS
from pipelines.vietnamese import parse_target
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.models import build, models, offending
from pipelines.warehouse.rows import replace, set_info

FILES = {f"{path.parent.name}.{path.name.removesuffix('.case.yml')}": path for path in MODELS.glob("*/*.case.yml")}
CASES = {table: yaml.safe_load(path.read_text(encoding="utf-8")) for table, path in sorted(FILES.items())}
BY_TABLE = {model.table: model for model in models()}
BUILD = [{"as_of_on": "2026-11-16", "is_illustrative": False}]
LISTS = {"core.dim_status", "core.dim_period", "core.dim_commune", "core.dim_agency"}


@pytest.fixture(scope="module")
def con(registry):
    """All models on the registry, without a single file sent: so every table has its columns and types."""
    with in_memory() as con:
        for table, rows in registry.rows().items():
            replace(con, table, rows)
        set_info(con, "as_of", "2026-11-16")
        for model in models():
            build(con, model)
        yield con


def give(con, model, given):
    """Put the given rows, and nothing else, into the tables the model reads."""
    assert given.keys() <= model.reads, f"{model.table} does not read {sorted(given.keys() - model.reads)}"
    given = {"core.dim_build": BUILD} | given
    for table in model.reads:
        if table in given or table not in LISTS:
            rows = given.get(table, [])
            columns = {column: None for row in rows for column in row}
            if (read := BY_TABLE.get(table)) and read.parameters:
                table = say_instead(con, read)
            replace(con, table, [columns | row for row in rows])


def say_instead(con, macro):
    """Make a macro say what stands in a table, still empty. Returns the table."""
    table = f"{macro.table}_given"
    con.execute(f"CREATE TABLE {table} AS FROM {macro.table}(NULL) LIMIT 0")
    con.execute(replace_in(macro, sql=f"FROM {table}").definition)
    return table


def plain(value):
    """A value as YAML writes it."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def found(con, relation, expected):
    """The rows of a relation, each with the columns that the row expected in its place names."""
    cursor = con.execute(f"FROM {relation}")
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, map(plain, row), strict=True)) for row in cursor.fetchall()]
    asked = [list(row) for row in expected] + [names] * len(rows)
    return [{name: row[name] for name in columns} for row, columns in zip(rows, asked, strict=False)]


@pytest.mark.parametrize("table", CASES)
def test_case(con, table):
    case, model = CASES[table], BY_TABLE[table]
    con.execute("BEGIN")
    try:
        give(con, model, case["given"])
        build(con, model)
        if not model.parameters:
            assert found(con, table, case["expect"]) == case["expect"]
            [key] = [check for check in model.claims if check.code == "key"]
            assert offending(con, key) == (0, [])
        else:
            key = ", ".join(model.spec["key"])
            for asked, expected in case["expect"].items():
                assert found(con, f"{table}(TIMESTAMP '{asked}') ORDER BY {key}", expected) == expected, asked
    finally:
        con.execute("ROLLBACK")


def test_every_model_has_a_case_and_every_case_a_model():
    several = {f"{path.parent.name}.{path.name.removesuffix('.cases.yml')}" for path in MODELS.glob("*/*.cases.yml")}
    assert several | CASES.keys() == BY_TABLE.keys()


@pytest.mark.parametrize("table", CASES)
def test_a_case_says_what_it_shows(table):
    text = FILES[table].read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert CASES[table].keys() == {"given", "expect"}
    assert CASES[table]["expect"]


def statuses(answer, registry):
    return {row["status"] for row in registry.statuses if row["answer"] == answer}


def test_the_cases_together_cover_every_status_and_operator(registry):
    """A status nobody has shown an example of is a status nobody can explain."""
    progress = [row for case in PROGRESS for row in case["expect"].values()]
    for answer, rows, column in [
        ("level", progress, "level_status"),
        ("pace", progress, "pace_status"),
        ("reporting", CASES["marts.mart_reporting_status"]["expect"], "reporting_status"),
        ("task", CASES["marts.mart_task_progress"]["expect"], "task_status"),
        ("submission", CASES["core.fct_submission"]["expect"], "status"),
    ]:
        assert {row[column] for row in rows if column in row} == statuses(answer, registry), answer
    judged = {parse_target(str(text)).operator for case in PROGRESS for _, text in case["targets"]}
    assert judged == {">=", ">", "=", "<=", "<", "about", "range", "text"}
