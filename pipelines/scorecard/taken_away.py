"""Which tables may be taken away: of each page a workbook, of the whole city each table as CSV.

What a table's columns are is downloads.py, which page shows what pages.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.files import Row
from pipelines.scorecard import downloads, filters
from pipelines.scorecard.board import Board, key_of
from pipelines.scorecard.pages import Pages


def workbooks(pages: Pages) -> Iterator[downloads.Download]:
    """The tables of each page to take away. Those of where a commune's figures come from are with its others."""
    board = pages.board

    def of(page: str, *tables: downloads.Table) -> downloads.Download:
        return downloads.Download(page, tables, board.is_illustrative, pages.own)

    def whose(rows: list[Row], code: str) -> list[Row]:
        return [one for one in rows if one["commune_code"] == code]

    yield of("index", downloads.yearly(board.yearly), downloads.outlook(board.outlook),
             downloads.above(board.above, pages.own))  # fmt: skip
    for standing in pages.standings:
        code = standing.commune["commune_code"]
        periods = pages.periods_shown(code)
        reports = [one for one in pages.reports_of.get(code, []) if one["period_code"] in periods]
        yield of(filters.commune_page(code), downloads.lines(standing.lines, board.indicators),
                 downloads.tasks(pages.tasks_of.get(code, [])), downloads.parts(whose(board.parts, code)),
                 downloads.heads(pages.heads_of.get(code, [])),
                 downloads.reports(reports), downloads.held(whose(board.held, code)),
                 downloads.conflicts(whose(board.conflicts, code)), downloads.uncoded(board.uncoded.get(code, [])),
                 downloads.differences(board.differences.get(code, []), pages.own),
                 downloads.origins(board.origins.get(code, [])))  # fmt: skip
    yield of("indicators", downloads.city([rows[0] for rows in pages.city_of.values()]))
    for code, lines in pages.indicator_lines.items():
        yield of(filters.indicator_page(code), downloads.lines(lines, board.indicators),
                 downloads.by_period(lines, *_figures(board, lines)),
                 downloads.city(pages.city_of.get(code, [])))  # fmt: skip
    yield of("tasks", downloads.tasks(board.tasks), downloads.heads(board.heads))
    for code, tasks in pages.task_agencies.items():
        reports = [one for one in board.reporting if one["agency_code"] == code and one["is_outstanding"]]
        yield of(filters.agency_page(code), downloads.tasks(tasks),
                 downloads.parts([one for one in board.parts if one["agency_code"] == code]),
                 downloads.heads([one for one in board.heads if one["agency_code"] == code]),
                 downloads.reports(reports))  # fmt: skip
    yield of("reporting", downloads.reports(board.reporting), downloads.held(board.held))
    yield of("quality", downloads.rejections(board.rejections), downloads.conflicts(board.conflicts),
             downloads.reconciled(board.reconciled), downloads.late(board.late))  # fmt: skip
    if pages.with_ranking:
        yield of("ranking", downloads.standing(board.standing, in_country=pages.in_country))


def tables(pages: Pages) -> list[downloads.Table]:
    """The tables of the whole city to take away, those that have lines."""
    board = pages.board
    every = [
        downloads.yearly(board.yearly), downloads.outlook(board.outlook),
        downloads.lines(board.lines, board.indicators), downloads.tasks(board.tasks), downloads.heads(board.heads),
        downloads.parts(board.parts),
        downloads.reports(board.reporting), downloads.held(board.held), downloads.conflicts(board.conflicts),
        downloads.uncoded([one for rows in board.uncoded.values() for one in rows]),
        downloads.differences([one for rows in board.differences.values() for one in rows], pages.own),
        downloads.above(board.above, pages.own),
        downloads.origins([one for rows in board.origins.values() for one in rows]), downloads.city(board.city),
        downloads.series([one for rows in board.series.values() for one in rows]),
        downloads.rejections(board.rejections), downloads.reconciled(board.reconciled), downloads.late(board.late),
        *([downloads.standing(board.standing, in_country=pages.in_country)] if pages.with_ranking else []),
    ]  # fmt: skip
    return [table for table in every if table.rows]


def _figures(board: Board, lines: list[Row]) -> tuple[list[Row], list[Row]]:
    """The figures of these lines, and the periods they are of."""
    figures = [row for one in lines for row in board.series.get(key_of(one), [])]
    used = {row["period_code"] for row in figures}
    return figures, [one for one in board.periods if one["period_code"] in used]
