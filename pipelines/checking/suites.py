"""The rules as suites of Great Expectations, which judges the lines in a run.

Great Expectations takes 3 to 9 s to import (here and in rule_docs.py alone), so this is imported only where a run has
something to judge. What the rules are is sources/forms/rules.yml; the same without Great Expectations, for one file, is
expectations.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from pipelines.checking.rules import columns_of
from pipelines.files import Row

Watch = Callable[[Any, Any], None]  # a suite and its result, as Great Expectations has them
# Expectations that compare numbers; their columns must be of a number type.
_NUMERIC = ("expect_column_values_to_be_between", "expect_column_pair_values_a_to_be_greater_than_b")


@cache
def _batches(level: str) -> Any:
    """Great Expectations' batch definition for a DataFrame passed at run time."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas(level).add_dataframe_asset(level).add_batch_definition_whole_dataframe("all")


class Suites:
    """Evaluates rules as suites, one a level. watch: is shown each suite with its result (rule_docs.py)."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch

    def unexpected(self, rules: Sequence[Row], level: str, facts: Sequence[Row]) -> Iterator[tuple[int, int]]:
        """Number of the line and number of the rule, wherever a line breaks a rule of the level."""
        chosen = [(number, rule) for number, rule in enumerate(rules) if rule["level"] == level]
        columns = {name: [f.get(name) for f in facts] for _, rule in chosen for name in columns_of(rule)}
        columns = {name: values for name, values in columns.items() if any(value is not None for value in values)}
        chosen = [(number, rule) for number, rule in chosen if columns.keys() >= set(columns_of(rule))]
        if not chosen:
            return  # no line to which a rule applies
        numeric = {name for _, rule in chosen if rule["expectation"] in _NUMERIC for name in columns_of(rule)}
        frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in sorted(columns.items())})
        for name in numeric:
            frame[name] = frame[name].astype(float)
        frame["line"] = range(len(facts))
        suite = gx.ExpectationSuite(name=level, expectations=[_expectation(number, rule) for number, rule in chosen])
        for result in self._results(suite, level, frame):
            number = result.expectation_config.meta["number"]
            if result.exception_info.get("raised_exception"):
                raise RuntimeError(
                    f"rule {rules[number]['code']} could not run: {result.exception_info['exception_message']}"
                )
            for unexpected in result.result.get("unexpected_index_list") or []:
                yield int(unexpected["line"]), number

    def _results(self, suite: Any, level: str, frame: pd.DataFrame) -> Iterator[Any]:
        batch = _batches(level).get_batch(batch_parameters={"dataframe": frame})
        outcome = batch.validate(
            suite,
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": ["line"],
                "return_unexpected_index_query": False,
            },
        )
        if self._watch:
            self._watch(suite, outcome)
        for result in outcome.results:
            if result.expectation_config is None:
                raise RuntimeError(f"a rule of level {level} came back without its configuration")
            yield result


def _expectation(number: int, rule: Row) -> Any:
    name = "".join(part.capitalize() for part in rule["expectation"].split("_"))
    make = getattr(gx.expectations, name, None)
    if make is None:
        raise RuntimeError(f"rule {rule['code']}: Great Expectations has no {rule['expectation']}")
    said = f"{rule['code']} ({rule['severity']}): {rule['message']} {rule['fix']}"
    return make(**rule["arguments"], meta={"number": number}, description=said)
