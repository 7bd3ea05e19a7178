"""A DOCX as paragraphs and tables: merged cells, tracked changes as accepted, automatic numbers, tables in frames.

python-docx opens the package; the XML is walked here, because its own texts lose tracked insertions and automatic
numbers, and do not look into frames.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn

from pipelines.office.wording import say
from pipelines.plans.reading.document import Cell, Document, Paragraph, Table, TableRow, UnreadableDocumentError
from pipelines.plans.reading.numbering import Numbering

_GONE = {
    qn("w:del"),
    qn("w:moveFrom"),
    qn("w:instrText"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}
_SYMBOLS = {"F0B3": "≥", "F0A3": "≤", "F02D": "-", "F0B7": "-"}  # of Word's own symbol font
_TABLE, _PARAGRAPH, _ROW, _CELL = qn("w:tbl"), qn("w:p"), qn("w:tr"), qn("w:tc")


def read_docx(path: Path) -> Document:
    """Raises UnreadableDocumentError if the file is no DOCX or has a password."""
    try:
        opened = docx.Document(str(path))
    except (PackageNotFoundError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UnreadableDocumentError(say("commands.document.no_word", file=path.name, error=error)) from None
    walker = _Walker(Numbering(opened))
    walker.blocks_of(opened.element.body)
    return Document(path, "docx", walker.blocks, walker.page if walker.knows_pages else None)


class _Walker:
    """Walks the body once, from the first block to the last, counting pages where Word noted them."""

    def __init__(self, numbering: Numbering) -> None:
        self.numbering = numbering
        self.blocks: list[Paragraph | Table] = []
        self.page, self.knows_pages, self.tables = 1, False, 0

    def blocks_of(self, parent: Any) -> None:
        for element in parent:
            if element.tag == _PARAGRAPH:
                text, inner = self._paragraph(element)
                self.blocks.append(Paragraph(text, self._shown_page()))
                for table in inner:
                    self._table(table)
            elif element.tag == _TABLE:
                self._table(element)
            elif element.tag not in _GONE:  # content controls, tracked insertions, what wraps blocks
                self.blocks_of(element)

    def _shown_page(self) -> int | None:
        return self.page if self.knows_pages else None

    def _paragraph(self, element: Any) -> tuple[str, list[Any]]:
        """Its text, its automatic number before it, and the tables in frames anchored to it."""
        parts: list[str] = []
        inner: list[Any] = []
        for node in self._shown(element):
            tag = node.tag
            if tag == qn("w:t"):
                parts.append(node.text or "")
            elif tag in (qn("w:tab"), qn("w:br"), qn("w:cr")):
                if node.get(qn("w:type")) == "page":
                    self.page, self.knows_pages = self.page + 1, True
                parts.append("\n" if tag != qn("w:tab") else " ")
            elif tag == qn("w:noBreakHyphen"):
                parts.append("-")
            elif tag == qn("w:sym"):
                parts.append(_SYMBOLS.get((node.get(qn("w:char")) or "").upper(), ""))
            elif tag == qn("w:lastRenderedPageBreak"):
                self.page, self.knows_pages = self.page + 1, True
            elif tag == _TABLE:
                inner.append(node)
        text = "".join(parts).strip()
        number = self.numbering.next(element) if text or self.numbering.is_numbered(element) else ""
        return (f"{number} {text}".strip() if number else text), inner

    def _shown(self, element: Any) -> Iterator[Any]:
        """What a reader sees below an element; a table is given whole, not entered."""
        for child in element:
            if child.tag in _GONE or (
                child.tag == qn("w:r") and child.find(f"{qn('w:rPr')}/{qn('w:vanish')}") is not None
            ):
                continue
            yield child
            if child.tag != _TABLE:
                yield from self._shown(child)

    def _table(self, element: Any) -> None:
        self.tables += 1
        table = Table(self.tables)
        self.blocks.append(table)
        above: list[Cell] = []
        for row in self._inside(element, _ROW):
            if row.find(f"{qn('w:trPr')}/{qn('w:del')}") is not None:
                continue
            page = self.page
            cells: list[Cell] = [Cell() for _ in range(_count(row, "w:trPr/w:gridBefore"))]
            for cell in self._inside(row, _CELL):
                span, merge = max(_count(cell, "w:tcPr/w:gridSpan"), 1), cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
                here = len(cells)
                text = self._cell_text(cell)
                continues = merge is not None and merge.get(qn("w:val")) != "restart"
                made = above[here] if continues and here < len(above) else Cell(text)
                if continues and text and text not in made.text:
                    made.text = f"{made.text}\n{text}".strip()
                cells += [made] * span
            table.rows.append(TableRow(cells, page if self.knows_pages else None, len(table.rows) + 1))
            above = cells
        width = table.width
        for made_row in table.rows:
            made_row.cells += [Cell() for _ in range(width - len(made_row.cells))]

    def _cell_text(self, cell: Any) -> str:
        texts: list[str] = []
        for paragraph in self._inside(cell, _PARAGRAPH):
            text, inner = self._paragraph(paragraph)
            texts.append(text)
            for table in inner:
                self._table(table)
        for table in cell.iterchildren(_TABLE):
            self._table(table)
        return "\n".join(text for text in texts if text)

    def _inside(self, parent: Any, tag: str) -> Iterator[Any]:
        """The rows, cells or paragraphs right below, through content controls and tracked insertions."""
        for child in parent:
            if child.tag == tag:
                yield child
            elif child.tag not in _GONE and child.tag not in (_TABLE, _ROW, _CELL, _PARAGRAPH):
                yield from self._inside(child, tag)


def _count(element: Any, path: str) -> int:
    found = element.find("/".join(qn(part) for part in path.split("/")))
    return int(found.get(qn("w:val")) or 0) if found is not None else 0
