"""What an officer waits for: 'kpi57 check' of one workbook.

    python -m benchmarks.check [--runs 5] [--write]

Each run is a process of its own and they take turns, so that all see the same machine: without a warehouse; beside the
warehouse of the illustrative figures, with which it is compared; and without one, judged by Great Expectations as in a
run.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.inputs import LINES, make_workbooks
from benchmarks.report import machine, part_command, table
from benchmarks.spent import KPI57, Spent, spend
from pipelines.registry import registry as registries

ALONE, BESIDE, JUDGED = "without a warehouse", "beside a warehouse", "without one, judged by Great Expectations"
AS_IN_A_RUN = """
from pipelines.checking import expectations
from pipelines.checking.suites import Suites
from pipelines.cli import main

expectations.unexpected = Suites().unexpected
main()
"""


def measure(runs: int, folder: Path) -> dict[str, list[Spent]]:
    """What each candidate took, run by run."""
    [workbook] = make_workbooks(registries.load(), folder / "sent", 1)
    none, filled = {"KPI57_HOME": str(folder / "none")}, {"KPI57_HOME": str(folder / "filled")}
    for command in ("demo", "run"):
        spend([*KPI57, command], filled)
    asked = ["check", "--commune", "11164", "--agency", "VHXH", str(workbook)]
    candidates = {ALONE: (KPI57, none), BESIDE: (KPI57, filled), JUDGED: ([sys.executable, "-c", AS_IN_A_RUN], none)}
    times: dict[str, list[Spent]] = {name: [] for name in candidates}
    for turn in range(runs + 1):
        for name, (command, environment) in candidates.items():
            took, _ = spend([*command, *asked], environment)
            if turn:  # the first reads the programs from the disk
                times[name].append(took)
    return times


def written(times: Mapping[str, list[Spent]]) -> str:
    """The part of docs/performance.md."""
    clock, work, peak = (
        {name: statistics.median(getattr(took, what) for took in found) for name, found in times.items()}
        for what in ("clock", "processor", "peak")
    )
    rows = [
        [name, f"{clock[name]:.2f}", f"{work[name]:.2f}", f"{work[name] / work[JUDGED]:.2f}x", f"{peak[name]:.0f}"]
        for name in times
    ]
    heads = ["", "s on the clock", "s of processor", "of judged by Great Expectations", "peak MiB"]
    return (
        f"## Checking one file\n\n{machine('duckdb', 'great-expectations')}. Medians of {len(times[ALONE])} runs, each "
        f"a process of its own; a workbook of {LINES} lines; the worker that reads it is counted. Made by "
        f"`python -m benchmarks.check`.\n\n{table(heads, rows)}"
    )


main = part_command("check", lambda runs, folder: written(measure(runs, folder)))


if __name__ == "__main__":
    main()
