"""Holding what was read against the rules, with Great Expectations.

The only module that imports Great Expectations (5 to 9 s), so it is imported only where there is something to
validate. Rules are data (sources/forms/rules.yml): each looks at one fact of a file or a line (facts.py); a rule
that does not apply finds a null there. All rules run over all lines of all new files in one pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from pipelines.facts import file_facts, indicator_facts, line_facts, task_facts, to_four_places
from pipelines.registry import Registry

Row = dict[str, Any]
_NUMBERS = ("percent", "ratio_numerator", "ratio_denominator", "smallest_number", "result_gap", "percent_done")


class Checked(NamedTuple):
    """Rows for the checked.* tables."""

    submissions: list[Row]
    lines: list[Row]
    actuals: list[Row]
    task_reports: list[Row]
    findings: list[Row]


def validate(
    registry: Registry, receipts: Iterable[Mapping[str, Any]], readings: Mapping[str, Mapping[str, Any]]
) -> Checked:
    """Validate newly read files. receipts: rows of raw.receipt; readings: by submission_id (layout.lay_out)."""
    files: list[Row] = []
    lines: list[Row] = []
    for receipt in receipts:
        reading = readings[receipt["submission_id"]]
        file = file_facts(registry, receipt, reading)
        files.append(file)
        for table in reading.get("tables", []):
            make = indicator_facts if table["kind"] == "indicator" else task_facts
            lines += [line_facts(registry, file, table, line, make) for line in table["lines"]]
    findings = [
        *_run(registry.rules, "file", files),
        *_run(registry.rules, "indicator", [x for x in lines if x["is_checked"] and x["kind"] == "indicator"]),
        *_run(registry.rules, "task", [x for x in lines if x["is_checked"] and x["kind"] == "task"]),
    ]
    return _settle(files, lines, findings)


# ---------------------------------------------------------------- running the rules


def _run(rules: list[Row], level: str, facts: list[Row]) -> list[Row]:
    """Findings of all rules of a level over all its lines, in the order of lines and rules."""
    chosen = [rule for rule in rules if rule["level"] == level]
    if not facts:
        return []
    columns = {name for rule in chosen for key, name in rule["arguments"].items() if key.startswith("column")}
    frame = pd.DataFrame({name: pd.Series([f.get(name) for f in facts], dtype=object) for name in sorted(columns)})
    for name in columns.intersection(_NUMBERS):
        frame[name] = frame[name].astype(float)
    frame["line"] = range(len(facts))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("files").add_dataframe_asset(level)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    suite = gx.ExpectationSuite(name=level, expectations=[_expectation(rule) for rule in chosen])
    outcome = batch.validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["line"],
            "return_unexpected_index_query": False,
        },
    )
    by_code = {rule["code"]: rule for rule in chosen}
    found: list[tuple[int, int, Row]] = []
    for result in outcome.results:
        if result.expectation_config is None:
            raise RuntimeError(f"a rule of level {level} came back without its configuration")
        rule = by_code[result.expectation_config.meta["code"]]
        if result.exception_info.get("raised_exception"):
            raise RuntimeError(f"rule {rule['code']} could not run: {result.exception_info['exception_message']}")
        for unexpected in result.result.get("unexpected_index_list") or []:
            line = int(unexpected["line"])
            found.append((line, chosen.index(rule), _finding(rule, facts[line])))
    return [finding for _, _, finding in sorted(found, key=lambda item: item[:2])]


def _expectation(rule: Row) -> Any:
    name = "".join(part.capitalize() for part in rule["expectation"].split("_"))
    make = getattr(gx.expectations, name, None)
    if make is None:
        raise RuntimeError(f"rule {rule['code']}: Great Expectations has no {rule['expectation']}")
    return make(**rule["arguments"], meta={"code": rule["code"]})


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
        "found": str(facts.get(rule["found"], "")),
        "message": rule["message"].format_map(facts),
        "fix": rule["fix"].format_map(facts),
    }


# ---------------------------------------------------------------- what goes on


def _settle(files: list[Row], lines: list[Row], findings: list[Row]) -> Checked:
    """Good lines go on, bad lines become rejections; a refused file takes all its lines with it."""
    failed = {f["index"]: f["rule_code"] for f in reversed(findings) if f["severity"] == "fail"}
    refused = {file["submission_id"] for file in files if file["index"] in failed}
    checked = Checked([], [], [], [], [])
    for file in files:
        checked.submissions.append(
            {
                "submission_id": file["submission_id"],
                "period_code": file["period"].code if file["period"] else None,
                "is_unreadable": bool(file["reading_problem"]),
                "is_refused": file["submission_id"] in refused,
            }
        )
    for line in lines:
        reason = failed.get(line["submission_id"]) or failed.get(line["index"])
        if line["line_kind"] == "data" or (line["line_kind"] == "unanswered" and line["index"] in failed):
            disposition = "rejected" if reason else "accepted"
        else:
            disposition, reason = "ignored", line["line_kind"]
        place = {"submission_id": line["submission_id"], "source_sheet": line["sheet"],
                 "source_row": line["source_row"]}  # fmt: skip
        checked.lines.append({**place, "kind": line["kind"], "disposition": disposition, "reason": reason})
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
    first = next((n for n in ("numerator", "value") if line.get(f"{n}_typed")), "value")
    names = ("indicator_code", "numerator", "denominator", "value", "value_text", "note")
    return {"source_cell": line["cells"][first][1]} | {name: _stored(line.get(name)) for name in names}


def _stored(value: Any) -> Any:
    """Decimals to the four places the warehouse keeps; empty text as NULL."""
    if isinstance(value, Decimal):
        return str(to_four_places(value))
    if isinstance(value, date):
        return value.isoformat()
    return value or None
