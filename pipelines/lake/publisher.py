"""A process of its own that works in the lake: the DuckDB it runs with is the one that has DuckLake as a package.

Started by process.py with that DuckDB first on the path; given one JSON object, it says one. It goes when the DuckDB of
the project has ducklake, postgres and httpfs as packages.

What is known of faults upstream, and what avoids them here:
- concurrent queries of one process spoil its PostgreSQL connection (duckdb-postgres 577): one connection a process;
- deletes and compactions of two writers may both be committed (ducklake 1094), concurrent CREATE OR REPLACE fails or
  crashes (1248, 1283): whoever deletes, replaces or tidies holds the run lock of the one home whose lake it is;
- no COMMENT ON MACRO, none on columns of views: those two are left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines.intake.ledger import NO_HEAD, head_after
from pipelines.warehouse.rows import columns_of, count, dicts, identifier, literal

SCHEMAS = ("core", "marts")
_WRITTEN_ANEW = 0.5  # share of differing rows from which on a table is written anew
_MARKS = "lake.main.published"  # what the lake holds: of each table a digest, and the ledger that it is of
_BUILD = "SELECT * REPLACE (as_of_on::VARCHAR AS as_of_on) FROM published.core.dim_build"


class Refused(Exception):  # noqa: N818 - said to a person, and no fault of the program
    """What is asked would spoil the lake; the message says why and what to do."""


class Source(NamedTuple):
    """Catalogue, table and key of something published."""

    table: str
    key: list[str]
    definition: str  # of a view or macro; '' for a table
    comment: str
    comments: dict[str, str]

    @property
    def here(self) -> str:
        return f"published.{self.table}"

    @property
    def there(self) -> str:
        return f"lake.{self.table}"

    @property
    def described(self) -> str:
        """A digest of what is said of it."""
        return hashlib.sha256(json.dumps([self.comment, self.comments]).encode()).hexdigest()


def connect(lake: str, data_path: str, *, is_read_only: bool) -> duckdb.DuckDBPyConnection:
    """A database in memory with the lake attached. Nothing is downloaded: extensions come out of their packages."""
    con = duckdb.connect()
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    con.execute(f"SET temp_directory = {literal(str(Path(tempfile.gettempdir(), f'kpi57-lake-{os.getpid()}')))}")
    con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
    wanted = ["ducklake", *(["postgres_scanner"] if "postgres:" in lake else []),
              *(["httpfs"] if "://" in data_path else [])]  # fmt: skip
    for name in wanted:
        con.execute(f"LOAD {literal(str(_extension(name)))}")
    if data_path.startswith("s3://"):
        con.execute(f"CREATE SECRET (TYPE s3, {', '.join(_s3_settings())})")
    options = [*([f"DATA_PATH {literal(data_path)}"] if data_path else []), *(["READ_ONLY"] if is_read_only else [])]
    con.execute(f"ATTACH {literal(lake)} AS lake" + (f" ({', '.join(options)})" if options else ""))
    return con


def _extension(name: str) -> Path:
    found = find_spec(f"duckdb_extension_{name}")
    if found is None or found.origin is None:
        raise Refused(f"duckdb-extension-{name.replace('_', '-')} is not installed: make .venv/lake.done")
    return Path(found.origin).with_name("extensions") / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def _s3_settings() -> Iterator[str]:
    """As every program of AWS takes them from the environment."""
    for option, name in (("KEY_ID", "AWS_ACCESS_KEY_ID"), ("SECRET", "AWS_SECRET_ACCESS_KEY"),
                         ("SESSION_TOKEN", "AWS_SESSION_TOKEN"), ("REGION", "AWS_REGION")):  # fmt: skip
        if value := os.environ.get(name):
            yield f"{option} {literal(value)}"
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        scheme, _, place = endpoint.rpartition("://")
        yield f"ENDPOINT {literal(place)}, URL_STYLE 'path', USE_SSL {str(scheme != 'http').lower()}"


# ---------------------------------------------------------------- publishing


def publish(con: duckdb.DuckDBPyConnection, asked: dict[str, Any]) -> dict[str, Any]:
    """Make the lake hold what the published copy holds, in one transaction: one snapshot, of what differs alone."""
    sources = [Source(**one) for one in asked["sources"]]
    con.execute(f"ATTACH {literal(asked['published'])} AS published (READ_ONLY)")
    con.execute("USE lake")
    [build] = dicts(con, _BUILD)
    con.execute("BEGIN")
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{schema}")
    con.execute(f"CREATE TABLE IF NOT EXISTS {_MARKS} (name VARCHAR, mark VARCHAR)")
    marks: dict[str, str] = dict(con.execute(f"FROM {_MARKS}").fetchall())
    if not asked["replace"]:
        _insist_on_the_same_ledger(marks.get("ledger"), build, Path(asked["ledger"]))
    now = {"ledger": f"{build['ledger_entries']} {build['ledger_head']}"}
    written: dict[str, int] = {}
    for source in sources:
        now[source.table] = source.definition or f"{_digest(con, source.here)} {source.described}"
        if marks.get(source.table) != now[source.table]:
            written[source.table] = _write(con, source, is_there=source.table in marks)
            if marks.get(source.table, "").rpartition(" ")[2] != source.described:
                _describe(con, source)
    for gone in marks.keys() - now.keys():
        kind = "MACRO TABLE" if "MACRO" in marks[gone] else "VIEW" if "VIEW" in marks[gone] else "TABLE"
        con.execute(f"DROP {kind} IF EXISTS lake.{gone}")
    if changed := {name for name in marks.keys() | now.keys() if marks.get(name) != now.get(name)}:
        con.execute(f"DELETE FROM {_MARKS} WHERE name IN ({', '.join(map(literal, sorted(changed)))})")
        con.executemany(f"INSERT INTO {_MARKS} VALUES (?, ?)", [[n, now[n]] for n in sorted(changed & now.keys())])
        message = (f"{build['as_of_on']}, ledger {build['ledger_entries']} {str(build['ledger_head'])[:12]}, "
                   f"kpi57 {build['built_by']}")  # fmt: skip
        extra = json.dumps(build, ensure_ascii=False)
        con.execute(f"CALL lake.set_commit_message('kpi57', {literal(message)}, extra_info => {literal(extra)})")
        con.execute("COMMIT")
    else:
        con.execute("ROLLBACK")
    return {"snapshot": _newest(con), "ledger_head": build["ledger_head"], "as_of_on": build["as_of_on"],
            "written": written, "tables": len(sources)}  # fmt: skip


def _insist_on_the_same_ledger(there: str | None, build: dict[str, Any], ledger: Path) -> None:
    """The lake goes on from what it holds: an earlier state, or that of another home, does not take its place."""
    entries, head = there.split() if there else ("0", NO_HEAD)
    if int(entries) > build["ledger_entries"] or head != _head_at(ledger, int(entries)):
        raise Refused(
            f"the lake holds what another home published, or this one with {entries} entries of its ledger (here "
            f"{build['ledger_entries']}): if it shall be replaced, kpi57 lake publish --replace"
        )


def _head_at(ledger: Path, entries: int) -> str:
    """The head after so many lines of a ledger."""
    head = NO_HEAD
    for _, line in zip(range(entries), ledger.read_bytes().splitlines(), strict=False):
        head = head_after(head, line)
    return head


def _digest(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Rows, and their hashes added up in two ways, whatever their order; with the version of what hashes, and the
    columns."""
    columns = [f"{name} {kind}" for name, kind in columns_of(con, table).items()]
    found = con.execute(f"SELECT count(*), sum(hash(t)), bit_xor(hash(t)), hash(?) FROM {table} AS t",
                        [", ".join(columns)]).fetchone()  # fmt: skip
    return f"{duckdb.__version__} {' '.join(map(str, found or ()))}"


def _write(con: duckdb.DuckDBPyConnection, source: Source, *, is_there: bool) -> int:
    """Write a table's rows that differ, a view or a macro. Returns rows deleted and inserted."""
    if source.definition:
        con.execute(source.definition)
        return 0
    if not is_there or columns_of(con, source.here) != columns_of(con, source.there):
        return _write_anew(con, source)
    key = ", ".join(f"{identifier(name)}" for name in source.key)
    con.execute(f"CREATE OR REPLACE TEMP TABLE gone AS SELECT {key} FROM "
                f"(FROM {source.there} EXCEPT FROM {source.here})")  # fmt: skip
    con.execute(f"CREATE OR REPLACE TEMP TABLE new AS FROM {source.here} EXCEPT FROM {source.there}")
    gone, new = count(con, "temp.gone"), count(con, "temp.new")
    if gone + new > _WRITTEN_ANEW * (count(con, source.there) + 1):
        return _write_anew(con, source)
    if gone:
        same = " AND ".join(f"t.{identifier(k)} IS NOT DISTINCT FROM g.{identifier(k)}" for k in source.key)
        con.execute(f"DELETE FROM {source.there} AS t USING temp.gone AS g WHERE {same}")
    con.execute(f"INSERT INTO {source.there} FROM temp.new")
    if count(con, source.there) != count(con, source.here):
        raise RuntimeError(f"{source.table}: {count(con, source.there)} rows in the lake after writing the difference")
    return gone + new


def _write_anew(con: duckdb.DuckDBPyConnection, source: Source) -> int:
    con.execute(f"CREATE OR REPLACE TABLE {source.there} AS FROM {source.here}")
    _describe(con, source)
    return count(con, source.there)


def _describe(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    """What the table and its columns are, as comments."""
    if source.definition:
        return
    con.execute(f"COMMENT ON TABLE {source.there} IS {literal(source.comment)}")
    for name, comment in source.comments.items():
        con.execute(f"COMMENT ON COLUMN {source.there}.{identifier(name)} IS {literal(comment)}")


# ---------------------------------------------------------------- looking and tidying


def compare(con: duckdb.DuckDBPyConnection, asked: dict[str, Any]) -> dict[str, Any]:
    """In what the lake differs from the published copy, by table: every row, both ways."""
    con.execute(f"ATTACH {literal(asked['published'])} AS published (READ_ONLY)")
    con.execute("USE lake")
    differs: dict[str, str] = {}
    sources = [Source(**one) for one in asked["sources"] if "MACRO" not in one["definition"]]
    for source in sources:
        try:
            ours, theirs = columns_of(con, source.here), columns_of(con, source.there)
        except duckdb.CatalogException:
            differs[source.table] = "is not in the lake"
            continue
        if ours != theirs:
            differs[source.table] = "other columns"
            continue
        less = count(con, f"(FROM {source.here} EXCEPT ALL FROM {source.there})")
        more = count(con, f"(FROM {source.there} EXCEPT ALL FROM {source.here})")
        if less or more:
            differs[source.table] = f"{less} rows are missing, {more} are too many"
    return {"snapshot": _newest(con), "differs": differs, "tables": len(sources)}


def snapshots(con: duckdb.DuckDBPyConnection, asked: dict[str, Any]) -> dict[str, Any]:
    """What was published when, newest first."""
    return {"snapshots": dicts(con, _SNAPSHOTS, [asked["newest"]])}


_SNAPSHOTS = """
SELECT snapshot_id AS snapshot, strftime(snapshot_time, '%Y-%m-%d %H:%M:%S') AS at,
    coalesce(commit_message, '') AS message
FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT ?
"""


def tidy(con: duckdb.DuckDBPyConnection, asked: dict[str, Any]) -> dict[str, Any]:
    """Forget snapshots older than so many days (the newest stays), write small files together, and delete the files
    that nothing names."""
    before = f"now() - INTERVAL {int(asked['days'])} DAY"
    expired = con.execute(f"CALL ducklake_expire_snapshots('lake', older_than => {before})").fetchall()
    con.execute("CALL ducklake_merge_adjacent_files('lake')")
    files = con.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()
    # of a publisher that was killed; whoever reads the snapshots that are left needs none of them
    files += con.execute("CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)").fetchall()
    return {"expired": len(expired), "files": len(files), "snapshot": _newest(con)}


def _newest(con: duckdb.DuckDBPyConnection) -> int:
    found = con.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()
    return int(found[0]) if found else 0


_DOES = {"publish": publish, "compare": compare, "snapshots": snapshots, "tidy": tidy}


def main() -> None:
    asked = json.load(sys.stdin)
    is_read_only = asked["does"] in ("compare", "snapshots")
    try:
        with connect(asked["lake"], asked["data_path"], is_read_only=is_read_only) as con:
            answer = _DOES[asked["does"]](con, asked)
    except (Refused, duckdb.Error) as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout, ensure_ascii=False)


if __name__ == "__main__":
    main()
