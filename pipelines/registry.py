"""The registry: plans, agencies, indicators, periods and forms, read from sources/ and held together.

Everything a plan, a form or a rule says is data under sources/; this module reads it, resolves names to codes and
refuses what does not fit, naming file, row and text. Files that agencies send are not read here.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from pipelines.home import PROJECT, SOURCES
from pipelines.vietnamese import fold, month_end, slug

Row = dict[str, Any]

PERIOD = re.compile(r"(?P<year>\d{4})(?:-(?P<part>\d{2}|Q[1-4]|H[12]|9M))?")
# What a reading depends on besides the file: change any of it and every file is read again.
READING_CODE = ("registry.py", "vietnamese.py", "read.py", "layout.py", "validate.py")


class RegistryError(ValueError):
    """Something under sources/ does not fit; the message lists every fault with its file and row."""


@dataclass(frozen=True)
class Period:
    """A reporting period: code '2026-10', kind, first and last day, and the day its figures are due (or None)."""

    code: str
    kind: str
    starts_on: date
    ends_on: date
    due_on: date | None
    owed_from: date | None
    label: str


@dataclass
class Registry:
    """Everything under sources/ except the inbox, as rows ready for the raw tables."""

    communes: dict[str, Row]
    agencies: dict[str, Row]
    indicators: dict[str, Row]
    periods: dict[str, Period]
    asked_in_months: dict[str, list[int]]
    statuses: list[Row]
    plans: dict[str, Row]
    targets: list[Row]
    tasks: list[Row]
    indicator_duties: dict[tuple[str, str], str]
    task_duties: list[tuple[str, str, str]]
    form: Row
    rules: list[Row] = field(default_factory=list)

    @cached_property
    def commune_codes_with_plans(self) -> set[str]:
        return {plan["commune_code"] for plan in self.plans.values()}

    @cached_property
    def tasks_by_id(self) -> dict[str, Row]:
        return {task["task_id"]: task for task in self.tasks}

    @cached_property
    def task_duty_set(self) -> set[tuple[str, str, str]]:
        return set(self.task_duties)

    def folder_of(self, commune_code: str) -> str:
        """The commune's folder in the inbox: '11164-xa-vinh-lai' without the type: '11164-vinh-lai'."""
        return f"{commune_code}-{slug(self.communes[commune_code]['short_name'])}"

    def agencies_of(self, commune_code: str) -> list[str]:
        """Codes of the agencies that owe figures or task reports in the commune, in code order."""
        owing = {agency for (commune, _), agency in self.indicator_duties.items() if commune == commune_code}
        owing |= {agency for commune, _, agency in self.task_duties if commune == commune_code}
        return sorted(owing)

    def indicators_of(self, commune_code: str, agency_code: str) -> list[Row]:
        """Catalogue rows of the indicators the agency reports for the commune, in code order."""
        codes = sorted(
            code
            for (commune, code), agency in self.indicator_duties.items()
            if commune == commune_code and agency == agency_code
        )
        return [self.indicators[code] for code in codes]

    def tasks_of(self, commune_code: str, agency_code: str) -> list[Row]:
        """Tasks the agency reports on for the commune, in the order of the plans."""
        return [
            self.tasks_by_id[task_id]
            for commune, task_id, agency in self.task_duties
            if commune == commune_code and agency == agency_code
        ]

    def rows(self) -> dict[str, list[Row]]:
        """The registry as rows of the raw tables, by table name."""
        columns = ("code", "kind", "starts_on", "ends_on", "due_on", "owed_from", "label")
        periods = [
            {"period_code" if name == "code" else name: getattr(period, name) for name in columns}
            for period in self.periods.values()
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
            "raw.plan": [{k: v for k, v in plan.items() if k != "reports"} for plan in self.plans.values()],
            "raw.target": self.targets,
            "raw.task": self.tasks,
            "raw.indicator_duty": [{"commune_code": commune, "indicator_code": code, "agency_code": agency}
                                   for (commune, code), agency in self.indicator_duties.items()],
            "raw.task_duty": [dict(zip(("commune_code", "task_id", "agency_code"), duty, strict=True))
                              for duty in self.task_duties],
        }  # fmt: skip

    def is_asked(self, frequency: str, period: Period) -> bool:
        """Whether a figure of this frequency must be given for the period (else it may be)."""
        if period.kind == "month":
            return int(period.code[5:7]) in self.asked_in_months[frequency]
        order = ["month", "quarter", "half", "nine_months", "year"]
        return order.index(frequency) <= order.index(period.kind)


# ---------------------------------------------------------------- reading files


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV of the registry as written (UTF-8, header row)."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def read_yaml(path: Path) -> Any:
    with path.open(encoding="utf-8") as handle:
        return yaml.safe_load(handle)


def fingerprint(sources: Path = SOURCES) -> str:
    """sha256 over everything a reading depends on besides the file read: registry, forms, rules, reading code."""
    digest = hashlib.sha256()
    data = sorted(p for part in ("plans", "reference", "forms") for p in (sources / part).rglob("*") if p.is_file())
    code = [PROJECT / "pipelines" / name for name in READING_CODE]
    for path in [*data, *code]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


# ---------------------------------------------------------------- agencies


class AgencyNames:
    """Resolves agency names as plans write them to codes, by the alias table."""

    def __init__(self, rows: Iterable[Mapping[str, str]], agencies: Mapping[str, Row]) -> None:
        self._codes: dict[str, list[str]] = {fold(a["agency_name"]): [code] for code, a in agencies.items()}
        for row in rows:
            codes = row["agency_codes"].split()
            unknown = [code for code in codes if code not in agencies]
            if unknown:
                raise RegistryError(f"agency_aliases.csv: '{row['alias']}': no agency {', '.join(unknown)}")
            self._codes[fold(row["alias"])] = codes

    def resolve(self, text: str) -> list[str] | None:
        """Codes in the order named, without repeats; None if any part is unknown."""
        if whole := self._codes.get(fold(text)):
            return whole
        for separator in (r"[;,\n]", r"[;,\n]|\s+và\s+|\s*/\s*"):
            parts = [part for part in re.split(separator, text) if part.strip()]
            found = [self._codes.get(fold(part)) for part in parts]
            if len(parts) > 1 and all(found):
                return list(dict.fromkeys(code for codes in found if codes for code in codes))
        return None


# ---------------------------------------------------------------- periods


def period_bounds(code: str, closes_on_day: int | None = None) -> tuple[str, date, date]:
    """Kind, first and last day of a period code.

    closes_on_day None: calendar months. 14: administrative reporting, where a period runs from the 15th before its
    first month to the 14th of its last (Nghị định 09/2019/NĐ-CP, Điều 12). Raises ValueError for what is no code.
    """
    found = PERIOD.fullmatch(code)
    if not found:
        raise ValueError(f"'{code}' is no period: write 2026-10, 2026-Q4, 2026-H1, 2026-9M or 2026")
    year, part = int(found["year"]), found["part"] or ""
    if part.isdigit():
        kind, first, last = "month", int(part), int(part)
        if not 1 <= first <= 12:
            raise ValueError(f"'{code}': there is no month {part}")
    elif part.startswith("Q"):
        kind, first, last = "quarter", 3 * int(part[1]) - 2, 3 * int(part[1])
    elif part.startswith("H"):
        kind, first, last = "half", 6 * int(part[1]) - 5, 6 * int(part[1])
    elif part == "9M":
        kind, first, last = "nine_months", 1, 9
    else:
        kind, first, last = "year", 1, 12
    if closes_on_day is None:
        return kind, date(year, first, 1), month_end(year, last)
    before = date(year, first, 1) - timedelta(days=1)
    return kind, date(before.year, before.month, closes_on_day + 1), date(year, last, closes_on_day)


_LABELS = {"month": "Tháng {part}/{year}", "quarter": "Quý {part}/{year}", "half": "6 tháng {part} năm {year}",
           "nine_months": "9 tháng năm {year}", "year": "Năm {year}"}  # fmt: skip
_ROMAN = {"Q1": "I", "Q2": "II", "Q3": "III", "Q4": "IV", "H1": "đầu", "H2": "cuối"}


def period_label(code: str) -> str:
    """What officers call a period: '2026-10' is 'Tháng 10/2026', '2026-Q4' is 'Quý IV/2026'."""
    year, _, part = code.partition("-")
    kind = period_bounds(code)[0]
    return _LABELS[kind].format(year=year, part=_ROMAN.get(part, part))


def make_periods(config: Row) -> dict[str, Period]:
    """Every period of the years in periods.yml; due_on only for the kinds that are owed."""
    closes = config["closes_on_day"] if config["calendar"] == "administrative" else None
    owed = {rule["kind"]: rule for rule in config["owed"]}
    parts = [f"-{m:02}" for m in range(1, 13)] + ["-Q1", "-Q2", "-Q3", "-Q4", "-H1", "-H2", "-9M", ""]
    periods = {}
    for year in range(config["first_year"], config["last_year"] + 1):
        for part in parts:
            code = f"{year}{part}"
            kind, starts_on, ends_on = period_bounds(code, closes)
            due_on = owed_from = None
            if kind in owed:
                due_on = ends_on + timedelta(days=owed[kind]["due_days"])
                owed_from = period_bounds(str(owed[kind]["from"]), closes)[1]
            periods[code] = Period(code, kind, starts_on, ends_on, due_on, owed_from, period_label(code))
    return periods


# ---------------------------------------------------------------- plans


def _task_place(row: Mapping[str, str]) -> str:
    """Where a task stands in its plan: 'IV/III.2', 'III/48', '1.1'."""
    number = f"{row['section']}.{row['row_number']}" if _restarts(row) else row["row_number"]
    return "/".join(part for part in (row["appendix"], number) if part)


def _restarts(row: Mapping[str, str]) -> bool:
    """Whether the number is one inside its section ('3') rather than already carrying it ('3.1')."""
    return bool(row["section"]) and not row["row_number"].startswith(f"{row['section']}.")


def _number(text: str) -> str | None:
    return text or None


class _PlanReader:
    """Reads the plan folders, collecting faults instead of stopping at the first."""

    def __init__(self, names: AgencyNames, agencies: Mapping[str, Row], indicators: Mapping[str, Row]) -> None:
        self.names, self.agencies, self.indicators = names, agencies, indicators
        self.plans: dict[str, Row] = {}
        self.targets: list[Row] = []
        self.tasks: list[Row] = []
        self.faults: list[str] = []

    def leads(self, plan_id: str, place: str, text: str) -> list[str]:
        codes = self.names.resolve(text)
        if codes is None:
            self.faults.append(f"{plan_id} {place}: unknown agency '{text}' (add it to agency_aliases.csv)")
        return codes or []

    def read(self, folder: Path) -> None:
        plan_id = folder.name
        plan = read_yaml(folder / "plan.yml")
        if plan["plan_id"] != plan_id:
            self.faults.append(f"{plan_id}/plan.yml: plan_id '{plan['plan_id']}' is not the folder's name")
        focal = self.leads(plan_id, "plan.yml", plan["focal_agency_as_written"])
        supersedes = plan.get("supersedes") or {}
        self.plans[plan_id] = {
            "plan_id": plan_id,
            "commune_code": str(plan["commune_code"]),
            "document_number": plan.get("document_number"),
            "issued_on": plan.get("issued_on"),
            "issuer": plan["issuer"],
            "title": plan["title"],
            "supersedes": supersedes.get("document_number"),
            "annual_report_due": plan.get("annual_report_due"),
            "focal_agency_code": focal[0] if focal else None,
            "legal_basis": "; ".join(str(item) for item in plan.get("legal_basis") or []),
            "reports_from": plan["reports_from"],
            "reports": plan.get("reports") or {},
        }
        for order, row in enumerate(read_csv(folder / "targets.csv"), 1):
            self._target(plan_id, order, row)
        for order, row in enumerate(read_csv(folder / "tasks.csv"), 1):
            self._task(plan_id, order, row)

    def _target(self, plan_id: str, order: int, row: dict[str, str]) -> None:
        place = f"targets.csv row {order} ({row['appendix']} {row['row_number']})"
        if row["indicator_code"] not in self.indicators:
            self.faults.append(f"{plan_id} {place}: no indicator '{row['indicator_code']}' in indicators.csv")
        leads = self.leads(plan_id, place, row["lead_as_written"])
        base = "/".join(p for p in (plan_id, row["appendix"], row["row_number"], row["milestone_on"][:4]) if p)
        twins = sum(1 for t in self.targets if t["target_id"] == base or t["target_id"].startswith(base + "/"))
        self.targets.append(
            {
                **row,
                "target_id": f"{base}/{twins + 1}" if twins else base,
                "plan_id": plan_id,
                "commune_code": self.plans[plan_id]["commune_code"],
                "value": _number(row["value"]),
                "value_high": _number(row["value_high"]),
                "is_aspirational": row["is_aspirational"] == "true",
                "lead_agency_code": leads[0] if leads else None,
                "line_order": order,
            }
        )

    def _task(self, plan_id: str, order: int, row: dict[str, str]) -> None:
        place = _task_place(row)
        self.tasks.append(
            {
                **row,
                "task_id": f"{plan_id}/{place}",
                "plan_id": plan_id,
                "commune_code": self.plans[plan_id]["commune_code"],
                "lead_agency_codes": self.leads(plan_id, f"task {place}", row["lead_as_written"]),
                "due_on": row["due_on"] or None,
                "line_order": order,
            }
        )

    def reporter(self, plan: Row, code: str) -> str:
        """A group of agencies cannot report; its commune's focal agency does."""
        return str(plan["focal_agency_code"]) if self.agencies[code]["is_group"] else code

    def indicator_duties(self) -> dict[tuple[str, str], str]:
        """One reporting agency per commune and indicator: the lead all rows agree on, else what plan.yml settles."""
        leads: dict[tuple[str, str], set[str]] = {}
        settled: dict[tuple[str, str], str] = {}
        for plan in self.plans.values():
            settled |= {(plan["commune_code"], code): agency for code, agency in plan["reports"].items()}
        for target in self.targets:
            plan = self.plans[target["plan_id"]]
            if target["lead_agency_code"]:
                key = (target["commune_code"], target["indicator_code"])
                leads.setdefault(key, set()).add(self.reporter(plan, target["lead_agency_code"]))
        for key, codes in leads.items():
            if len(codes) > 1 and key not in settled:
                self.faults.append(
                    f"commune {key[0]}: {' and '.join(sorted(codes))} both lead indicator {key[1]}; "
                    f"settle who reports it in plan.yml under 'reports'"
                )
        return {key: settled.get(key) or sorted(codes)[0] for key, codes in sorted(leads.items())}

    def task_duties(self) -> list[tuple[str, str, str]]:
        duties = []
        for task in self.tasks:
            plan = self.plans[task["plan_id"]]
            codes = dict.fromkeys(self.reporter(plan, code) for code in task["lead_agency_codes"])
            duties += [(task["commune_code"], task["task_id"], code) for code in codes]
        return duties


def _unique(faults: list[str], what: str, keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            faults.append(f"{what}: '{key}' stands twice")
        seen.add(key)


def _keyed(rows: list[Row], key: str, faults: list[str], what: str) -> dict[str, Row]:
    _unique(faults, what, (row[key] for row in rows))
    return {row[key]: row for row in rows}


def load(sources: Path = SOURCES, only: Callable[[str], bool] = lambda plan_id: True) -> Registry:
    """Read the whole registry. Raises RegistryError listing every fault found."""
    reference = sources / "reference"
    faults: list[str] = []
    communes = _keyed(read_csv(reference / "communes.csv"), "commune_code", faults, "communes.csv")
    agency_rows: list[Row] = [
        {**row, "is_group": row["is_group"] == "true"} for row in read_csv(reference / "agencies.csv")
    ]
    agencies = _keyed(agency_rows, "agency_code", faults, "agencies.csv")
    indicators = _keyed(read_csv(reference / "indicators.csv"), "indicator_code", faults, "indicators.csv")
    config = read_yaml(reference / "periods.yml")
    names = AgencyNames(read_csv(reference / "agency_aliases.csv"), agencies)
    reader = _PlanReader(names, agencies, indicators)
    for folder in sorted(p for p in (sources / "plans").iterdir() if p.is_dir() and only(p.name)):
        reader.read(folder)
    faults += reader.faults
    _unique(faults, "targets", (t["target_id"] for t in reader.targets))
    _unique(faults, "tasks", (t["task_id"] for t in reader.tasks))
    faults += [f"{p['plan_id']}: no commune {p['commune_code']}" for p in reader.plans.values()
               if p["commune_code"] not in communes]  # fmt: skip
    duties = reader.indicator_duties()
    faults += reader.faults[len(faults) :] if len(reader.faults) > len(faults) else []
    if faults:
        raise RegistryError("the registry does not hold together:\n  " + "\n  ".join(dict.fromkeys(faults)))
    return Registry(
        communes=communes,
        agencies=agencies,
        indicators=indicators,
        periods=make_periods(config),
        asked_in_months=config["asked_in_months"],
        statuses=[dict(row) for row in read_csv(reference / "statuses.csv")],
        plans=reader.plans,
        targets=reader.targets,
        tasks=reader.tasks,
        indicator_duties=duties,
        task_duties=reader.task_duties(),
        form=read_yaml(sources / "forms" / "periodic-report.yml"),
        rules=read_yaml(sources / "forms" / "rules.yml"),
    )
