"""Holding what was read against the rules.

Rules are data (sources/forms/rules.yml): each looks at one fact of a file or a line (facts.py, earlier_figures.py); a
rule that does not apply finds a null there. All rules run over all lines of all new files together, those that need the
figures accepted before in a second pass. What evaluates them is given: Great Expectations in a run (suites.py), the
same without its import where one file is looked at (expectations.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.checking.earlier_figures import (
    HISTORY_FACTS,
    NEVER_REFUSING,
    SAYS,
    History,
    Memory,
    held_codes,
    stored,
)
from pipelines.checking.facts import file_facts
from pipelines.checking.lines import line_code, table_facts
from pipelines.checking.lookup import Duties, Known
from pipelines.checking.rules import expand, insist, needs_history
from pipelines.checking.same_file import compare_lines
from pipelines.files import Row
from pipelines.registry.registry import Registry

Found = list[tuple[int, int, Row]]  # number of the line, number of the rule, finding
# Rules, a level and the facts of its lines, to number of the line and number of the rule wherever one is broken.
Evaluate = Callable[[Sequence[Row], str, Sequence[Row]], Iterable[tuple[int, int]]]
LEVELS = ("file", "indicator", "task")


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
    evaluate: Evaluate,
    history: History | None = None,
    duties: Duties | None = None,
) -> Checked:
    """Validate newly read files. receipts: rows of raw.receipt, in ledger order; readings: by submission_id
    (layout.lay_out); evaluate: suites.Suites().unexpected or expectations.unexpected; history: the figures in force
    before the first of them, by commune, agency and indicator; duties: who reports what, and when (default: as the
    registry says it now).

    A file sees the figures of those before it, so that files give the same findings one by one or all at once. Raises
    ValueError where the rules cannot be run.
    """
    insist(registry.rules, registry.form, NEVER_REFUSING)
    known = Known(registry, duties)
    files: list[Row] = []
    lines: list[Row] = []
    for receipt in receipts:
        reading = readings[receipt["submission_id"]]
        file = file_facts(known, receipt, reading)
        tables = zip(reading.get("tables", []), file["contexts"], strict=True)
        own = [line for table, context in tables for line in table_facts(known, file, table, context)]
        compare_lines(registry, file, own)
        files.append(file)
        lines += own
    rules = [one for rule in registry.rules for one in expand(rule, registry.form)]
    facts = {"file": files} | {
        level: [line for line in lines if line["is_checked"] and line["kind"] == level] for level in LEVELS[1:]
    }
    first = [rule for rule in rules if not needs_history(rule, HISTORY_FACTS)]
    later = [rule for rule in rules if needs_history(rule, HISTORY_FACTS)]
    found = {level: _found(evaluate, first, level, facts[level]) for level in LEVELS}
    refused = _refusals(found)
    good = [line for line in lines if _is_good(line, refused)]
    Memory(registry, history or History(), later).look_back(files, good, _to_confirm(found))
    confirmed = {line["index"] for line in good if line.get("confirms")}
    for level in LEVELS[1:]:
        found[level] = [
            one for one in found[level] if not (one[2]["severity"] == "confirm" and one[2]["index"] in confirmed)
        ]
        found[level] += _found(evaluate, later, level, facts[level])
    refused = _refusals(found)
    findings = [finding for level in LEVELS for _, _, finding in sorted(found[level], key=lambda item: item[:2])]
    held = held_codes(lines)
    if wrong := held.keys() ^ (_to_confirm(found).keys() - refused.keys() - _of_refused(lines, refused)):
        raise RuntimeError(f"lines held and lines found to be confirmed are not the same: {sorted(wrong)[:5]}")
    return _settle(files, lines, findings, refused)


def _to_confirm(found: Mapping[str, Found]) -> dict[str, list[str]]:
    """Codes of the rules that ask for a confirmation, by the index of the line."""
    codes: dict[str, list[str]] = {}
    for some in found.values():
        for _, _, finding in some:
            if finding["severity"] == "confirm":
                codes.setdefault(finding["index"], []).append(finding["rule_code"])
    return codes


def _of_refused(lines: list[Row], refused: Mapping[str, str]) -> set[str]:
    """Lines that are not checked, as they go no further: of refused files, and those that are no data."""
    return {line["index"] for line in lines if line["submission_id"] in refused or line["line_kind"] != "data"}


# ---------------------------------------------------------------- what is found


def _found(evaluate: Evaluate, rules: list[Row], level: str, facts: list[Row]) -> Found:
    return [(line, number, _finding(rules[number], facts[line])) for line, number in evaluate(rules, level, facts)]


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
    """Whether a line goes on, or has a remark to keep beside what was sent before."""
    is_said = line["line_kind"] == "data" or (line["line_kind"] == "unanswered" and bool(line.get("note")))
    is_known = line["is_checked"] and bool(line.get("code_known") or line.get("task_known"))
    return is_said and is_known and line["submission_id"] not in refused and line["index"] not in refused


def _settle(files: list[Row], lines: list[Row], findings: list[Row], refused: Mapping[str, str]) -> Checked:
    """Good lines go on, bad lines become rejections; a refused file takes all its lines with it."""
    checked = Checked([], [], [], [], [])
    senders = {file["submission_id"]: file["agency_code"] for file in files}
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
            disposition = "rejected" if reason else "held" if line.get("held_by") else "accepted"
            reason = reason or line.get("held_by")
        else:
            disposition, reason = "ignored", line["line_kind"]
        for_other = line["agency_code"] if line["agency_code"] != senders[line["submission_id"]] else None
        place = {"submission_id": line["submission_id"], "source_sheet": line["sheet"],
                 "source_row": line["source_row"], "agency_code": for_other}  # fmt: skip
        checked.lines.append({**place, "kind": line["kind"], "line_kind": line["line_kind"], "code": line_code(line),
                              "disposition": disposition, "reason": reason, "note": line.get("note"),
                              **{name: line.get(name) for name in _CONFIRMED}})  # fmt: skip
        if disposition in ("accepted", "held"):
            place["is_held"] = disposition == "held"
            (checked.actuals if line["kind"] == "indicator" else checked.task_reports).append(place | _fact(line))
    orders: dict[str, int] = {}
    for finding in findings:
        orders[finding["submission_id"]] = orders.get(finding["submission_id"], 0) + 1
        checked.findings.append(
            {**{k: v for k, v in finding.items() if k != "index"}, "finding_order": orders[finding["submission_id"]]}
        )
    return checked


# A line that confirms one held before: of which submission, how, why, and by which rules it was held.
_CONFIRMED = ("confirms", "confirmed_how", "confirmed_reason", "confirmed_rules")


def _fact(line: Row) -> Row:
    if line["kind"] == "task":
        said = ("task_id", *SAYS["task"], "difficulty", "result", "proposal", "repeats_period")
        return {"source_cell": line["cells"]["state"][1]} | {name: stored(line.get(name)) for name in said}
    first = next((n for n in ("numerator", "value") if line[f"{n}_typed"]), "value")
    names = ("indicator_code", *SAYS["indicator"], "note")
    return {
        "source_cell": line["cells"][first][1],
        "is_withdrawn": bool(line.get("is_withdrawn")),
        "is_estimate": line.get("is_estimate"),
    } | {name: stored(line.get(name)) for name in names}
