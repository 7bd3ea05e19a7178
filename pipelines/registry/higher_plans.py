"""Plans of a city or of the Government, whose targets stand above those of the communes (sources/higher_plans/).

One folder a plan: plan.yml, and targets.csv with the columns of a commune's plan. Nobody reports to them: their
milestones are compared with what the communes report anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.files import Row, read_csv, read_yaml
from pipelines.vietnamese import parse_target

SCOPES = ("city", "country")
_KEYS = {"plan_id", "scope", "city_code", "document_number", "issued_on", "issuer", "title", "in_force_from",
         "supersedes_plan"}  # fmt: skip
_COLUMNS = ("appendix", "row_number", "scope", "indicator_code", "name", "milestone_on", "as_written", "operator",
            "value", "value_high", "unit_of_measure", "is_aspirational")  # fmt: skip
_MAY_BE_MISSING = ("reading_reason", "source_page", "source_place", "note")


class HigherPlans:
    """plans, targets: rows of raw.higher_plan and raw.higher_target. faults: what does not fit, by file and row."""

    def __init__(self, folder: Path, cities: Collection[str], indicators: Mapping[str, Row]) -> None:
        self.plans: dict[str, Row] = {}
        self.targets: list[Row] = []
        self.faults: list[str] = []
        for one in sorted(path for path in folder.glob("*") if path.is_dir()):
            self._read(one, cities, indicators)
        self._end()

    def _read(self, folder: Path, cities: Collection[str], indicators: Mapping[str, Row]) -> None:
        plan = read_yaml(folder / "plan.yml")
        faults = list(_plan_faults(folder.name, plan, cities))
        self.faults += [f"higher_plans/{folder.name}/plan.yml: {fault}" for fault in faults]
        if faults:
            return
        self.plans[folder.name] = {
            "plan_id": folder.name,
            "plan_scope": plan["scope"],
            "city_code": plan.get("city_code"),
            "document_number": plan.get("document_number"),
            "issued_on": plan.get("issued_on"),
            "issuer": plan["issuer"],
            "title": plan["title"],
            "in_force_from": plan.get("in_force_from") or plan["issued_on"],
            "in_force_to": None,
            "supersedes_plan": plan.get("supersedes_plan"),
        }
        seen: set[str] = set()
        for number, row in enumerate(read_csv(folder / "targets.csv"), 1):
            place = f"higher_plans/{folder.name}/targets.csv row {number}"
            if fault := _target_fault(row, indicators):
                self.faults.append(f"{place}: {fault}")
                continue
            base = "/".join(
                part for part in (folder.name, row["appendix"], row["row_number"], row["milestone_on"][:4]) if part
            )
            target_id = base if base not in seen else f"{base}/{number}"
            seen.add(target_id)
            self.targets.append(
                {**{name: row[name] for name in _COLUMNS}, **{name: row.get(name) or None for name in _MAY_BE_MISSING},
                 "target_id": target_id, "plan_id": folder.name, "value": row["value"] or None,
                 "value_high": row["value_high"] or None, "is_aspirational": row["is_aspirational"] == "true",
                 "line_order": number}
            )  # fmt: skip

    def _end(self) -> None:
        """A plan ends where the one that names it as superseded begins."""
        for plan in self.plans.values():
            if not (named := plan.pop("supersedes_plan")):
                continue
            old = self.plans.get(named)
            if old is None or old["in_force_from"] >= plan["in_force_from"]:
                self.faults.append(f"higher_plans/{plan['plan_id']}/plan.yml: supersedes_plan: '{named}' is no plan "
                                   "there that came into force before it")  # fmt: skip
            else:
                old["in_force_to"] = plan["in_force_from"]


def _plan_faults(name: str, plan: Mapping[str, Any], cities: Collection[str]) -> Iterator[str]:
    if odd := plan.keys() - _KEYS:
        yield f"no key of a higher plan: {', '.join(sorted(odd))}"
    if missing := [key for key in ("plan_id", "scope", "issuer", "title") if not plan.get(key)]:
        yield f"write {', '.join(missing)}"
        return
    if plan["plan_id"] != name:
        yield f"plan_id '{plan['plan_id']}' is not the folder's name"
    if plan["scope"] not in SCOPES:
        yield f"scope '{plan['scope']}': write one of {', '.join(SCOPES)}"
    if plan["scope"] == "city" and plan.get("city_code") not in cities:
        yield f"no city '{plan.get('city_code')}' in communes.csv: write city_code in quotes, as '31'"
    if plan["scope"] == "country" and plan.get("city_code"):
        yield "a plan of the country has no city_code"
    for key in ("issued_on", "in_force_from"):
        if plan.get(key) and not isinstance(plan[key], date):
            yield f"{key} '{plan[key]}' is no day: write it as 2026-02-12"
    if not (plan.get("issued_on") or plan.get("in_force_from")):
        yield "write issued_on or in_force_from: from when on it is in force"


def _target_fault(row: Mapping[str, str], indicators: Mapping[str, Row]) -> str:
    if missing := [name for name in _COLUMNS if name not in row]:
        return f"no column {', '.join(missing)}"
    if row["indicator_code"] not in indicators:
        return f"no indicator '{row['indicator_code']}' in indicators.csv"
    try:
        date.fromisoformat(row["milestone_on"])
    except ValueError:
        return f"milestone_on '{row['milestone_on']}' is no day: write it as 2030-12-31"
    if (said := parse_target(row["as_written"])) is None:
        return f"'{row['as_written']}' sets nothing: leave the row out"
    read = (said.operator, *(_plain(value) for value in (said.value, said.value_high)))
    written = (row["operator"], *(_plain(row[name]) for name in ("value", "value_high")))
    if read != written and not row.get("reading_reason"):
        reading = " ".join(part for part in read if part)
        return f"'{row['as_written']}' reads as {reading}; for another reading write reading_reason"
    return ""


def _plain(value: Any) -> str:
    return "" if value in (None, "") else f"{float(value):g}"
