"""How the scorecard writes a figure, a day, a status, and data inside a page, safely.

Only the form of single values belongs here; what the pages show is pages.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.office.statuses import Counts
from pipelines.scorecard.downloads import packed_of, workbook_of
from pipelines.vietnamese import format_number, slug

# What could end a script element, open a tag or comment, or break a line inside a string of older browsers.
_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def number(value: Decimal | float | int | None, places: int = 2) -> str:
    """'1.234,5'; nothing for no figure."""
    return "" if value is None else format_number(value, places)


def percent(value: float | None) -> str:
    """A share as a percentage: 0.875 is '87,5%'."""
    return "" if value is None else f"{format_number(100 * value, 1)}%"


def day(value: date | None) -> str:
    """'31/12/2026'; nothing for no day."""
    return "" if value is None else f"{value:%d/%m/%Y}"


def moment(value: datetime | None) -> str:
    return "" if value is None else f"{value:%d/%m/%Y %H:%M}"


def month(value: date | None) -> str:
    """'12/2028', for a day that is only known about."""
    return "" if value is None else f"{value:%m/%Y}"


def listed(as_written: Sequence[str] | None) -> str:
    """Targets in force together as written in the plan: '90; 100'."""
    return "; ".join(as_written or ())


def city_page(city_code: str) -> str:
    """The first page of a city, below those of the country."""
    return f"{slug(city_code)}/index.html"


def commune_page(commune_code: str) -> str:
    return f"commune/{slug(commune_code)}.html"


def indicator_page(indicator_code: str) -> str:
    return f"indicator/{slug(indicator_code)}.html"


def agency_page(agency_code: str) -> str:
    return f"agency/{slug(agency_code)}.html"


def origin_page(commune_code: str) -> str:
    """Where the figures of a commune come from."""
    return f"origin/{slug(commune_code)}.html"


def series_file(indicator_code: str) -> str:
    """The way of an indicator, as the script draws it."""
    return f"series/{slug(indicator_code)}.js"


def anchor(line: Mapping[str, Any]) -> str:
    """The place of an indicator, in its scope, within a page."""
    return slug(f"{line['indicator_code']} {line['scope']}")


def head_anchor(head: Mapping[str, Any]) -> str:
    """What a head's tasks are known by within the page of the commune."""
    return slug(f"{head['agency_code']} {head['head_role']}")


def embedded(value: Any) -> str:
    """A value as JSON inside a script element: nothing in it can end the element or the string around it.

    The only value that templates mark as safe.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_UNSAFE)


def choices(counted: Counts) -> list[tuple[str, str]]:
    """The statuses that occur, for a list to choose from."""
    return [(one.status, f"{one.label} ({one.n})") for one in counted.items]


FILTERS = (number, percent, day, moment, month, listed, city_page, commune_page, indicator_page, agency_page,
           origin_page, series_file, anchor, head_anchor, embedded, choices, workbook_of, packed_of, slug)  # fmt: skip
