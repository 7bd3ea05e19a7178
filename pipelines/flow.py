"""The steps of a run, from sources to the published copy, each one function on a Home.

Every step finds its own work: what is not yet done is done, what is done is left alone, so that a run after a crash
finishes the work of the last. Dagster's view of the steps is assets.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from pipelines.agencies.feedback_kept import discard_answer, lost
from pipelines.checking import quarantine
from pipelines.checking.earlier_figures import NEVER_REFUSING
from pipelines.checking.misplaced import place
from pipelines.checking.rules import insist
from pipelines.earlier_homes import keep_aside, note_told, take_over
from pipelines.files import read_json, write_whole
from pipelines.home import SOURCES, Home
from pipelines.intake.acts import (
    approval_events,
    bundle_events,
    period_events,
    record_made,
    record_removed,
    record_sent,
    record_told,
    superseded,
    told_events,
)
from pipelines.intake.acts_received import take_acts, waiting_acts
from pipelines.intake.editions import Edition, editions, record_edition, rows_of
from pipelines.intake.ledger import VIETNAM, Ledger, archived, store
from pipelines.intake.places import join
from pipelines.intake.receive import receive, waiting
from pipelines.judging import (
    CHECKED,
    enter_receipts,
    fill_due_days,
    judge_pending,
    read_again,
    read_pending,
    registry_of,
    unjudged,
)
from pipelines.office.statuses import newest_due
from pipelines.registry import registry as registries
from pipelines.upkeep import summary
from pipelines.upkeep.retention import BUNDLE_DAYS
from pipelines.warehouse import database, incremental, published_copy, publishing
from pipelines.warehouse.database import building, kept_open, reading, run_lock
from pipelines.warehouse.known import enter_edition
from pipelines.warehouse.models import models
from pipelines.warehouse.rows import count, dicts, get_info, replace, set_info
from pipelines.warehouse.segments import load_segments, mark_recorded, write_segment

Rows = dict[str, int]
_REGISTRY = ("raw.edition", "raw.commune", "raw.agency", "raw.indicator", "raw.period", "raw.asked", "raw.status",
             "raw.succession", "raw.plan", "raw.plan_document", "raw.target", "raw.task", "raw.indicator_duty",
             "raw.task_duty", "raw.higher_plan", "raw.higher_target")  # fmt: skip


def load_registry(home: Home) -> Rows:
    """Keep what sources/ says, if it is new, and load the editions that are not loaded yet into the raw tables."""
    ledger = Ledger(home)
    ledger.catch_up()
    keep_aside(home, ledger)
    record_edition(home, ledger, SOURCES, _rows_of_sources)
    database.prepare(home)
    with building(home) as con:
        new = editions(ledger)[count(con, "raw.edition") :]
        in_place = not new and not incremental.has_other_models(con)
    if not in_place:  # nearly all is rebuilt: into a new file, which has no holes
        database.discard_built(home)
    elif waiting(home):
        with building(home) as con:
            of_sources = incremental.made_of_sources(con)
        database.keep_of_built(home, of_sources)
    with building(home) as con:
        set_info(con, "schema", database.schema_mark())
        set_info(con, "version", version("kpi57"))
        enter_editions(home, con, new)
        return {table: count(con, table) for table in _REGISTRY}


def _rows_of_sources(sources: Path) -> dict[str, list[dict[str, Any]]]:
    """What sources/ says, by table. Raises ValueError where it does not hold together."""
    registry = registries.load(sources)
    insist(registry.rules, registry.form, NEVER_REFUSING)
    return registry.rows()


def enter_editions(home: Home, con: duckdb.DuckDBPyConnection, new: list[Edition]) -> None:
    """What editions say, one after the other, into the raw tables."""
    for edition in new:
        enter_edition(con, edition.digest, edition.sequence, edition.known_from, rows_of(home, edition))


def receive_files(home: Home) -> Rows:
    """Take the inbox, or what the places joined here say, into archive and ledger; the ledger, and the verdicts that it
    names, into the warehouse. Rows: new receipts."""
    ledger = Ledger(home)
    ledger.seal()
    ledger.record_site(home.place)
    if home.places:
        join(home, ledger)
        ledger.record_day(home.day)
    else:
        ledger.record_day(home.day)
        _take_inbox(home, ledger)
    is_earlier = not ledger.of("judged") and home.earlier_build.exists()
    with building(home) as con:
        if is_earlier and not count(con, "checked.submission"):
            take_over(home, con, editions(ledger)[0])
        return enter_ledger(home, con, ledger, editions(ledger)[-1], ledger.as_of)


def _take_inbox(home: Home, ledger: Ledger) -> None:
    if waiting_acts(home):
        known = registries.load(SOURCES)
        take_acts(home, ledger, known.city_communes, known.periods)
    receive(home, ledger)


def enter_ledger(home: Home, con: duckdb.DuckDBPyConnection, ledger: Ledger, newest: Edition, as_of: date) -> Rows:
    """What a ledger says, and the verdicts it names, into the raw and checked tables. Rows: new receipts, events."""
    load_segments(con, segments_of(home, ledger))
    _note_undone_days(con, ledger)
    rows = {
        "raw.receipt": enter_receipts(home, con, ledger),
        "raw.set_aside": quarantine.enter_set_aside(con, ledger),
        "raw.period_event": replace(con, "raw.period_event", period_events(ledger)),
        "raw.approval_event": replace(con, "raw.approval_event", approval_events(ledger)),
        "raw.bundle_event": replace(con, "raw.bundle_event", bundle_events(ledger)),
        "raw.told": replace(con, "raw.told", told_events(ledger)),
    }
    set_info(con, "edition", newest.digest)
    set_info(con, "as_of", as_of.isoformat())
    set_info(con, "illustrative", "true" if ledger.illustrative else "false")
    return rows | {"raw.build_info": count(con, "raw.build_info")}


def segments_of(home: Home, ledger: Ledger) -> list[tuple[str, int, Path]]:
    """The segments a ledger names: sha256, place in the ledger, where each lies."""
    return [(e["segment"], e["sequence"], archived(home, e["segment"])) for e in ledger.of("judged")]


def _note_undone_days(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Enter all receipts again where a day was undone since: what came on it counts as received at another time."""
    undone = str(sorted((str(day), e["sequence"]) for (_, day), e in ledger.undone.items()))
    if get_info(con, "days_undone") not in (undone, None):
        con.execute("DELETE FROM raw.receipt")
        quarantine.note_change(con)
    set_info(con, "days_undone", undone)


def read_files(home: Home) -> Rows:
    """Read every received file that has neither a reading nor a verdict, and once more, each alone, those for which
    time or memory did not suffice in the run before. Duplicates are not read again."""
    with building(home) as con:
        again = read_again(home, con)
        rows = read_pending(home, con) + len(again)
        place(con, lambda edition: registry_of(home, edition))
    for submission_id in again:
        discard_answer(home, submission_id)  # it said that the file is to be read again
    return {"raw.reading": rows}


def validate_files(home: Home) -> Rows:
    """Give every received file its verdict, by the edition at its receipt."""
    with building(home) as con:
        pending = unjudged(con)

    def judge(rows: Sequence[dict[str, Any]]) -> Rows:
        with building(home) as con:
            return judge_pending(home, con, rows)

    return quarantine.one_by_one(home, pending, "validate", judge)


def record_verdicts(home: Home) -> Rows:
    """Keep the verdicts given since the last run in a segment of the archive, named by the ledger."""
    ledger = Ledger(home)
    with building(home) as con:
        fill_due_days(con)
        new = home.working / ".segment.new"
        written = write_segment(con, new)
        if written:
            data = new.read_bytes()
            ledger.append([{"event": "judged", "segment": store(home, data), "submissions": written}])
            mark_recorded(con, ledger.entries[-1]["segment"], ledger.entries[-1]["sequence"])
            new.unlink()
        quarantine.enter_head(con, ledger)
        recorded = {"raw.segment": count(con, "raw.segment")}
    if home.earlier_build.exists():
        note_told(home, ledger)
        with building(home) as con:
            replace(con, "raw.told", told_events(ledger))
    return recorded


_NEWEST = "SELECT submission_id FROM raw.receipt ORDER BY ledger_sequence DESC LIMIT ?"


def write_rule_docs(home: Home, newest: int | None = None) -> int:
    """Great Expectations' pages of the rules and of what they say of the newest files (None: of all). The files are
    read and checked once more, as when they came; nothing of that is kept. Returns how many."""
    from pipelines.checking.rule_docs import RuleDocs

    docs = RuleDocs()
    with database.opened(home) as con:
        con.execute("BEGIN")
        limit = newest or count(con, "raw.receipt")
        for table in CHECKED:
            con.execute(f"DELETE FROM {table} WHERE submission_id IN ({_NEWEST})", [limit])
        read_pending(home, con)
        checked = judge_pending(home, con, unjudged(con), docs)["checked.submission"]
        con.execute("ROLLBACK")
    docs.write(home.rule_docs, datetime.now(VIETNAM))
    return checked


def publish(home: Home) -> Rows:
    """Publish core and marts as one finished copy, described in English and Vietnamese. Returns rows by table; none
    where the published copy is what is built."""
    quarantine.settle(home)
    if incremental.is_published(home):
        return {}
    return publishing.publish(home, [model for model in models() if model.is_published])


def write_feedback(home: Home) -> int:
    """Write the feedback of every submission that was not told of its verdict yet, whose status is no longer the one it
    was told (an unlock lets in what was held), or whose answer is gone. Returns how many; none where places are joined,
    each of which tells its own."""
    if home.places:
        return 0
    with building(home) as con:
        pending = dicts(con, _TO_TELL)
        ids = dict.fromkeys([row["submission_id"] for row in pending] + lost(home, con))
        if ids:
            from pipelines.agencies.feedback import write_feedback as write

            write(home, con, list(ids))
        if pending:
            ledger = Ledger(home)
            record_told(ledger, pending)
            replace(con, "raw.told", told_events(ledger))
    return len(ids)


_TO_TELL = """
SELECT s.submission_id, s.version, coalesce(o.status, s.status) AS status
FROM core.fct_submission AS s
LEFT JOIN core.fct_submission AS o ON o.submission_id = s.duplicate_of
ANTI JOIN raw.told AS w
    ON w.submission_id = s.submission_id AND w.version = s.version AND w.status = coalesce(o.status, s.status)
ORDER BY s.ledger_sequence
"""


def write_extracts(home: Home, period_code: str | None = None) -> list[str]:
    """Bundles of a period for the city and each commune with a plan. Without a period: of the newest month whose
    reports are due, and only those whose inputs changed. None where places of several cities are joined:
    each makes its own. Returns paths."""
    with reading(home) as con:
        owed = dicts(con, "SELECT DISTINCT period_code, r.due_on, as_of_on FROM marts.mart_reporting_status AS r "
                     "JOIN core.dim_period USING (period_code) WHERE kind = 'month'")  # fmt: skip
        communes = [r[0] for r in con.execute("SELECT commune_code FROM core.dim_commune WHERE has_plan").fetchall()]
        cities = count(con, "(SELECT DISTINCT city_code FROM core.dim_commune)")
    newest = newest_due(owed, owed[0]["as_of_on"]) if owed else None
    period = period_code or (newest and newest["period_code"])
    if not period or (home.places and cities > 1):
        return []
    bundles = make_bundles(home, period, ["city", *communes], only_if_new=period_code is None)
    if period_code is None:
        remove_superseded(home, datetime.now(VIETNAM) - timedelta(days=BUNDLE_DAYS))
    return [home.shown(bundle) for bundle in bundles]


def make_bundles(home: Home, period_code: str, scopes: list[str], *, only_if_new: bool = False) -> list[Path]:
    """Bundles of a period as export.export_all makes them, each entered in the ledger and in core.fct_bundle."""
    from pipelines.bundles.bundle import about, export_all

    published_copy.insist(home)
    bundles = export_all(home, period_code, scopes, only_if_new=only_if_new)
    with reading(home) as con:
        there = con.execute("SELECT bundle_id FROM core.fct_bundle WHERE removed_at IS NULL").fetchall()
    entered = {bundle_id for (bundle_id,) in there}
    if any(bundle.name not in entered for bundle in bundles):
        ledger = Ledger(home)
        record_made(ledger, map(about, bundles))
        _publish_bundles(home, ledger)
    return bundles


def remove_superseded(home: Home, before: datetime) -> list[str]:
    """Remove the bundles that were replaced before a time and never handed over; entered in the ledger and in
    core.fct_bundle. Returns their ids."""
    from pipelines.bundles.bundle import remove

    ledger = Ledger(home)
    old = superseded(ledger, before)
    removed = [made for made in old if remove(home, made["period_code"], made["scope"], made["bundle_id"])]
    if removed:
        record_removed(ledger, removed)
        _publish_bundles(home, ledger)
    return [made["bundle_id"] for made in removed]


def note_sent(home: Home, bundle: Path, to: str, by: str) -> None:
    """Enter in the ledger and in core.fct_bundle that a bundle was handed over. Raises LookupError for one that was
    not made in this home, BundleDamagedError for one that is not intact."""
    from pipelines.bundles.bundle import BundleDamagedError, about, verify

    if faults := verify(bundle):
        raise BundleDamagedError(f"{bundle.name} is not intact: {'; '.join(faults)}")
    ledger, what = Ledger(home), about(bundle)
    if bundle.resolve().is_relative_to(home.exports.resolve()):
        record_made(ledger, [what])  # a run that was killed may have left it unentered
    if what["bundle_id"] not in {entry["bundle_id"] for entry in ledger.of("bundle_made")}:
        raise LookupError(f"bundle {bundle.name} was not made in {home.root}")
    record_sent(ledger, what, to, by)
    if home.published.exists():
        _publish_bundles(home, ledger)


def _publish_bundles(home: Home, ledger: Ledger) -> None:
    """Publish at once which bundles were made and sent: they are made after publishing, from the published copy."""
    [model] = [model for model in models() if model.table == "core.fct_bundle"]
    publishing.publish_again(home, model, {"raw.bundle_event": bundle_events(ledger)})


def write_site(home: Home) -> int:
    """Make the scorecard say what the published copy says. Returns how many files were written or removed."""
    from pipelines.scorecard.write import write_site as write

    published_copy.insist(home)
    with reading(home) as con:
        return write(home, con)


def publish_lake(home: Home, *, replace: bool = False) -> dict[str, Any]:
    """Make the lake hold what the published copy holds, and note how that ended. A lake that cannot be reached fails
    no run: the next one makes up for it. replace: whatever it holds."""
    from pipelines.lake.process import LakeError, lake
    from pipelines.lake.process import publish as publish_to

    published_copy.insist(home)
    to = lake()
    if to is None:
        raise LookupError("KPI57_LAKE names no lake")
    noted = read_json(home.lake) | {"lake": to.shown, "error": None}
    try:
        noted |= publish_to(home, to, replace=replace) | {"at": datetime.now(VIETNAM).isoformat(timespec="seconds")}
    except LakeError as error:
        noted["error"] = str(error)
    write_whole(home.lake, json.dumps(noted, indent=2, ensure_ascii=False) + "\n")
    if home.site.exists() and not noted["error"]:  # the pages name the snapshot that says what they say
        named = {name: noted[name] for name in ("snapshot", "as_of_on", "ledger_head")}
        write_whole(home.site / "lake.json", json.dumps(named) + "\n")
    return noted


def run_steps(home: Home) -> None:
    """The steps up to the published copy one after the other, without Dagster around them. Raises CheckFailedError
    where a check fails that stops the publishing."""
    with kept_open():
        load_registry(home)
        receive_files(home)
        read_files(home)
        validate_files(home)
        record_verdicts(home)
        publish(home)


def run_place(home: Home, run_id: str) -> None:
    """A whole run of one of several places, in one step: up to the published copy, then feedback, bundles and pages.
    Raises BusyError where another run is at work there, CheckFailedError."""
    with run_lock(home):
        summary.begin(home, run_id)
        run_steps(home)
        write_feedback(home)
        write_extracts(home)
        write_site(home)
