"""The one place that knows how the warehouse is attached: connections, loading rows, publishing.

A connection is short: one asset opens it, works, closes it. Readers only ever open the published copy, which is
swapped in whole. What the tables hold does not belong here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb
from filelock import FileLock, Timeout

from pipelines.home import SCHEMA, Home

PUBLISHED_SCHEMAS = ("core", "marts")
_READ_FROM = "v1.5.0"  # the oldest DuckDB that can open what is published: analysts' programs lag behind
_SEARCHED = ",".join(["build.main", *(f"built.{schema}" for schema in PUBLISHED_SCHEMAS)])
# While building, what does not fit into this memory goes to disk, so that a modest machine carries a country. Tables
# are in the order their SQL asks for, and else in none.
_BUILDING: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "3GiB", "preserve_insertion_order": False}
_SECONDS_HELD = 10  # how long a file that another program holds (Windows) is tried again to be replaced
_NOT_DAMAGED = ("Could not set lock", "Permission denied", "No space left", "Read-only file system")
_log = logging.getLogger(__name__)


class BusyError(RuntimeError):
    """Another run holds the warehouse."""


@contextmanager
def run_lock(home: Home) -> Iterator[None]:
    """Hold the warehouse for one run. Raises BusyError at once if another run holds it."""
    home.warehouse.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"another kpi57 run holds {home.shown(home.lock)}; wait until it ends") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def building(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build database, in one transaction: all of the block's work is kept, or none of it.

    Core and marts are in a file of their own (home.built), found by their names all the same. A transaction writes to
    one of the two.
    """
    with _opened(home) as con:
        con.execute("BEGIN")
        yield con
        con.execute("COMMIT")


_kept: dict[Path, duckdb.DuckDBPyConnection] | None = None  # None: every block opens and closes the database


@contextmanager
def kept_open() -> Iterator[None]:
    """Within it a build database once opened stays open: opening it and bringing it to disk is done once, not for every
    block of building(). Each block is a transaction of its own all the same."""
    global _kept
    if _kept is not None:
        yield
        return
    _kept = {}
    try:
        yield
    finally:
        for con in _kept.values():
            con.close()
        _kept = None


_EMPTY_BUILT = f"""
BEGIN;
{"".join(f"CREATE SCHEMA built.{schema};" for schema in PUBLISHED_SCHEMAS)}
CREATE TABLE built.main.model_mark (table_name VARCHAR, mark VARCHAR);
COMMENT ON TABLE built.main.model_mark IS
    'What each table was built from (kpi57''s own) · Dấu nguồn của từng bảng (dùng riêng cho kpi57)';
COMMIT;
"""


def _let_go(home: Home) -> None:
    """Close the build database, if it is kept open."""
    if _kept and home.build in _kept:
        _kept.pop(home.build).close()


@contextmanager
def _opened(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    home.warehouse.mkdir(parents=True, exist_ok=True)
    try:
        with duckdb.connect(home.build, config=_BUILDING) as con:
            con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
            con.execute(f"ATTACH IF NOT EXISTS {literal(str(home.built))} AS built (STORAGE_VERSION '{_READ_FROM}')")
            if _kept is None or home.build not in _kept:
                con.execute(SCHEMA.read_text(encoding="utf-8"))
                if not con.execute("FROM duckdb_tables() WHERE database_name = 'built'").fetchall():
                    con.execute(_EMPTY_BUILT)
                if _kept is not None:
                    _kept[home.build] = duckdb.connect(home.build, config=_BUILDING)  # a cursor would end with con
            con.execute(f"SET search_path = '{_SEARCHED}'")
            yield con
    except duckdb.Error:
        _let_go(home)  # a fatal error spoils every connection until the database is opened anew
        raise


def prepare(home: Home) -> None:
    """Make the build database fit schema.sql: one made by another version, or damaged, is thrown away, as archive and
    ledger make it again, and what was built from it is built again."""
    _let_go(home)
    if home.build.exists() and not _is_whole(home, home.build, _FITS, schema_mark()):
        discard_build(home)
    elif home.built.exists() and not _is_whole(home, home.built, "SELECT count(*) >= ? FROM main.model_mark", 0):
        discard_built(home)


_FITS = "SELECT count(*) = 1 FROM raw.build_info WHERE name = 'schema' AND value = ?"


def _is_whole(home: Home, database: Path, question: str, given: str | int) -> bool:
    """Whether a database can be opened and answers the question with yes."""
    try:
        with duckdb.connect(database) as con:
            return con.execute(question, [given]).fetchall() == [(True,)]
    except duckdb.CatalogException:
        return False  # of a version before
    except duckdb.Error as error:
        if any(words in str(error) for words in _NOT_DAMAGED):
            raise
        _log.warning("%s is damaged and is made again from archive and ledger: %s", home.shown(database), error)
        return False


def discard_build(home: Home) -> None:
    """Throw the build database away, and with it what was built from it."""
    _let_go(home)
    discard_built(home)
    _discard(home.build)


def discard_built(home: Home) -> None:
    """Throw core and marts away: built into a new file, they leave no holes in what is published."""
    _let_go(home)
    _discard(home.built)


def _discard(database: Path) -> None:
    """Remove a database, its log first, which fits no other database."""
    _log_of(database).unlink(missing_ok=True)
    database.unlink(missing_ok=True)


def schema_mark() -> str:
    """sha256 of schema.sql: which schema a build database was made with."""
    return hashlib.sha256(SCHEMA.read_bytes()).hexdigest()


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory, with the tables of schema.sql."""
    with duckdb.connect() as con:
        con.execute(SCHEMA.read_text(encoding="utf-8"))
        yield con


# For SQL that a person typed: it can read and write no file, load nothing, and see no variable of this program.
_SEALED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}


@contextmanager
def reading(home: Home, *, sealed: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database, read-only. Raises FileNotFoundError with what to do if there is none.

    sealed: SQL asked here reaches nothing but this database, and cannot change that.
    """
    if not home.published.exists():
        raise FileNotFoundError(f"no published warehouse at {home.published}: run 'kpi57 run' first")
    with duckdb.connect(home.published, read_only=True, config=_SEALED if sealed else {}) as con:
        con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
        if sealed:
            con.execute("SET lock_configuration = true")
        yield con


class Published(Protocol):
    """What publishing needs to know of a model (build.Model)."""

    @property
    def table(self) -> str: ...
    @property
    def spec(self) -> Mapping[str, Any]: ...
    @property
    def parameters(self) -> list[str]: ...
    @property
    def is_view(self) -> bool: ...
    @property
    def definition(self) -> str: ...


def publish(home: Home, models: Sequence[Published]) -> dict[str, int]:
    """Copy what was built and swap the copy in. Returns rows by table. Raises duckdb.Error if a model is not built."""
    with _opened(home) as con:
        rows = {model.table: count(con, model.table) for model in models if not model.parameters and not model.is_view}
        con.execute("CHECKPOINT built")  # all of it in the one file, or an error: closing would not say
        con.execute("SET search_path = 'build.main'")
        con.execute("DETACH built")  # Windows copies no file that is open for writing
    new = home.published.with_name(".kpi.duckdb.new")
    _log_of(new).unlink(missing_ok=True)
    shutil.copyfile(home.built, new)
    _log_of(home.published).unlink(missing_ok=True)  # of a reader who wrote: it does not belong to the new copy
    swap_in(new, home.published)
    return rows


def has_log(database: Path) -> bool:
    """Whether somebody who wrote to a database left a log beside it."""
    return _log_of(database).exists()


def _log_of(database: Path) -> Path:
    """DuckDB's write-ahead log beside a database."""
    return database.with_name(f"{database.name}.wal")


def publish_again(home: Home, model: Published, given: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Make one table of the published copy anew, from the rows of the tables it reads; all else stays as it was
    published. For what is known only after publishing."""
    new = home.published.with_name(".kpi.duckdb.new")
    _log_of(new).unlink(missing_ok=True)
    shutil.copyfile(home.published, new)
    with in_memory() as con:
        for table, rows in given.items():
            replace(con, table, rows)
        con.execute(model.definition)
        con.execute(f"ATTACH {literal(str(new))} AS published")
        con.execute(f"CREATE OR REPLACE TABLE published.{model.table} AS FROM {model.table}")
        con.execute("USE published")
        describe(con, model)
        con.execute("CHECKPOINT published")
        con.execute("USE memory")
        con.execute("DETACH published")
    swap_in(new, home.published)


def describe(con: duckdb.DuckDBPyConnection, model: Published) -> None:
    """Make en and vi of a model's .yml the comments of its table and columns."""
    if model.parameters:
        con.execute(f"COMMENT ON MACRO TABLE {model.table} IS {_comment(model.spec)}")
        return
    con.execute(f"COMMENT ON {'VIEW' if model.is_view else 'TABLE'} {model.table} IS {_comment(model.spec)}")
    for column, about in model.spec["columns"].items():
        con.execute(f"COMMENT ON COLUMN {model.table}.{column} IS {_comment(about)}")


def _comment(about: Mapping[str, Any]) -> str:
    return literal(f"{about['en']} · {about['vi']}")


def literal(text: str) -> str:
    """A text as an SQL literal, where DuckDB takes no parameter (ATTACH, COMMENT)."""
    return "'" + text.replace("'", "''") + "'"


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


def swap_in(new: Path, place: Path) -> None:
    """Put a finished file in its place: on disk first, then one rename. Whoever has the old one open keeps it.

    Windows lets no file be replaced that somebody has open: tried again for some seconds, then PermissionError says
    what to do; the old one stays whole.
    """
    fsync(new)
    until = time.monotonic() + _SECONDS_HELD
    while True:
        try:
            new.replace(place)
            break
        except PermissionError as error:
            if time.monotonic() > until:
                raise PermissionError(
                    error.errno, f"cannot be replaced; close the program that has it open, and run again ({error})",
                    str(place)) from error  # fmt: skip
            time.sleep(0.25)
    fsync(place.parent)


def write_whole(place: Path, text: str) -> None:
    """Write a text file so that readers see the old one or the new one, never half of it."""
    new = place.with_name(f".{place.name}.new")
    new.write_text(text, encoding="utf-8", newline="\n")
    swap_in(new, place)


def fsync(path: Path) -> None:
    """Force a file or a folder to disk (folders only where the system can)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
