"""What a day with nothing new costs, against an empty Dagster job.

    python -m benchmarks.daily [--runs 5]

Each run is a process of its own, started as the timer starts it, with its run history on disk; the two take turns, so
that both see the same machine. The empty job has as many steps, assets and checks as the daily job, each doing nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

DAY = "2026-11-16"
SETTINGS = Path(__file__).resolve().parent.parent / "dagster.yaml"
EMPTY_JOB = """
import sys
import dagster as dg

SHAPE = {shape}

def empty(number, outputs, checks):
    keys = [f"step_{{number}}_{{n}}" for n in range(outputs)]
    @dg.multi_asset(
        name=f"step_{{number}}",
        specs=[dg.AssetSpec(key, deps=[f"step_{{number - 1}}_0"] if number else []) for key in keys],
        check_specs=[dg.AssetCheckSpec(f"check_{{n}}", asset=keys[0]) for n in range(checks)],
    )
    def step():
        for key in keys:
            yield dg.MaterializeResult(asset_key=key)
        for n in range(checks):
            yield dg.AssetCheckResult(asset_key=keys[0], check_name=f"check_{{n}}", passed=True)
    return step

steps = [empty(number, *of) for number, of in enumerate(SHAPE)]
quiet = {{"loggers": {{"console": {{"config": {{"log_level": "ERROR"}}}}}}}}
job = dg.define_asset_job("empty", executor_def=dg.in_process_executor, config=quiet)
with dg.DagsterInstance.get() as instance:
    ended = dg.Definitions(steps, jobs=[job]).resolve_job_def("empty").execute_in_process(instance=instance)
sys.exit(not ended.success)
"""


def shape() -> list[tuple[int, int]]:
    """Assets and checks of each step of the daily job."""
    from pipelines.assets import ASSETS

    return [(len(asset.keys), len(list(asset.check_specs))) for asset in ASSETS]


def seconds(command: list[str], environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    ended = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise click.ClickException(f"{' '.join(command)}: {ended.stderr[-2000:]}")
    return time.perf_counter() - start


@click.command()
@click.option("--runs", default=5, show_default=True)
def main(runs: int) -> None:
    """Print the table of docs/performance.md."""
    kpi57 = str(Path(sys.executable).parent / "kpi57")
    of = shape()
    bare = [(1, 0)] * len(of)
    with tempfile.TemporaryDirectory() as folder:
        ours = {"KPI57_HOME": f"{folder}/home", "KPI57_DAY": DAY}
        seconds([kpi57, "demo"], ours)
        seconds([kpi57, "run"], ours)
        candidates = {"kpi57 run, nothing new": ([kpi57, "run"], ours)}
        for name, steps in (("empty job, as many steps, assets and checks", of), ("empty job, as many steps", bare)):
            home = Path(folder, name.replace(" ", "-"))
            home.mkdir()
            (home / "dagster.yaml").write_bytes(SETTINGS.read_bytes())
            theirs = {"DAGSTER_HOME": str(home), "DAGSTER_EVENT_BATCH_SIZE": "500"}
            candidates[name] = ([sys.executable, "-c", EMPTY_JOB.format(shape=steps)], theirs)
        times: dict[str, list[float]] = {name: [] for name in candidates}
        for turn in range(runs + 1):
            for name, (command, environment) in candidates.items():
                took = seconds(command, environment)
                if turn:  # the first run of each makes its files
                    times[name].append(took)
    medians = {name: statistics.median(took) for name, took in times.items()}
    click.echo(f"| a day with nothing new ({len(of)} steps) | s | kpi57 against it |\n|---|---|---|")
    for name, took in medians.items():
        click.echo(f"| {name} | {took:.2f} | {medians['kpi57 run, nothing new'] / took:.2f} |")


if __name__ == "__main__":
    main()
