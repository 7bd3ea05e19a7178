"""Checking files before they are sent, as a run would judge them: one answer a file, for a terminal, a program, a page.

What is known from before is taken from the published warehouse, where there is one. What is right is decided in
checking/; nothing is entered anywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.checking import expectations
from pipelines.checking.earlier_figures import History, Past, PastReport, stored
from pipelines.checking.lookup import Names
from pipelines.checking.validate import validate
from pipelines.files import Row
from pipelines.home import Home
from pipelines.intake.ledger import VIETNAM
from pipelines.intake.receive import receipts
from pipelines.reading.read import Job, read_all
from pipelines.registry.registry import Registry


def check_files(
    registry: Registry, paths: Sequence[Path], commune: str | None = None, agency: str | None = None,
    home: Home | None = None,
) -> list[Row]:  # fmt: skip
    """Read and judge files as if they were received now, one after the other, from the commune and agency given (by
    code or name), else from those of the folder they lie in, else from those they state.

    One object a file: file, commune, agency, period, facts, tasks, findings, lines (read, accepted, held, rejected,
    ignored); a fact or task of another agency than the file's has it as agency. Raises LookupError for a commune or
    agency given that nobody knows.
    """
    names = Names(registry)
    given = _commune(names, commune), _agency(names, agency)
    readings = {
        job.key: got for job, got in read_all([Job(str(n), path) for n, path in enumerate(paths)], registry.form)
    }
    entries = [
        {"sequence": n, "submission_id": str(n), "sha256": str(n), "size": 0, "name": path.name,
         "folder": _folder(registry, names, path, readings[str(n)], given),
         "received_at": datetime.now(VIETNAM).isoformat()}
        for n, path in enumerate(paths)
    ]  # fmt: skip
    rows = receipts(entries, registry.city_communes, registry.agency_folders)
    history = _history(home, rows) if home is not None and home.published.exists() else None
    checked = validate(registry, rows, readings, expectations.unexpected, history)
    of_file = {name: _by_file(getattr(checked, name)) for name in ("lines", "actuals", "task_reports", "findings")}
    periods = {one["submission_id"]: one["period_code"] for one in checked.submissions}
    return [
        _answer(registry, row, path, periods[row["submission_id"]], {name: some[row["submission_id"]]
                                                                    for name, some in of_file.items()})
        for row, path in zip(rows, paths, strict=True)
    ]  # fmt: skip


def files_in(path: Path) -> list[Path]:
    """A file, or the files of a folder and the folders in it, without the temporary ones of office programs."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith(("~$", ".")))


def _commune(names: Names, text: str | None) -> str | None:
    if text is None:
        return None
    found = names.communes(text)
    if len(found) != 1:
        wrong = f"may be any of {', '.join(sorted(found))}" if found else "is not a commune of a city with a plan"
        raise LookupError(f"commune '{text}' {wrong}: give its code of five digits, for example 11164")
    return min(found)


def _agency(names: Names, text: str | None) -> str | None:
    if text is None:
        return None
    found = names.agencies(text)[0]
    if len(found) != 1:
        raise LookupError(f"agency '{text}' is none that is registered: give its code, for example CA")
    return min(found)


def _folder(
    registry: Registry, names: Names, path: Path, got: Mapping[str, Any], given: tuple[str | None, str | None]
) -> str:
    """The folder the file would lie in: as given, as it lies in one, or as it states."""
    stated = {name: text for name, text, *_ in reversed(got.get("stated", []))}  # the first of each counts
    above = [part.name for part in path.resolve().parents]
    communes = [part.split("-")[0] for part in above if part.split("-")[0] in registry.city_communes]
    agencies = [part for part in above if part in registry.agencies] if communes else []
    commune = given[0] or (communes[0] if communes else None)
    agency = given[1] or (agencies[0] if agencies else None)
    for text in (stated.get("commune_code", ""), stated.get("commune_name", "")):
        commune = commune or (min(found) if len(found := names.communes(text)) == 1 else None)
    for text in (stated.get("agency_code", ""), stated.get("agency_name", "")):
        agency = agency or (min(found) if len(found := names.agencies(text)[0]) == 1 else None)
    return f"{commune or ''}/{agency or ''}"


# ---------------------------------------------------------------- what is known from before

_IN_FORCE = """
SELECT commune_code, agency_code, indicator_code, period_code,
    if(is_withdrawn, NULL, numerator), if(is_withdrawn, NULL, denominator), if(is_withdrawn, NULL, value),
    recorded_at::DATE
FROM core.fct_actual
WHERE is_current AND commune_code IN (SELECT unnest($communes::VARCHAR[]))
"""
_REPORTS = """
SELECT commune_code, agency_code, task_id, period_code, state, percent_done, document_number, document_date
FROM core.fct_task_report
WHERE is_current AND commune_code IN (SELECT unnest($communes::VARCHAR[]))
"""
_HELD = """
SELECT commune_code, agency_code, code, period_code, submission_id, table_kind, numerator, denominator, value,
    value_text, document_number, document_date
FROM marts.mart_held_line
WHERE commune_code IN (SELECT unnest($communes::VARCHAR[]))
"""


def _history(home: Home, rows: list[Row]) -> History:
    """The figures in force and what is held, of the communes the files are from, as published."""
    from pipelines.warehouse.database import reading  # DuckDB, which a check without a warehouse does not need

    parameters = {"communes": sorted({row["commune_code"] for row in rows if row["commune_code"]})}
    in_force: dict[tuple[str, str, str], list[Past]] = defaultdict(list)
    held: dict[tuple[str, str, str, str], list[Any]] = defaultdict(list)
    reports: dict[tuple[str, str, str], list[PastReport]] = defaultdict(list)
    with reading(home) as con:
        for commune, agency, code, period, *figures in con.execute(_IN_FORCE, parameters).fetchall():
            in_force[commune, agency, code].append(Past(period, *figures))
        for commune, agency, code, period, *report in con.execute(_REPORTS, parameters).fetchall():
            reports[commune, agency, code].append(PastReport(period, *report))
        for *place, submission, kind, num, den, value, text, number, day in con.execute(_HELD, parameters).fetchall():
            said = (num, den, value, text) if kind == "indicator" else (text, value, number, day)
            held[tuple(place)].append((tuple(map(stored, said)), submission))
    return History(in_force, held, reports)


# ---------------------------------------------------------------- the answer


def _by_file(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["submission_id"]].append(row)
    return found


def _answer(registry: Registry, receipt: Row, path: Path, period: str | None, checked: Mapping[str, list[Row]]) -> Row:
    codes = {(line["source_sheet"], line["source_row"]): line["code"] for line in checked["lines"]}
    counts = {"read": len(checked["lines"]), "accepted": 0, "held": 0, "rejected": 0, "ignored": 0}
    for line in checked["lines"]:
        counts[line["disposition"]] += 1
    return {
        "file": str(path),
        "commune": receipt["commune_code"],
        "agency": receipt["agency_code"],
        "period": period,
        "facts": [
            {"code": one["indicator_code"], "period": period, **{n: _number(one[n]) for n in _FIGURES},
             "is_estimate": bool(one.get("is_estimate")), "state": _state(one), **_agency_of(one)}
            for one in checked["actuals"]
        ],
        "tasks": [
            {"code": one["task_id"], "period": period, "state_reported": one["state"],
             "percent_done": _number(one["percent_done"]), "document_number": one["document_number"],
             "document_date": one["document_date"], "state": _state(one), **_agency_of(one)}
            for one in checked["task_reports"]
        ],
        "findings": [
            {"rule": one["rule_code"], "severity": one["severity"],
             "code": codes.get((one["source_sheet"], one["source_row"])), "sheet": one["source_sheet"],
             "cell": one["source_cell"], **{name: one[name] for name in ("found", "message", "fix")}}
            for one in _as_asked(registry, receipt, checked["findings"])
        ],
        "lines": counts,
    }  # fmt: skip


_FIGURES = ("numerator", "denominator", "value")


def _agency_of(one: Row) -> Row:
    return {"agency": one["agency_code"]} if one["agency_code"] else {}


def _state(one: Row) -> str:
    return "held" if one["is_held"] else "accepted"


def _number(text: str | None) -> int | float | None:
    if text is None:
        return None
    number = Decimal(text)
    return int(number) if number == int(number) else float(number)


def _as_asked(registry: Registry, receipt: Row, findings: list[Row]) -> list[Row]:
    """A file that lies in no folder of the inbox is asked whose it is in words that say what to add."""
    if receipt["commune_code"] is not None and receipt["agency_code"] is not None:
        return findings
    words = registry.form["unknown_sender"]
    return [one | words if one["rule_code"] == "T03" else one for one in findings]
