"""How large the scorecard's pages are and how fast they show: every commune with a plan, 50 indicators, 24 months.

    python -m benchmarks.scorecard [--communes 114] [--indicators 50] [--months 24] [--loads 5]

Loads every kind of page from file:// in the system's Chromium, each time in a fresh page, until its charts are drawn
and it has been painted twice.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import click
from playwright.sync_api import Browser, sync_playwright

from pipelines import flow
from pipelines.home import Home
from tests.site_city import Size, made_up_city

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
    for folder in ("commune", "indicator", "agency", "origin"):
        by_size = sorted((site / folder).glob("*.html"), key=lambda path: -path.stat().st_size)
        found[f"{folder}/*"] = by_size[:4]
    return found


@click.command()
@click.option("--communes", default=114, show_default=True)
@click.option("--indicators", default=50, show_default=True)
@click.option("--months", default=24, show_default=True)
@click.option("--loads", default=5, show_default=True)
def main(communes: int, indicators: int, months: int, loads: int) -> None:
    """Print the table of sizes and times."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise click.ClickException("no Chromium: install the system's package 'chromium'")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        with made_up_city(home, Size(communes, indicators, months)):
            flow.publish(home)
        start = time.perf_counter()
        files = flow.write_site(home)
        first = time.perf_counter() - start
        start = time.perf_counter()
        flow.write_site(home)
        again = time.perf_counter() - start
        total = sum(path.stat().st_size for path in home.site.rglob("*") if path.is_file())
        click.echo(f"{communes} communes x {indicators} indicators x {months} months: {files} files, "
                   f"{total / 1e6:.1f} MB, written in {first:.1f} s, looked at again in {again:.2f} s\n")  # fmt: skip
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
