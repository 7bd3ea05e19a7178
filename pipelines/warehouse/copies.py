"""Answers of queries as files, written by DuckDB: CSV, JSON and Parquet.

What is asked belongs to the callers (analysts/query.py, bundles/data_package.py).
"""

from __future__ import annotations

from pathlib import Path

from duckdb import DuckDBPyRelation

from pipelines.files import FORMULA_STARTS
from pipelines.warehouse.rows import identifier, literal

_BOM = "\ufeff"
_ROW_GROUP = 122_880  # fixed, as the bytes of a Parquet file depend on it
_NUMBERS = {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
            "uhugeint", "decimal", "float", "double"}  # fmt: skip


def copy_csv(asked: DuckDBPyRelation, path: Path, *, has_bom: bool = False) -> None:
    """RFC 4180, UTF-8; null is empty, and a text that looks like a formula has ' before it, so that it stays text.

    has_bom: as Excel opens it with its accents.
    """
    columns = [
        f"{_guarded(name, kind.id)} AS {identifier(_BOM + name if has_bom and not number else name)}"
        for number, (name, kind) in enumerate(zip(asked.columns, asked.types, strict=True))
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


def copy_parquet(asked: DuckDBPyRelation, path: Path) -> None:
    """Typed, texts as they are. The same bytes for the same rows where the connection has one thread."""
    _copy(asked, "*", path, f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}")


def _guarded(name: str, kind: str) -> str:
    """A column for a CSV: Excel runs a text that begins like a formula."""
    if kind in _NUMBERS:
        return identifier(name)
    text = f"{identifier(name)}::VARCHAR"
    starts = ", ".join(f"chr({ord(letter)})" for letter in FORMULA_STARTS)
    return f"CASE WHEN left({text}, 1) IN ({starts}) THEN '''' || {text} ELSE {text} END"


def _copy(asked: DuckDBPyRelation, columns: str, path: Path, options: str) -> None:
    """Straight into the file: the callers put it in its place when it is finished."""
    sql = f"COPY (SELECT {columns} FROM asked) TO {literal(str(path))} ({options}, USE_TMP_FILE false)"
    asked.query("asked", sql)
