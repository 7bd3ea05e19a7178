"""How high a row must be for its wrapped text to be seen whole.

Excel does not fit the rows of a file it did not write, nor ever those with merged cells. What the rows say belongs to
the modules that write them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

_HIGHEST = 409.0  # points; Excel takes no more
_COLUMN_PIXELS = 7.0  # of one character of column width
_PIXELS_PER_POINT = 96 / 72
_BOLD = 1.06
_BREAKS = re.compile(r" (?![.,;:!?%)])")  # no line begins with a mark
_SAFETY = 1.05  # screens and printers round letters up


def row_height(cells: Iterable[tuple[Any, float]], *, size: int = 11, bold: bool = False) -> float:
    """Points that a row needs. cells: each value with the width, in characters, of the column or columns it is in.

    Only text wraps; numbers, dates and empty cells take one line. Never above the 409 points Excel allows.
    """
    pixels = size * _PIXELS_PER_POINT * _SAFETY * (_BOLD if bold else 1)
    lines = max((_lines(value, width * _COLUMN_PIXELS / pixels) for value, width in cells if isinstance(value, str)),
                default=1)  # fmt: skip
    return min(math.ceil(lines * size * 1.36 + 3), _HIGHEST)


def _lines(text: str, room: float) -> int:
    """Lines that a text takes where a line has room for so many ems, broken at spaces, long words anywhere."""
    lines = 0
    for part in text.split("\n"):
        lines, used = lines + 1, 0.0
        for word in _BREAKS.split(part):
            length = sum(map(_ems, word))
            if used and used + length > room:
                lines, used = lines + 1, 0.0
            used += length + _ems(" ")
            if length > room:
                lines, used = lines + int(length / room), length % room
    return lines


# How wide the letters of Times are, in ems; the rest is 0.5, capitals 0.72.
_EMS = {letter: ems for ems, letters in {
    0.25: " ,.", 0.28: "ijlt/|;:'", 0.34: "()[]-rfI", 0.39: "sJ", 0.45: "acez?“”\"", 0.56: "SPF", 0.62: "ELTZ",
    0.67: "BCR", 0.78: "m&", 0.84: "%", 0.9: "MW", 0.55: "≥≤", 1.0: "—…"}.items() for letter in letters}  # fmt: skip


@cache
def _ems(letter: str) -> float:
    """About how wide a letter of Times is, in ems; of the accents only the horn takes room."""
    decomposed = unicodedata.normalize("NFD", letter)
    plain = decomposed[0]
    if "\u031b" in decomposed:  # the horn of ơ and ư
        return 0.75 if plain.isupper() else 0.57
    if plain == "i" and len(decomposed) > 1:
        return 0.34
    return _EMS.get(plain, 0.72 if plain.isupper() or plain in "wĐ" else 0.5)
