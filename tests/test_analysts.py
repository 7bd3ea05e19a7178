"""What analysts are promised: the pages, the twenty questions, the notebook, and that nobody is blocked."""

import csv
import importlib.util
import io
import json
import re
import shutil
from datetime import date
from decimal import Decimal

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.analysts import schema_docs
from pipelines.analysts.query import FORMATS
from pipelines.cli import main
from pipelines.home import PROJECT, Home
from pipelines.warehouse.database import building, reading
from pipelines.warehouse.models import models
from pipelines.warehouse.publishing import publish

PAGE = (PROJECT / "docs" / "analysts.md").read_text(encoding="utf-8")
QUESTIONS = {int(number): query for number, query in re.findall(r"^### (\d+)\. .*?```sql\n(.*?)```", PAGE, re.S | re.M)}
MARK = "SỐ LIỆU MINH HỌA"
SPEAKS = f"as of 2026-11-16 · {MARK} (illustrative figures)\n"


@pytest.fixture
def at_demo(demo_home, monkeypatch):
    monkeypatch.setenv("KPI57_HOME", str(demo_home.root))


def kpi57(*words, typed=None):
    """Run a command. Returns click's result: exit_code, stdout, stderr."""
    result = CliRunner().invoke(main, words, input=typed)
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result


@pytest.fixture
def copied(demo_home, tmp_path, monkeypatch):
    """A home with the demo's databases, to publish in."""
    home = Home(tmp_path / "home")
    home.warehouse.mkdir(parents=True)
    for path in (demo_home.build, demo_home.built, demo_home.published):
        shutil.copyfile(path, home.warehouse / path.name)
    monkeypatch.setenv("KPI57_HOME", str(home.root))
    return home


def publish_of(home, day, *, illustrative=True):
    """Publish the home's build database as if it spoke of another day."""
    with building(home) as con:
        con.execute("UPDATE core.dim_build SET as_of_on = ?, is_illustrative = ?", [day, illustrative])
    publish(home, [model for model in models() if not model.table.startswith("staged.")])


# ---------------------------------------------------------------- the pages made from the models


@pytest.fixture(scope="module")
def described():
    return schema_docs.tables()


def test_the_page_is_that_of_the_models(described):
    renew = ".venv/bin/python -m pipelines.analysts.schema_docs"
    assert schema_docs.TABLES.read_text(encoding="utf-8") == schema_docs.page(described), (
        f"a model has changed; run: {renew}"
    )


def test_every_published_table_and_column_is_explained_with_its_type(demo):
    sections = dict(
        re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", schema_docs.TABLES.read_text(encoding="utf-8"), re.S | re.M)
    )
    published = demo("SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
                     "WHERE schema_name IN ('core', 'marts')")  # fmt: skip
    assert len(published) > 300
    assert [row for row in published if f"| `{row[1]}` | {row[2]} |" not in sections[row[0]]] == []
    assert "marts.progress_as_of(moment)" in sections


def test_the_diagram_shows_every_table_its_key_and_a_line_for_every_reference(described):
    fence, kind, *lines, end = schema_docs.diagram(described)
    assert (fence, kind, end) == ("```mermaid", "erDiagram", "```")
    tables, open_table, references = {}, None, []
    for line in lines:
        if opened := re.fullmatch(r' {4}"([a-z_.]+)" \{', line):
            open_table = tables.setdefault(opened[1], {})
        elif column := re.fullmatch(r" {8}([A-Z]+(?:\[\])?) ([a-z_0-9]+) (PK|FK|PK, FK)", line):
            open_table[column[2]] = column[3]
        elif line != "    }":
            references.append(
                re.fullmatch(r' {4}"([a-z_.]+)" (?:\|\||\|o)--(?:\|\||o\{) "([a-z_.]+)" : ([a-z_0-9]+)', line)
            )
    published = {model.table: model.spec for model in models() if not model.table.startswith("staged.")}
    assert {table: {name for name, mark in columns.items() if "PK" in mark} for table, columns in tables.items()} == {
        table: set(spec["key"]) for table, spec in published.items()
    }
    assert all(references)
    assert {(one[2], one[3], one[1]) for one in references} == {
        (table, name, about["references"].rpartition(".")[0])
        for table, spec in published.items()
        for name, about in spec["columns"].items()
        if "references" in about
    }
    assert len(references) > 20


# ---------------------------------------------------------------- the twenty questions


def asked(con, number):
    """The answer to a question, as dicts."""
    cursor = con.execute(QUESTIONS[number])
    names = [column[0] for column in cursor.description]
    assert len(names) == len(set(names)), "two columns bear one name"
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture
def con(demo_home):
    with reading(demo_home) as con:
        yield con


def test_there_are_twenty_questions_in_order():
    assert list(QUESTIONS) == list(range(1, 21))


@pytest.mark.parametrize("number", range(1, 21))
def test_a_question_answers_with_rows(con, number):
    assert asked(con, number)


def test_every_question_stands_there_in_vietnamese_too():
    headings = re.findall(r"^### \d+\. (.*)\n\*(.*)\*$", PAGE, re.M)
    assert len(headings) == 20
    assert all(vietnamese.endswith("?") and not vietnamese.isascii() for _, vietnamese in headings)


def test_who_is_behind_falls_short_of_what_was_expected(con):
    assert all(row["shortfall"] == row["expected_value"] - float(row["value"]) > 0 for row in asked(con, 5))


def test_late_and_missing_reports_are_those_of_the_reporting_status(con):
    counted = con.execute("SELECT count(*) FROM marts.mart_reporting_status WHERE reporting_status IN "
                          "('late', 'missing') AND due_on < as_of_on").fetchone()[0]  # fmt: skip
    assert sum(row["late"] + row["missing"] for row in asked(con, 7)) == counted > 0


def test_the_contradictions_of_the_plan_are_found_with_their_places(con):
    places = {(row["indicator_code"], row["first_place"], row["second_place"]) for row in asked(con, 10)}
    assert {("DVC-02", "I.1.2", "II.21"), ("GD-02", "I.11.1", "II.10")} <= places


def test_which_of_two_targets_holds_can_decide(con):
    assert {(row["reaches_lowest"], row["reaches_highest"]) for row in asked(con, 11)} == {
        (True, False),
        (False, False),
    }


def test_all_lines_are_accounted_for_and_the_total_comes_first(con):
    total, *files = asked(con, 13)
    assert total["submission_id"] == "all"
    assert total["rows_unaccounted"] == 0
    assert total["rows_rejected"] == sum(row["rows_rejected"] for row in files) > 0


def test_the_restated_figure_is_shown_with_both_values(con):
    [row] = asked(con, 15)
    assert (row["indicator_code"], row["was"], row["became"]) == ("KTS-02", Decimal("87.6331"), Decimal("86.7500"))
    assert row["change"] == row["became"] - row["was"]


def test_the_citys_rate_is_no_average(con):
    several = [row for row in asked(con, 16) if row["communes_in_rate"] > 1]
    assert several
    for row in several:
        assert row["city_rate"] == pytest.approx(float(100 * row["numerator"] / row["denominator"]), abs=1e-4)
    assert max(abs(row["city_rate"] - row["wrong_average"]) for row in several) > 0.05


def test_a_forecast_that_misses_says_how_sure_it_is(con):
    rows = asked(con, 18)
    assert all(row["will_miss_by"] > 0 and row["forecast_confidence"] in ("high", "medium", "low") for row in rows)
    assert all(row["forecast_meets_on"] is None or row["forecast_meets_on"] > row["next_on"] for row in rows)


def test_a_change_of_who_reports_is_told_from_a_change_of_the_rate(con):
    rows = asked(con, 20)
    same_communes = [r for r in rows if r["communes_before"] == r["communes"] == r["the_same"]]
    others = [r for r in rows if r["communes_before"] != r["communes"]]
    assert same_communes
    assert others
    assert all(row["change"] == pytest.approx(row["change_of_the_same"]) for row in same_communes)
    assert max(abs(row["change"] - row["change_of_the_same"]) for row in others) > 5
    assert rows[0] in others  # the most misleading change stands first


def test_the_python_of_the_page_runs(copied, monkeypatch):
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    monkeypatch.chdir(copied.root)
    names = {}
    exec(code, names)
    assert len(names["progress"]) > 40


# ---------------------------------------------------------------- kpi57 query


def test_csv_is_rfc_4180_and_utf_8(at_demo):
    said = kpi57("query", "SELECT 'Xã \"A\", B' AS tên, 1.50::DECIMAL(9, 2) AS n, -2 AS m, NULL AS không, true AS b, "
                 "DATE '2026-10-31' AS d, [1, 2] AS l, '' AS g", "--format", "csv")  # fmt: skip
    assert said.stdout_bytes.decode() == (
        "tên,n,m,không,b,d,l,g\r\n" + '"Xã ""A"", B",1.50,-2,,true,2026-10-31,"[1, 2]",""\r\n'
    )
    assert list(csv.reader(io.StringIO(said.stdout, newline="")))[1][0] == 'Xã "A", B'


@pytest.mark.parametrize(
    ("value", "shown"),
    [("'=1+1'", "'=1+1"), ("'+84'", "'+84"), ("'-x'", "'-x"), ("'@SUM(A1)'", "'@SUM(A1)"), ("chr(9) || '=1'", "'\t=1"),
     ("'=1'::BLOB", "'=1"), ("-5", "-5"), ("-5.5::DOUBLE", "-5.5"), ("-0.50::DECIMAL(9, 2)", "-0.50"),
     ("'1-1'", "1-1")],
)  # fmt: skip
def test_no_text_of_a_csv_runs_as_a_formula(at_demo, value, shown):
    said = kpi57("query", f'SELECT {value} AS "a""b"', "--format", "csv").stdout
    assert list(csv.reader(io.StringIO(said, newline=""))) == [['a"b'], [shown]]


def test_json_has_decimals_as_numbers_dates_as_text_and_texts_untouched(at_demo):
    said = kpi57("query", "SELECT 12345678901234.5670::DECIMAL(18, 4) AS n, TIMESTAMP '2026-10-31 08:00:00' AS t, "
                 "NULL AS u, {'á': [1.5]} AS s, 'nan'::DOUBLE AS x, '=1' AS f "
                 "UNION ALL SELECT 0, NULL, NULL, NULL, 1e300, 'é'", "--format", "json")  # fmt: skip
    first, second = json.loads(said.stdout, parse_float=Decimal)
    assert first == {
        "n": Decimal("12345678901234.567"), "t": "2026-10-31 08:00:00", "u": None, "s": {"á": [Decimal("1.5")]},
        "x": None, "f": "=1",
    }  # fmt: skip
    assert (second["n"], second["x"], second["f"]) == (0, Decimal("1e300"), "é")


def test_an_answer_without_rows_is_whole(at_demo):
    said = {form: kpi57("query", "SELECT 1 AS a WHERE false", "--format", form).stdout for form in FORMATS}
    assert said["csv"] == "a\n"
    assert json.loads(said["json"]) == []
    assert re.search(r"│ +a +│", said["table"])
    assert "0 rows" in said["table"]


def test_large_answers_come_whole_and_in_order(at_demo):
    said = kpi57("query", "FROM range(12001)", "--format", "csv").stdout.split()
    assert said == ["range", *map(str, range(12001))]
    assert "200 shown" in kpi57("query", "FROM range(12001)").stdout


def test_a_table_keeps_control_signs_from_the_terminal_and_long_texts_whole(at_demo, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # of a terminal: a table is no wider than it
    said = kpi57("query", "SELECT chr(27) || '[2J' || chr(10) || chr(8238) AS evil, repeat('ệ', 500) AS long").stdout
    assert "\x1b" not in said and "\u202e" not in said
    assert "�" in said
    assert "ệ" * 500 in said


def test_limit_gives_the_first_rows(at_demo):
    assert kpi57("query", "FROM range(10)", "--limit", "2", "--format", "csv").stdout.split() == ["range", "0", "1"]
    assert re.findall(r"│ +(\d+) │", kpi57("query", "FROM range(999)", "--limit", "300").stdout) == [
        *map(str, range(300))
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_a_question_without_end_is_stopped(at_demo, form):
    endless = "SELECT count(*) FROM range(1_000_000_000) AS a, range(1_000_000_000) AS b"
    said = kpi57("query", endless, "--format", form, "--seconds", "0.2")
    assert (said.exit_code, said.stdout) == (1, "")
    assert "stopped after 0.2 seconds" in said.stderr


def test_a_question_may_come_from_standard_input(at_demo):
    said = kpi57("query", "-", "--format", "csv", typed="\ufeffSELECT 'Đại Sơn' AS xã;\n")
    assert said.stdout_bytes.decode() == "xã\r\nĐại Sơn\r\n"


def test_illustrative_figures_are_marked_below_a_table_and_beside_what_machines_read(at_demo):
    table, machine = (kpi57("query", "SELECT 1 AS a", "--format", form) for form in ("table", "json"))
    assert (table.stdout.endswith(f"│     1 │\n└───────┘\n{SPEAKS}"), table.stderr) == (True, "")
    assert (json.loads(machine.stdout), machine.stderr) == ([{"a": 1}], SPEAKS)


def test_real_figures_are_not(copied):
    publish_of(copied, date(2026, 12, 1), illustrative=False)
    assert kpi57("query", "SELECT 1 AS a").stdout.endswith("┘\nas of 2026-12-01\n")


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT * FROM core.fct_actuals", "Table with name fct_actuals does not exist"),
        ("SELEC 1", "syntax error"),
        ("SELECT 'a'::INTEGER FROM core.dim_agency", "Could not convert string 'a' to INT32"),
        ("  ", "there is no statement to run"),
    ],
)
def test_a_wrong_question_is_answered_with_duckdbs_reason(at_demo, sql, why):
    said = kpi57("query", sql)
    assert said.exit_code == 2
    assert why in said.stderr
    assert "Traceback" not in said.stderr


def test_a_home_without_figures_says_what_to_do(home):
    said = kpi57("query", "SELECT 1")
    assert said.exit_code == 1
    assert "run 'kpi57 run' first" in said.stderr


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_csv('{file}')",
        "FROM read_text('{file}')",
        "FROM '{file}'",
        "FROM glob('{folder}/*')",
        "COPY core.dim_agency TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "ATTACH ':memory:' AS other; COPY FROM DATABASE kpi TO other; EXPORT DATABASE '{folder}/out'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "FROM read_csv('https://example.org/a.csv')",
        "SET enable_external_access = true",
        "SET temp_directory = '{folder}'",
        "RESET lock_configuration",
        "PRAGMA enable_profiling",
        "CALL enable_logging(storage = 'file', storage_path = '{folder}/log')",
        "CREATE PERSISTENT SECRET s (TYPE http)",
        "CREATE TABLE core.mine AS SELECT 1",
        "DELETE FROM core.dim_agency",
        "DROP TABLE core.fct_actual",
        "FROM asked",  # a variable of the program itself
    ],
)
def test_a_question_reaches_nothing_but_the_published_tables(at_demo, demo_home, tmp_path, sql):
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n", encoding="utf-8")
    before = demo_home.published.read_bytes()
    for form in FORMATS:
        said = kpi57("query", sql.format(file=file, folder=tmp_path), "--format", form)
        assert (said.exit_code, said.stdout) == (2, "")
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert demo_home.published.read_bytes() == before


# ---------------------------------------------------------------- nobody blocks anybody


def test_within_one_program_all_connections_are_closed_before_the_new_copy_is_seen(copied):
    """As docs/analysts.md says: a second connect is given the copy that is open already."""

    def day(con):
        return con.execute("SELECT as_of_on FROM core.dim_build").fetchone()[0]

    first = duckdb.connect(copied.published, read_only=True)
    before = day(first)
    publish_of(copied, date(2027, 1, 1))
    second = duckdb.connect(copied.published, read_only=True)
    assert day(first) == day(second) == before
    first.close()
    second.close()
    with duckdb.connect(copied.published, read_only=True) as con:
        assert day(con) == date(2027, 1, 1)


# ---------------------------------------------------------------- the notebook


def charts():
    """Run the notebook. Returns its charts as Vega-Lite, by name."""
    spec = importlib.util.spec_from_file_location("notebook", PROJECT / "docs" / "notebook.py")
    notebook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notebook)
    _, names = notebook.app.run()
    return {name: value.to_dict() for name, value in names.items() if name.endswith("_chart")}


def rows_of(chart):
    [rows] = chart["datasets"].values()
    return rows


def test_the_notebook_draws_the_published_figures_and_marks_them(at_demo, demo):
    drawn = charts()
    assert len(drawn) == 5
    assert all(chart["title"]["subtitle"].startswith(MARK) for chart in drawn.values())
    latest = demo.one("SELECT count(*) FROM marts.mart_kpi_progress WHERE is_latest")
    assert sum(row["indicators"] for row in rows_of(drawn["pace_chart"])) == latest
    tasks = demo.one("SELECT count(*) FROM marts.mart_task_progress")
    assert sum(row["tasks"] for row in rows_of(drawn["tasks_chart"])) == tasks
    assert {row["what"] for row in rows_of(drawn["path_chart"])} == {"Thực hiện", "Phải đạt theo lộ trình", "Mốc"}
    assert all(rows_of(chart) for chart in drawn.values())


def test_the_notebook_marks_nothing_where_figures_are_real(copied):
    publish_of(copied, date(2026, 12, 1), illustrative=False)
    assert {chart["title"]["subtitle"] for chart in charts().values()} == {"tính đến ngày 01/12/2026"}
