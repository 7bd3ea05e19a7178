"""What a day with nothing new costs, against an empty Dagster job.

    python -m benchmarks.daily [--runs 5] [--write]

Each run is a process of its own, started as the timer starts it, with its run history on disk; they take turns, so
that all see the same machine. The empty job has as many steps as the daily job, doing nothing: once with its assets
and checks, once with one asset a step. A day with nothing new is measured as the same day again, and as the next day,
when whatever depends on the as-of date is built again.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from benchmarks.report import machine, part_command, table
from benchmarks.spent import KPI57, Spent, spend

FIRST = date(2026, 11, 16)
SAME, NEXT = "kpi57 run, the same day again", "kpi57 run, the next day"
FULL, BARE = "empty job, as many steps, assets and checks", "empty job, as many steps"
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


def measure(runs: int, folder: Path) -> dict[str, list[Spent]]:
    """What each candidate took, run by run."""
    of = shape()
    homes = [{"KPI57_HOME": f"{folder}/{name}", "KPI57_DAY": FIRST.isoformat()} for name in ("same", "next")]
    spend([*KPI57, "demo"], homes[0])
    for _ in range(3):  # the bundles that the first run makes are on record from the second on
        spend([*KPI57, "run"], homes[0])
    shutil.copytree(homes[0]["KPI57_HOME"], homes[1]["KPI57_HOME"])
    candidates = {SAME: ([*KPI57, "run"], homes[0]), NEXT: ([*KPI57, "run"], homes[1])}
    for name, steps in ((FULL, of), (BARE, [(1, 0)] * len(of))):
        home = Path(folder, name.replace(" ", "-"))
        home.mkdir()
        (home / "dagster.yaml").write_bytes(SETTINGS.read_bytes())
        theirs = {"DAGSTER_HOME": str(home)}
        candidates[name] = ([sys.executable, "-c", EMPTY_JOB.format(shape=steps)], theirs)
    times: dict[str, list[Spent]] = {name: [] for name in candidates}
    for turn in range(runs + 1):
        homes[1]["KPI57_DAY"] = (FIRST + timedelta(turn + 1)).isoformat()
        for name, (command, environment) in candidates.items():
            took, _ = spend(command, environment)
            if turn:  # the first run of each makes its files
                times[name].append(took)
    return times


def written(times: Mapping[str, list[Spent]]) -> str:
    """The part of docs/performance.md."""
    clock = {name: statistics.median(took.clock for took in found) for name, found in times.items()}
    work = {name: statistics.median(took.processor for took in found) for name, found in times.items()}
    rows = [
        [name, f"{clock[name]:.2f}", f"{work[name]:.2f}", f"{work[SAME] / work[name]:.2f}",
         f"{work[NEXT] / work[name]:.2f}"]
        for name in times
    ]  # fmt: skip
    runs = len(times[SAME])
    heads = ["", "s on the clock", "s of processor", "the same day against it", "the next day against it"]
    return (
        f"## A day with nothing new\n\n{machine('dagster', 'duckdb')}. Medians of {runs} runs, the illustrative "
        f"figures; ratios are of processor time. Made by `python -m benchmarks.daily`.\n\n{table(heads, rows)}"
    )


main = part_command("daily", lambda runs, folder: written(measure(runs, folder)))


if __name__ == "__main__":
    main()
