"""The way of an indicator to 2045 as the pages' script draws it: figures, milestones, expected path, forecast.

How it is drawn belongs to assets/site.js, what the figures mean to models/.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from pipelines.outputs.site.data import Board, Row
from pipelines.outputs.site.words import CONFIDENCES, listed


def path_of(board: Board, line: Row) -> dict[str, Any]:
    """One indicator of one commune. Figures: [period, day, value, numerator, denominator, expected, note]; milestones:
    [day, lowest, highest, as written, sort]; forecast: [day, value, day on which it is met, how sure]."""
    key = (line["commune_code"], line["indicator_code"], line["scope"])
    forecast = None
    if line.get("forecast_at_next") is not None and line["next_on"] and line["pace_status"] != "reached":
        forecast = [_day(line["next_on"]), line["forecast_at_next"], _day(line["forecast_meets_on"]),
                    CONFIDENCES.get(line["forecast_confidence"], "")]  # fmt: skip
    return {
        "figures": [_figure(row) for row in board.series.get(key, [])],
        "milestones": [_milestone(row) for row in board.milestones.get(key, [])],
        "baseline": [_day(line["baseline_on"]), _float(line["baseline_value"])] if line["baseline_on"] else None,
        "forecast": forecast,
        "unit": line["unit_of_measure"],
        "yes_no": board.indicators[line["indicator_code"]]["kind"] == "yes_no",
    }


def _figure(row: Row) -> list[Any]:
    said = row["value"] if row["value"] is not None else row["value_text"]
    return [row["period_code"], _day(row["measured_on"]), said, row["numerator"], row["denominator"],
            row["expected_value"], row["note"]]  # fmt: skip


def _milestone(row: Row) -> list[Any]:
    sort = "conflict" if row["is_conflict"] else "text" if row["is_text"] else ""
    high = row["value_highest"] if row["is_conflict"] else row["value_high"]
    return [_day(row["milestone_on"]), _float(row["value_lowest"]), _float(high), listed(row["as_written"]), sort]


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
