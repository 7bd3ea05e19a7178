"""What the models cost from one city to the whole country, and what questions cost on the result.

    python -m benchmarks.country                          # sizes that grow to the country, 20 years
    python -m benchmarks.country --sizes 114x12,114x240   # communes x months

Each size is a process of its own, so that its peak memory is its own. The questions are the twenty of docs/analysts.md
and the scorecard's.
"""

from __future__ import annotations

import json
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import duckdb

from benchmarks.made_up import make
from benchmarks.report import machine, table, write_part
from pipelines.checking.quarantine import build_model
from pipelines.flow import publish
from pipelines.home import PROJECT, Home
from pipelines.warehouse.database import kept_open, reading
from pipelines.warehouse.models import models

SIZES = "114x12,114x60,114x240,830x240,3321x240"
COMMUNE = "11164"
# Asked for one commune and for all: a scorecard's page, and its content.
SCORECARD = {
    "a commune's page": "FROM marts.mart_kpi_progress WHERE commune_code = $commune AND is_latest",
    "a series": "FROM marts.mart_kpi_progress WHERE commune_code = $commune AND indicator_code = $indicator",
    "a city's rate": "FROM marts.mart_city_progress WHERE city_code = '31' AND indicator_code = $indicator",
    "who has not sent": "FROM marts.mart_reporting_status WHERE commune_code = $commune "
    "AND reporting_status = 'missing'",
    "a figure's trace": "FROM marts.mart_trace WHERE commune_code = $commune AND indicator_code = $indicator "
    "AND period_code = $period",
}
# The same questions of the same rows in SQLite, with the index it needs.
PEER = {
    "pooled rate of every indicator and period": "SELECT indicator_code, period_code, sum(numerator) * 100.0 / "
    "sum(denominator) AS rate, count(*) AS n FROM fct_actual WHERE is_current GROUP BY 1, 2",
    "newest figure of every commune and indicator": "SELECT commune_code, indicator_code, value FROM (SELECT *, "
    "row_number() OVER (PARTITION BY commune_code, indicator_code ORDER BY period_code DESC) AS n FROM fct_actual "
    "WHERE is_current) AS ranked WHERE n = 1",
    "rank of every commune in the last month": "SELECT commune_code, indicator_code, rank() OVER (PARTITION BY "
    "indicator_code ORDER BY value DESC) FROM fct_actual WHERE is_current AND period_code = "
    "(SELECT max(period_code) FROM fct_actual)",
    "a commune's series": f"SELECT period_code, value FROM fct_actual WHERE commune_code = '{COMMUNE}' "
    "AND indicator_code = 'XHS-02' AND is_current ORDER BY 1",
}


def clock(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def asked(ask: Callable[[], Any], times: int = 9) -> list[float]:
    """Milliseconds of each asking, after one that warms up."""
    ask()
    return sorted(clock(ask) * 1000 for _ in range(times))


def measure(communes: int, months: int) -> dict[str, Any]:
    """Build, publish and ask a made-up country of one size."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        figures = make(home, communes, months)
        took: dict[str, float] = {}
        with kept_open():
            for model in models():
                start = time.perf_counter()
                try:
                    outcomes = build_model(home, model).outcomes
                except duckdb.Error as error:
                    raise click.ClickException(f"{model.table}: {error}") from None
                for check, bad, examples in outcomes:
                    if bad and check.severity == "error":
                        raise click.ClickException(f"{model.table} {check.code}: {examples}")
                took[model.table] = time.perf_counter() - start
        took["publish"] = clock(lambda: publish(home))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        return {"communes": communes, "months": months, "figures": figures, "took": took, "peak_gib": peak,
                "published_mib": home.published.stat().st_size / 2**20, **questions(home, figures)}  # fmt: skip


def questions(home: Home, figures: int) -> dict[str, Any]:
    page = (PROJECT / "docs" / "analysts.md").read_text(encoding="utf-8")
    analysts = re.findall(r"^### (\d+)\. .*?```sql\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    found: dict[str, Any] = {}
    with reading(home) as con:
        values = {"commune": COMMUNE, "indicator": "XHS-02", "period": "2026-10"}
        found["scorecard"] = {
            name: asked(lambda sql=sql: con.execute(  # type: ignore[misc]
                sql, {k: v for k, v in values.items() if f"${k}" in sql}).fetchall())
            for name, sql in SCORECARD.items()
        }  # fmt: skip
        found["analysts"] = {
            number: asked(lambda sql=sql: con.execute(sql).fetchall(), 3)  # type: ignore[misc]
            for number, sql in analysts
        }
        if figures <= 2_000_000:
            found["peer"] = against_sqlite(home, con)
    return found


def against_sqlite(home: Home, con: Any) -> dict[str, list[float]]:
    """Milliseconds of DuckDB and of SQLite, by question; the answers must be the same rows."""
    rows = con.execute(
        "SELECT commune_code, agency_code, indicator_code, period_code, numerator::DOUBLE, denominator::DOUBLE, "
        "value::DOUBLE, is_current FROM core.fct_actual"
    ).fetchall()
    peer = sqlite3.connect(home.root / "peer.sqlite")
    peer.execute("CREATE TABLE fct_actual (commune_code, agency_code, indicator_code, period_code, numerator REAL, "
                 "denominator REAL, value REAL, is_current INTEGER)")  # fmt: skip
    peer.executemany("INSERT INTO fct_actual VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    peer.execute("CREATE INDEX series ON fct_actual (commune_code, indicator_code, period_code)")
    peer.commit()
    times = {}
    for name, sql in PEER.items():
        ours = sql.replace("fct_actual", "core.fct_actual")
        mine, theirs = con.execute(ours).fetchall(), peer.execute(sql).fetchall()
        if len(mine) != len(theirs):
            raise click.ClickException(f"{name}: {len(mine)} rows against {len(theirs)}")
        times[name] = [
            asked(lambda ours=ours: con.execute(ours).fetchall(), 3)[1],  # type: ignore[misc]
            asked(lambda sql=sql: peer.execute(sql).fetchall(), 3)[1],
        ]  # type: ignore[misc]
    peer.close()
    return times


def slope(found: list[dict[str, Any]]) -> float:
    """How seconds grow with figures between the smallest and the largest size: 1 is in proportion."""
    from math import log

    first, last = found[0], found[-1]
    seconds = [sum(one["took"].values()) for one in (first, last)]
    return log(seconds[1] / seconds[0]) / log(last["figures"] / first["figures"])


def written(found: list[dict[str, Any]]) -> str:
    """The part of docs/performance.md."""
    lines = [f"Measured on {machine('duckdb')}.", ""]
    rows = []
    for one in found:
        took = one["took"]
        built = sum(seconds for name, seconds in took.items() if name != "publish")
        page = [times[len(times) // 2] for times in one["scorecard"].values()]
        rows.append([one["communes"], one["months"], f"{one['figures']:,}", f"{built:.1f}", f"{took['publish']:.1f}",
                     f"{1e6 * sum(took.values()) / one['figures']:.2f}", f"{one['peak_gib']:.1f}",
                     f"{one['published_mib']:,.0f}", f"{max(page):.0f}"])  # fmt: skip
    lines.append(table(["communes", "months", "figures", "build s", "publish s", "µs a figure", "peak GiB",
                        "published MiB", "slowest scorecard question, median ms"], rows))  # fmt: skip
    if len(found) > 1:
        lines += ["", f"Seconds grow with the power {slope(found):.2f} of the figures (1 is in proportion)."]
    last = found[-1]
    costly = sorted(last["took"].items(), key=lambda item: -item[1])[:8]
    lines += ["", f"Where the time of {last['figures']:,} figures goes:", "",
              table(["", "s"], [[name, f"{seconds:.1f}"] for name, seconds in costly])]  # fmt: skip
    lines += ["", f"Questions on {last['figures']:,} figures, milliseconds:", "",
              table(["scorecard", "median", "95 %"],
                    [[name, f"{times[len(times) // 2]:.0f}", f"{times[-1]:.0f}"]
                     for name, times in last["scorecard"].items()])]  # fmt: skip
    analysts = sorted(times[1] for times in last["analysts"].values())
    lines += ["", f"The twenty questions of docs/analysts.md: median {analysts[len(analysts) // 2]:.0f} ms, "
              f"95 % {analysts[-2]:.0f} ms, slowest {analysts[-1]:.0f} ms."]  # fmt: skip
    for one in found:
        if "peer" in one and one is max((o for o in found if "peer" in o), key=lambda o: o["figures"]):
            peer = [[name, f"{a:.1f}", f"{b:.1f}", f"{b / a:.1f}"] for name, (a, b) in one["peer"].items()]
            lines += ["", f"The same questions of {one['figures']:,} figures in SQLite, milliseconds:", "",
                      table(["", "DuckDB", "SQLite", "ratio"], peer)]  # fmt: skip
    return "\n".join(lines)


@click.command()
@click.option("--sizes", default=SIZES, show_default=True, help="communes x months, separated by commas")
@click.option("--one", help="Measure one size in this process and print JSON.")
@click.option("--write/--no-write", default=False, help="Put the tables into docs/performance.md.")
def main(sizes: str, one: str | None, write: bool) -> None:
    """Print the tables of docs/performance.md."""
    if one:
        click.echo(json.dumps(measure(*map(int, one.split("x")))))
        return
    found = []
    for size in sizes.split(","):
        command = [sys.executable, "-m", "benchmarks.country", "--one", size]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise click.ClickException(f"{size}: {ended.stderr[-2000:]}")
        found.append(json.loads(ended.stdout))
        click.echo(f"{size}: {sum(found[-1]['took'].values()):.1f} s", err=True)
    click.echo(written(found))
    if write:
        write_part("country", written(found))


if __name__ == "__main__":
    main()
