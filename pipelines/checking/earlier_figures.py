"""What a line is held against besides itself: the other lines of its file, and the figures accepted before.

Figures are looked back at in the order of the ledger, so that a file sees those that were in force when it came.
What is wrong with what is found does not belong here (sources/forms/rules.yml).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.checking.figures import to_four_places
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import format_number

Row = dict[str, Any]
Key = tuple[str, str, str]  # commune, agency, indicator
History = Mapping[Key, Sequence[tuple[str, Decimal | None, Decimal | None]]]  # period code, numerator, value
LOOK_BACK = timedelta(days=800)  # how long before a file a period may have ended to be compared with
HISTORY_FACTS = frozenset({"jump_points", "jump_times", "falls"})

# ---------------------------------------------------------------- lines of the same file


def compare_lines(registry: Registry, file: Row, lines: list[Row]) -> None:
    """Add what only the whole file shows: lines for the same code, and codes that are owed but not there."""
    for kind, code, key in (("indicator", "indicator_code", "code_key"), ("task", "task_id", "task_key")):
        known = f"{'code' if kind == 'indicator' else 'task'}_known"
        by_code: dict[str, list[Row]] = defaultdict(list)
        for line in lines:
            if line["kind"] == kind and line["is_checked"] and line.get(known):
                by_code[line[code]].append(line)
        for same in by_code.values():
            _compare(same, code, key)
        if kind == "indicator":
            file["missing_lines"] = _missing(registry, file, by_code.keys())


def _compare(same: list[Row], code: str, key: str) -> None:
    """Only lines with figures contradict each other; a line left empty may be filled in elsewhere in the file."""
    data = [line for line in same if line["line_kind"] == "data"]
    for line in data:
        line[key] = f"{line['submission_id']}|{line[code]}"
        others = [other for other in data if other is not line]
        line["other_places"] = ", ".join(f"{o['sheet']}!{o['cells'][code][1]}" for o in others)
    for line in same[0 if data else 1 :]:
        if line["line_kind"] == "unanswered":
            line["due_but_empty"] = None


def _missing(registry: Registry, file: Row, codes: Iterable[str]) -> str | None:
    """Codes of figures due in the period that have no line in the file."""
    if not (file["commune_agrees"] and file["agency_agrees"] and file["period_has_begun"]) or file["missing_columns"]:
        return None
    on = registry.period_of(file["commune_code"], file["period"].code).ends_on
    owed = registry.indicators_of(file["commune_code"], file["agency_code"], on)
    asked = [one["indicator_code"] for one in owed if registry.is_asked(one["frequency"], file["period"])]
    present = set(codes)
    return ", ".join(code for code in asked if code not in present)


# ---------------------------------------------------------------- figures accepted before


class _Past(NamedTuple):
    numerator: Decimal | None
    value: Decimal | None


class Memory:
    """The figures in force, by commune, agency and indicator, then by period: the newest said of each."""

    def __init__(self, registry: Registry, history: History) -> None:
        self._registry = registry
        self._figures: dict[Key, dict[str, _Past]] = defaultdict(dict)
        for key, entries in history.items():
            for code, numerator, value in entries:
                self._figures[key][code] = _Past(numerator, value)

    def look_back(self, files: list[Row], lines: list[Row]) -> None:
        """Add to good lines what they are next to earlier figures, file by file, and remember each file's own."""
        by_file: dict[str, list[Row]] = defaultdict(list)
        for line in lines:
            by_file[line["submission_id"]].append(line)
        for file in files:
            good = [line for line in by_file[file["submission_id"]] if line.get("value") is not None]
            for line in good:
                self._compare(file, line)
            for line in by_file[file["submission_id"]]:
                self._remember(file, line)

    def _remember(self, file: Row, line: Row) -> None:
        figures = (line.get("numerator"), line.get("value"))
        past = _Past(*(None if figure is None else to_four_places(figure) for figure in figures))
        self._figures[file["commune_code"], file["agency_code"], line["indicator_code"]][file["period"].code] = past

    def _compare(self, file: Row, line: Row) -> None:
        indicator = self._registry.indicators[line["indicator_code"]]
        past = self._figures.get((file["commune_code"], file["agency_code"], line["indicator_code"]), {})
        before = [(self._registry.periods[code], figure) for code, figure in past.items()]
        before = [(period, figure) for period, figure in before if self._counts(period, figure, file)]
        if not before or indicator["kind"] not in ("ratio", "amount"):
            return
        period, newest = max(before, key=lambda one: (one[0].ends_on, one[0].starts_on))
        value, earlier = to_four_places(line["value"]), newest.value
        is_sum = indicator["accumulates"] == "within_year"
        line["earlier_label"] = period.label
        line["earlier_written"] = format_number(earlier) if earlier is not None else ""
        line["value_written"] = format_number(value)
        if earlier is None:
            return
        if indicator["unit_of_measure"] == "%":
            line["jump_points"] = abs(value - earlier)
            line["jump_points_written"] = format_number(line["jump_points"])
        elif not is_sum and value > 0 and earlier > 0:
            line["jump_times"] = max(value / earlier, earlier / value)
            line["jump_times_written"] = format_number(line["jump_times"], 1)
        same_year = [one for one in before if one[0].code[:4] == file["period"].code[:4]]
        if is_sum and same_year:
            self._look_for_fall(line, *max(same_year, key=lambda one: (one[0].ends_on, one[0].starts_on)))

    @staticmethod
    def _counts(period: Period, figure: _Past, file: Row) -> bool:
        """Whether an earlier figure is one to compare with: of an earlier period, and not too old."""
        is_recent = period.ends_on >= file["received"] - LOOK_BACK
        return is_recent and period.ends_on < file["period"].ends_on and figure.value is not None

    @staticmethod
    def _look_for_fall(line: Row, period: Period, past: _Past) -> None:
        """A sum since January cannot become less in the same year."""
        number = line.get("numerator") if past.numerator is not None else line["value"]
        earlier = past.numerator if past.numerator is not None else past.value
        if number is None or earlier is None:
            return
        line["falls"] = number < earlier
        line["fall_label"] = period.label
        line["fall_from"], line["fall_to"] = format_number(earlier), format_number(number)
        line["fall_cell"] = "numerator" if past.numerator is not None else "value"
