"""What a command took, started as a process of its own. What is started, and what is made of the figures, does not
belong here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

KPI57 = [sys.executable, "-c", "from pipelines.cli import main; main()"]


class Spent(NamedTuple):
    """What a run took: seconds on the clock and of the processor, workers included; MiB of its largest process."""

    clock: float
    processor: float
    peak: float


def spend(command: list[str], environment: Mapping[str, str], cwd: Path | None = None) -> tuple[Spent, str]:
    """Run a command to its end. Returns what it took and what it said on stderr."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **environment}, cwd=cwd,
                                   stdout=subprocess.DEVNULL, stderr=said)  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)  # of this child alone, and of all it waited for
        took = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)}: {text[-2000:]}")
    return Spent(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), text
