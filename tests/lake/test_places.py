"""Two places that receive, the home that joins them and three readers of its lake, all on this machine: whatever is
killed, what is published in the end is what one machine with all the files publishes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest
from joined import said
from test_lake import Readers, begin_to_publish, differences, say_of

from pipelines import flow
from pipelines.demo import fill_inbox
from pipelines.home import Home
from pipelines.intake.ledger import Ledger, LedgerError
from pipelines.intake.places import places
from pipelines.lake.process import ADDRESS as LAKE
from pipelines.lake.process import lake
from pipelines.registry import registry as registries
from pipelines.shared_ledger import ADDRESS, ForkedError, UnreachableError, shared_ledger
from pipelines.warehouse.database import BusyError, run_lock

NORTH = ("11164", "11086", "11791")  # a file of the first lies in the second's folder
AT_A_PLACE = "run_steps(home)"
AT_THE_BUILDER = "run_steps(home); noted = flow.publish_lake(home); assert not noted['error'], noted"
PROGRAM = """
from pipelines import flow
from pipelines.home import current_home
from pipelines.intake import receive
from pipelines.warehouse.database import run_lock
receive.QUIET_SECONDS = 0
home = current_home()
with run_lock(home):
    flow.{}
"""


class Machine:
    """A machine of a place or of the builder: the shared home, and a disk of its own."""

    def __init__(self, home, disk):
        self.home = replace(home, local=disk)

    def begin(self, what=AT_A_PLACE):
        named = {"HOME": self.home.root, "LOCAL": self.home.local, "SITE": self.home.place, "PLACES": self.home.places}
        env = os.environ | {f"KPI57_{name}": str(value) for name, value in named.items() if value}
        return subprocess.Popen([sys.executable, "-c", PROGRAM.format(what)], env=env, start_new_session=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip

    def run(self, what=AT_A_PLACE):
        begun = self.begin(what)
        said, _ = begun.communicate()
        assert begun.returncode == 0, said


def kill(begun):
    os.killpg(begun.pid, signal.SIGKILL)
    begun.communicate()


def until(begun, is_so):
    """Wait until something is so while a program is at work."""
    while not is_so():
        assert begun.poll() is None, begun.stdout.read()
        time.sleep(0.01)


@pytest.fixture
def address(postgres, monkeypatch, request):
    """A database for ledgers of the test's own."""
    database = f"ledgers_{abs(hash(request.node.name))}"
    postgres.create(database)
    monkeypatch.setenv(ADDRESS, f"postgres:dbname={database} host=127.0.0.1 port={postgres.port} user=kpi57")
    return database


# ---------------------------------------------------------------- the ledger in PostgreSQL


@pytest.fixture
def place(address, tmp_path):
    home = Home(tmp_path / "place", place="hai-phong")
    Ledger(home).append([{"event": "site", "site": "hai-phong"}])
    return home


def test_what_another_machine_entered_is_taken_over_line_by_line(place, tmp_path):
    Ledger(place).append([{"event": "day", "day": "2026-11-16", "words": "có dấu, 'ngoặc' và \\ \u2028"}])
    other = Home(tmp_path / "another machine", place="hai-phong")
    assert Ledger(other).catch_up() == 2
    assert other.ledger.read_bytes() == place.ledger.read_bytes()
    assert Ledger(other).catch_up() == 0


def test_a_ledger_that_was_begun_without_it_is_entered_whole(address, tmp_path, monkeypatch):
    home = Home(tmp_path, place="hai-phong")
    with monkeypatch.context() as patch:
        patch.delenv(ADDRESS)
        Ledger(home).append([{"event": "day", "day": "2026-11-16"}, {"event": "day", "day": "2026-11-17"}])
    assert Ledger(home).catch_up() == 2
    Ledger(home).append([{"event": "day", "day": "2026-11-18"}])
    assert shared_ledger("hai-phong").newest() == Ledger(home).head


def test_of_two_machines_that_go_on_from_the_same_state_one_is_refused(place, tmp_path):
    other = Home(tmp_path / "another machine", place="hai-phong")
    ledger = Ledger(other)
    ledger.catch_up()
    Ledger(place).append([{"event": "day", "day": "2026-11-16"}])
    with pytest.raises(ForkedError, match="another machine entered something"):
        ledger.append([{"event": "day", "day": "2026-11-17"}])
    assert other.ledger.read_bytes().count(b"\n") == 1
    assert Ledger(other).catch_up() == 1


def test_another_ledger_under_the_same_name_is_refused(place, tmp_path, monkeypatch):
    other = Home(tmp_path / "other", place="hai-phong")
    with monkeypatch.context() as patch:
        patch.delenv(ADDRESS)
        Ledger(other).append([{"event": "day", "day": "2026-11-16"}])
    with pytest.raises(LedgerError, match="is not the ledger of 'hai-phong' that is kept in PostgreSQL"):
        Ledger(other).catch_up()


def test_one_machine_at_a_time_works_at_a_place(place, tmp_path):
    other = replace(place, local=tmp_path / "disk of another machine")
    with run_lock(place), pytest.raises(BusyError, match="another machine is at work at 'hai-phong'"), run_lock(other):
        pass
    with run_lock(other):
        pass


def test_a_ledger_that_cannot_be_reached_takes_nothing_and_a_place_without_a_name_is_told(place, postgres):
    before = place.ledger.read_bytes()
    postgres.stop()
    try:
        with pytest.raises(UnreachableError, match="the ledger in PostgreSQL cannot be reached"):
            Ledger(place).append([{"event": "day", "day": "2026-11-16"}])
    finally:
        postgres.start()
    assert place.ledger.read_bytes() == before
    with pytest.raises(ValueError, match="KPI57_SITE is not: name the place"):
        Ledger(Home(place.root)).catch_up()


# ---------------------------------------------------------------- all of it at once


@pytest.fixture(scope="module")
def illustrative(tmp_path_factory):
    """The illustrative inbox of one machine that ran on two days; and the files of either day, by commune."""
    home, folder = Home(tmp_path_factory.mktemp("one") / "home"), tmp_path_factory.mktemp("files")
    fill_inbox(home, registries.load(), Ledger(home))
    times = sorted(path.stat().st_mtime for path in home.inbox.rglob("*.*"))
    for path in home.inbox.rglob("*.*"):
        day = folder / ("second" if path.stat().st_mtime > times[-20] else "first")
        copy = day / path.relative_to(home.inbox)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(ADDRESS, raising=False)
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        flow.run_steps(home)
    return home, folder


def send(files, home, communes):
    """Drop the files of some communes into an inbox."""
    for folder in files.iterdir():
        if (folder.name[:5] in NORTH) == (communes is NORTH):
            shutil.copytree(folder, home.inbox / folder.name, dirs_exist_ok=True)


def mark(home, like):
    """A home as illustrative as another, before its first file."""
    ledger = Ledger(home)
    ledger.record_site(home.place)
    [entry] = [entry for entry in Ledger(like).entries if entry["event"] == "illustrative"]
    ledger.append([{name: value for name, value in entry.items() if name not in ("sequence", "before")}])


def test_two_places_a_builder_and_three_readers_each_killed_in_turn_say_what_one_machine_says(
    illustrative, address, postgres, monkeypatch, tmp_path
):
    one, files = illustrative
    for name in ("bac", "nam"):
        (tmp_path / "places" / name).mkdir(parents=True)
    builder = Machine(Home(tmp_path / "builder", place="chung", places=tmp_path / "places"), tmp_path / "disk-0")
    bac, nam = (Machine(home, tmp_path / f"disk-{home.place}") for home in places(builder.home))
    for machine, communes in ((bac, NORTH), (nam, None)):
        mark(machine.home, one)
        send(files / "first", machine.home, communes)
    postgres.create("lake_of_places")
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv(LAKE, f"{postgres.address('lake_of_places')} data_path={tmp_path / 'lake'}/")
    bac.run()
    nam.run()
    builder.run(AT_THE_BUILDER)
    yesterday = say_of(builder.home)

    readers = Readers(lake(), tmp_path)
    for machine, communes in ((bac, NORTH), (nam, None)):
        send(files / "second", machine.home, communes)
    # a place is killed when it has entered its files, and taken over by another machine, which is killed too
    before, _ = shared_ledger("bac").newest()
    begun = bac.begin()
    until(begun, lambda: shared_ledger("bac").newest()[0] > before)
    kill(begun)
    begun = (another := Machine(bac.home, tmp_path / "disk-bac-2")).begin()
    until(begun, lambda: another.home.built.exists())
    kill(begun)
    Machine(bac.home, tmp_path / "disk-bac-3").run()
    # PostgreSQL is restarted while the other is at work
    begun = nam.begin()
    with closing(psycopg2.connect(shared_ledger("nam").address)) as con, con.cursor() as cursor:
        con.autocommit = True

        def is_held():
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            return cursor.fetchone()[0]

        until(begun, is_held)
    postgres.stop()
    said_by_it, _ = begun.communicate()
    postgres.start()
    assert "the ledger in PostgreSQL cannot be reached" in said_by_it
    nam.run()
    # the builder is killed when it has joined, and when it has begun to publish
    before, _ = shared_ledger("chung").newest()
    begun = builder.begin(AT_THE_BUILDER)
    until(begun, lambda: shared_ledger("chung").newest()[0] > before)
    kill(begun)
    builder.run()
    for name, value in (("HOME", builder.home.root), ("LOCAL", builder.home.local), ("SITE", "chung"),
                        ("PLACES", builder.home.places)):  # fmt: skip
        monkeypatch.setenv(f"KPI57_{name}", str(value))
    kill(begin_to_publish(lake()))
    builder.run(AT_THE_BUILDER)
    time.sleep(2)

    assert readers.seen() == [[yesterday, say_of(builder.home)]] * 3
    assert differences(builder.home, lake()) == {}
    ours, theirs = said(builder.home, times=True), said(one, times=True)
    assert {name: rows for name, rows in ours.items() if rows != theirs[name]} == {}
    assert len(ours) > 45
    # and built again from the builder's own archive and ledger alone
    again = Machine(builder.home, tmp_path / "disk-new")
    again.run()
    assert said(again.home, times=True) == theirs
