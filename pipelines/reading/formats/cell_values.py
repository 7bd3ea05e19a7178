"""What all readers of untrusted files share: why a file is refused, its limits, and cells made from stored values.

Each format has a module of its own beside this one (read_xlsx, read_xlsb, read_xls, read_ods, read_text). What a cell
means for a report does not belong here (layout.py, checking/facts.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from pipelines.reading.sheet import Cell

Place = tuple[int, int]
MAX_CELLS = 200_000  # non-empty cells of a file; the longest report has about 3,000
ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA", "#SPILL!",
                    "#CALC!", "#FIELD!", "#BLOCKED!", "#UNKNOWN!", "#CONNECT!", "#BUSY!", "#PYTHON!"})  # fmt: skip
# The codes of errors in binary workbooks, .xls and .xlsb alike ([MS-XLSB] 2.5.97.2, [MS-XLS] 2.5.10).
ERROR_CODES = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!",
               0x2A: "#N/A", 0x2B: "#GETTING_DATA"}  # fmt: skip


class UnreadableError(Exception):
    """A file that cannot be read. Its code is one of the form's 'problems'."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_room(cells: int) -> None:
    """Refuse a file with more cells than any report has."""
    if cells > MAX_CELLS:
        raise UnreadableError("too_many_cells")


# ---------------------------------------------------------------- cells


def text_cell(text: str) -> Cell | None:
    """A text; white space alone is no content."""
    return Cell("t", text) if text and not text.isspace() else None


def displayed_cell(text: str) -> Cell | None:
    """A text from a format without types (CSV), where an error is the text Excel shows."""
    cell = text_cell(text)
    return Cell("e", text.strip()) if cell and text.strip() in ERRORS else cell


def error_cell(code: int) -> Cell:
    return Cell("e", ERROR_CODES.get(code, f"#ERR{code}!"))


def yes_no_cell(value: object) -> Cell:
    return Cell("b", "1" if value else "0")


def number_cell(value: float, shown_as: str = "", is_1904: bool = False) -> Cell:
    """A stored number under a number format (see shown_as): number, percentage, date, time of day or duration.

    A time of day and a duration are text, to the second.
    """
    if not math.isfinite(value):
        return Cell("e", "#NUM!")
    if shown_as == "d":
        return _serial_cell(value, is_1904) or Cell("n", _number_text(value))
    if shown_as == "duration":
        return _duration_cell(value * _DAY) or Cell("n", _number_text(value))
    return Cell("p" if shown_as == "p" else "n", _number_text(value))


def _number_text(value: float) -> str:
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


# ---------------------------------------------------------------- dates and number formats

_DAY = 86_400
_LAST_SERIAL = 2_958_466  # the day after 31/12/9999
_BEFORE_LEAP = datetime(1899, 12, 31)  # Excel counts a 29/02/1900 that never was: day 60
_FROM_LEAP = datetime(1899, 12, 30)
_FROM_1904 = datetime(1904, 1, 1)


def _serial_cell(value: float, is_1904: bool) -> Cell | None:
    """A serial under a date format; below 1 it is a time of day. None where it is no date."""
    if not 0 <= value < _LAST_SERIAL:
        return None
    if value < 1:
        return clock_cell(value * _DAY)
    epoch = _FROM_1904 if is_1904 else _FROM_LEAP if value >= 60 else _BEFORE_LEAP
    try:
        return Cell("d", (epoch + timedelta(seconds=round(value * _DAY))).date().isoformat())
    except OverflowError:
        return None


def clock_cell(seconds: float) -> Cell:
    """A time of day, to the second: less is what binary fractions of a day leave."""
    whole = min(round(seconds), _DAY - 1)
    return Cell("t", f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}")


def _duration_cell(seconds: float) -> Cell | None:
    try:
        return Cell("t", str(timedelta(seconds=round(seconds))))
    except OverflowError:
        return None


# Built-in formats of spreadsheets ([ECMA-376] 18.8.30), those of East Asian versions included.
_BUILT_IN = {**dict.fromkeys((9, 10), "p"), **dict.fromkeys((*range(14, 23), *range(27, 37), *range(50, 59)), "d"),
             **dict.fromkeys((45, 47), "d"), 46: "duration"}  # fmt: skip
_NOT_CODES = re.compile(r'"[^"]*"?|\\.|_.|\*.')  # quoted or escaped letters, spacing, filling
_BRACKETS = re.compile(r"\[[^\]]*\]")
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


def shown_as(number: int, codes: Mapping[int, str]) -> str:
    """How a number format shows a number: 'p' percentage, 'd' date or time, 'duration', '' any other way.

    number: the format's id; codes: the workbook's own formats by id.
    """
    return _of_code(codes[number]) if number in codes else _BUILT_IN.get(number, "")


@lru_cache(maxsize=512)
def _of_code(code: str) -> str:
    plain = _NOT_CODES.sub("", code)
    if _ELAPSED.search(plain):
        return "duration"
    plain = _BRACKETS.sub("", plain)
    if "%" in plain:
        return "p"
    first = plain.partition(";")[0].lower().replace("general", "")
    return "d" if any(letter in first for letter in "dmyhs") else ""
