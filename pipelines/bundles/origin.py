"""What bundles are made from: asked for all of them together, and far less than what they say (extract.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import duckdb

from pipelines.bundles.extract import APPROVALS, BUILD, CITY, MONTH, OURS, SINCE, choose, query
from pipelines.files import Row

# The files whose figures or findings a bundle shows, and those of later periods that give a task's status; with the
# outcome of each (an unlock changes it). What names no commune is the city's.
_FILES = f"""
SELECT s.commune_code, s.submission_id, s.sha256, s.status
FROM core.fct_submission AS s
LEFT JOIN core.dim_period AS d USING (period_code)
WHERE {OURS} AND {MONTH} > {SINCE} AND ({MONTH} <= $until::DATE OR s.submission_id IN (
    SELECT submission_id FROM core.fct_task_report
    WHERE is_current AND list_contains($communes::VARCHAR[], commune_code)))
ORDER BY s.submission_id
"""
# The files before those: older figures may still be the newest, and rates above the communes are of every period.
_EARLIER = f"""
SELECT
    grouping(s.commune_code) = 1 AS is_city, s.commune_code, count(*) AS files,
    sha256(coalesce(string_agg(concat_ws(' ', submission_id, sha256, status), chr(10) ORDER BY submission_id), ''))
        AS sha256
FROM core.fct_submission AS s
LEFT JOIN core.dim_period AS d USING (period_code)
WHERE {OURS} AND {MONTH} <= {SINCE}
GROUP BY GROUPING SETS ((s.commune_code), ())
"""


class Origin(NamedTuple):
    """What a bundle is made from: its as-of date, the sources, the submissions behind its figures, and approvals."""

    as_of_on: date
    is_illustrative: bool
    sources_fingerprint: str
    submissions: list[Row]
    earlier: Row  # how many submissions there were before those, and their digest
    approvals: list[Row]  # of the communes whose figures were approved once
    ledger: Row  # of the whole home: how many entries there were, and the hash that proves them


def read_origins(con: duckdb.DuckDBPyConnection, period_code: str, scopes: Sequence[str]) -> dict[str, Origin]:
    """What the bundles of a period would be made from now, by scope: communes (their codes) and all of them ('city').
    Raises LookupError for a period that is none or has not begun and for a commune without a plan."""
    _, chosen, chose = choose(con, period_code, CITY)
    if unknown := set(scopes) - {CITY} - {code for code, *_ in chosen}:
        raise LookupError(f"no commune {', '.join(sorted(unknown))} with a plan")
    if CITY not in scopes:
        chose |= {"communes": list(scopes), "is_city": False}
    as_of_on, is_illustrative, mark, entries, head = con.execute(BUILD).fetchall()[0]
    begins = con.execute("SELECT min(starts_on) FROM core.dim_period WHERE period_code = ?", [period_code]).fetchall()
    if begins[0][0] > as_of_on:
        raise LookupError(f"period {period_code} begins on {begins[0][0]}, figures are as of {as_of_on}")
    files: dict[str, list[Row]] = {scope: [] for scope in scopes}
    for row in query(con, _FILES, chose).dicts():
        for scope in (CITY, row.pop("commune_code")):
            if scope in files:
                files[scope].append(row)
    earlier = {scope: {"files": 0, "sha256": hashlib.sha256(b"").hexdigest()} for scope in scopes}
    for is_city, commune_code, count, sha256 in query(con, _EARLIER, chose).rows:
        earlier[CITY if is_city else commune_code] = {"files": count, "sha256": sha256}
    approvals = [one for one in query(con, APPROVALS, chose).dicts() if one["acted_at"]]
    return {
        scope: Origin(as_of_on, is_illustrative, mark, files[scope], earlier[scope],
                      [one for one in approvals if scope in (CITY, one["commune_code"])],
                      {"entries": entries, "head": head})
        for scope in scopes
    }  # fmt: skip
