"""Answers of queries as files, written by DuckDB: CSV, JSON and Parquet.

What is asked belongs to the callers (analysts/query.py, bundles/data_package.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from duckdb import DuckDBPyRelation
from duckdb.sqltypes import DuckDBPyType

from pipelines.files import FORMULA_STARTS
from pipelines.warehouse.rows import identifier, literal

_BOM = "\ufeff"
_FORMULA = f"^[{re.escape(''.join(FORMULA_STARTS))}]"
_ROW_GROUP = 122_880  # fixed, as the bytes of a Parquet file depend on it
_NO_TEXT = {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
            "uhugeint", "decimal", "float", "double", "boolean", "date", "time", "timestamp"}  # fmt: skip


def copy_csv(
    asked: DuckDBPyRelation, path: Path, *, has_bom: bool = False, in_words: Mapping[str, str] | None = None
) -> None:
    """RFC 4180, UTF-8; null is empty, and a text that looks like a formula has ' before it, so that it stays text.

    has_bom: as Excel opens it with its accents. in_words: by type or column, the SQL for a value ({}) that is said
    otherwise.
    """
    names = [_BOM * (has_bom and number == 0) + name for number, name in enumerate(asked.columns)]
    columns = [
        f"{_guarded(name, kind, in_words or {})} AS {identifier(shown)}"
        for name, kind, shown in zip(asked.columns, asked.types, names, strict=True)
    ]
    _copy(asked, ", ".join(columns), path, r"FORMAT csv, NEW_LINE '\r\n'")


def copy_json(asked: DuckDBPyRelation, path: Path) -> None:
    """A list of objects, one a line; what is no number (NaN, infinity), which JSON lacks, is null."""
    columns = [
        f"CASE WHEN isfinite({identifier(name)}) THEN {identifier(name)} END AS {identifier(name)}"
        if kind.id in ("float", "double")
        else identifier(name)
        for name, kind in zip(asked.columns, asked.types, strict=True)
    ]
    _copy(asked, ", ".join(columns), path, "FORMAT json, ARRAY true")


def copy_parquet(asked: DuckDBPyRelation, path: Path, types: Mapping[str, str]) -> None:
    """As columns of these types, texts as they are. The same bytes for the same rows where the connection has one
    thread."""
    now = dict(zip(asked.columns, map(str, asked.types), strict=True))
    other = [f"{identifier(name)}::{kind} AS {identifier(name)}" for name, kind in types.items() if now[name] != kind]
    columns = f"* REPLACE ({', '.join(other)})" if other else "*"
    _copy(asked, columns, path, f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}")


def _guarded(name: str, kind: DuckDBPyType, in_words: Mapping[str, str]) -> str:
    """A column for a CSV: Excel runs a text that begins like a formula."""
    otherwise = in_words.get(name) or in_words.get(str(kind))
    if kind.id in _NO_TEXT and not otherwise:
        return identifier(name)
    text = (otherwise or ("{}" if kind.id == "varchar" else "{}::VARCHAR")).format(identifier(name))
    return f"regexp_replace({text}, {literal(_FORMULA)}, {literal(chr(39) + chr(92) + '0')})"


def _copy(asked: DuckDBPyRelation, columns: str, path: Path, options: str) -> None:
    """Straight into the file: the callers put it in its place when it is finished."""
    sql = f"COPY (SELECT {columns} FROM asked) TO {literal(str(path))} ({options}, USE_TMP_FILE false)"
    asked.query("asked", sql)
