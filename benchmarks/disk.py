"""What a city leaves on the disk in a month, a year and twenty years.

    python -m benchmarks.disk [--write]

A city of 114 communes (city.py) runs with a year of history, then on a quiet day, then with a new month's workbooks,
each a `kpi57 run` in a process of its own. Measured is what each run adds to each folder. A year and twenty years are
counted from that: files on 20 days a month; what is replaced or thrown away does not grow.
"""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.city import COMMUNES, new_month, put, write_forms
from benchmarks.history import SENT, START, make_city, run_day
from benchmarks.made_up import AGENCIES, INDICATORS
from benchmarks.report import machine, table, write_part
from pipelines.home import PROJECT, Home
from pipelines.upkeep.retention import BUNDLE_DAYS, HISTORY_DAYS

PAGE = PROJECT / "docs" / "operations.md"
HISTORY, DAYS_WITH_FILES = 12, 20  # months before; days of a month
MIB = 2**20


class Left(NamedTuple):
    """MiB by what they are for."""

    archive: float
    feedback: float
    city: float
    communes: float
    site: float
    runs: float
    databases: float


def left(home: Home) -> Left:
    """What lies in a home now, as blocks on the disk."""
    bundles = {path: size(path) for path in home.exports.glob("*/*")}
    return Left(
        size(home.archive), size(home.feedback), sum(mib for path, mib in bundles.items() if path.name == "city"),
        sum(mib for path, mib in bundles.items() if path.name != "city"), size(home.site),
        size(home.dagster) + size(home.runs), sum(map(size, (home.build, home.built, home.published))),
    )  # fmt: skip


def size(path: Path) -> float:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.stat().st_blocks * 512 for one in files if one.is_file()) / MIB


def measure(folder: Path) -> list[Left]:
    """What lies there with a year's history, after a quiet day, and after a month's workbooks came."""
    city = make_city(folder, HISTORY)
    sources, found = city.project / "sources", []
    for day in (START, START + timedelta(1), SENT):
        if day == SENT:
            sent = datetime.combine(SENT, datetime.min.time())
            put(write_forms(sources, new_month(city.home), folder / "sent", sent), city.home, sources)
        run_day(city, day)
        found.append(left(city.home))
    return found


def written(found: list[Left]) -> str:
    """The part of docs/operations.md."""
    first, quiet, last = found
    added = Left(*(after - before for after, before in zip(last, quiet, strict=True)))
    a_run = quiet.runs - first.runs
    runs = a_run * DAYS_WITH_FILES * HISTORY_DAYS / 30
    replaced = BUNDLE_DAYS * added.city + AGENCIES * added.communes
    databases = last.databases / (HISTORY + 1)
    rows = [
        ["originals, verdicts, ledger (`archive`)", added.archive, 12 * added.archive, 240 * added.archive],
        ["answers to agencies (`feedback`)", added.feedback, 12 * added.feedback, 240 * added.feedback],
        [
            "bundles of the communes, the newest of each month",
            added.communes,
            12 * added.communes,
            240 * added.communes,
        ],
        ["bundles of the city, the newest of each month", added.city, 12 * added.city, 240 * added.city],
        [f"bundles replaced within {BUNDLE_DAYS} days, at most", replaced, replaced, replaced],
        [f"Dagster's history of {HISTORY_DAYS} days", a_run * DAYS_WITH_FILES, runs, runs],
        ["databases, three, and as much while one is replaced", *(2 * databases * n for n in (1, 12, 240))],
        ["scorecard (`site`)", last.site, last.site, last.site],
    ]
    rows.append(["**all**", *(sum(row[n] for row in rows) for n in (1, 2, 3))])
    shown = [[name, *(f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB" for mib in some)]
             for name, *some in rows]  # fmt: skip
    return (
        f"{machine('dagster', 'duckdb')}. A made-up city of {COMMUNES} communes with {INDICATORS} indicators each, "
        f"{COMMUNES * AGENCIES} workbooks a month on {DAYS_WITH_FILES} days; what is below `warehouse/` after so long, "
        "counted from the blocks on the disk that a month's workbooks took. Made by `python -m benchmarks.disk`.\n\n"
        + table(["what", "a month", "a year", "twenty years"], shown)
    )


@click.command()
@click.option("--write/--no-write", default=False, help="Put the table into docs/operations.md.")
def main(write: bool) -> None:
    """Print the table of docs/operations.md."""
    with tempfile.TemporaryDirectory() as folder:
        part = written(measure(Path(folder)))
    click.echo(part)
    if write:
        write_part("disk", part, PAGE)


if __name__ == "__main__":
    main()
