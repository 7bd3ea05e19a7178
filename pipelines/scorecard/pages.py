"""Which page of the scorecard shows what: a name and its text for each, from one Board.

How a page looks is in templates/ and assets/, how a figure is written filters.py, what is asked board.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipelines.files import Row
from pipelines.made_with import digest_of_code, digest_of_files
from pipelines.office.colours import FINDINGS
from pipelines.office.figures import FORM, answers, in_words, printed_at, sent
from pipelines.office.statuses import Counts, counts, newest_due
from pipelines.office.wording import files as wording_files
from pipelines.office.wording import filled, joined, method_sections, say, wording
from pipelines.scorecard import downloads, filters
from pipelines.scorecard.board import Board, grouped
from pipelines.scorecard.front import WINDOWS, due, first_indicators, settings
from pipelines.scorecard.series import is_forecast, paths
from pipelines.vietnamese import in_sentence

HERE = Path(__file__).parent
ASSETS = ("early.js", "site.css", "site.js", "uPlot.iife.min.js", "uPlot.min.css", "uPlot-LICENSE.txt")
_GRAVEST = 12  # lines named on the first page
_NAMED = 12  # communes, targets and tasks of a window named there
_LISTED = 400  # of a table of the whole city that may have thousands; the file to take away has all
_PERIODS_SHOWN = 24  # columns of an indicator's table of communes
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


class Pages:
    """All pages of one state of the warehouse."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.env = environment(board)
        self.lines_of = grouped(board.lines, lambda one: one["commune_code"])
        self.tasks_of = grouped(board.tasks, lambda one: one["commune_code"])
        self.reports_of = grouped(board.reporting, lambda one: one["commune_code"])
        self.plans_of = grouped(board.plans, lambda one: one["commune_code"])
        self.indicator_lines = grouped(board.lines, lambda one: one["indicator_code"])
        self.city_of = grouped(board.city, lambda one: one["indicator_code"])

    def all(self) -> Iterator[tuple[str, str]]:
        """Every page: its path below the site, and its text."""
        yield "index.html", self._city()
        for standing in self.standings:
            code = standing.commune["commune_code"]
            yield filters.commune_page(code), self._commune(standing)
        yield "indicators.html", self._render("indicators.html", "indicators", indicators=self._indicators())
        for code in self.board.indicators:
            yield filters.indicator_page(code), self._indicator(code)
        yield "tasks.html", self._tasks()
        for code in self.task_agencies:
            yield filters.agency_page(code), self._agency(code)
        yield "reporting.html", self._reporting()
        yield "quality.html", self._quality()
        if settings()["ranking"]:
            yield "ranking.html", self._render("ranking.html", "ranking")
        for standing in self.standings:
            if origins := self.board.origins.get(code := standing.commune["commune_code"]):
                yield (
                    filters.origin_page(code),
                    self._render(
                        "origin.html",
                        "city",
                        "../",
                        page_name=filters.origin_page(code),
                        commune=standing.commune,
                        origins=origins,
                    ),
                )
        yield "method.html", self._render("method.html", "method", method_sections=method_sections("site"))
        yield "assets/places.js", self.places
        yield "assets/words.js", self._words()

    def downloads(self) -> Iterator[downloads.Download]:
        """The tables of the pages to take away."""
        board = self.board

        def of(page: str, *tables: downloads.Table) -> downloads.Download:
            return downloads.Download(page, tables, board.is_illustrative)

        def whose(rows: list[Row], code: str) -> list[Row]:
            return [one for one in rows if one["commune_code"] == code]

        yield of("index", downloads.yearly(board.yearly), downloads.outlook(board.outlook),
                 downloads.lines(board.lines, board.indicators))  # fmt: skip
        for standing in self.standings:
            code = standing.commune["commune_code"]
            yield of(filters.commune_page(code), downloads.lines(standing.lines, board.indicators),
                     downloads.tasks(self.tasks_of.get(code, [])), downloads.heads(whose(board.heads, code)),
                     downloads.reports(self.reports_of.get(code, [])), downloads.held(whose(board.held, code)),
                     downloads.conflicts(whose(board.conflicts, code)))  # fmt: skip
            if origins := board.origins.get(code):
                yield of(filters.origin_page(code), downloads.origins(origins))
        yield of("indicators", downloads.city([rows[0] for rows in self.city_of.values()]),
                 downloads.outlook(board.outlook))  # fmt: skip
        for code, lines in self.indicator_lines.items():
            keys = [(one["commune_code"], one["indicator_code"], one["scope"]) for one in lines]
            series = [row for key in keys for row in board.series.get(key, [])]
            yield of(filters.indicator_page(code), downloads.lines(lines, board.indicators), downloads.series(series),
                     downloads.city(self.city_of.get(code, [])))  # fmt: skip
        yield of("tasks", downloads.tasks(board.tasks), downloads.heads(board.heads))
        for code, tasks in self.task_agencies.items():
            reports = [one for one in board.reporting if one["agency_code"] == code and one["is_outstanding"]]
            yield of(filters.agency_page(code), downloads.tasks(tasks), downloads.reports(reports))
        yield of("reporting", downloads.reports(board.reporting), downloads.held(board.held))
        yield of("quality", downloads.rejections(board.rejections), downloads.conflicts(board.conflicts),
                 downloads.reconciled(board.reconciled), downloads.late(board.late))  # fmt: skip
        if settings()["ranking"]:
            yield of("ranking", downloads.standing(board.standing))

    def _render(self, template: str, here: str, root: str = "", **shown: Any) -> str:
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
        return self._render(
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
        return f"window.PLACES = {filters.embedded(found)};\n"

    def _words(self) -> str:
        """What the script says."""
        words = wording("site.script") | {"whole_city": say("site.whole_city")}
        yes_no = [answers()["yes_no"][code] for code in ("0", "1")]
        return f"window.WORDS = {filters.embedded(words)};\nwindow.YES_NO = {filters.embedded(yes_no)};\n"

    # ------------------------------------------------------------ a commune

    def _commune(self, standing: Standing) -> str:
        code = standing.commune["commune_code"]
        reports = self.reports_of.get(code, [])
        periods = list(dict.fromkeys(one["period_code"] for one in reports))[:_REPORTS_SHOWN]
        return self._render(
            "commune.html", "city", "../", standing=standing, page_name=filters.commune_page(code),
            four=[standing.level, standing.pace, standing.tasks, standing.reporting],
            paths=paths(self.board, standing.lines, full=True),
            tasks=self.tasks_of.get(code, []), report_periods=periods,
            reports={(one["period_code"], one["agency_code"]): one for one in reports},
            agencies=sorted({one["agency_code"] for one in reports}),
            conflicts=[one for one in self.board.conflicts if one["commune_code"] == code],
            held=[one for one in self.board.held if one["commune_code"] == code],
            heads=[one for one in self.board.heads if one["commune_code"] == code],
            yearly=[one for one in self.board.yearly if one["commune_code"] == code],
            due=[one for tasks in due(self.tasks_of.get(code, [])).values() for one in tasks], windows=WINDOWS,
        )  # fmt: skip

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

    def _indicator(self, code: str) -> str:
        lines = self.indicator_lines.get(code, [])
        city = self.city_of.get(code, [])
        drawn = paths(self.board, lines, full=False)
        shown = [code for code, _, _ in drawn["periods"]][-_PERIODS_SHOWN:]
        of_city = {one["period_code"]: filters.number(one["value"]) or "–" for one in city}
        matrix = [(say("site.whole_city"), [of_city[code] for code in shown])]
        matrix += [(self._name(line), self._cells(line, shown)) for line in lines if not line["is_waiting"]]
        return self._render(
            "indicator.html", "indicators", "../", page_name=filters.indicator_page(code),
            indicator=self.board.indicators[code], lines=lines, city=city,
            titles=[(filters.short_period(code), label) for code, label, _ in drawn["periods"][-_PERIODS_SHOWN:]],
            matrix=matrix, paths={**drawn, "names": [self._name(line) for line in lines], "shown": shown,
                                  "unit": self.board.indicators[code]["unit_of_measure"]},
        )  # fmt: skip

    def _cells(self, line: Row, periods: list[str]) -> list[str]:
        """The figures of a line in these periods, as text."""
        key = (line["commune_code"], line["indicator_code"], line["scope"])
        kind = self.board.indicators[line["indicator_code"]]["kind"]
        found = {row["period_code"]: in_words(row, kind) or filters.number(row["value"])
                 for row in self.board.series.get(key, [])}  # fmt: skip
        return [found.get(code, "–") for code in periods]

    def _name(self, line: Row) -> str:
        name = self.board.commune_of[line["commune_code"]]["commune_name"]
        return f"{name} ({line['scope']})" if line["scope"] else str(name)

    # ------------------------------------------------------------ tasks, reports, quality

    def _tasks(self) -> str:
        by_agency = [
            (code, self.board.agencies[code], self._counted("task", tasks),
             sum(one["is_on_time"] is True for one in tasks), sum(one["is_on_time"] is False for one in tasks))
            for code, tasks in self.task_agencies.items()
        ]  # fmt: skip
        by_agency.sort(key=lambda one: (-one[2].of("overdue"), -one[2].of("due_soon"), one[1]))
        total = self._counted("task", self.board.tasks, say("site.whole_city"))
        urgent = [one for one in self.board.tasks if one["task_status"] in ("overdue", "due_soon")]
        return self._render("tasks.html", "tasks", by_agency=by_agency, total=total, urgent=urgent[:_URGENT],
                            urgent_count=len(urgent), windows=WINDOWS,
                            due=[one for tasks in due(self.board.tasks).values() for one in tasks])  # fmt: skip

    def _agency(self, code: str) -> str:
        tasks = self.task_agencies[code]
        lines = [one for one in self.board.lines if one.get("agency_code") == code]
        return self._render(
            "agency.html", "tasks", "../", page_name=filters.agency_page(code), code=code,
            name=self.board.agencies[code], tasks=tasks,
            communes=sorted({(one["commune_code"], one["commune_name"]) for one in tasks}),
            total=self._counted("task", tasks),
            on_time=sum(one["is_on_time"] is True for one in tasks),
            late=sum(one["is_on_time"] is False for one in tasks),
            reports=[one for one in self.board.reporting if one["agency_code"] == code and one["is_outstanding"]],
            figures=self._counted("pace", lines, say("site.figures_by_pace")),
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


def _iso(value: date) -> str:
    return value.isoformat()


def assets_mark() -> str:
    """What a browser that keeps the site's files knows new ones by."""
    made_with = digest_of_code("assets of the scorecard") + digest_of_files([FORM, *wording_files("labels", "site")])
    return mark(made_with)


def mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def environment(board: Board) -> Environment:
    """The templates, with everything from outside escaped and a misspelt name an error."""
    env = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
                      trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)  # fmt: skip
    env.filters |= {one.__name__: one for one in filters.FILTERS}
    env.globals |= {"board": board, "status": board.statuses, "printed_at": printed_at, "is_forecast": is_forecast,
                    "in_words": in_words, "sent": sent, "in_sentence": in_sentence, "findings": FINDINGS,
                    "assets_mark": assets_mark(),
                    "with_ranking": settings()["ranking"], "wording": wording, "say": _say,
                    "column": _column, "joined": _joined,
                    "bold": Markup("<b>{}</b>").format, "strong": Markup("<strong>{}</strong>").format}  # fmt: skip
    return env


def _say(key: str, **values: Any) -> Markup:
    """A sentence for a page. What it says and its values are escaped, but for values that are markup (bold)."""
    return Markup(filled(key, escape(wording(key)), values))


def _column(name: str) -> str:
    return say(f"labels.columns.{name}")


def _joined(parts: Iterable[str]) -> Markup:
    return Markup(joined([escape(part) for part in parts]))
