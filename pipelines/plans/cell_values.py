"""What one cell of a plan workbook says, by what it takes: text, number as printed, date, choice, code.

What Excel may have changed behind the typist's back (6/2026 into a date, 1.10 into 1.1) is never guessed. Rules over
several cells are in draft.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pipelines.files import Row
from pipelines.plans.workbook_cells import At, Faults
from pipelines.registry.plan_folders import NO_CODE, NO_DAY, AgencyNames
from pipelines.vietnamese import clean, fold, parse_deadline, parse_number

_PLACE = re.compile(r"[\w.\-]+")
_COUNT = re.compile(r"\d+(\.\d+)*(-\d+)?[a-zđ]?")
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})")
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YEARS = range(2000, 2101)
_DAY_ZERO = datetime(1899, 12, 30)  # from which Excel counts its days


class _Wrong(Exception):  # noqa: N818 - an answer, not a failure of the program
    """A cell does not say what it should: the fault's name and what its message asks for."""

    def __init__(self, fault: str, **words: str) -> None:
        super().__init__(fault)
        self.fault, self.words = fault, words


class CellReader:
    """Reads single cells against the reference lists, noting what is wrong at its cell."""

    def __init__(self, form: Row, faults: Faults, names: AgencyNames, communes: Mapping[str, Row],
                 agencies: Mapping[str, Row], indicators: Mapping[str, Row]) -> None:  # fmt: skip
        self.form, self.faults, self.names = form, faults, names
        self.communes, self.agencies, self.indicators = communes, agencies, indicators
        self._takers: dict[str, Callable[[Any, At], Any]] = {
            "text": _text, "lines": _lines, "place": _place, "count": _count, "days": _days, "plan_id": _text,
            "date": _date, "milestone": self._milestone_if_any, "day": _day, "figure": _figure,
            "agencies": self._agencies, "page": _page, "recurring_day": _recurring_day, "dates": _dates,
            "commune": self._commune, "indicator": self._indicator, "reporter": self._reporter,
            "indicator_if_any": self._indicator_if_any,
        }  # fmt: skip

    def take(self, at: At, about: Row) -> Any:
        """The cell's value as the plan's files keep it: text ('' where blank) or a date; None where a fault was noted.

        about: the form's line on the field or column: what it takes and whether it must be filled.
        """
        try:
            return self._take(at, about)
        except _Wrong as wrong:
            self.faults.add(wrong.fault, at, **wrong.words)
            return None

    def _take(self, at: At, about: Row) -> Any:
        if at.is_error:
            raise _Wrong("broken_cell")
        if at.is_blank:
            if about.get("required"):
                raise _Wrong(about.get("if_missing", "missing"))
            return ""
        if taker := self._takers.get(about["takes"]):
            return taker(at.value, at)
        return _choice(at.value, self.form["choices"][about["takes"]])

    def _agencies(self, value: Any, at: At) -> str:
        """One or more agencies as printed, each known by name or alias."""
        text = _lines(value, at)
        if self.names.resolve(text) is None:
            raise _Wrong("unknown_agency")
        return text

    def _commune(self, value: Any, at: At) -> str:
        code = f"{value:05}" if isinstance(value, int) else _text(value, at)
        return _known(code, self.communes, "unknown_commune")

    def _indicator(self, value: Any, at: At) -> str:
        return _known(_text(value, at).upper(), self.indicators, "unknown_indicator")

    def _indicator_if_any(self, value: Any, at: At) -> str:
        """The code of a target, or the words for none yet."""
        words = {NO_CODE, self.form["choices"]["indicator_if_any"][NO_CODE]}
        return NO_CODE if fold(str(value)) in map(fold, words) else self._indicator(value, at)

    def _milestone_if_any(self, value: Any, at: At) -> date | str:
        words = {NO_DAY, self.form["choices"]["milestone"][NO_DAY]}
        return NO_DAY if fold(str(value)) in map(fold, words) else _milestone(value, at)

    def _reporter(self, value: Any, at: At) -> str:
        code = _known(_text(value, at).upper(), self.agencies, "unknown_reporter")
        if self.agencies[code]["is_group"]:
            raise _Wrong("unknown_reporter")
        return code


def _known(code: str, codes: Mapping[str, Row], fault: str) -> str:
    if code not in codes:
        raise _Wrong(fault)
    return code


def _choice(value: Any, choices: Mapping[str, str]) -> str:
    """What the registry keeps for the word chosen; the registry's own word is taken as well."""
    for kept, word in choices.items():
        if fold(str(value)) in (fold(word), fold(kept)):
            return kept
    raise _Wrong("bad_choice", choices=", ".join(choices.values()))


# ---------------------------------------------------------------- text


def _text(value: Any, at: At) -> str:
    if isinstance(value, date | datetime | time):
        raise _Wrong("became_date")
    if isinstance(value, int | float):
        return _plain(value, at).replace(".", ",") + ("%" if at.is_percent else "")
    return clean(str(value))


def _lines(value: Any, at: At) -> str:
    """Text whose line breaks separate what it lists."""
    if not isinstance(value, str):
        return _text(value, at)
    return "\n".join(line for line in map(clean, value.splitlines()) if line)


def _place(value: Any, at: At) -> str:
    """Appendix, section or row number as printed."""
    if isinstance(value, float) and not value.is_integer():
        raise _Wrong("became_number")
    text = _text(value, at)
    if not _PLACE.fullmatch(text):
        raise _Wrong("bad_place")
    return text


def _count(value: Any, at: At) -> str:
    text = _place(value, at)
    if not _COUNT.fullmatch(text):
        raise _Wrong("bad_count")
    return text


def _page(value: Any, at: At) -> str:
    text = _text(value, at)
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise _Wrong("bad_page")
    return text


def _days(value: Any, at: At) -> str:
    text = _text(value, at)
    if not re.fullmatch(r"\d{1,2}", text):
        raise _Wrong("bad_days")
    return text


# ---------------------------------------------------------------- figures and dates


def _plain(value: int | float, at: At) -> str:
    """A number cell as the figure it shows: 0.855 formatted as a percentage is 85.5."""
    shown = round(Decimal(str(value + 0)) * (100 if at.is_percent else 1), 10)
    text = f"{shown:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figure(value: Any, at: At) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return _plain(value, at)
    said = parse_number(value) if isinstance(value, str) else None
    if said is None or said.value is None or said.value < 0:
        raise _Wrong("bad_figure")
    return str(said.value)


def _date(value: Any, at: At) -> date:
    if found := _read_date(value):
        return found
    raise _Wrong("bad_date")


def _milestone(value: Any, at: At) -> date:
    """A date; or a year, quarter or month: its last day. A year in a date cell is to Excel a day of 1905."""
    year = str((value - _DAY_ZERO).days if isinstance(value, datetime) else value).strip()
    if year.isdecimal() and int(year) in _YEARS:
        return date(int(year), 12, 31)
    if found := _read_date(value) or (_named_day(value) if isinstance(value, str) else None):
        return found
    raise _Wrong("bad_milestone")


def _named_day(text: str) -> date | None:
    """The last day of 'Quý I/2027', 'Tháng 6/2027', 'hết năm 2030': of what names one time and nothing else."""
    said = parse_deadline(text, None)
    return said.due_on if (said.recurrence, said.earlier, said.question) == ("once", (), "") else None


def _day(value: Any, at: At) -> str:
    """A day of every year as month-day, '11-30'."""
    if found := _DAY.fullmatch(_text(value, at)):
        on = _real_date(2023, int(found[2]), int(found[1]))  # a year without 29/02
        if on:
            return f"{on:%m-%d}"
    raise _Wrong("bad_day")


def _recurring_day(value: Any, at: At) -> str:
    """A day of every year as '11-30', or of every month as '25'."""
    text = _text(value, at)
    if re.fullmatch(r"\d{1,2}", text) and 1 <= int(text) <= 31:
        return f"{int(text):02}"
    try:
        return _day(value, at)
    except _Wrong:
        raise _Wrong("bad_recurring_day") from None


def _dates(value: Any, at: At) -> str:
    """Days separated by semicolons, as '2027-03-31; 2027-06-30'."""
    parts = [value] if isinstance(value, date) else _text(value, at).split(";")
    days = [_read_date(part) for part in parts]
    if None in days:
        raise _Wrong("bad_dates")
    return "; ".join(day.isoformat() for day in days if day)


def _read_date(value: Any) -> date | None:
    """A date cell, '25/03/2026' or '2026-03-25', within the years a plan can cover; else None."""
    found: date | None = None
    if isinstance(value, datetime):
        found = value.date()
    elif isinstance(value, date):
        found = value
    elif isinstance(value, str) and (parts := _DATE.fullmatch(clean(value))):
        found = _real_date(int(parts[3]), int(parts[2]), int(parts[1]))
    elif isinstance(value, str) and (parts := _ISO.fullmatch(clean(value))):
        found = _real_date(int(parts[1]), int(parts[2]), int(parts[3]))
    return found if found and found.year in _YEARS else None


def _real_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
