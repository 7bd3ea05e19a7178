"""The rules as data (sources/forms/rules.yml): for which columns they hold, what they look at, whether they need the
figures accepted before. What evaluates them is suites.py and expectations.py.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
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
    """Whether a rule looks at figures accepted before (facts). It cannot refuse a line: that would depend on the order
    in which files come."""
    if not facts.intersection(columns_of(rule)):
        return False
    if rule["severity"] == "fail":
        raise RuntimeError(f"rule {rule['code']} looks at earlier figures, so its severity must be warn or confirm")
    return True
