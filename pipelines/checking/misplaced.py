"""Files that lie where no agency's folder is: beside the folders of a commune's agencies, or in the inbox itself.

Such a file is its own witness: what it states of commune and agency counts where it agrees with where it lies. Where it
states nothing, or two things, it stays unknown and is refused (rule T03). What the folder says is intake/receive.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import duckdb

from pipelines.checking.lookup import Names
from pipelines.registry.registry import Registry
from pipelines.warehouse.rows import dicts

_NOWHERE = """
SELECT r.submission_id, r.folder, r.commune_code, r.edition, d.layout::VARCHAR AS layout
FROM raw.receipt AS r
JOIN raw.reading AS d USING (submission_id)
ANTI JOIN checked.submission AS s USING (submission_id)
WHERE r.agency_code IS NULL OR r.commune_code IS NULL
ORDER BY r.ledger_sequence
"""
_NAMES_A_COMMUNE = re.compile(r"\d{5}(-|$)")


def place(con: duckdb.DuckDBPyConnection, registry_of: Callable[[str], Registry]) -> int:
    """Find commune and agency of files just read that lie in no agency's folder. registry_of: by edition. Returns how
    many were found."""
    placed = 0
    for row in dicts(con, _NOWHERE):
        if row["commune_code"] is None and _NAMES_A_COMMUNE.match(row["folder"]):
            continue  # a folder of somebody unknown
        names, stated = Names(registry_of(row["edition"])), json.loads(row["layout"]).get("stated", [])
        commune, agency = _commune(names, stated, row["commune_code"]), _agency(names, stated)
        if commune and agency:
            con.execute("UPDATE raw.receipt SET commune_code = ?, agency_code = ? WHERE submission_id = ?",
                        [commune, agency, row["submission_id"]])  # fmt: skip
            placed += 1
    return placed


def _commune(names: Names, stated: Iterable[list[Any]], of_folder: str | None) -> str | None:
    found = _one([names.communes(text) for name, text, *_ in stated if name in ("commune_code", "commune_name")])
    return found if of_folder in (None, found) else None


def _agency(names: Names, stated: Iterable[list[Any]]) -> str | None:
    return _one([names.agencies(text)[0] for name, text, *_ in stated if name in ("agency_code", "agency_name")])


def _one(said: list[Collection[str]]) -> str | None:
    """The one code that all statements can mean."""
    common = set(said[0]).intersection(*said[1:]) if said else set()
    return common.pop() if len(common) == 1 else None
