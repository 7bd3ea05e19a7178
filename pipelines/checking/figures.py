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
from pipelines.vietnamese import clean, format_number, parse_number

Typed = Mapping[str, Sequence[str]]  # column: cell, kind, text
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
    """What stands in the cell, as a Vietnamese reader sees it."""
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
    """The number in a cell, or none, or a problem: error, formula, date, percent, ambiguous, not_a_number.

    places: how many decimals were typed.
    """

    value: Decimal | None = None
    problem: str = ""
    places: int = 0


def figure_of(typed: Typed, name: str, *, percent: bool) -> Figure:
    """The number in a cell: as it is stored, or a text in Vietnamese notation. percent: it may be a percentage."""
    cell = cell_of(typed, name)
    if cell is None:
        return Figure()
    if problem := {"e": "error", "f": "formula", "d": "date", "b": "not_a_number"}.get(cell.kind):
        return Figure(None, problem)
    if cell.kind == "t":
        number = parse_number(printable(cell.text).strip(_QUOTES))
        value, problem, is_percent = number.value, number.problem, number.is_percent
    else:
        is_percent = cell.kind == "p"
        value, problem = Decimal(cell.text).scaleb(2 if is_percent else 0), ""
    if is_percent and not percent:
        return Figure(None, "percent")
    if value is None:
        return Figure(None, problem)
    if abs(value) >= LARGEST:
        return Figure(None, "not_a_number")
    exponent = value.as_tuple().exponent
    return Figure(to_four_places(value), "", max(-exponent if isinstance(exponent, int) else 0, 0))


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


def day_of(typed: Typed, name: str) -> tuple[date | None, str]:
    """The day in a cell, or a problem: error, formula, two_digit_year, not_a_date.

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
    try:
        return date(int(year), int(month), int(day)), ""
    except ValueError:
        return None, "not_a_date"


def _serial_day(number: Decimal) -> tuple[date | None, str]:
    if not _FIRST_SERIAL <= number <= _LAST_SERIAL:
        return None, "not_a_date"
    return (datetime(1899, 12, 30) + timedelta(days=int(number))).date(), ""
