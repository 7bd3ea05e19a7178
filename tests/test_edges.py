"""Edges: a day that is not in every year, no days at all, a wide sign of a formula, a backup made to do harm, and the
history of runs that did nothing."""

import csv
import hashlib
import json
import shutil
from datetime import date

import dagster as dg
import duckdb
import pytest
from conftest import VINH_LAI

from pipelines.home import SOURCES
from pipelines.intake.ledger import Ledger
from pipelines.intake.receive import receive
from pipelines.registry import registry as registries
from pipelines.upkeep import retention
from pipelines.upkeep.backup import BackupError, backup, restore
from pipelines.warehouse.copies import copy_csv
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.models import build, models, offending
from pipelines.warehouse.rows import replace, set_info


@pytest.fixture(scope="module")
def odd_plan(tmp_path_factory):
    """The registry, with a plan that wants its reports at once and the yearly one on 29 February."""
    sources = tmp_path_factory.mktemp("odd") / "sources"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("inbox"))
    path = sources / "plans" / "11164-vinh-lai-2025" / "plan.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("annual_report_due: 11-30", "annual_report_due: 02-29").replace("due_days: null", "due_days: 0"),
        encoding="utf-8",
    )
    return registries.load(sources)


def test_a_report_due_at_once_is_due_on_the_period_s_last_day(odd_plan):
    period = odd_plan.period_of(VINH_LAI, "2026-10")
    assert period.due_on == period.ends_on


def test_a_leap_day_is_the_last_of_february_in_other_years(odd_plan):
    """In Python and in SQL alike, and no check stops the publishing."""
    days = {year: odd_plan.period_of(VINH_LAI, year).due_on for year in ("2027", "2028")}
    assert days == {"2027": date(2027, 2, 28), "2028": date(2028, 2, 29)}
    by_table = {model.table: model for model in models()}
    with in_memory() as con:
        for table, rows in odd_plan.rows().items():
            replace(con, table, rows)
        set_info(con, "as_of", "2026-11-16")
        for model in models():
            build(con, model)
        assert [offending(con, check)[0] for check in by_table["core.dim_plan"].checks if check.code ==
                "yearly_date_is_a_day"] == [0]  # fmt: skip
        found = con.execute("SELECT period_code, due_on FROM core.dim_due WHERE commune_code = ? "
                            "AND period_code IN ('2027', '2028', '2026-10') ORDER BY ALL", [VINH_LAI])  # fmt: skip
        assert dict(found.fetchall()) == days | {"2026-10": odd_plan.period_of(VINH_LAI, "2026-10").ends_on}


def test_wide_signs_of_a_formula_are_guarded_too(tmp_path):
    texts = ["=1+1", "＝1+1", "＋1", "－1", "＠SUM(A1)", "Xã ＝ phường"]
    with duckdb.connect() as con:
        copy_csv(con.sql("SELECT unnest(?::VARCHAR[]) AS t", params=[texts]), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as handle:
        [_, *rows] = csv.reader(handle)
    assert [row[0] for row in rows] == [*(f"'{text}" for text in texts[:-1]), texts[-1]]


# ---------------------------------------------------------------- a backup made to do harm


def crafted(home, tmp_path, change):
    """A backup whose every part proves itself, and that names a place outside."""
    folder = home.inbox / "11164-vinh-lai" / "CA"
    folder.mkdir(parents=True)
    (folder / "a.xlsx").write_bytes(b"taken")
    receive(home, Ledger(home))
    (folder / "b.xlsx").write_bytes(b"waiting")
    made = backup(home, tmp_path / "kept")
    path = made.snapshot / "backup.json"
    manifest = json.loads(path.read_bytes())
    change(made.snapshot, manifest)
    path.write_text(json.dumps(manifest))
    return tmp_path / "kept"


@pytest.mark.parametrize("name", ["../../../../harm.xlsx", "/harm.xlsx", "a/../../harm.xlsx", "..\\..\\harm.xlsx",
                                  "C:/harm.xlsx"])  # fmt: skip
def test_a_backup_that_names_a_place_outside_is_refused(home, tmp_path, name):
    def change(snapshot, manifest):
        [(_, sha256)] = manifest["waiting"].items()
        manifest["waiting"] = {name: sha256}

    kept = crafted(home, tmp_path, change)
    shutil.rmtree(home.root)
    with pytest.raises(BackupError, match="names places outside itself"):
        restore(home, kept, replace=False)
    assert not home.root.exists()
    assert not list(tmp_path.rglob("harm.xlsx"))


def test_an_original_that_is_no_digest_is_refused(home, tmp_path):
    def change(snapshot, manifest):
        ledger = snapshot / "ledger.jsonl"
        sha256 = hashlib.sha256(b"taken").hexdigest()
        ledger.write_bytes(ledger.read_bytes().replace(f'"sha256": "{sha256}"'.encode(), b'"sha256": "../../harm"'))
        manifest["ledger_sha256"] = hashlib.sha256(ledger.read_bytes()).hexdigest()
        manifest.pop("ledger")

    kept = crafted(home, tmp_path, change)
    with pytest.raises(BackupError, match="names places outside itself"):
        restore(home, kept, replace=True)


def test_a_folder_that_is_a_link_leads_no_file_outside(home, tmp_path):
    kept = crafted(home, tmp_path, lambda snapshot, manifest: None)
    shutil.rmtree(home.root)
    (tmp_path / "elsewhere").mkdir()
    home.inbox.mkdir(parents=True)
    (home.inbox / "11164-vinh-lai").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackupError, match="outside the inbox"):
        restore(home, kept, replace=False)
    assert list((tmp_path / "elsewhere").iterdir()) == []


# ---------------------------------------------------------------- history of runs that did nothing


def test_of_runs_that_took_nothing_only_the_last_few_are_kept(home):
    @dg.job
    def nothing():
        pass

    with dg.DagsterInstance.ephemeral() as instance:
        useful = nothing.execute_in_process(instance=instance).run_id
        idle = [nothing.execute_in_process(instance=instance, tags={retention.IDLE: "true"}).run_id for _ in range(5)]
        assert retention.tidy(home, instance)["runs"] == 2
        assert {run.run_id for run in instance.get_runs()} == {useful, *idle[2:]}
