"""What charts have in common, in workbooks and in Word: bars of statuses, their colours, the counts beside them."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.chart import BarChart
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties

from pipelines.office.colours import SHADES


def colours(severities: Sequence[int]) -> list[str]:
    """A colour for each of the statuses with these severities, told apart where severities repeat."""
    used: dict[int, int] = {}
    found = []
    for severity in severities:
        shades = SHADES[severity]
        found.append(shades[used.get(severity, 0) % len(shades)])
        used[severity] = used.get(severity, 0) + 1
    return found


def bar_chart(font: str) -> BarChart:
    """An empty chart of horizontal bars, the first on top, without lines and without a scale: the counts stand beside
    the bars."""
    chart = BarChart()
    chart.roundedCorners = False
    chart.type = "bar"
    chart.varyColors = False
    chart.x_axis.delete = False
    chart.x_axis.scaling.orientation = "maxMin"  # the first row on top, as in the table
    chart.x_axis.txPr = letters(font)
    chart.x_axis.majorTickMark = None
    chart.y_axis.delete = True
    chart.y_axis.majorGridlines = None
    chart.y_axis.scaling.min = 0
    chart.graphical_properties = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    return chart


def stack(chart: BarChart, font: str) -> None:
    """Make the bars of a chart's series the pieces of one bar, with a legend below."""
    chart.grouping, chart.overlap, chart.gapWidth = "stacked", 100, 40
    chart.legend.position = "b"
    chart.legend.txPr = letters(font)


def counts(font: str) -> DataLabelList:
    labels = DataLabelList(showVal=True, showSerName=False, showCatName=False, showLegendKey=False, showPercent=False)
    labels.txPr = letters(font)
    return labels


def letters(font: str) -> RichText:
    """Of what is written in a chart."""
    look = CharacterProperties(latin=Font(typeface=font), sz=900)
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=look), endParaRPr=look)])


def solid(colour: str) -> GraphicalProperties:
    return GraphicalProperties(solidFill=colour, ln=LineProperties(noFill=True))
