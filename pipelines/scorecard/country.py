"""The page of the country: its cities side by side, each with a site of its own. What is asked is country_queries.py.

It has a row a city and no more, so that it does not grow with the communes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb

from pipelines.files import Row
from pipelines.office.statuses import Count, Counts, Status, most_serious_first, read_statuses
from pipelines.office.wording import method_sections, say, wording
from pipelines.scorecard import country_queries as queries
from pipelines.scorecard import downloads, filters
from pipelines.scorecard.board import TABLES, grouped
from pipelines.scorecard.environment import Frame, environment, mark, places_file, words_file
from pipelines.scorecard.front import ENDS, POINTS, asked_first, line, settings
from pipelines.scorecard.own_words import own_words
from pipelines.vietnamese import in_sentence
from pipelines.warehouse.rows import dicts

COUNTRY_TABLES = (*TABLES, "marts.mart_city_standing", "marts.mart_country_progress")
_COMMUNES = 10  # named at either end of all communes


@dataclass(frozen=True)
class CountryBoard:
    """Everything the page shows, in the order in which it shows it."""

    as_of_on: date
    is_illustrative: bool
    statuses: dict[tuple[str, str], Status]
    indicators: dict[str, Row]
    newest: Row | None
    counted: dict[str, list[tuple[str, int]]]
    figures: dict[str, Row]
    ways: dict[str, list[Row]]
    of_cities: dict[str, list[Row]]
    cities: list[Row]
    above: list[Row]
    ends: list[Row]
    reporting: list[Row]
    files: Row

    @property
    def city_name(self) -> str:
        return say("site.country.whole")


def read_country(con: duckdb.DuckDBPyConnection) -> CountryBoard:
    """Ask everything the page shows. con: a database with core and marts built."""
    [(as_of_on, is_illustrative)] = con.execute("SELECT as_of_on, is_illustrative FROM core.dim_build").fetchall()
    found = con.execute("SELECT indicator_code FROM core.dim_indicator").fetchall()
    codes = asked_first([code for (code,) in found])
    newest = next(iter(dicts(con, queries.NEWEST)), None)
    period = {"period": newest and newest["period_code"]}
    figures = {one["indicator_code"]: one for one in dicts(con, queries.FIGURES, {"codes": codes})}
    periods = [f"{code} {one['period_code']}" for code, one in figures.items()]
    return CountryBoard(
        as_of_on=as_of_on,
        is_illustrative=is_illustrative,
        statuses=read_statuses(con),
        indicators={one["indicator_code"]: one for one in dicts(con, queries.INDICATORS, {"codes": codes})},
        newest=newest,
        counted={answer: con.execute(sql, {n: v for n, v in period.items() if f"${n}" in sql}).fetchall()
                 for answer, sql in queries.STATUSES.items()},
        figures=figures,
        ways=grouped(dicts(con, queries.WAYS, {"codes": codes}), lambda one: one["indicator_code"]),
        of_cities=grouped(dicts(con, queries.OF_CITIES, {"codes": codes, "periods": periods}),
                          lambda one: one["indicator_code"]),
        cities=dicts(con, queries.CITIES),
        above=dicts(con, queries.ABOVE),
        ends=dicts(con, queries.ENDS, {"ends": _COMMUNES}),
        reporting=dicts(con, queries.REPORTING, period),
        files=dicts(con, queries.FILES)[0],
    )  # fmt: skip


class CountryPages:
    """The pages of the country, of one state of the warehouse."""

    def __init__(self, board: CountryBoard) -> None:
        self.board = board
        self.own = own_words(board.city_name)
        self.with_ranking = settings()["ranking"]
        menu = [("country", "index.html", board.city_name), ("method", "method.html", say("site.pages.method"))]
        self.env = environment(board, Frame(menu, say("site.country.find"), self.with_ranking))

    def all(self) -> Iterator[tuple[str, str]]:
        """Every page: its path below the site, and its text."""
        yield "index.html", self._country()
        yield "method.html", self._render("method.html", "method", method_sections=self.own(method_sections("site")))
        yield "assets/places.js", self.places
        yield "assets/words.js", words_file(self.board)

    @cached_property
    def places(self) -> str:
        return places_file(
            [[one["city_name"], one["city_code"], filters.city_page(one["city_code"])] for one in self.board.cities]
        )

    def workbooks(self) -> Iterator[downloads.Download]:
        """The tables of the page to take away."""
        yield downloads.Download("index", self.tables(), self.board.is_illustrative, self.own)

    def tables(self) -> list[downloads.Table]:
        """The same, each as CSV; those that have lines."""
        board = self.board
        firsts = [one for rows in board.of_cities.values() for one in rows]
        every = [
            downloads.city_first([{**one, **self._about(one)} for one in firsts]),
            *([downloads.city_standing(board.cities), downloads.country_ends(board.ends)] if self.with_ranking else []),
            downloads.city_reporting(board.reporting), downloads.above(board.above, self.own),
        ]  # fmt: skip
        return [table for table in every if table.rows]

    def _about(self, figure: Row) -> Row:
        about = self.board.indicators[figure["indicator_code"]]
        label = self.board.figures[figure["indicator_code"]]["period_label"]
        return {"indicator_name": about["indicator_name"], "unit_of_measure": about["unit_of_measure"],
                "period_label": label}  # fmt: skip

    def _render(self, template: str, here: str, **shown: Any) -> str:
        shown = {"page_name": template.removesuffix(".html"), "places_mark": mark(self.places), **shown}
        return self.env.get_template(template).render(here=here, root="", **shown)

    def _country(self) -> str:
        board = self.board
        return self._render(  # upkeep/leaders_page.py takes it to pieces
            "country.html", "country", page_name="index", four=self._four(), first=self._first(), newest=board.newest,
            by_city={code: {one["indicator_code"]: one for one in rows} for code, rows in self._by_city().items()},
            communes=sum(one["communes"] for one in board.cities),
            with_plan=sum(one["communes_with_plan"] for one in board.cities),
            ranked=sorted(board.cities, key=lambda one: (one["rank"] is None, one["rank"], one["city_code"])),
        )  # fmt: skip

    def _by_city(self) -> dict[str, list[Row]]:
        return grouped((one for rows in self.board.of_cities.values() for one in rows), lambda one: one["city_code"])

    def _four(self) -> list[Counts]:
        title = say("labels.reporting")
        if newest := self.board.newest:
            title = say("labels.counted.reporting.title", period=in_sentence(newest["period_label"]))
        return [self._counted(answer, title if answer == "reporting" else None) for answer in queries.STATUSES]

    def _counted(self, answer: str, title: str | None) -> Counts:
        usual = wording(f"labels.counted.{answer}")
        items = [Count(code, self.board.statuses[answer, code], n) for code, n in self.board.counted[answer]]
        return Counts(title or usual["title"], usual["noun"], answer, most_serious_first(items))

    def _first(self) -> list[Row]:
        """The indicators asked for first: the rate over all cities, its way, the first and the last cities."""
        found = []
        for code, about in self.board.indicators.items():
            newest = self.board.figures.get(code)
            way = self.board.ways.get(code, [])
            way = [one for one in way if newest and one["measured_on"] <= newest["measured_on"]]
            ranked = [one for one in self.board.of_cities.get(code, []) if one["rank"] is not None]
            ends = min(ENDS, len(ranked) // 2)
            found.append({
                **about, "newest": newest, "before": way[-min(len(way), POINTS)] if len(way) > 1 else None,
                "line": line([float(one["value"]) for one in way[-POINTS:]]),
                "best": ranked[:ends], "last": ranked[len(ranked) - ends :],
            })  # fmt: skip
        return found
