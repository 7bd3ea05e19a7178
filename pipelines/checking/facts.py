"""The facts of a file as a whole: who sends it, for which period, and what its tables lack.

A fact is one column of the frames suites.py hands to Great Expectations. It is None where no rule applies, so that a
rule needs no condition of its own. Which facts are wrong is data (sources/forms/rules.yml). The facts of its lines are
in lines.py, who sends it in identify.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from pipelines.checking.context import TableContext
from pipelines.checking.identify import identify
from pipelines.checking.lookup import Known, loose
from pipelines.files import Row
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import code_key

# How long before a period closes, or is due, its report may come: a yearly one is made in November with what is
# expected of its last weeks (see models/core/dim_due.sql), any other before a weekend or holiday.
_EARLY, _ANY_EARLY = {"year": timedelta(days=30)}, timedelta(days=3)


# ---------------------------------------------------------------- facts of a file


def file_facts(known: Known, receipt: Mapping[str, Any], reading: Mapping[str, Any]) -> Row:
    registry, problem = known.registry, reading["problem"]
    words = registry.form["found_words"]
    tables = reading.get("tables", [])
    missing = [t for t in tables if t["missing"]]
    received_on = datetime.fromisoformat(str(receipt["received_at"])).date()
    who = identify(registry, known.names, known.context, receipt, reading)
    period, commune = who["period"], receipt["commune_code"]
    own = registry.period_of(commune, period.code) if period and commune else None  # by the commune's own calendar
    contexts = [TableContext(known.context, period, table) for table in tables]
    repeated = [(t, *one) for t in tables for one in zip(t["repeated"], [t["repeated_cell"]] * 99, strict=False)]
    others = [(t, *one) for t, context in zip(tables, contexts, strict=True) for one in context.left_out]
    repeated += [(t, *one) for t, context in zip(tables, contexts, strict=True) for one in context.repeated]

    def header(some: list[Row], cell: str) -> list[str | None]:
        return [some[0]["sheet"], some[0][cell]] if some else [tables[0]["sheet"] if tables else None, None]

    return {
        **receipt,
        **who,
        "index": receipt["submission_id"],
        "source_row": None,
        "reading_problem": problem,
        "reading_problem_text": registry.form["problems"].get(problem, problem),
        "has_known_sheet": bool(tables) if not problem else None,
        "reading_problem_fix": registry.form["problem_fixes"].get(problem, registry.form["problem_fixes"]["other"]),
        "nearest": _nearest(registry, reading.get("unread", [])),
        **_passed_over(known, receipt["commune_code"], reading if tables else {}),
        "sheets_found": _several(words, reading.get("sheet_names", [])) or words["nothing"],
        "folder_known": receipt["commune_code"] is not None and receipt["agency_code"] is not None,
        "period_known": period is not None if tables else None,
        "period_has_begun": period.starts_on <= received_on if tables and period else None,
        "period_ends": own.ends_on if own else None,
        **_when(known, commune, own, received_on),
        **_commune_then(registry, commune, own if tables else None),
        "received": received_on,
        "received_on": f"{received_on:%d/%m/%Y}",
        "missing_columns": _several(words, (h for t in missing for h in t["missing"])) if tables else None,
        "missing_where": "; ".join(
            words["missing"].format(sheet=t["sheet"], missing=", ".join(t["missing"]),
                                    found=_several(words, t["headers"]) or words["nothing"]) for t in missing),
        "repeated_columns": _several(words, (text for _, text, _ in repeated)) if tables else None,
        "hidden_places": _hidden(registry, tables) if tables else None,
        "other_columns": _several(words, (text for _, text, _ in others)) if tables else None,
        "missing_lines": None,
        "cells": {
            **who["cells"],
            "file": [None, None],
            "passed_over": _first_passed_over(known, receipt["commune_code"], reading if tables else {}),
            "header": header(missing or tables, "header_cell"),
            "other_header": [others[0][0]["sheet"], others[0][2]] if others else header([], ""),
            "repeated_header": [repeated[0][0]["sheet"], repeated[0][2]] if repeated else header([], ""),
        },
        "contexts": contexts,
        "confirmations": {(sheet, row): answer for sheet, row, answer in reading.get("confirmations", [])},
    }  # fmt: skip


def _nearest(registry: Registry, unread: list[Any]) -> str:
    """What sheets without a table lack to have one."""
    words, listed = registry.form["nearest"], registry.form["found_words"]
    said = [
        words["some" if found else "none"].format(
            sheet=sheet, found=_several(listed, found), missing=_several(listed, missing)
        )
        for sheet, _, found, missing in unread
    ]
    return "; ".join(said[:10]) or str(listed["no_sheet"])


def _known_texts(known: Known, commune: str | None, texts: list[list[str]]) -> list[list[str]]:
    """Of the texts of a sheet those that are a code or a name of an indicator or a task, with their cells."""
    return [
        [cell, text] for cell, text in texts
        if loose(text) in known.indicators or code_key(text) in known.tasks
        or any(known.line_names.codes(kind, commune, text) for kind in known.line_names.columns)
    ]  # fmt: skip


def _passed_over(known: Known, commune: str | None, reading: Mapping[str, Any]) -> Row:
    """The sheets with known codes or names and no table, beside others that have one."""
    found = [(one, _known_texts(known, commune, one[1])) for one in reading.get("unread", [])]
    found = [(one, texts) for one, texts in found if texts]
    words = known.registry.form["found_words"]
    where = [words["at_cell"].format(text=text, cell=cell) for _, texts in found for cell, text in texts[:3]]
    return {
        "sheets_passed_over": _several(words, (one[0] for one, _ in found)) if reading else None,
        "passed_over_where": f"{_several(words, where)} ({_nearest(known.registry, [one for one, _ in found])})",
    }


def _first_passed_over(known: Known, commune: str | None, reading: Mapping[str, Any]) -> list[str | None]:
    for sheet, texts, *_ in reading.get("unread", []):
        if found := _known_texts(known, commune, texts):
            return [sheet, found[0][0]]
    return [None, None]


def _several(words: Row, texts: Iterable[str]) -> str:
    """Texts as a list, the first forty of them."""
    some = list(texts)
    shown = ", ".join(some[:40])
    return words["cut"].format(shown=shown, count=len(some)) if len(some) > 40 else shown


def _when(known: Known, commune: str | None, period: Period | None, received_on: date) -> Row:
    """Whether the commune's own period is over, and one that is owed."""
    if period is None or commune is None or period.starts_on > received_on:
        return {"period_is_over": None, "period_is_owed": None, "period_ends_on": ""}
    closes = min(period.ends_on, period.due_on or period.ends_on) - _EARLY.get(period.kind, _ANY_EARLY)
    owed = period.owed_from is not None and period.starts_on >= period.owed_from
    return {
        "period_is_over": received_on >= closes,
        "period_is_owed": owed and period.ends_on >= known.reports_from.get(commune, period.ends_on),
        "period_ends_on": f"{period.ends_on:%d/%m/%Y}",
    }


def _commune_then(registry: Registry, commune: str | None, period: Period | None) -> Row:
    """Whether the commune was there on its period's last day: neither merged into another nor still to be formed."""
    if commune is None or period is None:
        return {"commune_is_valid": None, "commune_says": "", "commune_fix": ""}
    changes, last_day = registry.successions, period.ends_on
    ended, begins = changes.ended("commune", commune), changes.begins_on("commune", commune)
    if ended and ended["ends_on"] <= last_day:
        kind, on, others = "ended", ended["ends_on"], [changes.newest("commune", commune, last_day)]
    elif begins and last_day < begins:
        kind, on, others = "not_yet", begins, changes.before("commune", commune)
    else:
        return {"commune_is_valid": True, "commune_says": "", "commune_fix": ""}
    said = {
        "commune": registry.communes[commune]["commune_name"],
        "successor": registry.communes[others[0]]["commune_name"],
        "folders": ", ".join(map(registry.folder_of, others)),
        "on": f"{on:%d/%m/%Y}",
        "period": period.label,
    }
    return {
        "commune_is_valid": False,
        "commune_says": registry.form["commune_says"][kind].format_map(said),
        "commune_fix": registry.form["commune_fixes"][kind].format_map(said),
    }


def _hidden(registry: Registry, tables: list[Row]) -> str:
    """Hidden sheets and columns with figures in them."""
    headers = {(s["kind"], c["name"]): c["header"] for s in registry.form["sheets"] for c in s["columns"]}
    words = registry.form["found_words"]
    places = [words["sheet"].format(sheet=t["sheet"]) for t in tables if t["hidden_sheet"]]
    columns = [(table["sheet"], headers[table["kind"], name]) for table in tables for name in table["hidden_columns"]]
    return ", ".join([*places, *(words["column"].format(header=header, sheet=sheet) for sheet, header in columns)])
