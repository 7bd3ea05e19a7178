"""Whose each line is in a file that the focal agency of a commune sends for several agencies.

A column of the table, a row above its lines, the block above it or the sheet's name says whose. In any other file the
folder alone says who sends (identify.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.checking.figures import Typed, text_of
from pipelines.checking.lookup import Names
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import clean

_NUMBERED = re.compile(r"^(?:[IVX]{1,5}|[A-ZĐ]|\d{1,2}(?:\.\d{1,2})*)\s*[.):/-]\s*")
_CELL_ROW = re.compile(r"\d+$")


class Whose(NamedTuple):
    """The agency whose a line is; None where what says so ('several', 'unknown') names no one agency: by which texts,
    and in which column."""

    agency: str | None
    problem: str = ""
    text: str = ""
    column: str = ""


def is_focal(registry: Registry, commune: str, agency: str, period: Period | None) -> bool:
    """Whether the agency is the focal one of a plan of the commune, in force on the last day of the period."""
    if period is None:
        return False
    plans = registry.plans_of(commune, registry.period_of(commune, period.code).ends_on)
    return any(plan["focal_agency_code"] == agency for plan in plans)


class Collected:
    """What a file of the focal agency says of whose its lines are."""

    def __init__(self, registry: Registry, names: Names, sent: Mapping[str, Any], reading: Mapping[str, Any]) -> None:
        self._registry, self._names = registry, names
        self._commune, self._sender = sent["commune_code"], sent["agency_code"]
        self._tables: dict[tuple[str, int], dict[str, str]] = {}  # by sheet and header: agencies with what names them
        self._heads: dict[tuple[str, int], list[tuple[int, str, str]]] = {}
        sheets = {table["sheet"] for table in reading.get("tables", [])}
        stated = [one for one in reading.get("stated", []) if one[0] in ("agency_code", "agency_name")]
        self._blocks = [(sheet, int(_CELL_ROW.findall(cell)[0]), name, text)
                        for name, text, sheet, cell in stated if sheet in sheets]  # fmt: skip
        above: dict[str, int] = {}
        for table in reading.get("tables", []):
            self._look_at(table, above.get(table["sheet"], 0))
            above[table["sheet"]] = max([line["row"] for line in table["lines"]], default=table["header_row"])

    def _look_at(self, table: Mapping[str, Any], after: int) -> None:
        """The agencies that the block above a table and its sheet's name say; those that titles and rows say. That the
        sender is named above a table says nothing."""
        sheet, header = table["sheet"], table["header_row"]
        said = [text for of, row, _, text in self._blocks if of == sheet and after < row < header]
        found = {code: text for text in [*said, sheet] if (code := self.named(text)) and code != self._sender}
        self._tables[sheet, header] = found
        heads = [(row, self.named(text), text) for row, text, _ in table["names"]]
        self._heads[sheet, header] = [
            (row, code, text) for row, code, text in heads if code and (row > header or code != self._sender)
        ]

    def named(self, text: str) -> str | None:
        """The one agency of the commune that a text is the code or the name of, perhaps with a number before it."""
        for typed in (clean(text), _NUMBERED.sub("", clean(text))):
            codes, communes = self._names.agencies(typed)
            if len(codes) == 1 and (not communes or self._commune in communes):
                [code] = codes
                return None if self._registry.agencies[code]["is_group"] else code
        return None

    @property
    def is_stated(self) -> bool:
        """Whether the blocks of the sheets name several agencies, each a registered one: no file of another agency."""
        named = [(name, self.named(text)) for _, _, name, text in self._blocks]
        is_known = all(code for name, code in named if name == "agency_code")
        return is_known and len({code for _, code in named if code}) > 1

    def of(self, table: Mapping[str, Any], row: int, typed: Typed) -> Whose:
        """Whose a line is: the sender's where nothing says otherwise."""
        place = table["sheet"], table["header_row"]
        said = dict(self._tables[place])
        said |= {code: text for at, code, text in [one for one in self._heads[place] if one[0] < row][-1:]}
        column = "agency_code" if text_of(typed, "agency_code") else "lead_agency"
        if text := text_of(typed, column):
            code = self.named(text)
            if code is None and column == "agency_code":
                return Whose(None, "unknown", text, column)
            said |= {code: text} if code else {}
        if len(said) > 1:
            return Whose(None, "several", "; ".join(dict.fromkeys(said.values())), column if text else "")
        return Whose(next(iter(said), self._sender), "", text, column)
