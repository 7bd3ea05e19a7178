"""What a line is compared with in its own file: lines for the same code, names beside other codes, and what is owed.

What is wrong with what is found does not belong here (sources/forms/rules.yml).
"""

from __future__ import annotations

from collections import defaultdict

from pipelines.files import Row
from pipelines.registry.registry import Registry

# What a line says, by which two are the same.
_SAID = ("numerator", "denominator", "value", "value_text", "note", "is_withdrawn", "numerator_problem",
         "denominator_problem", "value_problem", "state", "percent_done", "percent_done_problem", "document_number",
         "document_date", "document_date_problem", "difficulty", "result", "proposal", "is_as_before",
         "is_estimate")  # fmt: skip


def compare_lines(registry: Registry, file: Row, lines: list[Row]) -> None:
    """Add what only the whole file shows: lines for the same code, and codes that are owed but not there."""
    for kind, code, key in (("indicator", "indicator_code", "code_key"), ("task", "task_id", "task_key")):
        known = f"{'code' if kind == 'indicator' else 'task'}_known"
        by_code: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for line in lines:
            if line["kind"] == kind and line["is_checked"] and line.get(known):
                by_code[line[code], line["agency_code"]].append(line)
        for same in by_code.values():
            _compare(same, code, key)
        claim_names([line for line in lines if line["kind"] == kind and line["is_checked"]])
        if kind == "indicator":
            file["missing_lines"] = _missing(registry, file, lines, {code for code, _ in by_code})


def claim_names(lines: list[Row]) -> None:
    """Mark each line whose name is beside another's code in the file."""
    taken = {line["name_code"]: f"{line['sheet']}!{line['cells'][line['name_cell']][1]}"
             for line in lines if line.get("name_agrees") is False}  # fmt: skip
    for line in lines if taken else ():
        code = line.get("indicator_code") or line.get("task_id")
        if line["line_kind"] == "data" and line.get("name_agrees"):
            line["name_taken_at"] = taken.get(code, "")


def _compare(same: list[Row], code: str, key: str) -> None:
    """Only lines with figures contradict each other; a line left empty may be filled in elsewhere in the file."""
    data = [line for line in same if line["line_kind"] == "data"]
    first = data[0] if data else {}
    for line in data[1:]:  # the very same once more on the sheet says nothing new
        names_agree = first.get("name_agrees") is not False and line.get("name_agrees") is not False
        if names_agree and line["sheet"] == first["sheet"] and all(line.get(name) == first.get(name) for name in _SAID):
            line["line_kind"], line["repeats"] = "repeated", f"{first['sheet']}!{first['cells'][code][1]}"
    data = [line for line in data if line["line_kind"] == "data"]
    for line in data:
        line[key] = f"{line['submission_id']}|{line[code]}|{line['agency_code']}"
        others = [other for other in data if other is not line]
        if others:
            line["name_agrees"] = None  # it is asked already
        line["other_places"] = ", ".join(f"{o['sheet']}!{o['cells'][code][1]}" for o in others)
    for line in same[0 if data else 1 :]:
        if line["line_kind"] == "unanswered":
            line["due_but_empty"] = None


def _missing(registry: Registry, file: Row, lines: list[Row], present: set[str]) -> str | None:
    """Codes of figures due in the period that have no line in the file, of all the agencies whose lines it has."""
    if not (file["commune_agrees"] and file["agency_agrees"] and file["period_has_begun"]) or file["missing_columns"]:
        return None
    on = registry.period_of(file["commune_code"], file["period"].code).ends_on
    agencies = sorted({line["agency_code"] for line in lines if line["is_checked"]}) or [file["agency_code"]]
    owed = [one for agency in agencies for one in registry.indicators_of(file["commune_code"], agency, on)]
    asked = [one["indicator_code"] for one in owed if registry.is_asked(one["frequency"], file["period"])]
    return ", ".join(code for code in asked if code not in present)
