"""Verdicts as records: what reading and checking made of each submission, in segments that never change.

A segment is a Parquet file in the archive, one row a submission and version, its lines, figures and findings nested in
it. The tables checked.* are loaded from the segments that the ledger names; who judges is checking/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.warehouse.rows import columns_of, count, literal

# The tables a verdict's rows are in, each with what its rows are ordered by.
PARTS = {
    "line": "source_sheet, source_row",
    "actual": "source_sheet, source_row, indicator_code",
    "task_report": "source_sheet, source_row, task_id",
    "finding": "finding_order",
}
_OF_NEWEST = ("line", "finding")  # of these only the newest version is asked; the others stay in their segment
_KEY = ("submission_id", "version")
# A verdict for want of time or memory is none yet: the file is read again in the next run.
_FINAL = "s.segment IS NULL AND s.problem IS DISTINCT FROM 'read_again'"


def write_segment(con: duckdb.DuckDBPyConnection, place: Path) -> int:
    """Write the verdicts that are in no segment yet, with the lines as they were read. Returns how many; 0 writes
    nothing."""
    pending = f"SELECT submission_id, version FROM checked.submission AS s WHERE {_FINAL}"
    written = count(con, f"({pending})")
    if written:
        nested = [
            f"(SELECT list(struct_pack({', '.join(f'{c} := p.{c}' for c in _own(con, part))}) ORDER BY {order}) "
            f"FROM checked.{part} AS p WHERE p.submission_id = s.submission_id AND p.version = s.version) AS {part}s"
            for part, order in PARTS.items()
        ]
        con.execute(
            f"COPY (SELECT s.* EXCLUDE (segment), r.layout::VARCHAR AS layout, r.lines::VARCHAR AS read, "
            f"{', '.join(nested)} FROM checked.submission AS s LEFT JOIN raw.reading AS r USING (submission_id) "
            f"WHERE {_FINAL} ORDER BY s.submission_id, s.version) TO {literal(str(place))} "
            "(FORMAT parquet, COMPRESSION zstd, KV_METADATA {kpi57: 'verdicts 1'})"
        )
    return written


def mark_recorded(con: duckdb.DuckDBPyConnection, segment: str, ledger_sequence: int) -> None:
    """Note that the verdicts in no segment yet are in this one, which the ledger names; what was read is in it too."""
    con.execute(f"UPDATE checked.submission AS s SET segment = ? WHERE {_FINAL}", [segment])
    con.execute("INSERT INTO raw.segment VALUES (?, ?)", [segment, ledger_sequence])
    con.execute("DELETE FROM raw.reading WHERE submission_id IN "
                "(SELECT submission_id FROM checked.submission WHERE segment IS NOT NULL)")  # fmt: skip
    _keep_newest(con)


def load_segments(
    con: duckdb.DuckDBPyConnection, segments: Sequence[tuple[str, int, Path]], until: datetime | None = None
) -> int:
    """Load the segments (sha256, place in the ledger, path) that are not loaded yet; until (in Vietnam
    time): only the verdicts given by then. Returns the verdicts loaded.

    Columns that a later version added are NULL in segments written before it. Raises FileNotFoundError where the
    archive lacks one, duckdb.Error where one cannot be read.
    """
    loaded = {row[0] for row in con.execute("SELECT segment FROM raw.segment").fetchall()}
    new = [one for one in segments if one[0] not in loaded]
    if not new:
        return 0
    for _, _, path in new:
        if not path.exists():
            raise FileNotFoundError(f"{path}, which the ledger names, is missing: take it back from a backup")
    paths = [str(path) for _, _, path in new]
    con.execute("CREATE OR REPLACE TEMP TABLE named AS SELECT unnest(?) AS filename, unnest(?) AS segment",
                [paths, [sha256 for sha256, _, _ in new]])  # fmt: skip
    con.execute(
        "CREATE OR REPLACE TEMP TABLE verdict AS SELECT v.* EXCLUDE (filename), n.segment "
        "FROM read_parquet($paths, union_by_name = true, filename = true) AS v JOIN named AS n USING (filename) "
        "WHERE $until IS NULL OR v.judged_at <= $until::TIMESTAMP",
        {"paths": paths, "until": until and until.replace(tzinfo=None)},
    )
    there = set(columns_of(con, "verdict"))
    kept = [name for name in columns_of(con, "checked.submission") if name in there]
    con.execute(f"INSERT INTO checked.submission BY NAME SELECT {', '.join(kept)} FROM verdict")
    for part, order in PARTS.items():
        own = _own(con, part)
        nested = con.execute(f"SELECT unnest({part}s, recursive := true) FROM verdict LIMIT 0").description or []
        names = [name for name in own if name in {column[0] for column in nested}]
        con.execute(
            f"INSERT INTO checked.{part} BY NAME SELECT {', '.join([*_KEY, *(f'p.{name}' for name in names)])} "
            f"FROM (SELECT submission_id, version, unnest({part}s) AS p FROM verdict) ORDER BY {', '.join(_KEY)}, "
            + ", ".join(f"p.{name}" for name in order.split(", "))
        )
    for sha256, sequence, _ in new:
        con.execute("INSERT INTO raw.segment VALUES (?, ?)", [sha256, sequence])
    loaded_now = count(con, "verdict")
    con.execute("DROP TABLE verdict")
    con.execute("DROP TABLE named")
    _keep_newest(con)
    return loaded_now


def _keep_newest(con: duckdb.DuckDBPyConnection) -> None:
    """Of a submission that was judged again only the newest version's lines and findings are in their tables."""
    if con.execute("FROM checked.submission WHERE version > 1 LIMIT 1").fetchall():
        for part in _OF_NEWEST:
            con.execute(
                f"DELETE FROM checked.{part} AS p USING checked.submission AS s "
                "WHERE s.submission_id = p.submission_id AND s.version > p.version"
            )


def segments_mark(con: duckdb.DuckDBPyConnection) -> str:
    """A digest of the segments that are loaded."""
    names = [row[0] for row in con.execute("SELECT segment FROM raw.segment ORDER BY ALL").fetchall()]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _own(con: duckdb.DuckDBPyConnection, part: str) -> list[str]:
    return [name for name in columns_of(con, f"checked.{part}") if name not in _KEY]
