"""What every reader makes of a document: its blocks in order, each table as a grid of cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")  # by figure


class UnreadableDocumentError(ValueError):
    """A document that cannot be read, with the reason and what to do, for a person (Vietnamese)."""


@dataclass(eq=False)
class Cell:
    """One cell as printed. A merged cell is the same object wherever it reaches."""

    text: str = ""


@dataclass
class TableRow:
    """One row of the grid: a cell for every column. page and number (from 1, within its table) as printed.

    picture: how the row looks (PNG) where it was read from a scan.
    """

    cells: list[Cell]
    page: int | None
    number: int
    picture: bytes | None = None

    @property
    def distinct(self) -> list[Cell]:
        return list(dict.fromkeys(self.cells))


@dataclass
class Table:
    """number: from 1, in the order of the document; 0 until its pages are put together."""

    number: int
    rows: list[TableRow] = field(default_factory=list)

    @property
    def width(self) -> int:
        return max((len(row.cells) for row in self.rows), default=0)


@dataclass
class Paragraph:
    text: str
    page: int | None = None


@dataclass
class Document:
    """path and reader: what was read, and by which reader ('docx', 'pdf', 'scan', 'text')."""

    path: Path
    reader: str
    blocks: list[Paragraph | Table]
    pages: int | None = None

    @property
    def tables(self) -> list[Table]:
        return [block for block in self.blocks if isinstance(block, Table)]

    @property
    def paragraphs(self) -> list[Paragraph]:
        return [block for block in self.blocks if isinstance(block, Paragraph)]
