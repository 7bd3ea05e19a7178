"""Names of indicators and tasks beside their codes: whose they are, and whether they are another's than the code says.

A name that is letter by letter, or all but, that of another line contradicts the code. What a code means is in
lookup.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from pipelines.registry.registry import Registry
from pipelines.vietnamese import fold
from pipelines.vietnamese.period_names import plain

_ALIKE, _APART = 0.75, 0.25  # how much of its words a name shares with another's, and how much less with its own
_INDICATOR = ("indicator_name", "numerator_name", "denominator_name")
_TASK = ("title",)
_KEPT = 20_000


class LineNames:
    """The names of all lines, prepared once: of indicators for all communes, of tasks for each."""

    def __init__(self, registry: Registry) -> None:
        self.columns = {"indicator": _INDICATOR, "task": _TASK}
        self._names: dict[tuple[str, str], dict[str, str]] = {}
        for column in _INDICATOR:
            self._names["", column] = {code: one[column] for code, one in registry.indicators.items() if one[column]}
        for task_id, task in registry.tasks_by_id.items():
            for column in _TASK:
                self._names.setdefault((task["commune_code"], column), {})[task_id] = task[column]
        self._codes = {key: _by_name(names) for key, names in self._names.items()}
        self._words = cache(self._words_of)
        self._nearest = lru_cache(maxsize=_KEPT)(self._find_nearest)

    def codes(self, kind: str, commune: str | None, text: str) -> frozenset[str]:
        """The codes of the lines that are called so, letter by letter."""
        column = self.columns[kind][0]
        scope = "" if kind == "indicator" else commune or ""
        return self._codes.get((scope, column), {}).get(fold(text), frozenset())

    def other(self, kind: str, commune: str | None, code: str, texts: Mapping[str, str]) -> tuple[str, str]:
        """The column whose text is another line's name than that of the code, and that line's code; '' for none."""
        for column in self.columns[kind]:
            text = texts.get(column, "")
            scope = ("" if kind == "indicator" else commune or "", column)
            if not text or code not in self._names.get(scope, {}):
                continue
            owners = self._codes[scope].get(fold(text), frozenset())
            if owners and code not in owners:
                return column, min(owners)
            if not owners and column == self.columns[kind][0] and (found := self._nearest(scope, code, text)):
                return column, found
        return "", ""

    def _find_nearest(self, scope: tuple[str, str], code: str, text: str) -> str:
        """Another line whose name the text nearly is, where it is much less its own."""
        words, of_lines = _words(text), self._words(scope)
        own = _shared(words, of_lines[code])
        others = [(_shared(words, some), other) for other, some in of_lines.items() if other != code]
        share, other = max(others, default=(0.0, ""))
        return other if share >= _ALIKE and share - own >= _APART else ""

    def _words_of(self, scope: tuple[str, str]) -> dict[str, frozenset[str]]:
        return {code: _words(name) for code, name in self._names[scope].items()}


def _by_name(names: Mapping[str, str]) -> dict[str, frozenset[str]]:
    codes: dict[str, set[str]] = {}
    for code, name in names.items():
        codes.setdefault(fold(name), set()).add(code)
    return {name: frozenset(some) for name, some in codes.items()}


def _words(text: str) -> frozenset[str]:
    return frozenset("".join(c if c.isalnum() else " " for c in plain(text)).split())


def _shared(some: Iterable[str], others: frozenset[str]) -> float:
    mine = frozenset(some)
    return len(mine & others) / max(len(mine | others), 1)
