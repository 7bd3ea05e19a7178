"""What must hold whatever happens: kills, power cuts, full disks, read-only folders, clocks, slow shares, readers.

The long suite, with hundreds of kills, is benchmarks/faults.py.
"""

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import faults
import pytest
from syscalls import GO_ON, KILL, Operation, watch

from pipelines import files, flow
from pipelines.home import PROJECT
from pipelines.intake import ledger, receive
from pipelines.intake.ledger import VIETNAM, Ledger
from pipelines.warehouse import publishing
from pipelines.warehouse.database import building, reading
from pipelines.warehouse.models import models

# What a run does to the disk, in the order it does it: each is a point at which a run is killed.
POINTS = [
    ("create", "archive"), ("write", "archive"), ("fsync", "archive"), ("rename", "archive"),
    ("write", "ledger"), ("fsync", "ledger"), ("remove", "inbox"),
    ("create", "build database's log"), ("write", "build database's log"), ("fsync", "build database's log"),
    ("write", "build database"), ("fsync", "build database"), ("remove", "build database's log"),
    ("create", "published copy"), ("write", "published copy"), ("fsync", "published copy"),
    ("rename", "published copy"), ("write", "feedback"), ("rename", "feedback"),
    ("write", "bundles"), ("rename", "bundles"), ("write", "scorecard"), ("rename", "scorecard"),
]  # fmt: skip


@pytest.fixture(scope="module")
def second_day(tmp_path_factory):
    """A warehouse that has been run once, the second day's files in its inbox, and what an undisturbed run makes."""
    return faults.make_starts(tmp_path_factory.mktemp("starts"))[1]


def first_number(start, point):
    return next(operation.number for operation in start.operations if faults.kind(operation) == point)


# ---------------------------------------------------------------- killed


def test_a_run_killed_at_every_kind_of_write_loses_nothing_and_the_next_finishes(second_day, tmp_path):
    """One home, a run a point, each killed before the first such operation; after each the published copy is the old
    one or the new one, whole, and every file is in the inbox or in the archive. The last run is left in peace."""
    home, hit, wrong = second_day.copy(tmp_path / "home"), [], []
    for point in POINTS:
        outcome = watch(
            faults.CONTEXT,
            faults.steps,
            (home.root, second_day.day),
            home.root,
            lambda operation, point=point: KILL if faults.kind(operation) == point else GO_ON,
        )
        if outcome.exit_code == -9:
            hit.append(point)
        wrong += faults.faults_at_once(home, second_day) + ["a worker outlived its run"] * outcome.orphans
    faults.finish(home, second_day)
    assert hit == POINTS
    assert wrong == []
    assert faults.differences(home, second_day) == []


def test_power_cuts_take_only_what_the_next_run_makes_again(second_day, tmp_path):
    """One home, four cuts, each right after what the next steps rely on."""
    after = [("write", "ledger"), ("remove", "inbox"), ("rename", "published copy"), ("rename", "feedback")]
    numbers = [first_number(second_day, point) + 1 for point in after]
    report = faults.suffer(second_day, numbers, tmp_path / "home", power=True)
    assert len(report.hits) == 4
    assert report.faults == []


def test_a_file_leaves_the_inbox_only_when_archive_and_ledger_are_on_disk(second_day):
    """The order of the operations themselves: what a power cut at any instant can rely on."""
    done = [faults.kind(operation) for operation in second_day.operations]
    first_removal = done.index(("remove", "inbox"))
    entries = [n for n, what in enumerate(done) if what == ("write", "ledger")]
    for entry in entries:  # those of receipts, and of what is decided later in the run
        assert ("fsync", "ledger") in done[entry : first_removal if entry < first_removal else len(done)]
    received = max(entry for entry in entries if entry < first_removal)
    archived = [n for n, (name, place) in enumerate(done) if place == "archive" and name == "rename"]
    for moved in archived:
        assert done[moved - 1] == ("fsync", "archive")  # the copy
        assert done[moved + 1] == ("fsync", "archive")  # its name
        assert moved + 1 < (received if moved < first_removal else entries[-1])
    assert sum(moved < received for moved in archived) == done.count(("remove", "inbox"))


def test_what_is_compared_would_show_a_difference(second_day, tmp_path):
    """The comparison itself can fail: a line of the ledger, a byte of a bundle, a file in the inbox, a figure."""
    assert "table core.fct_actual: other" in faults.differences(second_day.copy(tmp_path / "before"), second_day)
    home = faults.replace(second_day, root=second_day.end).copy(tmp_path / "home")
    assert faults.differences(home, second_day) == []
    bundle = next(home.exports.glob("*/*/*/tasks.csv"))
    bundle.write_bytes(bundle.read_bytes() + b"x")
    Ledger(home).append([{"event": "day", "day": "2026-12-01"}])
    faults.drop(home, "11164-vinh-lai/CA", "x.xlsx", b"x", datetime(2026, 11, 18, tzinfo=VIETNAM))
    found = " ".join(faults.differences(home, second_day))
    for name in ("ledger: other", "tasks.csv: other", "x.xlsx: more", "changed: tasks.csv"):
        assert name in found


# ---------------------------------------------------------------- the disk says no


def test_a_full_disk_fails_each_run_and_loses_nothing(second_day, tmp_path):
    """One home, the disk full a little later in each run; then there is room again."""
    home = second_day.copy(tmp_path / "home")
    for place in ("archive", "ledger", "build database's log", "published copy", "feedback", "bundles", "scorecard"):
        is_full = []

        def full(operation: Operation, place=place, is_full=is_full) -> int:
            if faults.kind(operation) == ("write", place):
                is_full.append(operation)
            needs_room = operation.name in ("write", "create", "mkdir", "allocate")
            return errno.ENOSPC if is_full and needs_room else GO_ON

        outcome = watch(faults.CONTEXT, faults.steps, (home.root, second_day.day), home.root, full)
        assert (place, outcome.exit_code, outcome.orphans) == (place, 1, 0)
        assert re.search("No space left|Could not write", faults.said(home.root).read_text())
        assert faults.faults_at_once(home, second_day) == []
    faults.finish(home, second_day)
    assert faults.differences(home, second_day) == []


def test_a_read_only_warehouse_fails_the_run_and_changes_nothing(second_day, tmp_path):
    home = second_day.copy(tmp_path / "home")
    before = faults.state(home)
    outcome = watch(faults.CONTEXT, faults.steps, (home.root, second_day.day), home.root, lambda _: errno.EROFS)
    assert outcome.exit_code == 1
    assert "Read-only file system" in faults.said(home.root).read_text()
    assert faults.state(home) == before


def test_an_inbox_nothing_can_be_removed_from_is_received_once(home, monkeypatch, caplog):
    path = faults.drop(home, "11164-vinh-lai/CA", "a.xlsx", b"content", datetime(2026, 11, 1, tzinfo=VIETNAM))

    def refuse(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with monkeypatch.context() as read_only:
        read_only.setattr(Path, "unlink", refuse)
        assert [receive.receive(home, Ledger(home)) for _ in range(2)] == [1, 0]
    assert path.exists()
    assert "a.xlsx is received and cannot be removed from the inbox" in caplog.text
    assert receive.receive(home, Ledger(home)) == 0
    assert not path.exists()
    assert len(Ledger(home).of("received")) == 1


# ---------------------------------------------------------------- two at once


def test_a_second_run_is_turned_away_while_one_is_at_work_and_a_killed_one_hinders_nobody(second_day, tmp_path):
    """The real command: killed before it publishes, while a second one was refused with exit code 3."""
    home = second_day.copy(tmp_path / "home")
    refused = []

    def kill_after_another_tried(operation: Operation) -> int:
        if faults.kind(operation) != ("rename", "published copy"):
            return GO_ON
        other = faults.CONTEXT.Process(target=faults.kpi57, args=(home.root, second_day.day))
        other.start()
        other.join()
        refused.append((other.exitcode, faults.said(home.root).read_text()))
        return KILL

    outcome = watch(faults.CONTEXT, faults.kpi57, (home.root, second_day.day), home.root, kill_after_another_tried)
    assert (outcome.exit_code, outcome.orphans) == (-9, 0)
    [(exit_code, said)] = refused
    assert exit_code == 3
    assert "another kpi57 run holds" in said
    assert faults.faults_at_once(home, second_day) == []
    faults.finish(home, second_day)
    assert faults.differences(home, second_day) == []


# ---------------------------------------------------------------- the clock


def test_a_clock_set_back_changes_no_order(office, home, ask, monkeypatch):
    """The correction comes 'nine days earlier' than the file it corrects, and supersedes it all the same."""
    for today, numerator in ((date(2026, 11, 17), 20), (date(2026, 11, 8), 30)):

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None, today=today):
                return datetime(today.year, today.month, today.day, 9, tzinfo=tz)

        for module in (receive, ledger):
            monkeypatch.setattr(module, "datetime", Clock)
        office.send("CA", "2026-10", {"XHS-02": {"numerator": numerator, "denominator": 40}})
        flow.run_steps(home)
    assert ask("SELECT numerator, is_current FROM core.fct_actual ORDER BY recorded_at") == [(20, False), (30, True)]
    assert ask("SELECT count(*) FROM core.fct_actual WHERE superseded_at <= recorded_at") == [(0,)]
    assert ask.one("SELECT as_of_on FROM core.dim_build") == date(2026, 11, 17)
    times = [entry["received_at"] for entry in Ledger(home).of("received")]
    assert times == sorted(times)


# ---------------------------------------------------------------- a slow share


def test_a_file_that_is_still_growing_stays_in_the_inbox_and_is_taken_whole_later(home, monkeypatch):
    monkeypatch.setattr(receive, "QUIET_SECONDS", 0.3)
    folder = home.inbox / "11164-vinh-lai" / "CA"
    folder.mkdir(parents=True)
    (folder / "xong.csv").write_bytes(b"whole")
    os.utime(folder / "xong.csv", (1, 1))
    written, stop = [], threading.Event()

    def write_slowly():
        while not stop.wait(0.05):
            with (folder / "dài.csv").open("ab") as handle:
                written.append(handle.write(b"one more line\n"))

    writer = threading.Thread(target=write_slowly)
    writer.start()
    while not written:
        time.sleep(0.01)
    assert receive.receive(home, Ledger(home)) == 1
    assert [path.name for path in folder.iterdir()] == ["dài.csv"]
    stop.set()
    writer.join()
    assert receive.receive(home, Ledger(home)) == 1
    entries = Ledger(home).of("received")
    assert [(entry["name"], entry["size"]) for entry in entries] == [("xong.csv", 5), ("dài.csv", sum(written))]
    assert list(folder.iterdir()) == []


def test_a_file_whose_time_was_set_back_after_it_was_written_is_no_old_file(home, monkeypatch):
    """Copying programs set the sender's time at the end: size and time are as listed, the content is another."""
    path = faults.drop(home, "11164-vinh-lai/CA", "a.csv", b"0000", datetime(2026, 11, 1, tzinfo=VIETNAM))
    [listed] = receive.waiting(home)
    faults.drop(home, "11164-vinh-lai/CA", "a.csv", b"1234", datetime(2026, 11, 1, tzinfo=VIETNAM))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (listed.stat.st_size, listed.stat.st_mtime_ns)
    assert not listed.is_unchanged


def test_a_file_that_its_writer_locks_is_left_and_the_others_are_taken(home, monkeypatch, caplog):
    """As Windows does: who opens the file is refused."""
    at = datetime(2026, 11, 1, tzinfo=VIETNAM)
    locked = faults.drop(home, "11164-vinh-lai/CA", "khóa.xlsx", b"half", at)
    faults.drop(home, "11164-vinh-lai/CA", "xong.xlsx", b"whole", at)
    opened = Path.open

    def refuse(path, *arguments, **options):
        if path == locked:
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    assert receive.receive(home, Ledger(home)) == 1
    assert locked.exists()
    assert "khóa.xlsx is left in the inbox" in caplog.text


# ---------------------------------------------------------------- ledger


def test_who_only_reads_the_ledger_changes_nothing_in_it(home):
    """A run may be writing the very line that a reader finds cut short."""
    Ledger(home).append([{"event": "day", "day": "2026-11-16"}])
    with home.ledger.open("ab") as handle:
        handle.write(b'{"sequence": 2, "ev')
    before = home.ledger.read_bytes()
    assert len(Ledger(home).entries) == 1
    assert home.ledger.read_bytes() == before


def test_a_ledger_that_grew_meanwhile_is_not_overwritten(home):
    late = Ledger(home)
    Ledger(home).append([{"event": "day", "day": "2026-11-16"}])
    with pytest.raises((RuntimeError, FileExistsError)):
        late.append([{"event": "day", "day": "2026-11-17"}])
    again = Ledger(home)
    Ledger(home).append([{"event": "day", "day": "2026-11-17"}])
    with pytest.raises(RuntimeError, match="written to meanwhile: run again"):
        again.append([{"event": "day", "day": "2026-11-18"}])
    assert [entry["day"] for entry in Ledger(home).entries] == ["2026-11-16", "2026-11-17"]


def test_a_damaged_line_of_the_ledger_is_named_and_nothing_is_guessed(home):
    Ledger(home).append([{"event": "day", "day": "2026-11-16"}, {"event": "day", "day": "2026-11-17"}])
    home.ledger.write_bytes(home.ledger.read_bytes().replace(b'{"sequence": 1', b"\0" * 14))
    with pytest.raises(ValueError, match=r"warehouse/archive/ledger.jsonl: line 1 is damaged\. .* last backup"):
        Ledger(home)


# ---------------------------------------------------------------- readers


SNAPSHOT = """
SELECT
    (SELECT as_of_on FROM core.dim_build), (SELECT min(note) FROM core.dim_indicator),
    (SELECT max(note) FROM core.dim_indicator), (SELECT min(title) FROM core.dim_plan),
    (SELECT count(DISTINCT title) FROM core.dim_plan), (SELECT count(*) FROM core.dim_commune)
"""


def read_in_a_loop(home, stop, answers):
    """What a reader's program does, in a process of its own: open, ask twice, close, again."""
    seen, loops, error = [], 0, None
    try:
        while not stop.is_set():
            with reading(home) as con:
                first, again = con.execute(SNAPSHOT).fetchall(), con.execute(SNAPSHOT).fetchall()
            if first != again:
                raise AssertionError(f"two answers in one connection: {first}, {again}")
            loops += 1
            if first[0] not in seen:
                seen.append(first[0])
    except Exception as raised:  # noqa: BLE001 - whatever it is, the test tells it
        error = repr(raised)
    answers.put((seen, loops, error))


def publish_the(home, day):
    """Publish with the day's mark in three tables."""
    with building(home) as con:
        con.execute("CREATE OR REPLACE TABLE core.dim_build AS SELECT ?::DATE AS as_of_on", [day])
        con.execute("UPDATE core.dim_indicator SET note = ?", [day.isoformat()])
        con.execute("UPDATE core.dim_plan SET title = ?", [day.isoformat()])
    marked = {"core.dim_build", "core.dim_indicator", "core.dim_plan", "core.dim_commune", "core.fct_target"}
    plain = [model for model in models() if model.table in marked]
    publishing.publish(home, [m if m.table != "core.dim_build" else only(m, "as_of_on") for m in plain])


def only(model, column):
    return faults.replace(model, spec={**model.spec, "columns": {column: model.spec["columns"][column]}})


def test_readers_in_three_processes_see_one_snapshot_each_time_during_fifty_publishes(second_day, tmp_path):
    home = second_day.copy(tmp_path / "home")
    publish_the(home, date(2026, 1, 1))
    stop, answers = faults.CONTEXT.Event(), faults.CONTEXT.Queue()
    readers = [faults.CONTEXT.Process(target=read_in_a_loop, args=(home, stop, answers)) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 51):
        publish_the(home, date(2026, 1, 1) + timedelta(number))
    stop.set()
    for seen, loops, error in [answers.get(timeout=60) for _ in readers]:
        assert error is None
        assert loops > 10
        days = [row[0] for row in seen]
        assert len(days) > 5
        assert days == sorted(days)
        for day, least, most, title, titles, communes in seen:
            assert (least, most, title, titles, communes) == (str(day), str(day), str(day), 1, 114)
    for reader in readers:
        reader.join()


def test_an_open_reader_a_stray_log_and_a_damaged_build_database_stop_no_run(second_day, tmp_path):
    """Who has the old copy open keeps it. What somebody's DuckDB, opened for writing and killed, left beside the copy
    fits no other and would lock every reader out: it goes. The build database is made again from the archive."""
    home = second_day.copy(tmp_path / "home")
    home.build.write_bytes(home.build.read_bytes()[:5000])
    other = second_day.copy(tmp_path / "other")
    for one in (home, other):
        one.published.with_name("kpi.duckdb.wal").write_bytes(_log_of_another_database(tmp_path))
    with pytest.raises(duckdb.Error, match="WAL"):
        faults.tables(other.published)
    shutil.copy(second_day.root / "warehouse" / "kpi.duckdb", tmp_path / "copy.duckdb")
    home.published.unlink()
    os.link(tmp_path / "copy.duckdb", home.published)  # so that this process holds the very file, log or no log
    with duckdb.connect(tmp_path / "copy.duckdb", read_only=True) as con:
        before = con.execute("FROM core.fct_actual").fetchall()
        faults.finish(home, second_day)
        assert con.execute("FROM core.fct_actual").fetchall() == before
    assert faults.differences(home, second_day) == []


def _log_of_another_database(folder):
    with duckdb.connect(folder / "another.duckdb") as con:
        con.execute("CREATE OR REPLACE TABLE t AS FROM range(10)")
        return (folder / "another.duckdb.wal").read_bytes()


def test_where_an_open_file_cannot_be_replaced_the_old_copy_stays_and_the_error_says_what_to_do(home, monkeypatch):
    """As Windows does while a reader has the file open: tried again for a while, then given up."""
    home.warehouse.mkdir(parents=True)
    home.published.write_bytes(b"old")
    new = home.warehouse / ".new"
    new.write_bytes(b"new")
    tries = []

    def held(path, target):
        tries.append(target)
        raise PermissionError(errno.EACCES, "Access is denied", str(target))

    monkeypatch.setattr(files, "_SECONDS_HELD", 0.6)
    with monkeypatch.context() as as_windows:
        as_windows.setattr(Path, "replace", held)
        with pytest.raises(PermissionError, match="close the program that has it open, and run again"):
            files.swap_in(new, home.published)
    assert len(tries) > 2
    assert home.published.read_bytes() == b"old"
    files.swap_in(new, home.published)
    assert home.published.read_bytes() == b"new"


def test_processes_that_write_one_file_at_once_do_not_meet(tmp_path):
    """A worker and Dagster's page of one home begin in the same second."""
    place = tmp_path / "settings"
    write = "write_whole(pathlib.Path(sys.argv[1]), sys.argv[2] * 9999, at_once=True)"
    code = f"import sys, pathlib; from pipelines.files import write_whole; [{write} for _ in range(100)]"
    words = [sys.executable, "-c", code, str(place)]
    begun = [subprocess.Popen([*words, letter], cwd=PROJECT, stderr=subprocess.PIPE, text=True) for letter in "abc"]
    assert [(process.communicate()[1], process.returncode) for process in begun] == [("", 0)] * 3
    assert place.read_text() in [letter * 9999 for letter in "abc"]
    assert list(tmp_path.iterdir()) == [place]
