"""The rules as data (sources/forms/rules.yml): for which columns they hold, what they look at, whether they need the
figures accepted before. What evaluates them is suites.py and expectations.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.checking.expectations import OF_MANY, OF_ONE
from pipelines.files import Row

SEVERITIES = ("fail", "confirm", "warn")  # refuses the line; holds it until it is confirmed; lets it through


def expand(rule: Row, form: Row) -> list[Row]:
    """A rule for several columns ('each') as one rule a column; '<each>' is its name, '<header>' its header."""
    if "each" not in rule:
        return [rule]
    headers = {c["name"]: c["header"] for sheet in form["sheets"] if sheet["kind"] == rule["level"]
               for c in sheet["columns"]}  # fmt: skip
    return [_fill({k: v for k, v in rule.items() if k != "each"}, name, headers[name]) for name in rule["each"]]


def _fill(value: Any, name: str, header: str) -> Any:
    if isinstance(value, str):
        return value.replace("<each>", name).replace("<header>", header)
    if isinstance(value, dict):
        return {k: _fill(v, name, header) for k, v in value.items()}
    return value


def columns_of(rule: Row) -> list[str]:
    """The facts a rule looks at."""
    return [name for key, name in rule["arguments"].items() if key.startswith("column")]


def needs_history(rule: Row, facts: frozenset[str]) -> bool:
    """Whether a rule looks at figures accepted before (facts)."""
    return bool(facts.intersection(columns_of(rule)))


def insist(rules: Sequence[Row], form: Row, history: frozenset[str]) -> None:
    """Raise ValueError naming every rule that cannot be run: found before a file is judged, which is not at fault.

    history: the facts of figures accepted before. A rule on them cannot refuse a line: that would depend on the order
    in which files come.
    """
    faults = []
    for rule in rules:
        code = rule.get("code", "without a code")
        try:
            for one in expand(rule, form):
                if one["severity"] not in SEVERITIES:
                    faults.append(f"rule {code}: severity {one['severity']} is none of {', '.join(SEVERITIES)}")
                elif one["severity"] == "fail" and needs_history(one, history):
                    faults.append(f"rule {code} looks at earlier figures, so its severity must be warn or confirm")
                elif one["expectation"] not in (OF_ONE if one["severity"] == "confirm" else OF_ONE | OF_MANY):
                    faults.append(f"rule {code}: {one['severity']} by {one['expectation']} is not known")
        except (KeyError, TypeError) as error:
            faults.append(f"rule {code}: {error} is missing or not known")
    if faults:
        raise ValueError("\n".join(f"sources/forms/rules.yml: {fault}" for fault in dict.fromkeys(faults)))
