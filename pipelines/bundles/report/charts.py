"""Charts of the Word report as PNG: counts by status, in a font that ships with matplotlib, the same bytes every time.

What they count belongs to report/results.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from pipelines.office.colours import BARS
from pipelines.vietnamese import format_number

_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
_INCH = 25.4
_DOTS = 200


class Bar(NamedTuple):
    """A status, how many have it, and how serious it is (0 to 4)."""

    label: str
    size: int
    severity: int


def bars(panels: Sequence[tuple[str, Sequence[Bar]]], width: float) -> bytes:
    """One block of horizontal bars a panel (title, bars), all on one scale. width: millimetres."""
    plain, bold = _fonts(9), _fonts(9.5, bold=True)
    lines = sum(len(one) + 1.6 for _, one in panels)
    figure = _figure(width, 6.2 * lines)
    most = max(bar.size for _, one in panels for bar in one)
    done = 0.0
    for title, one in panels:
        height = len(one) / lines
        axes = figure.add_axes((0.45, 1 - (done + 1.2 + len(one)) / lines, 0.5, height))
        done += len(one) + 1.6
        places = range(len(one), 0, -1)
        axes.barh(places, [bar.size for bar in one], color=[f"#{BARS[bar.severity]}" for bar in one], height=0.62)
        axes.set_xlim(0, most * 1.12)
        axes.set_ylim(0.4, len(one) + 0.6)
        axes.set_yticks(places, [bar.label for bar in one], fontproperties=plain)
        axes.set_title(title, fontproperties=bold, loc="left", x=-0.9, pad=3)
        for place, bar in zip(places, one, strict=True):
            axes.text(bar.size + most * 0.012, place, format_number(bar.size), va="center", fontproperties=plain)
        _bare(axes)
    return _png(figure)


def stacked(rows: Sequence[tuple[str, Sequence[Bar]]], width: float) -> bytes:
    """One bar a row (name, parts), the parts side by side in one order, with a legend of their words."""
    plain = _fonts(9)
    drawn_height, legend_height = 7.5 * len(rows), 17
    height = drawn_height + legend_height + 2
    figure = _figure(width, height)
    named = max(0.2, 2.0 * max(len(name) for name, _ in rows) / width + 0.02)  # the longest name, at 9 points
    axes = figure.add_axes((named, legend_height / height, 0.97 - named, drawn_height / height))
    kinds = sorted({(bar.severity, bar.label) for _, one in rows for bar in one})
    most = max(sum(bar.size for bar in one) for _, one in rows)
    seen: dict[tuple[int, str], Any] = {}
    for place, (_, one) in zip(range(len(rows), 0, -1), rows, strict=True):
        start = 0
        for severity, label in kinds:
            count = sum(bar.size for bar in one if (bar.severity, bar.label) == (severity, label))
            if not count:
                continue
            alike = [kind for kind in kinds if kind[0] == severity]  # those of one severity are lighter and lighter
            drawn = axes.barh(place, count, left=start, color=f"#{BARS[severity]}", height=0.66, edgecolor="white",
                              alpha=1 - 0.6 * alike.index((severity, label)) / len(alike))  # fmt: skip
            seen.setdefault((severity, label), drawn)
            if count > most * 0.02:
                middle = start + count / 2
                axes.text(middle, place, format_number(count), va="center", ha="center", fontproperties=plain)
            start += count
    axes.set_ylim(0.4, len(rows) + 0.6)
    axes.set_yticks(range(len(rows), 0, -1), [name for name, _ in rows], fontproperties=plain)
    _bare(axes)
    axes.legend([seen[kind] for kind in kinds], [label for _, label in kinds], loc="upper center", ncols=3,
                bbox_to_anchor=(0.4, 0), frameon=False, prop=_fonts(8))  # fmt: skip
    return _png(figure)


def _fonts(size: float, *, bold: bool = False) -> FontProperties:
    name = "DejaVuSerif-Bold.ttf" if bold else "DejaVuSerif.ttf"
    return FontProperties(fname=_FONTS / name, size=size)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width / _INCH, height / _INCH), dpi=_DOTS)
    FigureCanvasAgg(figure)
    return figure


def _bare(axes: Any) -> None:
    axes.set_xticks([])
    axes.tick_params(length=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color("#888888")


def _png(figure: Figure) -> bytes:
    made = io.BytesIO()
    figure.savefig(made, format="png", metadata={"Software": None})
    return made.getvalue()
