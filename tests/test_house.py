"""The house keeps its own rules: models are described, modules readable, data clean, dependencies declared."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
from collections import Counter
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from pipelines.home import MODELS, PROJECT, SCHEMA
from pipelines.made_with import MADE_WITH, digest_of_code, digest_of_files
from pipelines.office import colours
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.models import build, models, read_model

MODULES = sorted((PROJECT / "pipelines").rglob("*.py"))
ASSET_GRAPH = Path(__file__).with_name("asset_graph.txt")
RENEW = ".venv/bin/python tests/test_house.py"


def module_name(path):
    return path.relative_to(PROJECT / "pipelines").as_posix()


def by_table(model):
    return model.table


def tracked(*below):
    """The files git keeps, as paths; only those below the folders given."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--", *below], cwd=PROJECT, capture_output=True, check=True
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := PROJECT / name).is_file()]


def texts(*below):
    """Tracked files that hold text: path and bytes."""
    return [(path, data) for path in tracked(*below) if b"\0" not in (data := path.read_bytes())]


def code(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """Top-level names of the packages a module imports, wherever in it."""
    names = set()
    for node in ast.walk(code(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    return names


# ---------------------------------------------------------------- models


def test_every_model_has_its_description_and_every_description_its_model():
    built = {path.with_suffix("") for path in MODELS.glob("*/*.sql")}
    described = {path.with_suffix("") for path in MODELS.glob("*/*.yml") if path.name.count(".") == 1}
    assert built == described
    assert built


def test_golden_cases_stand_beside_their_model():
    """'mart_kpi_progress.cases.yml' beside 'mart_kpi_progress.sql'."""
    cases = [path for path in MODELS.glob("*/*.yml") if path.name.count(".") > 1]
    assert cases
    assert [path.name for path in cases if not path.with_name(path.name.partition(".")[0] + ".sql").exists()] == []


@pytest.fixture(scope="module")
def built():
    """All models, built on empty tables."""
    with in_memory() as con:
        for model in models():
            build(con, model)
        yield con


@pytest.mark.parametrize(
    ("wrong", "odd"),
    [
        (lambda columns: {**columns, "made_up": {"en": "x", "vi": "x"}}, "made_up"),
        (lambda columns: {name: about for name, about in columns.items() if name != "agency_name"}, "agency_name"),
        (lambda columns: dict(reversed(columns.items())), "their order"),
    ],
    ids=["one too many", "one missing", "another order"],
)
def test_a_description_whose_columns_are_not_those_built_stops_the_build(built, wrong, odd):
    [model] = [model for model in models() if model.table == "core.dim_agency"]
    mistaken = replace(model, spec={**model.spec, "columns": wrong(model.spec["columns"])})
    with pytest.raises(ValueError, match=rf"core\.dim_agency: the columns built .*{odd}"):
        build(built, mistaken)


@pytest.mark.parametrize("model", models(), ids=by_table)
def test_a_model_says_its_grain_its_key_and_itself_and_its_columns_in_two_languages(model):
    assert model.spec["grain"].startswith("one row ")
    assert model.spec["key"]
    assert set(model.spec["key"]) <= set(model.spec["columns"])
    for name, about in [(model.table, model.spec), *model.spec["columns"].items()]:
        for language in ("en", "vi"):
            text = about[language]
            assert text, name
            assert unicodedata.is_normalized("NFC", text), name
            assert text == text.strip(), name


def test_no_column_is_described_twice():
    """What two tables have in common is said in columns.yml, and nothing is said there that no table takes."""
    shared = yaml.safe_load((MODELS / "columns.yml").read_text(encoding="utf-8"))
    beside = [path.with_suffix(".yml") for path in MODELS.glob("*/*.sql")]
    columns = [dict(yaml.safe_load(path.read_text(encoding="utf-8"))["columns"]) for path in beside]
    named = [(name, about or {}) for of_one in columns for name, about in of_one.items()]
    said = Counter((about["en"], about["vi"]) for about in [*shared.values(), *(a for _, a in named if "en" in a)])
    assert [text for text, times in said.items() if times > 1] == []
    taken = {about.get("as", name) for name, about in named if "en" not in about}
    assert taken == shared.keys()


def test_a_column_that_nobody_describes_is_named_with_its_model(tmp_path):
    for name in ("dim_agency.sql", "dim_agency.yml"):
        shutil.copyfile(MODELS / "core" / name, tmp_path / name)
    with (
        in_memory() as con,
        pytest.raises(ValueError, match=r"dim_agency\.yml: neither it .* says what agency_name is"),
    ):
        read_model(con, tmp_path / "dim_agency.sql", {})


def test_nothing_in_the_warehouse_needs_a_constraint_an_index_a_sequence_or_an_enum(built):
    """Keys are proven by checks, so that the same SQL runs on DuckLake."""
    assert built.execute(
        "SELECT table_name, constraint_type FROM duckdb_constraints() WHERE constraint_type <> 'NOT NULL' "
        "UNION ALL SELECT table_name, index_name FROM duckdb_indexes() "
        "UNION ALL SELECT schema_name, sequence_name FROM duckdb_sequences() "
        "UNION ALL SELECT table_name, column_name FROM duckdb_columns() WHERE data_type LIKE 'ENUM%'"
    ).fetchall() == []  # fmt: skip


@pytest.mark.parametrize("path", [SCHEMA, *sorted(MODELS.glob("*/*.sql"))], ids=lambda path: path.stem)
def test_sql_names_nothing_that_ducklake_lacks(path):
    statements = re.sub(r"--.*|'(?:[^']|'')*'", " ", path.read_text(encoding="utf-8"))
    lacking = r"\b(PRIMARY\s+KEY|FOREIGN\s+KEY|UNIQUE|SEQUENCE|NEXTVAL|INDEX|ENUM)\b"
    assert re.findall(lacking, statements, re.IGNORECASE) == []


@pytest.mark.parametrize("path", sorted(MODELS.glob("*/*.sql")), ids=lambda path: path.stem)
def test_a_model_is_one_select_that_asks_no_clock(path):
    """The day comes from core.dim_build, so that a rebuild says the same whenever it is made."""
    statements = re.sub(r"--.*|'(?:[^']|'')*'", " ", path.read_text(encoding="utf-8"))
    assert ";" not in statements.strip().rstrip(";")
    assert re.match(r"\s*(SELECT|WITH|FROM)\b", statements)
    clocks = r"\b(current_date|current_timestamp|now|today|get_current_timestamp|random|uuid)\b"
    assert re.findall(clocks, statements, re.IGNORECASE) == []


# ---------------------------------------------------------------- modules


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_can_be_read_at_a_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400
    for node in ast.walk(code(path)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, f"{node.name} does not fit a screen"


def test_no_folder_holds_over_15_percent_of_the_code():
    lines = Counter()
    for path in MODULES:
        lines[path.parent.relative_to(PROJECT).as_posix()] += len(path.read_text(encoding="utf-8").splitlines())
    assert [folder for folder, count in lines.items() if count > 0.15 * lines.total()] == []


def test_what_a_result_is_made_with_is_there_and_counts(tmp_path):
    for patterns in MADE_WITH.values():
        assert [pattern for pattern in patterns if not list((PROJECT / "pipelines").glob(pattern))] == []
    assert len({digest_of_code(result) for result in MADE_WITH}) == len(MADE_WITH)
    files = [tmp_path / name for name in ("b", "a")]
    seen = set()
    for texts in (("1", "2"), ("2", "1"), ("12", "")):
        for path, text in zip(files, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        seen |= {digest_of_files(files), digest_of_files(reversed(files))}
    assert len(seen) == 3


def test_the_colours_of_severities_stand_in_one_module():
    told = "|".join({*colours.BEHIND_TEXT, *colours.EDGES, *colours.BARS})
    found = [path.name for path, data in texts("pipelines") if re.search(told, data.decode(), re.I)]
    assert found == ["colours.py"]


def test_two_modules_import_great_expectations():
    """What runs the rules, and what makes the pages of them."""
    found = [module_name(path) for path in MODULES if "great_expectations" in imported(path)]
    assert found == ["checking/rule_docs.py", "checking/suites.py"]


def test_one_module_opens_the_warehouse():
    """Elsewhere a connection is in memory only."""
    opening = [path.name for path in MODULES if re.search(r"duckdb\.connect\([^)]", path.read_text(encoding="utf-8"))]
    assert opening == ["database.py"]


def test_the_command_line_starts_without_the_heavy_libraries():
    heavy = {"dagster", "duckdb", "great_expectations", "openpyxl", "pandas", "python_calamine"}
    asked = f"import sys, pipelines.cli; print({heavy} & sys.modules.keys() or 'none')"
    started = subprocess.run([sys.executable, "-c", asked], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert started.stdout == "none\n"


# ---------------------------------------------------------------- the asset graph


def asset_graph():
    """One line an asset, what it needs after the arrow: 'core/dim_agency <- raw/agency'."""
    from pipelines.definitions import defs

    graph = defs.resolve_asset_graph()
    lines = [
        f"{key.to_user_string()} <- {', '.join(sorted(p.to_user_string() for p in graph.get(key).parent_keys))}".strip()
        for key in graph.get_all_asset_keys()
    ]
    return f"# The asset graph. Renew it with: {RENEW}\n" + "".join(f"{line}\n" for line in sorted(lines))


def test_the_asset_graph_is_the_one_in_the_snapshot():
    """If you meant to change the graph, renew the snapshot and read its diff before you commit it."""
    assert asset_graph() == ASSET_GRAPH.read_text(encoding="utf-8"), f"if you meant this change, run: {RENEW}"


# ---------------------------------------------------------------- tracked files


def test_sources_and_docs_are_utf_8_in_composed_form():
    """Two spellings of one letter would be two names; a name copied from a Mac is decomposed."""
    for path, data in texts("sources", "docs", "README.vi.md"):
        text = data.decode("utf-8")
        assert unicodedata.is_normalized("NFC", text), path
        assert unicodedata.is_normalized("NFC", path.name), path
        assert "\ufffd" not in text, path


class StrictLoader(yaml.CSafeLoader):
    """YAML takes the last of two equal keys without a word; this loader does not."""

    def construct_mapping(self, node, deep=False):
        merge = "tag:yaml.org,2002:merge"  # '<<', which may be followed by what it is laid under
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != merge]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key is used twice among {keys}"
        return super().construct_mapping(node, deep)


def test_no_key_stands_twice_in_a_yaml_file():
    found = [path for path in tracked() if path.suffix in (".yml", ".yaml")]
    assert len(found) > 30
    for path in found:
        list(yaml.load_all(path.read_text(encoding="utf-8"), StrictLoader))  # a file may hold several


def test_nothing_written_at_run_time_is_tracked():
    assert tracked("warehouse", "sources/inbox", "sources/acts", "portal") == [SCHEMA]


def test_no_tracked_file_names_a_place_of_one_machine_or_a_package_index():
    folders = r"(?<![\w.>])/(?:home|root|work|mnt|opt|srv|tmp|Users)/\w|\b[A-Z]:\\+Users"
    index = r"pypi\.|pythonhosted|(?<!no-emit-)index-url|find-links|\w+_INDEX_URL"
    named = re.compile(f"{folders}|{index}", re.IGNORECASE)
    found = {str(path): match[0] for path, data in texts() if (match := named.search(data.decode("utf-8")))}
    assert {path: name for path, name in found.items() if not path.endswith("test_house.py")} == {}


# ---------------------------------------------------------------- dependencies

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
USED_WITHOUT_AN_IMPORT = {
    "argon2-cffi": "by Django, which is told of it by name",
    "django-axes": "by Django, which is told of it by name",
    "dagster-k8s": "by Dagster, which is told of it by name",
    "dagster-postgres": "by Dagster, which is told of it by name",
    "dagster-webserver": "started as a program by 'kpi57 serve'",
    "tzdata": "read by zoneinfo where the system has no time zones (Windows)",
}


def plain(distribution):
    """A distribution's name as packaging compares it: 'PyYAML' and 'pyyaml' are one."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", distribution)[0]).lower()


def third_party(paths):
    """Distributions behind the packages that the modules import."""
    behind = packages_distributions()
    ours = {"pipelines", *(path.stem for path in paths)}
    names = {name for path in paths for name in imported(path)} - ours - sys.stdlib_module_names
    return {plain(behind[name][0]) for name in names}


def test_what_is_imported_is_declared_and_what_is_declared_is_used():
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    declared = {plain(requirement) for requirement in wanted}
    assert third_party(MODULES) == declared - USED_WITHOUT_AN_IMPORT.keys()
    assert declared >= USED_WITHOUT_AN_IMPORT.keys()


def test_what_tests_import_is_declared():
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    extras = [one for extra in project["optional-dependencies"].values() for one in extra]
    declared = {plain(one) for one in (*project["dependencies"], *extras, *groups["dev"])}
    assert third_party(sorted(Path(__file__).parent.glob("*.py"))) <= declared


def locked(name):
    """A lock's entries: 'duckdb' and its whole text, 'duckdb==1.5.2 --hash=sha256:...'."""
    text = (PROJECT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [(plain(line), line) for line in text.splitlines() if line and not line.startswith((" ", "#"))]


@pytest.mark.parametrize(
    "name",
    [
        "requirements.lock",
        "requirements-places.lock",
        "requirements-portal.lock",
        "requirements-dev.lock",
        "tests/engines/duckdb-1.4.lock",
        "tests/engines/duckdb-1.5.lock",
    ],
)
def test_a_lock_names_version_and_hash_of_everything_and_no_address(name):
    assert locked(name)
    for package, line in locked(name):
        assert re.match(r"[\w.,\[\]-]+==\S+ ", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), package
    assert re.findall(r"https?:|file:|--?[\w-]*(?:index|find|trusted)[\w-]*|\s-[if]\s",
                      (PROJECT / name).read_text(encoding="utf-8")) == []  # fmt: skip


def test_everything_declared_is_locked():
    run, dev = (dict(locked(name)) for name in ("requirements.lock", "requirements-dev.lock"))
    groups = PYPROJECT["dependency-groups"]
    assert {plain(one) for one in (*PYPROJECT["project"]["dependencies"], *groups["build"])} <= run.keys()
    assert {plain(one) for one in groups["dev"]} <= run.keys() | dev.keys()


def test_the_locks_agree():
    """On version and hashes; where a package is wanted (its marker) may differ."""

    def entries(lock):
        return {name: (re.search(r"==([^\s;]+)", line)[1], set(re.findall(r"--hash=\S+", line)))
                for name, line in locked(lock)}  # fmt: skip

    dev = entries("requirements-dev.lock")
    for lock in ("requirements.lock", "requirements-places.lock", "requirements-portal.lock"):
        run = entries(lock)
        both = run.keys() & dev.keys()
        assert both
        assert {name: run[name] for name in both} == {name: dev[name] for name in both}


if __name__ == "__main__":
    ASSET_GRAPH.write_text(asset_graph(), encoding="utf-8", newline="\n")
