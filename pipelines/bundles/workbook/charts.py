"""The charts of an extract's workbook: Excel's own, drawn from cells, so that they follow the cells.

Which cells they are drawn from belongs to the sheets (workbook/summary.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.chart import BarChart, Reference, Series
from openpyxl.chart.data_source import AxDataSource, StrRef
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.marker import DataPoint
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.office.charts import bar_chart, colours, counts, solid, stack
from pipelines.office.workbook import FONT

_THICKEST, _TITLE, _LEGEND = 20, 21, 26  # points
_CM_OF_POINT = 2.54 / 72
_CM_OF_CHARACTER = 2.54 * 7 / 96  # of column width


def bars(sheet: Worksheet, anchor: str, title: str, labels: tuple[int, int, int], values: int,
         severities: Sequence[int], *, width: float, height: float) -> None:  # fmt: skip
    """A bar a status, its count beside it. labels: column, first and last row; values: the column of the counts;
    width in characters of columns, height in points."""
    column, first, last = labels
    chart = _chart(title, width, height)
    chart.gapWidth = min(max(35, round(100 * ((height - _TITLE) / (last - first + 1) / _THICKEST - 1))), 500)
    chart.legend = None
    series = Series(Reference(sheet, min_col=values, min_row=first, max_row=last))
    series.cat = _categories(sheet, column, first, last)
    series.dPt = [DataPoint(idx=number, spPr=solid(colour)) for number, colour in enumerate(colours(severities))]
    chart.series.append(series)
    chart.dataLabels = counts(FONT)
    sheet.add_chart(chart, anchor)


def stacked(sheet: Worksheet, anchor: str, title: str, labels: tuple[int, int, int], values: Sequence[int],
            severities: Sequence[int], *, width: float, height: float) -> None:  # fmt: skip
    """A bar a label, one piece for each column of counts; the row above the first names the pieces."""
    column, first, last = labels
    chart = _chart(title, width, height)
    stack(chart, FONT)
    chart.layout = _between(height, _LEGEND)
    for number, colour in zip(values, colours(severities), strict=True):
        cells = Reference(sheet, min_col=number, min_row=first - 1, max_row=last)
        series = Series(cells, title_from_data=True)
        series.cat = _categories(sheet, column, first, last)
        series.spPr = solid(colour)
        chart.series.append(series)
    chart.dataLabels = counts(FONT)
    sheet.add_chart(chart, anchor)


def _chart(title: str, width: float, height: float) -> BarChart:
    chart = bar_chart(FONT)
    look = CharacterProperties(latin=Font(typeface=FONT), sz=1000, b=True)
    run = Paragraph(pPr=ParagraphProperties(defRPr=look), r=[RegularTextRun(rPr=look, t=title)])
    chart.title = Title(tx=Text(rich=RichText(p=[run])), overlay=True)
    chart.width, chart.height = width * _CM_OF_CHARACTER, height * _CM_OF_POINT
    chart.layout = _between(height, 0)
    return chart


def _between(height: float, legend: float) -> Layout:
    """Bars and labels over the whole chart but its title and, in as many points as given, its legend below."""
    return Layout(manualLayout=ManualLayout(layoutTarget="outer", xMode="edge", yMode="edge", x=0.01, w=0.96,
                                            y=_TITLE / height, h=(height - _TITLE - legend) / height))  # fmt: skip


def _categories(sheet: Worksheet, column: int, first: int, last: int) -> AxDataSource:
    cells = Reference(sheet, min_col=column, min_row=first, max_row=last)
    return AxDataSource(strRef=StrRef(f=str(cells)))
