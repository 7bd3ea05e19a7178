"""Giving verdicts: by which edition of sources/ a submission is judged, and what reading and checking make of it.

A verdict is given once, by the edition at receipt. How a file is read is reading/, how it is checked checking/, how
verdicts are kept warehouse/segments.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import duckdb

from pipelines.checking.earlier_figures import LOOK_BACK, History, Past, PastReport, Said, stored
from pipelines.checking.indicators import came_before_year_end
from pipelines.checking.lookup import Duties
from pipelines.checking.validate import Checked, Evaluate, validate
from pipelines.files import Row
from pipelines.home import Home
from pipelines.intake.acts import files_set_aside
from pipelines.intake.editions import edition_at, editions, sources_of
from pipelines.intake.ledger import Ledger, archived
from pipelines.intake.receive import receipts
from pipelines.reading.read import Job, no_collecting, read_written, restored
from pipelines.registry import registry as registries
from pipelines.registry.registry import Registry
from pipelines.warehouse.models import models
from pipelines.warehouse.rows import dicts, insert

if TYPE_CHECKING:
    from pipelines.checking.suites import Watch

CHECKED = ("checked.submission", "checked.line", "checked.actual", "checked.task_report", "checked.finding")


@lru_cache(maxsize=4)
def registry_of(home: Home, edition: str) -> Registry:
    """The registry as an edition says it: a run asks for it more than once."""
    return registries.load(sources_of(home, edition))


def enter_receipts(home: Home, con: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """Add the received files that are not in raw.receipt yet: whose they are as their verdict says, else by the edition
    at receipt. Returns how many."""
    by_edition: dict[str, list[tuple[Row, datetime]]] = defaultdict(list)
    known, received = editions(Ledger(home)), ledger.of("received")
    entered = {one for (one,) in con.execute("SELECT submission_id FROM raw.receipt").fetchall()}
    settled = _settled(con, ledger) if any("place" in entry for entry in received) else set()
    for entry, at in zip(received, ledger.received_at, strict=True):
        # a place that is at work, or was killed, has files without a verdict: they are entered when it has come
        if entry["submission_id"] not in entered and ("place" not in entry or entry["submission_id"] in settled):
            by_edition[entry.get("edition") or edition_at(known, entry)].append((entry, at))
    added = 0
    for edition, entries in by_edition.items():
        registry = registry_of(home, edition)
        rows = receipts([entry for entry, _ in entries], registry.city_communes, registry.agency_folders,
                        [at for _, at in entries])  # fmt: skip
        added += insert(con, "raw.receipt", [row | {"edition": edition} for row in rows])
    if added:
        con.execute(_AS_JUDGED)
    return added


def _settled(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> set[str]:
    """The files of which it is said what they count for."""
    judged = {one for (one,) in con.execute("SELECT submission_id FROM checked.submission").fetchall()}
    return judged | {row["submission_id"] for row in files_set_aside(ledger)}


_AS_JUDGED = """
UPDATE raw.receipt SET
    commune_code = s.commune_code, agency_code = s.agency_code, duplicate_of = s.duplicate_of
FROM checked.submission AS s
WHERE s.submission_id = raw.receipt.submission_id AND s.version = 1
"""
# Rules that look at the day a file came, and problems of time and memory: the same bytes may be right now.
_OF_THE_DAY, _FOR_WANT = ["T07", "N12"], ["read_again", "too_slow", "too_large"]
# The same bytes from the same folder again say nothing new, unless something in them was refused and another edition of
# sources/ or another version of this program would judge now, or they were refused for their day or for want of time or
# memory.
_FIND_DUPLICATES = """
UPDATE raw.receipt SET duplicate_of = earlier.submission_id
FROM (
    SELECT r.submission_id AS again, arg_max(f.submission_id, f.ledger_sequence) AS submission_id
    FROM raw.receipt AS r
    JOIN raw.receipt AS f ON f.folder = r.folder AND f.sha256 = r.sha256 AND f.ledger_sequence < r.ledger_sequence
    LEFT JOIN checked.submission AS s ON s.submission_id = f.submission_id AND s.version = 1
    WHERE r.submission_id NOT IN (SELECT submission_id FROM checked.submission) AND s.duplicate_of IS NULL
        AND NOT coalesce(list_contains($for_want, s.problem), false)
        AND NOT EXISTS (
            FROM checked.finding AS g WHERE g.submission_id = f.submission_id AND g.severity = 'fail'
                AND list_contains($of_the_day, g.rule_code))
        AND (
            s.submission_id IS NULL OR (s.edition = r.edition AND s.program = $program)
            OR NOT (s.is_unreadable OR s.is_refused OR EXISTS (
                FROM checked.line AS l WHERE l.submission_id = s.submission_id AND l.disposition = 'rejected')))
    GROUP BY r.submission_id
) AS earlier
WHERE earlier.again = raw.receipt.submission_id
"""


def read_pending(home: Home, con: duckdb.DuckDBPyConnection) -> int:
    """Read every received file that has neither a reading nor a verdict, except duplicates. Returns how many."""
    known = {"program": version("kpi57"), "of_the_day": _OF_THE_DAY, "for_want": _FOR_WANT}
    con.execute(_FIND_DUPLICATES, known)
    pending = dicts(
        con,
        "SELECT submission_id, sha256, edition FROM raw.receipt ANTI JOIN checked.submission USING (submission_id) "
        "ANTI JOIN raw.reading USING (submission_id) ANTI JOIN raw.set_aside USING (submission_id) "
        "WHERE duplicate_of IS NULL ORDER BY ledger_sequence",
    )
    for edition in dict.fromkeys(row["edition"] for row in pending):
        jobs = [Job(r["submission_id"], archived(home, r["sha256"])) for r in pending if r["edition"] == edition]
        form = registry_of(home, edition).form
        found = read_written(jobs, form, is_last=False)
        insert(con, "raw.reading", [{"submission_id": job.key, **got._asdict()} for job, got in found])
    return len(pending)


_READ_AGAIN = """
SELECT r.submission_id, r.sha256, r.edition
FROM raw.receipt AS r
SEMI JOIN (
    SELECT submission_id FROM raw.reading WHERE problem = 'read_again'
    UNION
    SELECT submission_id FROM checked.submission WHERE problem = 'read_again' AND segment IS NULL
) AS waiting USING (submission_id)
ANTI JOIN raw.set_aside USING (submission_id)
ORDER BY r.ledger_sequence
"""


def read_again(home: Home, con: duckdb.DuckDBPyConnection) -> list[str]:
    """The last try for files whose reading took too long or too much memory in an earlier run, each alone: what was
    read then counts. Returns their submission_ids, which have no verdict now."""
    pending = dicts(con, _READ_AGAIN)
    for one in pending:
        job = Job(one["submission_id"], archived(home, one["sha256"]))
        [(_, got)] = read_written([job], registry_of(home, one["edition"]).form, is_last=True)
        for table in ("raw.reading", *CHECKED):
            con.execute(f"DELETE FROM {table} WHERE submission_id = ?", [one["submission_id"]])
        insert(con, "raw.reading", [{"submission_id": job.key, **got._asdict()}])
    return [one["submission_id"] for one in pending]


def unjudged(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """The received files without a verdict, as rows of raw.receipt; without those that were set aside before."""
    return dicts(
        con,
        "SELECT r.* FROM raw.receipt AS r ANTI JOIN checked.submission USING (submission_id) "
        "ANTI JOIN raw.set_aside USING (submission_id) ORDER BY ledger_sequence",
    )


def judge_pending(
    home: Home, con: duckdb.DuckDBPyConnection, pending: Sequence[Row], watch: Watch | None = None
) -> dict[str, int]:
    """Give received files without a verdict their first, by the edition at receipt. Returns rows by table."""
    made = dict.fromkeys(CHECKED, 0)
    for edition in dict.fromkeys(row["edition"] for row in pending):
        verdicts = judge(home, con, edition, [row for row in pending if row["edition"] == edition], watch)
        for table, rows in verdicts.items():
            made[table] += insert(con, table, rows)
    return made


def judge(
    home: Home,
    con: duckdb.DuckDBPyConnection,
    edition: str,
    sent: list[Row],
    watch: Watch | None = None,
    *,
    look_back: bool = True,
    registry: Registry | None = None,
) -> dict[str, list[Row]]:
    """Verdicts on received files (rows of raw.receipt, their readings in raw.reading) by an edition, as rows of
    checked.*. A duplicate's names the file it repeats. look_back: against the figures in force now, else only those of
    the files before each. registry: of sources/ that are no edition yet."""
    to_check = [row for row in sent if row["duplicate_of"] is None]
    registry = registry or registry_of(home, edition)
    with no_collecting():
        checked = validate_readings(
            registry,
            to_check,
            _readings(con),
            _history(con, to_check, registry) if look_back else None,
            duties_of(con),
            watch,
        )
    read = {one: rest for one, *rest in con.execute(
        "SELECT submission_id, json_array_length(lines), problem FROM raw.reading").fetchall()}  # fmt: skip
    outcomes = {row["submission_id"]: row for row in checked.submissions if checked}
    submissions = [
        {"period_code": None, "is_unreadable": False, "is_refused": False}
        | outcomes.get(row["submission_id"], {})
        | {name: row[name] for name in ("submission_id", "duplicate_of", "commune_code", "agency_code")}
        | {"judged_at": str(row["received_at"]), "edition": edition, "program": version("kpi57"),
           **dict(zip(("lines_read", "problem"), read.get(row["submission_id"], (0, None)), strict=True)),
           "is_estimate": came_before_year_end(
               registry, row["commune_code"], outcomes.get(row["submission_id"], {}).get("period_code"),
               row["received_at"].date())}
        for row in sent
    ]  # fmt: skip
    parts = (submissions, checked.lines, checked.actuals, checked.task_reports, checked.findings)
    return dict(zip(CHECKED, parts, strict=True))


def duties_of(con: duckdb.DuckDBPyConnection) -> Duties:
    """Who reports what, and when, through all editions."""
    return Duties(dicts(con, f"SELECT * FROM ({_sql('core.known_duty')})"))


def fill_due_days(con: duckdb.DuckDBPyConnection) -> None:
    """Note with verdicts not recorded yet when their report was due, as it is known now."""
    con.execute(
        "UPDATE checked.submission SET due_on = d.due_on, grace_until = d.grace_until "
        f"FROM (SELECT * FROM ({_sql('core.known_due')}) WHERE known_to IS NULL) AS d "
        "WHERE d.commune_code = checked.submission.commune_code AND d.period_code = checked.submission.period_code "
        "AND checked.submission.segment IS NULL"
    )


def _sql(table: str) -> str:
    """The SELECT of a model that is asked before the models are built: it reads the registry alone."""
    [model] = [model for model in models() if model.table == table]
    return model.sql


NEWEST = "FROM checked.submission QUALIFY version = max(version) OVER (PARTITION BY submission_id)"
_SENDING = """
SEMI JOIN (SELECT unnest($communes::VARCHAR[]) AS commune_code, unnest($agencies::VARCHAR[]) AS agency_code) AS sending
    ON sending.commune_code = r.commune_code AND sending.agency_code = coalesce({line}.agency_code, r.agency_code)
ANTI JOIN raw.set_aside AS q ON q.submission_id = r.submission_id
"""
_IN_FORCE = f"""
WITH sent AS (
    SELECT r.commune_code, coalesce(a.agency_code, r.agency_code) AS agency_code, a.indicator_code, s.period_code,
        r.received_at,
        row(r.ledger_sequence, a.source_row) AS place,
        {{numerator: if(a.is_withdrawn, NULL, a.numerator), denominator: if(a.is_withdrawn, NULL, a.denominator),
            value: if(a.is_withdrawn, NULL, a.value)}} AS figure
    FROM checked.actual AS a
    JOIN ({NEWEST}) AS s USING (submission_id, version)
    JOIN raw.receipt AS r USING (submission_id)
    JOIN raw.period AS p USING (period_code)
    {_SENDING.format(line="a")}
    WHERE p.is_default AND p.known_to IS NULL AND p.ends_on >= $since AND NOT coalesce(a.is_held, false)
)
SELECT commune_code, agency_code, indicator_code, period_code, figure, min(s.received_at)::DATE AS received_on
FROM (
    SELECT commune_code, agency_code, indicator_code, period_code, arg_max(figure, place) AS figure
    FROM sent
    GROUP BY ALL
)
JOIN sent AS s USING (commune_code, agency_code, indicator_code, period_code, figure)
GROUP BY ALL
ORDER BY ALL
"""
_REPORTS = f"""
SELECT r.commune_code, coalesce(t.agency_code, r.agency_code), t.task_id, s.period_code,
    arg_max({{state: t.state, percent_done: t.percent_done, document_number: t.document_number,
        document_date: t.document_date}}, row(r.ledger_sequence, t.source_row))
FROM checked.task_report AS t
JOIN ({NEWEST}) AS s USING (submission_id, version)
JOIN raw.receipt AS r USING (submission_id)
JOIN raw.period AS p USING (period_code)
{_SENDING.format(line="t")}
WHERE p.is_default AND p.known_to IS NULL AND p.ends_on >= $since AND NOT coalesce(t.is_held, false)
GROUP BY ALL
ORDER BY ALL
"""
_HELD = f"""
WITH held AS (
    SELECT submission_id, version, agency_code, indicator_code AS code, {{numerator: numerator,
        denominator: denominator, value: value, value_text: value_text}} AS indicator, NULL AS task
    FROM checked.actual WHERE is_held
    UNION ALL
    SELECT submission_id, version, agency_code, task_id, NULL, {{state: state, percent_done: percent_done,
        document_number: document_number, document_date: document_date}}
    FROM checked.task_report WHERE is_held
)
SELECT r.commune_code, coalesce(h.agency_code, r.agency_code), h.code, s.period_code, h.submission_id, h.indicator,
    h.task
FROM held AS h
JOIN ({NEWEST}) AS s USING (submission_id, version)
JOIN raw.receipt AS r USING (submission_id)
{_SENDING.format(line="h")}
ORDER BY r.ledger_sequence
"""


def _history(con: duckdb.DuckDBPyConnection, pending: list[Row], registry: Registry) -> History:
    """What is known of the agencies that have files pending, and of those a focal agency may send for: the figures in
    force of the periods a figure is compared with, and what is held for confirmation."""
    senders = {(r["commune_code"], r["agency_code"]) for r in pending if r["commune_code"] and r["agency_code"]}
    focal = {(plan["commune_code"], plan["focal_agency_code"]) for plan in registry.plans.values()}
    sending = sorted(senders | {(commune, other) for commune, _ in senders & focal for other in registry.agencies})
    before = registry.successions.before
    sending += [(commune, old) for commune, agency in sending for old in before("agency", agency)]
    since = min((r["received_at"].date() for r in pending), default=date.max) - LOOK_BACK
    parameters = {"communes": [one[0] for one in sending], "agencies": [one[1] for one in sending]}
    found: dict[tuple[str, str, str], list[Past]] = defaultdict(list)
    rows = con.execute(_IN_FORCE, parameters | {"since": since}).fetchall()
    for commune, agency, indicator, period, figure, received_on in rows:
        found[commune, agency, indicator].append(Past(period, **figure, received_on=received_on))
    held: dict[tuple[str, str, str, str], list[tuple[Said, str]]] = defaultdict(list)
    for commune, agency, code, period, submission, indicator, task in con.execute(_HELD, parameters).fetchall():
        said = tuple(map(stored, (indicator or task).values()))
        held[commune, agency, code, period].append((said, submission))
    reports: dict[tuple[str, str, str], list[PastReport]] = defaultdict(list)
    for commune, agency, task, period, said in con.execute(_REPORTS, parameters | {"since": since}).fetchall():
        reports[commune, agency, task].append(PastReport(period, **said))
    return History(found, held, reports)


def _readings(con: duckdb.DuckDBPyConnection) -> dict[str, Row]:
    """The readings not judged yet, as layout.lay_out made them."""
    rows = con.execute("SELECT submission_id, layout::VARCHAR, lines::VARCHAR FROM raw.reading").fetchall()
    return {submission_id: restored(layout, lines) for submission_id, layout, lines in rows}


def validate_readings(
    registry: Registry,
    rows: Iterable[Row],
    readings: dict[str, Row],
    history: History | None = None,
    duties: Duties | None = None,
    watch: Watch | None = None,
) -> Checked:
    """validate.validate by Great Expectations, which is imported only where there is something to judge."""
    rows = list(rows)
    if not rows:
        return Checked([], [], [], [], [])
    return validate(registry, rows, readings, _evaluate(watch), history, duties)


def _evaluate(watch: Watch | None) -> Evaluate:
    from pipelines.checking.suites import Suites

    return Suites(watch).unexpected
