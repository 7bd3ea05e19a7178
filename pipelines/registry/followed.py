"""Indicators followed without a target: a city, or one plan, has them reported from a day on
(sources/reference/followed.csv).

Of a city: by every plan of its communes. A plan that sets a target for the indicator has it reported anyway. A row of a
plan whose folder is not there waits for it: a folder that is missing for a run stops nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date

from pipelines.files import Row
from pipelines.registry.plan_folders import PlanReader

Duties = dict[tuple[str, str], str]  # by plan and indicator the agency that reports it
Days = dict[tuple[str, str], date]  # by plan and indicator the day from which it is followed


def follow(rows: Iterable[Mapping[str, str]], reader: PlanReader, communes: Mapping[str, Row],
           duties: Duties) -> tuple[Duties, Days, list[str]]:  # fmt: skip
    """What is reported without a target, from when on, and the faults. duties: who reports what has targets."""
    agencies: Duties = {}
    days: Days = {}
    faults: list[str] = []
    cities = {commune["city_code"] for commune in communes.values()}
    for number, row in enumerate(rows, 2):
        code = row["indicator_code"]
        if fault := _fault(row, reader, cities, communes):
            faults.append(f"followed.csv row {number}: {fault}")
            continue
        for plan in _plans(row, reader, communes):
            key = plan["plan_id"], code
            if key in duties:
                continue
            day = date.fromisoformat(row["followed_from"])
            days[key] = min(day, days.get(key, day))
            agencies[key] = agencies.get(key) or _agency(row, plan, reader, duties)
    return agencies, days, faults


def _plans(row: Mapping[str, str], reader: PlanReader, communes: Mapping[str, Row]) -> Iterator[Row]:
    for plan in reader.plans.values():
        commune = communes.get(plan["commune_code"])
        if row["plan_id"] == plan["plan_id"] or (commune and row["city_code"] == commune["city_code"]):
            yield plan


def _agency(row: Mapping[str, str], plan: Row, reader: PlanReader, duties: Duties) -> str:
    """Who reports it: whom plan.yml names, else who leads it by another plan of the commune, the newest first, else the
    list's agency, else the catalogue's."""
    code = row["indicator_code"]
    others = (other for other in reader.plans.values() if other["commune_code"] == plan["commune_code"])
    leads = [duties[other["plan_id"], code]
             for other in sorted(others, key=lambda one: (one["in_force_from"], one["plan_id"]), reverse=True)
             if (other["plan_id"], code) in duties]  # fmt: skip
    named = [plan["reports"].get(code), *leads, row["agency_code"], reader.indicators[code]["lead_agency_code"]]
    return reader.reporter(plan, next(str(agency) for agency in named if agency))


def _fault(row: Mapping[str, str], reader: PlanReader, cities: Collection[str], communes: Collection[str]) -> str:
    city, plan, code, agency = (row[name] for name in ("city_code", "plan_id", "indicator_code", "agency_code"))
    if bool(city) == bool(plan):
        return "write either the city_code or the plan_id of who follows the indicator"
    if city and city not in cities:
        return f"no city '{city}' in communes.csv"
    if plan and plan.partition("-")[0] not in communes:
        return f"no plan can be called '{plan}': a plan's name begins with its commune's code"
    if code not in reader.indicators:
        return f"no indicator '{code}' in indicators.csv"
    try:
        date.fromisoformat(row["followed_from"])
    except ValueError:
        return f"'{row['followed_from']}' is no day: write followed_from as 2027-01-01"
    if agency and agency not in reader.agencies:
        return f"no agency '{agency}' in agencies.csv"
    if not agency and not reader.indicators[code]["lead_agency_code"]:
        return f"who reports {code}? Neither agency_code nor indicators.csv says so"
    return ""
