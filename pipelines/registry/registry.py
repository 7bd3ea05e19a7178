"""The registry: plans, agencies, indicators, periods and forms, read from sources/ and held together.

Everything a plan, a form or a rule says is data under sources/; this module reads it, resolves names to codes and
refuses what does not fit, naming file, row and text. Files that agencies send are not read here.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from pipelines.files import Row, read_csv, read_yaml
from pipelines.home import SOURCES
from pipelines.registry.followed import follow
from pipelines.registry.higher_plans import HigherPlans
from pipelines.registry.in_force import in_force, set_days
from pipelines.registry.periods import RHYTHMS, Period, in_rhythm, make_periods
from pipelines.registry.plan_folders import AgencyNames, PlanReader, RegistryError
from pipelines.registry.successions import Successions
from pipelines.registry.task_duties import TaskDuty, each_reports, task_duties
from pipelines.vietnamese import slug

_STATUS_FLAGS = ("needs_attention", "is_behind", "is_outstanding")


@dataclass
class Registry:
    """Everything under sources/ except the inbox, as rows ready for the raw tables."""

    communes: dict[str, Row]
    agencies: dict[str, Row]
    agency_names: AgencyNames
    indicators: dict[str, Row]
    calendars: dict[str, dict[str, Period]]
    calendar: str
    asked_in_months: dict[str, list[int]]
    statuses: list[Row]
    plans: dict[str, Row]
    targets: list[Row]
    tasks: list[Row]
    indicator_duties: dict[tuple[str, str], str]  # by plan and indicator, those followed without a target too
    task_duties: list[TaskDuty]
    form: Row
    followed: dict[tuple[str, str], date] = field(default_factory=dict)  # from when on, by plan and indicator
    plan_documents: list[Row] = field(default_factory=list)
    higher_plans: list[Row] = field(default_factory=list)
    higher_targets: list[Row] = field(default_factory=list)
    successions: Successions = field(default_factory=Successions)
    rules: list[Row] = field(default_factory=list)

    @property
    def periods(self) -> dict[str, Period]:
        """The periods by the form's own calendar."""
        return self.calendars[self.calendar]

    @cached_property
    def commune_codes_with_plans(self) -> set[str]:
        return {plan["commune_code"] for plan in self.plans.values()}

    @cached_property
    def city_communes(self) -> set[str]:
        """The communes of every city in which one has a plan: those whose folders are known."""
        cities = {self.communes[code]["city_code"] for code in self.commune_codes_with_plans}
        return {code for code, commune in self.communes.items() if commune["city_code"] in cities}

    @cached_property
    def tasks_by_id(self) -> dict[str, Row]:
        return {task["task_id"]: task for task in self.tasks}

    def plans_of(self, commune_code: str, on: date) -> list[Row]:
        """The commune's plans in force on a day, the newest first."""
        return in_force((plan for plan in self.plans.values() if plan["commune_code"] == commune_code), on)

    @cached_property
    def agency_folders(self) -> dict[str, str]:
        """The agency whose files lie in a folder of this name: those of a predecessor's folder are its successor's."""
        own = {code: code for code in self.agencies}
        return {old: code for code in own for old in self.successions.before("agency", code)} | own

    def folder_of(self, commune_code: str) -> str:
        """The commune's folder in the inbox: '11164-xa-vinh-lai' without the type: '11164-vinh-lai'."""
        return f"{commune_code}-{slug(self.communes[commune_code]['short_name'])}"

    def led_in(self, commune_code: str, on: date) -> dict[str, str]:
        """Who reports which indicator of the commune for a period that ends on the day: agency by indicator. The newest
        plan in force decides."""
        leads: dict[str, str] = {}
        for plan in reversed(self.plans_of(commune_code, on)):
            own = self._indicators_by_plan.get(plan["plan_id"], {})
            leads |= {code: agency for code, agency in own.items()
                      if self.followed.get((plan["plan_id"], code), on) <= on}  # fmt: skip
        return leads

    @cached_property
    def _indicators_by_plan(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for (plan_id, indicator), agency in self.indicator_duties.items():
            found.setdefault(plan_id, {})[indicator] = agency
        return found

    def _tasks_in(self, commune_code: str, on: date) -> list[tuple[Row, str]]:
        """Tasks asked for in a period that ends on the day, each with an agency that reports on it, in plan order."""
        open_plans = {plan["plan_id"] for plan in self.plans_of(commune_code, on)
                      if plan["tasks_until"] is None or plan["tasks_until"] > on}  # fmt: skip
        return [(self.tasks_by_id[duty.task_id], duty.agency_code) for duty in self.task_duties
                if duty.plan_id in open_plans and (duty.part_from or on) <= on]  # fmt: skip

    def agencies_of(self, commune_code: str, on: date) -> list[str]:
        """Codes of the agencies that owe figures or task reports in the commune for a period that ends on the day."""
        owing = set(self.led_in(commune_code, on).values())
        return sorted(owing.union(agency for _, agency in self._tasks_in(commune_code, on)))

    def indicators_of(self, commune_code: str, agency_code: str, on: date) -> list[Row]:
        """Catalogue rows of the indicators the agency reports for a period that ends on the day, in code order."""
        led = self.led_in(commune_code, on)
        return [self.indicators[code] for code in sorted(led) if led[code] == agency_code]

    def tasks_of(self, commune_code: str, agency_code: str, on: date) -> list[Row]:
        """Tasks the agency reports on for a period that ends on the day, in the order of the plans."""
        return [task for task, agency in self._tasks_in(commune_code, on) if agency == agency_code]

    def parts_of(self, task_id: str, on: date) -> list[str]:
        """Of a task given to all agencies of its plan the codes of those that report on their own part, for a period
        that ends on the day; the focal agency sums up. Of any other task none."""
        return [code for code, part_from in self._parts_by_task.get(task_id, ()) if part_from <= on]

    @cached_property
    def _parts_by_task(self) -> dict[str, list[tuple[str, date]]]:
        found: dict[str, list[tuple[str, date]]] = {}
        for duty in self.task_duties:
            if duty.part_from:
                found.setdefault(duty.task_id, []).append((duty.agency_code, duty.part_from))
        return found

    def period_of(self, commune_code: str, code: str) -> Period:
        """A period as it is for the commune: by the calendar, rhythm, due days, grace and yearly day that the plans in
        force on its last day set, else the form's (core.known_due). Raises KeyError for a period that is none."""
        default = self.calendars[self.calendar][code]
        own = self._settings(commune_code, default.ends_on)
        calendar = self.calendars[own.get("reporting_calendar", self.calendar)]
        period = in_rhythm(calendar[code], calendar, own.get("reporting_rhythm"))
        if period.due_days is None:
            return period
        due_on = period.ends_on + timedelta(days=own.get("due_days", period.due_days))
        if period.kind == "year" and "annual_report_due" in own:
            due_on = _in_year(int(code), own["annual_report_due"])
        return replace(period, due_on=due_on, grace_days=own.get("grace_days", period.grace_days))

    def _settings(self, commune_code: str, on: date) -> Row:
        """What the plans in force on a day set of reporting, the newest that says so."""
        names = ("annual_report_due", "reporting_calendar", "reporting_rhythm", "due_days", "grace_days")
        found: Row = {}
        for plan in reversed(self.plans_of(commune_code, on)):
            found |= {name: plan[name] for name in names if plan[name] is not None}
        return found

    def rows(self) -> dict[str, list[Row]]:
        """The registry as rows of the raw tables, by table name."""
        columns = ("code", "kind", "starts_on", "ends_on", "due_days", "grace_days", "owed_from", "label")
        periods = [
            {"calendar": name, "is_default": name == self.calendar}
            | {"period_code" if column == "code" else column: getattr(period, column) for column in columns}
            for name, periods in self.calendars.items()
            for period in periods.values()
        ]
        frequencies = sorted(self.asked_in_months)
        return {
            "raw.commune": list(self.communes.values()),
            "raw.agency": list(self.agencies.values()),
            "raw.indicator": list(self.indicators.values()),
            "raw.period": periods,
            "raw.asked": [{"period_code": period.code, "frequency": frequency} for period in self.periods.values()
                          for frequency in frequencies if self.is_asked(frequency, period)],
            "raw.status": self.statuses,
            "raw.succession": self.successions.rows,
            "raw.plan": [{k: v for k, v in plan.items() if k not in ("reports", "supersedes_issued_on")}
                         for plan in self.plans.values()],
            "raw.plan_document": self.plan_documents,
            "raw.target": self.targets,
            "raw.higher_plan": self.higher_plans,
            "raw.higher_target": self.higher_targets,
            "raw.task": self.tasks,
            "raw.indicator_duty": [{"plan_id": plan_id, "commune_code": self.plans[plan_id]["commune_code"],
                                    "indicator_code": indicator,
                                    "frequency": self.indicators[indicator]["frequency"], "agency_code": agency,
                                    "followed_from": self.followed.get((plan_id, indicator))}
                                   for (plan_id, indicator), agency in self.indicator_duties.items()],
            "raw.task_duty": [{**duty._asdict(), "commune_code": self.plans[duty.plan_id]["commune_code"]}
                              for duty in self.task_duties],
        }  # fmt: skip

    def is_asked(self, frequency: str, period: Period) -> bool:
        """Whether a figure of this frequency must be given for the period (else it may be)."""
        if period.kind == "month":
            return int(period.code[5:7]) in self.asked_in_months[frequency]
        order = ["month", "quarter", "half", "nine_months", "year"]
        return order.index(frequency) <= order.index(period.kind)


def _in_year(year: int, month_day: str) -> date:
    """A day of every year, as MM-DD; 29/02 is the last of February."""
    month, day = map(int, month_day.split("-"))
    is_leap_day = (month, day) == (2, 29) and not isleap(year)
    return date(year, month, 28 if is_leap_day else day)


def _unique(faults: list[str], what: str, keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            faults.append(f"{what}: '{key}' is there twice")
        seen.add(key)


def _keyed(rows: list[Row], key: str, faults: list[str], what: str) -> dict[str, Row]:
    _unique(faults, what, (row[key] for row in rows))
    return {row[key]: row for row in rows}


def _complete(form: Row) -> None:
    """Add to a form of an earlier edition what a later one says besides, which this program needs to read by it."""
    own = read_yaml(SOURCES / "forms" / "periodic-report.yml")
    for name, part in own.items():
        form.setdefault(name, part)
    for name in ("answers", "answer_aliases"):
        for asked, words in own[name].items():
            form[name].setdefault(asked, words)
    for sheet, newer in zip(form["sheets"], own["sheets"], strict=True):
        for name, part in newer.items():
            sheet.setdefault(name, part)


def _read_if_there(path: Path) -> list[dict[str, str]]:
    """The rows of a list that editions of before do not have."""
    return read_csv(path) if path.exists() else []


def _agencies(path: Path, faults: list[str]) -> tuple[dict[str, Row], dict[str, date]]:
    """The agencies by code, and from which day on each agency of a group reports on the group's tasks."""
    read = read_csv(path)
    each_from, wrong = each_reports(read)
    faults += wrong
    rows: list[Row] = [
        {"agency_code": row["agency_code"], "agency_name": row["agency_name"], "is_group": row["is_group"] == "true"}
        for row in read
    ]
    return _keyed(rows, "agency_code", faults, "agencies.csv"), each_from


def _duties(
    reader: PlanReader, rows: list[dict[str, str]], communes: dict[str, Row]
) -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], date]]:
    """Who reports what, and from when on what is followed without a target. Adds to the reader's faults."""
    duties = reader.indicator_duties()
    following, days, faults = follow(rows, reader, communes, duties)
    reader.faults += faults
    return dict(sorted((duties | following).items())), days


def _setting_faults(plans: Iterable[Row], communes: Collection[str], calendars: Collection[str]) -> Iterator[str]:
    """What plans say of their commune and of how it reports that fits nothing."""
    for plan in plans:
        name, calendar, rhythm = plan["plan_id"], plan["reporting_calendar"], plan["reporting_rhythm"]
        if plan["commune_code"] not in communes:
            yield f"{name}: no commune {plan['commune_code']}"
        if calendar not in (None, *calendars):
            yield f"{name}: no calendar '{calendar}' in periods.yml"
        if rhythm not in (None, *RHYTHMS):
            yield f"{name}/plan.yml: reporting_rhythm '{rhythm}': write one of {', '.join(RHYTHMS)}"


def load(sources: Path = SOURCES, only: Callable[[str], bool] = lambda plan_id: True) -> Registry:
    """Read the whole registry. Raises RegistryError listing every fault found."""
    reference = sources / "reference"
    faults: list[str] = []
    communes = _keyed(read_csv(reference / "communes.csv"), "commune_code", faults, "communes.csv")
    agencies, each_from = _agencies(reference / "agencies.csv", faults)
    indicators = _keyed(read_csv(reference / "indicators.csv"), "indicator_code", faults, "indicators.csv")
    config, form = read_yaml(reference / "periods.yml"), read_yaml(sources / "forms" / "periodic-report.yml")
    _complete(form)
    reporting = config["forms"][form["form"]]
    words = _read_if_there(reference / "agency_words.csv")
    names = AgencyNames(read_csv(reference / "agency_aliases.csv"), agencies, words)
    faults += names.faults
    reader = PlanReader(names, agencies, indicators)
    for folder in sorted(p for p in (sources / "plans").iterdir() if p.is_dir() and only(p.name)):
        reader.read(folder)
    successions = Successions(
        _read_if_there(reference / "successions.csv"),
        {"commune": communes, "agency": agencies, "indicator": indicators},
    )
    faults += successions.faults
    faults += set_days(reader.plans, successions)
    duties, followed = _duties(reader, _read_if_there(reference / "followed.csv"), communes)
    higher = HigherPlans(sources / "higher_plans", {one["city_code"] for one in communes.values()}, indicators)
    faults += reader.faults + higher.faults
    _unique(faults, "targets", (t["target_id"] for t in reader.targets))
    _unique(faults, "tasks", (t["task_id"] for t in reader.tasks))
    faults += _setting_faults(reader.plans.values(), communes, config["calendars"])
    if faults:
        raise RegistryError(*dict.fromkeys(faults))
    return Registry(
        communes=communes,
        agencies=agencies,
        agency_names=names,
        indicators=indicators,
        calendars={name: make_periods(config, reporting, name) for name in config["calendars"]},
        calendar=reporting["calendar"],
        asked_in_months=config["asked_in_months"],
        statuses=[{**row, **{flag: row[flag] == "true" for flag in _STATUS_FLAGS}}
                  for row in read_csv(reference / "statuses.csv")],
        plans=reader.plans,
        targets=reader.targets,
        tasks=reader.tasks,
        indicator_duties=duties,
        followed=followed,
        plan_documents=reader.documents,
        higher_plans=list(higher.plans.values()),
        higher_targets=higher.targets,
        task_duties=task_duties(reader, each_from),
        form=form,
        successions=successions,
        rules=read_yaml(sources / "forms" / "rules.yml"),
    )  # fmt: skip
