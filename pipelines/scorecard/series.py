"""The way of indicators to 2045 as the pages' script draws it: figures, milestones, expected path, forecast.

Kept small, as every figure is in two pages. How it is drawn belongs to assets/site.js, what it means to models/.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.files import Row
from pipelines.office.wording import say
from pipelines.scorecard.board import Board
from pipelines.scorecard.filters import listed


def paths(board: Board, lines: Sequence[Row], *, full: bool) -> dict[str, Any]:
    """The series of these lines and the periods they name: [code, label, day]. full: with numerators and notes."""
    keys = [(one["commune_code"], one["indicator_code"], one["scope"]) for one in lines]
    used = {row["period_code"] for key in keys for row in board.series.get(key, [])}
    periods = [one for one in board.periods if one["period_code"] in used]
    at = {one["period_code"]: n for n, one in enumerate(periods)}
    return {
        "periods": [[one["period_code"], one["label"], _day(one["measured_on"])] for one in periods],
        "series": [_series(board, line, key, at, full) for line, key in zip(lines, keys, strict=True)],
    }


def _series(board: Board, line: Row, key: tuple[str, str, str], at: dict[str, int], full: bool) -> dict[str, Any]:
    """Figures: [period, value, expected, numerator, denominator, note]; milestones: [day, lowest, as written, highest,
    sort]; forecast: [day, value, how sure, day on which the milestone is met]. What is missing at an end is cut off."""
    series: dict[str, Any] = {
        "f": [_figure(row, at, full) for row in board.series.get(key, [])],
        "m": [_milestone(row) for row in board.milestones.get(key, [])],
        "u": line["unit_of_measure"],
    }
    if line["baseline_on"]:
        series["b"] = [_day(line["baseline_on"]), _short(line["baseline_value"])]
    if is_forecast(line):
        sure = say(f"labels.confidences.{line['forecast_confidence']}")
        series["a"] = [_day(line["next_on"]), _short(line["forecast_at_next"]), sure, _day(line["forecast_meets_on"])]
    if board.indicators[line["indicator_code"]]["kind"] == "yes_no":
        series["y"] = 1
    return series


def is_forecast(line: Row) -> bool:
    """Whether the line says where the next milestone will be, and has not reached it."""
    return line["forecast_at_next"] is not None and bool(line["next_on"]) and line["pace_status"] != "reached"


def _figure(row: Row, at: dict[str, int], full: bool) -> list[Any]:
    said = _short(row["value"]) if row["value"] is not None else row["value_text"]
    more = (_short(row["numerator"]), _short(row["denominator"]), row["note"]) if full else ()
    return _cut([at[row["period_code"]], said, _short(row["expected_value"]), *more])


def _milestone(row: Row) -> list[Any]:
    sort = "conflict" if row["is_conflict"] else "text" if row["is_text"] else None
    high = row["value_highest"] if row["is_conflict"] else row["value_high"]
    return _cut([_day(row["milestone_on"]), _short(row["value_lowest"]), listed(row["as_written"]), _short(high), sort])


def _cut(values: list[Any]) -> list[Any]:
    while values and values[-1] is None:
        values.pop()
    return values


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _short(value: Decimal | float | None) -> float | int | None:
    """As the tables show it: two decimals."""
    if value is None:
        return None
    rounded = round(float(value), 2)
    return int(rounded) if rounded.is_integer() else rounded
