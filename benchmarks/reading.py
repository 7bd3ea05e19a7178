"""What reading a workbook costs, and what a workbook more costs from inbox to published.

    python -m benchmarks.reading [--workbooks 100 --workbooks 1000] [--runs 5]

Peers take turns on the same files, so that all see the same machine; figures are medians, ratios of processor time.
A whole run is a process of its own, on one core or on all. Writes its part of docs/performance.md.
"""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd
import python_calamine

from benchmarks.inputs import AGENCY, COMMUNE, LINES, make_workbooks
from benchmarks.report import machine, table, write_part
from benchmarks.spent import Spent
from pipelines import flow
from pipelines.home import Home
from pipelines.reading.form import Form
from pipelines.reading.read import known_headers, read_file
from pipelines.registry import registry

PEER_MOST = 1000  # workbooks that the peer is given: it takes 4 MiB of memory for each
FEW = 20  # workbooks of the smaller run of a pair, and of the table of readers


def bare_calamine(path: Path) -> None:
    """The floor: every sheet's cells as Python values."""
    book = python_calamine.CalamineWorkbook.from_path(path)
    for name in book.sheet_names:
        book.get_sheet_by_name(name).to_python()


def readers(known: registry.Registry) -> dict[str, Callable[[Path], object]]:
    form, headers = Form(known.form), known_headers(known.form)
    return {
        "bare calamine": bare_calamine,
        "kpi57: cells, layout, lines": lambda path: read_file(path, form, headers),
        "pandas with calamine": lambda path: pd.read_excel(path, sheet_name=None, engine="calamine"),
        "pandas with openpyxl": lambda path: pd.read_excel(path, sheet_name=None, engine="openpyxl"),
    }


def cost_of_reading(known: registry.Registry, files: list[Path], runs: int) -> dict[str, float]:
    """Milliseconds of processor time a workbook, by reader."""
    times: dict[str, list[float]] = {}
    peers = readers(known)
    for read in peers.values():
        for path in files:  # imports, and headers met for the first time, are not the workbook's cost
            read(path)
    for _ in range(runs):
        for name, read in peers.items():
            start = time.process_time()
            for path in files:
                read(path)
            times.setdefault(name, []).append((time.process_time() - start) / len(files) * 1000)
    return {name: statistics.median(some) for name, some in times.items()}


# ---------------------------------------------------------------- whole runs, each in a process of its own


def ours(files: list[Path]) -> Callable[[], None]:
    """From a full inbox to the published copy, without Dagster around it."""
    known = registry.load()
    home = Home(Path(tempfile.mkdtemp(dir=files[0].parent)))
    inbox = home.inbox / known.folder_of(COMMUNE) / AGENCY
    inbox.mkdir(parents=True)
    for path in files:
        shutil.copy(path, inbox)
    return lambda: flow.run_steps(home)


def theirs(files: list[Path]) -> Callable[[], None]:
    """A dlt pipeline that only reads the cells with calamine and loads them into DuckDB."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt

    folder = tempfile.mkdtemp(dir=files[0].parent)

    @dlt.resource(name="cell", write_disposition="append")
    def lines():  # type: ignore[no-untyped-def]
        for path in files:
            book = python_calamine.CalamineWorkbook.from_path(path)
            for name in book.sheet_names:
                for number, row in enumerate(book.get_sheet_by_name(name).to_python(), 1):
                    yield {"file": path.name, "sheet": name, "row": number,
                           **{f"c{n}": str(v) for n, v in enumerate(row)}}  # fmt: skip

    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.duckdb(f"{folder}/dlt.duckdb"), dataset_name="d", pipelines_dir=folder
    )
    return lambda: pipeline.run(lines())


def run_here(what: str, folder: Path, number: int, cores: int) -> Spent:
    """One run in this process, which has done nothing else."""
    files = sorted(folder.glob("*.xlsx"))[:number]
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    run = {"ours": ours, "theirs": theirs}[what](files)
    clock, before = time.perf_counter(), _processor()
    run()
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    return Spent(time.perf_counter() - clock, _processor() - before, peak)


def _processor() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def run_apart(what: str, folder: Path, number: int, cores: int) -> Spent:
    command = [sys.executable, "-m", "benchmarks.reading", "--once", what, str(folder), str(number), str(cores)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return Spent(*json.loads(done.stdout.splitlines()[-1]))


WAYS = {  # what is run, on how many cores (0: all)
    "kpi57, inbox to published, one core": ("ours", 1),
    "kpi57, inbox to published, all cores": ("ours", 0),
    "dlt, reading alone, one core": ("theirs", 1),
}


def per_extra(folder: Path, number: int, runs: int) -> dict[str, Spent]:
    """Milliseconds a workbook more: the difference of a run of all and one of a few, over how many more; and the
    peak of the run of all. Medians."""
    slopes: dict[str, list[Spent]] = {}
    for _ in range(runs):
        for name, (what, cores) in WAYS.items():
            if what == "theirs" and number > PEER_MOST:
                continue
            few, many = (run_apart(what, folder, n, cores) for n in (FEW, number))
            more = (number - FEW) / 1000
            slope = Spent((many.clock - few.clock) / more, (many.processor - few.processor) / more, many.peak)
            slopes.setdefault(name, []).append(slope)
    return {name: Spent(*map(statistics.median, zip(*some, strict=True))) for name, some in slopes.items()}


# ---------------------------------------------------------------- the part of the page


def page_part(reading: dict[str, float], extra: dict[int, dict[str, Spent]], runs: int) -> str:
    floor, slowest = reading["bare calamine"], reading["pandas with openpyxl"]
    parts = [
        "## Reading and a workbook more",
        f"{machine('duckdb', 'pandas', 'openpyxl', 'python-calamine', 'great-expectations', 'dlt')}. Medians of {runs} "
        f"runs, of whole runs {max(1, runs // 2)}; a workbook is the longest form, {LINES} lines, as Excel saves it. "
        "Made by `python -m benchmarks.reading`.",
        table(
            [f"reading a workbook of {LINES} lines", "ms of processor", "of bare calamine", "faster than openpyxl"],
            [[name, f"{cost:.2f}", f"{cost / floor:.2f}x", f"{slowest / cost:.1f}x"] for name, cost in reading.items()],
        ),
    ]
    for number, found in extra.items():
        best = next(iter(found.values())).processor
        rows = [
            [name, f"{one.clock:.2f}", f"{one.processor:.2f}", f"{one.processor / best:.2f}x", f"{one.peak:.0f}"]
            for name, one in found.items()
        ]
        heads = [f"a workbook more, at {number:,}", "ms on the clock", "ms of processor", "ratio", "peak MiB a process"]
        parts.append(table(heads, rows))
    if len(extra) > 1:
        least, most = min(extra), max(extra)
        cost = {number: number * next(iter(extra[number].values())).processor for number in (least, most)}
        power = math.log(cost[most] / cost[least]) / math.log(most / least)
        parts.append(f"Processor time grows with the power {power:.2f} of the workbooks, from {least:,} to {most:,} "
                     "(1 is in proportion).")  # fmt: skip
    return "\n\n".join(parts)


@click.command()
@click.option("--workbooks", multiple=True, default=(100, 300, 1000, 3000), show_default=True)
@click.option("--runs", default=5, show_default=True, help="Of the readers; whole runs are done half as often.")
@click.option("--once", nargs=4, type=(str, Path, int, int), hidden=True)
def main(workbooks: tuple[int, ...], runs: int, once: tuple[str, Path, int, int] | None) -> None:
    """Measure, print, and write docs/performance.md."""
    if once:
        print(json.dumps(run_here(*once)))
        return
    known = registry.load()
    with tempfile.TemporaryDirectory() as name:
        files = make_workbooks(known, Path(name), max(workbooks))
        reading = cost_of_reading(known, files[:FEW], runs)
        extra = {number: per_extra(Path(name), number, max(1, runs // 2)) for number in workbooks}
    part = page_part(reading, extra, runs)
    print(part)
    write_part("reading", part)


if __name__ == "__main__":
    main()
