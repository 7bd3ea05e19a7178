"""What a country's next day costs in the lake, against copying the file; and a question asked by ten readers at once.

    KPI57_LAKE='ducklake:postgres:... data_path=/some/folder/' python -m benchmarks.lake

The lake is an empty one, its files in a folder, and holds a made-up country afterwards. On the next day every tenth
commune has sent its reports of the last month.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.made_up import make
from benchmarks.report import machine, table, write_part
from pipelines import flow
from pipelines.home import Home
from pipelines.lake.process import ENGINE, Lake, lake
from pipelines.warehouse.database import building
from pipelines.warehouse.models import build, models

READERS = 10
_OF_A_FILE = ("checked.line", "checked.actual", "checked.submission", "raw.receipt")
_LATER = """
SELECT submission_id FROM raw.receipt
WHERE original_name = (SELECT max(original_name) FROM raw.receipt) AND commune_code::INTEGER % 10 = 4
"""
QUESTIONS = {
    "a commune's page": "FROM marts.mart_kpi_progress WHERE commune_code = '11164' AND is_latest",
    "rates of every city, by month": "SELECT c.city_code, a.indicator_code, a.period_code, sum(a.numerator) * 100 / "
    "sum(a.denominator) FROM core.fct_actual AS a JOIN core.dim_commune AS c USING (commune_code) WHERE a.is_current "
    "GROUP BY ALL",
}
# In a process of its own: attached, asked once, asked again; seconds of both.
_READER = """
import sys, time
import duckdb
from pipelines.lake.publisher import connect
address, data_path, sql = sys.argv[1:]
start = time.perf_counter()
if data_path == 'file':
    con = duckdb.connect(address, read_only=True)
else:
    con = connect(address, data_path, is_read_only=True)
    con.execute('USE lake')
for _ in range(2):
    con.execute(sql).fetchall()
    print('took', time.perf_counter() - start)
    start = time.perf_counter()
"""


def publish_all(home: Home) -> None:
    for model in models():
        with building(home) as con:
            build(con, model)
    flow.publish(home)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def size_of(to: Lake) -> int:
    return sum(path.stat().st_size for path in Path(to.data_path).rglob("*.parquet"))


def published(home: Home, to: Lake) -> list[Any]:
    """Seconds and MiB that publishing what is there takes, and the tables and rows written."""
    before = size_of(to)
    seconds, noted = timed(lambda: flow.publish_lake(home, replace=True))  # a made-up home has no ledger
    if noted["error"]:
        raise click.ClickException(noted["error"])
    return [f"{seconds:.1f}", f"{(size_of(to) - before) / 2**20:,.1f}", len(noted["written"]),
            f"{sum(noted['written'].values()):,}"]  # fmt: skip


def copied(home: Home, folder: Path) -> list[Any]:
    """The same of a copy of the file, on the disk when it returns."""

    def copy() -> None:
        shutil.copyfile(home.published, folder / "copy.duckdb")
        with (folder / "copy.duckdb").open("rb") as handle:
            os.fsync(handle.fileno())

    seconds, _ = timed(copy)
    return [f"{seconds:.1f}", f"{home.published.stat().st_size / 2**20:,.1f}", "all", "all"]


def at_once(readers: int, *arguments: str) -> tuple[float, float]:
    """Seconds until the last of so many readers that begin together has its first answer, and its second."""
    env = {**os.environ, "PYTHONPATH": str(ENGINE)}
    begun = [subprocess.Popen([sys.executable, "-c", _READER, *arguments], env=env, stdout=subprocess.PIPE, text=True)
             for _ in range(readers)]  # fmt: skip
    said = [re.findall(r"took (\S+)", process.communicate()[0]) for process in begun]  # beside a bar of progress
    return max(float(first) for first, _ in said), max(float(second) for _, second in said)


@click.command()
@click.option("--size", default="3321x24", show_default=True, help="communes x months")
@click.option("--write/--no-write", default=False, help="Put the tables into docs/performance.md.")
def main(size: str, write: bool) -> None:
    """Print the tables of docs/performance.md."""
    to = lake()
    if to is None or "://" in to.data_path:
        raise click.ClickException("name an empty lake whose files are in a folder: KPI57_LAKE")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.archive.mkdir(parents=True)
        figures = make(home, *map(int, size.split("x")))
        with building(home) as con:
            con.execute(f"CREATE TABLE raw.later AS {_LATER}")
            for name in _OF_A_FILE:
                kept = f"raw.{name.replace('.', '_')}"
                con.execute(f"CREATE TABLE {kept} AS FROM {name} SEMI JOIN raw.later USING (submission_id)")
                con.execute(f"DELETE FROM {name} WHERE submission_id IN (FROM raw.later)")
        publish_all(home)
        rows = [["first publish", *published(home, to)]]
        with building(home) as con:
            for name in _OF_A_FILE:
                con.execute(f"INSERT INTO {name} FROM raw.{name.replace('.', '_')}")
        publish_all(home)
        rows += [["next day", *published(home, to)], ["nothing new", *published(home, to)],
                 ["the file copied", *copied(home, Path(folder))]]  # fmt: skip
        text = [f"A made-up country of {size} ({figures:,} figures) on {machine('duckdb')}, DuckLake's own DuckDB, "
                "PostgreSQL and a folder on the same disk:", "",
                table(["", "s", "MiB written", "tables", "rows"], rows), "",
                f"A question asked by {READERS} readers at once, each a process of its own, seconds until the last has "
                "its answer (the same DuckDB for both; the first time with connecting):", ""]  # fmt: skip
        asked = []
        for name, sql in QUESTIONS.items():
            for readers in (1, READERS):
                of_file = at_once(readers, str(home.published), "file", sql)
                of_lake = at_once(readers, to.address, to.data_path, sql)
                asked.append([name, readers, *(f"{seconds:.2f}" for pair in zip(of_file, of_lake, strict=True)
                              for seconds in pair), f"{of_lake[0] / of_file[0]:.1f}",
                              f"{of_lake[1] / of_file[1]:.1f}"])  # fmt: skip
        text.append(table(["question", "readers", "file, first", "lake, first", "file, again", "lake, again",
                           "ratio first", "ratio again"], asked))  # fmt: skip
    click.echo("\n".join(text))
    if write:
        write_part("lake", "\n".join(text))


if __name__ == "__main__":
    main()
