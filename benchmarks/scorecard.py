"""How large the scorecard's pages are and how fast they show: every commune with a plan, 50 indicators, 24 months.

    python -m benchmarks.scorecard [--communes 114] [--indicators 50] [--months 24] [--tasks 35] [--loads 5]
    python -m benchmarks.scorecard --country --communes 1000    # at most so many of each of the 34 cities

Loads every kind of page from file:// in the system's Chromium, each time in a fresh page, until its charts are drawn
and it has been painted twice.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import click
import duckdb
from playwright.sync_api import Browser, sync_playwright

from pipelines import flow
from pipelines.home import Home
from pipelines.warehouse import published_copy
from pipelines.warehouse.database import reading
from tests.site_city import HAI_PHONG, Size, made_up_city

_SHOWN = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r())))"


def load_ms(browser: Browser, page: Path) -> float:
    """Milliseconds from asking for the page to its second frame after the scripts have run."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    start = time.perf_counter()
    tab.goto(page.as_uri(), wait_until="load")
    tab.evaluate(_SHOWN)
    took = (time.perf_counter() - start) * 1000
    tab.close()
    return took


def kinds(site: Path) -> dict[str, list[Path]]:
    """A few pages of each kind, the largest among them."""
    found = {path.stem: [path] for path in sorted(site.glob("*.html"))}
    if cities := sorted(path.parent for path in site.glob("*/index.html")):
        for page in sorted(cities[0].glob("*.html")):
            found[f"<city>/{page.stem}"] = largest([city / page.name for city in cities])
    for folder in ("commune", "indicator", "agency", "origin"):
        found[f"{folder}/*"] = largest(site.glob(f"*/{folder}/*.html" if cities else f"{folder}/*.html"))
    return found


def largest(pages: Iterable[Path]) -> list[Path]:
    return sorted(pages, key=lambda path: -path.stat().st_size)[:4]


def change_one(home: Home) -> None:
    """Another newest figure of one commune, in what is published."""
    with duckdb.connect(home.published) as con:
        con.execute("UPDATE marts.mart_kpi_progress SET value = 12.34 WHERE is_latest "
                    "AND commune_code = (SELECT min(commune_code) FROM marts.mart_kpi_progress) "
                    "AND indicator_code = (SELECT min(indicator_code) FROM marts.mart_kpi_progress)")  # fmt: skip
    published_copy.prove(home, [published_copy.digest(home.published)])


def written(home: Home) -> tuple[int, float]:
    """Files written or removed, and seconds."""
    start = time.perf_counter()
    return flow.write_site(home), time.perf_counter() - start


@click.command()
@click.option("--communes", default=114, show_default=True)
@click.option("--indicators", default=50, show_default=True)
@click.option("--months", default=24, show_default=True)
@click.option("--tasks", default=35, show_default=True)
@click.option("--loads", default=5, show_default=True)
@click.option("--country", is_flag=True, help="All cities; communes: of each at most.")
def main(communes: int, indicators: int, months: int, tasks: int, loads: int, country: bool) -> None:
    """Print the table of sizes and times."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise click.ClickException("no Chromium: install the system's package 'chromium'")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        size = Size(communes, indicators, months, tasks, () if country else (HAI_PHONG,))
        made_up_city(home, size)
        files, first = written(home)
        _, again = written(home)
        total = sum(path.stat().st_size for path in home.site.rglob("*") if path.is_file())
        change_one(home)
        changed, after = written(home)
        with reading(home) as con:
            [(planned,)] = con.execute("SELECT count(*) FROM core.dim_commune WHERE has_plan").fetchall()
        click.echo(f"{planned} communes x {indicators} indicators x {months} months, {tasks} tasks: {files} files, "
                   f"{total / 1e6:.1f} MB, written in {first:.1f} s, looked at again in {again:.2f} s; "
                   f"one figure changed: {changed} files in {after:.1f} s\n")  # fmt: skip
        click.echo("| page | largest, kB | p50, ms | p95, ms |\n|---|---|---|---|")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            load_ms(browser, home.site / "method.html")
            for name, pages in kinds(home.site).items():
                times = sorted(load_ms(browser, page) for page in pages for _ in range(loads))
                p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
                size = max(page.stat().st_size for page in pages) / 1000
                click.echo(f"| {name} | {size:.0f} | {statistics.median(times):.0f} | {p95:.0f} |")
            browser.close()


if __name__ == "__main__":
    main()
