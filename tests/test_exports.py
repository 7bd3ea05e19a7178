"""Bundles: sealed, the same bytes from the same state, described for machines, made again, and on record."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import date, datetime, timedelta

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner
from conftest import DAI_SON, VINH_LAI, Warehouse
from frictionless import Package, validate
from test_outputs import bundle_of, files_below, records

from pipelines import flow
from pipelines.bundles import bundle as export_module
from pipelines.bundles import data_package
from pipelines.bundles.bundle import MANIFEST, BundleDamagedError, export, verify
from pipelines.bundles.data_package import DESCRIPTOR, describe
from pipelines.bundles.extract import CITY, Table, read_extract
from pipelines.bundles.origin import read_origins
from pipelines.cli import main
from pipelines.flow import make_bundles, note_sent, remove_superseded, run_steps
from pipelines.home import PROJECT, Home
from pipelines.intake.acts import record_made, record_removed, superseded
from pipelines.intake.ledger import VIETNAM, Ledger
from pipelines.upkeep.retention import BUNDLE_DAYS

LE_CHAN = "11383"


@pytest.fixture
def copied(demo_home, tmp_path, monkeypatch):
    """A copy of the illustrative home that a test may change."""
    home = Home(tmp_path / "copied")
    kept = shutil.ignore_patterns("dagster", "site", "feedback", "runs")
    shutil.copytree(demo_home.warehouse, home.warehouse, ignore=kept)
    monkeypatch.setenv("KPI57_HOME", str(home.root))
    return home


def kpi57(*words):
    return CliRunner().invoke(main, ["export", *map(str, words)])


# ---------------------------------------------------------------- a bundle is sealed


def test_the_manifest_lists_every_file_with_its_seal(demo_home):
    for path in demo_home.exports.rglob(MANIFEST):
        listed = json.loads(path.read_bytes())["files"]
        files = {one.name: one.read_bytes() for one in path.parent.iterdir() if one.name != MANIFEST}
        assert {name: (said["bytes"], said["sha256"]) for name, said in listed.items()} == {
            name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
        }
        for name, said in listed.items():
            if name.endswith(".csv"):
                assert said["rows"] == len(records(path.with_name(name))) - 1
        assert verify(path.parent) == []


@pytest.fixture
def bundle(demo_home, tmp_path):
    """A copy of a bundle that a test may damage."""
    whole = bundle_of(demo_home, VINH_LAI)
    return shutil.copytree(whole, tmp_path / whole.name)


@pytest.mark.parametrize("name", ["progress.csv", MANIFEST, "kpi57-2026-10-11164-MINH-HOA.xlsx"])
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_one_flipped_bit_is_found(bundle, name, place):
    data = bytearray((bundle / name).read_bytes())
    data[int(place * len(data)) if place > 0 else place] ^= 1
    (bundle / name).write_bytes(data)
    assert verify(bundle) == [f"changed: {name}"]


def test_a_missing_and_an_extra_file_are_found(bundle):
    (bundle / "tasks.csv").rename(bundle / "tasks (1).csv")
    assert verify(bundle) == ["missing: tasks.csv", "extra: tasks (1).csv"]
    (bundle / MANIFEST).unlink()
    assert verify(bundle) == [f"missing: {MANIFEST}"]


def test_a_figure_and_its_seal_changed_together_are_found(bundle):
    """The bundle's name is made from its manifest."""
    path = bundle / "progress.csv"
    path.write_bytes(path.read_bytes().replace(b"true", b"fals"))
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    manifest["files"]["progress.csv"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (bundle / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    assert verify(bundle) == [f"changed: {MANIFEST}"]


def test_a_bundle_made_again_elsewhere_is_the_same_and_made_once(demo_home, tmp_path):
    other = Home(tmp_path / "other")
    with duckdb.connect(demo_home.published, read_only=True) as con:
        made = [export(other, con, "2026-10", VINH_LAI) for _ in range(2)]
    whole = bundle_of(demo_home, VINH_LAI)
    assert [path.name for path in made] == [whole.name, whole.name]
    assert files_below(other.exports / "2026-10" / VINH_LAI / whole.name) == files_below(whole)
    assert list(made[0].parent.iterdir()) == [made[0]]


def test_bundles_made_on_all_cores_are_those_made_one_by_one(demo_home, copied, monkeypatch):
    """The same name is the same manifest, and so the same bytes; what a run cut off left is cleared away."""
    shutil.rmtree(copied.exports)
    (copied.exports / ".making-cut-off").mkdir(parents=True)
    monkeypatch.setattr(export_module, "MANY", 2)
    scopes = ["city", VINH_LAI, LE_CHAN]
    made = make_bundles(copied, "2026-10", scopes)
    assert [path.name for path in made] == [bundle_of(demo_home, scope).name for scope in scopes]
    assert not list(copied.exports.glob(".making-*"))
    assert make_bundles(copied, "2026-10", scopes, only_if_new=True) == made


def test_a_damaged_bundle_is_left_for_a_person_to_look_at(demo_home, bundle, tmp_path):
    other = Home(tmp_path / "other")
    place = other.exports / "2026-10" / VINH_LAI / bundle.name
    shutil.copytree(bundle, place)
    (place / "tasks.csv").unlink()
    with duckdb.connect(demo_home.published, read_only=True) as con:
        with pytest.raises(BundleDamagedError, match=r"missing: tasks\.csv"):
            export(other, con, "2026-10", VINH_LAI)
        with pytest.raises(LookupError, match="no period 2026-13"):
            export(other, con, "2026-13", VINH_LAI)
        with pytest.raises(LookupError, match="no commune 00004 with a plan"):
            export(other, con, "2026-10", "00004")
    assert not (place / "tasks.csv").exists()


@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_a_flipped_byte_is_found_in_whichever_file_it_is(bundle, place):
    for path in sorted(bundle.iterdir()):
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[int(place * len(whole))] ^= 0xFF
        path.write_bytes(damaged)
        assert verify(bundle) == [f"changed: {path.name}"]
        path.write_bytes(whole)
    assert verify(bundle) == []


MAKE = """
import sys
from pathlib import Path
import duckdb
from pipelines.home import Home
from pipelines.bundles.bundle import export
with duckdb.connect(sys.argv[1], read_only=True, config={"threads": int(sys.argv[3])}) as con:
    print(export(Home(Path(sys.argv[2])), con, "2026-10", "city").name)
"""


def test_another_process_with_other_threads_makes_the_same_bytes_in_all_formats(demo_home, tmp_path):
    whole = bundle_of(demo_home, "city")
    words = [sys.executable, "-c", MAKE, str(demo_home.published), str(tmp_path), "7"]
    said = subprocess.run(words, cwd=PROJECT, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert said.stdout.strip() == whole.name
    again = files_below(Home(tmp_path).exports / "2026-10" / "city" / whole.name)
    assert again == files_below(whole)
    assert {path.suffix for path in again} == {".xlsx", ".docx", ".csv", ".parquet", ".json"}


def test_a_figure_that_changes_changes_exactly_the_files_that_show_it(copied, tmp_path):
    other = Home(tmp_path / "other")
    with duckdb.connect(copied.published) as con:
        before = {scope: export(other, con, "2026-10", scope) for scope in (VINH_LAI, LE_CHAN)}
        con.execute("UPDATE marts.mart_kpi_progress SET value = value + 1 WHERE commune_code = ? AND actual_id = ("
                    "SELECT min(actual_id) FROM marts.mart_kpi_progress "
                    "WHERE commune_code = ? AND is_latest AND value > 1)", [VINH_LAI, VINH_LAI])  # fmt: skip
        after = {scope: export(other, con, "2026-10", scope) for scope in (VINH_LAI, LE_CHAN)}
    assert after[LE_CHAN] == before[LE_CHAN]
    old, new = files_below(before[VINH_LAI]), files_below(after[VINH_LAI])
    assert {path.name for path in old if old[path] != new[path]} == {
        "progress.csv", "progress.parquet", "series.csv", "series.parquet", DESCRIPTOR, MANIFEST,
        "kpi57-2026-10-11164-MINH-HOA.xlsx", "bao-cao-2026-10-11164-MINH-HOA.docx",
    }  # fmt: skip
    said = [
        json.loads(files[next(p for p in files if p.name == MANIFEST)])["snapshot"]["tables"] for files in (old, new)
    ]
    assert {name for name in said[0] if said[0][name] != said[1][name]} == {"progress", "series"}


def test_a_bundle_that_a_killed_run_left_unentered_is_entered_by_the_next(copied, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    before = {entry["bundle_id"] for entry in Ledger(copied).of("bundle_made")}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(flow, "record_made", killed)
        make_bundles(copied, "2026-09", [VINH_LAI])
    [left] = (copied.exports / "2026-09" / VINH_LAI).iterdir()
    assert left.name not in {entry["bundle_id"] for entry in Ledger(copied).of("bundle_made")}
    assert make_bundles(copied, "2026-09", [VINH_LAI]) == [left]
    made = [entry["bundle_id"] for entry in Ledger(copied).of("bundle_made") if entry["bundle_id"] not in before]
    assert made == [left.name]
    assert Warehouse(copied.published)("SELECT count(*) FROM core.fct_bundle WHERE bundle_id = ?", left.name) == [(1,)]
    assert verify(left) == []


# ---------------------------------------------------------------- data for machines


@pytest.mark.parametrize("scope", ["city", VINH_LAI, LE_CHAN])
def test_the_data_are_what_the_descriptor_says_they_are(demo_home, scope):
    bundle = bundle_of(demo_home, scope)
    report = validate(str(bundle / DESCRIPTOR))
    assert report.flatten(["name", "type", "note"]) == []
    package = Package(str(bundle / DESCRIPTOR))
    described = {resource.path for resource in package.resources}
    assert described == {path.name for path in bundle.iterdir() if path.suffix in (".csv", ".parquet")}
    for table in (resource for resource in package.resources if resource.format == "csv"):
        assert len(table.read_rows()) == len(records(bundle / table.path)) - 1
        assert all(" · " in field.description for field in table.schema.fields)


def test_a_long_table_is_packed_described_and_the_same_bytes_each_time(demo_home, tmp_path, monkeypatch):
    monkeypatch.setattr(data_package, "PACKED_FROM", 30)
    with duckdb.connect(demo_home.published, read_only=True) as con:
        one, other = (export(Home(tmp_path / name), con, "2026-10", VINH_LAI) for name in ("one", "other"))
    assert files_below(one) == files_below(other)
    packed = sorted(path.name for path in one.glob("*.csv.gz"))
    assert "series.csv.gz" in packed
    assert (one / "plans.csv").exists(), "a short one opens in Excel as it is"
    assert validate(str(one / DESCRIPTOR)).flatten(["name", "type", "note"]) == []
    plain = bundle_of(demo_home, VINH_LAI) / "series.csv"
    assert gzip.decompress((one / "series.csv.gz").read_bytes()) == plain.read_bytes()
    assert verify(one) == []


def test_a_value_of_another_type_a_key_twice_and_an_unknown_word_are_found(bundle):
    """The seals made to fit, so that only the content speaks."""
    header, first, second, *rest = (bundle / "tasks.csv").read_bytes().split(b"\r\n")
    columns = header.decode("utf-8-sig").split(",")
    [line] = [dict(zip(columns, record, strict=True)) for record in records(bundle / "tasks.csv")[1:2]]
    wrong = first.replace(line["as_of_on"].encode(), b"hom nay").replace(line["task_status"].encode(), b"finished")
    (bundle / "tasks.csv").write_bytes(b"\r\n".join([header, wrong, second, second, *rest]))
    descriptor = json.loads((bundle / DESCRIPTOR).read_bytes())
    [tasks] = [resource for resource in descriptor["resources"] if resource["path"] == "tasks.csv"]
    data = (bundle / "tasks.csv").read_bytes()
    tasks |= {"bytes": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
    (bundle / DESCRIPTOR).write_text(json.dumps(descriptor))
    found = {kind for (kind,) in validate(str(bundle / DESCRIPTOR)).flatten(["type"])}
    assert {"type-error", "primary-key", "constraint-error"} <= found


@pytest.mark.parametrize("scope", ["city", LE_CHAN])
def test_parquet_holds_what_the_database_holds(demo_home, scope):
    with duckdb.connect(demo_home.published, read_only=True) as con:
        con.execute("SET TimeZone = 'Asia/Ho_Chi_Minh'")
        extract = read_extract(con, "2026-10", scope)
        types = {name: one.types for name, one in describe(con, extract.tables).items()}
    for name, table in extract.tables.items():
        with duckdb.connect() as con:
            cursor = con.execute("FROM read_parquet(?)", [str(bundle_of(demo_home, scope) / f"{name}.parquet")])
            assert [(one[0], str(one[1])) for one in cursor.description] == list(types[name].items())
            assert cursor.fetchall() == table.rows


def test_a_column_that_no_model_describes_is_not_exported_unexplained(demo_home):
    said = "column made_up of the extract's table odd is described in no model"
    with duckdb.connect(demo_home.published, read_only=True) as con, pytest.raises(LookupError, match=said):
        describe(con, {"odd": Table(["commune_code", "made_up"], [])})


# ---------------------------------------------------------------- made again, and on record

MADE = "SELECT period_code, scope, bundle_id, times_sent, is_newest FROM core.fct_bundle ORDER BY ALL"


def test_what_a_run_made_is_on_record_when_it_ends(demo, demo_home, registry):
    made = demo(MADE)
    assert [row[:2] for row in made] == [
        ("2026-10", scope) for scope in (*sorted(registry.commune_codes_with_plans), "city")
    ]
    for _, scope, bundle_id, times_sent, is_newest in made:
        assert bundle_of(demo_home, scope).name == bundle_id
        assert (times_sent, is_newest) == (0, True)


def test_an_old_month_is_made_again_by_its_partition(copied):
    from pipelines.definitions import defs

    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("month_again")
        assert job.execute_in_process(instance=instance, partition_key="2026-09", raise_on_error=False).success
        first = files_below(copied.exports / "2026-09")
        shutil.rmtree(copied.exports / "2026-09")
        assert job.execute_in_process(instance=instance, partition_key="2026-09", raise_on_error=False).success
    assert files_below(copied.exports / "2026-09") == first != {}
    ask = Warehouse(copied.published)
    assert ask.one("SELECT count(*) FROM core.fct_bundle WHERE period_code = '2026-09'") == 6


def test_handing_over_is_on_record_and_comes_back_from_archive_and_ledger_alone(
    office, home, ask, tmp_path, monkeypatch
):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    run_steps(home)
    [bundle] = make_bundles(home, "2026-10", [VINH_LAI])
    make_bundles(home, "2026-10", [DAI_SON])
    for to in ("Sở KH&CN", "UBND thành phố"):
        assert kpi57("--sent", bundle, "--to", to, "--by", "Phòng VH-XH").exit_code == 0
    said = ask("FROM core.fct_bundle")
    assert ask("SELECT scope, times_sent, list_transform(sendings, lambda one: one.sent_to) FROM core.fct_bundle") == [
        (VINH_LAI, 2, ["Sở KH&CN", "UBND thành phố"]),
        (DAI_SON, 0, []),
    ]
    assert make_bundles(home, "2026-10", [VINH_LAI]) == [bundle]
    assert ask("FROM core.fct_bundle") == said
    other = Home(tmp_path / "other")
    shutil.copytree(home.archive, other.archive)
    monkeypatch.setenv("KPI57_HOME", str(other.root))
    run_steps(other)
    assert Warehouse(other.published)("FROM core.fct_bundle") == said
    again = make_bundles(other, "2026-10", [VINH_LAI])
    assert files_below(again[0]) == files_below(bundle)
    assert Warehouse(other.published)("FROM core.fct_bundle") == said


def test_a_bundle_that_was_replaced_is_removed_unless_it_was_handed_over_and_stays_proven(office, home, ask):
    today = datetime.now(VIETNAM).date()

    def bundles(day, numerator):
        """As a run makes them: the city's once a day."""
        figures = {"XHS-02": {"numerator": numerator, "denominator": 40}}
        office.send("CA", "2026-10", figures, name=f"{numerator}.xlsx")
        run_steps(Home(home.root, day))
        return make_bundles(home, "2026-10", ["city", VINH_LAI], only_if_new=True)

    city, first = bundles(today, 20)
    at_noon, sent = bundles(today, 21)
    next_day, newest = bundles(today + timedelta(days=1), 22)
    assert at_noon == city
    assert len({city, next_day, first, sent, newest}) == 5
    note_sent(home, sent, "Sở KH&CN", "Phòng VH-XH")
    now = datetime.now(VIETNAM)
    assert remove_superseded(home, now - timedelta(days=BUNDLE_DAYS)) == [], "they were replaced just now"
    manifest = (first / MANIFEST).read_bytes()
    (city / "tasks.csv").unlink()
    assert remove_superseded(home, now) == [first.name], "what is not intact is left for a person to look at"
    assert [path.exists() for path in (city, next_day, first, sent, newest)] == [True, True, False, True, True]
    kept = first.parent / "removed" / f"{first.name}.json"
    assert kept.read_bytes() == manifest
    [entry] = Ledger(home).of("bundle_removed")
    assert (entry["bundle_id"], entry["manifest_sha256"]) == (first.name, hashlib.sha256(manifest).hexdigest())
    assert ask("SELECT bundle_id FROM core.fct_bundle WHERE removed_at IS NOT NULL") == [(first.name,)]
    # a run that was cut off between removing a bundle and noting it
    shutil.rmtree(city)
    assert remove_superseded(home, now) == [], "nothing is noted that nobody can prove"
    (city.parent / "removed").mkdir()
    shutil.copyfile(kept, city.parent / "removed" / f"{city.name}.json")
    assert remove_superseded(home, now) == [city.name]


def test_a_bundle_of_an_earlier_version_stays_and_one_made_again_is_there_again(home):
    """Version 0.1.0 promised to keep every bundle; its ledger was sealed by the first run of the next."""
    ledger, now = Ledger(home), datetime.now(VIETNAM) + timedelta(seconds=1)

    def made(*names):
        about = {"period_code": "2026-10", "scope": "city", "manifest_sha256": "0"}
        return record_made(ledger, [{"bundle_id": name, **about} for name in names])

    def old():
        return [entry["bundle_id"] for entry in superseded(ledger, now)]

    made("a", "b")
    ledger.append([{"event": "sealed", "kpi57": "0.2.0"}])
    made("c", "d")
    assert old() == ["c"]
    record_removed(ledger, superseded(ledger, now))
    assert old() == []
    assert (made("d"), made("c")) == (0, 1), "the same figures as then: it is made again, and the newest"
    assert old() == ["d"]


# ---------------------------------------------------------------- the command


def test_a_bundle_is_made_verified_and_found_damaged_by_the_command(copied):
    said = kpi57("--period", "2026-Q3", "--commune", VINH_LAI)
    assert said.exit_code == 0
    [bundle] = (copied.exports / "2026-Q3" / VINH_LAI).iterdir()
    assert said.output == f"{bundle}\n"
    assert kpi57("--verify", bundle).exit_code == 0
    (bundle / "plans.csv").unlink()
    (bundle / "tasks.parquet").write_bytes(b"")
    said = kpi57("--verify", bundle)
    assert said.exit_code == 1
    assert said.output.splitlines()[:2] == ["missing: plans.csv", "changed: tasks.parquet"]
    said = kpi57("--sent", bundle, "--to", "Sở KH&CN", "--by", "Phòng VH-XH")
    assert (said.exit_code, "is not intact" in said.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--period", "2026-13"], 1, "no period 2026-13"),
        (["--period", "2027-05"], 1, "period 2027-05 begins on 2027-04-15"),
        (["--period", "2026-10", "--commune", "00004"], 1, "no commune 00004 with a plan"),
        ([], 2, "give one of --period"),
        (["--period", "2026-10", "--verify", "."], 2, "give one of --period"),
        (["--verify", ".", "--commune", "11164"], 2, "--commune goes with --period"),
        (["--sent", ".", "--to", "Sở KH&CN"], 2, "--sent needs --to and --by"),
        (["--verify", "nowhere"], 2, "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said(copied, words, code, told):
    said = kpi57(*words)
    assert (said.exit_code, told in said.output) == (code, True), said.output


def test_nothing_published_is_said(home):
    said = kpi57("--period", "2026-10")
    assert (said.exit_code, "run 'kpi57 run' first" in said.output) == (1, True), said.output


def test_a_bundle_reaches_back_twelve_months_and_knows_how_much_came_before(demo, tmp_path):
    """Given a bundle of June 2027, expect periods from July 2026 on, and the one older figure that came since."""
    shutil.copyfile(demo.path, tmp_path / "kpi.duckdb")
    with duckdb.connect(tmp_path / "kpi.duckdb") as con:
        [(late,)] = con.execute(
            "SELECT min(actual_id) FROM marts.mart_kpi_progress WHERE period_code = '2026-03'"
        ).fetchall()
        con.execute("UPDATE core.fct_actual SET recorded_at = '2026-12-05' WHERE actual_id = ?", [late])
        con.execute("UPDATE core.dim_build SET as_of_on = '2027-07-15'")
        extract, origin = read_extract(con, "2027-06", CITY), read_origins(con, "2027-06", [CITY])[CITY]
        ends = dict(con.execute("SELECT period_code, measured_on FROM core.dim_period").fetchall())
        [(sent,)] = con.execute("SELECT count(*) FROM core.fct_submission").fetchall()
    first = date(2026, 7, 1)
    for table in ("reporting", "submissions", "rejections"):
        periods = {row["period_code"] for row in extract.tables[table].dicts()} - {None}
        assert min(ends[period] for period in periods) >= first, table
    series = extract.tables["series"].dicts()
    assert {row["actual_id"] for row in series if row["measured_on"] < first} == {late}
    assert {row["period_code"] for row in series} >= {"2026-07", "2026-10", "2026-03"}
    assert origin.earlier["files"] > 0
    assert origin.earlier["files"] + len(origin.submissions) == sent
