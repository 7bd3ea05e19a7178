"""The tables of a bundle for machines: each as CSV and as Parquet, and the Data Package that describes them.

What a column means is said once, in the .yml of the models, and taken from there. What the tables hold does not belong
here (extract.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines.bundles.extract import Extract, Table, relations
from pipelines.files import fsync
from pipelines.office.wording import say, say_each, wording
from pipelines.office.workbook import ILLUSTRATIVE, plain
from pipelines.warehouse.copies import copy_csv, copy_parquet
from pipelines.warehouse.models import Model, models

DESCRIPTOR = "datapackage.json"
PACKED_FROM = 500  # lines of a table: as CSV the figures of a year are nine tenths of what a bundle keeps
_STANDARD = "https://datapackage.org/profiles/2.0/datapackage.json"
_DIALECT = {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"', "doubleQuote": True, "header": True}
_FIELD_TYPES = {"VARCHAR": "string", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "datetime", "DECIMAL": "number",
                "DOUBLE": "number", "INTEGER": "integer", "BIGINT": "integer",
                "VARCHAR[]": "list"}  # fmt: skip

# Columns that an extract names otherwise than the models do.
_RENAMED = {
    "plan_title": "core.dim_plan.title",
    "lead_agency_name": "core.dim_agency.agency_name",
    "focal_agency_name": "core.dim_agency.agency_name",
    "status_label": "core.dim_status.label",
}


class Described(NamedTuple):
    """What is known of a table of the bundle: the model it is chosen from, and of each column its type and what the
    models' .yml say of it."""

    model: Model
    types: dict[str, str]
    about: dict[str, dict[str, Any]]


def describe(con: duckdb.DuckDBPyConnection, tables: Mapping[str, Table]) -> dict[str, Described]:
    """Find the columns of the tables in the models: those of the main model, the model that has most of them, there;
    the others where one has them. Raises LookupError for a column that is described nowhere."""
    published = {m.table: m for m in models() if m.is_published and not m.parameters}
    # sums of counts are HUGEINT, which Parquet has no type for
    types = {(table, column): "BIGINT" if kind == "HUGEINT" else kind for table, column, kind in con.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database()").fetchall()}  # fmt: skip
    holding: dict[str, str] = {}
    for name in sorted(published, reverse=True):  # of several the first by name says what a column is
        holding |= dict.fromkeys(published[name].spec["columns"], name)
    own = wording("package.columns")
    found = {}
    for name, table in tables.items():
        # of two the one that has fewer columns besides
        shared = {m.table: m.spec["columns"].keys() & {*table.columns} for m in published.values()}
        main = max(published.values(), key=lambda m: (len(shared[m.table]), -len(m.spec["columns"]), m.table))
        one = Described(main, {}, {})
        for column in table.columns:
            if column in own:
                one.types[column], one.about[column] = own[column]["type"], own[column]
            elif column in main.spec["columns"]:
                one.types[column], one.about[column] = types[main.table, column], main.spec["columns"][column]
            elif column in _RENAMED or column in holding:
                model, _, original = _RENAMED.get(column, f"{holding.get(column)}.{column}").rpartition(".")
                one.types[column] = types[model, original]
                # joined to the main model's lines, or to none: there, but perhaps null
                one.about[column] = {**published[model].spec["columns"][original], "not_null": False}
            else:
                raise LookupError(f"column {column} of the extract's table {name} is described in no model")
        found[name] = one
    return found


def write_tables(con: duckdb.DuckDBPyConnection, extract: Extract, folder: Path) -> dict[str, int | None]:
    """Write every table of the extract as CSV and Parquet, and the descriptor. Returns rows by file name."""
    described = describe(con, extract.tables)
    rows: dict[str, int | None] = {}
    with _in_one_thread(con):
        for name, asked in relations(con, extract):
            csv, parquet = folder / _csv_name(name, extract.tables[name]), folder / f"{name}.parquet"
            copy_csv(asked, csv, has_bom=True, in_words=_IN_WORDS)
            copy_parquet(asked, parquet, described[name].types)
            for path in (csv, parquet):
                fsync(path)
                rows[path.name] = len(extract.tables[name].rows)
    path = folder / DESCRIPTOR
    path.write_text(as_json(_package(extract, described, folder)), encoding="utf-8", newline="\n")
    fsync(path)
    return rows | {DESCRIPTOR: None}


def _csv_name(name: str, table: Table) -> str:
    """A long table's is packed: what reads CSV of that length (DuckDB, pandas, Data Package) reads it packed."""
    return f"{name}.csv.gz" if len(table.rows) >= PACKED_FROM else f"{name}.csv"


def snapshot(con: duckdb.DuckDBPyConnection, extract: Extract) -> dict[str, Any]:
    """What the database gave, whatever files it is written to: rows and digest of each table, and of all together."""
    described = describe(con, extract.tables)
    tables = {}
    for name, table in extract.tables.items():
        digest = hashlib.sha256(_line([[column, described[name].types[column]] for column in table.columns]))
        for row in table.rows:
            digest.update(_line(row))
        tables[name] = {"rows": len(table.rows), "sha256": digest.hexdigest()}
    return {"sha256": hashlib.sha256(as_json(tables).encode()).hexdigest(), "tables": tables}


def seal(path: Path) -> tuple[int, str]:
    """Bytes and sha256 of a file."""
    data = path.read_bytes()
    return len(data), hashlib.sha256(data).hexdigest()


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


def _line(values: Iterable[Any]) -> bytes:
    return _encode(list(values)).encode() + b"\n"


# ---------------------------------------------------------------- files


@contextmanager
def _in_one_thread(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """The bytes of a Parquet file depend on how many threads write it."""
    [(threads,)] = con.execute("SELECT current_setting('threads')").fetchall()
    con.execute("SET threads = 1")
    try:
        yield
    finally:
        con.execute(f"SET threads = {threads}")


# How the CSV says what is neither text nor a number.
_SENTENCES = dict.fromkeys(("in_force_as_written", "next_as_written"), " | ")  # lists of what has spaces in it
_IN_WORDS = {"VARCHAR[]": "array_to_string({}, ' ')", "TIMESTAMP": "replace({}::VARCHAR, ' ', 'T')"} | {
    column: f"array_to_string({{}}, '{delimiter}')" for column, delimiter in _SENTENCES.items()
}


# ---------------------------------------------------------------- the descriptor


def _package(extract: Extract, described: Mapping[str, Described], folder: Path) -> dict[str, Any]:
    said = {"place": extract.place, "period": extract.periods[extract.period_code],
            "day": extract.as_of_on.isoformat()}  # fmt: skip
    marking = [ILLUSTRATIVE] if extract.is_illustrative else []
    package = {
        "$schema": _STANDARD,
        "name": f"kpi57-{extract.period_code.lower()}-{extract.scope}",
        "title": " – ".join([say("package.title", place=said["place"], period=said["period"]), *marking]),
        "description": "\n\n".join([*marking, *say_each("package.about", **said)]),
        "as_of_on": said["day"],
        "is_illustrative": extract.is_illustrative,
        "resources": [
            resource
            for name, table in extract.tables.items()
            for resource in _resources(name, table, described[name], folder)
        ],
    }
    if extract.is_illustrative:  # made up by this project; whose real figures are is for their publisher to say
        package["licenses"] = [{"name": "Apache-2.0", "title": f"Apache-2.0: {ILLUSTRATIVE}"}]
    return package


def _resources(name: str, table: Table, one: Described, folder: Path) -> Iterator[dict[str, Any]]:
    text, path = f"{one.model.spec['en']} · {one.model.spec['vi']}", folder / _csv_name(name, table)
    yield {
        "name": name,
        "type": "table",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": _DIALECT,
        "description": text,
        "schema": _schema(table, one),
        **({"compression": "gz"} if path.suffix == ".gz" else {}),
        **_sealed(path),
    }
    yield {
        "name": f"{name}-parquet",
        "type": "file",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "description": say("package.parquet", table=name),
        **_sealed(folder / f"{name}.parquet"),
    }


def _sealed(path: Path) -> dict[str, Any]:
    size, sha256 = seal(path)
    return {"path": path.name, "bytes": size, "hash": f"sha256:{sha256}"}


def _schema(table: Table, one: Described) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "fields": [_field(column, one.types[column], one.about[column]) for column in table.columns],
        "missingValues": [""],
    }
    if {*one.model.spec["key"]} <= {*table.columns}:
        schema["primaryKey"] = one.model.spec["key"]
    return schema


def _field(column: str, kind: str, about: Mapping[str, Any]) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column,
        "type": _FIELD_TYPES[kind.partition("(")[0]],
        "description": f"{about['en']} · {about['vi']}",
    }
    if field["type"] == "list":
        field |= {"delimiter": _SENTENCES.get(column, " "), "itemType": "string"}
    if field["type"] == "boolean":
        field |= {"trueValues": ["true"], "falseValues": ["false"]}
    if "unit" in about:
        field["unit"] = about["unit"]
    limits: dict[str, Any] = {}
    if about.get("not_null"):
        limits["required"] = True
        if field["type"] == "string":
            field["missingValues"] = []  # an empty text is one here, not a value that is missing
    if about.get("accepted"):
        limits["enum"] = [plain(value) for value in about["accepted"]]
    return field | ({"constraints": limits} if limits else {})
