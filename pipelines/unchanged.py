"""Whether a model would come out as it stands: then it is neither built nor checked again, and nothing is published.

A model's mark is a hash of what it is made from: its own files, the versions at work, and the marks of what it reads,
down to the tables that Python writes. It stands beside the model, written in the same transaction, and only where no
check found what stops the publishing. How a model is built does not belong here (build.py).
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import build, warehouse
from pipelines.build import Check, Model, models, offending
from pipelines.home import Home
from pipelines.warehouse import PUBLISHED_SCHEMAS, building, count, get_info, reading, schema_mark

_CODE = [Path(module.__file__) for module in (build, warehouse) if module.__file__]


class Done(NamedTuple):
    """What became of a model: its rows, whether it stands as it was built, and what the checks asked now found."""

    rows: int
    stands: bool
    outcomes: list[tuple[Check, int, list[str]]]


def mark(con: duckdb.DuckDBPyConnection, table: str, known: dict[str, str] | None = None) -> str:
    """The mark of a model or of a table that Python writes, as it would be built now."""
    known = {} if known is None else known
    if table not in known:
        model = {one.table: one for one in models()}.get(table)
        said = _of_model(con, model, known) if model else _of_raw(con, table)
        known[table] = hashlib.sha256("\n".join(said).encode()).hexdigest()
    return known[table]


def _of_model(con: duckdb.DuckDBPyConnection, model: Model, known: dict[str, str]) -> list[str]:
    spec = json.dumps(model.spec, sort_keys=True, default=str)
    code = [hashlib.sha256(path.read_bytes()).hexdigest() for path in _CODE]
    read = [f"{table} {mark(con, table, known)}" for table in sorted(model.depends)]
    return [model.table, model.sql, spec, duckdb.__version__, version("kpi57"), schema_mark(), *code, *read]


def _of_raw(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """What Python writes is a function of the sources and of the ledger's first lines, and only grows: under one
    fingerprint as many rows are the same rows."""
    if table == "raw.build_info":
        return [f"{name} {value}" for name, value in con.execute(f"FROM {table} ORDER BY ALL").fetchall()]
    return [table, str(get_info(con, "fingerprint")), str(count(con, table))]


def build_if_changed(con: duckdb.DuckDBPyConnection, model: Model) -> Done:
    """Build a model and run its checks, if anything it is made from changed. Where it stands as it was built, only the
    checks that warn are asked again: what they find is said in every run, and the others found nothing."""
    place = _place(model)
    now = mark(con, model.table)
    if con.execute(f"SELECT mark FROM {place} WHERE table_name = ?", [model.table]).fetchall() == [(now,)]:
        rows = 0 if model.parameters or model.is_view else count(con, model.table)
        return Done(
            rows, True, [(check, *offending(con, check)) for check in model.checks if check.severity != "error"]
        )
    con.execute(f"DELETE FROM {place} WHERE table_name = ?", [model.table])
    rows = build.build(con, model)
    outcomes = [(check, *offending(con, check)) for check in model.checks]
    if not any(bad for check, bad, _ in outcomes if check.severity == "error"):
        con.execute(f"INSERT INTO {place} VALUES (?, ?)", [model.table, now])
    return Done(rows, False, outcomes)


def _place(model: Model) -> str:
    """Where a model's mark stands: in the file the model is in."""
    return "built.main.model_mark" if model.table.split(".")[0] in PUBLISHED_SCHEMAS else "build.raw.model_mark"


def has_other_models(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether something stands built that is no model any more."""
    return bool(_marks(con, "built.main.model_mark").keys() - {model.table for model in models()})


def is_published(home: Home) -> bool:
    """Whether the published copy is what is built, whole and with nothing beside it."""
    try:
        with reading(home) as con:
            there = _marks(con, "main.model_mark")
    except (FileNotFoundError, duckdb.Error):
        return False
    with building(home) as con:
        built = _marks(con, "built.main.model_mark")
    wanted = {model.table for model in models() if model.table.split(".")[0] in PUBLISHED_SCHEMAS}
    return there == built and built.keys() == wanted and not warehouse.has_log(home.published)


def _marks(con: duckdb.DuckDBPyConnection, place: str) -> dict[str, str]:
    return dict(con.execute(f"FROM {place}").fetchall())
