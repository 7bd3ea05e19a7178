"""What a cell means: numbers, percentages, days and texts as officers type them.

A cell that cannot be understood in one way comes back with a problem, which a rule names. Which cells a line has does
not belong here (reading/layout.py), nor whether a figure is right (facts.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from pipelines.reading.sheet import Cell, is_nothing
from pipelines.vietnamese import Number, clean, format_number, parse_number

Typed = Mapping[str, Sequence[str]]  # column: cell, kind, text


class LineCells(NamedTuple):
    """A line as it is looked at: its kind, its cells, the code it is known by ('' for none), whose it is and whether it
    says so itself, the columns in which a point comes before decimals, and whether months come before days."""

    kind: str
    typed: Typed
    code: str
    agency: str | None
    is_own: bool
    points: frozenset[str]
    month_first: bool


LONGEST_TEXT = 2000  # letters of a note that are kept
LONGEST_SHOWN = 300  # letters of a cell shown in a finding
LARGEST = Decimal(10) ** 14  # what DECIMAL(18, 4) holds
_FIRST_SERIAL, _LAST_SERIAL = 30_000, 80_000  # 1982 to 2119 as days since 1899-12-30
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_QUOTES = "'\"`\u00b4\u2018\u2019\u201c\u201d "


def cell_of(typed: Typed, name: str) -> Cell | None:
    """The cell of a column; None where it is empty or says that there is nothing."""
    if name not in typed:
        return None
    cell = Cell(typed[name][1], typed[name][2])
    return None if is_nothing(cell) else cell


def printable(text: str) -> str:
    """A text without control characters and marks of writing direction, white space tidied."""
    if text.isascii() and text.isalnum():
        return text
    return clean(_UNPRINTABLE.sub("", text))


def shown(typed: Typed, name: str) -> str:
    """What the cell contains, as a Vietnamese reader sees it."""
    if name not in typed:
        return ""
    _, kind, text = typed[name]
    if kind == "n":
        return format_number(Decimal(text), 4)
    if kind == "p":
        return format_number(Decimal(text).scaleb(2), 4) + "%"
    if kind == "d":
        return f"{date.fromisoformat(text):%d/%m/%Y}"
    if kind == "b":
        return "TRUE" if text == "1" else "FALSE"
    plain = printable(text)
    return plain if len(plain) <= LONGEST_SHOWN else plain[:LONGEST_SHOWN] + " …"


def text_of(typed: Typed, name: str) -> str:
    """The text in a cell, '' where there is none; a number with a decimal comma and nothing between thousands."""
    cell = cell_of(typed, name)
    if cell is None:
        return ""
    if cell.kind == "n":
        return cell.text.replace(".", ",")
    return printable(cell.text) if cell.kind == "t" else shown(typed, name)


# ---------------------------------------------------------------- numbers


class Figure(NamedTuple):
    """The number in a cell, or none, or a problem: error, formula, date, percent, ambiguous, two_lines, not_a_number.

    places: how many decimals were typed.
    """

    value: Decimal | None = None
    problem: str = ""
    places: int = 0


class Reads(NamedTuple):
    """What a number in a cell can be: a percentage; a whole number only; at most so much; and whether the other cells
    of its column prove that a point comes before decimals there."""

    percent: bool = False
    whole: bool = False
    highest: Decimal | None = None
    points: bool = False


def figure_of(typed: Typed, name: str, reads: Reads) -> Figure:
    """The number in a cell: as it is stored, or a text in Vietnamese notation; of two readings the only one that can
    be, else the problem 'ambiguous'."""
    cell = cell_of(typed, name)
    if cell is None:
        return Figure()
    if problem := {"e": "error", "f": "formula", "d": "date", "b": "not_a_number"}.get(cell.kind):
        return Figure(None, problem)
    if cell.kind == "t" and sum(any(map(str.isalnum, line)) for line in cell.text.splitlines()) > 1:
        return Figure(None, "two_lines")
    if cell.kind == "t":
        number = _only_reading(printable(cell.text).strip(_QUOTES), reads)
        value, problem, is_percent = number.value, number.problem, number.is_percent
    else:
        is_percent = cell.kind == "p"
        value, problem = Decimal(cell.text).scaleb(2 if is_percent else 0), ""
    if is_percent and not reads.percent:
        return Figure(None, "percent")
    if value is None:
        return Figure(None, problem)
    if abs(value) >= LARGEST:
        return Figure(None, "not_a_number")
    exponent = value.as_tuple().exponent
    return Figure(to_four_places(value), "", max(-exponent if isinstance(exponent, int) else 0, 0))


_THOUSANDS = re.compile(r"[+-]?\d{1,3}\.\d{3}\s*%?")
_DECIMAL_POINT = re.compile(r"[+-]?(?:\d+\.(?:\d{1,2}|\d{4,})|0\.\d+|\d{1,3}(?:,\d{3})+\.\d+)\s*%?")


def _only_reading(text: str, reads: Reads) -> Number:
    """A number in text. '5.027' is thousands, or decimals where a point proves to be one in its column; '5,027' the
    other way round; neither is asked where only one of the two can be."""
    number = parse_number(text)
    is_thousands = _THOUSANDS.fullmatch(text) is not None
    if number.problem != "ambiguous" and not is_thousands:
        return number
    bare = Decimal(text.rstrip("% ").replace(",", "."))
    thousands, decimals = bare.scaleb(3), bare
    can_be_thousands = reads.highest is None or abs(thousands) <= reads.highest
    can_be_decimals = not reads.whole
    if is_thousands and reads.points:
        return Number(None, "ambiguous", number.is_percent)
    if is_thousands and can_be_thousands:
        return number
    if can_be_thousands != can_be_decimals:
        return Number(thousands if can_be_thousands else decimals, "", number.is_percent)
    return number if is_thousands else Number(None, "ambiguous", number.is_percent)


def proves_a_point(text: str) -> bool:
    """Whether a number in text can only be read with a point before its decimals: '85.5', '1,234.5'."""
    return _DECIMAL_POINT.fullmatch(printable(text).strip(_QUOTES)) is not None


def to_four_places(value: Decimal) -> Decimal:
    """A figure as DECIMAL(18, 4) keeps it."""
    return value.quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


def rounds_to(exact: Decimal, figure: Figure) -> bool:
    """Whether a typed figure is the exact one rounded to as many decimals as were typed: 33,3 is 1/3, 33,4 is not."""
    if figure.value is None:
        return True
    return abs(figure.value - exact) <= max(Decimal(5).scaleb(-figure.places - 1), Decimal("0.0001"))


# ---------------------------------------------------------------- days

_DAY = re.compile(
    r"(?:ngày\s*)?(\d{1,2})\s*(?:[/.-]|tháng)\s*(\d{1,2})\s*(?:[/.-]|năm)\s*(\d{4}|\d{2})(?:[ T]0?0:00(?::00)?)?"
)
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]00:00(?::00)?)?")


def proves_month_first(text: str) -> bool:
    """Whether a day in text can only be one with the month before it: '9/30/2026'."""
    found = _DAY.fullmatch(printable(text).strip(_QUOTES).casefold())
    return found is not None and int(found[1]) <= 12 < int(found[2])


def day_of(typed: Typed, name: str, *, month_first: bool = False) -> tuple[date | None, str]:
    """The day in a cell, or a problem: error, formula, two_digit_year, month_first, not_a_date. month_first: other
    cells of the column prove that the month comes before the day, so that '5/9/2026' may be two days.

    A date, a number that is a day in Excel's counting (30.000 to 80.000), or text: 5/9/2026, ngày 5 tháng 9 năm 2026.
    """
    cell = cell_of(typed, name)
    if cell is None:
        return None, ""
    if problem := {"e": "error", "f": "formula", "b": "not_a_date", "p": "not_a_date"}.get(cell.kind):
        return None, problem
    if cell.kind == "n":
        return _serial_day(Decimal(cell.text))
    text = printable(cell.text).strip(_QUOTES).casefold()
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = found.groups()
    elif found := _DAY.fullmatch(text):
        day, month, year = found.groups()
    else:
        return None, "not_a_date"
    if len(year) == 2:
        return None, "two_digit_year"
    if month_first and not _ISO_DAY.fullmatch(text) and int(day) <= 12 and day != month and "ngày" not in text:
        return None, "month_first"
    try:
        return date(int(year), int(month), int(day)), ""
    except ValueError:
        return None, "not_a_date"


def _serial_day(number: Decimal) -> tuple[date | None, str]:
    if not _FIRST_SERIAL <= number <= _LAST_SERIAL:
        return None, "not_a_date"
    return (datetime(1899, 12, 30) + timedelta(days=int(number))).date(), ""
