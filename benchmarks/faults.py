"""The long fault suite: a run killed at hundreds of its operations on disk, each time followed by an undisturbed run
that must end the same. Writes its table to docs/reliability.md with --write.

    .venv/bin/python -m benchmarks.faults --kills 200 --write

How a run is stopped at an exact operation, and what is compared, is in tests/faults.py.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from pipelines.home import PROJECT

sys.path.insert(0, str(PROJECT / "tests"))
import faults

PAGE = PROJECT / "docs" / "reliability.md"
FROM, TO = "<!-- written by benchmarks.faults -->\n", "<!-- end -->\n"
STEPS, COMMAND = "the steps of a run", "`kpi57 run` itself"


CHAIN = 5  # kills in a row in one home, each by its own run, before the undisturbed run


class Trial(NamedTuple):
    """A home to be made suffer: by which runs, in which way, and how."""

    run: str
    way: str
    make: Callable[[Path], faults.Report]


def spread(operations: list[faults.Operation], wanted: int, dice: random.Random) -> list[int]:
    """Operations to be killed at: the first and the last of every kind, then others at random."""
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for operation in operations:
        kinds[faults.kind(operation)].append(operation.number)
    edges = list(dict.fromkeys([*(n[0] for n in kinds.values()), *(n[-1] for n in kinds.values())]))
    dice.shuffle(edges)
    others = sorted({operation.number for operation in operations} - set(edges))
    return (edges + dice.sample(others, min(len(others), max(0, wanted - len(edges)))))[:wanted]


def trials(first: faults.Start, second: faults.Start, command: faults.Start, seconds: float, kills: int) -> list[Trial]:
    """Of 20 kills, eleven hit the steps on a second day, four on a first; three are power cuts, two hit the command."""
    dice = random.Random(57)
    found = []
    for start, share, power in ((second, 11, False), (first, 4, False), (second, 3, True), (command, 1, False)):
        numbers = spread(start.operations, kills * share // 20, dice)
        for at in range(0, len(numbers), CHAIN):
            make = partial(faults.suffer, start, sorted(numbers[at : at + CHAIN]), power=power)
            found.append(Trial(COMMAND if start is command else STEPS, "power cut" if power else "SIGKILL", make))
    for at in range(0, kills // 20, CHAIN):
        moments = [dice.uniform(0.2, 0.9) * seconds for _ in range(min(CHAIN, kills // 20 - at))]
        found.append(Trial(COMMAND, "SIGKILL", partial(faults.suffer_at_moments, command, moments)))
    dice.shuffle(found)
    return found


def table(done: list[tuple[Trial, faults.Report]], starts: list[tuple[str, faults.Start]]) -> str:
    """One line a kind of operation, and the sums."""
    there = Counter((run, *faults.kind(operation)) for run, start in starts for operation in start.operations)
    kills: Counter[tuple[str, str, str]] = Counter()
    cuts: Counter[tuple[str, str, str]] = Counter()
    wrong: Counter[tuple[str, str, str]] = Counter()
    for trial, report in done:
        for hit in report.hits:
            line = (trial.run, *faults.kind(hit))
            (cuts if trial.way == "power cut" else kills)[line] += 1
            wrong[line] += bool(report.faults)
    lines = [
        "| run | operation | on | in undisturbed runs | killed | power cut | in homes that ended differently |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for line in sorted(kills | cuts):
        counts = (there[line] or "", kills[line], cuts[line], wrong[line])
        lines.append(f"| {' | '.join(map(str, (*line, *counts)))} |")
    lines.append(f"| all | | | {there.total()} | {kills.total()} | {cuts.total()} | {wrong.total()} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="homes at a time")
    parser.add_argument("--minutes", type=float, default=600, help="begin no other home after so many minutes")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kpi57-faults-") as named, ThreadPoolExecutor(asked.jobs) as pool:
        folder = Path(named)
        first, second = faults.make_starts(folder)
        before = time.monotonic()
        command = faults.Start(second.root, second.day, faults.kpi57).undisturbed(folder / "command")
        planned = trials(first, second, command, time.monotonic() - before, asked.kills)

        def make(number: int, trial: Trial) -> tuple[Trial, faults.Report] | None:
            if time.monotonic() - begun > 60 * asked.minutes:
                return None
            home = folder / f"trial-{number}"
            report = trial.make(to=home)
            for path in (home, home.with_name(f"{home.name}-kept")):
                shutil.rmtree(path, ignore_errors=True)
            said = "; ".join(f"{hit.name} {hit.place}" for hit in report.hits)
            print(f"{number:3} {trial.run}, {trial.way}: {said}: {report.faults or 'same'}", flush=True)
            return trial, report

        done = [one for one in pool.map(make, range(1, len(planned) + 1), planned) if one]
        sums = table(done, [(STEPS, first), (STEPS, second), (COMMAND, command)])
    different = sum(bool(report.faults) for _, report in done)
    said = (
        f"{sum(len(report.hits) for _, report in done)} runs killed in {len(done)} homes, each compared after an "
        f"undisturbed run; {different} ended differently. {time.monotonic() - begun:.0f} s, {asked.jobs} homes at a "
        f"time on {os.cpu_count()} cores ({platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, DuckDB {version('duckdb')}).\n"
    )
    print(said + "\n" + sums)
    if asked.write:
        before_it, _, rest = PAGE.read_text(encoding="utf-8").partition(FROM)
        after_it = rest.partition(TO)[2]
        PAGE.write_text(f"{before_it}{FROM}{said}\n{sums}{TO}{after_it}", encoding="utf-8", newline="\n")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
