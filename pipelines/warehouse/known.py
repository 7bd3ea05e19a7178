"""Tables whose rows are known from a time to a time: what the registry says, through all its editions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from pipelines.warehouse.rows import columns_of, count, insert, replace


def enter_edition(
    con: duckdb.DuckDBPyConnection,
    digest: str,
    sequence: int,
    at: datetime | None,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """What an edition of sources/ says, by table, as known from a moment on (None: always known). The statuses are
    always those of the newest."""
    replace(con, "raw.status", rows.get("raw.status", []))
    for table, said in rows.items():
        if table != "raw.status":
            make_known(con, table, said, at)
    row = {"edition": digest, "ledger_sequence": sequence, "known_from": at and str(at)[:26]}
    insert(con, "raw.edition", [row])


def make_known(
    con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]], at: datetime | None
) -> int:
    """Make exactly these rows the ones known from a moment on (None: always known). A row that is known already stays
    as it is; one that is no longer said is known until the moment. Returns how many are known then."""
    names = [name for name in columns_of(con, table) if name not in ("known_from", "known_to")]
    con.execute(f"CREATE OR REPLACE TEMP TABLE said AS SELECT {', '.join(names)} FROM {table} LIMIT 0")
    insert(con, "said", [{name: row.get(name) for name in names} for row in rows])
    row = f"to_json(struct_pack({', '.join(f'{name} := {name}' for name in names)}))::VARCHAR"
    moment = at and at.isoformat(sep=" ", timespec="microseconds")[:26]
    con.execute(
        f"UPDATE {table} SET known_to = ? WHERE known_to IS NULL AND {row} NOT IN (SELECT {row} FROM said)", [moment]
    )
    con.execute(
        f"INSERT INTO {table} BY NAME SELECT *, ?::TIMESTAMP AS known_from FROM said "
        f"WHERE {row} NOT IN (SELECT {row} FROM {table} WHERE known_to IS NULL)",
        [moment],
    )
    con.execute("DROP TABLE said")
    return count(con, f"(FROM {table} WHERE known_to IS NULL)")
