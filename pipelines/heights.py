"""How high a row must be for its wrapped text to be seen whole.

Excel does not fit the rows of a file it did not write, nor ever those with merged cells. What the rows say belongs to
the modules that write them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from typing import Any

_HIGHEST = 409.0  # points; Excel takes no more
_LETTERS = 1.12  # letters of Vietnamese text in 11-point Times in one character of column width (mean 1.19)


def row_height(cells: Iterable[tuple[Any, float]], *, size: int = 11, bold: bool = False) -> float:
    """Points that a row needs. cells: each value with the width, in characters, of the column or columns it stands in.

    Only text wraps; numbers, dates and empty cells take one line. Never above the 409 points Excel allows.
    """
    letters = _LETTERS * 11 / size * (0.94 if bold else 1)
    lines = max((_lines(value, int(width * letters)) for value, width in cells if isinstance(value, str)), default=1)
    return min(math.ceil(lines * size * 1.36 + 3), _HIGHEST)


def _lines(text: str, letters: int) -> int:
    if len(text) <= letters and "\n" not in text:
        return 1
    return sum(max(len(textwrap.wrap(part, max(letters, 1))), 1) for part in text.split("\n"))
