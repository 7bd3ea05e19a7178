"""The one place that knows how the warehouse is attached: connections, loading rows, publishing.

A connection is short: one asset opens it, works, closes it. Readers only ever open the published copy, which is
swapped in whole. What the tables hold does not belong here.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from pipelines.home import SCHEMA, Home
from pipelines.shared_ledger import shared_ledger
from pipelines.warehouse.rows import literal

PUBLISHED_SCHEMAS = ("core", "marts")
_READ_FROM = "v1.2.0"  # the format of what is published: DuckDB 1.4 LTS, 1.5 and what is built on them open it
_SEARCHED = ",".join(["build.main", *(f"built.{schema}" for schema in PUBLISHED_SCHEMAS)])
# While building, what does not fit into this memory goes to disk, so that a modest machine carries a country. Tables
# are in the order their SQL asks for, and else in none.
_BUILDING: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "3GiB", "preserve_insertion_order": False}
_NOT_DAMAGED = ("Could not set lock", "Permission denied", "No space left", "Read-only file system")
_log = logging.getLogger(__name__)


class BusyError(RuntimeError):
    """Another run holds the warehouse."""


@contextmanager
def run_lock(home: Home) -> Iterator[None]:
    """Hold the warehouse for one run, against other machines too where its ledger is in PostgreSQL. Raises BusyError at
    once if another run holds it."""
    for folder in (home.warehouse, home.working):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"another kpi57 run holds {home.shown(home.lock)}; wait until it ends") from None
    shared = shared_ledger(home.place)
    try:
        with shared.held() if shared else nullcontext(True) as is_ours:
            if not is_ours:
                raise BusyError(f"another machine is at work at '{home.place}'; wait until it ends")
            yield
    finally:
        lock.release()


@contextmanager
def building(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build database, in one transaction: all of the block's work is kept, or none of it.

    Core and marts are in a file of their own (home.built), found by their names all the same. A transaction writes to
    one of the two.
    """
    with opened(home) as con:
        con.execute("BEGIN")
        yield con
        con.execute("COMMIT")


# Connections that no block uses now, by their build database; None: every block opens and closes the database.
_kept: dict[Path, duckdb.DuckDBPyConnection] | None = None


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


def let_go(home: Home) -> None:
    """Close the build database, if it is kept open."""
    if _kept and home.build in _kept:
        _kept.pop(home.build).close()


@contextmanager
def opened(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    home.working.mkdir(parents=True, exist_ok=True)
    try:
        idle = _kept.pop(home.build, None) if _kept else None
        con = idle or _connect(home)
        try:
            yield con
        except BaseException:
            con.close()  # what it has not committed is undone
            raise
    except duckdb.Error:
        let_go(home)  # a fatal error spoils every connection until the database is reopened
        raise
    if _kept is None or home.build in _kept:
        con.close()
    else:
        _kept[home.build] = con


def _connect(home: Home) -> duckdb.DuckDBPyConnection:
    """A connection to the build database, with core and marts attached and every table there."""
    con = duckdb.connect(home.build, config=_BUILDING)
    try:
        con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
        made = "" if home.built.exists() else f"(STORAGE_VERSION '{_READ_FROM}')"
        con.execute(f"ATTACH IF NOT EXISTS {literal(str(home.built))} AS built {made}")
        con.execute(SCHEMA.read_text(encoding="utf-8"))
        if not con.execute("FROM duckdb_tables() WHERE database_name = 'built'").fetchall():
            con.execute(_EMPTY_BUILT)
        con.execute(f"SET search_path = '{_SEARCHED}'")
    except BaseException:
        con.close()
        raise
    return con


def prepare(home: Home) -> None:
    """Make the build database fit schema.sql: one made by another version, or damaged, is deleted, as archive and
    ledger make it again, and what was built from it is built again."""
    let_go(home)
    if home.build.exists() and not _is_whole(home, home.build, _FITS, schema_mark()):
        discard_build(home)
    elif home.built.exists() and not _is_whole(home, home.built, _OPENS, f"{_READ_FROM}+"):
        discard_built(home)


_OPENS = """
SELECT tags['storage_version'] = ? AND (SELECT count(*) FROM main.model_mark) >= 0
FROM duckdb_databases() WHERE database_name = current_database()
"""
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
    """Delete the build database, and with it what was built from it."""
    let_go(home)
    discard_built(home)
    _discard(home.build)


def discard_built(home: Home) -> None:
    """Delete core and marts: built into a new file, they leave no holes in what is published."""
    let_go(home)
    _discard(home.built)


def keep_of_built(home: Home, tables: Collection[str]) -> None:
    """Delete core and marts but for some tables, which are copied into a new file: it has no holes either."""
    new = home.built.with_name(f".{home.built.name}.new")
    _discard(new)  # of a run that was cut off
    with opened(home) as con:
        con.execute("BEGIN")
        for kind, of in (("MACRO TABLE", "function"), ("VIEW", "view"), ("TABLE", "table")):
            for schema, name in con.execute(
                f"SELECT schema_name, {of}_name FROM duckdb_{of}s() WHERE database_name = 'built' "
                "AND list_contains(?, schema_name)", [list(PUBLISHED_SCHEMAS)]).fetchall():  # fmt: skip
                if f"{schema}.{name}" not in tables:
                    con.execute(f"DROP {kind} built.{schema}.{name}")
                    con.execute("DELETE FROM built.main.model_mark WHERE table_name = ?", [f"{schema}.{name}"])
        con.execute("COMMIT")
        con.execute(f"ATTACH {literal(str(new))} AS fresh (STORAGE_VERSION '{_READ_FROM}')")
        con.execute("COPY FROM DATABASE built TO fresh")
        con.execute("DETACH fresh")
    discard_built(home)
    new.replace(home.built)


def _discard(database: Path) -> None:
    """Remove a database, its log first, which fits no other database."""
    log_of(database).unlink(missing_ok=True)
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
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}


@contextmanager
def reading(home: Home, *, sealed: bool = False, writes: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database, read-only. Raises FileNotFoundError with what to do if there is none.

    sealed: SQL asked here reaches nothing but this database, and cannot change that. writes: the one file that may be
    written all the same, for the answer.
    """
    if not home.published.exists():
        raise FileNotFoundError(f"no published warehouse at {home.published}: run 'kpi57 run' first")
    with _open_published(home, _SEALED if sealed else {}) as con:
        con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
        con.execute("SET enable_progress_bar = false")  # DuckDB takes a worker process for somebody at a prompt
        if sealed:
            con.execute(f"SET allowed_paths = [{literal(str(writes)) if writes else ''}]")
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
        yield con


@contextmanager
def reading_newest(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published database for a program that reads while runs publish: the copy there is at this moment.

    DuckDB gives a process that has a path open the database it opened first, also where another file has been swapped
    in since. So each has a database of its own in memory, to which the copy is attached. Raises FileNotFoundError.
    """
    if not home.published.exists():
        raise FileNotFoundError(f"no published warehouse at {home.published}: run 'kpi57 run' first")
    while True:
        before = _identity(home.published)
        with duckdb.connect(config={"threads": 1}) as con:
            try:
                con.execute(f"ATTACH {literal(str(home.published))} AS published (READ_ONLY)")
            except duckdb.Error:
                if _identity(home.published) == before:
                    raise
                continue
            if _identity(home.published) != before:
                continue
            con.execute("USE published")
            con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
            yield con
            return


def _open_published(home: Home, config: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """DuckDB 2.0 opens a file by its name three times while it connects: the header of one copy could be read with the
    blocks of the next, where a run swaps it in between. Opened again then."""
    while True:
        before = _identity(home.published)
        try:
            con = duckdb.connect(home.published, read_only=True, config=config)
        except duckdb.Error:
            if _identity(home.published) == before:
                raise
            continue
        if _identity(home.published) == before:
            return con
        con.close()


def _identity(file: Path) -> tuple[int, int, int]:
    """Tells a file from one that took its place, under the same number too."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def log_of(database: Path) -> Path:
    """DuckDB's write-ahead log beside a database."""
    return database.with_name(f"{database.name}.wal")


# ---------------------------------------------------------------- homes of version 0.1.0


def keep_earlier_build(home: Home) -> None:
    """Keep a build database of version 0.1.0 aside, before it is deleted as one that does not fit."""
    if home.build.exists() and not home.earlier_build.exists() and _version_in(home.build) == "0.1.0":
        let_go(home)
        home.build.replace(home.earlier_build)


def earlier_version(home: Home) -> str | None:
    """The version that built the database kept aside, or None where there is none."""
    return _version_in(home.earlier_build) if home.earlier_build.exists() else None


def _version_in(database: Path) -> str | None:
    try:
        with duckdb.connect(database, read_only=True) as con:
            found = con.execute("SELECT value FROM raw.build_info WHERE name = 'version'").fetchone()
    except duckdb.Error:
        return None  # damaged, or none of ours: it can say nothing
    return str(found[0]) if found else None


def attach_earlier(home: Home, con: duckdb.DuckDBPyConnection) -> None:
    """Attach the database kept aside, read-only, as 'earlier'."""
    con.execute(f"ATTACH IF NOT EXISTS {literal(str(home.earlier_build))} AS earlier (READ_ONLY)")


@contextmanager
def reading_earlier(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse in memory, with the database kept aside attached as 'earlier'."""
    with opened(home) as con:
        con.execute("DETACH DATABASE IF EXISTS earlier")  # a run that takes it over has it attached
    with in_memory() as con:
        attach_earlier(home, con)
        yield con
