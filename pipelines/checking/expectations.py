"""What Great Expectations finds in the values of a rule, found without it: where one file is looked at ('kpi57 check'),
its import alone would take several times as long as all the rest.

In a run Great Expectations is the judge (suites.py); tests/test_expectations.py holds the two against each other. As
there, a null is never a finding. Only the kinds and arguments that sources/forms/rules.yml uses are known here; any
other is an error.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipelines.files import Row

Facts = Mapping[str, Any]
_OfOne = Callable[[Any], bool]  # whether a value, which is no null, is unexpected


def unexpected(rules: Sequence[Row], level: str, facts: Sequence[Facts]) -> Iterator[tuple[int, int]]:
    """Number of the line and number of the rule, wherever a line breaks a rule of the level (as suites.Suites)."""
    for number, rule in enumerate(rules):
        if rule["level"] == level:
            yield from ((line, number) for line in _lines(rule, facts))


def breaks(rule: Row, facts: Facts) -> bool:
    """Whether one line breaks a rule that looks at one fact."""
    is_unexpected, column = _of_one(rule)
    value = facts.get(column)
    return value is not None and is_unexpected(value)


def _lines(rule: Row, facts: Sequence[Facts]) -> list[int]:
    if rule["expectation"] in OF_MANY:
        return OF_MANY[rule["expectation"]](facts, **rule["arguments"])
    is_unexpected, column = _of_one(rule)
    return [line for line, of in enumerate(facts) if (v := of.get(column)) is not None and is_unexpected(v)]


def _of_one(rule: Row) -> tuple[_OfOne, str]:
    make = OF_ONE.get(rule["expectation"])
    if make is None:
        raise RuntimeError(f"rule {rule['code']}: a value cannot be judged alone by {rule['expectation']}")
    given = {name: value for name, value in rule["arguments"].items() if name != "column"}
    return make(**given), rule["arguments"]["column"]


def _in_set(value_set: list[Any]) -> _OfOne:
    return lambda value: value not in value_set


def _not_in_set(value_set: list[Any]) -> _OfOne:
    return lambda value: value in value_set


def _between(min_value: float = -math.inf, max_value: float = math.inf) -> _OfOne:
    return lambda value: not min_value <= float(value) <= max_value


OF_ONE: dict[str, Callable[..., _OfOne]] = {
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_between": _between,
}


def _not_unique(facts: Sequence[Facts], column: str) -> list[int]:
    times = Counter(value for of in facts if (value := of.get(column)) is not None)
    return [line for line, of in enumerate(facts) if times[of.get(column)] > 1]


def _not_greater(
    facts: Sequence[Facts],
    column_A: str,  # noqa: N803 - Great Expectations' names
    column_B: str,  # noqa: N803
    or_equal: bool,
    ignore_row_if: str,
) -> list[int]:
    if ignore_row_if != "either_value_is_missing":
        raise RuntimeError(f"pairs cannot be compared with ignore_row_if: {ignore_row_if}")
    pairs = [(line, of.get(column_A), of.get(column_B)) for line, of in enumerate(facts)]
    both = [(line, float(a), float(b)) for line, a, b in pairs if a is not None and b is not None]
    return [line for line, a, b in both if not (a > b or (or_equal and a == b))]


OF_MANY: dict[str, Callable[..., list[int]]] = {
    "expect_column_values_to_be_unique": _not_unique,
    "expect_column_pair_values_a_to_be_greater_than_b": _not_greater,
}
