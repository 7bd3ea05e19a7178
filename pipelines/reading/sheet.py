"""A worksheet as it was read: its cells, and how it is shown. What the cells mean does not belong here (layout.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple


class Cell(NamedTuple):
    """What was typed: its kind, and its text in Excel's own notation.

    Kinds: n number; t text; b yes/no ('1', '0'); d date (ISO); e error ('#DIV/0!'); p number in a cell formatted as a
    percentage (the stored number: '0.855' for 85,5%); f formula never calculated (the formula).
    """

    kind: str
    text: str


class Sheet(NamedTuple):
    """A worksheet's non-empty cells by (row, column), both from 1, and how it is shown.

    merged: ranges as (first row, first column, last row, last column).
    marks: what is odd about a cell (few have any): 'scaled', 'hidden', 'added' (its number format shows another number
    than is stored, none, or more digits), 'struck' (struck through), 'stale' (the result of a formula that was not
    calculated when the file was saved), 'split' (a record of a text file with more fields than its header, or a quote
    out of order).
    """

    name: str
    cells: Mapping[tuple[int, int], Cell]
    is_hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    merged: tuple[tuple[int, int, int, int], ...] = ()
    marks: Mapping[tuple[int, int], str] = {}


@cache
def column_letter(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def address(row: int, column: int) -> str:
    return f"{column_letter(column)}{row}"


def is_nothing(cell: Cell) -> bool:
    """Whether a cell says that there is nothing: a dash or dots."""
    return cell.kind == "t" and _NOTHING.fullmatch(cell.text) is not None


_NOTHING = re.compile(r"[\s.\u2026_\-\u2010-\u2015\u2212\u200b\ufeff]*")
