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
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from syscalls import GO_ON, KILL, Decide, Operation, watch

from pipelines.agencies.form import write_template
from pipelines.bundles.bundle import MANIFEST, verify
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import VIETNAM, Ledger, archived
from pipelines.registry import registry as registries
from pipelines.warehouse.published_copy import is_untouched

VINH_LAI, DAI_SON = "11164", "11086"
DAYS = ("2026-11-16", "2026-11-17")  # the first day's run is always undisturbed; the second's is the one that suffers
Run = Callable[[Path, str], None]
CONTEXT = multiprocessing.get_context("forkserver")  # imports once, then a fork a run
CONTEXT.set_forkserver_preload(
    ["pipelines.checking.suites", "pipelines.agencies.feedback", "pipelines.bundles.report.report",
     "pipelines.bundles.report.charts", "pipelines.scorecard.write", "faults"]
)  # fmt: skip


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
    """A home before its run, what runs on it, what that made of it undisturbed, and the operations on disk it took."""

    root: Path
    day: str
    run: Run
    end: Path | None = None  # the home after an undisturbed run
    whole: dict[str, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def copy(self, to: Path) -> Home:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.root, to)
        return Home(to)

    def undisturbed(self, to: Path) -> Start:
        """This start, with what an undisturbed run does and leaves."""
        home = self.copy(to)
        outcome = watch(CONTEXT, self.run, (home.root, self.day), home.root, lambda _: GO_ON)
        assert outcome.exit_code == 0, said(to).read_text()
        return replace(self, end=to, whole=state(home), operations=outcome.operations)


def make_starts(folder: Path) -> tuple[Start, Start]:
    """The steps on an inbox and nothing else; the steps on a second day's inbox of a warehouse that has been run."""
    first = Start(folder / "first", DAYS[0], steps)
    first_day(Home(first.root))
    first = first.undisturbed(folder / "second")
    second_day(Home(folder / "second"))
    return first, Start(folder / "second", DAYS[1], steps).undisturbed(folder / "second-undisturbed")


# ---------------------------------------------------------------- a run


def steps(root: Path, day: str) -> None:
    """The steps of a run in this process, without Dagster, and with one bundle instead of six."""
    os.environ["KPI57_HOME"], os.environ["KPI57_DAY"] = str(root), day
    _say_into(said(root))
    from pipelines import flow
    from pipelines.bundles.bundle import export_all
    from pipelines.home import current_home
    from pipelines.warehouse.database import run_lock

    home = current_home()
    with run_lock(home):
        flow.run_steps(home)
        flow.write_feedback(home)
        export_all(home, "2026-10", [VINH_LAI], only_if_new=True)
        flow.write_site(home)


def kpi57(root: Path, day: str, *arguments: str) -> None:
    """This process becomes the real command: 'kpi57 run'."""
    os.chdir(PROJECT)
    environment = {**os.environ, "KPI57_HOME": str(root), "KPI57_DAY": day, "PYTHONPATH": str(PROJECT)}
    _say_into(said(root))
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *(arguments or ["run"])]
    os.execve(sys.executable, command, environment)


def said(root: Path) -> Path:
    """Where a run says what it says: beside its home, which may be full or read-only."""
    return root.with_name(f"{root.name}.said")


def _say_into(path: Path) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)


def finish(home: Home, start: Start) -> None:
    """The next run, undisturbed."""
    process = CONTEXT.Process(target=start.run, args=(home.root, start.day))
    process.start()
    process.join()
    assert process.exitcode == 0, f"the run after it ended with {process.exitcode}: {said(home.root).read_text()}"


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
        for path in self._files():
            self._keep(path)

    def _files(self) -> list[Path]:
        """All but the inbox: its files were there before, and a link to one would make it another for the ledger."""
        return [path for path in files(self.home.root) if not path.is_relative_to(self.home.inbox)]

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
        for path in self._files():
            held = self.kept / str(path.stat().st_ino)
            durable = held.read_bytes() if held.exists() else b""
            if path.read_bytes() != durable:
                path.write_bytes(durable)
                lost += 1
        return lost


# ---------------------------------------------------------------- what must hold


def files(root: Path) -> Iterable[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name != "run.lock")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


_LEFT_OUT = {"core.fct_bundle": "made_at, bundle_id, manifest_sha256", "core.dim_build": "ledger_head"}


def tables(path: Path) -> dict[str, str]:
    """Every table of core and marts with a hash over all its rows, opened as a reader opens it.

    Left out are kpi57's own marks of what was built from what: which stand depends on how many runs there were; and
    what depends on the inode of a received file, which the ledger's head proves, and with it a bundle's manifest.
    """
    found = {}
    with duckdb.connect(path, read_only=True) as con:
        con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
        names = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name <> 'main' ORDER BY ALL"
        ).fetchall()
        for (name,) in names:
            left_out = _LEFT_OUT.get(name)
            columns = f"* EXCLUDE ({left_out})" if left_out else "*"
            rows = sorted(map(repr, con.execute(f"SELECT {columns} FROM {name}").fetchall()))
            found[name] = f"{len(rows)} rows {hashlib.sha256(chr(10).join(rows).encode()).hexdigest()}"
    return found


_OF_THE_RUNS = r"warehouse/(dagster|runs|summary\.json|alerts-sent\.json|run\.lock)"


def state(home: Home) -> dict[str, Any]:
    """All a run leaves: published tables, ledger, and every file of archive, feedback, exports and inbox by content.

    Left out: the two databases' own bytes and the proof of one, the inode of a received file (which tells copies
    apart) with the heads of the ledger that prove it, when a bundle was made, and what tells of the runs themselves:
    two runs are two runs.
    """
    left_out = ("identity", "before", "done_at", "bundle_id", "manifest_sha256")
    entries = [{k: v for k, v in entry.items() if k not in left_out} for entry in Ledger(home).entries]
    own = {home.published, home.proof, home.build, home.built, home.ledger}
    names = {path: path.relative_to(home.root).as_posix() for path in home.root.rglob("*") if path not in own}
    kept = {
        re.sub(r"(exports/[^/]+/[^/]+/\d+-)\w+", r"\1", name): _content(path) if path.is_file() else "folder"
        for path, name in names.items()
        if not re.match(_OF_THE_RUNS, name)
    }
    return {**{f"table {n}": rows for n, rows in tables(home.published).items()}, "ledger": entries, **kept}


def _content(path: Path) -> str:
    if path.name != MANIFEST:
        return sha256(path)
    return repr(sorted((json.loads(path.read_bytes()) | {"ledger": None}).items()))


def faults_at_once(home: Home, start: Start) -> list[str]:
    """What is wrong right after the kill, before anything ran again: [] where nothing is lost and readers can work."""
    faults = []
    if home.published.exists():
        now = tables(home.published)
        before = tables(Home(start.root).published) if Home(start.root).published.exists() else None
        after = {name[6:]: rows for name, rows in start.whole.items() if name.startswith("table ")}
        for one in (now, before or {}, after):
            one.pop("core.fct_bundle", None)  # is published after the others, when the bundles are there
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
    if not is_untouched(home):
        found.append("the published copy is not the one that was published")
    for bundle in home.exports.glob("*/*/[0-9]*"):
        found += [f"{bundle.name}: {fault}" for fault in verify(bundle)]
    return found


def kind(operation: Operation) -> tuple[str, str]:
    """The operation and the kind of file, for choosing and counting: ('write', "build database's log")."""
    if not operation.number:
        return operation.name, operation.place
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
        (r"/runs\b|/summary\.json", "run summary"),
    )
    return operation.name, next((name for pattern, name in names if re.search(pattern, place)), "other")


@dataclass(frozen=True)
class Report:
    """A home whose runs were killed one after the other: where each was hit, and what was wrong then or in the end."""

    hits: list[Operation]
    faults: list[str]


def suffer(start: Start, numbers: Iterable[int], to: Path, *, power: bool = False) -> Report:
    """Kill a run at an operation (or let the power fail) and look, once for each number; then run undisturbed and
    compare. A run that takes fewer operations, as those before have done the work, is not hit."""
    home = start.copy(to)
    hits, faults = [], []
    for number in numbers:
        decide: Any = PowerLoss(home, number, to.with_name(f"{to.name}-kept")) if power else kill_at(number)
        outcome = watch(CONTEXT, start.run, (home.root, start.day), home.root, decide)
        if outcome.exit_code == 0:
            continue
        hits.append(outcome.operations[-1])
        if outcome.exit_code != -signal.SIGKILL:
            faults.append(f"a run ended with {outcome.exit_code} before {hits.pop()}")
        if power:
            decide.lose()
        faults += ["a worker outlived its run"] * outcome.orphans + faults_at_once(home, start)
    finish(home, start)
    return Report(hits, faults + differences(home, start))


def suffer_at_moments(start: Start, moments: Iterable[float], to: Path) -> Report:
    """Kill a run after so many seconds, wherever it is, once for each; then run undisturbed and compare."""
    home = start.copy(to)
    hits, faults = [], []
    for seconds in moments:
        process = CONTEXT.Process(target=start.run, args=(home.root, start.day))
        process.start()
        process.join(seconds)
        if process.is_alive():
            hits.append(Operation(0, "any", "at a moment by the clock"))
        process.kill()
        process.join()
        faults += faults_at_once(home, start)
    finish(home, start)
    return Report(hits, faults + differences(home, start))
