"""Which page of the scorecard shows what: a name and its text for each, from one Board.

How a page looks is in templates/ and assets/, how a figure is written filters.py, what is asked board.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

from pipelines.files import Row
from pipelines.office.figures import printed_at
from pipelines.office.statuses import Counts, counts, newest_due
from pipelines.office.wording import method_sections, say, wording
from pipelines.scorecard import filters, series
from pipelines.scorecard.board import Board, Key, grouped, key_of
from pipelines.scorecard.compact import compact
from pipelines.scorecard.environment import Frame, environment, mark, places_file, words_file
from pipelines.scorecard.front import WINDOWS, due, first_indicators, settings
from pipelines.scorecard.own_words import own_words
from pipelines.vietnamese import in_sentence

_GRAVEST = 12  # lines named on the first page
_NAMED = 12  # communes, targets and tasks of a window named there
_LISTED = 400  # of a table of the whole city that may have thousands; the file to take away has all
_URGENT = 200  # tasks of all agencies on one page; each agency's page has all of its own
_REPORTS_SHOWN = 12  # periods of a commune's table of reports


@dataclass(frozen=True)
class Standing:
    """The status of a commune."""

    commune: Row
    plans: list[Row]
    lines: list[Row]
    level: Counts
    pace: Counts
    tasks: Counts
    reporting: Counts

    @property
    def needs_attention(self) -> bool:
        return any(one.attention for one in (self.level, self.pace, self.tasks, self.reporting))


class Unmade(NamedTuple):
    """A page that is not made yet: the digest of all it is made from, and how it is made."""

    digest: str
    make: Callable[[], str]


# What the page of a commune, an indicator or an agency may say beside what it is given: it reaches nothing else.
_ANYWHERE = ("as_of_on", "is_illustrative", "statuses", "city_name", "agencies", "indicators", "approvals")


class Pages:
    """All pages of one state of the warehouse."""

    def __init__(self, board: Board, *, in_country: bool = False) -> None:
        """in_country: they are those of one city below the pages of the country."""
        self.board, self.in_country = board, in_country
        self.own = own_words(board.city_name)
        self.with_ranking = settings()["ranking"]
        menu = [(page, "index.html" if page == "city" else f"{page}.html", self.own(title))
                for page, title in wording("site.pages").items() if page != "ranking" or self.with_ranking]  # fmt: skip
        self.frame = Frame(menu, say("site.base.find"), self.with_ranking, in_country)
        self.env = environment(board, self.frame)
        self._anywhere = SimpleNamespace(**{name: getattr(board, name) for name in _ANYWHERE})
        self._around = _digest((self.frame, vars(self._anywhere)))
        self.lines_of = grouped(board.lines, lambda one: one["commune_code"])
        self.tasks_of = grouped(board.tasks, lambda one: one["commune_code"])
        self.reports_of = grouped(board.reporting, lambda one: one["commune_code"])
        self.plans_of = grouped(board.plans, lambda one: one["commune_code"])
        self.indicator_lines = grouped(board.lines, lambda one: one["indicator_code"])
        self.parts_of = grouped(board.parts, lambda one: one["task_id"])
        self.heads_of = grouped(board.heads, lambda one: one["commune_code"])
        self.city_of = grouped(board.city, lambda one: one["indicator_code"])

    def all(self) -> Iterator[tuple[str, str]]:
        """Every page: its path below the site, and its text."""
        for name, page in self.unmade():
            yield name, page.make() if isinstance(page, Unmade) else page

    def unmade(self) -> Iterator[tuple[str, str | Unmade]]:
        """The same, those of which there are many not made yet."""
        yield "index.html", self._city()
        for standing in self.standings:
            code = standing.commune["commune_code"]
            yield filters.commune_page(code), self._commune(standing)
        yield "indicators.html", self._render("indicators.html", "indicators", indicators=self._indicators())
        for code in self.board.indicators:
            yield filters.indicator_page(code), self._indicator(code)
        for code, lines in self.indicator_lines.items():
            yield filters.series_file(code), series.script(self.board, code, lines, self.city_of.get(code, []))
        yield "tasks.html", self._tasks()
        for code in self.task_agencies:
            yield filters.agency_page(code), self._agency(code)
        yield "reporting.html", self._reporting()
        yield "quality.html", self._quality()
        if self.with_ranking:
            yield "ranking.html", self._render("ranking.html", "ranking")
        for standing in self.standings:
            if origins := self.board.origins.get(code := standing.commune["commune_code"]):
                yield filters.origin_page(code), self._later(
                    "origin.html", "city", page_name=filters.origin_page(code), commune=standing.commune,
                    origins=origins, given=self._given(origins),
                )  # fmt: skip
        yield "method.html", self._render("method.html", "method", method_sections=self.own(method_sections("site")))
        yield "assets/places.js", self.places
        yield "assets/words.js", words_file(self.board)

    def periods_shown(self, commune_code: str) -> list[str]:
        """The newest periods, of which a commune's page shows who has reported."""
        reports = self.reports_of.get(commune_code, [])
        return list(dict.fromkeys(one["period_code"] for one in reports))[:_REPORTS_SHOWN]

    def _render(self, template: str, here: str, root: str = "", **shown: Any) -> str:
        return compact(self._whole(template, here, root, **shown))

    def _later(self, template: str, here: str, **shown: Any) -> Unmade:
        """A page in a folder, which is made where something it is given, or says anywhere, is new."""
        shown = {"places_mark": mark(self.places), "listed": _LISTED, "here": here, "root": "../", **shown}

        def make() -> str:
            return compact(self.env.get_template(template).render(board=self._anywhere, **shown))

        return Unmade(_digest((self._around, template, shown)), make)

    def _whole(self, template: str, here: str, root: str = "", **shown: Any) -> str:
        shown = {
            "page_name": template.removesuffix(".html"),
            "places_mark": mark(self.places),
            "listed": _LISTED,
            **shown,
        }
        return self.env.get_template(template).render(here=here, root=root, **shown)

    def _counted(self, answer: str, rows: list[Row], title: str | None = None) -> Counts:
        """title: if not the usual one."""
        usual = wording(f"labels.counted.{answer}")
        return counts(usual["title"] if title is None else title, usual["noun"], answer, rows, self.board.statuses)

    def _four(self, lines: list[Row], tasks: list[Row], reports: list[Row]) -> list[Counts]:
        asked = [one for one in lines if not one["is_waiting"]]
        due = [one for one in reports if one["period_code"] == self.newest["period_code"]] if self.newest else []
        title = say("labels.reporting")
        if self.newest:
            title = say("labels.counted.reporting.title", period=in_sentence(self.newest["period_label"]))
        return [self._counted("level", asked), self._counted("pace", asked), self._counted("task", tasks),
                self._counted("reporting", due, title)]  # fmt: skip

    @cached_property
    def newest(self) -> Row | None:
        """A report of the newest period whose day has come: the period that the pages report on."""
        return newest_due(self.board.reporting, self.board.as_of_on)

    @cached_property
    def standings(self) -> list[Standing]:
        """The communes with a plan, in the order of their names."""
        found = []
        for commune in self.board.communes:
            code = commune["commune_code"]
            if code in self.plans_of:
                lines = self.lines_of.get(code, [])
                four = self._four(lines, self.tasks_of.get(code, []), self.reports_of.get(code, []))
                found.append(Standing(commune, self.plans_of[code], lines, *four))
        return found

    @cached_property
    def task_agencies(self) -> dict[str, list[Row]]:
        """Tasks by the agency that reports on them, the most serious first; '' for those nobody reports on."""
        found = grouped(
            ({**task, "agency": agency} for task in self.board.tasks for agency in task["agencies"]),
            lambda one: one["agency"],
        )
        return {code: found[code] for code in self.board.agencies if code in found}

    # ------------------------------------------------------------ the city

    def _city(self) -> str:
        board = self.board
        four = self._four(board.lines, board.tasks, board.reporting)
        grave = [one for one in board.lines if not one["is_waiting"] and one["needs_attention"]]
        grave.sort(key=lambda one: (-one["severity"], 1 if one["pace"] is None else one["pace"]))
        with_plan = {one.commune["commune_code"] for one in self.standings}
        return self._whole(  # upkeep/leaders_page.py takes it to pieces
            "city.html", "city", page_name="index", four=four,
            standings=self.standings, grave=grave[:_GRAVEST], grave_count=len(grave),
            without=[one for one in board.communes if one["commune_code"] not in with_plan],
            waiting=sum(one["is_waiting"] for one in board.lines), newest=self.newest,
            conflicts=sum(one["kind"] == "conflict" for one in board.conflicts), first=first_indicators(board),
            yearly=board.yearly[:_NAMED], outlook=board.outlook[:_NAMED], due=due(board.tasks), named=_NAMED,
        )  # fmt: skip

    @cached_property
    def places(self) -> str:
        """What the search at the top of every page finds: name, what it is, page."""
        found = [[one.commune["commune_name"], one.commune["commune_code"],
                  filters.commune_page(one.commune["commune_code"])] for one in self.standings]  # fmt: skip
        found += [[one["indicator_name"], code, filters.indicator_page(code)]
                  for code, one in self.board.indicators.items()]  # fmt: skip
        found += [[self.board.agencies[code], code, filters.agency_page(code)] for code in self.task_agencies]
        return places_file(found)

    # ------------------------------------------------------------ a commune

    def _commune(self, standing: Standing) -> Unmade:
        code = standing.commune["commune_code"]
        tasks = self.tasks_of.get(code, [])
        reports = self.reports_of.get(code, [])
        heads = self.heads_of.get(code, [])
        heads_of: dict[str, list[str]] = {}
        for head in heads:
            for task in head["task_ids"]:
                heads_of.setdefault(task, []).append(filters.head_anchor(head))
        return self._later(
            "commune.html", "city", standing=standing, page_name=filters.commune_page(code),
            four=[standing.level, standing.pace, standing.tasks, standing.reporting],
            parts_of={task: self.parts_of[task] for one in tasks if (task := one["task_id"]) in self.parts_of},
            place={key_of(one): self._places_of_lines[key_of(one)] for one in standing.lines}, tasks=tasks,
            report_periods=self.periods_shown(code),
            uncoded=self.board.uncoded.get(code, []), differences=self.board.differences.get(code, []),
            reports={(one["period_code"], one["agency_code"]): one for one in reports},
            agencies=sorted({one["agency_code"] for one in reports}),
            conflicts=[one for one in self.board.conflicts if one["commune_code"] == code],
            held=[one for one in self.board.held if one["commune_code"] == code],
            heads=heads, heads_of=heads_of,
            head_choices=[(filters.head_anchor(one), self._head(one)) for one in heads],
            yearly=[one for one in self.board.yearly if one["commune_code"] == code],
            due=[one for some in due(tasks).values() for one in some], windows=WINDOWS,
        )  # fmt: skip

    def _head(self, head: Row) -> str:
        return f"{head['head_role'] or say('site.heads.none')} ({head['agency_name']})"

    # ------------------------------------------------------------ indicators

    def _indicators(self) -> dict[str, list[Row]]:
        """By theme: each indicator with its newest figure of the city and the status of the communes."""
        found = []
        for code, indicator in self.board.indicators.items():
            lines = [one for one in self.indicator_lines.get(code, []) if not one["is_waiting"]]
            found.append({
                **indicator, "city": next(iter(self.city_of.get(code, [])), None),
                "communes": len({one["commune_code"] for one in self.indicator_lines.get(code, [])}),
                "met": sum(one["level_status"] == "met" for one in lines),
                "not_met": sum(one["level_status"] == "not_met" for one in lines),
                "well": sum(self.board.statuses["pace", one["pace_status"]].severity == 0 for one in lines),
                "behind": sum(self.board.statuses["pace", one["pace_status"]].is_behind for one in lines),
                "needs_attention": any(one["needs_attention"] for one in lines),
            })  # fmt: skip
        return grouped(found, lambda one: one["theme"])

    def _indicator(self, code: str) -> Unmade:
        lines = self.indicator_lines.get(code, [])
        return self._later(
            "indicator.html", "indicators", page_name=filters.indicator_page(code),
            indicator=self.board.indicators[code], lines=lines, city=self.city_of.get(code, []),
            given=self._given(lines), above=[one for one in self.board.above if one["indicator_code"] == code],
            has_figures=any(not one["is_waiting"] for one in lines),
        )  # fmt: skip

    def _given(self, lines: list[Row]) -> dict[Key, dict[tuple[str, str], list[Row]]]:
        """The targets of each line by the document and the place in it where they stand."""
        return {
            key_of(line): grouped(
                self.board.targets.get(key_of(line), []), lambda one: (one["document_number"], printed_at(one))
            )
            for line in lines
        }

    @cached_property
    def _places_of_lines(self) -> dict[Key, int]:
        """Where each line is among those of its indicator, as in its series."""
        return {key_of(line): n for lines in self.indicator_lines.values() for n, line in enumerate(lines)}

    # ------------------------------------------------------------ tasks, reports, quality

    def _tasks(self) -> str:
        by_agency = [
            (code, self.board.agencies[code], self._counted("task", tasks),
             sum(one["is_on_time"] is True for one in tasks), sum(one["is_on_time"] is False for one in tasks))
            for code, tasks in self.task_agencies.items()
        ]  # fmt: skip
        by_agency.sort(key=lambda one: (-one[2].of("overdue"), -one[2].of("due_soon"), one[1]))
        total = self._counted("task", self.board.tasks, self.own(say("site.whole_city")))
        urgent = [one for one in self.board.tasks if one["task_status"] in ("overdue", "due_soon")]
        return self._render("tasks.html", "tasks", by_agency=by_agency, total=total, urgent=urgent[:_URGENT],
                            urgent_count=len(urgent), windows=WINDOWS,
                            due=[one for tasks in due(self.board.tasks).values() for one in tasks])  # fmt: skip

    def _agency(self, code: str) -> Unmade:
        tasks = self.task_agencies[code]
        lines = [one for one in self.board.lines if one.get("agency_code") == code]
        return self._later(
            "agency.html", "tasks", page_name=filters.agency_page(code), code=code,
            name=self.board.agencies[code], tasks=tasks,
            communes=sorted({(one["commune_code"], one["commune_name"]) for one in tasks}),
            total=self._counted("task", tasks),
            on_time=sum(one["is_on_time"] is True for one in tasks),
            late=sum(one["is_on_time"] is False for one in tasks),
            reports=[one for one in self.board.reporting if one["agency_code"] == code and one["is_outstanding"]],
            figures=self._counted("pace", lines, say("site.figures_by_pace")),
            heads=[one for one in self.board.heads if one["agency_code"] == code],
            shared=[one for one in self.board.parts if one["agency_code"] == code],
        )  # fmt: skip

    def _reporting(self) -> str:
        reports = self.board.reporting
        by_period = [
            (rows[0], self._counted("reporting", rows, ""))
            for rows in grouped(reports, lambda one: one["period_code"]).values()
        ]
        newest = [one for one in reports if self.newest and one["period_code"] == self.newest["period_code"]]
        outstanding = sorted((one for one in reports if one["is_outstanding"]), key=lambda one: -one["days_late"])
        return self._render(
            "reporting.html", "reporting", by_period=by_period, newest=self.newest, outstanding=outstanding,
            held=self.board.held, yearly=self.board.yearly,
            now=self._counted("reporting", newest, ""), owed=self._counted("reporting", outstanding, ""),
            matrix=grouped(newest, lambda one: one["commune_code"]),
            agencies=sorted({one["agency_code"] for one in newest}),
            chart={"periods": [[row["period_code"], _iso(row["measured_on"]),
                                items.of("on_time"), items.of("late"), items.outstanding]
                               for row, items in reversed(by_period) if row["due_on"] <= self.board.as_of_on]},
        )  # fmt: skip

    def _quality(self) -> str:
        board = self.board
        total = {name: sum(row[name] for row in board.reconciled) for name in _RECONCILED}
        rules = [
            (code, rows[0], len(rows)) for code, rows in grouped(board.rejections, lambda one: one["rule_code"]).items()
        ]
        rules.sort(key=lambda one: (-one[2], one[0]))
        return self._render("quality.html", "quality", total=total, rules=rules, rejections=board.rejections,
                            reconciled=board.reconciled, conflicts=board.conflicts, late=board.late)  # fmt: skip


_RECONCILED = ("files", "unreadable", "duplicate", "refused", "rows_read", "rows_accepted", "rows_unchanged",
               "rows_held", "rows_rejected", "rows_ignored", "rows_unaccounted")  # fmt: skip


def _digest(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()


def _iso(value: date) -> str:
    return value.isoformat()
