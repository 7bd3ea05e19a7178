"""Who reports on which task: the agencies that lead it, and, of a task given to all agencies of a plan together, each
on its own part.

Such a lead ("Các cơ quan, đơn vị") is a group in sources/reference/agencies.csv. It cannot send a file: the plan's
focal agency reports on the task as a whole. From the day each_reports_from of the group on, every other agency that the
plan names reports on its part beside it; a group without that day is reported by the focal agency alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from pipelines.files import Row
from pipelines.registry.plan_folders import PlanReader


class TaskDuty(NamedTuple):
    """An agency reports on a task; part_from: on its own part alone, for periods that end on that day or later."""

    plan_id: str
    task_id: str
    agency_code: str
    part_from: date | None = None


def each_reports(rows: Iterable[Mapping[str, str]]) -> tuple[dict[str, date], list[str]]:
    """From which day on each agency of a group reports, by the group's code, and the faults of agencies.csv."""
    days: dict[str, date] = {}
    faults: list[str] = []
    for row in rows:
        if not (text := row.get("each_reports_from")):
            continue
        if row["is_group"] != "true":
            faults.append(f"agencies.csv: {row['agency_code']}: each_reports_from is for groups alone (is_group true)")
            continue
        try:
            days[row["agency_code"]] = date.fromisoformat(text)
        except ValueError:
            faults.append(
                f"agencies.csv: {row['agency_code']}: '{text}' is no day: write each_reports_from as 2027-01-01"
            )
    return days, faults


def task_duties(reader: PlanReader, each_from: Mapping[str, date]) -> list[TaskDuty]:
    """Every agency that reports on a task, in the order of the plans; those that lead it first."""
    named: dict[str, set[str]] = {}
    duties = []
    for task in reader.tasks:
        plan_id, codes = task["plan_id"], task["lead_agency_codes"]
        leads = dict.fromkeys(reader.reporter(reader.plans[plan_id], code) for code in codes)
        duties += [TaskDuty(plan_id, task["task_id"], code) for code in leads]
        if days := [each_from[code] for code in codes if code in each_from]:
            if plan_id not in named:
                named[plan_id] = _named(reader, plan_id)
            parts = sorted(named[plan_id] - leads.keys())
            duties += [TaskDuty(plan_id, task["task_id"], code, min(days)) for code in parts]
    return duties


def _named(reader: PlanReader, plan_id: str) -> set[str]:
    """The agencies that lead a target or a task of the plan, or report one of its indicators."""
    codes: set[str] = {*reader.plans[plan_id]["reports"].values()}
    codes |= {row["lead_agency_code"] for row in _of(reader.targets, plan_id) if row["lead_agency_code"]}
    codes |= {code for row in _of(reader.tasks, plan_id) for code in row["lead_agency_codes"]}
    return {code for code in codes if not reader.agencies[code]["is_group"]}


def _of(rows: Iterable[Row], plan_id: str) -> Iterable[Row]:
    return (row for row in rows if row["plan_id"] == plan_id)
