"""Several places that receive, joined into one warehouse: it says what one machine with all the files would say."""

import json
import logging
import shutil

import pytest
from conftest import DAI_SON, VINH_LAI, Office, Warehouse
from joined import said

from pipelines import flow
from pipelines.home import Home, current_home
from pipelines.intake import acts
from pipelines.intake.ledger import Ledger, SiteError
from pipelines.intake.places import places
from pipelines.upkeep.doctor import FAIL, WARN, examine
from pipelines.upkeep.status_report import run_report
from pipelines.warehouse.database import building

LE_CHAN = "11383"
NORTH, SOUTH = (VINH_LAI, DAI_SON), (LE_CHAN,)


def police(good, all_, **more):
    return {"answers": {"XHS-02": {"numerator": good, "denominator": all_}}, **more}


FIRST = (
    (VINH_LAI, police(20, 40)),
    (VINH_LAI, police(50, 40, name="sai.xlsx")),  # more than all
    (DAI_SON, police(7, 10)),
    (LE_CHAN, police(30, 60)),
)
SECOND = ((VINH_LAI, police(22, 40, name="lan-2.xlsx")), (LE_CHAN, police(31, 60, period="2026-09")))


@pytest.fixture(scope="module")
def first_day(tmp_path_factory, registry):
    """A country on whose first day all ran."""
    country = Country(tmp_path_factory.mktemp("first"), registry)
    for home in (country.north, country.south, country.builder):
        home.root.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        country.send(FIRST)
        country.run()
    return country


@pytest.fixture
def country(first_day, tmp_path, registry, monkeypatch):
    """The same, to go on from there."""
    monkeypatch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
    shutil.copytree(first_day.folder, tmp_path / "country")
    return Country(tmp_path / "country", registry)


@pytest.fixture
def begun(tmp_path, registry, monkeypatch):
    """A country in which nothing ran yet; its places have what was sent on the first day."""
    monkeypatch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
    country = Country(tmp_path / "begun", registry)
    country.send(FIRST)
    return country


def judge(home):
    """A run of a place as far as it matters to who joins it."""
    for step in (flow.load_registry, flow.receive_files, flow.read_files, flow.validate_files, flow.record_verdicts):
        step(home)


def receive(home):
    """A run of who joins the places, as far as its ledger and receipts."""
    flow.load_registry(home)
    flow.receive_files(home)
    with building(home) as con:
        return con.execute("SELECT place, count(*) FROM raw.receipt GROUP BY ALL ORDER BY ALL").fetchall()


class Country:
    """One machine, two places, and the home that joins the two."""

    def __init__(self, folder, registry):
        self.folder = folder
        self.one = Home(folder / "one")
        self.builder = Home(folder / "builder", places=folder / "places")
        for name in ("hai-phong-bac", "hai-phong-nam"):
            (folder / "places" / name).mkdir(parents=True, exist_ok=True)
        self.north, self.south = places(self.builder)
        self.registry = registry

    def send(self, files):
        for commune, what in files:
            for home in (self.one, self.north if commune in NORTH else self.south):
                Office(home, self.registry).send(commune=commune, **what)

    def run(self, *homes):
        for home in homes or (self.one, self.north, self.south, self.builder):
            flow.run_steps(home)

    def ask(self, home, sql):
        return Warehouse(home.published)(sql)

    def noted(self, place):
        return json.loads(self.builder.joined.read_text(encoding="utf-8"))[place.place]

    def is_as_one(self):
        ours, theirs = said(self.builder, times=False), said(self.one, times=False)
        assert {name: len(rows) for name, rows in ours.items()} == {name: len(rows) for name, rows in theirs.items()}
        return ours == theirs


def test_two_places_and_who_joins_them_say_what_one_machine_says_day_after_day(country):
    assert country.is_as_one()
    counted = "SELECT place, count(*) FROM core.fct_submission GROUP BY ALL ORDER BY ALL"
    assert country.ask(country.builder, counted) == [("hai-phong-bac", 3), ("hai-phong-nam", 1)]
    country.send([*SECOND, FIRST[0]])  # the last as on the first day: it is known already
    country.run()
    assert country.is_as_one()
    assert country.ask(country.builder, "FROM core.fct_submission SELECT count(*) WHERE status = 'duplicate'") == [(1,)]
    country.builder.build.unlink()
    country.run(country.builder)  # built again from its own archive and ledger
    assert country.is_as_one()
    before = Ledger(country.builder).head
    assert receive(country.builder) == [("hai-phong-bac", 5), ("hai-phong-nam", 2)]
    assert Ledger(country.builder).head == before
    assert flow.write_feedback(country.builder) == 0  # each place tells its own


def test_a_lock_of_a_place_holds_what_that_place_receives_and_a_file_set_aside_there_does_not_count(country):
    acts.act_on_period(Ledger(country.north), "locked", "2026-10", "chốt số liệu", "Sở KH&CN")
    [(aside,)] = country.ask(country.south, "SELECT submission_id FROM core.fct_submission")
    acts.set_aside(Ledger(country.south), aside, "gửi nhầm", "Phòng VH-XH")
    country.send([(VINH_LAI, police(23, 40)), (LE_CHAN, police(33, 60))])
    judge(country.north)
    judge(country.south)
    country.run(country.builder)
    assert country.ask(country.builder, "SELECT commune_code, is_held, count(*) FROM core.fct_submission WHERE status "
                       "IN ('held', 'accepted') GROUP BY ALL ORDER BY ALL") == [
        (DAI_SON, False, 1), (VINH_LAI, False, 1), (VINH_LAI, True, 1), (LE_CHAN, False, 1)]  # fmt: skip
    assert country.ask(country.builder, "SELECT submission_id, set_aside_by FROM core.fct_submission WHERE status = "
                       "'set_aside'") == [(aside, "Phòng VH-XH")]  # fmt: skip


def test_a_file_without_a_verdict_yet_is_joined_with_its_verdict(begun):
    flow.load_registry(begun.north)
    flow.receive_files(begun.north)  # killed here
    judge(begun.south)
    assert receive(begun.builder) == [("hai-phong-nam", 1)]
    judge(begun.north)
    assert receive(begun.builder) == [("hai-phong-bac", 3), ("hai-phong-nam", 1)]


def test_a_day_undone_at_a_place_moves_what_came_on_it_there_and_nowhere_else(country):
    ledger = Ledger(country.north)
    acts.undo_day(ledger, ledger.as_of, "đồng hồ sai", "quản trị")
    receive(country.builder)
    ledger = Ledger(country.builder)
    times = dict(zip([(entry["place"], entry["place_sequence"]) for entry in ledger.of("received")], ledger.received_at,
                     strict=True))  # fmt: skip
    for home in (country.north, country.south):
        there = Ledger(home)
        for entry, at in zip(there.of("received"), there.received_at, strict=True):
            assert times[home.place, entry["sequence"]] == at


@pytest.mark.parametrize("spoil", ["altered", "unnamed", "another name", "segment lost", "unreadable"])
def test_a_place_that_cannot_be_believed_is_left_out_with_a_word_and_all_else_is_joined(begun, caplog, spoil):
    north = begun.north
    judge({"unnamed": Home(north.root), "another name": Home(north.root, place="ha-noi")}.get(spoil, north))
    judge(begun.south)
    if spoil == "altered":
        receive(begun.builder)
        north.ledger.write_bytes(north.ledger.read_bytes().replace(b"sai.xlsx", b"sua.xlsx"))
    elif spoil == "segment lost":
        [entry] = Ledger(north).of("judged")
        (north.archive / entry["segment"][:2] / entry["segment"]).unlink()
    elif spoil == "unreadable":
        north.ledger.unlink()
        north.ledger.mkdir()
    with caplog.at_level(logging.WARNING):
        joined = dict(receive(begun.builder))
    words = {
        "altered": "was altered",
        "unnamed": "has no name: set KPI57_SITE=hai-phong-bac",
        "another name": "is named 'ha-noi'",
        "segment lost": "No such file",
        "unreadable": "directory",
    }[spoil]
    assert words in str(begun.noted(north)["error"])
    assert "place 'hai-phong-bac' is not joined" in caplog.text
    [found] = [one for one in examine(begun.builder) if one.about == "places"]
    assert (found.level, words in found.words) == (WARN, True)
    assert begun.noted(begun.south)["error"] is None
    assert joined == ({"hai-phong-bac": 3} if spoil == "altered" else {}) | {
        "hai-phong-nam": 1
    }  # what was joined stays


def test_a_place_with_another_registry_waits_until_it_is_known_here(begun, tmp_path, monkeypatch, caplog):
    judge(begun.north)
    newer = tmp_path / "sources"
    shutil.copytree(flow.SOURCES, newer, ignore=shutil.ignore_patterns("inbox"))
    with (newer / "reference" / "agency_aliases.csv").open("a", encoding="utf-8") as handle:
        handle.write("Công an viên,CA\n")
    with monkeypatch.context() as patch:
        patch.setattr(flow, "SOURCES", newer)
        begun.send(SECOND)
        judge(begun.north)
    with caplog.at_level(logging.WARNING):
        assert receive(begun.builder) == [("hai-phong-bac", 3)]
    assert "edition of sources/ that is not known here" in caplog.text
    monkeypatch.setattr(flow, "SOURCES", newer)
    assert receive(begun.builder) == [("hai-phong-bac", 4)]
    assert begun.noted(begun.north)["waiting"] == ""


def test_a_commune_that_sends_to_two_places_is_named(begun, caplog):
    Office(begun.south, begun.registry).send(commune=VINH_LAI, **police(1, 2))
    judge(begun.north)
    judge(begun.south)
    with caplog.at_level(logging.WARNING):
        receive(begun.builder)
    assert f"commune {VINH_LAI} sends to more than one place (hai-phong-bac, hai-phong-nam)" in caplog.text


def test_the_originals_of_a_place_are_not_missed_where_it_is_joined(country):
    assert [one.words for one in examine(country.builder, full=True) if one.level == FAIL] == []
    assert "Place        hai-phong-nam: 5 entries, last file 2" in run_report(country.builder)


def test_what_a_torn_write_left_of_a_join_is_not_joined_twice(country):
    lines = country.builder.ledger.read_bytes().splitlines(keepends=True)
    [mark] = [n for n, line in enumerate(lines) if b'"joined": "hai-phong-nam"' in line]
    country.builder.ledger.write_bytes(b"".join(lines[:mark]))  # without the word how far the place is
    country.run(country.builder)
    numbers = [
        (entry["place"], entry["place_sequence"]) for entry in Ledger(country.builder).entries if "place" in entry
    ]
    assert len(numbers) == len(set(numbers))
    assert country.is_as_one()


def test_where_a_home_is_and_what_it_is_among_others(monkeypatch, tmp_path):
    for name, value in (("HOME", "home"), ("LOCAL", "disk"), ("PLACES", "places")):
        monkeypatch.setenv(f"KPI57_{name}", str(tmp_path / value))
    monkeypatch.setenv("KPI57_SITE", "ca-nuoc")
    home = current_home()
    assert (home.build.parent, home.lock.parent, home.dagster.parent) == (tmp_path / "disk",) * 3
    assert (home.archive.parent, home.published.parent) == (tmp_path / "home" / "warehouse",) * 2
    assert (home.place, home.places) == ("ca-nuoc", tmp_path / "places")


def test_a_folder_of_places_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="which KPI57_PLACES names, is not there"):
        places(Home(tmp_path, places=tmp_path / "not mounted"))


@pytest.mark.parametrize("joins", [False, True])
def test_bundles_of_several_cities_are_left_to_the_places_that_are_joined_and_to_nobody_else(
    country, monkeypatch, joins
):
    asked = []
    monkeypatch.setattr(flow, "make_bundles", lambda home, period, scopes, **_: asked.extend(scopes) or [])
    monkeypatch.setattr(flow, "count", lambda con, what: 2)  # cities
    flow.write_extracts(country.builder if joins else country.one, "2026-10")
    assert (VINH_LAI in asked) is not joins


def test_the_name_of_a_place_is_kept(country):
    with pytest.raises(SiteError, match="received here as 'hai-phong-bac'"):
        flow.receive_files(Home(country.north.root, place="ha-noi"))
