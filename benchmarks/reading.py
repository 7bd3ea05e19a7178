"""What reading a workbook costs, and what a workbook more costs from inbox to published.

    python -m benchmarks.reading [--workbooks 200] [--runs 5]

Every peer works on the same files in the same call; figures are medians, ratios are against bare calamine or dlt.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd
import python_calamine

from benchmarks.inputs import AGENCY, COMMUNE, make_workbooks
from pipelines import flow, registry
from pipelines.home import Home
from pipelines.reading.layout import Form
from pipelines.reading.read import read_file


def bare_calamine(path: Path) -> None:
    """The floor: every sheet's cells as Python values."""
    book = python_calamine.CalamineWorkbook.from_path(path)
    for name in book.sheet_names:
        book.get_sheet_by_name(name).to_python()


def median_ms(read: Callable[[Path], object], files: list[Path], runs: int) -> float:
    """Milliseconds a workbook: the median over runs of the mean over files."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        for path in files:
            read(path)
        times.append((time.perf_counter() - start) / len(files) * 1000)
    return statistics.median(times)


def whole_run(known: registry.Registry, files: list[Path]) -> float:
    """Seconds from a full inbox to the published copy, in one process with its reading workers, without Dagster."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        inbox = home.inbox / known.folder_of(COMMUNE) / AGENCY
        inbox.mkdir(parents=True)
        for path in files:
            shutil.copy(path, inbox)
        start = time.perf_counter()
        flow.run_steps(home)
        return time.perf_counter() - start


def dlt_pipeline(files: list[Path]) -> float:
    """Seconds for a dlt pipeline that only reads the cells with calamine and loads them into DuckDB."""
    import dlt

    with tempfile.TemporaryDirectory() as folder:

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
        start = time.perf_counter()
        pipeline.run(lines())
        return time.perf_counter() - start


def per_extra(run: Callable[[list[Path]], float], files: list[Path], runs: int) -> float:
    """Milliseconds a workbook more: the difference between all files and a tenth of them, over their difference."""
    few = files[: max(1, len(files) // 10)]
    run(few)  # imports and caches are not the workbook's cost
    slopes = [(run(files) - run(few)) / (len(files) - len(few)) * 1000 for _ in range(runs)]
    return statistics.median(slopes)


@click.command()
@click.option("--workbooks", default=200, show_default=True)
@click.option("--runs", default=5, show_default=True)
def main(workbooks: int, runs: int) -> None:
    """Print the table of docs/performance.md."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    known = registry.load()
    form = Form(known.form)
    with tempfile.TemporaryDirectory() as folder:
        files = make_workbooks(known, Path(folder), workbooks)
        some = files[:20]
        floor = median_ms(bare_calamine, some, runs)
        readers: dict[str, Callable[[Path], object]] = {
            "kpi57 (cells, layout, lines)": lambda path: read_file(path, form),
            "pandas with calamine": lambda path: pd.read_excel(path, sheet_name=None, engine="calamine"),
            "pandas with openpyxl": lambda path: pd.read_excel(path, sheet_name=None, engine="openpyxl"),
        }
        click.echo("| reading a workbook of 68 lines | ms | against bare calamine |\n|---|---|---|")
        click.echo(f"| bare calamine | {floor:.2f} | 1.0 |")
        for name, read in readers.items():
            cost = median_ms(read, some, runs)
            click.echo(f"| {name} | {cost:.2f} | {cost / floor:.1f} |")
        ours = per_extra(lambda batch: whole_run(known, batch), files, max(1, runs // 2))
        dlt_cost = per_extra(dlt_pipeline, files, max(1, runs // 2))
        click.echo(f"\n| a workbook more, at {workbooks} | ms | |\n|---|---|---|")
        click.echo(f"| kpi57, inbox to published | {ours:.2f} | 1.0 |")
        click.echo(f"| dlt, reading alone | {dlt_cost:.2f} | {dlt_cost / ours:.1f} |")


if __name__ == "__main__":
    main()
