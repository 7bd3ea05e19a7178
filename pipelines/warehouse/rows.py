"""Rows in and out of tables, and their comments. Connections are in database.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb


def literal(text: str) -> str:
    """A text as an SQL literal, where DuckDB takes no parameter (ATTACH, COMMENT)."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def columns_of(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column names and types of 'schema.table', in order."""
    try:
        rows = con.execute(f"DESCRIBE {table}").fetchall()
    except duckdb.CatalogException:
        raise LookupError(f"no table {table}") from None
    return {row[0]: row[1] for row in rows}


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append rows (dicts with the table's column names; dates, decimals as text; None is NULL). Returns how many."""
    if not rows:
        return 0
    columns = columns_of(con, table)
    unknown = set(rows[0]) - set(columns)
    if unknown:
        raise LookupError(f"{table} has no column {', '.join(sorted(unknown))}")
    # One JSON list a column costs half of one of objects. A JSON value stays text in it, and is read on its way in.
    types = {n: "VARCHAR" if t == "JSON" else t for n, t in columns.items() if n in rows[0]}
    lists = [json.dumps([row.get(name) for row in rows], ensure_ascii=False, default=str) for name in types]
    parts = ", ".join(f"unnest(from_json(?, {literal(json.dumps([t]))})) AS {name}" for name, t in types.items())
    con.execute(f"INSERT INTO {table} BY NAME SELECT {parts}", lists)
    return len(rows)


def replace(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Make the table hold exactly these rows. Returns how many."""
    con.execute(f"DELETE FROM {table}")
    return insert(con, table, rows)


def count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0


def dicts(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query, each by column name."""
    cursor = con.execute(sql, parameters)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def get_info(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    found = con.execute("SELECT value FROM raw.build_info WHERE name = ?", [name]).fetchone()
    return str(found[0]) if found else None


def set_info(con: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    con.execute("DELETE FROM raw.build_info WHERE name = ?", [name])
    con.execute("INSERT INTO raw.build_info VALUES (?, ?)", [name, value])
