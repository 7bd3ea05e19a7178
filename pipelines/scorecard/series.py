"""The way of an indicator to 2045 as the pages' script draws it: figures, milestones, expected path, forecast.

A file an indicator, which its page and the pages of communes read, so that a figure is written once. How it is drawn
belongs to assets/site.js, what it means to models/.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.files import Row
from pipelines.office.figures import in_words
from pipelines.office.wording import say
from pipelines.scorecard.board import Board, key_of
from pipelines.scorecard.filters import embedded, listed
from pipelines.vietnamese import slug

FOLDER = "series"


def script(board: Board, code: str, lines: Sequence[Row], city: Sequence[Row]) -> str:
    """The file of an indicator: its lines in the order of its page, and the figures of the city.

    Packed (DEFLATE, as base64), as a city's figures are a third of that: {name: packed JSON}.
    """
    text = json.dumps(_paths(board, code, lines, city), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return f"(window.SERIES=window.SERIES||{{}})[{embedded(slug(code))}]={embedded(packed)};\n"


def _paths(board: Board, code: str, lines: Sequence[Row], city: Sequence[Row]) -> dict[str, Any]:
    """periods: [code, label, day]; of each series a value a period, and where its milestones are in the list of all."""
    rows_of = [board.series.get(key_of(one), []) for one in lines]
    used = {row["period_code"] for rows in (*rows_of, city) for row in rows}
    periods = [one for one in board.periods if one["period_code"] in used]
    codes = [one["period_code"] for one in periods]
    milestones: list[list[Any]] = []
    series = []
    for line, rows in zip(lines, rows_of, strict=True):
        drawn = [_milestone(row) for row in board.milestones.get(key_of(line), [])]
        if drawn not in milestones:
            milestones.append(drawn)
        series.append({"m": milestones.index(drawn), **_figures(rows, codes), **_ahead(line)})
    return {
        "periods": [[one["period_code"], one["label"], _day(one["measured_on"])] for one in periods],
        "city": _by_period(city, codes, "value"),
        "unit": board.indicators[code]["unit_of_measure"],
        "yes_no": board.indicators[code]["kind"] == "yes_no",
        "milestones": milestones,
        "series": series,
    }


def _figures(rows: Sequence[Row], codes: Sequence[str]) -> dict[str, Any]:
    """v: values or words, e: what was expected, n, d: numerators and denominators, o: notes, by the period's place."""
    said = [{**row, "said": in_words(row, "") if row["value"] is None else row["value"]} for row in rows]
    columns = {"v": "said", "e": "expected_value", "n": "numerator", "d": "denominator"}
    found: dict[str, Any] = {short: _by_period(said, codes, name) for short, name in columns.items()}
    found["o"] = {codes.index(row["period_code"]): row["note"] for row in rows if row["note"]}
    return {name: values for name, values in found.items() if values}


def _by_period(rows: Iterable[Row], codes: Sequence[str], name: str) -> list[Any]:
    found = {row["period_code"]: row[name] for row in rows}
    return _cut([_short(found.get(code)) for code in codes])


def _ahead(line: Row) -> dict[str, Any]:
    """b: the baseline, [day, value]; a: the forecast, [day, value, how sure, day on which the milestone is met]."""
    found: dict[str, Any] = {}
    if line["baseline_on"]:
        found["b"] = [_day(line["baseline_on"]), _short(line["baseline_value"])]
    if is_forecast(line):
        sure = say(f"labels.confidences.{line['forecast_confidence']}")
        found["a"] = _cut(
            [_day(line["next_on"]), _short(line["forecast_at_next"]), sure, _day(line["forecast_meets_on"])]
        )
    return found


def is_forecast(line: Row) -> bool:
    """Whether the line says where the next milestone will be, and has not reached it."""
    return line["forecast_at_next"] is not None and bool(line["next_on"]) and line["pace_status"] != "reached"


def _milestone(row: Row) -> list[Any]:
    """[day, lowest, as written, highest, sort]; what is missing at the end is cut off."""
    sort = "conflict" if row["is_conflict"] else "text" if row["is_text"] else None
    high = row["value_highest"] if row["is_conflict"] else row["value_high"]
    return _cut([_day(row["milestone_on"]), _short(row["value_lowest"]), listed(row["as_written"]), _short(high), sort])


def _cut(values: list[Any]) -> list[Any]:
    while values and values[-1] is None:
        values.pop()
    return values


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _short(value: Decimal | float | str | None) -> float | int | str | None:
    """As the tables show it: two decimals."""
    if value is None or isinstance(value, str):
        return value
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded
