"""Charts of the Word report: Word's own, drawn from the figures of a small workbook within, so that an officer can edit
them. The same bytes every time.

What they count belongs to report/results.py, how a chart gets into a document to office/administrative_document.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference, Series
from openpyxl.chart.data_source import (
    AxDataSource,
    NumData,
    NumDataSource,
    NumRef,
    NumVal,
    StrData,
    StrRef,
    StrVal,
)
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.marker import DataPoint
from openpyxl.chart.series import SeriesLabel
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.xml.functions import Element, tostring

from pipelines.office.administrative_document import FONT, Chart
from pipelines.office.charts import bar_chart, colours, counts, solid, stack
from pipelines.office.wording import titles
from pipelines.office.workbook import packed

_BAR, _STACKED_BAR, _LEGEND = 6.2, 7.5, 17  # millimetres
_MADE = datetime(2000, 1, 1)  # the workbook within says nothing of when
_Column = tuple[str, Sequence[int | None]]


class Bar(NamedTuple):
    """A status, how many have it, and how serious it is (0 to 4)."""

    label: str
    size: int
    severity: int


def bars(panels: Sequence[tuple[str, Sequence[Bar]]]) -> Chart:
    """Horizontal bars on one scale. More than one panel (title, bars): each below its title."""
    rows: list[tuple[str, Bar | None]] = []
    for title, one in panels:
        if len(panels) > 1:
            rows += [*([("", None)] if rows else []), (title.upper(), None)]
        rows += [(bar.label, bar) for bar in one]
    chart = bar_chart(FONT)
    chart.legend, chart.gapWidth = None, 60
    shown = [bar for _, bar in rows]
    sheet = _sheet([name for name, _ in rows], [(titles("count")[0], [bar and bar.size for bar in shown])])
    [series] = _series(sheet)
    series.dPt = [DataPoint(idx=number, spPr=solid(colour))
                  for _, one in panels
                  for colour, bar in zip(colours([bar.severity for bar in one]), one, strict=True)
                  for number in [next(n for n, there in enumerate(shown) if there is bar)]]  # fmt: skip
    return _made(chart, [series], sheet, _BAR * len(rows))


def stacked(rows: Sequence[tuple[str, Sequence[Bar]]]) -> Chart:
    """One bar a row (name, parts), the parts side by side in one order, with a legend of their words."""
    kinds = sorted({(bar.severity, bar.label) for _, one in rows for bar in one})
    columns: list[_Column] = [
        (label, [sum(bar.size for bar in one if (bar.severity, bar.label) == (severity, label)) or None
                 for _, one in rows])
        for severity, label in kinds
    ]  # fmt: skip
    chart = bar_chart(FONT)
    stack(chart, FONT)
    sheet = _sheet([name for name, _ in rows], columns)
    series = _series(sheet)
    for one, colour in zip(series, colours([severity for severity, _ in kinds]), strict=True):
        one.spPr = solid(colour)
    return _made(chart, series, sheet, _STACKED_BAR * len(rows) + _LEGEND, _LEGEND)


def _sheet(names: Sequence[str], columns: Sequence[_Column]) -> Worksheet:
    """The figures of a chart in a workbook of their own: names in column A, a column of counts each beside it."""
    sheet: Worksheet = Workbook().worksheets[0]
    for row, name in enumerate(names, 2):
        _text(sheet, row, 1, name)
    for column, (title, sizes) in enumerate(columns, 2):
        _text(sheet, 1, column, title)
        for row, size in enumerate(sizes, 2):
            sheet.cell(row, column).value = size
    sheet.column_dimensions["A"].width = 40
    return sheet


def _text(sheet: Worksheet, row: int, column: int, text: str) -> None:
    cell = sheet.cell(row, column, text)
    cell.data_type = "s"  # whatever it begins with


def _series(sheet: Worksheet) -> list[Series]:
    """A series a column of counts, with what its cells say: Word draws from that, not from the cells."""
    last = sheet.max_row
    names = [sheet.cell(row, 1).value or "" for row in range(2, last + 1)]
    found = []
    for column in range(2, sheet.max_column + 1):
        sizes = [sheet.cell(row, column).value for row in range(2, last + 1)]
        points = [NumVal(idx=n, v=str(size)) for n, size in enumerate(sizes) if size is not None]
        cells = Reference(sheet, min_col=column, min_row=2, max_row=last)
        series = Series(cells)
        series.val = NumDataSource(NumRef(f=str(cells), numCache=NumData("General", len(sizes), points)))
        series.cat = AxDataSource(strRef=_texts(Reference(sheet, min_col=1, min_row=2, max_row=last), names))
        title = Reference(sheet, min_col=column, min_row=1)
        series.tx = SeriesLabel(strRef=_texts(title, [sheet.cell(1, column).value or ""]))
        found.append(series)
    return found


def _texts(cells: Reference, texts: Sequence[str]) -> StrRef:
    return StrRef(f=str(cells), strCache=StrData(len(texts), [StrVal(idx=n, v=text) for n, text in enumerate(texts)]))


def _made(chart: BarChart, series: Sequence[Series], sheet: Worksheet, height: float, legend: float = 0) -> Chart:
    chart.series, chart.dataLabels = list(series), counts(FONT)
    chart.layout = Layout(manualLayout=ManualLayout(layoutTarget="outer", xMode="edge", yMode="edge", x=0.01, w=0.96,
                                                    y=0.01, h=0.98 - legend / height))  # fmt: skip
    raw = io.BytesIO()
    sheet.parent.save(raw)
    drawn = chart._write()
    drawn.find("chart").insert(0, Element("autoTitleDeleted", val="1"))  # else its only series gives it a title
    return Chart(tostring(drawn).decode(), packed(raw, _MADE), height)
