"""Plain text in which tables kept their cell borders: tabs or pipes. Without them a table cannot be told."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.office.wording import say
from pipelines.plans.reading.document import Cell, Document, Paragraph, Table, TableRow, UnreadableDocumentError

_RULE = re.compile(r"[|\s:+-]+")


def read_text(path: Path) -> Document:
    """Raises UnreadableDocumentError if the bytes are no UTF-8 text."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UnreadableDocumentError(say("commands.document.no_text", file=path.name)) from None
    blocks: list[Paragraph | Table] = []
    table: Table | None = None
    number = 0
    for line in lines:
        cells = _cells(line)
        if cells is None:
            if line.strip(" *#\t"):
                blocks.append(Paragraph(line.strip(" *#\t")))  # without the stars of a title in bold
                table = None
            continue
        if table is None:
            number += 1
            table = Table(number)
            blocks.append(table)
        if cells:
            table.rows.append(TableRow([Cell(cell) for cell in cells], None, len(table.rows) + 1))
    for block in blocks:
        if isinstance(block, Table):
            for row in block.rows:
                row.cells += [Cell() for _ in range(block.width - len(row.cells))]
    return Document(path, "text", blocks)


def _cells(line: str) -> list[str] | None:
    """The cells of a line of a table, [] for a rule below its head, None for a line of text."""
    if line.strip().startswith("|"):
        return [] if _RULE.fullmatch(line) else [cell.strip() for cell in line.strip().strip("|").split("|")]
    return [cell.strip() for cell in line.split("\t")] if line.count("\t") >= 2 else None
