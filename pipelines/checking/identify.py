"""Who a file says it is from, and for which period: what it states compared with its folder.

The folder says who sends; a file that states somebody else is refused, one that states nothing takes the folder's. Only
the focal agency sends for others (collected.py). The period is stated in the file, else in a column of its lines, else
in its title or its name, else over its columns.
What its lines say does not belong here (facts.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.checking.collected import Collected, is_focal
from pipelines.checking.lookup import Names
from pipelines.files import Row
from pipelines.reading.context import ContextWords
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import clean
from pipelines.vietnamese.period_names import named_periods, periods_in, stated_period


class _Stated(NamedTuple):
    text: str
    sheet: str | None
    cell: str | None


def identify(
    registry: Registry, names: Names, words: ContextWords, receipt: Mapping[str, Any], reading: Mapping[str, Any]
) -> Row:
    """Facts of a file on who sends it and for which period, and the cells where it says so."""
    tables = reading.get("tables", [])
    stated: dict[str, list[_Stated]] = {}
    for name, *rest in reading.get("stated", []):
        stated.setdefault(name, []).append(_Stated(*rest))
    nowhere = _Stated("", tables[0]["sheet"] if tables else None, None)
    is_known = bool(tables) and receipt["commune_code"] is not None and receipt["agency_code"] is not None
    commune = _other_commune(names, receipt["commune_code"], stated) if is_known else None
    period = _period(registry, words, receipt, reading, stated, nowhere) if tables else _NO_PERIOD | {"place": nowhere}
    collected = _collected(registry, names, receipt, reading, period["period"]) if is_known else None
    is_for_several = collected is not None and collected.is_stated
    agency = _other_agency(names, receipt["agency_code"], stated) if is_known and not is_for_several else None
    unknown = _unknown_names(names, stated) if is_known else []
    return {
        "commune_agrees": commune is None if is_known else None,
        "agency_agrees": agency is None if is_known else None,
        "commune_stated": (commune or nowhere).text,
        "agency_stated": (agency or nowhere).text,
        "unknown_names": ", ".join(f"“{one.text}”" for one in unknown) if is_known else None,
        "collected": collected,
        **{key: value for key, value in period.items() if key != "place"},
        "cells": {
            "commune_code": _place(commune or nowhere),
            "agency_code": _place(agency or nowhere),
            "period_code": _place(period["place"]),
            "unknown_name": _place(unknown[0] if unknown else nowhere),
        },
    }


def _collected(
    registry: Registry, names: Names, receipt: Mapping[str, Any], reading: Mapping[str, Any], period: Period | None
) -> Collected | None:
    """What says whose the lines are, in a file of the commune's focal agency."""
    focal = is_focal(registry, receipt["commune_code"], receipt["agency_code"], period)
    return Collected(registry, names, receipt, reading) if focal else None


def _place(stated: _Stated) -> list[str | None]:
    return [stated.sheet, stated.cell]


def _other_commune(names: Names, commune: str, stated: Mapping[str, list[_Stated]]) -> _Stated | None:
    """The first statement that means another commune. A code must be a registered one; a name may be unknown."""
    for one in stated.get("commune_code", []):
        if commune not in names.communes(one.text):
            return one
    for one in stated.get("commune_name", []):
        if (found := names.communes(one.text)) and commune not in found:
            return one
    for one in [*stated.get("agency_name", []), *stated.get("agency_code", [])]:
        if (found := names.agencies(one.text)[1]) and commune not in found:
            return one
    return None


def _other_agency(names: Names, agency: str, stated: Mapping[str, list[_Stated]]) -> _Stated | None:
    for one in stated.get("agency_code", []):
        if agency not in names.agencies(one.text)[0]:
            return one
    for one in stated.get("agency_name", []):
        if (found := names.agencies(one.text)[0]) and agency not in found:
            return one
    return None


def _unknown_names(names: Names, stated: Mapping[str, list[_Stated]]) -> list[_Stated]:
    """Names that mean nobody registered, without a code beside them."""
    communes = [] if "commune_code" in stated else stated.get("commune_name", [])
    agencies = [] if "agency_code" in stated else stated.get("agency_name", [])
    unknown = [one for one in communes if not names.communes(one.text)]
    return unknown + [one for one in agencies if not names.agencies(one.text)[0]]


# ---------------------------------------------------------------- the period

_NO_PERIOD: Row = {"period": None, "period_stated": "", "period_says": "", "period_source": None,
                   "period_label": "", "periods_stated": "",
                   "period_is_one": None, "period_elsewhere": None}  # fmt: skip


def _period(
    registry: Registry,
    words: ContextWords,
    receipt: Mapping[str, Any],
    reading: Mapping[str, Any],
    stated: Mapping[str, list[_Stated]],
    nowhere: _Stated,
) -> Row:
    """The period and where it is taken from: stated, column, or elsewhere (title, file name, headers)."""
    said = stated.get("period_code", [])
    in_column = [] if said else _in_column(reading)
    elsewhere = _elsewhere(registry, receipt, reading)
    texts, in_headers = said or in_column, []
    codes = list(dict.fromkeys(code for one in texts if (code := stated_period(one.text))))
    if texts:
        code, place, source = stated_period(texts[0].text), texts[0], "stated" if said else "column"
    else:
        in_headers = [] if elsewhere else _in_headers(registry, words, reading)
        found = list(dict.fromkeys(code for _, code in elsewhere or in_headers))
        several = "; ".join(dict.fromkeys(text for text, _ in elsewhere or in_headers))
        named = found[0] if len(found) == 1 and found != ["?"] else several
        code, place, source = found[0] if len(found) == 1 else "", nowhere._replace(text=named), "elsewhere"
    period = registry.periods.get(code)
    others = [f"“{text}”" for text, other in elsewhere if period and other not in ("?", period.code)]
    return {
        "place": place,
        "period": period,
        "period_stated": place.text,
        "period_says": _says(registry, place.text, bool(elsewhere and not texts), bool(in_headers)),
        "period_source": source if period else None,
        "period_label": period.label if period else "",
        "periods_stated": ", ".join(codes),
        "period_is_one": len(codes) <= 1,
        "period_elsewhere": ", ".join(dict.fromkeys(others)) if texts and period else None,
    }


def _says(registry: Registry, text: str, is_elsewhere: bool, is_in_headers: bool) -> str:
    """Why the period cannot be told."""
    words = registry.form["period_says"]
    if is_elsewhere or is_in_headers:
        return str(words["several" if is_elsewhere else "columns"]).format(text=text)
    kind = "none" if not text else "lost_zero" if _LOST_ZERO.fullmatch(text) else "unread"
    return str(words[kind]).format(text=text)


_LOST_ZERO = re.compile(r"20\d\d\s?[.,]\s?1")


def _in_column(reading: Mapping[str, Any]) -> list[_Stated]:
    """Every period the lines state in a column of their own."""
    return [
        _Stated(clean(line["typed"]["period_code"][2]), table["sheet"], line["typed"]["period_code"][0])
        for table in reading.get("tables", [])
        for line in table["lines"]
        if line["kind"] in ("data", "unanswered") and "period_code" in line["typed"]
    ]


def _in_headers(registry: Registry, words: ContextWords, reading: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Periods named in or over the headers of columns for figures, as (text, code); '?' where one of several columns
    for the same figure names none, or one without its year. What is planned or compared names none."""
    found = []
    for some in (some for table in reading.get("tables", []) for some in table["choices"].values()):
        for _, header, _, around, above in some:
            said = [(text, words.understand(text, True)) for text, _ in [*around, *above]]
            if any(set(one.kinds) - {"this_period", "cumulative"} for _, one in said):
                continue
            named = [(text, code) for text, one in said for code in one.periods if not code.isdigit()]
            found += [(text, code if code in registry.periods else "?") for text, code in named]
            found += [] if named or len(some) == 1 else [(header, "?")]
    return found if any(code != "?" or periods_in(text, short=True).codes for text, code in found) else []


def _elsewhere(registry: Registry, receipt: Mapping[str, Any], reading: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Periods named in the titles and in the file's name, as (text, code). A year named is no period for sure."""
    name = str(receipt.get("original_name") or "")
    found = []
    for text in [*(title[0] for title in reading.get("titles", [])), name.rpartition(".")[0] or name]:
        codes = [c for c in named_periods(text) if c == "?" or getattr(registry.periods.get(c), "kind", "") != "year"]
        if codes != ["?"]:
            found += [(text, code) for code in codes]
    return found
