"""Homes that several places are joined in, and whether two homes say the same."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from pipelines.home import Home
from pipelines.warehouse.database import reading
from pipelines.warehouse.models import models
from pipelines.warehouse.rows import columns_of, dicts

# What differs by nature: where in which ledger something is entered, and what was made of it.
_OF_THE_LEDGER = {"ledger_sequence", "batch", "place", "ledger_entries", "ledger_head"}
_OF_WHAT_WAS_MADE = {"core.fct_bundle"}
_ID = re.compile(r"\b[0-9a-f]{12}-[0-9]+")

_TOLD_BY = """
SELECT submission_id, folder || ' ' || sha256 || ' '
    || row_number() OVER (PARTITION BY folder, sha256 ORDER BY ledger_sequence)
FROM core.fct_submission
"""


def said(home: Home, *, times: bool) -> dict[str, list[str]]:
    """What a home publishes, by table and view, each row as text and sorted; a file is told by its content and folder,
    whatever its id. times: with moments, by the second."""
    found = {}
    with reading(home) as con:
        ids = dict(con.execute(_TOLD_BY).fetchall())
        for model in models():
            if not model.is_published or model.parameters or model.table in _OF_WHAT_WAS_MADE:
                continue
            kept = {name: kind for name, kind in columns_of(con, model.table).items() if name not in _OF_THE_LEDGER
                    and (times or kind != "TIMESTAMP")}  # fmt: skip
            rows = dicts(con, f"SELECT {', '.join(kept)} FROM {model.table}")
            found[model.table] = sorted(
                _ID.sub(
                    lambda found: ids.get(found[0], found[0]), str([_by_the_second(value) for value in row.values()])
                )
                for row in rows
            )
    return found


def _by_the_second(value: Any) -> Any:
    return value.replace(microsecond=0) if isinstance(value, datetime) else value
