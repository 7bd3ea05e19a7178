"""How an administrative document looks in Word, as Nghị định 30/2020/NĐ-CP, Phụ lục I, lays it down.

A4, Times New Roman, the two heads, headings, tables, pictures, recipients and signature. Everything written is text:
nothing from a file becomes a field or a link. What a document says belongs to report/report.py.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from docx import Document
from docx.document import Document as DocumentObject
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_COLOR_INDEX
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part, XmlPart
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, nsmap, qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from pipelines.office.wording import say

FONT = "Times New Roman"
BLANK = "[...]"  # what the officer fills in
PORTRAIT = 160  # millimetres between the margins; 247 across an annex
CENTER, LEFT, RIGHT, JUSTIFY = (WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT,
                                WD_ALIGN_PARAGRAPH.JUSTIFY)  # fmt: skip
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RED = RGBColor(0xC0, 0x00, 0x00)


def new_document(title: str, subject: str, mark: str | None) -> DocumentObject:
    """An empty A4 page in Times New Roman, numbered from its second page on. mark: a red line over every page."""
    document = Document()
    properties = document.core_properties
    properties.title, properties.subject, properties.author = title, subject, "kpi57"
    properties.language, properties.comments = "vi-VN", ""
    _styles(document)
    section = document.sections[0]
    _margins(section)
    section.different_first_page_header_footer = True
    number = section.header.paragraphs[0]
    number.alignment = CENTER
    _page_number(number)
    if mark:
        first = section.first_page_header.paragraphs[0]
        first.alignment = CENTER
        write(first, mark, size=12, bold=True, color=_RED)
        write(section.header.add_paragraph(), mark, size=12, bold=True, color=_RED)
        section.header.paragraphs[-1].alignment = CENTER
    return document


def bytes_of(document: DocumentObject) -> io.BytesIO:
    raw = io.BytesIO()
    document.save(raw)
    return raw


def write(paragraph: Paragraph, text: str, *, size: float | None = None, bold: bool | None = None,
          italic: bool | None = None, color: RGBColor | None = None) -> Paragraph:  # fmt: skip
    """Add text to a paragraph; what the officer fills in is marked."""
    for number, part in enumerate(_NO_XML.sub("", text).split(BLANK)):
        for piece in ([BLANK] if number else []) + ([part] if part else []):
            run = paragraph.add_run(piece)
            run.bold, run.italic = bold, italic
            if size is not None:
                run.font.size = Pt(size)
            if color is not None:
                run.font.color.rgb = color
            if piece == BLANK:
                run.font.highlight_color = WD_COLOR_INDEX.YELLOW
    return paragraph


def heading(document: DocumentObject, level: int, text: str) -> None:
    write(_paragraph(document, f"Heading {level}"), text)


def _paragraph(document: DocumentObject, style: str) -> Paragraph:
    """A paragraph of a style. Given the name itself, the library looks through all styles for their default."""
    paragraph = document.add_paragraph()
    paragraph._p.style = document.styles[style].style_id
    return paragraph


def items(document: DocumentObject, texts: Sequence[str]) -> None:
    """What a sentence ending with a colon announces: '- one;', '- two.'"""
    for place, text in enumerate(texts, 1):
        body(document, f"- {text.rstrip('.;')}{'.' if place == len(texts) else ';'}", keep=place < len(texts) <= 4)


def body(document: DocumentObject, text: str, *, italic: bool | None = None, keep: bool = False) -> Paragraph:
    """A paragraph of the report. keep: on the page of what follows."""
    paragraph = _paragraph(document, "Body Text")
    paragraph.paragraph_format.keep_with_next = keep or None
    return write(paragraph, text, italic=italic)


def centred(document: DocumentObject, text: str, *, size: float = 14, bold: bool = False, italic: bool = False,
            before: float = 0, after: float = 0) -> None:  # fmt: skip
    paragraph = document.add_paragraph()
    paragraph.alignment = CENTER
    paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(before), Pt(after)
    paragraph.paragraph_format.keep_with_next = True
    write(paragraph, text, size=size, bold=bold, italic=italic)


def table(document: DocumentObject, caption: str, titles: Sequence[str], widths: Sequence[float],
          rows: Iterable[Sequence[str]], *, centered: Sequence[int] = (), size: float = 11) -> None:  # fmt: skip
    """A ruled table, its head repeated on every page, no row cut in two, the last one not alone on a page. widths:
    millimetres, which the text wraps in.

    caption: above the table, "" for none. centered: the columns, from 0, whose values are centred. The rows are written
    as one text of XML: made cell by cell, they took most of a report's time.
    """
    if caption:
        centred(document, caption, size=13, italic=True, before=6, after=3)
    made = document.add_table(0, len(titles), style="Table Grid")
    made.alignment, made.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    _column_widths(made, widths)
    style = document.styles["Table Text"].style_id
    begins = [f'<w:tc><w:tcPr><w:tcW w:type="dxa" w:w="{Mm(width).twips}"/></w:tcPr><w:p><w:pPr>'
              f'<w:pStyle w:val="{style}"/>' for width in widths]  # fmt: skip
    heads = [f"{begin}<w:keepNext/>{_CENTERED}" for begin in begins]
    free, kept = ([f"{begin}{keep}{_CENTERED if column in centered else ''}" for column, begin in enumerate(begins)]
                  for keep in ("", "<w:keepNext/>"))  # fmt: skip
    look, lines = f'<w:sz w:val="{round(size * 2)}"/>', list(rows)
    xml = [_row(heads, titles, f"<w:b/>{look}", "<w:tblHeader/>"),
           *(_row(kept if left == 2 else free, values, look)
             for left, values in zip(range(len(lines), 0, -1), lines, strict=True))]  # fmt: skip
    made._tbl.extend(parse_xml(f"<w:tbl {nsdecls('w')}>{''.join(xml)}</w:tbl>"))
    spacer = document.add_paragraph()
    spacer.paragraph_format.line_spacing = Pt(6)


_CENTERED = '<w:jc w:val="center"/>'
_BREAKS = {"\t": "<w:tab/>", "\n": "<w:br/>", "\r": "<w:br/>"}


def _row(begins: Sequence[str], values: Sequence[str], look: str, rules: str = "") -> str:
    """A row of a table in XML. begins: each cell up to the properties of its paragraph; look: of its text."""
    cells = [f"{begin}</w:pPr>{_runs(value, look)}</w:p></w:tc>" for begin, value in zip(begins, values, strict=True)]
    return f"<w:tr><w:trPr><w:cantSplit/>{rules}</w:trPr>{''.join(cells)}</w:tr>"


def _runs(text: str, look: str) -> str:
    """A text as write() adds it to a paragraph, in XML."""
    runs = []
    for number, part in enumerate(_NO_XML.sub("", text).split(BLANK)):
        if number:
            runs.append(f'<w:r><w:rPr>{look}<w:highlight w:val="yellow"/></w:rPr><w:t>{BLANK}</w:t></w:r>')
        if part:
            pieces = "".join(_BREAKS.get(piece) or _piece(piece) for piece in re.split("([\t\n\r])", part) if piece)
            runs.append(f"<w:r><w:rPr>{look}</w:rPr>{pieces}</w:r>")
    return "".join(runs)


def _piece(text: str) -> str:
    space = ' xml:space="preserve"' if text.strip() != text else ""
    return f"<w:t{space}>{escape(text)}</w:t>"


class Chart(NamedTuple):
    """A chart as Word takes it: its DrawingML, the workbook its figures are edited in, its height in millimetres."""

    xml: str
    workbook: bytes
    height: float


def chart(document: DocumentObject, caption: str, drawn: Chart, says: str) -> None:
    """A numbered chart with its caption below. says: the same in words, for who cannot see it."""
    number = len(document.inline_shapes) + 1
    paragraph = document.add_paragraph()
    paragraph.alignment = CENTER
    paragraph.paragraph_format.keep_with_next = True
    paragraph.paragraph_format.space_before = Pt(6)
    inline = _INLINE.format(
        names=nsdecls("w", "wp", "a", "r"), width=Mm(PORTRAIT), height=Mm(drawn.height), number=number,
        says=escape(_NO_XML.sub("", says), {'"': "&quot;"}), chart=_chart_part(document, drawn, number),
    )  # fmt: skip
    paragraph.add_run()._r.append(parse_xml(inline))
    below = document.add_paragraph()
    below.alignment = CENTER
    below.paragraph_format.space_after = Pt(6)
    write(below, say("report.chart", number=number, caption=caption), size=13, italic=True)


_CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_INLINE = f"""
<w:drawing {{names}}><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{{width}}" cy="{{height}}"/>
<wp:docPr id="{{number}}" name="Chart {{number}}" descr="{{says}}"/><wp:cNvGraphicFramePr/><a:graphic>
<a:graphicData uri="{_CHART}"><c:chart xmlns:c="{_CHART}" r:id="{{chart}}"/></a:graphicData></a:graphic></wp:inline>
</w:drawing>"""
_WITHIN = '<c:externalData xmlns:c="{}" xmlns:r="{}" r:id="{}"><c:autoUpdate val="0"/></c:externalData>'


def _chart_part(document: DocumentObject, drawn: Chart, number: int) -> str:
    """Put a chart, and its workbook, into the document's package. Returns the id it is called by."""
    package = document.part.package
    workbook = Part(PackURI(f"/word/embeddings/chart{number}.xlsx"), CONTENT_TYPE.SML_SHEET, drawn.workbook, package)
    part = XmlPart(PackURI(f"/word/charts/chart{number}.xml"), CONTENT_TYPE.DML_CHART, parse_xml(drawn.xml), package)
    of_workbook = part.relate_to(workbook, RELATIONSHIP_TYPE.PACKAGE)
    part.element.append(parse_xml(_WITHIN.format(_CHART, nsmap["r"], of_workbook)))
    return document.part.relate_to(part, RELATIONSHIP_TYPE.CHART)


def heads(document: DocumentObject, above: str, issuer: Sequence[str], number: str, dated: str) -> None:
    """The issuing body on the left, the national title on the right, number and date below."""
    left, right = _two_columns(document, 62, 98)
    if above:
        _line(left, above, size=12)
    for text in issuer:
        _line(left, text, size=13, bold=True)
    _rule(left, 21)
    _line(left, number, size=13, before=6)
    _line(right, say("report.nation"), size=12.5, bold=True)
    _line(right, say("report.motto"), size=14, bold=True)
    _rule(right, 16)
    _line(right, dated, size=14, italic=True, before=6)


def subject(document: DocumentObject, kind: str, about: str, of_period: str) -> None:
    """The name of the document, what it is about, and the short line below."""
    centred(document, kind, bold=True, before=18)
    centred(document, about, bold=True)
    centred(document, of_period, bold=True)
    rule = document.add_paragraph()
    _underline(rule, 60)
    rule.paragraph_format.space_after = Pt(12)


def signature(document: DocumentObject, recipients: Sequence[str], titles: Sequence[str]) -> None:
    """The recipients on the left; on the right who signs, with room for the signature and a blank for the name."""
    left, right = _two_columns(document, 80, 80)
    _line(left, say("report.recipients.title"), size=12, bold=True, italic=True, alignment=LEFT)
    for text in recipients:
        _line(left, text, size=11, alignment=LEFT)
    for text in titles:
        _line(right, text, size=14, bold=True)
    for _ in range(4):
        _line(right, "", size=14)
    _line(right, BLANK, size=14, bold=True)
    for cell in (left, right):
        for paragraph in cell.paragraphs[:-1]:
            paragraph.paragraph_format.keep_with_next = True


def annex(document: DocumentObject, name: str, title: str, belongs_to: str) -> None:
    """A new landscape page, numbered from 1 again, with the head of an annex."""
    section = document.add_section(WD_SECTION.NEW_PAGE)
    if section.orientation != WD_ORIENT.LANDSCAPE:
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)
    numbering = section._sectPr.find(qn("w:pgNumType"))
    if numbering is None:
        numbering = OxmlElement("w:pgNumType")
        section._sectPr.find(qn("w:pgMar")).addnext(numbering)
    numbering.set(qn("w:start"), "1")
    centred(document, name, bold=True)
    centred(document, title, bold=True)
    centred(document, belongs_to, italic=True, after=6)


# ---------------------------------------------------------------- the parts of a page


def _margins(section: Any) -> None:
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(25), Mm(20)
    section.left_margin, section.right_margin = Mm(30), Mm(20)
    section.header_distance = section.footer_distance = Mm(9)


def _styles(document: DocumentObject) -> None:
    styles: Any = document.styles
    styles.add_style("Table Text", WD_STYLE_TYPE.PARAGRAPH).base_style = styles["Normal"]
    looks = {"Normal": (14, False, False), "Body Text": (14, False, False), "Header": (13, False, False),
             "Heading 1": (14, True, False), "Heading 2": (14, True, False), "Heading 3": (14, True, True),
             "Table Text": (11, False, False)}  # fmt: skip
    for name, (size, bold, italic) in looks.items():
        style = styles[name]
        style.font.size, style.font.bold, style.font.italic = Pt(size), bold, italic
        style.font.color.rgb = RGBColor(0, 0, 0)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        fonts.attrib.clear()  # the theme's fonts go before those named
        for script in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{script}"), FONT)
        style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(0)
        style.paragraph_format.line_spacing = 1.0
        style.paragraph_format.widow_control = True
    cells = styles["Table Text"].paragraph_format
    cells.space_before, cells.space_after = Pt(1), Pt(1.5)
    for name in ("Body Text", "Heading 1", "Heading 2", "Heading 3"):
        form = styles[name].paragraph_format
        form.first_line_indent, form.space_before, form.space_after = Mm(10), Pt(3), Pt(3)
        form.line_spacing, form.alignment = 1.1, JUSTIFY
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "vi-VN")
    properties = styles["Normal"].element.get_or_add_rPr()
    properties.append(language)


def _page_number(paragraph: Paragraph) -> None:
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    field.append(paragraph.add_run("2")._r)
    paragraph._p.append(field)


def _column_widths(made: Any, widths: Sequence[float]) -> None:
    for column, width in zip(made.columns, widths, strict=True):
        column.width = Mm(width)


def _two_columns(document: DocumentObject, *widths: float) -> list[Any]:
    """The cells of a table without lines. Each begins with no paragraph of its own: see _line."""
    made = document.add_table(1, len(widths))
    made.alignment, made.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    _column_widths(made, widths)
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "0")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties = made._tbl.tblPr
    look = properties.find(qn("w:tblLook"))
    properties.append(margins) if look is None else look.addprevious(margins)
    made.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    cells = list(made.rows[0].cells)
    for cell, width in zip(cells, widths, strict=True):
        cell.width = Mm(width)
    return cells


def _line(cell: Any, text: str, *, alignment: WD_ALIGN_PARAGRAPH = CENTER, before: float = 0, **look: Any) -> None:
    paragraph = _next_paragraph(cell)
    paragraph.alignment = alignment
    paragraph.paragraph_format.space_before = Pt(before)
    write(paragraph, text, **look)


def _next_paragraph(cell: Any) -> Paragraph:
    """python-docx creates every cell with one empty paragraph: it becomes the first line."""
    first: Paragraph = cell.paragraphs[0]
    if first._p.getprevious() is not None and len(first._p) == 0 and len(cell.paragraphs) == 1:
        return first
    added: Paragraph = cell.add_paragraph()
    return added


def _rule(cell: Any, indent: float) -> None:
    _underline(cell.add_paragraph(), indent)


def _underline(paragraph: Paragraph, indent: float) -> None:
    """A line of its own, drawn between equal indents in millimetres."""
    form = paragraph.paragraph_format
    form.left_indent = form.right_indent = Mm(indent)
    form.line_spacing = Pt(3)
    borders, line = OxmlElement("w:pBdr"), OxmlElement("w:bottom")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        line.set(qn(f"w:{name}"), value)
    borders.append(line)
    properties = paragraph._p.get_or_add_pPr()
    before = properties.find(qn("w:spacing"))
    before.addprevious(borders)
