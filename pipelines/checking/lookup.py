"""What a name, a code or an answer means, in whatever way it is typed: communes, agencies, indicators, tasks, states.

Looked up in the registry, prepared once for many files. What a file says of itself is put together in identify.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from functools import cached_property, lru_cache

from pipelines.checking.names import LineNames
from pipelines.files import Row
from pipelines.reading.context import ContextWords
from pipelines.registry.registry import Registry
from pipelines.vietnamese import clean, code_key, fold

_LOOKED_AT = 200  # letters of a name
LAST_LETTERS = 190  # letters of a name that may hold its unit
_OFFICE = re.compile(rf"^(?:ubnd|{re.escape(fold('Ủy ban nhân dân'))})\s+")
_CODE_BEHIND = re.compile(r"\(([A-ZĐ]+)\)$")  # how we name an agency ourselves: 'Công an xã (CA)'
_FIVE_DIGITS = re.compile(r"(?<!\d)\d{5}(?!\d)")


class Names:
    """Communes and agencies by code and by registered name. Names are never matched without their accents."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._agencies = {code.casefold(): code for code in registry.agencies}
        for code in registry.agencies:  # forms made before an agency got its code
            self._agencies |= {old.casefold(): code for old in registry.successions.before("agency", code)}
        self._communes: dict[str, set[str]] = {}
        for code in sorted(registry.city_communes):
            for name in ("commune_name", "short_name"):
                self._communes.setdefault(fold(registry.communes[code][name]), set()).add(code)
        self.communes = lru_cache(maxsize=10_000)(self._find_communes)
        self.agencies = lru_cache(maxsize=10_000)(self._find_agencies)

    def _find_communes(self, text: str) -> frozenset[str]:
        """Codes of the communes a text may mean, none if it names no registered one."""
        plain = clean(text[:_LOOKED_AT])
        if plain.isascii() and plain.isdigit() and len(plain) <= 5:
            return frozenset({plain.zfill(5)} & self._registry.communes.keys())
        if codes := set(_FIVE_DIGITS.findall(plain)) & self._registry.communes.keys():
            return frozenset(codes)
        key = _OFFICE.sub("", fold(plain))
        found = self._communes.get(key) or self._communes.get(key.partition(",")[0])
        return frozenset(found or set())

    def _find_agencies(self, text: str) -> tuple[frozenset[str], frozenset[str]]:
        """Codes of the agencies a text names, and of the communes it names with them: 'Công an xã Vĩnh Lại'."""
        plain = clean(text[:_LOOKED_AT])
        if code := self._agencies.get(plain.casefold()):
            return frozenset({code}), frozenset()
        key = fold(plain)
        for name, communes in self._communes.items():
            if key.endswith(f" {name}") and (codes := self._registry.agency_names.resolve(key[: -len(name) - 1])):
                return frozenset(codes), frozenset(communes)
        if codes := self._registry.agency_names.resolve(plain):
            return frozenset(codes), frozenset()
        if (named := _CODE_BEHIND.search(plain)) and (code := self._agencies.get(named[1].casefold())):
            return frozenset({code}), frozenset()
        return frozenset(), frozenset()


class Duties:
    """Which agency reports what of a commune, and from when until when.

    rows: dicts of kind ('indicator', 'task'), commune_code, code, agency_code, accepted_from (None: always) and
    holds_until (None: still), as core.known_duty has them.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._spans: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        for row in rows:
            self._spans[row["kind"], row["commune_code"], row["code"]].append(row)

    @classmethod
    def of(cls, registry: Registry) -> Duties:
        """The duties as the registry says them now."""
        ends = {plan_id: plan["in_force_to"] for plan_id, plan in registry.plans.items()}
        found = [("indicator", *key, agency) for key, agency in registry.indicator_duties.items()]
        found += [("task", duty.plan_id, duty.task_id, duty.agency_code) for duty in registry.task_duties]
        return cls(
            {"kind": kind, "commune_code": registry.plans[plan_id]["commune_code"], "code": code, "agency_code": agency,
             "accepted_from": None, "holds_until": ends[plan_id]}
            for kind, plan_id, code, agency in found
        )  # fmt: skip

    def holds(self, kind: str, commune: str, code: str, agency: Collection[str], on: date | None) -> bool:
        """Whether the agency, by any of its codes in time, reports it for a period that ends on the day; without a day,
        whether it ever does."""
        return any(
            row["agency_code"] in agency
            and (on is None or (row["accepted_from"] or on) <= on < (row["holds_until"] or date.max))
            for row in self._spans.get((kind, commune, code), ())
        )


class Known:
    """What lines are looked up in, prepared once for many files."""

    def __init__(self, registry: Registry, duties: Duties | None = None) -> None:
        self.registry = registry
        self.duties = duties or Duties.of(registry)
        self.names = Names(registry)
        self.indicators = {loose(code): code for code in registry.indicators}
        self.tasks = {code_key(task_id): task_id for task_id in registry.tasks_by_id}
        form = registry.form
        self.context = ContextWords(form["context"])
        self.line_names = LineNames(registry)
        answers = {sheet["kind"]: [c for c in sheet["columns"] if c.get("answer")] for sheet in form["sheets"]}
        self.answer_columns = {
            kind: [c["name"] for c in some if not c.get("prefilled")] for kind, some in answers.items()
        }
        self.chosen_columns = {kind: [c["name"] for c in some if c.get("required")] for kind, some in answers.items()}
        self.code_patterns = {sheet["kind"]: re.compile(sheet["code"]) for sheet in form["sheets"]}
        marks = {
            s["kind"]: {m: n for c in s["columns"] for n, m in c.get("folded", {}).items()} for s in form["sheets"]
        }
        self._folded = {kind: (some, _between(some)) for kind, some in marks.items() if some}
        self.scales = {code: self._scales(one) for code, one in registry.indicators.items()}
        self.answers = {kind: self._meanings(form, kind) for kind in ("yes_no", "state", "withdrawn", "estimate")}

    def unfold(self, kind: str, text: str) -> tuple[str, dict[str, str]]:
        """A name, and what the form prints below it in the same cell, by column."""
        if kind not in self._folded:
            return text, {}
        marks, between = self._folded[kind]
        name, *parts = between.split(text)
        return name, {marks[mark]: said for mark, said in zip(parts[::2], parts[1::2], strict=True)}

    def _scales(self, indicator: Row) -> frozenset[str]:
        """In what an indicator is counted, where that is not one by one: 'triệu' for money in triệu đồng."""
        texts = [indicator[name] for name in ("numerator_name", "denominator_name", "unit_of_measure")]
        return frozenset(scale for text in texts for scale in self.context.understand(text[-LAST_LETTERS:]).scales)

    @staticmethod
    def _meanings(form: Row, kind: str) -> dict[str, str]:
        """Keys of the form's answers by what may be typed for them, folded."""
        texts = {key: [text, *form["answer_aliases"][kind].get(key, [])] for key, text in form["answers"][kind].items()}
        return {fold(text): key for key, some in texts.items() for text in some}

    @cached_property
    def plan_days(self) -> dict[str, date]:
        """The day of each plan: when it was issued, else from when its agencies report."""
        return {plan_id: plan["issued_on"] or plan["reports_from"] for plan_id, plan in self.registry.plans.items()}

    @cached_property
    def reports_from(self) -> dict[str, date]:
        """The day from which on the agencies of a commune report."""
        days: dict[str, date] = {}
        for plan in self.registry.plans.values():
            commune = plan["commune_code"]
            days[commune] = min(days.get(commune, plan["reports_from"]), plan["reports_from"])
        return days


def _between(marks: Iterable[str]) -> re.Pattern[str]:
    """Matches a mark of the form between two texts of one cell."""
    return re.compile(rf"\s+({'|'.join(map(re.escape, marks))})\s+")


def loose(code: str) -> str:
    """A code without its hyphen: 'XHS 02' is XHS-02."""
    return code_key(code).replace("-", "")
