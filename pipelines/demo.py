"""An inbox full of made-up workbooks, so that a new home has something to show. Every one says so on every sheet.

Which figures are made up is data (sources/illustrative.yml); here are the random generator, submission dates and
mistakes. What a workbook looks like (template.py) does not belong here. The mistakes, all sent by agencies of
Vĩnh Lại, and what the rules say to each:

| agency, period | mistake | rule |
|---|---|---|
| PVHCC 2026-03 | 180 typed as the result of DVC-06, no numerator and denominator | C08 (and C15) |
| PVHCC 2026-05 | numerator and denominator of DVC-01 exchanged | C09 |
| CA 2026-04 | a line of the officer's own, with code XHS-99 | C01 |
| KT 2026-06 | the numerator of KTS-02 typed '12o' | C04 |
| VHXH 2026-09 | two numbers in the cell of HT-02's denominator | C37 |
| VHXH 2026-07 | a task done, without its document | N08 |
| CA 2026-08 | put into the folder of Đại Sơn's CA | T04 |
| QS 2026-07 | broken: the file ends after three fifths | T01 |
| VP 2026-04 | sent again the day after under a second name, same bytes | duplicate |
| KT 2026-09 | sent again six days later, the numerator of KTS-02 corrected | supersedes |
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openpyxl import load_workbook

from pipelines.agencies.form import template_name, write_template
from pipelines.files import Row, read_yaml
from pipelines.home import SOURCES, Home
from pipelines.intake.ledger import VIETNAM, Ledger
from pipelines.intake.receive import waiting
from pipelines.office.row_height import row_height
from pipelines.office.workbook import put, save
from pipelines.registry.periods import Period
from pipelines.registry.registry import Registry

_MISTAKEN, _NEIGHBOUR = "11164", "11086"  # Vĩnh Lại; Đại Sơn
_MISTAKES = {
    "CA": ("2026-04", "2026-08"),
    "KT": ("2026-06", "2026-09"),
    "PVHCC": ("2026-03", "2026-05"),
    "QS": ("2026-07",),
    "VHXH": ("2026-07", "2026-09"),
    "VP": ("2026-04",),
}
_TYPED: dict[tuple[str, str], tuple[str, Row]] = {
    ("PVHCC", "2026-03"): ("DVC-06", {"numerator": None, "denominator": None, "value": 180}),
    ("KT", "2026-06"): ("KTS-02", {"numerator": "12o"}),
    ("VHXH", "2026-09"): ("HT-02", {"denominator": "1234\n1250"}),
}
_OFFICE_HOURS = ((450, 690), (810, 1020))  # minutes of the day: 7:30-11:30, 13:30-17:00


@dataclass(frozen=True)
class _Sending:
    """One workbook an agency sends, and the day it does."""

    commune_code: str
    agency_code: str
    period: Period
    day: date

    @property
    def mistake(self) -> tuple[str, str] | None:
        """Agency and period, where this one is wrong on purpose."""
        is_mistaken = self.commune_code == _MISTAKEN and self.period.code in _MISTAKES.get(self.agency_code, ())
        return (self.agency_code, self.period.code) if is_mistaken else None


def fill_inbox(home: Home, registry: Registry, ledger: Ledger, *, seed: int = 57) -> int:
    """Fill the empty inbox of an empty home with made-up workbooks of all communes with plans. Returns how many files.

    First marks the home as illustrative in the ledger. The same seed gives the same files. Raises ValueError if the
    home has a ledger entry or a waiting file: made-up and real figures never share a home.
    """
    return _fill([(home, ledger)], registry, seed)


def fill_inboxes(homes: Sequence[Home], registry: Registry, *, seed: int = 57) -> int:
    """The same, the communes split between the homes of places: in the order of their codes, neighbours together."""
    return _fill([(home, Ledger(home)) for home in homes], registry, seed)


def _fill(homes: Sequence[tuple[Home, Ledger]], registry: Registry, seed: int) -> int:
    for home, ledger in homes:
        _insist_on_unused(home, ledger)
    settings: Row = read_yaml(SOURCES / "illustrative.yml")
    for home, ledger in homes:
        ledger.record_site(home.place)
        ledger.append([{"event": "illustrative", "seed": seed, "day": settings["day"].isoformat()}])
    communes = sorted(registry.commune_codes_with_plans)
    home_of = {code: homes[n * len(homes) // len(communes)][0] for n, code in enumerate(communes)}
    inbox = _Inbox(home_of, registry, random.Random(f"{seed}|times"), settings["texts"]["unknown"])
    figures = {code: _Figures(registry, settings, code, seed) for code in sorted(registry.commune_codes_with_plans)}
    for sending in _sendings(registry, settings, seed):
        inbox.send(sending, figures[sending.commune_code].answers(sending.agency_code, sending.period))
    return inbox.files


def _insist_on_unused(home: Home, ledger: Ledger) -> None:
    if ledger.entries:
        raise ValueError(f"{home.shown(home.ledger)} has entries: illustrative workbooks are only made in an unused "
                         f"home; set KPI57_HOME to a new folder")  # fmt: skip
    if files := waiting(home):
        raise ValueError(f"{len(files)} files wait in {home.shown(home.inbox)}, the first is {files[0].path.name}: "
                         f"take them out, or set KPI57_HOME to a new folder")  # fmt: skip


# ---------------------------------------------------------------- who sends what when


def _sendings(registry: Registry, settings: Row, seed: int) -> Iterator[_Sending]:
    """Every report that comes, in the order of communes, agencies and periods; some come late, some never."""
    free = {first + timedelta(n) for first, last in settings["free_days"] for n in range((last - first).days + 1)}
    for commune in sorted(registry.commune_codes_with_plans):
        reports_from = _reports_from(registry, commune)
        periods = [registry.periods[code] for code in (settings["first_period"], *settings["months"])]
        owing = {period: registry.agencies_of(commune, period.ends_on) for period in periods}
        for agency in sorted(set().union(*owing.values())):
            for period in (period for period in periods if agency in owing[period]):
                code = period.code
                dice = random.Random(f"{seed}|{commune}|{agency}|{code}")
                between = _sent_between(period, settings, dice.random())
                sending = _Sending(commune, agency, period, period.ends_on)
                if sending.mistake:
                    between = _sent_between(period, settings, 1.0)
                if between and period.ends_on >= reports_from:
                    yield replace(sending, day=_working_day(*between, free, dice))


def _sent_between(period: Period, settings: Row, chance: float) -> tuple[date, date] | None:
    """The days between which a report comes, or None for one that never comes. chance: 0 to 1."""
    behaviour = settings["behaviour"]
    if period.kind == "year":
        first, last = settings["yearly_sent"]
        return first, last
    if chance < behaviour["missing"]:
        return None
    after = (8, 14) if chance < behaviour["missing"] + behaviour["late"] else (1, 5)
    return period.ends_on + timedelta(after[0]), period.ends_on + timedelta(after[1])


def _reports_from(registry: Registry, commune_code: str) -> date:
    """The day from which on the commune's agencies report."""
    days: list[date] = [p["reports_from"] for p in registry.plans.values() if p["commune_code"] == commune_code]
    return min(days)


def _working_day(first: date, last: date, free: set[date], dice: random.Random) -> date:
    """A working day between two days, else (Tết) the last one before them."""
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    if open_days := [day for day in days if day.weekday() < 5 and day not in free]:
        return dice.choice(open_days)
    while first.weekday() >= 5 or first in free:
        first -= timedelta(1)
    return first


class _Inbox:
    """Writes the workbooks to where agencies drop them, mistakes included, each with the time it was sent."""

    def __init__(self, home_of: Mapping[str, Home], registry: Registry, dice: random.Random, unknown_name: str) -> None:
        self.home_of, self.registry, self.dice, self.unknown_name = home_of, registry, dice, unknown_name
        self.times: set[int] = set()

    @property
    def files(self) -> int:
        return len(self.times)

    def send(self, sending: _Sending, answers: dict[str, Row]) -> None:
        mistake, code = sending.mistake, sending.commune_code
        if mistake:
            _mistype(mistake, answers, self.registry)
        to = _NEIGHBOUR if mistake == ("CA", "2026-08") else code
        folder = self.home_of[to].inbox / self.registry.folder_of(to) / sending.agency_code
        name = template_name(self.registry, code, sending.agency_code, sending.period.code)
        path = self._write(sending, folder / name, answers)
        if mistake == ("CA", "2026-04"):
            _add_unknown_line(path, self.registry, sending.period, self.unknown_name)
        if mistake == ("QS", "2026-07"):
            path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
        self._stamp(path, sending.day)
        if mistake == ("VP", "2026-04"):
            again = Path(shutil.copyfile(path, path.with_stem(f"{path.stem} (1)")))
            self._stamp(again, sending.day + timedelta(1))
        if mistake == ("KT", "2026-09") and (line := answers.get("KTS-02")):
            answers["KTS-02"] = {"numerator": line["numerator"] - 214, "denominator": line["denominator"]}
            again = self._write(sending, path.with_stem(f"{path.stem}-sua-lan-1"), answers)
            self._stamp(again, sending.day + timedelta(6))

    def _write(self, sending: _Sending, path: Path, answers: dict[str, Row]) -> Path:
        return write_template(self.registry, sending.commune_code, sending.agency_code, sending.period.code, path,
                              illustrative=True, answers=answers, on=sending.day)  # fmt: skip

    def _stamp(self, path: Path, day: date) -> None:
        """Set the file's time to an office hour of the day, Vietnam time, that no other file has."""
        start, end = self.dice.choice(_OFFICE_HOURS)
        midnight = datetime.combine(day, time(), VIETNAM)
        at = int(midnight.timestamp()) + self.dice.randrange(60 * start, 60 * end)
        while at in self.times:
            at += 1
        self.times.add(at)
        os.utime(path, (at, at))


# ---------------------------------------------------------------- mistakes


def _mistype(mistake: tuple[str, str], answers: dict[str, Row], registry: Registry) -> None:
    """The mistakes an officer makes in an answer cell, where the plan still has the line."""
    code, typed = _TYPED.get(mistake, ("", {}))
    if mistake == ("VHXH", "2026-07"):
        done = registry.form["answers"]["state"]["done"]
        code = next((code for code, given in answers.items() if given.get("state") == done), "")
        typed = {"document_number": None, "document_date": None}
    if code in answers:
        answers[code] |= typed
    if mistake == ("PVHCC", "2026-05") and (line := answers.get("DVC-01")):
        answers["DVC-01"] = {"numerator": line["denominator"], "denominator": line["numerator"]}


def _add_unknown_line(path: Path, registry: Registry, period: Period, name: str) -> None:
    """A line below the table that the officer added, with a code of their own."""
    [layout] = [one for one in registry.form["sheets"] if one["kind"] == "indicator"]
    line = {"indicator_code": "XHS-99", "indicator_name": name,
            "unit_of_measure": "%", "numerator": 3120, "denominator": 6480}  # fmt: skip
    book = load_workbook(path, rich_text=True)
    sheet = book[layout["title"]]
    row = sheet.max_row + 1
    printed = [column for column in layout["columns"] if "until" not in column and "only" not in column]
    for number, column in enumerate(printed, 1):
        put(sheet.cell(row, number), line.get(column["name"]))
    sheet.row_dimensions[row].height = row_height((line.get(c["name"]), c["width"]) for c in printed)
    save(book, path, datetime.combine(period.starts_on, time()))


# ---------------------------------------------------------------- figures


class _Figures:
    """What the agencies of one commune report: every series the same whenever it is asked for."""

    def __init__(self, registry: Registry, settings: Row, commune_code: str, seed: int) -> None:
        self.registry, self.settings, self.commune_code, self.seed = registry, settings, commune_code, seed
        self.reports_from = _reports_from(registry, commune_code)

    def _dice(self, *parts: str) -> random.Random:
        return random.Random("|".join((str(self.seed), self.commune_code, *parts)))

    def answers(self, agency_code: str, period: Period) -> dict[str, Row]:
        """The answer cells of an agency's workbook, by indicator code and task_id; lines left blank are not there."""
        behaviour = self.settings["behaviour"]
        answers: dict[str, Row] = {}
        for indicator in self.registry.indicators_of(self.commune_code, agency_code, period.ends_on):
            dice = self._dice(indicator["indicator_code"], period.code)
            asked = self.registry.is_asked(indicator["frequency"], period)
            if asked or dice.random() < behaviour["optional"][indicator["frequency"]]:
                answers[indicator["indicator_code"]] = self._indicator(indicator, period, dice)
        for task in self.registry.tasks_of(self.commune_code, agency_code, period.ends_on):
            if self._dice(task["task_id"], agency_code, period.code).random() >= behaviour["task_left_blank"]:
                answers[task["task_id"]] = self._task(task, agency_code, period)
        return answers

    def _indicator(self, indicator: Row, period: Period, dice: random.Random) -> Row:
        spec = self.settings["indicators"].get(indicator["indicator_code"], self.settings["default"])
        spec = spec | spec.get("communes", {}).get(self.commune_code, {})
        if indicator["kind"] == "yes_no":
            return {"value": self.registry.form["answers"]["yes_no"][spec.get("answer", "0")]}
        if indicator["kind"] == "text":
            return {"value": spec.get("text", self.settings["texts"]["described"])}
        make = self._within_year if indicator["accumulates"] == "within_year" else self._level
        numerator, denominator = make(indicator["indicator_code"], spec, _months(period))
        if indicator["kind"] == "amount":
            return {"value": numerator}
        answer: Row = {"numerator": numerator, "denominator": denominator}
        if dice.random() < self.settings["behaviour"]["with_result"]:
            answer["value"] = round(100 * numerator / denominator, 1)
        if dice.random() < self.settings["behaviour"]["unchanged_note"]:
            answer["note"] = dice.choice(self.settings["notes"])
        return answer

    def _size(self, pool: str, months: int) -> float:
        """What the pool holds so many months after the end of 2025."""
        about = self.settings["pools"][pool]
        size = self.settings["size"].get(self.commune_code, 0.4)
        now = about["low"] + size * (about["high"] - about["low"])
        return float(now * (1 + about.get("growth", 0) * months / 12))

    def _rates(self, code: str, spec: Row, months: int) -> list[float]:
        """The share of each month, end of 2025 first, 0 to 1."""
        dice = self._dice(code)
        percents = (spec["start"] + spec["gain"] * n / 12 + spec["noise"] * dice.uniform(-1, 1)
                    for n in range(months + 1))  # fmt: skip
        return [min(max(percent, 0), 100) / 100 for percent in percents]

    def _level(self, code: str, spec: Row, months: int) -> tuple[int, int]:
        """Numerator and denominator at the period's end: what has been reached stays, unless it goes backwards."""
        rates = self._rates(code, spec, months)
        denominator = round(self._size(spec["pool"], months))
        return round(denominator * (max(rates) if spec["gain"] >= 0 else rates[-1])), denominator

    def _within_year(self, code: str, spec: Row, months: int) -> tuple[int, int]:
        """Numerator and denominator from January on; for months 0 those of all of 2025."""
        rates = self._rates(code, spec, months)
        year = self._size(spec["pool"], 12 if months else 0)
        if not months:
            return round(year * rates[0]), round(year)
        dice = self._dice(spec["pool"])
        shares = [(0.6 if month == 2 else 1) * dice.uniform(0.85, 1.15) / 12 for month in range(1, 13)]  # Tết: less
        monthly = [round(year * share) for share in shares[:months]]
        return sum(round(n * rate) for n, rate in zip(monthly, rates[1:], strict=True)), sum(monthly)

    # ------------------------------------------------------------ tasks

    def _task(self, task: Row, agency_code: str, period: Period) -> Row:
        """The task's status at the period's end, the same course in every period."""
        dice = self._dice(task["task_id"], agency_code)
        if agency_code in self.registry.parts_of(task["task_id"], period.ends_on):  # done no later than the whole
            whole = self._dice(task["task_id"], self.registry.plans[task["plan_id"]]["focal_agency_code"])
            state, percent, finished = self._standing(task, whole, _number(period), ahead=dice.randrange(4))
        else:
            state, percent, finished = self._standing(task, dice, _number(period))
        answer: Row = {"state": self.registry.form["answers"]["state"][state], "percent_done": percent}
        if state == "done":
            words = self.settings["documents"]
            kind = next(short for word, short in words.items() if word.casefold() in task["deliverable"].casefold())
            answer["document_number"] = f"{dice.randrange(8, 260)}/{kind}-{agency_code}"
            answer["document_date"] = _working_day(_day_of(finished, 2), _day_of(finished, 12), set(), dice)
        elif state == "stopped" or dice.random() < self.settings["behaviour"]["difficulty"]:
            answer["difficulty"] = dice.choice(self.settings["difficulties"])
        words = self._dice(task["task_id"], agency_code, "words")
        if state != "not_started" and words.random() < self.settings["behaviour"]["result"]:
            answer["result"] = words.choice(self.settings["results"])
        if "difficulty" in answer and words.random() < self.settings["behaviour"]["proposal"]:
            answer["proposal"] = words.choice(self.settings["proposals"])
        return answer

    def _standing(self, task: Row, dice: random.Random, now: int, *, ahead: int = 0) -> tuple[str, int, int]:
        """State, percent done and, where done, the number of the month it was finished in; ahead: so many months
        before it would be."""
        ways = self.settings["behaviour"]["task_ways"]
        [way] = dice.choices(list(ways), list(ways.values()))
        early, late, lead, pause = (dice.randrange(n) for n in (3, 3, 5, 4))
        if task["due_on"] is None:  # goes on all year; what is to be done yearly is done with the yearly report
            month = now % 12 + 1
            is_done = task["recurrence"] == "yearly" and month >= 11
            return ("done", 100, now) if is_done else ("in_progress", min(5 * (month * 8 // 5 + pause), 95), 0)
        due = _number_of(date.fromisoformat(task["due_on"]))
        begun = due - 4 - lead
        finished = due - early if way == "in_time" else due + 1 + late
        finished = max(finished - ahead, _number_of(self.reports_from) + 1)
        if way == "not_begun" or now < begun:
            return "not_started", 0, 0
        if way == "stopped" and now >= due - 1 - pause:
            return "stopped", 20 + 5 * pause, 0
        if way in ("in_time", "late") and now >= finished:
            return "done", 100, finished
        end = max(finished, begun + 1)
        return "in_progress", min(5 * round((10 + 80 * (now - begun) / (end - begun)) / 5), 90), 0


def _months(period: Period) -> int:
    """Months after the end of 2025: the yearly report 2025 is 0, October 2026 is 10."""
    return 0 if period.kind == "year" else _number(period) - _number_of(date(2025, 12, 31))


def _number(period: Period) -> int:
    """The month a report is about, as a number; a yearly report is sent in November."""
    return _number_of(period.ends_on) - (1 if period.kind == "year" else 0)


def _number_of(day: date) -> int:
    return 12 * day.year + day.month - 1


def _day_of(month_number: int, day: int) -> date:
    return date(month_number // 12, month_number % 12 + 1, day)
