"""Judging again: what today's program and sources/ would decide of what was received, as an audit and as an act.

How a verdict is given is judging.py, how it is kept warehouse/segments.py.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines.files import Row
from pipelines.home import Home
from pipelines.intake.acts import enter_recheck
from pipelines.intake.editions import digest_of, editions
from pipelines.intake.ledger import Ledger, archived
from pipelines.judging import CHECKED, NEWEST, judge, registry_of
from pipelines.reading.read import Job, read_written
from pipelines.registry import registry as registries
from pipelines.registry.registry import Registry
from pipelines.warehouse.database import opened, schema_mark
from pipelines.warehouse.known import enter_edition
from pipelines.warehouse.rows import count, dicts, get_info, insert


class Otherwise(NamedTuple):
    """A line that would be judged differently now: where it is, what was decided of it, and what would be.

    before, now: disposition and, of an accepted line, what it says; None where only the other has the line.
    source_row None: the file as a whole.
    """

    submission_id: str
    source_sheet: str | None
    source_row: int | None
    code: str | None
    before: str | None
    now: str | None


def judged_otherwise_today(home: Home, sources: Path) -> tuple[int, int] | None:
    """How many of the files received, and of how many, this program would judge differently by what sources/ says now,
    whether a run has met it or not. Keeps nothing of it. None where nothing was judged yet by this version.

    Raises ValueError where sources/ does not hold together, duckdb.Error while another program has the build database.
    """
    ledger, registry, digest = Ledger(home), registries.load(sources), digest_of(sources)
    if not home.build.exists():
        return None
    with opened(home) as con:
        if get_info(con, "schema") != schema_mark() or not count(con, "checked.submission"):
            return None
        con.execute("BEGIN")
        try:
            if digest != editions(ledger)[-1].digest:
                enter_edition(con, digest, len(ledger.entries) + 1, ledger.next_at, registry.rows())
            found, verdicts = judged_otherwise(home, con, registry=registry)
        finally:
            con.execute("ROLLBACK")
    return len({one.submission_id for one in found}), len(verdicts["checked.submission"])


def judged_otherwise(
    home: Home,
    con: duckdb.DuckDBPyConnection,
    submissions: list[str] | None = None,
    registry: Registry | None = None,
) -> tuple[list[Otherwise], dict[str, list[Row]]]:
    """Read originals again and judge them by the newest edition of sources/, changing nothing that is recorded: which
    lines would be judged differently, and the verdicts as rows of checked.*.

    submissions: only these, against the figures in force now; None: all, each against those of the files before it.
    registry: of sources/ that are no edition yet.
    """
    edition = editions(Ledger(home))[-1].digest
    sent = dicts(
        con,
        "SELECT r.* FROM raw.receipt AS r SEMI JOIN checked.submission USING (submission_id) "
        "WHERE duplicate_of IS NULL AND ($some IS NULL OR list_contains($some, submission_id)) "
        "ORDER BY ledger_sequence",
        {"some": submissions},
    )
    jobs = [Job(row["submission_id"], archived(home, row["sha256"])) for row in sent]
    form = (registry or registry_of(home, edition)).form
    read = [{"submission_id": job.key, **got._asdict()} for job, got in read_written(jobs, form, is_last=True)]
    con.execute("DELETE FROM raw.reading")
    insert(con, "raw.reading", read)
    verdicts = judge(home, con, edition, sent, look_back=submissions is not None, registry=registry)
    before = _decided(con, [row["submission_id"] for row in sent])
    now = _as_decided(verdicts)
    places = sorted(before.keys() | now.keys(), key=lambda place: (place[0], place[1] or "", place[2] or 0))
    found = []
    for place in places:
        (code, was), (code_now, would) = before.get(place, _NOTHING), now.get(place, _NOTHING)
        if was != would:
            found.append(Otherwise(*place, code or code_now, was, would))
    return found, verdicts


_NOTHING: tuple[str | None, str | None] = (None, None)
Decided = dict[tuple[str, str | None, int | None], tuple[str | None, str | None]]


def _decided(con: duckdb.DuckDBPyConnection, submissions: list[str]) -> Decided:
    """What the newest verdicts say of files and lines, by place: code, and what was decided, as text."""
    con.execute("CREATE OR REPLACE TEMP TABLE asked AS SELECT unnest(?::VARCHAR[]) AS submission_id", [submissions])
    con.execute(f"CREATE OR REPLACE TEMP TABLE newest AS FROM ({NEWEST}) SEMI JOIN asked USING (submission_id)")
    rows = {"checked.submission": dicts(con, "FROM newest")}
    rows |= {
        table: dicts(con, f"FROM {table} SEMI JOIN newest USING (submission_id, version)") for table in CHECKED[1:]
    }
    return _as_decided(rows)


def _as_decided(rows: dict[str, list[Row]]) -> Decided:
    said: dict[tuple[str, str | None, int | None], str] = {}
    for table in ("checked.actual", "checked.task_report"):
        for row in rows[table]:
            content = {name: _plain(value) for name, value in row.items() if name not in _PLACE and _plain(value)}
            said[_place(row)] = ", ".join(f"{name} {value}" for name, value in sorted(content.items()))
    found: Decided = {}
    for row in rows["checked.submission"]:
        found[row["submission_id"], None, None] = (None, f"period {row['period_code']}, refused {row['is_refused']}")
    for row in rows["checked.line"]:
        told = " ".join(filter(None, (row["disposition"], row["reason"], said.get(_place(row)))))
        found[_place(row)] = (row["code"], told)
    return found


_PLACE = ("submission_id", "version", "source_sheet", "source_row", "source_cell")


def _place(row: Row) -> tuple[str, str | None, int | None]:
    return row["submission_id"], row["source_sheet"], row["source_row"]


def _plain(value: Any) -> str | None:
    """A value as both a table and a verdict to come write it."""
    if value is None or value is False or value == "":
        return None
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    text = str(value)
    return f"{Decimal(text).normalize():f}" if re.fullmatch(r"-?\d+\.\d+", text) else text


def judge_again(
    home: Home, con: duckdb.DuckDBPyConnection, ledger: Ledger, submissions: list[str], reason: str, by: str
) -> list[Otherwise]:
    """Judge submissions again by the newest edition of sources/: an act, entered in the ledger with its reason. Another
    verdict is a new version from then on. Returns what is judged differently."""
    found, verdicts = judged_otherwise(home, con, submissions)
    changed = sorted({one.submission_id for one in found})
    at = enter_recheck(ledger, submissions, changed, reason, by)
    versions = dict(con.execute("SELECT submission_id, max(version) FROM checked.submission GROUP BY ALL").fetchall())
    for table, rows in verdicts.items():
        new = [row | {"version": versions[row["submission_id"]] + 1} for row in rows if row["submission_id"] in changed]
        insert(con, table, [row | {"judged_at": str(at)[:26]} if "judged_at" in row else row for row in new])
    con.execute("DELETE FROM raw.reading WHERE submission_id NOT IN (SELECT unnest(?::VARCHAR[]))", [changed])
    return found


def chosen(
    con: duckdb.DuckDBPyConnection,
    commune: str | None = None,
    agency: str | None = None,
    period: str | None = None,
    submission: str | None = None,
) -> list[str]:
    """The submissions of a commune, an agency, a period, or one of them by its id; in ledger order."""
    rows = con.execute(
        "SELECT r.submission_id FROM raw.receipt AS r "
        f"JOIN ({NEWEST}) AS s USING (submission_id) "
        "WHERE r.duplicate_of IS NULL AND ($commune IS NULL OR r.commune_code = $commune) "
        "AND ($agency IS NULL OR r.agency_code = $agency) AND ($period IS NULL OR s.period_code = $period) "
        "AND ($submission IS NULL OR r.submission_id = $submission) ORDER BY r.ledger_sequence",
        {"commune": commune, "agency": agency, "period": period, "submission": submission},
    ).fetchall()
    return [str(row[0]) for row in rows]
