"""Holding what was read against the rules, with Great Expectations.

Great Expectations takes 5 to 9 s to import (here and in rule_docs.py alone), so this is imported only where there is
something to validate. Rules are data (sources/forms/rules.yml): each looks at one fact of a file or a line (facts.py,
earlier_figures.py);
a rule that does not apply finds a null there. All rules run over all lines of all new files together, those that need
the figures accepted before in a second pass.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from pipelines.checking.earlier_figures import HISTORY_FACTS, History, Memory, compare_lines
from pipelines.checking.facts import file_facts, line_code, table_facts
from pipelines.checking.figures import to_four_places
from pipelines.checking.lookup import Duties, Known
from pipelines.registry.registry import Registry

Row = dict[str, Any]
Found = list[tuple[int, int, Row]]  # number of the line, number of the rule, finding
Watch = Callable[[Any, Any], None]  # a suite and its result, as Great Expectations has them
LEVELS = ("file", "indicator", "task")
# Expectations that compare numbers; their columns must be of a number type.
_NUMERIC = ("expect_column_values_to_be_between", "expect_column_pair_values_a_to_be_greater_than_b")


class Checked(NamedTuple):
    """Rows for the checked.* tables."""

    submissions: list[Row]
    lines: list[Row]
    actuals: list[Row]
    task_reports: list[Row]
    findings: list[Row]


def validate(
    registry: Registry,
    receipts: Iterable[Mapping[str, Any]],
    readings: Mapping[str, Mapping[str, Any]],
    history: History | None = None,
    duties: Duties | None = None,
    watch: Watch | None = None,
) -> Checked:
    """Validate newly read files. receipts: rows of raw.receipt, in ledger order; readings: by submission_id
    (layout.lay_out); history: the figures in force before the first of them, by commune, agency and indicator; duties:
    who reports what, and when (default: as the registry says it now); watch: is shown each suite with what came of it
    (rule_docs.py).

    A file sees the figures of those before it, so that files give the same findings one by one or all at once.
    """
    known = Known(registry, duties)
    files: list[Row] = []
    lines: list[Row] = []
    for receipt in receipts:
        reading = readings[receipt["submission_id"]]
        file = file_facts(known, receipt, reading)
        own = [line for table in reading.get("tables", []) for line in table_facts(known, file, table)]
        compare_lines(registry, file, own)
        files.append(file)
        lines += own
    rules = [one for rule in registry.rules for one in expand(rule, registry.form)]
    facts = {"file": files} | {
        level: [line for line in lines if line["is_checked"] and line["kind"] == level] for level in LEVELS[1:]
    }
    first = [rule for rule in rules if not needs_history(rule)]
    later = [rule for rule in rules if needs_history(rule)]
    found = {level: _run(first, level, facts[level], watch) for level in LEVELS}
    refused = _refusals(found)
    Memory(registry, history or {}).look_back(files, [line for line in facts["indicator"] if _is_good(line, refused)])
    found["indicator"] += _run(later, "indicator", facts["indicator"], watch)
    findings = [finding for level in LEVELS for _, _, finding in sorted(found[level], key=lambda item: item[:2])]
    return _settle(files, lines, findings, refused)


# ---------------------------------------------------------------- rules


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


def needs_history(rule: Row) -> bool:
    """Whether a rule looks at figures accepted before. It may only warn: what it says of a line cannot decide it."""
    if not HISTORY_FACTS.intersection(columns_of(rule)):
        return False
    if rule["severity"] != "warn":
        raise RuntimeError(f"rule {rule['code']} looks at earlier figures, so its severity must be warn")
    return True


@cache
def _batches(level: str) -> Any:
    """Great Expectations' own idea of a frame to come."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas(level).add_dataframe_asset(level).add_batch_definition_whole_dataframe("all")


def _run(rules: list[Row], level: str, facts: list[Row], watch: Watch | None = None) -> Found:
    """What the rules of a level find over all its lines."""
    chosen = [(number, rule) for number, rule in enumerate(rules) if rule["level"] == level]
    columns = {name: [f.get(name) for f in facts] for _, rule in chosen for name in columns_of(rule)}
    columns = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    chosen = [(number, rule) for number, rule in chosen if columns.keys() >= set(columns_of(rule))]
    if not chosen:
        return []  # no line to which a rule applies
    numeric = {name for _, rule in chosen if rule["expectation"] in _NUMERIC for name in columns_of(rule)}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in sorted(columns.items())})
    for name in numeric:
        frame[name] = frame[name].astype(float)
    frame["line"] = range(len(facts))
    suite = gx.ExpectationSuite(name=level, expectations=[_expectation(number, rule) for number, rule in chosen])
    batch = _batches(level).get_batch(batch_parameters={"dataframe": frame})
    outcome = batch.validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["line"],
            "return_unexpected_index_query": False,
        },
    )
    if watch:
        watch(suite, outcome)
    found: Found = []
    for result in outcome.results:
        if result.expectation_config is None:
            raise RuntimeError(f"a rule of level {level} came back without its configuration")
        number = result.expectation_config.meta["number"]
        if result.exception_info.get("raised_exception"):
            raise RuntimeError(
                f"rule {rules[number]['code']} could not run: {result.exception_info['exception_message']}"
            )
        for unexpected in result.result.get("unexpected_index_list") or []:
            line = int(unexpected["line"])
            found.append((line, number, _finding(rules[number], facts[line])))
    return found


def _expectation(number: int, rule: Row) -> Any:
    name = "".join(part.capitalize() for part in rule["expectation"].split("_"))
    make = getattr(gx.expectations, name, None)
    if make is None:
        raise RuntimeError(f"rule {rule['code']}: Great Expectations has no {rule['expectation']}")
    said = f"{rule['code']} ({rule['severity']}): {rule['message']} Cách sửa: {rule['fix']}"
    return make(**rule["arguments"], meta={"number": number}, description=said)


def _finding(rule: Row, facts: Row) -> Row:
    column = str(rule["cell"])
    column = facts.get(column) or column if column not in facts["cells"] else column
    sheet, cell = facts["cells"].get(column, [facts.get("sheet"), None])
    return {
        "submission_id": facts["submission_id"],
        "index": facts["index"],
        "source_sheet": sheet,
        "source_row": facts["source_row"],
        "source_cell": cell,
        "rule_code": rule["code"],
        "severity": rule["severity"],
        "found": str(facts[rule["found"]]),
        "message": rule["message"].format_map(facts),
        "fix": rule["fix"].format_map(facts),
    }


# ---------------------------------------------------------------- what goes on


def _refusals(found: Mapping[str, Found]) -> dict[str, str]:
    """The first rule that refused a file or a line, by their index."""
    fails = [finding for level in LEVELS for _, _, finding in sorted(found[level], key=lambda item: item[:2])
             if finding["severity"] == "fail"]  # fmt: skip
    return {finding["index"]: finding["rule_code"] for finding in reversed(fails)}


def _is_good(line: Row, refused: Mapping[str, str]) -> bool:
    return line["line_kind"] == "data" and line["submission_id"] not in refused and line["index"] not in refused


def _settle(files: list[Row], lines: list[Row], findings: list[Row], refused: Mapping[str, str]) -> Checked:
    """Good lines go on, bad lines become rejections; a refused file takes all its lines with it."""
    checked = Checked([], [], [], [], [])
    for file in files:
        checked.submissions.append(
            {
                "submission_id": file["submission_id"],
                "period_code": file["period"].code if file["period"] else None,
                "is_unreadable": bool(file["reading_problem"]),
                "is_refused": file["index"] in refused,
            }
        )
    for line in lines:
        reason = refused.get(line["submission_id"]) or refused.get(line["index"])
        if line["line_kind"] == "data" or (line["line_kind"] == "unanswered" and line["index"] in refused):
            disposition = "rejected" if reason else "accepted"
        else:
            disposition, reason = "ignored", line["line_kind"]
        place = {"submission_id": line["submission_id"], "source_sheet": line["sheet"],
                 "source_row": line["source_row"]}  # fmt: skip
        checked.lines.append({**place, "kind": line["kind"], "line_kind": line["line_kind"], "code": line_code(line),
                              "disposition": disposition, "reason": reason})  # fmt: skip
        if disposition == "accepted":
            (checked.actuals if line["kind"] == "indicator" else checked.task_reports).append(place | _fact(line))
    orders: dict[str, int] = {}
    for finding in findings:
        orders[finding["submission_id"]] = orders.get(finding["submission_id"], 0) + 1
        checked.findings.append(
            {**{k: v for k, v in finding.items() if k != "index"}, "finding_order": orders[finding["submission_id"]]}
        )
    return checked


def _fact(line: Row) -> Row:
    if line["kind"] == "task":
        names = ("task_id", "state", "percent_done", "document_number", "document_date", "difficulty")
        return {"source_cell": line["cells"]["state"][1]} | {name: _stored(line.get(name)) for name in names}
    first = next((n for n in ("numerator", "value") if line[f"{n}_typed"]), "value")
    names = ("indicator_code", "numerator", "denominator", "value", "value_text", "note")
    return {"source_cell": line["cells"][first][1], "is_withdrawn": bool(line.get("is_withdrawn"))} | {
        name: _stored(line.get(name)) for name in names
    }


def _stored(value: Any) -> Any:
    """Decimals to the four places the warehouse keeps; empty text as NULL."""
    if isinstance(value, Decimal):
        return str(to_four_places(value))
    if isinstance(value, date):
        return value.isoformat()
    return value or None
