"""No file stops the day: a file for which a step or a check that stops the publishing fails is set aside, with its
reason, and everything else is built without it.

Only files that were never published can be set aside so: what was taken once and does no longer fit is a mistake in the
registry or the models, and stops the publishing. A person's decision to set a file aside is intake/acts.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import duckdb

from pipelines.files import Row, read_yaml
from pipelines.home import SOURCES, Home
from pipelines.intake.acts import files_set_aside, set_aside
from pipelines.intake.ledger import Ledger
from pipelines.warehouse.database import building, reading
from pipelines.warehouse.incremental import Done, build_if_changed, outdated
from pipelines.warehouse.models import Check, Model, models
from pipelines.warehouse.rows import dicts, get_info, replace, set_info

BY = "kpi57"
# The machine's trouble, and no file's.
_NO_FILES_FAULT = (OSError, MemoryError, duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException,
                   duckdb.InterruptException, duckdb.TransactionException, duckdb.CatalogException,
                   duckdb.BinderException, duckdb.ParserException)  # fmt: skip
_log = logging.getLogger(__name__)


class CheckFailedError(ValueError):
    """A check that stops the publishing found something that no new file is to blame for."""


def enter_set_aside(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> int:
    """What the ledger says of files set aside into raw.set_aside, with the head that proves it. Returns how many."""
    enter_head(con, ledger)
    return replace(con, "raw.set_aside", _as_told(files_set_aside(ledger)))


def _as_told(rows: Iterable[Row]) -> list[Row]:
    """Rows of raw.set_aside with what the sender is told: what is wrong, and what to do."""
    words = read_yaml(SOURCES / "forms" / "periodic-report.yml")["set_aside"]
    told = []
    for row in rows:
        by = "by_system" if row.get("check_code") else "by_person"
        told.append({**row, "message": words[by].format(reason=row["reason"]), "fix": words[f"{by}_fix"]})
    return told


def enter_head(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    """Note up to which entry of the ledger the warehouse was built."""
    head = ledger.head_of_state
    set_info(con, "ledger_entries", str(head.entries))
    set_info(con, "ledger_head", head.sha256)


def note_change(con: duckdb.DuckDBPyConnection) -> None:
    """Note that rows Python wrote were changed, and not only added to: what was built from them is built again."""
    set_info(con, "changes", str(int(get_info(con, "changes") or 0) + 1))


def one_by_one(
    home: Home,
    pending: Sequence[dict[str, Any]],
    step: str,
    work: Callable[[Sequence[dict[str, Any]]], dict[str, int]],
) -> dict[str, int]:
    """Do the work for all pending files (rows of raw.receipt) together; where it fails, for each alone, and set those
    aside for which it fails. Returns the sums of what work returns."""
    try:
        return work(pending)
    except _NO_FILES_FAULT:
        raise
    except Exception:
        if not pending:
            raise
        _log.exception("the step '%s' fails for a file: each is taken alone", step)
    sums: dict[str, int] = {}
    for one in pending:
        try:
            done = work([one])
        except _NO_FILES_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this file's alone
            _set_aside(home, {one["submission_id"]: f"{type(error).__name__}: {error}"}, step)
            continue
        sums = {table: sums.get(table, 0) + rows for table, rows in done.items()}
    return sums


def build_model(home: Home, model: Model) -> Done:
    """Build a model if anything it is made from changed; a new file for which it fails is set aside first."""
    while True:
        try:
            with building(home) as con:
                done = build_if_changed(con, model)
                failing = [check for check, bad, _ in done.outcomes if bad and check.severity == "error"]
                blamed = _named(con, failing) & _new(home, con) if failing else set()
        except _NO_FILES_FAULT:
            raise
        except duckdb.Error as error:
            found, failing = _found_by_leaving_out(home, model), []
            if not found:
                raise
            _set_aside(home, dict.fromkeys(found, str(error).splitlines()[0]), model.table)
        else:
            if not failing:
                return done
            blamed = blamed or set(_found_by_leaving_out(home, model))
            if not blamed:
                return done
            reason = "; ".join(f"{check.code}: {check.description}" for check in failing)
            _set_aside(home, dict.fromkeys(sorted(blamed), reason), model.table)
        _build_what_it_reads(home, model)


def settle(home: Home) -> None:
    """Build what is out of date, as because a file was set aside after it was built. Raises CheckFailedError."""
    while behind := _outdated(home):
        for model in behind:
            done = build_model(home, model)
            for check, bad, examples in done.outcomes:
                if bad and check.severity == "error":
                    raise CheckFailedError(f"{model.table}: {check.description}: {bad} rows, {examples}")


def _outdated(home: Home) -> list[Model]:
    with building(home) as con:
        return outdated(con)


# ---------------------------------------------------------------- who is to blame


def _named(con: duckdb.DuckDBPyConnection, failing: Iterable[Check]) -> set[str]:
    """The submissions that the rows of failing checks name."""
    named: set[str] = set()
    for check in failing:
        for row in dicts(con, check.sql):
            ids = [row.get(name) for name in ("submission_id", "actual_id", "task_report_id")]
            named |= {str(found).partition("/")[0] for found in ids if found}
    return named


_PUBLISHED = """
SELECT submission_id FROM core.fct_submission WHERE status NOT IN ('held', 'set_aside')
"""


def _new(home: Home, con: duckdb.DuckDBPyConnection) -> set[str]:
    """The files that never counted in what was published and are not set aside yet."""
    received = {row[0] for row in con.execute("FROM (SELECT submission_id FROM raw.receipt) "
                                              "ANTI JOIN raw.set_aside USING (submission_id)").fetchall()}  # fmt: skip
    try:
        with reading(home) as published:
            return received - {row[0] for row in published.execute(_PUBLISHED).fetchall()}
    except (FileNotFoundError, duckdb.Error):
        return received


def _found_by_leaving_out(home: Home, model: Model) -> list[str]:
    """The new files without which the model can be built and checked, found by halving; [] where it fails without any
    of them too. The ledger is not touched."""
    with building(home) as con:
        order = [
            row[0] for row in con.execute("SELECT submission_id FROM raw.receipt ORDER BY ledger_sequence").fetchall()
        ]
        new = _new(home, con)
    candidates = [one for one in order if one in new]
    kept: list[str] = []

    def fails(chosen: Sequence[str]) -> bool:
        left_out = new - set(chosen)
        with building(home) as con:
            rows = files_set_aside(Ledger(home))
            tried = [{"submission_id": one, "reason": "tried without it", "acted_by": BY} for one in sorted(left_out)]
            replace(con, "raw.set_aside", _as_told([*rows, *tried]))
        try:
            _build_what_it_reads(home, model)
            with building(home) as con:
                outcomes = build_if_changed(con, model).outcomes
        except _NO_FILES_FAULT:
            raise
        except duckdb.Error:
            return True
        return any(bad for check, bad, _ in outcomes if check.severity == "error")

    def culprits(group: Sequence[str]) -> list[str]:
        if not fails([*kept, *group]):
            kept.extend(group)
            return []
        if len(group) == 1:
            return list(group)
        half = len(group) // 2
        return culprits(group[:half]) + culprits(group[half:])

    try:
        return [] if not candidates or fails([]) else culprits(candidates)
    finally:
        with building(home) as con:
            replace(con, "raw.set_aside", _as_told(files_set_aside(Ledger(home))))


def _build_what_it_reads(home: Home, model: Model) -> None:
    """Rebuild the models that a model is made from, directly or through others, where they are out of date."""
    by_table = {one.table: one for one in models()}
    wanted, more = set(), {model.table}
    while more:
        wanted |= more
        more = {table for name in more for table in by_table[name].depends if table in by_table} - wanted
    for one in models():
        if one.table in wanted and one.table != model.table:
            with building(home) as con:
                build_if_changed(con, one)


def _set_aside(home: Home, reasons: Mapping[str, str], check: str) -> None:
    """Enter files as set aside by a check: in the ledger, in raw.set_aside, and in what the operator is told."""
    ledger = Ledger(home)
    names = {entry["submission_id"]: f"{entry['folder']}/{entry['name']}" for entry in ledger.of("received")}
    for submission_id, reason in reasons.items():
        set_aside(ledger, submission_id, reason, BY, check=check)
        _log.warning(
            "%s (%s) is set aside, all else goes on: %s: %s", names[submission_id], submission_id, check, reason
        )
    with building(home) as con:
        enter_set_aside(con, ledger)
