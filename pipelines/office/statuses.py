"""The statuses of core.dim_status as documents use them: what they say, how serious they are, how many have each.

Which status a thing has was settled in models/, what a status means in sources/reference/statuses.csv.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import duckdb

from pipelines.files import Row

_STATUSES = """
SELECT answer, status, label, severity, needs_attention, is_behind, is_outstanding, meaning
FROM core.dim_status
ORDER BY answer, severity, label
"""


class Status(NamedTuple):
    """What is known of one status of an answer."""

    label: str
    severity: int
    needs_attention: bool
    is_behind: bool
    is_outstanding: bool
    meaning: str


Statuses = Mapping[tuple[str, str], Status]


def read_statuses(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Status]:
    """By answer and status, those of an answer together, the best first."""
    return {(answer, code): Status(*rest) for answer, code, *rest in con.execute(_STATUSES).fetchall()}


class Count(NamedTuple):
    """How many things have one status."""

    status: str
    about: Status
    n: int

    @property
    def label(self) -> str:
        return self.about.label

    @property
    def severity(self) -> int:
        return self.about.severity


class Counts(NamedTuple):
    """How many things (noun) have each status of an answer, the most serious first."""

    title: str
    noun: str
    answer: str
    items: Sequence[Count]

    @property
    def total(self) -> int:
        return sum(one.n for one in self.items)

    @property
    def best_first(self) -> list[Count]:
        return sorted(self.items, key=lambda one: (one.severity, one.label))

    @property
    def attention(self) -> list[Count]:
        return [one for one in self.items if one.about.needs_attention]

    @property
    def outstanding(self) -> int:
        return sum(one.n for one in self.items if one.about.is_outstanding)

    def of(self, *statuses: str) -> int:
        return sum(one.n for one in self.items if one.status in statuses)


def counts(title: str, noun: str, answer: str, rows: Iterable[Row], statuses: Statuses) -> Counts:
    """Count rows by '<answer>_status'."""
    counted = Counter(row[f"{answer}_status"] for row in rows)
    items = [Count(code, statuses[answer, code], n) for code, n in counted.items()]
    return Counts(title, noun, answer, most_serious_first(items))


def most_serious_first(items: Iterable[Count]) -> list[Count]:
    return sorted(items, key=lambda one: (-one.severity, one.label))


def status_of(row: Row, answer: str, statuses: Statuses) -> Status | None:
    """The status a row has for an answer; None where it has none."""
    code = row[f"{answer}_status"]
    return None if code is None else statuses[answer, code]


def is_behind(row: Row, statuses: Statuses) -> bool:
    """Whether the figure misses its milestone, or is behind on the way to the next one."""
    return any(statuses[answer, row[f"{answer}_status"]].is_behind for answer in ("level", "pace"))


def newest_due(reports: Iterable[Row], as_of_on: date) -> Row | None:
    """A line of mart_reporting_status of the newest period whose day has come: the period that documents report on."""
    due = [one for one in reports if one["due_on"] <= as_of_on]
    return max(due, key=lambda one: (one["due_on"], one["period_code"]), default=None)
