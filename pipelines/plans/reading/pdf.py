"""A PDF with text as paragraphs and tables, by the lines drawn around the cells.

Pages turned by /Rotate are laid upright first: otherwise a whole page is one cell. A page that is a picture is read in
scan.py, whatever text another program laid over it: nobody has read that through.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from pipelines.office.wording import say
from pipelines.plans.reading import scan
from pipelines.plans.reading.document import Cell, Document, Paragraph, Table, TableRow, UnreadableDocumentError

if TYPE_CHECKING:
    from pypdf import PdfReader

_NEAR = 2.5  # points: two lines so near are one
_WAITING = 8  # scanned pages rendered at a time: each takes some 9 MB
_DRAWN = 8  # lines: a page with more has a table of its own
_LINES = {"vertical_strategy": "lines", "horizontal_strategy": "lines", "snap_tolerance": _NEAR}


def read_pdf(path: Path) -> Document:
    """Raises UnreadableDocumentError where the readers, or tesseract for a page that is a picture, are not there."""
    try:
        import pdfplumber
        import pypdf
    except ImportError:
        raise UnreadableDocumentError(say("commands.document.no_pdf_reader")) from None
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableDocumentError(say("commands.document.pdf_password", file=path.name))
        data = _upright(reader, pypdf) or path.read_bytes()
    except pypdf.errors.PyPdfError as error:
        raise UnreadableDocumentError(say("commands.document.no_pdf", file=path.name, error=error)) from None
    pages: list[list[Paragraph | Table]] = []
    with pdfplumber.open(io.BytesIO(data)) as pdf, ThreadPoolExecutor(os.cpu_count()) as workers:
        pictures = [number for number, page in enumerate(pdf.pages, 1) if _is_picture(page)]
        program = scan.tesseract() if pictures else None
        if pictures and program is None:
            shown = ", ".join(map(str, pictures[:10])) + ("..." if len(pictures) > 10 else "")
            raise UnreadableDocumentError(say("commands.document.pictures", file=path.name, pages=shown))
        being_read = {}
        room = BoundedSemaphore(_WAITING)
        for number, page in enumerate(pdf.pages, 1):
            if program and number in pictures:
                room.acquire()
                picture = page.to_image(resolution=scan.resolution(page.width, page.height)).original.convert("L")
                being_read[number] = workers.submit(scan.read_page, picture, number, program)
                being_read[number].add_done_callback(lambda _: room.release())
                pages.append([])
            elif turn := _turn(page.chars):
                with pdfplumber.open(io.BytesIO(_turned(data, number, turn, pypdf))) as upright:
                    pages.append(_Page(upright.pages[0], number).blocks())
            else:
                pages.append(_Page(page, number).blocks())
            page.close()
        scanned = {number: reading.result() for number, reading in being_read.items()}
    scan.settle_numbers([one for page in scanned.values() for one in page.numbers])
    for number, read in scanned.items():
        pages[number - 1] = read.blocks
    blocks = [block for page in pages for block in page]
    for order, table in enumerate((block for block in blocks if isinstance(block, Table)), 1):
        table.number = order
    return Document(path, "scan" if pictures else "pdf", blocks, len(pages))


def _is_picture(page: Any) -> bool:
    """Whether one picture is the page: it covers most of it, and nothing is drawn beside that could border cells."""
    covered = max((image["width"] * image["height"] for image in page.images), default=0)
    drawn = len(page.lines) + len(page.rects)
    return bool(covered > 0.7 * page.width * page.height and drawn < _DRAWN) or bool(page.images and not page.chars)


def _upright(reader: PdfReader, pypdf: Any) -> bytes | None:
    """The document with its turned pages upright; None where none is turned."""
    if not any(page.rotation % 360 for page in reader.pages):
        return None
    writer = pypdf.PdfWriter(clone_from=reader)
    for page in writer.pages:
        turn_content(page, page.rotation)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def turn_content(page: Any, degrees: int) -> None:
    """Turn what a page draws, clockwise, in whole numbers: a line that is off by a rounding error borders no cell."""
    from pypdf.generic import RectangleObject

    left, low, right, high = (float(side) for side in page.mediabox)
    width, height = right - left, high - low
    matrix = {90: (0, -1, 1, 0, -low, width + left), 180: (-1, 0, 0, -1, width + left, height + low),
              270: (0, 1, -1, 0, height + low, -left)}.get(degrees % 360)  # fmt: skip
    page.rotation = 0
    if matrix is None:
        return
    page.add_transformation(matrix)
    box = RectangleObject((0, 0, width, height) if degrees % 360 == 180 else (0, 0, height, width))
    for name in ("mediabox", "cropbox", "trimbox", "bleedbox", "artbox"):
        setattr(page, name, box)


def _turn(chars: Sequence[Any]) -> int:
    """By how many degrees, clockwise, a page must be turned for most of its letters to stand upright."""
    ways = Counter(
        _WAYS[abs(char["matrix"][1]) > abs(char["matrix"][0]), sum(char["matrix"][:2]) > 0] for char in chars
    )
    return ways.most_common(1)[0][0] if ways else 0


_WAYS = {(False, True): 0, (True, True): 90, (False, False): 180, (True, False): 270}  # steep, rising


def _turned(data: bytes, number: int, turn: int, pypdf: Any) -> bytes:
    """One page alone, turned."""
    writer = pypdf.PdfWriter()
    page = writer.add_page(pypdf.PdfReader(io.BytesIO(data)).pages[number - 1])
    turn_content(page, turn)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


class _Page:
    def __init__(self, page: Any, number: int) -> None:
        self.page, self.number = page, number

    def blocks(self) -> list[Paragraph | Table]:
        """Tables and lines of text, from the top down."""
        found = [table for table in self.page.find_tables(_LINES) if len(table.cells) > 1]
        placed: list[tuple[float, Paragraph | Table]] = []
        for table in found:
            placed.append((table.bbox[1], self._table(table)))
        boxes = [table.bbox for table in found]
        outside = self.page.filter(
            lambda item: item["object_type"] != "char" or not any(_within(item, box) for box in boxes)
        )
        for line in outside.extract_text_lines(return_chars=False, strip=True):
            placed.append((line["top"], Paragraph(line["text"], self.number)))
        return [block for _, block in sorted(placed, key=lambda one: one[0])]

    def _table(self, table: Any) -> Table:
        """The grid of all lines; a cell reaches over every field of the grid whose middle lies in it."""
        xs = _edges(x for cell in table.cells for x in (cell[0], cell[2]))
        ys = _edges(y for cell in table.cells for y in (cell[1], cell[3]))
        grid = [[Cell() for _ in xs[1:]] for _ in ys[1:]]
        chars = [char for char in self.page.chars if _within(char, table.bbox)]
        for box in table.cells:
            inside = [char for char in chars if _within(char, box)]
            cell = Cell(_text(inside))
            for row in range(_edge(ys, box[1]), _edge(ys, box[3])):
                for column in range(_edge(xs, box[0]), _edge(xs, box[2])):
                    grid[row][column] = cell
        rows = [TableRow(cells, self.number, at) for at, cells in enumerate(grid, 1)]
        return Table(0, rows)


def _text(chars: Sequence[Any]) -> str:
    from pdfplumber.utils.text import extract_text

    """The text of a cell on one line: whether a line ended with its sentence or with the column is not to be told."""
    return " ".join(str(extract_text(list(chars), x_tolerance=2, y_tolerance=3)).split()) if chars else ""


def _within(item: Any, box: tuple[float, float, float, float]) -> bool:
    x, y = (item["x0"] + item["x1"]) / 2, (item["top"] + item["bottom"]) / 2
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def _edges(values: Any) -> list[float]:
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > _NEAR:
            found.append(value)
    return found


def _edge(edges: list[float], value: float) -> int:
    """Which of the edges a value is."""
    at = bisect_left(edges, value - _NEAR)
    return min(range(max(at - 1, 0), min(at + 2, len(edges))), key=lambda one: abs(edges[one] - value))
