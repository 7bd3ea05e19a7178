"""'kpi57 serve' for a while, with files dropped at random, processes killed, the lock held, the disk filled once.

    .venv/bin/python -m benchmarks.serve_hour --minutes 60 --kills 10 --disk 600

What must hold: no file is lost, none waits longer than two minutes after the cause is gone, and the published copy in
the end is that of a home that is given archive and ledger and runs undisturbed. --disk mounts a file system of so many
MB in memory (as root) and fills it for a while.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from pipelines.agencies.form import write_template
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import Ledger
from pipelines.registry import registry as registries

sys.path.insert(0, str(PROJECT / "tests"))
import faults

COMMUNE = "11164"
LONGEST_WAIT = 120


class Served:
    """'kpi57 serve', started again when it ends."""

    def __init__(self, home: Home, port: int, log: Path) -> None:
        self.home, self.port = home, port
        self.log = log.open("ab")
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "KPI57_HOME": str(self.home.root)}
        command = [Path(sys.executable).parent / "kpi57", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)

    def keep_up(self) -> None:
        if self.process.poll() is not None:
            self.start()

    def stop(self) -> None:
        self.process.terminate()  # a shell's background ignores an interrupt
        self.process.wait(600)  # a run at work ends first

    def processes(self) -> dict[str, list[int]]:
        """Processes of this home by what they are: run, daemon, page."""
        found: dict[str, list[int]] = {"run": [], "daemon": [], "page": []}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if f"KPI57_HOME={self.home.root}\0".encode() not in (path / "environ").read_bytes():
                    continue
            except OSError:
                continue
            kinds = {"run": ("multiprocessing.spawn", "execute_run"), "daemon": ("dagster-daemon",),
                     "page": ("dagster-webserver",)}  # fmt: skip
            kind = next((kind for kind, signs in kinds.items() if any(sign in words for sign in signs)), "")
            if kind:
                found[kind].append(int(path.name))
        return found


class Trouble:
    """What goes wrong, one thing after the other; until is when the last of it was over."""

    def __init__(self, served: Served, dice: random.Random, wanted: list[str]) -> None:
        self.served, self.dice, self.wanted, self.until = served, dice, wanted, time.time()
        self.done: list[str] = []

    def next(self) -> None:
        what = self.wanted.pop(0)
        if what == "lock":
            with FileLock(self.served.home.lock).acquire(timeout=300):
                time.sleep(40)
        elif what == "disk":
            self._fill()
        else:
            found = self.served.processes()
            some = found[what] or found["run"] or found["daemon"]
            if some:
                os.kill(self.dice.choice(some), signal.SIGKILL)
        self.until = time.time()
        self.done.append(f"{datetime.now():%H:%M:%S} {what}")

    def _fill(self) -> None:
        full = self.served.home.warehouse / "full"
        try:
            with full.open("wb") as handle:
                while True:
                    handle.write(bytes(2**20))
        except OSError:
            time.sleep(40)
        finally:
            full.unlink()


def drop(home: Home, registry: registries.Registry, number: int, dice: random.Random) -> Path:
    """A good file, slowly written under a name that is left alone, then renamed."""
    agency = dice.choice(["CA", "PVHCC", "KT", "VHXH"])
    period = dice.choice(["2026-08", "2026-09", "2026-10"])
    answers = {"CA": {"XHS-02": {"numerator": dice.randint(0, 500), "denominator": 500}}}.get(agency, {})
    folder = home.inbox / registry.folder_of(COMMUNE) / agency
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number:03}-{period}.xlsx"
    made = write_template(registry, COMMUNE, agency, period, path.with_name(f"{path.name}.part"), answers=answers)
    made.replace(path)
    return path


def serve(
    home: Home, minutes: float, kills: int, seed: int, port: int, disk: bool
) -> tuple[list[Path], Trouble, dict[str, float]]:
    registry, dice = registries.load(), random.Random(seed)
    served = Served(home, port, home.root / "serve.log")
    wanted = dice.sample(["run", "daemon", "page"] * kills, kills) + ["lock"] * 2 + ["disk"] * disk
    dice.shuffle(wanted)
    trouble = Trouble(served, dice, wanted)
    end, every = time.time() + 60 * minutes, 60 * minutes / (len(wanted) + 1)
    dropped: dict[Path, float] = {}
    gone: dict[Path, float] = {}
    free_since: dict[str, float] = {}
    due = time.time() + every
    worker: threading.Thread | None = None
    number, next_drop = 0, time.time()
    while time.time() < end or (dropped.keys() - gone.keys() and time.time() < end + 300):
        served.keep_up()
        if time.time() > next_drop and time.time() < end:
            try:
                dropped[drop(home, registry, number, dice)] = time.time()
            except OSError as error:
                print(f"the sender's disk is full too: {error}")
            number, next_drop = number + 1, time.time() + dice.uniform(5, 60)
        if wanted and time.time() > due and (worker is None or not worker.is_alive()):
            due = time.time() + every
            worker = threading.Thread(target=trouble.next)
            worker.start()
        for path in dropped.keys() - gone.keys():
            if not path.exists():
                gone[path] = time.time()
                free_since[path.name] = gone[path] - max(dropped[path], min(trouble.until, gone[path]))
        time.sleep(0.5)
    served.stop()
    return list(dropped), trouble, free_since


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--disk", type=int, default=0, help="MB of a file system in memory; 0: the disk is not filled.")
    parser.add_argument("--port", type=int, default=3099)
    parser.add_argument("--seed", type=int, default=57)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        home = Home(Path(made) / "home")
        home.warehouse.mkdir(parents=True)
        if given.disk:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={given.disk}m", "kpi57", home.warehouse], check=True)
        try:
            dropped, trouble, waits = serve(home, given.minutes, given.kills, given.seed, given.port, bool(given.disk))
            command = [Path(sys.executable).parent / "kpi57", "run"]
            with FileLock(home.lock).acquire(timeout=600):  # a run that the daemon started goes on without it
                pass
            code = subprocess.run(command, env={**os.environ, "KPI57_HOME": str(home.root)}, check=False).returncode
            names = {entry["name"] for entry in Ledger(home).of("received")}
            lost = [path.name for path in dropped if path.name not in names]
            other = Home(Path(made) / "other")
            shutil.copytree(home.archive, other.archive)
            shutil.copytree(home.exports, other.exports)  # made again, a bundle would prove a longer ledger
            subprocess.run(command, env={**os.environ, "KPI57_HOME": str(other.root)}, check=True)
            ours, theirs = faults.tables(home.published), faults.tables(other.published)
            odd = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        finally:
            if given.disk:
                subprocess.run(["umount", home.warehouse], check=True)
    longest = max(waits.values(), default=0.0)
    print(f"{given.minutes:.0f} minutes, {len(dropped)} files; trouble: {', '.join(trouble.done)}")
    print(f"lost: {lost or 'none'}; last run: exit code {code}; longest wait after the cause was gone: {longest:.0f} s")
    print(f"published copy as that of an undisturbed home: {f'other in {odd}' if odd else 'equal'}")
    if lost or code or longest > LONGEST_WAIT or odd:
        sys.exit(1)


if __name__ == "__main__":
    main()
