"""The published tables as a picture (SVG): keys, and lines from a column to the key it joins.

Dimensions stand left, facts and bridges in the middle, marts right; between left and middle each key that is joined
has a lane of its own colour. Only places and colours: what is shown comes from schema_docs.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import cycle
from typing import Protocol

WIDE = 1000  # units across an A4 page: 13 units are 8 points
_COLUMNS = {"dim": (16, 290), "fct": (394, 290), "mart": (716, 268)}  # left edge and width
_LANES_FROM, _LANE = 318, 9
_TOP, _ROW, _GAP = 82, 15, 9
_COLOURS = ("#b3261e", "#1f5fa8", "#2e7d32", "#8e4ec6", "#b25e00", "#00707a", "#a3195b", "#5d4037", "#37474f")
_INK, _GREY = "#1c1b1f", "#5f6368"


class _Column(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def is_key(self) -> bool: ...
    @property
    def points(self) -> str: ...
    @property
    def is_proven(self) -> bool: ...


class _Table(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> tuple[str, ...]: ...
    @property
    def grain(self) -> str: ...
    @property
    def columns(self) -> Sequence[_Column]: ...


@dataclass(frozen=True)
class _Box:
    """A table and where it stands; rows: the columns shown, with the middle of each."""

    table: _Table
    side: str
    top: int
    rows: tuple[tuple[_Column, int], ...]

    @property
    def left(self) -> int:
        return _COLUMNS[self.side][0]

    @property
    def right(self) -> int:
        return self.left + _COLUMNS[self.side][1]

    @property
    def bottom(self) -> int:
        return self.top + _height(len(self.rows))


def picture(tables: Sequence[_Table]) -> str:
    """The whole SVG."""
    boxes = _placed(tables)
    joined = sorted({column.points for box in boxes for column, _ in box.rows if column.points})
    colours = dict(zip(joined, cycle(_COLOURS), strict=False))
    high = max(box.bottom for box in boxes) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {high}" '
        f'font-family="Arial, Liberation Sans, DejaVu Sans, sans-serif" font-size="12" fill="{_INK}">',
        "<title>The published tables of kpi57</title>",
        f'<rect width="{WIDE}" height="{high}" fill="#fff"/>',
        *_heading(),
        *(part for box in boxes for part in _drawn(box, colours)),
        *_lanes(boxes, colours),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _height(rows: int) -> int:
    return 38 + rows * _ROW + 5


def _placed(tables: Sequence[_Table]) -> list[_Box]:
    """Each table below the one before it on its side, showing its key and the columns that join."""
    boxes = []
    below = dict.fromkeys(_COLUMNS, _TOP)
    for table in sorted(tables, key=lambda one: (one.name.partition(".")[2].startswith("bridge"), one.name)):
        schema, _, name = table.name.partition(".")
        side = "mart" if schema == "marts" else "dim" if name.startswith("dim") else "fct"
        top = below[side]
        shown = [column for column in table.columns if column.is_key or column.points]
        rows = tuple((column, top + 38 + number * _ROW + _ROW // 2) for number, column in enumerate(shown))
        boxes.append(_Box(table, side, top, rows))
        below[side] = top + _height(len(shown)) + _GAP
    return boxes


def _heading() -> Iterator[str]:
    yield '<text x="16" y="24" font-size="17" font-weight="bold">The published tables: warehouse/kpi.duckdb</text>'
    yield (
        f'<text x="16" y="42" fill="{_GREY}">bold: key · filled dot: the reference is proven in every run · hollow dot '
        "or chip: bears the name of the key it joins · all columns: docs/tables.md</text>"
    )
    for side, said in (
        ("dim", "core: what is known beforehand"),
        ("fct", "core: what was set and reported"),
        ("mart", "marts: answers, each with its inputs"),
    ):
        yield f'<text x="{_COLUMNS[side][0]}" y="70" font-size="14" font-weight="bold">{said}</text>'


def _drawn(box: _Box, colours: dict[str, str]) -> Iterator[str]:
    """The box with its name, grain and rows."""
    table, wide = box.table, box.right - box.left
    head = {"dim": "#e3ecf7", "fct": "#e6f2e7", "mart": "#f6ecda"}[box.side]
    called = f"({', '.join(table.parameters)})" if table.parameters else ""
    left_out = len(table.columns) - len(box.rows)
    yield (
        f'<rect x="{box.left}" y="{box.top}" width="{wide}" height="{box.bottom - box.top}" fill="#fff" '
        f'stroke="#9aa0a6"/>'
    )
    yield f'<rect x="{box.left}" y="{box.top}" width="{wide}" height="35" fill="{head}" stroke="#9aa0a6"/>'
    yield (
        f'<text x="{box.left + 8}" y="{box.top + 15}" font-size="13" font-weight="bold">'
        f"{escape(table.name.partition('.')[2] + called)}</text>"
    )
    if left_out:
        yield f'<text x="{box.right - 8}" y="{box.top + 15}" text-anchor="end" fill="{_GREY}">+ {left_out}</text>'
    grain = escape(_short(table.grain, (wide - 16) * 10 // 56))
    yield f'<text x="{box.left + 8}" y="{box.top + 29}" font-size="11" fill="{_GREY}">{grain}</text>'
    for column, middle in box.rows:
        weight = ' font-weight="bold"' if column.is_key else ""
        colour = colours.get(column.points, _INK)
        yield f'<text x="{box.left + 18}" y="{middle + 4}"{weight}>{escape(column.name)}</text>'
        if column.points:
            named = column.points.split(".")[1]
            yield (
                f'<text x="{box.right - 12}" y="{middle + 4}" text-anchor="end" font-size="11" fill="{colour}">'
                f"{escape(named)}</text>"
            )
        if column.points and box.side == "mart":
            yield f'<rect x="{box.left + 6}" y="{middle - 4}" width="8" height="8" fill="{colour}"/>'


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: text.rfind(" ", 0, room - 1)] + " …"


def _lanes(boxes: Sequence[_Box], colours: dict[str, str]) -> Iterator[str]:
    """For each key joined within core: a lane, a line from the key to it, and from it to every column that joins."""
    core = [box for box in boxes if box.side != "mart"]
    ends: dict[str, list[tuple[_Box, int, str]]] = {}
    for box in core:
        for column, middle in box.rows:
            if column.points:
                ends.setdefault(column.points, []).append((box, middle, "filled" if column.is_proven else "hollow"))
    for box in core:
        for column, middle in box.rows:
            if (target := f"{box.table.name}.{column.name}") in ends and not column.points:
                ends[target].append((box, middle, "key"))
    for number, (target, joining) in enumerate(sorted(ends.items())):
        colour, lane = colours[target], _LANES_FROM + number * _LANE
        yield (
            f'<path d="M{lane} {min(y for _, y, _ in joining)}V{max(y for _, y, _ in joining)}" stroke="{colour}" '
            f'stroke-width="1.6" fill="none"/>'
        )
        for box, middle, end in joining:
            edge = box.right if box.side == "dim" else box.left
            yield f'<path d="M{lane} {middle}H{edge}" stroke="{colour}" stroke-width="1.2"/>'
            if end == "key":
                yield f'<rect x="{edge - 4}" y="{middle - 4}" width="8" height="8" fill="{colour}"/>'
            else:
                inside = colour if end == "filled" else "#fff"
                yield f'<circle cx="{edge}" cy="{middle}" r="3.5" fill="{inside}" stroke="{colour}"/>'
