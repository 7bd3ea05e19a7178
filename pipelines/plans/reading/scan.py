"""Pages that are pictures: the lines around the cells by their dark pixels, the words in them by tesseract.

tesseract is a program of its own, found when it is needed, with its Vietnamese model. That model knows neither ≥ nor ≤
and reads both as > and <, and takes the Roman numeral of a quarter for a figure: a row of a scan says that it is one,
with its picture, and none of its cells counts as read whole.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from pipelines.plans.reading.document import ROMAN, Cell, Paragraph, Table, TableRow
from pipelines.vietnamese import without_marks

DPI = 300  # what tesseract's models were trained for
_LONGEST = 6000  # pixels: a page is never rendered larger
_LANGUAGE = "vie"
_NEAR = 12  # pixels: two lines so near are one
_WIDE, _TALL = 100, 50  # pixels: shorter ones are no lines
_INK = 25  # dark pixels: fewer are a speck
_MARGIN = 6  # pixels between a line and what is read
_NUMBERS = "0123456789IVXLC.,-"
# What may be a number, whatever was made of it: in their column it is read again. 'TT' is a head, 'a)' a letter.
_NUMBER = re.compile(r"(?!S?TT$|\d{0,2}[a-e\u0111][).]$).{0,5}")
_ROW = re.compile(r"\d{1,3}(?:\.\d{1,3})*(?:-\d{1,3})?")

Pixels = NDArray[np.bool_]
Box = tuple[int, int, int, int]  # left, top, right, bottom


def tesseract() -> str | None:
    """The program, or None where it or its Vietnamese model is not installed."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    known = subprocess.run([program, "--list-langs"], capture_output=True, text=True, check=False)
    return program if _LANGUAGE in known.stdout.split() else None


def resolution(width: float, height: float) -> float:
    """Dots per inch to render a page of so many points at."""
    return min(DPI, _LONGEST / max(width, height, 1) * 72)


@dataclass
class Number:
    """A cell of a column of numbers, as it was read several times.

    is_section: the row has one text beside it; is_first: the first of its page's table, which is often a head.
    """

    cell: Cell
    readings: tuple[str, ...]
    is_section: bool
    is_first: bool


@dataclass
class ScannedPage:
    """blocks: from the top down; numbers: the cells of columns of numbers, each as it was read several times."""

    blocks: list[Paragraph | Table]
    numbers: list[Number]


def read_page(picture: Image.Image, page: int, program: str) -> ScannedPage:
    """Read one page, in grey. A cell's text is one line; each row has its picture (PNG)."""
    with tempfile.TemporaryDirectory() as folder:
        reader = _Reader(program, Path(folder))
        grey = _level(np.asarray(reader.upright(picture)))
        found = [_Grid(grey, lines) for lines in _tables(_dark(grey))]
        placed: list[tuple[int, Paragraph | Table]] = [(grid.ys[0], grid.table(reader, page)) for grid in found]
        outside = reader.outside(grey, [(grid.ys[0], grid.ys[-1]) for grid in found])
        placed += [(top, Paragraph(text, page)) for top, text in outside]
    blocks = [block for _, block in sorted(placed, key=lambda one: one[0])]
    return ScannedPage(blocks, [one for grid in found for one in grid.numbers])


class _Reader:
    """tesseract in a folder for one page: many pictures in one call, as its start takes longer than a cell."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def _run(self, name: str, *options: str) -> str:
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # more threads are slower on pictures so small
        command = [self.program, name, "stdout", *options]
        made = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, check=True)
        return made.stdout.decode("utf-8", "replace")

    def upright(self, picture: Image.Image) -> Image.Image:
        """The page turned so that its letters stand; as it is where that cannot be told."""
        picture.save(self.folder / "page.png")
        try:
            said = self._run("page.png", "-l", "osd", "--psm", "0")
        except subprocess.CalledProcessError:  # hardly a letter on it
            return picture
        turn = re.search(r"^Rotate: (\d+)", said, re.MULTILINE)
        sure = re.search(r"^Orientation confidence: ([\d.]+)", said, re.MULTILINE)
        if not turn or not sure or float(sure[1]) < 1:
            return picture
        return picture.rotate(-int(turn[1]), expand=True)

    def words(self, pictures: Sequence[NDArray[np.uint8]], *options: str) -> list[str]:
        """The text of each picture."""
        if not pictures:
            return []
        names = [f"{at}.png" for at in range(len(pictures))]
        for name, picture in zip(names, pictures, strict=True):
            Image.fromarray(np.pad(picture, 10, constant_values=255)).save(self.folder / name, dpi=(DPI, DPI))
        (self.folder / "list.txt").write_text("\n".join(names) + "\n")
        texts = self._run("list.txt", "-l", _LANGUAGE, *options).split("\f")
        return [text.strip() for text in texts[: len(pictures)]]

    def outside(self, grey: NDArray[np.uint8], tables: list[tuple[int, int]]) -> Iterator[tuple[int, str]]:
        """The lines of text above, between and below the tables, with where they begin."""
        tops = [0, *(bottom + _MARGIN for _, bottom in tables)]
        bottoms = [*(top - _MARGIN for top, _ in tables), len(grey)]
        bands = [(top, grey[top:bottom]) for top, bottom in zip(tops, bottoms, strict=True) if bottom - top > 30]
        bands = [(top, band) for top, band in bands if _dark(band).sum() > _INK * 4]
        for (top, _), text in zip(bands, self.words([band for _, band in bands], "--psm", "4"), strict=True):
            for at, line in enumerate(one for one in text.splitlines() if one.strip()):
                yield top + at, " ".join(line.split())


# ---------------------------------------------------------------- lines


def _dark(grey: NDArray[np.uint8]) -> Pixels:
    """What is ink: darker than two thirds of the paper's lightness."""
    paper = int(np.median(grey)) if grey.size else 255
    return np.asarray(grey < paper * 0.65)


def _level(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The page turned by the few degrees by which it lay askew: where its rows of pixels differ most."""
    small = _dark(grey[::4, ::4])
    columns = np.arange(small.shape[1]) - small.shape[1] / 2

    def sharpness(degrees: float) -> float:
        shifts = np.round(columns * np.tan(np.radians(degrees))).astype(int)
        rows, at = np.nonzero(small)
        return float((np.bincount(np.clip(rows + shifts[at], 0, None)).astype(float) ** 2).sum())

    best = max(np.arange(-3, 3.01, 0.1), key=sharpness)
    best = max(np.arange(best - 0.1, best + 0.101, 0.02), key=sharpness)
    if abs(best) < 0.03:
        return grey
    turned = Image.fromarray(grey).rotate(-float(best), resample=Image.Resampling.BICUBIC, fillcolor=255)
    return np.asarray(turned)


@dataclass
class _Drawn:
    """The lines of one table: the part of the page they are in, and where they stand and lie in it."""

    lying: Pixels
    standing: Pixels
    box: Box

    def __post_init__(self) -> None:
        """A line stands or lies for most of the table or from one such line to the next; no stroke of a letter does."""
        height, width = self.standing.shape
        ys, xs = _edges(self.lying, 1, 0.3 * width), _edges(self.standing, 0, 0.3 * height)
        self.xs = [x for x in _edges(self.standing, 0, _TALL) if x in xs or self._reaches(x, ys, self.stands)]
        self.ys = [y for y in _edges(self.lying, 1, _WIDE) if y in ys or self._reaches(y, self.xs, self.lies)]

    @staticmethod
    def _reaches(at: int, across: list[int], is_there: Callable[[int, int, int], bool]) -> bool:
        return any(is_there(at, first, last) for first, last in pairwise(across))

    def stands(self, x: int, top: int, bottom: int) -> bool:
        """Whether a line stands at x from top to bottom."""
        near = self.standing[top : bottom + 1, max(x - _NEAR // 2, 0) : x + _NEAR // 2]
        return not near.size or bool(near.any(axis=1).mean() > 0.95)

    def lies(self, y: int, left: int, right: int) -> bool:
        """Whether a line lies at y from left to right."""
        near = self.lying[max(y - _NEAR // 2, 0) : y + _NEAR // 2, left : right + 1]
        return not near.size or bool(near.any(axis=0).mean() > 0.95)


def _runs(dark: Pixels, length: int, axis: int) -> Pixels:
    """Ink that goes on for so many pixels along an axis, with gaps of a few and a pixel's slope across."""
    wide = ndimage.maximum_filter1d(dark.astype(np.uint8), 3, axis=1 - axis)
    closed = ndimage.minimum_filter1d(ndimage.maximum_filter1d(wide, 3, axis=axis), 3, axis=axis)
    opened = ndimage.maximum_filter1d(ndimage.minimum_filter1d(closed, length, axis=axis), length, axis=axis)
    return np.asarray(opened > 0)


def _tables(dark: Pixels) -> list[_Drawn]:
    """The tables of a page, from the top down: lines that hang together and border at least two cells."""
    lying, standing = _runs(dark, _WIDE, 1), _runs(dark, _TALL, 0)
    labels, _ = ndimage.label(lying | standing, structure=np.ones((3, 3)))
    found = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        rows, columns = place
        if rows.stop - rows.start < 60 or columns.stop - columns.start < dark.shape[1] * 0.2:
            continue
        own = labels[place] == number
        drawn = _Drawn(lying[place] & own, standing[place] & own, (columns.start, rows.start, columns.stop, rows.stop))
        if len(drawn.xs) * len(drawn.ys) >= 6:
            found.append(drawn)
    return sorted(found, key=lambda one: one.box[1])


def _edges(lines: Pixels, axis: int, least: float) -> list[int]:
    """Where lines stand (axis 0) or lie (axis 1)."""
    sums = lines.sum(axis=axis)
    found: list[list[int]] = []
    for at in np.nonzero(sums >= least * 0.8)[0]:
        if found and at - found[-1][-1] <= _NEAR:
            found[-1].append(int(at))
        else:
            found.append([int(at)])
    return [int(np.average(group, weights=sums[group])) for group in found]


# ---------------------------------------------------------------- cells


class _Grid:
    """The grid of all lines of a table; fields with no line between them are one cell."""

    def __init__(self, grey: NDArray[np.uint8], drawn: _Drawn) -> None:
        self.grey, self.drawn = grey, drawn
        left, top, _, _ = drawn.box
        self.xs = [left + x for x in drawn.xs]
        self.ys = [top + y for y in drawn.ys]
        self.numbers: list[Number] = []

    def table(self, reader: _Reader, page: int) -> Table:
        boxes = self._boxes()
        shown = {of: _trimmed(picture) for of, box in boxes.items() if (picture := self._inside(box)) is not None}
        texts = dict(zip(shown, reader.words(list(shown.values()), "--psm", "6"), strict=True))
        again = [of for of in shown if _is_small(shown[of]) or (not of[1] and _NUMBER.fullmatch(texts[of]))]
        allowed = ("-c", f"tessedit_char_whitelist={_NUMBERS}")
        readings = [reader.words([shown[of] for of in again], "--psm", mode, *allowed) for mode in ("7", "13")]
        cells = {of: Cell(" ".join(texts.get(of, "").split())) for of in boxes}
        for of, *numbers in zip(again, *readings, strict=True):
            if of[1]:
                read = [one for one in numbers if one and not re.search(r"%|[^\W\d]{3}", texts[of])]
                agreed = read[0] if len({*read}) == 1 else ""
                cells[of].text = agreed or cells[of].text
            elif _NUMBER.fullmatch(texts[of]):
                number = Number(cells[of], (*numbers, texts[of]), self._is_section(of[0]), of[0] == 0)
                self.numbers.append(number)
        rows = [
            TableRow([cells[self._of[row, column]] for column in range(len(self.xs) - 1)], page, row + 1,
                     self._picture(row))
            for row in range(len(self.ys) - 1)
        ]  # fmt: skip
        return Table(0, rows)

    def _is_section(self, row: int) -> bool:
        """Whether beside the number there is one cell alone."""
        return len({self._of[row, column] for column in range(len(self.xs) - 1)}) <= 2 < len(self.xs) - 1

    def _boxes(self) -> dict[tuple[int, int], Box]:
        """The cells, each under its first field (row, column), with its borders."""
        xs, ys = self.drawn.xs, self.drawn.ys
        self._of: dict[tuple[int, int], tuple[int, int]] = {}
        for row in range(len(self.ys) - 1):
            for column in range(len(self.xs) - 1):
                of = (row, column)
                if column and not self.drawn.stands(xs[column], *ys[row : row + 2]):
                    of = self._of[row, column - 1]
                elif row and not self.drawn.lies(ys[row], *xs[column : column + 2]):
                    of = self._of[row - 1, column]
                self._of[row, column] = of
        boxes: dict[tuple[int, int], Box] = {}
        for (row, column), of in self._of.items():
            left, top, right, bottom = boxes.get(of, (self.xs[column], self.ys[row], 0, 0))
            boxes[of] = (left, top, max(right, self.xs[column + 1]), max(bottom, self.ys[row + 1]))
        return boxes

    def _inside(self, box: Box) -> NDArray[np.uint8] | None:
        """What is within a cell, without its borders; None where there is no ink."""
        left, top, right, bottom = box
        inside = self.grey[top + _MARGIN : bottom - _MARGIN, left + _MARGIN : right - _MARGIN]
        dark = _dark(inside) if inside.size else None
        if dark is None or ndimage.binary_opening(dark, np.ones((2, 2))).sum() < _INK:
            return None
        return inside

    def _picture(self, row: int) -> bytes:
        """The row as it was scanned, half as large, as PNG."""
        out = io.BytesIO()
        shown = Image.fromarray(self.grey[self.ys[row] : self.ys[row + 1] + 1, self.xs[0] : self.xs[-1] + 1])
        shown.reduce(2).quantize(8).save(out, "PNG", optimize=True)
        return out.getvalue()


def _trimmed(inside: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A cell without the paper around its ink: one figure alone in a wide cell is taken for a speck."""
    rows, columns = np.nonzero(ndimage.binary_opening(_dark(inside), np.ones((2, 2))))
    return inside[max(rows.min() - 4, 0) : rows.max() + 5, max(columns.min() - 4, 0) : columns.max() + 5]


def _is_small(trimmed: NDArray[np.uint8]) -> bool:
    """Whether there is room for two or three figures: the model takes so little for noise, or for a page of words."""
    return len(trimmed) < 60 and trimmed.shape[1] < 120


def settle_numbers(numbers: Sequence[Number]) -> None:
    """Give each cell of a document's columns of numbers the reading that follows the number above it.

    Else the one that was read twice. Sections count in Roman numerals, rows in figures ('4', '4.1', '5-6'). Rows in
    between that were not read are counted down from the next one that was, or else on from the last.
    """
    section, row, unread = 0, tuple[int, ...]((0,)), list[Number]()
    for number in numbers:
        bare = [one.strip(".,:;- ") for one in number.readings]
        if number.is_section:
            row, unread = _count(unread, row, ()), []
            found = [ROMAN.index(one) for one in map(_as_roman, bare) if one and one in ROMAN]
            if section + 1 in found or (found and len(found) == found.count(found[0])):
                section = section + 1 if section + 1 in found else found[0]
                number.cell.text = ROMAN[section]
            continue
        following = {one: at for at in _following(row) for one in bare if _is(one, at)}
        twice = [one for one in bare if bare.count(one) > 1 and _ROW.fullmatch(one)]
        if following:
            said, at = next(iter(following.items()))
            number.cell.text = said if "-" in said else ".".join(map(str, at))
        elif twice and not number.is_first:
            number.cell.text = twice[0]
        else:
            unread += [] if number.is_first else [number]
            continue
        read = tuple(map(int, re.split(r"[.-]", number.cell.text)))
        first, last = (read[:1], read[1:]) if "-" in number.cell.text else (read, read)
        _count(unread, row, first)
        row, unread = last, []
    _count(unread, row, ())


def _as_roman(text: str) -> str:
    """What is made of the strokes of a Roman numeral: 'H' of II, 'VH' of VII, an I under a dot."""
    return re.sub(r"I{4,}", "III", re.sub(r"[|i!l1T/]", "I", without_marks(text).replace("H", "II")))


def _following(row: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The numbers that may stand below a row's: the next beside it, the first below it, the next of each above it."""
    return [(*row[:-1], row[-1] + 1), (*row, 1), *((*row[:at], row[at] + 1) for at in range(len(row) - 2, -1, -1))]


def _is(text: str, row: tuple[int, ...]) -> bool:
    """Whether a text reads as a row's number, or as the first of several; a point may be lost."""
    number = ".".join(map(str, row))
    return bool(re.fullmatch(rf"{re.escape(number)}(-\d+)?", text)) or (
        "." in number and text == number.replace(".", "")
    )


def _count(unread: Sequence[Number], above: tuple[int, ...], below: tuple[int, ...]) -> tuple[int, ...]:
    """Number the rows between two; without one below, on from the one above. Returns the last number."""
    first = below[-1] - len(unread) if below else 0
    if first < 1 or (first > 1 and below[:-1] != above[:-1]):
        below, first = (*above[:-1], 0), above[-1] + 1
    for at, number in enumerate(unread):
        above = (*below[:-1], first + at)
        number.cell.text = ".".join(map(str, above))
    return above
