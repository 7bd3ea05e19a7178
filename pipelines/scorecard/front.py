"""The first page of the scorecard: what a chairman asks at the end of November, from a Board.

Each answer is a few lines with a link to the page that has them all. What the figures mean was settled in models/.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import cache
from typing import Any

from pipelines.files import Row, read_yaml
from pipelines.home import SOURCES
from pipelines.scorecard.board import Board

SETTINGS = SOURCES / "reference" / "scorecard.yml"
WINDOWS = ("days_30", "this_year", "next_year")  # of due_within: what is near first
POINTS = 13  # figures of a line: a year and the month it began with
ENDS = 3  # communes, or cities, named at either end
_WIDE, _HIGH = 100, 24


@cache
def settings() -> dict[str, Any]:
    """What the city wants to see."""
    found: dict[str, Any] = read_yaml(SETTINGS)
    return found


def asked_first(known: Container[str]) -> list[str]:
    """The codes of the indicators asked for first. Raises ValueError for one that is none of those known."""
    codes: list[str] = settings()["first_indicators"]
    for code in codes:
        if code not in known:
            raise ValueError(
                f"sources/reference/scorecard.yml: there is no indicator {code}; write one of indicators.csv"
            )
    return codes


def first_indicators(board: Board) -> list[dict[str, Any]]:
    """The indicators the city asks for first: rate, coverage, path, best and last communes. Raises ValueError for a
    code in scorecard.yml that is none."""
    found = []
    for code in asked_first(board.indicators):
        figures = [one for one in board.city if one["indicator_code"] == code and one["value"] is not None]
        places = board.places.get(code, [])
        ends = min(ENDS, len(places) // 2)
        found.append({
            **board.indicators[code], "newest": figures[0] if figures else None,
            "before": figures[min(len(figures), POINTS) - 1] if len(figures) > 1 else None,
            "best": places[:ends], "last": places[len(places) - ends :], "all": places,
            "line": line([float(one["value"]) for one in reversed(figures[:POINTS])]),
            "missing": [one for one in board.outlook if one["indicator_code"] == code],
        })  # fmt: skip
    return found


def line(values: Sequence[float]) -> str:
    """The points of a small drawing, 100 wide and 24 high; '' for less than two figures."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    step, span = _WIDE / (len(values) - 1), (high - low) or 1
    return " ".join(
        f"{n * step:.1f},{_HIGH - 2 - (value - low) / span * (_HIGH - 4):.1f}" for n, value in enumerate(values)
    )


def due(tasks: Sequence[Row]) -> dict[str, list[Row]]:
    """Open tasks by the window their day falls in, the nearest day first."""
    return {window: sorted((one for one in tasks if one["due_within"] == window), key=lambda one: one["due_on"])
            for window in WINDOWS}  # fmt: skip
