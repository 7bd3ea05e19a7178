"""A run killed at an instant of choice, and what must hold at once and after the next, undisturbed run.

Used by tests/test_faults.py (a few instants) and benchmarks/faults.py (hundreds). How a process is stopped at an exact
operation is syscalls.py.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from syscalls import GO_ON, KILL, Decide, Operation, watch

from pipelines import registry as registries
from pipelines.home import PROJECT, Home
from pipelines.outputs.export import verify
from pipelines.outputs.template import write_template
from pipelines.receive import VIETNAM, Ledger, archived

VINH_LAI, DAI_SON = "11164", "11086"
DAYS = ("2026-11-16", "2026-11-17")  # the first day's run is always undisturbed; the second's is the one that suffers
CONTEXT = multiprocessing.get_context("forkserver")  # imports once, then a fork a run
CONTEXT.set_forkserver_preload(["pipelines.checking.validate", "pipelines.definitions", "openpyxl", "faults"])


# ---------------------------------------------------------------- a home with a day's work


def send(home: Home, agency: str, name: str, at: datetime, answers: dict[str, Any], commune: str = VINH_LAI) -> Path:
    """Fill a form and drop it into the inbox, with the time it was sent at."""
    registry = registries.load()
    path = home.inbox / registry.folder_of(commune) / agency / name
    path.parent.mkdir(parents=True, exist_ok=True)
    period = name[:7]
    write_template(registry, commune, agency, period, path, illustrative=True, answers=answers)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def drop(home: Home, folder: str, name: str, content: bytes, at: datetime) -> Path:
    path = home.inbox / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def first_day(home: Home) -> None:
    """Two agencies report well. An illustrative home, where files were received when they were last changed: so a run
    says the same whenever it is made, and two homes can be compared to the byte."""
    Ledger(home).append([{"event": "illustrative", "seed": 0, "day": DAYS[0]}])
    at = datetime(2026, 11, 12, 9, tzinfo=VIETNAM)
    send(home, "CA", "2026-09.xlsx", at, {"XHS-02": {"numerator": 20, "denominator": 40}})
    send(home, "PVHCC", "2026-09.xlsx", at.replace(hour=10), {"DVC-01": {"numerator": 30, "denominator": 40}})


def second_day(home: Home) -> None:
    """A correction, a good file, a wrong one, one sent twice, one nobody can read, one in a stranger's folder."""
    at = datetime(2026, 11, 16, 9, tzinfo=VIETNAM)
    folder = registries.load().folder_of(VINH_LAI)
    send(home, "CA", "2026-09.xlsx", at, {"XHS-02": {"numerator": 30, "denominator": 40}})
    good = send(home, "CA", "2026-10.xlsx", at.replace(hour=10), {"XHS-02": {"numerator": 31, "denominator": 40}})
    send(home, "PVHCC", "2026-10.xlsx", at.replace(hour=11), {"DVC-01": {"numerator": 50, "denominator": 40}})
    drop(home, f"{folder}/CA", "gửi lại.xlsx", good.read_bytes(), at.replace(hour=12))
    drop(home, f"{folder}/CA", "hỏng.xlsx", good.read_bytes()[:2000], at.replace(hour=13))
    drop(home, "99999-khong-co/CA", "2026-10.xlsx", good.read_bytes(), at.replace(hour=14))


@dataclass
class Start:
    """A home before its run, what the undisturbed run made of it, and how many operations on disk that took."""

    root: Path
    day: str
    whole: dict[str, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def copy(self, to: Path) -> Home:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.root, to)
        return Home(to)


def make_starts(folder: Path) -> dict[str, Start]:
    """'first': an inbox and nothing else; 'second': a day's work on a warehouse that has been run."""
    first = Home(folder / "first")
    first_day(first)
    starts = {"first": Start(first.root, DAYS[0])}
    after = starts["first"].copy(folder / "second")
    finish(after, DAYS[0])
    second_day(after)
    starts["second"] = Start(after.root, DAYS[1])
    for name, start in starts.items():
        home = start.copy(folder / f"{name}-undisturbed")
        outcome = watch(CONTEXT, steps, (home.root, start.day), home.root, lambda _: GO_ON)
        assert outcome.exit_code == 0, f"the undisturbed run ended with {outcome.exit_code}"
        start.whole, start.operations = state(home), outcome.operations
    return starts


# ---------------------------------------------------------------- a run


def steps(root: Path, day: str) -> None:
    """The steps of a run in this process, without Dagster."""
    os.environ["KPI57_HOME"], os.environ["KPI57_DAY"] = str(root), day
    from pipelines import flow
    from pipelines.home import current_home
    from pipelines.warehouse import run_lock

    home = current_home()
    with run_lock(home):
        flow.run_steps(home)
        flow.write_feedback(home)
        flow.write_extracts(home)


def kpi57(root: Path, day: str, *arguments: str) -> None:
    """This process becomes the real command: 'kpi57 run'."""
    os.chdir(PROJECT)
    environment = {**os.environ, "KPI57_HOME": str(root), "KPI57_DAY": day, "PYTHONPATH": str(PROJECT)}
    said = os.open(root / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *(arguments or ("run",))]
    os.execve(sys.executable, command, environment)


def finish(home: Home, day: str, run: Any = steps) -> None:
    """The next run, undisturbed."""
    process = CONTEXT.Process(target=run, args=(home.root, day))
    process.start()
    process.join()
    assert process.exitcode == 0, f"the run after it ended with {process.exitcode}"


# ---------------------------------------------------------------- the ways to suffer


def kill_at(number: int) -> Decide:
    """SIGKILL instead of the operation of this number."""
    return lambda operation: KILL if operation.number >= number else GO_ON


class PowerLoss:
    """The power fails instead of an operation: what was written and not yet forced to disk is gone, while new names
    and removals are there (the order in which a file system may do so; what SIGKILL alone cannot show)."""

    def __init__(self, home: Home, number: int, kept: Path) -> None:
        self.home, self.number, self.kept = home, number, kept
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for path in files(home.root):
            self._keep(path)

    def __call__(self, operation: Operation) -> int:
        path = self.home.root / operation.place
        if operation.name == "fsync" and path.is_file():
            self._keep(path)
        return KILL if operation.number >= self.number else GO_ON

    def _keep(self, path: Path) -> None:
        held = self.kept / str(path.stat().st_ino)
        if not held.with_suffix(".same").exists():
            os.link(path, held.with_suffix(".same"))  # so that no other file gets its number
        shutil.copyfile(path, held)

    def lose(self) -> int:
        """Take every file back to what was forced to disk. Returns how many were not."""
        lost = 0
        for path in files(self.home.root):
            held = self.kept / str(path.stat().st_ino)
            durable = held.read_bytes() if held.exists() else b""
            if path.read_bytes() != durable:
                path.write_bytes(durable)
                lost += 1
        return lost


# ---------------------------------------------------------------- what must hold


def files(root: Path) -> Iterable[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name not in ("run.lock", "said.txt"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tables(path: Path) -> dict[str, str]:
    """Every table of a database with a hash over all its rows, opened as a reader opens it."""
    found = {}
    with duckdb.connect(path, read_only=True) as con:
        con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
        names = con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        for (name,) in names:
            rows = sorted(map(repr, con.execute(f"FROM {name}").fetchall()))
            found[name] = f"{len(rows)} rows {hashlib.sha256(chr(10).join(rows).encode()).hexdigest()}"
    return found


def state(home: Home) -> dict[str, Any]:
    """All a run leaves: published tables, ledger, and every file of archive, feedback, exports and inbox by content.

    Left out: the two databases' own bytes, the inode of a received file (which tells copies apart) and Dagster's
    history, where two runs are two runs.
    """
    entries = [{k: v for k, v in entry.items() if k != "identity"} for entry in Ledger(home).entries]
    databases = {home.published, home.build, home.ledger}
    kept = {
        path.relative_to(home.root).as_posix(): sha256(path)
        for path in files(home.root)
        if path not in databases and not path.is_relative_to(home.dagster)
    }
    return {**{f"table {n}": rows for n, rows in tables(home.published).items()}, "ledger": entries, **kept}


def faults_at_once(home: Home, start: Start) -> list[str]:
    """What is wrong right after the kill, before anything ran again: [] where nothing is lost and readers can work."""
    faults = []
    if home.published.exists():
        now = tables(home.published)
        before = tables(Home(start.root).published) if Home(start.root).published.exists() else None
        after = {name[6:]: rows for name, rows in start.whole.items() if name.startswith("table ")}
        if now not in (before, after):
            faults.append("the published copy is neither the old nor the new one")
    elif Home(start.root).published.exists():
        faults.append("the published copy is gone")
    whole = home.ledger.read_bytes().rpartition(b"\n")[0] if home.ledger.exists() else b""
    received = [entry for entry in map(json.loads, whole.splitlines()) if entry["event"] == "received"]
    for entry in received:
        place = archived(home, entry["sha256"])
        if not place.exists() or sha256(place) != entry["sha256"]:
            faults.append(f"{entry['name']} is in the ledger and not whole in the archive")
    waiting = Counter(map(sha256, files(home.inbox)))
    entered = Counter(entry["sha256"] for entry in received)
    sent = Counter(map(sha256, files(Home(start.root).inbox)))
    sent += Counter(entry["sha256"] for entry in Ledger(Home(start.root)).of("received"))
    faults += [f"{lost[:12]} is neither in the inbox nor in the ledger" for lost in sent - waiting - entered]
    for bundle in home.exports.glob("*/*/[0-9]*"):
        faults += [f"{bundle.name}: {fault}" for fault in verify(bundle)]
    return faults


def differences(home: Home, start: Start) -> list[str]:
    """In what the home differs from the undisturbed one: [] where it is the same in every table and byte."""
    now, whole = state(home), start.whole
    found = [f"{name}: {'missing' if name not in now else 'more' if name not in whole else 'other'}"
             for name in sorted(now.keys() | whole.keys()) if now.get(name) != whole.get(name)]  # fmt: skip
    for bundle in home.exports.glob("*/*/[0-9]*"):
        found += [f"{bundle.name}: {fault}" for fault in verify(bundle)]
    return found


def kind(operation: Operation) -> tuple[str, str]:
    """The operation and the kind of file, for choosing and counting: ('write', 'build database log')."""
    place = operation.place
    names = (
        (r"archive/ledger\.jsonl", "ledger"),
        (r"archive\b", "archive"),
        (r"sources/", "inbox"),
        (r"/build\.duckdb\.", "build database's log"),
        (r"/build\.duckdb$", "build database"),
        (r"/\.?kpi\.duckdb", "published copy"),
        (r"/feedback\b", "feedback"),
        (r"/exports\b", "bundles"),
        (r"/site\b", "scorecard"),
        (r"/dagster\b", "Dagster's history"),
    )
    return operation.name, next((name for pattern, name in names if re.search(pattern, place)), "other")


@dataclass(frozen=True)
class Report:
    """One kill: where it hit (None: the run had ended before), and what was wrong at once and in the end."""

    hit: Operation | None
    at_once: list[str]
    in_the_end: list[str]
    orphans: int

    @property
    def faults(self) -> list[str]:
        orphans = ["a worker outlived its run"] if self.orphans else []
        return [*orphans, *self.at_once, *self.in_the_end]


def suffer(start: Start, number: int, to: Path, *, power: bool = False, run: Any = steps) -> Report:
    """Kill a run at an operation, look, run again undisturbed, and compare."""
    home = start.copy(to)
    decide: Any = PowerLoss(home, number, to.with_name(f"{to.name}-kept")) if power else kill_at(number)
    outcome = watch(CONTEXT, run, (home.root, start.day), home.root, decide)
    hit = outcome.operations[-1] if outcome.exit_code == -9 else None
    if power:
        decide.lose()
    at_once = faults_at_once(home, start)
    finish(home, start.day, run)
    return Report(hit, at_once, differences(home, start), outcome.orphans)
