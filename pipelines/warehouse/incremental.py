"""Whether a model is up to date: then it is neither built nor checked again, and nothing is published.

A model's mark is a hash of what it is made from: its own files, the versions in use, the values it is given, and the
marks of what it reads, which are known first, as models are built after what they read. A value is part of the mark,
the tables it was queried from are not: a model given the date of the last change is not rebuilt on a quiet day. The
mark is kept beside the model, written in the same transaction, and only where no blocking check failed. How a model
is built does not belong here (models.py).
"""

from __future__ import annotations

import hashlib
import json
import logging
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

import duckdb

from pipelines.home import Home
from pipelines.made_with import digest_of_code
from pipelines.warehouse.database import PUBLISHED_SCHEMAS, building, reading, schema_mark
from pipelines.warehouse.models import Check, Model, build, models, offending
from pipelines.warehouse.published_copy import is_untouched
from pipelines.warehouse.publishing import has_log
from pipelines.warehouse.rows import columns_of, count, get_info
from pipelines.warehouse.segments import segments_mark

_log = logging.getLogger(__name__)


class Done(NamedTuple):
    """The result for a model: its rows, whether it was kept unchanged, and what the checks run now found."""

    rows: int
    stands: bool
    outcomes: list[tuple[Check, int, list[str]]]


class _Marks:
    """The marks within one transaction: those kept beside the models that were built, and those of what Python writes,
    each asked for once."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self.kept = _marks(con, "build.raw.model_mark") | _marks(con, "built.main.model_mark")
        self._of_raw: dict[str, str] = {}
        self._segments = ""

    def of(self, table: str) -> str | None:
        if _is_model(table):
            return self.kept.get(table)
        if table not in self._of_raw:
            self._of_raw[table] = self._ask(table)
        return self._of_raw[table]

    def _ask(self, table: str) -> str:
        """What Python writes: the registry is a function of the editions met, what files said of the segments loaded
        and of the ledger's first lines, which only grow but for the changes that are counted: as many rows are the same
        rows."""
        con = self.con
        if table in ("raw.build_info", "raw.set_aside"):
            return str(con.execute(f"FROM {table} ORDER BY ALL").fetchall())
        if _is_of_sources(con, table):
            return str(con.execute("FROM raw.edition ORDER BY ALL").fetchall())
        self._segments = self._segments or f"{segments_mark(con)} {get_info(con, 'changes')}"
        return f"{self._segments} {count(con, table)}"

    def now(self, model: Model) -> str | None:
        """The mark of a model as it would be built now, after what it reads; None where something it reads, or is given
        a value from, has none."""
        if any(self.of(table) is None for table in model.depends if _is_model(table)):
            return None
        read = {table: self.of(table) for table in _read(model)}
        given = {name: str(self.con.execute(query).fetchall()) for name, query in model.given.items()}
        spec = json.dumps(model.spec, sort_keys=True, default=str)
        found = [f"{name} {of}" for name, of in sorted((read | given).items())]
        said = [model.table, model.sql, spec, *_versions(), *found]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _read(model: Model) -> frozenset[str]:
    return (model.made_from | model.compared) - {model.table}


@cache
def _versions() -> tuple[str, ...]:
    """What every model depends on: DuckDB, this package, the tables that Python writes, and how models are built."""
    return (duckdb.__version__, version("kpi57"), schema_mark(), digest_of_code("models"))


def made_of_sources(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The models made from what sources/ said alone: no file changes them."""
    found: set[str] = set()
    for model in models():
        if all(table in found if _is_model(table) else _is_of_sources(con, table) for table in _read(model)):
            found.add(model.table)
    return found


def _is_of_sources(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a table that Python writes holds what editions of sources/ said."""
    return table == "raw.status" or "known_from" in columns_of(con, table)


def outdated(con: duckdb.DuckDBPyConnection) -> list[Model]:
    """The models that are not built, or not from what there is now, and those made from them; in the order to build."""
    marks, found = _Marks(con), dict[str, Model]()
    for model in models():
        if _read(model) & found.keys() or marks.kept.get(model.table, "") != marks.now(model):
            found[model.table] = model
    return list(found.values())


def build_if_changed(con: duckdb.DuckDBPyConnection, model: Model) -> Done:
    """Build a model and run its checks, if anything it is made from changed. Where it is unchanged, only the
    checks that warn run again: every run reports what they find, and the others found nothing."""
    place, marks = _place(model.table), _Marks(con)
    now = marks.now(model)
    if now and marks.kept.get(model.table) == now:
        rows = 0 if model.parameters or model.is_view else count(con, model.table)
        return Done(
            rows, True, [(check, *offending(con, check)) for check in model.checks if check.severity != "error"]
        )
    con.execute(f"DELETE FROM {place} WHERE table_name = ?", [model.table])
    rows = build(con, model)
    outcomes = [(check, *offending(con, check)) for check in model.checks]
    if now and not any(bad for check, bad, _ in outcomes if check.severity == "error"):
        con.execute(f"INSERT INTO {place} VALUES (?, ?)", [model.table, now])
    return Done(rows, False, outcomes)


def _is_model(table: str) -> bool:
    return table.split(".")[0] in ("staged", *PUBLISHED_SCHEMAS)


def _place(table: str) -> str:
    """Where a model's mark is kept: in the file the model is in."""
    return "built.main.model_mark" if table.split(".")[0] in PUBLISHED_SCHEMAS else "build.raw.model_mark"


def has_other_models(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether something built is left that is no longer a model."""
    return bool(_marks(con, "built.main.model_mark").keys() - {model.table for model in models()})


def is_published(home: Home) -> bool:
    """Whether the published copy is what is built, as it was published and with nothing beside it."""
    try:
        with reading(home) as con:
            there = _marks(con, "main.model_mark")
    except (FileNotFoundError, duckdb.Error):
        return False
    with building(home) as con:
        built = _marks(con, "built.main.model_mark")
    wanted = {model.table for model in models() if model.table.split(".")[0] in PUBLISHED_SCHEMAS}
    if there != built or built.keys() != wanted or has_log(home.published):
        return False
    if is_untouched(home):
        return True
    _log.warning("%s was altered since it was published: it is published again", home.shown(home.published))
    return False


def _marks(con: duckdb.DuckDBPyConnection, place: str) -> dict[str, str]:
    return dict(con.execute(f"FROM {place}").fetchall())
