"""When each plan is in force: from its own day until the plan that supersedes it, or until its commune is merged into
another; a yearly plan's tasks end earlier.

These are a plan's own days, as one edition of sources/ says them. From when on an edition counts is asked in models/
(core.known_duty, core.known_due).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from pipelines.files import Row
from pipelines.registry.successions import Successions


def set_days(plans: Mapping[str, Row], successions: Successions | None = None) -> list[str]:
    """Add to each plan in_force_from, in_force_to (the first day it is no longer in force, None while it is),
    superseded_by, tasks_until (the first day its tasks are closed), and whether its start and end are stated in
    plan.yml ('in_force_from'). Returns the faults."""
    faults = []
    for plan in plans.values():
        plan["is_start_stated"] = plan["in_force_from"] is not None
        plan["in_force_from"] = plan["in_force_from"] or _start(plan)
        plan |= {"in_force_to": None, "superseded_by": None, "is_end_stated": False}
    for plan in sorted(plans.values(), key=lambda one: (one["in_force_from"], one["plan_id"])):
        named, old = plan["supersedes_plan"], _superseded(plan, plans)
        if named and old is None:
            faults.append(
                f"{plan['plan_id']}/plan.yml: supersedes_plan: '{named}' is not a plan of {plan['commune_code']} "
                "that came into force before it"
            )
        if old is not None and old["in_force_to"] is None:
            old |= {"in_force_to": plan["in_force_from"], "superseded_by": plan["plan_id"],
                    "is_end_stated": plan["is_start_stated"]}  # fmt: skip
    for plan in plans.values():
        faults += _end_with_commune(plan, successions or Successions())
        ends = [plan["in_force_to"], date(plan["for_year"] + 1, 1, 1) if plan["for_year"] else None]
        plan["tasks_until"] = min((end for end in ends if end), default=None)
    return faults


def _end_with_commune(plan: Row, successions: Successions) -> list[str]:
    """A merged commune's plans end when it does; one that a merger made does not report before. Returns the faults."""
    commune = plan["commune_code"]
    if ended := successions.ended("commune", commune):
        if plan["in_force_from"] >= ended["ends_on"]:
            return [f"{plan['plan_id']}/plan.yml: commune {commune} ended on {ended['on']}, before the plan"]
        if plan["in_force_to"] is None or plan["in_force_to"] > ended["ends_on"]:
            plan |= {"in_force_to": ended["ends_on"], "superseded_by": None, "is_end_stated": True}
    begins = successions.begins_on("commune", commune)
    if begins and plan["in_force_from"] < begins:
        return [f"{plan['plan_id']}/plan.yml: in force before commune {commune} begins on {begins}: if the commune was "
                f"there before, add the row 'commune,{commune},{commune},{begins}' to successions.csv"]  # fmt: skip
    if begins:
        plan["reports_from"] = max(plan["reports_from"], begins)
    return []


def _start(plan: Row) -> date:
    """The day a plan was issued, else from when its agencies report; a plan for a year not before that year."""
    day: date = plan["issued_on"] or plan["reports_from"]
    return max(day, date(plan["for_year"], 1, 1)) if plan["for_year"] else day


def _superseded(plan: Row, plans: Mapping[str, Row]) -> Row | None:
    """The plan it supersedes: by plan_id, else by the number it names. Numbers restart each year: the newest
    earlier plan with that number, of the day named where one is."""
    if plan["supersedes_plan"]:
        old = plans.get(plan["supersedes_plan"])
        return old if old and _is_earlier(old, plan) else None
    number, issued_on = plan["supersedes"], plan["supersedes_issued_on"]
    found = [old for old in plans.values() if number and old["document_number"] == number and _is_earlier(old, plan)
             and issued_on in (None, old["issued_on"])]  # fmt: skip
    return max(found, key=lambda old: (old["in_force_from"], old["plan_id"]), default=None)


def _is_earlier(old: Row, plan: Row) -> bool:
    return bool(old["commune_code"] == plan["commune_code"] and old["in_force_from"] < plan["in_force_from"])


def in_force(plans: Iterable[Row], on: date) -> list[Row]:
    """The plans of a commune in force on a day, the newest first. The first plan covers the days before it too."""
    plans = list(plans)
    on = max([on, *([min(plan["in_force_from"] for plan in plans)] if plans else [])])
    holding = [plan for plan in plans
               if plan["in_force_from"] <= on < (plan["in_force_to"] or date.max)]  # fmt: skip
    return sorted(holding, key=lambda plan: (plan["in_force_from"], plan["plan_id"]), reverse=True)
