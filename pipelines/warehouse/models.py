"""The models: one SELECT a file under models/, a .yml beside it, built in the order their SQL says.

Which table a model reads is taken from its SQL by DuckDB's own parser; nothing is declared twice. What a model
says does not belong here (models/).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from pipelines.home import MODELS
from pipelines.warehouse.database import PUBLISHED_SCHEMAS
from pipelines.warehouse.rows import count, literal


@dataclass(frozen=True)
class Check:
    """A check on a built model: a query that returns the offending rows; severity 'error' stops the publishing."""

    code: str
    severity: str
    description: str
    sql: str


@dataclass(frozen=True)
class Model:
    """One model: table name ('core.fct_target'), its SELECT, what its .yml says, and the tables it needs.

    reads: the tables its SELECT reads, and its given values and parts come from. made_from: its
    SELECT alone. compared: those its checks compare it with.
    """

    table: str
    sql: str
    spec: dict[str, Any]
    reads: frozenset[str] = frozenset()
    made_from: frozenset[str] = frozenset()
    compared: frozenset[str] = frozenset()

    @property
    def depends(self) -> frozenset[str]:
        """The tables that must be there before."""
        return (self.reads | self.compared) - {self.table}

    @property
    def parameters(self) -> list[str]:
        """Parameters of a table macro, a SELECT called with values: moment, first_commune := ''. [] for a table."""
        return list(self.spec.get("parameters", []))

    @property
    def given(self) -> dict[str, str]:
        """Variables its SELECT looks at, each with the query that gives it."""
        return dict(self.spec.get("given", {}))

    @property
    def definition(self) -> str:
        """The statement that makes it, for the database it is run in."""
        if self.parameters:
            return f"CREATE OR REPLACE MACRO {self.table}({', '.join(self.parameters)}) AS TABLE {self.sql}"
        return f"CREATE OR REPLACE {'VIEW' if self.is_view else 'TABLE'} {self.table} AS {self.sql}"

    @property
    def is_published(self) -> bool:
        """False for an intermediate step."""
        return not self.table.startswith("staged.")

    @property
    def is_view(self) -> bool:
        """True for a view."""
        return bool(self.spec.get("view"))

    @property
    def checks(self) -> list[Check]:
        """The checks of a run: what its .yml claims. Views and macros are not checked at
        run time; their test case covers them."""
        return [] if self.parameters or self.is_view else self.claims

    @property
    def claims(self) -> list[Check]:
        """What its .yml claims: the key is unique and complete, columns as marked, and its own queries."""
        return [*self._key_checks(), *self._column_checks(), *self._own_checks()]

    def _key_checks(self) -> Iterator[Check]:
        key = ", ".join(self.spec["key"])
        open_ended = self.spec.get("key_may_be_null", [])  # always known, or still valid
        missing = " OR ".join([f"{c} IS NULL" for c in self.spec["key"] if c not in open_ended])
        yield Check(
            "key",
            "error",
            f"({key}) is complete and unique: {self.spec['grain']}",
            f"SELECT {key} FROM {self.table} GROUP BY ALL HAVING count(*) > 1 OR {missing}",
        )

    def _column_checks(self) -> Iterator[Check]:
        """One check per kind rather than per column, to keep Dagster's event log small."""
        columns: dict[str, dict[str, Any]] = self.spec["columns"]
        filled = [name for name, about in columns.items() if about.get("not_null")]
        if filled:
            missing = " OR ".join(f"{name} IS NULL" for name in filled)
            yield Check("not_null", "error", f"never null: {', '.join(filled)}",
                        f"SELECT * FROM {self.table} WHERE {missing}")  # fmt: skip
        closed = {name: about["accepted"] for name, about in columns.items() if about.get("accepted")}
        if closed:
            odd = " OR ".join(f"{name} NOT IN ({', '.join(map(literal, values))})" for name, values in closed.items())
            yield Check("accepted", "error", f"only values of their list: {', '.join(closed)}",
                        f"SELECT * FROM {self.table} WHERE {odd}")  # fmt: skip
        pointing = {name: about["references"] for name, about in columns.items() if about.get("references")}
        if pointing:
            queries = [self._pointing_nowhere(column, target) for column, target in pointing.items()]
            yield Check("references", "error", f"each reference exists: {', '.join(pointing)}",
                        " UNION ALL ".join(queries))  # fmt: skip

    def _pointing_nowhere(self, column: str, target: str) -> str:
        table, _, other = target.rpartition(".")
        key = ", ".join(f"t.{name}" for name in self.spec["key"])
        return (
            f"SELECT {key}, '{column}' AS column_name, t.{column}::VARCHAR AS value FROM {self.table} AS t "
            f"WHERE t.{column} IS NOT NULL AND NOT EXISTS (FROM {table} AS o WHERE o.{other} = t.{column})"
        )

    def _own_checks(self) -> Iterator[Check]:
        for check in self.spec.get("checks", []):
            yield Check(check["code"], check["severity"], check["description"], check["sql"])


def tables_read(con: duckdb.DuckDBPyConnection, sql: str) -> frozenset[str]:
    """The schema-qualified tables and macros a SELECT reads, by DuckDB's parser. Raises ValueError if it is none."""
    answer = con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(answer[0]) if answer else {"error": True}
    if tree["error"]:
        raise ValueError(tree.get("error_message", "not a SELECT"))
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE" and node["schema_name"]:
                found.add(f"{node['schema_name']}.{node['table_name']}")
            if node.get("type") == "TABLE_FUNCTION" and node["function"]["schema"]:
                found.add(f"{node['function']['schema']}.{node['function']['function_name']}")
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                walk(child)

    walk(tree)
    return frozenset(found)


# What a table may be built some at a time of, and all there are.
_IN_PARTS = {
    "commune": "SELECT DISTINCT commune_code FROM core.bridge_plan_in_force ORDER BY ALL",
    "indicator": "SELECT indicator_code FROM core.dim_indicator ORDER BY ALL",
}


def read_model(con: duckdb.DuckDBPyConnection, path: Path, shared: Mapping[str, Any]) -> Model:
    """Read one model and the .yml beside it. Raises ValueError naming the file if either is wrong.

    shared: what columns mean (columns.yml); a column takes the entry of its own name, or of the one it says it is as.
    """
    table = f"{path.parent.name}.{path.stem}"
    sql = path.read_text(encoding="utf-8")
    beside = path.with_suffix(".yml")
    if not beside.exists():
        raise ValueError(f"{path.name} has no {beside.name} beside it")
    spec = _yaml(beside)
    for name, about in spec["columns"].items():
        said = dict(about or {})
        spec["columns"][name] = {**shared.get(said.pop("as", name), {}), **said}
        if not spec["columns"][name].keys() >= {"en", "vi"}:
            raise ValueError(f"{beside.name}: neither it nor columns.yml says what {name} is, in en and vi")
    model = Model(table, sql, spec)
    try:
        compared = [tables_read(con, check.sql) for check in model.checks]
        listed = [_IN_PARTS[what] for what in spec.get("parts", {})]
        made_from, *asked = [tables_read(con, query) for query in (sql, *model.given.values(), *listed)]
        return replace(model, reads=made_from.union(*asked), made_from=made_from,
                       compared=frozenset().union(*compared))  # fmt: skip
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _yaml(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return found


@cache
def models(folder: Path = MODELS) -> tuple[Model, ...]:
    """All models, each after those it reads."""
    shared = _yaml(folder / "columns.yml")
    with duckdb.connect() as con:
        read = [read_model(con, path, shared) for path in sorted(folder.glob("*/*.sql"))]
    waiting = {model.table: model for model in read}
    ordered: list[Model] = []
    while waiting:
        ready = [m for m in waiting.values() if not m.depends & waiting.keys()]
        if not ready:
            raise ValueError(f"models depend on each other in a cycle: {', '.join(sorted(waiting))}")
        for model in ready:
            ordered.append(waiting.pop(model.table))
    return tuple(ordered)


def build(con: duckdb.DuckDBPyConnection, model: Model) -> int:
    """Make the model's table or macro again. Returns its rows; raises ValueError if its columns are not its .yml's."""
    schema, name = model.table.split(".")
    kind = "TABLE" if model.is_view else "VIEW"  # what an earlier version may have made of it
    if con.execute(f"FROM duckdb_{kind}s() WHERE (schema_name, {kind}_name) = (?, ?)", [schema, name]).fetchall():
        con.execute(f"DROP {kind} {model.table}")
    for variable, query in model.given.items():
        con.execute(f"SET VARIABLE {variable} = ({query})")
    if parts := model.spec.get("parts"):
        _build_in_parts(con, model, parts)
    else:
        con.execute(model.definition)
    for variable in model.given:
        con.execute(f"RESET VARIABLE {variable}")
    built = list(columns_built(con, model))
    written = list(model.spec["columns"])
    if built != written:
        odd = sorted(set(built) ^ set(written)) or "their order"
        raise ValueError(f"{model.table}: the columns built and those of its .yml differ: {odd}")
    if schema in PUBLISHED_SCHEMAS:
        describe(con, model)
    return 0 if model.parameters or model.is_view else count(con, model.table)


def columns_built(con: duckdb.DuckDBPyConnection, model: Model) -> dict[str, str]:
    """The columns of a model that is built, each with its type; of a macro those of its result."""
    nothing = ", ".join("NULL" for parameter in model.parameters if ":=" not in parameter)
    asked = f"{model.table}({nothing})" if model.parameters else model.table
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE FROM {asked}").fetchall()}


def _build_in_parts(con: duckdb.DuckDBPyConnection, model: Model, parts: Mapping[str, int]) -> None:
    """Build a table some communes or indicators at a time, as its .yml says: its SELECT looks at the variables
    first_commune and last_commune, or first_indicator and last_indicator. Every code falls into a part, also one that
    is not listed."""
    [(what, at_a_time)] = parts.items()
    codes = [row[0] for row in con.execute(_IN_PARTS[what]).fetchall()]
    ends = codes[at_a_time - 1 : -1 : at_a_time]
    for before, last in zip(["", *ends], [*ends, "~"], strict=True):
        con.execute(f"SET VARIABLE first_{what} = {literal(before and before + ' ')}")  # the first text after it
        con.execute(f"SET VARIABLE last_{what} = {literal(last)}")
        con.execute(f"INSERT INTO {model.table} {model.sql}" if before else model.definition)
    for end in ("first", "last"):
        con.execute(f"RESET VARIABLE {end}_{what}")


def offending(con: duckdb.DuckDBPyConnection, check: Check) -> tuple[int, list[str]]:
    """Run a check: how many rows offend, and the first few as text."""
    rows = con.execute(check.sql).fetchall()
    return len(rows), [str(row) for row in rows[:5]]


def describe(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Make en and vi of a model's .yml the comments of its table and columns."""
    if model.parameters:
        con.execute(f"COMMENT ON MACRO TABLE {model.table} IS {literal(comment(model.spec))}")
        return
    con.execute(f"COMMENT ON {'VIEW' if model.is_view else 'TABLE'} {model.table} IS {literal(comment(model.spec))}")
    for column, about in model.spec["columns"].items():
        con.execute(f"COMMENT ON COLUMN {model.table}.{column} IS {literal(comment(about))}")


def comment(about: Mapping[str, Any]) -> str:
    """What a model or a column is, in both languages."""
    return f"{about['en']} · {about['vi']}"
