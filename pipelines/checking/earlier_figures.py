"""What a line is compared with besides itself: the figures accepted before, and what was held for confirmation.

Figures are looked back at in the order of the ledger, so that a file sees those that were in force when it came. A line
that a rule of severity 'confirm' finds is held, and not in force, until the agency says that it is right: the same once
more with a reason, or a yes in the workbook it was answered with. Which jumps are too large is data
(sources/forms/rules.yml).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.checking.expectations import breaks
from pipelines.checking.figures import to_four_places
from pipelines.files import Row
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry
from pipelines.vietnamese import format_number

Key = tuple[str, str, str]  # commune, agency, indicator
Said = tuple[str | None, ...]  # what a line says, as it is stored
LOOK_BACK = timedelta(days=800)  # how long before a file a period may have ended to be compared with
SETTLED = timedelta(days=15)  # age of a late figure from which a reused form is suspected
SMALL = 30  # numbers of which a multiple says nothing
HISTORY_FACTS = frozenset({"jump_points", "jump_times", "falls", "denominator_times", "denominator_times_in_year",
                           "numerator_times", "changes_past", "may_be_of_the_next",
                           "keeps_earlier", "nothing_before"})  # fmt: skip
# Of these the ones no line is refused by, which would depend on the order in which files come. A line that repeats a
# report which is not there says nothing that could be taken.
NEVER_REFUSING = HISTORY_FACTS - {"nothing_before"}
SAYS = {"indicator": ("numerator", "denominator", "value", "value_text"),
        "task": ("state", "percent_done", "document_number", "document_date")}  # fmt: skip
REMARK = {"indicator": "note", "task": "difficulty"}


class Past(NamedTuple):
    """A figure in force: for which period, and the day it came."""

    period_code: str
    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal | None
    received_on: date


class PastReport(NamedTuple):
    """A report on a task in force: for which period, and what it says."""

    period_code: str
    state: str
    percent_done: Decimal | None
    document_number: str | None
    document_date: date | None


class History(NamedTuple):
    """What is known before a file: the figures and reports in force by commune, agency and code, and what is held for
    confirmation, each with the submissions it came in, by commune, agency, code and period."""

    in_force: Mapping[Key, Sequence[Past]] = {}
    held: Mapping[tuple[str, str, str, str], Sequence[tuple[Said, str]]] = {}
    reports: Mapping[Key, Sequence[PastReport]] = {}


def stored(value: Any) -> str | None:
    """A fact as the warehouse keeps it: decimals to four places, empty text as NULL."""
    if isinstance(value, Decimal):
        return str(to_four_places(value))
    if isinstance(value, date):
        return value.isoformat()
    return value or None


def said_by(line: Mapping[str, Any]) -> Said:
    return tuple(stored(line.get(name)) for name in SAYS[line["kind"]])


class Memory:
    """The figures in force, by commune, agency and indicator, then by period: the latest value reported."""

    def __init__(self, registry: Registry, history: History, rules: list[Row]) -> None:
        self._registry = registry
        self._rules = [rule for rule in rules if rule["severity"] == "confirm"]
        newest = registry.successions.newest
        of_today: dict[Key, list[Past]] = defaultdict(list)
        for (commune, agency, code), entries in history.in_force.items():
            of_today[commune, newest("agency", agency), newest("indicator", code)] += entries
        self._figures: dict[Key, dict[str, Past]] = defaultdict(dict)
        for key, some in of_today.items():
            for past in sorted(some, key=lambda one: one.received_on):
                self._figures[key][past.period_code] = past
        self._held: dict[tuple[str, str, str, str], dict[Said, str]] = defaultdict(dict)
        for (commune, agency, code, period), sayings in history.held.items():
            self._held[commune, newest("agency", agency), newest("indicator", code), period].update(sayings)
        self._reports: dict[Key, dict[str, PastReport]] = defaultdict(dict)
        for (commune, agency, task), reports in history.reports.items():
            for report in reports:
                self._reports[commune, newest("agency", agency), task][report.period_code] = report

    def look_back(self, files: list[Row], lines: list[Row], found: Mapping[str, Sequence[str]]) -> None:
        """Add to good lines what they are next to earlier figures, hold those to be confirmed, and remember the others,
        file by file. found: codes of rules that have found a line to be one to confirm, by its index."""
        by_file: dict[str, list[Row]] = defaultdict(list)
        for line in lines:
            by_file[line["submission_id"]].append(line)
        for file in files:
            own = by_file[file["submission_id"]]
            for line in own:
                if line["kind"] == "indicator":
                    self._compare(file, line)
                elif line.get("is_as_before") and line["line_kind"] == "data":
                    self._repeat(file, line)
                self._hold(file, line, found.get(line["index"], ()))
            for line in own:
                self._remember(file, line)

    # ------------------------------------------------------------ what is to be confirmed

    def _hold(self, file: Row, line: Row, found: Sequence[str]) -> None:
        level = line["kind"]
        rules = [rule for rule in self._rules if rule["level"] == level and breaks(rule, line)]
        codes = list(dict.fromkeys([*found, *(rule["code"] for rule in rules)]))
        if not codes or line["line_kind"] != "data":
            return
        place = self._place(file, line)
        before = self._held[place].get(said_by(line))
        reason = line.get(REMARK[level])
        answers = file["confirmations"].get((line["sheet"], line["source_row"]))
        if before and (answers or reason):
            line["confirms"], line["confirmed_how"] = before, "workbook" if answers else "reason"
            line["confirmed_reason"] = answers or reason
            line["confirmed_rules"] = ", ".join(codes)
            for rule in rules:
                line[rule["arguments"]["column"]] = None
        else:
            line["held_by"] = ", ".join(codes)
            self._held[place][said_by(line)] = line["submission_id"]

    @staticmethod
    def _place(file: Row, line: Row) -> tuple[str, str, str, str]:
        code = line["indicator_code"] if line["kind"] == "indicator" else line["task_id"]
        return file["commune_code"], line["agency_code"], code, file["period"].code

    # ------------------------------------------------------------ figures accepted before

    def _remember(self, file: Row, line: Row) -> None:
        if line.get("held_by") or line.get("nothing_before") or line["line_kind"] != "data":
            return
        commune, agency, code, period = self._place(file, line)
        if line["kind"] == "indicator":
            self._figures[commune, agency, code][period] = _figure_of(file, line)
        else:
            said: list[Any] = [line.get(name) for name in SAYS["task"]]
            self._reports[commune, agency, code][period] = PastReport(period, *said)

    def _repeat(self, file: Row, line: Row) -> None:
        """Put into a line 'as before' what the agency said of the task for the last period before this one."""
        commune, agency, task, _ = self._place(file, line)
        periods = self._registry.periods
        before = [report for code, report in self._reports.get((commune, agency, task), {}).items()
                  if periods[code].ends_on < file["period"].ends_on]  # fmt: skip
        line["nothing_before"] = not before
        if before:
            last = max(before, key=lambda one: (periods[one.period_code].ends_on, periods[one.period_code].starts_on))
            line.update(zip(("repeats_period", *SAYS["task"]), last, strict=True))

    def _compare(self, file: Row, line: Row) -> None:
        indicator = self._registry.indicators[line["indicator_code"]]
        past = self._figures.get((file["commune_code"], line["agency_code"], line["indicator_code"]), {})
        same = past.get(file["period"].code)
        if line["line_kind"] != "data":
            line["keeps_earlier"] = same is not None and same.value is not None
            line["earlier_written"] = _written(same) if same else ""
            return
        if line.get("value") is None or indicator["kind"] not in ("ratio", "amount"):
            return
        if same and same.value is not None:
            self._look_for_change(file, line, same, past)
        before = [(self._registry.periods[code], figure) for code, figure in past.items()]
        before = [(period, figure) for period, figure in before if self._counts(period, figure, file)]
        if not before:
            return
        period, newest = max(before, key=lambda one: (one[0].ends_on, one[0].starts_on))
        is_sum = indicator["accumulates"] == "within_year"
        self._look_for_jump(line, indicator, is_sum, period, newest)
        same_year = [one for one in before if one[0].code[:4] == file["period"].code[:4]]
        if is_sum and same_year:
            of_year = max(same_year, key=lambda one: (one[0].ends_on, one[0].starts_on))
            self._look_for_fall(line, *of_year)
            self._look_for_leap(line, *of_year, "_in_year")
        elif not is_sum:
            self._look_for_leap(line, period, newest, "")

    @staticmethod
    def _counts(period: Period, figure: Past, file: Row) -> bool:
        """Whether an earlier figure is one to compare with: of an earlier period, and not too old."""
        is_recent = period.ends_on >= file["received"] - LOOK_BACK
        return is_recent and period.ends_on < file["period"].ends_on and figure.value is not None

    @staticmethod
    def _look_for_jump(line: Row, indicator: Row, is_sum: bool, period: Period, newest: Past) -> None:
        value, earlier = to_four_places(line["value"]), newest.value
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

    @staticmethod
    def _look_for_leap(line: Row, period: Period, past: Past, which: str) -> None:
        """Numerator and denominator as multiples of those before: both a thousand times leave the rate as it is."""
        for name, earlier in (("denominator", past.denominator), ("numerator", past.numerator)):
            now = line.get(name)
            if not now or not earlier or max(now, earlier) < SMALL:
                continue
            times = max(now / earlier, earlier / now)
            line[f"{name}_times{which if name == 'denominator' else ''}"] = times
            line[f"{name}_times_written"] = format_number(times, 1)
            line[f"{name}_before"], line["leap_label"] = format_number(earlier), period.label

    @staticmethod
    def _look_for_fall(line: Row, period: Period, past: Past) -> None:
        """A sum since January cannot become less in the same year."""
        number = line.get("numerator") if past.numerator is not None else line["value"]
        earlier = past.numerator if past.numerator is not None else past.value
        if number is None or earlier is None:
            return
        line["falls"] = number < earlier
        line["fall_label"] = period.label
        line["fall_from"], line["fall_to"] = format_number(earlier), format_number(number)
        line["fall_cell"] = "numerator" if past.numerator is not None else "value"

    # ------------------------------------------------------------ the same period again

    def _look_for_change(self, file: Row, line: Row, same: Past, past: Mapping[str, Past]) -> None:
        """Whether a figure of a period whose due day is past is another now; and whether the form of that period may
        have been used again for the next, which is due and has none."""
        now = _figure_of(file, line)
        period = self._registry.period_of(file["commune_code"], file["period"].code)
        if now._replace(received_on=same.received_on) == same or period.due_on is None:
            return
        last_day = period.due_on + timedelta(days=period.grace_days or 0)
        if file["received"] <= last_day:
            return
        line["old_figure"] = _written(same)
        line["new_figure"] = _written(now)
        is_settled = same.received_on <= last_day or file["received"] - same.received_on >= SETTLED
        following = self._next(file["commune_code"], period)
        next_is_empty = following is not None and file["received"] >= following.ends_on and following.code not in past
        line["next_label"] = following.label if following else ""
        line["may_be_of_the_next"] = is_settled and next_is_empty
        line["changes_past"] = not line["may_be_of_the_next"]

    def _next(self, commune: str, period: Period) -> Period | None:
        """The period of the same kind after one, unless the commune was merged before its end."""
        later = [one for one in self._registry.periods.values() if one.kind == period.kind and one.code > period.code]
        following = min(later, key=lambda one: one.code, default=None)
        ended = self._registry.successions.ended("commune", commune)
        return None if ended and following and ended["ends_on"] <= following.ends_on else following


def _figure_of(file: Row, line: Row) -> Past:
    numerator, denominator, value = (
        None if (figure := line.get(name)) is None else to_four_places(figure)
        for name in ("numerator", "denominator", "value")
    )
    return Past(file["period"].code, numerator, denominator, value, file["received"])


def _written(figure: Past) -> str:
    """A figure in one text: '50/100 (50%)'."""
    value = format_number(figure.value) if figure.value is not None else ""
    if figure.numerator is None or figure.denominator is None:
        return value
    return f"{format_number(figure.numerator)}/{format_number(figure.denominator)} ({value}%)"


def held_codes(lines: Iterable[Row]) -> dict[str, str]:
    """The rules by which lines are held, by their index."""
    return {line["index"]: line["held_by"] for line in lines if line.get("held_by")}
