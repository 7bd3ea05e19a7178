"""The plan folders under sources/plans: targets and tasks as rows, agency names resolved to codes.

Faults are collected, not raised one by one: whoever edits a plan sees all of them at once. What the rows mean for a
commune's progress is in models/.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.files import Row, read_csv, read_yaml
from pipelines.registry.in_force import in_force
from pipelines.registry.name_rules import NameRules
from pipelines.vietnamese import fold

# What a target says instead of its indicator's code where there is none yet, and of its milestone where the plan prints
# no day: it is kept and shown; without a code it is not asked for, without either not compared.
NO_CODE = NO_DAY = "none"
DOCUMENT = "document"  # what the document of a plan is called in its folder, with the ending it came with
_SOURCE = ("reading_reason", "source_page", "source_place")  # where a row is in its document, and who read it how


class RegistryError(ValueError):
    """Something under sources/ does not fit. faults: each with its file and row, all of them in the message."""

    def __init__(self, *faults: str) -> None:
        super().__init__("the registry does not hold together:\n  " + "\n  ".join(faults))
        self.faults = faults


class AgencyNames:
    """Resolves agency names as plans write them to codes, by the alias table. faults: aliases of unknown agencies,
    which resolve to nothing."""

    def __init__(self, rows: Iterable[Mapping[str, str]], agencies: Mapping[str, Row],
                 words: Iterable[Mapping[str, str]] = ()) -> None:  # fmt: skip
        self._codes: dict[str, list[str]] = {fold(a["agency_name"]): [code] for code, a in agencies.items()}
        self._rules = NameRules(words)
        plain = [(self._rules.plain(a["agency_name"]), code) for code, a in agencies.items()]
        self.faults: list[str] = []
        for row in rows:
            codes = row["agency_codes"].split()
            if unknown := [code for code in codes if code not in agencies]:
                self.faults.append(f"agency_aliases.csv: '{row['alias']}': no agency {', '.join(unknown)}")
            else:
                self._codes[fold(row["alias"])] = codes
            plain.append((self._rules.plain(row["alias"]), " ".join(codes)))
        several = {name for name, codes in plain if {codes} != {other for one, other in plain if one == name}}
        self._by_rule = {name: codes.split() for name, codes in plain if name not in several}

    def is_listed(self, text: str) -> bool:
        """Whether every name is in the table itself, so that no rule is needed."""
        return self._resolve(text, lambda name: self._codes.get(fold(name))) is not None

    def resolve(self, text: str) -> list[str] | None:
        """Codes in the order named, without repeats; None if any part is unknown."""
        return self._resolve(text, lambda name: self._codes.get(fold(name))) or self._resolve(
            text, lambda name: self._codes.get(fold(name)) or self._by_rule.get(self._rules.plain(name))
        )

    def _resolve(self, text: str, of: Callable[[str], list[str] | None]) -> list[str] | None:
        if whole := of(text):
            return whole
        for separator in (r"[;,\n]", r"[;,\n]|\s+và\s+|\s*/\s*"):
            parts = [part for part in re.split(separator, text) if part.strip()]
            found = [of(part) for part in parts]
            if len(parts) > 1 and all(found):
                return list(dict.fromkeys(code for codes in found if codes for code in codes))
        return None


def task_places(rows: list[dict[str, str]]) -> list[str]:
    """The place of each task in its plan: 'III/48'; with its section where numbers restart: 'IV/III.2', '1.1'."""
    numbers = Counter((row["appendix"], row["row_number"]) for row in rows)
    anew = {appendix for (appendix, _), times in numbers.items() if times > 1}
    places = []
    for row in rows:
        number = f"{row['section']}.{row['row_number']}" if row["appendix"] in anew else row["row_number"]
        places.append("/".join(part for part in (row["appendix"], number) if part))
    return places


def _basis(item: Mapping[str, Any]) -> str:
    """A document a plan is founded on: '57-NQ/TW ngày 22/12/2024 của Bộ Chính trị'."""
    on = item.get("date")
    parts = [item.get("number"), f"ngày {on:%d/%m/%Y}" if on else None, f"của {item['issuer']}"]
    return " ".join(str(part) for part in parts if part)


def _count(text: str | int | None) -> int | None:
    return None if text in (None, "") else int(text)


def document_in(folder: Path) -> Path | None:
    """The document that is kept with a plan, if there is one."""
    return min(folder.glob(f"{DOCUMENT}.*"), default=None)


class PlanReader:
    """Reads the plan folders, collecting faults instead of stopping at the first."""

    def __init__(self, names: AgencyNames, agencies: Mapping[str, Row], indicators: Mapping[str, Row]) -> None:
        self.names, self.agencies, self.indicators = names, agencies, indicators
        self.plans: dict[str, Row] = {}
        self.targets: list[Row] = []
        self.tasks: list[Row] = []
        self.documents: list[Row] = []
        self.faults: list[str] = []
        self._known_as: Counter[str] = Counter()  # target ids, each under itself and all that it begins with

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
            "supersedes_issued_on": supersedes.get("issued_on"),
            "supersedes_plan": plan.get("supersedes_plan"),
            "in_force_from": plan.get("in_force_from"),
            "for_year": _count(plan.get("for_year")),
            "annual_report_due": plan.get("annual_report_due"),
            "focal_agency_code": focal[0] if focal else None,
            "legal_basis": "; ".join(map(_basis, plan.get("legal_basis") or [])),
            "legal_documents": [
                {"number": item.get("number"), "issued_on": item.get("date"), "issuer": item["issuer"]}
                for item in plan.get("legal_basis") or []
            ],
            "reports_from": plan["reports_from"],
            "reporting_calendar": plan.get("reporting_calendar"),
            "reporting_rhythm": plan.get("reporting_rhythm"),
            "due_days": _count(plan.get("due_days")),
            "grace_days": _count(plan.get("grace_days")),
            "reports": plan.get("reports") or {},
        }
        document = document_in(folder)
        self.documents.append(
            {"plan_id": plan_id, **{name: plan.get(name) for name in ("source_file", "source_sha256", "reviewed_on")},
             "kept_as": document and document.name}
        )  # fmt: skip
        for order, row in enumerate(read_csv(folder / "targets.csv"), 1):
            self._target(plan_id, order, row)
        tasks = read_csv(folder / "tasks.csv")
        for order, (row, place) in enumerate(zip(tasks, task_places(tasks), strict=True), 1):
            self._task(plan_id, order, row, place)

    def _target(self, plan_id: str, order: int, row: dict[str, str]) -> None:
        place = f"targets.csv row {order} ({row['appendix']} {row['row_number']})"
        code = None if row["indicator_code"] == NO_CODE else row["indicator_code"]
        if code is not None and code not in self.indicators:
            self.faults.append(f"{plan_id} {place}: no indicator '{code}' in indicators.csv (write '{NO_CODE}' where "
                               "there is no code yet)")  # fmt: skip
        leads = self.leads(plan_id, place, row["lead_as_written"])
        milestone_on = None if row["milestone_on"] == NO_DAY else row["milestone_on"]
        year = milestone_on[:4] if milestone_on else ""
        base = "/".join(p for p in (plan_id, row["appendix"], row["row_number"], year) if p)
        twins = self._known_as[base]
        target_id = f"{base}/{twins + 1}" if twins else base
        parts = target_id.split("/")
        self._known_as.update("/".join(parts[:n]) for n in range(1, len(parts) + 1))
        self.targets.append(
            {
                **row,
                "indicator_code": code,
                "milestone_on": milestone_on,
                "target_id": target_id,
                "plan_id": plan_id,
                "commune_code": self.plans[plan_id]["commune_code"],
                **{name: row.get(name) or None for name in ("value", "value_high", *_SOURCE)},
                "is_aspirational": row["is_aspirational"] == "true",
                "lead_agency_code": leads[0] if leads else None,
                "line_order": order,
            }
        )

    def _task(self, plan_id: str, order: int, row: dict[str, str], place: str) -> None:
        self.tasks.append(
            {
                **row,
                "task_id": f"{plan_id}/{place}",
                "plan_id": plan_id,
                "commune_code": self.plans[plan_id]["commune_code"],
                "lead_agency_codes": self.leads(plan_id, f"task {place}", row["lead_as_written"]),
                **{
                    name: row.get(name) or None
                    for name in ("due_on", "starts_on", "recurs_on", "earlier_due_on", "continues", *_SOURCE)
                },
                "line_order": order,
            }
        )

    def reporter(self, plan: Row, code: str) -> str:
        """A group of agencies cannot report; its commune's focal agency does."""
        return str(plan["focal_agency_code"]) if self.agencies[code]["is_group"] else code

    def indicator_duties(self) -> dict[tuple[str, str], str]:
        """By plan and indicator the agency that reports it: the lead all the plan's rows agree on, else what plan.yml
        settles. Where plans in force together disagree, the newest must settle it."""
        leads: dict[tuple[str, str], set[str]] = {}
        for target in self.targets:
            if target["lead_agency_code"] and target["indicator_code"]:
                plan = self.plans[target["plan_id"]]
                codes = leads.setdefault((target["plan_id"], target["indicator_code"]), set())
                codes.add(self.reporter(plan, target["lead_agency_code"]))
        for (plan_id, indicator), codes in leads.items():
            settled = self.plans[plan_id]["reports"].get(indicator)
            together = set(codes).union(*(leads.get((other, indicator), ()) for other in self._older_beside(plan_id)))
            if len(together) > 1 and not settled:
                self.faults.append(
                    f"commune {self.plans[plan_id]['commune_code']}: {' and '.join(sorted(together))} both lead "
                    f"indicator {indicator}; settle who reports it in plan.yml of {plan_id} under 'reports'"
                )
        return {(plan_id, indicator): self.plans[plan_id]["reports"].get(indicator) or min(codes)
                for (plan_id, indicator), codes in sorted(leads.items())}  # fmt: skip

    def _older_beside(self, plan_id: str) -> list[str]:
        """The plans of the commune still in force on the day the plan comes into force."""
        plan = self.plans[plan_id]
        own = (other for other in self.plans.values() if other["commune_code"] == plan["commune_code"])
        together = in_force(own, plan["in_force_from"])
        return [other["plan_id"] for other in together[1 + together.index(plan) :]]
