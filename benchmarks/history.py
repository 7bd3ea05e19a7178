"""What a day costs with twenty years of history against one: a city of 114 communes, the same day's files.

    python -m benchmarks.history [--months 12,60,120,240] [--runs 2] [--write]

Every run is `kpi57 run` in a process of its own, Dagster included, in a city that city.py makes up. Measured are a day
with nothing new (the same day again, and the next), a city's month (798 workbooks from inbox to published, with
feedback, bundles and site), and one workbook that corrects a figure in the middle of the history. The histories end
with the same month, and each gets the same files. After each run its results are counted; a wrong count is an error.
"""

from __future__ import annotations

import re
import shutil
import statistics
import tempfile
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import click

from benchmarks.city import COMMUNES, NEW, correction, make_home, make_project, new_month, put, write_forms
from benchmarks.made_up import AGENCIES, INDICATORS
from benchmarks.report import machine, table, write_part
from benchmarks.spent import KPI57, Spent, spend
from pipelines.home import Home
from pipelines.upkeep import summary
from pipelines.warehouse.database import reading

START = date(2026, 11, 15)  # the day of the history's end; NEW is due on the 20th
SENT = date(2026, 11, 20)
SAME, NEXT, MONTH, CORRECTION = (
    "nothing new, the same day again",
    "nothing new, the next day",
    f"a city's month: {COMMUNES * AGENCIES} workbooks",
    "one workbook that corrects an old figure",
)
STEPS = {"registry": "registry", "received": "receive", "read": "read", "validated": "validate",
         "published": "publish", "feedback": "feedback", "city_extract": "bundles", "scorecard": "site"}  # fmt: skip
_STEP = re.compile(r"^  (\S+) +(\d+\.\d) s$", re.MULTILINE)


class City(NamedTuple):
    """A made-up city: its history, where it works, and what it was found to take, by kind of day."""

    months: int
    project: Path
    home: Home
    days: dict[str, list[tuple[Spent, dict[str, float]]]]


def make_city(folder: Path, months: int) -> City:
    city = City(months, folder / "project", Home(folder / "home"), defaultdict(list))
    figures = make_home(city.home, make_project(city.project, months), months, START.isoformat())
    if figures != COMMUNES * INDICATORS * months:
        raise click.ClickException(f"{months} months: {figures} figures were made")
    return city


def run_day(city: City, day: date, kind: str | None = None) -> None:
    """`kpi57 run` on a day; kept as a day of its kind, if it is given one."""
    here = {"PYTHONPATH": str(city.project), "KPI57_HOME": str(city.home.root), "KPI57_DAY": day.isoformat()}
    spent, said = spend([*KPI57, "run"], here, city.project)
    click.echo(f"{city.months} months, {kind or 'not measured'}: {spent.clock:.1f} s, {spent.processor:.1f} s of "
               f"processor, {spent.peak:,.0f} MiB", err=True)  # fmt: skip
    if kind:
        steps: dict[str, float] = defaultdict(float)
        for name, seconds in _STEP.findall(said):
            steps[STEPS.get(name, "models")] += float(seconds)
        steps["start, Dagster, end"] = spent.clock - sum(steps.values())
        city.days[kind].append((spent, steps))


# ---------------------------------------------------------------- what must have come of it

_COUNTS = """
SELECT
    (SELECT count(*) FROM core.fct_submission WHERE status = 'accepted') AS accepted,
    (SELECT count(*) FROM core.fct_actual) AS figures,
    (SELECT count(*) FROM core.fct_actual WHERE is_current) AS current,
    (SELECT count(*) FROM core.fct_actual WHERE is_current AND period_code = $period) AS of_month,
    (SELECT rows_unaccounted FROM marts.mart_reconciliation WHERE submission_id = 'all') AS unaccounted,
    (SELECT as_of_on FROM core.dim_build)::VARCHAR AS as_of
"""


def counts(city: City) -> dict[str, Any]:
    """What is published, what lies there, and what the last run says that it received."""
    home = city.home
    with reading(home) as con:
        found = con.execute(_COUNTS, {"period": NEW})
        told = dict(zip([column[0] for column in found.description or []], found.fetchall()[0], strict=True))
    told["answered"] = sum(1 for path in home.feedback.rglob("*") if path.is_file())
    told["bundles"] = sum(1 for path in home.exports.glob(f"{NEW}/*") if path.is_dir())
    told["received"] = (summary.last(home) or {}).get("received")
    return told


def expect(city: City, before: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Hold the counts against those before and what was to change. Returns them."""
    now = counts(city)
    wanted = {**before, "received": 0, **changes}
    if odd := {name: (value, now[name]) for name, value in wanted.items() if now[name] != value}:
        raise click.ClickException(f"{city.months} months: wanted and found {odd}")
    return now


# ---------------------------------------------------------------- the days


def live(city: City, files: list[Path], runs: int) -> None:
    """Run the days of a city one after the other."""
    sources = city.project / "sources"
    for _ in range(3):  # all is built, then all that was made is on record
        run_day(city, START)
    history = COMMUNES * INDICATORS * city.months
    told = counts(city)
    told = expect(city, told, figures=history, current=history, of_month=0, unaccounted=0, as_of=f"{START}",
                  accepted=COMMUNES * AGENCIES * city.months)  # fmt: skip
    for _ in range(runs):
        run_day(city, START, SAME)
        expect(city, told)
    for n in range(1, runs + 1):
        run_day(city, START + timedelta(n), NEXT)
        told = expect(city, told, as_of=f"{START + timedelta(n)}")
    put(files, city.home, sources)
    run_day(city, SENT, MONTH)
    new = COMMUNES * INDICATORS
    told = expect(city, told, received=len(files), as_of=f"{SENT}", accepted=told["accepted"] + len(files),
                  figures=history + new, current=history + new, of_month=new, bundles=COMMUNES + 1,
                  answered=told["answered"] + len(files))  # fmt: skip
    day = SENT + timedelta(1)
    with tempfile.TemporaryDirectory(dir=city.project) as folder:
        sent = datetime.combine(day, datetime.min.time())
        put(write_forms(sources, [correction(city.home, city.months)], Path(folder, "sent"), sent), city.home, sources)
    run_day(city, day, CORRECTION)
    expect(city, told, received=1, as_of=f"{day}", accepted=told["accepted"] + 1, figures=told["figures"] + 1,
           answered=told["answered"] + 1)  # fmt: skip


# ---------------------------------------------------------------- the part of the page


def middle(found: list[tuple[Spent, dict[str, float]]]) -> tuple[Spent, dict[str, float]]:
    """Medians of some runs of one kind of day: what was spent, and seconds on the clock by step."""
    spent = Spent(*map(statistics.median, zip(*(one for one, _ in found), strict=True)))
    names = {name for _, steps in found for name in steps}
    return spent, {name: statistics.median(steps.get(name, 0) for _, steps in found) for name in names}


def written(cities: list[City], runs: int) -> str:
    """The part of docs/performance.md."""
    least, most = cities[0], cities[-1]
    rows, by_step = [], []
    for kind in (SAME, NEXT, MONTH, CORRECTION):
        base = middle(least.days[kind])[0].processor
        for city in cities:
            spent, _ = middle(city.days[kind])
            rows.append([kind, city.months, f"{spent.clock:.1f}", f"{spent.processor:.1f}", f"{spent.peak:,.0f}",
                         f"{spent.processor / base:.2f}x"])  # fmt: skip
        of = [middle(city.days[kind])[1] for city in (least, most)]
        cells = [f"{of[0].get(name, 0):.1f} / {of[1].get(name, 0):.1f}" for name in columns()]
        by_step.append([kind, *cells])
    month = middle(most.days[MONTH])[0]
    return "\n\n".join([
        "## Twenty years of history against one",
        f"{machine('dagster', 'duckdb')}. A made-up city of {COMMUNES} communes with {INDICATORS} indicators each, "
        f"{COMMUNES * AGENCIES} workbooks a month; `kpi57 run` in a process of its own. Days with nothing new: "
        f"medians of {runs} runs; the others: one. Ratios are of "
        "processor time. Made by `python -m benchmarks.history`.",
        table(["day", "months of history", "s on the clock", "s of processor", "peak MiB a process",
               f"against {least.months} months"], rows),
        f"A city's month, inbox to published, feedback, bundles and site, with {most.months} months of history: "
        f"{month.clock:.0f} s on the clock, {month.processor:.0f} s of processor.",
        f"Seconds on the clock by step, {least.months} months / {most.months} months:",
        table(["day", *columns()], by_step),
    ])  # fmt: skip


def columns() -> list[str]:
    """The steps of a day in their order."""
    steps = list(STEPS.values())
    return [*steps[:4], "models", *steps[4:], "start, Dagster, end"]


@click.command()
@click.option("--months", default="12,240", show_default=True, help="Months of history, separated by commas.")
@click.option("--runs", default=2, show_default=True, help="Of the days with nothing new.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the cities are made (default: a temporary one).")
@click.option("--write/--no-write", default=False, help="Put the tables into docs/performance.md.")
def main(months: str, runs: int, folder: Path | None, write: bool) -> None:
    """Print the tables of docs/performance.md."""
    sizes = sorted(map(int, months.split(",")))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        cities = [make_city(Path(name, str(size)), size) for size in sizes]
        least = cities[0]
        sent = datetime.combine(SENT, datetime.min.time())
        files = write_forms(least.project / "sources", new_month(least.home), Path(name, "files"), sent)
        for city in cities:
            live(city, files, runs)
            shutil.rmtree(city.home.root)
    part = written(cities, runs)
    click.echo(part)
    if write:
        write_part("history", part)


if __name__ == "__main__":
    main()
