"""The steps of a run, from sources to the published copy, each one function on a Home.

Every step finds its own work: what is not yet done is done, what is done is left alone, so that a run after a crash
finishes the work of the last. Dagster's view of the steps is assets.py.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.checking.earlier_figures import LOOK_BACK, History
from pipelines.files import read_yaml
from pipelines.home import SOURCES, Home
from pipelines.intake.acts import bundle_events, period_events, record_made, record_sent
from pipelines.intake.ledger import VIETNAM, Ledger, archived
from pipelines.intake.receive import receipts, receive, waiting
from pipelines.office.statuses import newest_due
from pipelines.reading.read import Job, no_collecting, read_all, read_written, restored
from pipelines.registry import registry as registries
from pipelines.registry.registry import Registry
from pipelines.warehouse import database, incremental, publishing
from pipelines.warehouse.database import building, kept_open, reading
from pipelines.warehouse.models import models
from pipelines.warehouse.rows import count, dicts, get_info, insert, replace, set_info

if TYPE_CHECKING:
    from pipelines.checking.validate import Checked

Rows = dict[str, int]
_REGISTRY = ("raw.commune", "raw.agency", "raw.indicator", "raw.period", "raw.asked", "raw.status", "raw.plan",
             "raw.target", "raw.task", "raw.indicator_duty", "raw.task_duty")  # fmt: skip
_READ = ("raw.receipt", "raw.reading", "raw.line", "raw.feedback_written")
_CHECKED = ("checked.submission", "checked.line", "checked.actual", "checked.task_report", "checked.finding")


def load_registry(home: Home) -> Rows:
    """Load sources/ into the raw tables. Where rules or registry changed, every file is read again."""
    mark = registries.fingerprint(SOURCES)
    database.prepare(home)
    with building(home) as con:
        stands = get_info(con, "fingerprint") == mark
        in_place = stands and not incremental.has_other_models(con)
    if not in_place or waiting(home):  # nearly all is built anew: into a new file, which has no holes
        database.discard_built(home)
    with building(home) as con:
        set_info(con, "schema", database.schema_mark())
        set_info(con, "version", version("kpi57"))
        if stands:
            return {table: count(con, table) for table in _REGISTRY}
        for table in (*_READ, *_CHECKED):
            con.execute(f"DELETE FROM {table}")
        set_info(con, "fingerprint", mark)
        return {table: replace(con, table, rows) for table, rows in _registry(mark).rows().items()}


@lru_cache(maxsize=1)
def _registry(mark: str | None) -> Registry:
    """The registry, loaded once for a fingerprint: a run asks for it more than once."""
    return registries.load()


def receive_files(home: Home) -> Rows:
    """Take the inbox into archive and ledger, and the ledger into raw.receipt. Rows: new receipts."""
    ledger = Ledger(home)
    ledger.seal()
    ledger.record_day(home.day)
    receive(home, ledger)
    received = ledger.of("received")
    with building(home) as con:
        known, rows = count(con, "raw.receipt"), []
        if len(received) > known:
            registry = _registry(get_info(con, "fingerprint"))
            rows = receipts(received, registry.city_communes, registry.agencies)[known:]
        events = replace(con, "raw.period_event", period_events(ledger))
        bundles = replace(con, "raw.bundle_event", bundle_events(ledger))
        set_info(con, "as_of", ledger.as_of.isoformat())
        set_info(con, "illustrative", "true" if ledger.illustrative else "false")
        set_info(con, "ledger_entries", str(ledger.head_of_state.entries))
        set_info(con, "ledger_head", ledger.head_of_state.sha256)
        return {
            "raw.receipt": insert(con, "raw.receipt", rows),
            "raw.period_event": events,
            "raw.bundle_event": bundles,
            "raw.build_info": count(con, "raw.build_info"),
        }


def read_files(home: Home) -> Rows:
    """Read every received file that has no reading yet. Duplicates are not read again."""
    with building(home) as con:
        pending = dicts(
            con,
            "SELECT submission_id, sha256 FROM raw.receipt "
            "WHERE duplicate_of IS NULL AND submission_id NOT IN (SELECT submission_id FROM raw.reading) "
            "ORDER BY ledger_sequence",
        )
        jobs = [Job(r["submission_id"], archived(home, r["sha256"])) for r in pending]
        form = read_yaml(SOURCES / "forms" / "periodic-report.yml") if jobs else {}
        found = [[job.key, *got] for job, got in read_written(jobs, form)]
        if not found:
            return {"raw.reading": 0, "raw.line": 0}
        ids, problems, layouts, lines = (list(column) for column in zip(*found, strict=True))
        con.execute(_ENTER_READINGS, {"ids": ids, "problems": problems, "layouts": layouts})
        [entered] = con.execute(_ENTER_LINES, {"ids": ids, "lines": lines}).fetchall()
        return {"raw.reading": len(ids), "raw.line": int(entered[0])}


# Straight from the text the workers wrote; the lines are taken apart by DuckDB.
_ENTER_READINGS = """
INSERT INTO raw.reading BY NAME
SELECT unnest($ids::VARCHAR[]) AS submission_id, unnest($problems::VARCHAR[]) AS problem,
    unnest($layouts::VARCHAR[]) AS layout
"""
_ENTER_LINES = """
INSERT INTO raw.line BY NAME
SELECT submission_id, line."table" AS table_number, line."row" AS source_row, line.kind AS kind, line.typed AS typed
FROM (
    SELECT submission_id, unnest(from_json(
        lines, '[{"table": "INTEGER", "row": "INTEGER", "kind": "VARCHAR", "typed": "JSON"}]'
    )) AS line
    FROM (SELECT unnest($ids::VARCHAR[]) AS submission_id, unnest($lines::VARCHAR[]) AS lines)
)
"""


def validate_files(home: Home) -> Rows:
    """Hold every reading that is not yet checked against the rules."""
    with building(home) as con:
        pending = dicts(
            con,
            "SELECT r.* FROM raw.receipt AS r SEMI JOIN raw.reading USING (submission_id) "
            "ANTI JOIN checked.submission USING (submission_id) ORDER BY ledger_sequence",
        )
        if not pending:
            return dict.fromkeys(_CHECKED, 0)
        with no_collecting():
            registry = _registry(get_info(con, "fingerprint"))
            checked = validate_readings(registry, pending, _readings(con), _history(con, pending))
        return {
            "checked.submission": insert(con, "checked.submission", checked.submissions),
            "checked.line": insert(con, "checked.line", checked.lines),
            "checked.actual": insert(con, "checked.actual", checked.actuals),
            "checked.task_report": insert(con, "checked.task_report", checked.task_reports),
            "checked.finding": insert(con, "checked.finding", checked.findings),
        }


_IN_FORCE = """
SELECT r.commune_code, r.agency_code, a.indicator_code, s.period_code,
    arg_max(
        struct_pack(numerator := if(a.is_withdrawn, NULL, a.numerator), value := if(a.is_withdrawn, NULL, a.value)),
        row(r.ledger_sequence, a.source_row)
    ) AS figures
FROM checked.actual AS a
JOIN checked.submission AS s USING (submission_id)
JOIN raw.receipt AS r USING (submission_id)
JOIN raw.period AS p USING (period_code)
SEMI JOIN (SELECT unnest($communes::VARCHAR[]) AS commune_code, unnest($agencies::VARCHAR[]) AS agency_code) AS sending
    ON sending.commune_code = r.commune_code AND sending.agency_code = r.agency_code
WHERE p.is_default AND p.ends_on >= $since
GROUP BY ALL
ORDER BY ALL
"""


def _history(con: duckdb.DuckDBPyConnection, pending: list[dict[str, Any]]) -> History:
    """The figures in force of the agencies that have files pending, of the periods a figure is compared with."""
    sending = sorted({(r["commune_code"], r["agency_code"]) for r in pending if r["commune_code"] and r["agency_code"]})
    since = min(r["received_at"] for r in pending).date() - LOOK_BACK
    parameters = {"communes": [one[0] for one in sending], "agencies": [one[1] for one in sending], "since": since}
    found: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for commune, agency, indicator, period, figures in con.execute(_IN_FORCE, parameters).fetchall():
        found[commune, agency, indicator].append((period, figures["numerator"], figures["value"]))
    return found


def _readings(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """The readings not yet checked, as layout.lay_out made them."""
    rows = con.execute(_NOT_CHECKED).fetchall()
    return {submission_id: restored(layout, lines) for submission_id, layout, lines in rows}


_NOT_CHECKED = """
WITH line AS (
    SELECT submission_id, '[' || string_agg(
        concat('{"table":', table_number, ',"row":', source_row, ',"kind":"', kind, '","typed":', typed::VARCHAR, '}'),
        ',' ORDER BY table_number, source_row
    ) || ']' AS lines
    FROM raw.line ANTI JOIN checked.submission USING (submission_id)
    GROUP BY submission_id
)
SELECT r.submission_id, r.layout::VARCHAR, coalesce(line.lines, '[]')
FROM raw.reading AS r ANTI JOIN checked.submission USING (submission_id) LEFT JOIN line USING (submission_id)
"""


def publish(home: Home) -> Rows:
    """Publish core and marts as one finished copy, described in English and Vietnamese. Returns rows by table; none
    where the published copy is what is built."""
    if incremental.is_published(home):
        return {}
    return publishing.publish(home, [model for model in models() if not model.table.startswith("staged.")])


def write_feedback(home: Home) -> int:
    """Write the feedback of every submission that has none under the present rules, or whose status is no longer the
    one it spoke of: an unlock lets in what was held. Returns how many."""
    with building(home) as con:
        pending = dicts(con, _TO_ANSWER)
        if pending:
            from pipelines.agencies.feedback import write_feedback as write

            ids = [row["submission_id"] for row in pending]
            write(home, con, ids)
            con.execute("DELETE FROM raw.feedback_written WHERE submission_id IN (SELECT unnest(?::VARCHAR[]))", [ids])
            insert(con, "raw.feedback_written", pending)
    return len(pending)


_TO_ANSWER = """
SELECT s.submission_id, coalesce(o.status, s.status) AS status
FROM core.fct_submission AS s
LEFT JOIN core.fct_submission AS o ON o.submission_id = s.duplicate_of
ANTI JOIN raw.feedback_written AS w
    ON w.submission_id = s.submission_id AND w.status = coalesce(o.status, s.status)
ORDER BY s.ledger_sequence
"""


def write_extracts(home: Home, period_code: str | None = None) -> list[str]:
    """Bundles of a period for the city and each commune with a plan. Without a period: of the newest month whose
    reports are due, and only those whose inputs changed. Returns paths."""
    with reading(home) as con:
        owed = dicts(con, "SELECT DISTINCT period_code, r.due_on, as_of_on FROM marts.mart_reporting_status AS r "
                     "JOIN core.dim_period USING (period_code) WHERE kind = 'month'")  # fmt: skip
        communes = [r[0] for r in con.execute("SELECT commune_code FROM core.dim_commune WHERE has_plan").fetchall()]
    newest = newest_due(owed, owed[0]["as_of_on"]) if owed else None
    period = period_code or (newest and newest["period_code"])
    if not period:
        return []
    bundles = make_bundles(home, period, ["city", *communes], only_if_new=period_code is None)
    return [home.shown(bundle) for bundle in bundles]


def make_bundles(home: Home, period_code: str, scopes: list[str], *, only_if_new: bool = False) -> list[Path]:
    """Bundles of a period as export.export_all makes them, each entered in the ledger and in core.fct_bundle."""
    from pipelines.bundles.bundle import about, export_all

    bundles = export_all(home, period_code, scopes, only_if_new=only_if_new)
    with reading(home) as con:
        entered = {row[0] for row in con.execute("SELECT bundle_id FROM core.fct_bundle").fetchall()}
    if any(bundle.name not in entered for bundle in bundles):
        ledger = Ledger(home)
        record_made(ledger, map(about, bundles))
        _publish_bundles(home, ledger)
    return bundles


def note_sent(home: Home, bundle: Path, to: str, by: str) -> None:
    """Enter in the ledger and in core.fct_bundle that a bundle was handed over. Raises LookupError for one that was
    not made in this home, BundleDamagedError for one that is not whole."""
    from pipelines.bundles.bundle import BundleDamagedError, about, verify

    if faults := verify(bundle):
        raise BundleDamagedError(f"{bundle.name} is not whole: {'; '.join(faults)}")
    ledger, what = Ledger(home), about(bundle)
    if bundle.resolve().is_relative_to(home.exports.resolve()):
        record_made(ledger, [what])  # a run that was killed may have left it unentered
    if what["bundle_id"] not in {entry["bundle_id"] for entry in ledger.of("bundle_made")}:
        raise LookupError(f"bundle {bundle.name} was not made in {home.root}")
    record_sent(ledger, what, to, by)
    if home.published.exists():
        _publish_bundles(home, ledger)


def _publish_bundles(home: Home, ledger: Ledger) -> None:
    """Show at once what became of bundles: they are made from what is published, and so after it."""
    [model] = [model for model in models() if model.table == "core.fct_bundle"]
    publishing.publish_again(home, model, {"raw.bundle_event": bundle_events(ledger)})


def write_site(home: Home) -> int:
    """Make the scorecard say what the published copy says. Returns how many files were written or removed."""
    from pipelines.scorecard.write import write_site as write

    with reading(home) as con:
        return write(home, con)


def run_steps(home: Home) -> None:
    """The steps up to the published copy one after the other, without Dagster around them. Raises ValueError where a
    check fails that stops the publishing."""
    with kept_open():
        load_registry(home)
        receive_files(home)
        read_files(home)
        validate_files(home)
        for model in models():
            with building(home) as con:
                for check, bad, examples in incremental.build_if_changed(con, model).outcomes:
                    if bad and check.severity == "error":
                        raise ValueError(f"{model.table}: {check.description}: {bad} rows, {examples}")
        publish(home)


def check_file(
    registry: Registry, path: Path, commune: str | None = None, agency: str | None = None
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Read and validate one file as if it were received now, from the commune and agency given or stated in it.

    Returns lines by disposition (read, accepted, rejected, ignored) and the findings as rows of checked.finding.
    """
    [(_, got)] = read_all([Job("check", path)], registry.form)
    stated = {name: text for name, text, *_ in reversed(got.get("stated", []))}  # the first of each counts
    folder = f"{commune or stated.get('commune_code', '')}/{agency or stated.get('agency_code', '')}"
    entry = {"sequence": 1, "submission_id": "check", "sha256": "", "size": 0, "folder": folder, "name": path.name,
             "received_at": datetime.now(VIETNAM).isoformat()}  # fmt: skip
    [receipt] = receipts([entry], registry.city_communes, registry.agencies)
    checked = validate_readings(registry, [receipt], {"check": got})
    counts = {"read": len(checked.lines), "accepted": 0, "rejected": 0, "ignored": 0}
    for line in checked.lines:
        counts[line["disposition"]] += 1
    return counts, checked.findings


def validate_readings(
    registry: Registry,
    rows: list[dict[str, Any]],
    readings: dict[str, dict[str, Any]],
    history: History | None = None,
) -> Checked:
    """validate.validate, importing Great Expectations only now."""
    from pipelines.checking.validate import validate

    return validate(registry, rows, readings, history)
