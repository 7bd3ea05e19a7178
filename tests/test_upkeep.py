"""Backup and restore, the doctor, what a run says of itself, what is tried again, what is thrown away."""

import errno
import json
import os
import re
import shutil
import sqlite3
import subprocess
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import faults
import pytest
import sqlalchemy
from audit import judged
from conftest import VINH_LAI, vietnam
from test_cli import kpi57, quick  # noqa: F401 - fixtures

from pipelines import flow
from pipelines.cli import main
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import VIETNAM, Ledger, archived, whole_lines
from pipelines.upkeep import backup as backups
from pipelines.upkeep import disk, doctor, retention, run_end, summary
from pipelines.upkeep.backup import BackupError, backup, restore, snapshots
from pipelines.upkeep.error_advice import may_pass, what_to_do
from pipelines.upkeep.history import held_open
from pipelines.upkeep.status_report import run_report
from pipelines.warehouse.database import run_lock


def start(office):
    """Make a home illustrative, so that the files' own times count, and drop three files into its inbox."""
    Ledger(office.home).append([{"event": "illustrative", "seed": 57, "day": "2026-11-16"}])
    for number, (agency, numerator) in enumerate([("CA", 20), ("CA", 30), ("VHXH", 1)]):
        answers = {"XHS-02": {"numerator": numerator, "denominator": 40}} if agency == "CA" else {}
        path = office.send(agency, "2026-10", answers, name=f"{number}.xlsx")
        at = vietnam(2026, 11, 10 + number).timestamp()
        os.utime(path, (at, at))
    return office.home


@pytest.fixture
def started(office):
    return start(office)


def tables(home):
    return faults.tables(home.published)


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory):
    """A home to copy, once a test has run it."""
    return Home(tmp_path_factory.mktemp("kept") / "home")


@pytest.fixture
def ran(started, kept_home):
    """The home with the three files, once it was run."""
    if not kept_home.published.exists():
        flow.run_steps(started)
        shutil.copytree(started.root, kept_home.root)
    shutil.rmtree(started.root)
    shutil.copytree(kept_home.root, started.root)
    return started


# ---------------------------------------------------------------- backup and restore


def take_the_inbox(home):
    flow.load_registry(home)
    flow.receive_files(home)


def before_the_run(home, monkeypatch, take):
    take()


def archived_not_entered(home, monkeypatch, take):
    append = Ledger.append

    def taking(ledger, entries):
        entries = list(entries)
        if any(entry["event"] == "received" for entry in entries):
            take()
        append(ledger, entries)

    monkeypatch.setattr(Ledger, "append", taking)


def entered_not_removed(home, monkeypatch, take):
    append = Ledger.append

    def taking(ledger, entries):
        entries = list(entries)
        append(ledger, entries)
        if any(entry["event"] == "received" for entry in entries):
            take()

    monkeypatch.setattr(Ledger, "append", taking)


def half_removed(home, monkeypatch, take):
    unlink, removed = Path.unlink, []

    def taking(path, missing_ok=False):
        unlink(path, missing_ok=missing_ok)
        if path.is_relative_to(home.inbox):
            removed.append(path)
            if len(removed) == 2:
                take()

    monkeypatch.setattr(Path, "unlink", taking)


def taken_while_the_inbox_is_copied(home, monkeypatch, take):
    """The run receives everything after the backup listed the inbox, file by file as it copies."""
    copy2, done = shutil.copy2, []

    def late(source, place):
        if not done:
            done.append(source)
            take_the_inbox(home)
        return copy2(source, place)

    monkeypatch.setattr(backups.shutil, "copy2", late)
    take()
    monkeypatch.setattr(backups.shutil, "copy2", copy2)


def taken_once_the_inbox_is_copied(home, monkeypatch, take):
    copy_inbox = backups._copy_inbox

    def then_taken(*args):
        copies = copy_inbox(*args)
        take_the_inbox(home)
        return copies

    monkeypatch.setattr(backups, "_copy_inbox", then_taken)
    take()


def after_it_was_taken(home, monkeypatch, take):
    take_the_inbox(home)
    take()


MOMENTS = [
    before_the_run, archived_not_entered, entered_not_removed, half_removed, taken_while_the_inbox_is_copied,
    taken_once_the_inbox_is_copied, after_it_was_taken,
]  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_a_backup_taken_at_any_moment_of_a_run_gives_the_undisturbed_warehouse(
    ran, office, tmp_path, monkeypatch, moment
):
    """Given a backup made at this moment, restored and run, expect the tables of a home that was simply run."""
    expected = tables(ran)
    shutil.rmtree(ran.root)
    home, made = start(office), []
    with monkeypatch.context() as patched:
        moment(home, patched, lambda: made.append(backup(home, tmp_path / "kept")))
        take_the_inbox(home)
    assert len(made) == 1
    assert not list(home.inbox.rglob("*.xlsx"))

    other = Home(tmp_path / "other")
    done = restore(other, tmp_path / "kept", replace=False)
    assert done.originals + done.waiting == 3
    flow.run_steps(other)
    assert tables(other) == expected
    assert [e["name"] for e in Ledger(other).of("received")] == ["0.xlsx", "1.xlsx", "2.xlsx"]


def test_a_second_backup_copies_only_what_is_new(ran, office, tmp_path):
    first = backup(ran, tmp_path / "kept")
    office.send("CA", "2026-09", {"XHS-02": {"numerator": 3, "denominator": 4}}, name="new.xlsx")
    take_the_inbox(ran)
    second = backup(ran, tmp_path / "kept")
    assert (first.originals, first.copied, second.originals, second.copied) == (3, 3, 4, 1)


def test_so_many_snapshots_are_kept_and_a_cut_off_one_is_none(ran, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "KEEP", 2)
    for stamp in ("20260101T000000", "20260102T000000"):
        made = backup(ran, tmp_path / "kept").snapshot
        made.rename(made.with_name(stamp))
    backup(ran, tmp_path / "kept")
    (tmp_path / "kept" / "snapshots" / ".20990101T000000.new").mkdir()
    assert snapshots(tmp_path / "kept")[0].name == "20260102T000000"
    assert len(snapshots(tmp_path / "kept")) == 2


def test_a_used_home_is_not_restored_into_unless_told_and_then_nothing_is_lost(ran, office, tmp_path):
    backup(ran, tmp_path / "kept")
    ledger = whole_lines(ran)
    sent = office.send("CA", "2026-09", {}, name="later.xlsx")
    take_the_inbox(ran)
    sent.write_bytes(b"waits")
    with pytest.raises(BackupError, match="--replace"):
        restore(ran, tmp_path / "kept", replace=False)
    later = whole_lines(ran)
    assert later.startswith(ledger)
    assert later != ledger
    done = restore(ran, tmp_path / "kept", replace=True)
    assert whole_lines(ran) == ledger
    assert (done.aside / "archive" / "ledger.jsonl").read_bytes() == later
    assert [p.read_bytes() for p in (done.aside / "inbox").rglob("*.xlsx")] == [b"waits"]
    take_the_inbox(ran)
    assert [e["name"] for e in Ledger(ran).of("received")] == ["0.xlsx", "1.xlsx", "2.xlsx"]


@pytest.mark.parametrize("harm", ["original missing", "original changed", "ledger changed", "waiting changed"])
def test_a_backup_that_is_not_whole_is_refused_by_name_and_changes_nothing(ran, office, tmp_path, harm):
    office.send("CA", "2026-09", {}, name="waits.xlsx")
    made = backup(ran, tmp_path / "kept")
    original = next((tmp_path / "kept" / "archive").glob("??/*"))
    path = {
        "ledger changed": made.snapshot / "ledger.jsonl",
        "waiting changed": next((made.snapshot / "inbox").rglob("*.xlsx")),
    }.get(harm, original)
    if harm == "original missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"\n")
    other = Home(tmp_path / "other")
    with pytest.raises(BackupError, match=r"is not intact: .*(missing|changed)"):
        restore(other, tmp_path / "kept", replace=False)
    assert not other.root.exists()


def test_a_damaged_original_is_not_backed_up_as_if_it_were_right(ran, tmp_path):
    sha256 = Ledger(ran).of("received")[0]["sha256"]
    archived(ran, sha256).write_bytes(b"something else")
    with pytest.raises(BackupError, match="its sha256 differs"):
        backup(ran, tmp_path / "kept")
    assert snapshots(tmp_path / "kept") == []


def test_a_backup_folder_holds_one_home(ran, office, home, tmp_path):
    backup(ran, tmp_path / "kept")
    other = Home(tmp_path / "other")
    Ledger(other).append([{"event": "day", "day": "2026-01-01"}])
    with pytest.raises(BackupError, match="backups of another home"):
        backup(other, tmp_path / "kept")
    with pytest.raises(BackupError, match="inside the home"):
        backup(ran, ran.warehouse / "kept")
    with pytest.raises(BackupError, match="nothing to back up"):
        backup(Home(tmp_path / "empty"), tmp_path / "kept")


def test_a_name_that_is_no_text_is_backed_up_and_restored(started, office, tmp_path):
    name = os.fsdecode(b"s\xe8 li\xeau.xlsx")
    (office.folder(VINH_LAI, "KT") / name).write_bytes(b"x")
    backup(started, tmp_path / "kept")
    other = Home(tmp_path / "other")
    assert restore(other, tmp_path / "kept", replace=False).waiting == 4
    assert (other.inbox / "11164-vinh-lai" / "KT" / name).read_bytes() == b"x"


def test_the_commands_say_what_they_did_and_end_with_1_where_they_cannot(kpi57, started, tmp_path):  # noqa: F811
    said = kpi57("backup", "--to", tmp_path / "kept")
    assert (said.exit_code, said.stdout.endswith("0 originals (0 new), 3 waiting files\n")) == (0, True)
    refused = kpi57("restore", tmp_path / "kept")
    assert (refused.exit_code, "--replace" in refused.stderr) == (1, True)
    taken = kpi57("restore", tmp_path / "kept", "--replace")
    assert taken.exit_code == 0
    assert "3 waiting files" in taken.stdout
    assert "Next: kpi57 run" in taken.stdout
    assert kpi57("restore", tmp_path).exit_code == 1
    assert kpi57("restore", tmp_path / "nowhere").exit_code == 2


# ---------------------------------------------------------------- the doctor


def found(home, about, **options):
    [*findings] = [f for f in doctor.examine(home, **options) if f.about == about]
    return findings[-1]


@pytest.fixture
def well(ran):
    """A home that was run and backed up today."""
    summary.begin(ran, "0123456789")
    summary.end(ran, "0123456789", [])
    backup(ran, ran.root.parent / "kept")
    return ran


def test_a_home_in_order_is_ok_in_every_line(kpi57, well):  # noqa: F811
    said = kpi57("doctor", "--full")
    assert said.exit_code == 0, said.stdout
    assert {line[:4] for line in said.stdout.splitlines()[1:-1]} == {"ok  "}
    assert said.stdout.endswith("all is well\n")


def test_an_unused_home_has_nothing_that_fails(kpi57, home):  # noqa: F811
    said = kpi57("doctor")
    assert said.exit_code == 0
    assert "FAIL" not in said.stdout
    assert not home.root.exists(), "the doctor changes nothing"


def test_a_missing_and_a_damaged_original_are_named(well):
    first, second, _ = (e["sha256"] for e in Ledger(well).of("received"))
    archived(well, first).unlink()
    data = archived(well, second).read_bytes()
    archived(well, second).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    quick_look, full = found(well, "archive"), found(well, "archive", full=True)
    assert quick_look.level == full.level == doctor.FAIL
    assert f"1 missing: {first[:12]}" in quick_look.words
    assert "damaged" not in quick_look.words
    assert f"1 damaged: {second[:12]}" in full.words
    assert "restore" in full.fix


def test_a_damaged_ledger_is_named_by_its_line_and_a_torn_line_is_no_damage(well):
    whole = well.ledger.read_bytes()
    well.ledger.write_bytes(whole + b'{"sequence": 99, "ev')
    assert found(well, "ledger").level == doctor.OK
    assert "20 bytes of a line that was cut off" in found(well, "ledger").words
    assert well.ledger.read_bytes() != whole, "the doctor changes nothing"
    lines = whole.splitlines(keepends=True)
    well.ledger.write_bytes(b"".join([*lines[:1], *lines[2:]]))
    assert (found(well, "ledger").level, "line 2 " in found(well, "ledger").words) == (doctor.FAIL, True)
    well.ledger.unlink()
    assert (found(well, "ledger").level, "it is gone" in found(well, "ledger").words) == (doctor.FAIL, True)


def test_a_clock_behind_the_ledger_is_told(well):
    Ledger(well).append([{"event": "locked", "period_code": "2026-09", "at": "2099-01-01T00:00:00.000000+07:00"}])
    assert (found(well, "clock").level, "2099-01-01" in found(well, "clock").words) == (doctor.FAIL, True)


@pytest.mark.skipif(os.name == "nt", reason="rights are another matter in Windows")
def test_what_everybody_may_write_is_told(well):
    well.archive.chmod(0o777)
    assert (found(well, "rights").level, "warehouse/archive" in found(well, "rights").words) == (doctor.FAIL, True)
    well.archive.chmod(0o755)
    well.inbox.chmod(0o777)
    assert found(well, "rights").level == doctor.OK
    well.alerts.write_text("{}")
    well.alerts.chmod(0o644)
    assert (found(well, "rights").level, "chmod 600" in found(well, "rights").fix) == (doctor.WARN, True)


def test_a_folder_of_the_inbox_that_names_nobody_is_told(well):
    (well.inbox / "11164-vinh-lai" / "CONGAN").mkdir()
    (well.inbox / "vinh-lai").mkdir()
    assert found(well, "inbox").level == doctor.WARN
    assert found(well, "inbox").words.endswith(": 11164-vinh-lai/CONGAN, vinh-lai")


def test_a_full_disk_fails_before_a_run_does(well, monkeypatch):
    usage = shutil.disk_usage(well.root)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage._replace(free=10**8))
    assert (found(well, "disk").level, "needs 1.0 GiB" in found(well, "disk").fix) == (doctor.FAIL, True)


def test_a_full_disk_is_told_a_month_before(well, monkeypatch):
    usage = shutil.disk_usage(well.root)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage._replace(free=20 * disk.GIB))
    for days, free_then, level, words in (
        (20, 27, doctor.OK, "^20.0 GiB free for .*, 358 MiB less a day over the last 20 days$"),
        (20, 41, doctor.WARN, "1075 MiB less a day over the last 20 days: in 18 days a run has no room$"),
        (20, 15, doctor.OK, ", 0 MiB less a day over the last 20 days$"),  # a larger disk, or room was made
        (3, 41, doctor.OK, "^20.0 GiB free for [^,]*$"),  # too short to say anything
        (50, 41, doctor.OK, "^20.0 GiB free for [^,]*$"),  # of an older time
    ):
        at = datetime.now(VIETNAM) - timedelta(days=days)
        path = well.runs / f"{at:%Y%m%dT%H%M%S}-then.json"
        path.write_text(json.dumps({"ended_at": at.isoformat(), "free_bytes": free_then * disk.GIB}), encoding="utf-8")
        assert found(well, "disk").level == level, (days, free_then)
        assert re.search(words, found(well, "disk").words), found(well, "disk").words
        path.unlink()


def test_a_database_of_another_schema_is_told_and_the_next_run_builds_it_anew(well, monkeypatch):
    before = tables(well)
    with duckdb.connect(well.published) as con:
        con.execute("UPDATE core.dim_build SET schema_mark = 'older', built_by = '0.0.1'")
        con.execute("UPDATE main.model_mark SET mark = 'older'")
    with duckdb.connect(well.build) as con:
        con.execute("UPDATE raw.build_info SET value = 'older' WHERE name = 'schema'")
        con.execute("DROP TABLE raw.receipt")
    assert found(well, "schema").level == doctor.WARN
    assert "published by kpi57 0.0.1 with schema older" in found(well, "schema").words
    flow.run_steps(well)
    assert tables(well) == before
    assert found(well, "schema").level == doctor.OK


def test_the_last_run_is_told_with_what_to_do(well):
    summary.begin(well, "failing-run")
    summary.end(well, "failing-run", [summary.Failure("published", "[Errno 28] No space left on device", "OSError")])
    finding = found(well, "runs")
    assert (finding.level, "No space left" in finding.words) == (doctor.FAIL, True)
    assert finding.fix.startswith("the disk is full")
    summary.begin(well, "killed-run")
    assert (found(well, "runs").level, "killed" in found(well, "runs").words) == (doctor.WARN, True)


def test_an_alert_that_could_not_be_sent_is_told(well):
    well.alerts.write_text("webhook: {url: 'https://example.org/hook'}", encoding="utf-8")
    well.alerts.chmod(0o600)
    last = {**summary.last(well), "alerts": ["sent by e-mail: overdue (1)", "not sent by webhook: overdue (1): 500"]}
    summary.complete(well, {**last, "alerts_not_sent": []})
    assert found(well, "alerts").level == doctor.OK
    summary.complete(well, {**last, "alerts_not_sent": last["alerts"][1:]})
    assert (found(well, "alerts").level, found(well, "alerts").words) == (doctor.WARN, last["alerts"][1])


# ---------------------------------------------------------------- what a run says of itself


def test_a_report_on_no_submission_says_none(ran):
    with duckdb.connect(ran.published) as con:
        con.execute("DELETE FROM core.fct_submission")
    assert "Submissions  none" in run_report(ran).splitlines()


def test_a_run_leaves_a_summary_with_counts_and_exit_code(kpi57, quick, office, home):  # noqa: F811
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    assert kpi57("run").exit_code == 0
    told = json.loads(home.summary.read_bytes())
    assert (told["outcome"], told["exit_code"], told["received"], told["failed"]) == ("succeeded", 0, 1, [])
    assert (told["published"]["submissions"], told["published"]["current_figures"]) == (1, 1)
    assert told["published"]["lines_unaccounted"] == 0
    assert datetime.fromisoformat(told["started_at"]) <= datetime.fromisoformat(told["ended_at"])
    [kept] = home.runs.iterdir()
    assert kept.read_bytes() == home.summary.read_bytes()


def test_a_failed_run_says_which_step_and_what_to_do(kpi57, quick, monkeypatch, home):  # noqa: F811
    def full(home):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipelines.flow.load_registry", full)
    said = kpi57("run")
    assert said.exit_code == 1
    told = json.loads(home.summary.read_bytes())
    assert (told["outcome"], told["exit_code"]) == ("failed", 1)
    assert [(f["step"], "No space left on device" in f["error"]) for f in told["failed"]] == [("registry", True)]
    assert told["failed"][0]["what_to_do"] in said.stderr


def test_a_run_that_was_killed_is_marked_by_the_next(home):
    summary.begin(home, "a-killed-run")
    summary.begin(home, "b-next-run")
    summary.end(home, "b-next-run", [])
    told = sorted(json.loads(path.read_bytes())["outcome"] for path in home.runs.iterdir())
    assert told == ["stopped", "succeeded"]
    assert summary.last(home)["run_id"] == "b-next-run"


def test_a_run_that_found_another_at_work_does_not_overwrite_what_that_one_says(home):
    summary.begin(home, "at-work")
    summary.end(home, "came-second", [summary.Failure("run", "another kpi57 run holds it", "BusyError")])
    assert summary.last(home)["run_id"] == "at-work"
    assert summary.last(home)["outcome"] == "running"


@pytest.mark.parametrize("by", ["the schedule", "the command"])
def test_a_run_of_the_schedule_is_concluded_by_the_daemon_and_one_of_the_command_is_not(ran, by):
    """Given a run that failed, expect the daemon to write its summary unless 'kpi57 run' has done so."""
    from pipelines.definitions import after_failure, defs

    tags = run_end.BY_COMMAND if by == "the command" else {}
    with run_lock(ran), dg.DagsterInstance.ephemeral() as instance:
        run = defs.resolve_job_def("daily").execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey("published")], raise_on_error=False, tags=tags
        )
        told = after_failure(
            dg.build_run_status_sensor_context(
                sensor_name="after_failure",
                dagster_instance=instance,
                dagster_run=instance.get_run_by_id(run.run_id),
                dagster_event=run.all_events[-1],
            )
        )
        failed = run_end.failures(instance, run.run_id)
    assert [(step, kind) for step, _, kind in failed] == [("run", "BusyError")]
    if by == "the command":
        assert isinstance(told, dg.SkipReason)
        assert not ran.summary.exists()
    else:
        assert "another run was at work" in summary.last(ran)["failed"][0]["what_to_do"]


# ---------------------------------------------------------------- tried again, or not


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OSError(errno.EIO, "share gone"), True),
        (OSError(errno.ESTALE, "stale handle"), True),
        (TimeoutError("slow share"), True),
        (ConnectionError("PostgreSQL is restarted"), True),
        (duckdb.IOException("Could not set lock on file"), True),
        (OSError(errno.ENOSPC, "full"), False),
        (OSError(errno.EROFS, "read-only"), False),
        (PermissionError(errno.EACCES, "no"), False),
        (FileNotFoundError(errno.ENOENT, "no"), False),
        (duckdb.IOException("Corrupt database file"), False),
        (ValueError("wrong data"), False),
    ],
    ids=str,
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has error numbers of its own")
def test_only_what_may_pass_by_itself_is_tried_again(error, passes):
    assert may_pass(error) is passes


def failing(monkeypatch, error, times):
    """Make publishing fail so many times. Returns the list of tries."""
    publish, tries = flow.publish, []

    def flaky(home):
        tries.append(1)
        if len(tries) <= times:
            raise error
        return publish(home)

    monkeypatch.setattr("pipelines.flow.publish", flaky)
    monkeypatch.setattr("pipelines.assets.RETRY_AFTER_SECONDS", 0)
    return tries


def only(step):
    """Run one step of the daily job over what is there. Returns whether it went well, and what failed."""
    from pipelines.definitions import defs

    with dg.DagsterInstance.ephemeral() as instance:
        run = defs.resolve_job_def("daily").execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(step.split("."))], raise_on_error=False
        )
        return run.success, run_end.failures(instance, run.run_id)


def test_a_file_held_for_a_moment_does_not_fail_the_run(ran, monkeypatch):
    ran.published.unlink()
    tries = failing(monkeypatch, OSError(errno.EBUSY, "held by a reader"), 2)
    assert only("published") == (True, [])
    assert len(tries) == 3
    assert ran.published.exists()


def test_what_does_not_pass_is_tried_so_often_and_a_full_disk_once(ran, monkeypatch):
    tries = failing(monkeypatch, OSError(errno.EBUSY, "held by a reader"), 99)
    success, [(step, error, _)] = only("published")
    assert (success, len(tries), step) == (False, 4, "published")
    assert "held by a reader" in error
    tries = failing(monkeypatch, OSError(errno.ENOSPC, "full"), 99)
    success, [(step, error, _)] = only("published")
    assert (success, len(tries), "full" in error) == (False, 1, True)


def test_a_failed_check_is_not_tried_again_and_is_told_by_its_name(ran):
    with duckdb.connect(ran.build) as con:
        con.execute("UPDATE raw.agency SET agency_name = NULL")
        con.execute("UPDATE raw.edition SET edition = 'altered'")  # the registry is read again where an edition is new
    success, [(step, error, _)] = only("core.dim_agency")
    assert (success, step) == (False, "models")
    assert "core/dim_agency" in error
    assert "failed check" in what_to_do(error), error


def test_a_run_that_finds_another_at_work_says_so(ran):
    with run_lock(ran):
        success, [(_, error, _)] = only("published")
    assert not success
    assert "another run was at work" in what_to_do(error), error


def test_the_published_copy_has_a_freshness_policy():
    from pipelines.assets import published

    [spec] = published.specs
    assert (spec.freshness_policy.deadline_cron, spec.freshness_policy.timezone) == ("0 7 * * *", "Asia/Ho_Chi_Minh")


# ---------------------------------------------------------------- installed for real

UNITS = sorted(path for path in (PROJECT / "docs" / "operations").iterdir() if path.suffix in (".service", ".timer"))


def test_the_units_start_commands_that_are_there_and_write_where_they_may():
    services = {path.stem: path.read_text(encoding="utf-8") for path in UNITS if path.suffix == ".service"}
    assert len(services) == 6
    for name, text in services.items():
        account = "kpi57-portal" if name == "kpi57-portal" else "kpi57"  # the portal has no right on the archive
        [command] = re.findall(r"^ExecStart=/usr/local/lib/kpi57/\.venv/bin/kpi57 (\w+)", text, re.MULTILINE)
        assert command in main.commands
        where = "EnvironmentFile=/etc/kpi57.env" if "worker" in name else "Environment=KPI57_HOME=/var/lib/kpi57"
        for rule in (f"User={account}", "ProtectSystem=strict", where):
            assert f"\n{rule}\n" in text
        assert re.search(r"^(IPAddressDeny=any|PrivateNetwork=yes)$", text, re.MULTILINE)


def test_systemd_takes_the_units(tmp_path):
    """By its own check where it is installed; its timers say the hour of the schedule in any case."""
    from pipelines.definitions import every_morning

    timer = (PROJECT / "docs" / "operations" / "kpi57-run.timer").read_text(encoding="utf-8")
    assert f"OnCalendar=*-*-* 06:00:00 {every_morning.execution_timezone}\n" in timer
    verify = shutil.which("systemd-analyze")
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace("/usr/local/lib/kpi57/.venv/bin/kpi57", "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    if verify:
        said = subprocess.run(
            [verify, "verify", *sorted(tmp_path.glob("kpi57*"))], capture_output=True, text=True, check=False
        )
        assert (said.returncode, said.stderr) == (0, "")


def test_an_audit_that_could_ask_nobody_is_no_audit():
    skipped = [{"name": "a", "skip_reason": "Dependency not found"}]
    sound = [{"name": "b", "version": "1", "vulns": []}]
    faulty = [{"name": "c", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]
    assert judged(skipped) == ([], [], "Dependency not found")
    assert judged(sound + skipped) == (["b"], [], "Dependency not found")
    assert judged(faulty) == (["c"], ["c 1: PYSEC-1, fixed in 2"], "")


# ---------------------------------------------------------------- thrown away


def test_old_history_goes_and_the_last_runs_archive_and_ledger_stay(home, monkeypatch):
    monkeypatch.setattr(retention, "HISTORY_LEAST", 2)
    Ledger(home).append([{"event": "day", "day": "2020-01-01"}])
    (home.archive / "ab").mkdir()
    (home.archive / "ab" / "abc").write_bytes(b"x")
    home.runs.mkdir(parents=True)
    for path in (home.runs / "old.json", home.archive / "ab" / "abc", home.ledger, home.archive):
        if path.suffix == ".json":
            path.write_text("{}")
        os.utime(path, (0, 0))
    (home.runs / "new.json").write_text("{}")

    @dg.job
    def nothing():
        pass

    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(4):
            nothing.execute_in_process(instance=instance)
        monkeypatch.setattr(retention, "HISTORY_DAYS", -1)  # everything is old
        assert retention.tidy(home, instance) == {"runs": 2, "summaries": 1}
        assert len(instance.get_runs()) == 2
    assert [path.name for path in home.runs.iterdir()] == ["new.json"]
    assert (home.archive / "ab" / "abc").exists()
    assert home.ledger.exists()


def test_history_kept_on_disk_is_thrown_away(home, tmp_path, monkeypatch):
    """Given two runs of which the first is old, expect its events and files to be gone."""
    monkeypatch.setattr(retention, "HISTORY_LEAST", 1)
    monkeypatch.setattr(retention, "HISTORY_DAYS", -1)
    tmp_path.joinpath("dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())

    @dg.job
    def nothing():
        pass

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        runs = []
        for _ in range(2):
            runs.append(nothing.execute_in_process(instance=instance).run_id)
        assert retention.tidy(home, instance)["runs"] == 1
        assert [run.run_id for run in instance.get_runs()] == [runs[1]]
        assert instance.all_logs(runs[0]) == []


def test_while_a_run_works_closing_a_file_of_its_history_does_not_write_its_log_back(home):
    """Dagster opens and closes these files for every event: only the last to close one writes its log back."""
    index = home.dagster / "history" / "runs" / "index.db"
    index.parent.mkdir(parents=True)

    def write() -> bool:
        """Write as Dagster does; returns whether the log stays beside the file."""
        con = sqlite3.connect(index)
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("CREATE TABLE IF NOT EXISTS event (n INTEGER)")
        con.execute("INSERT INTO event VALUES (1)")
        con.commit()
        con.close()
        return index.with_name("index.db-wal").exists()

    assert not write()
    with held_open(home, "a-run"):
        assert write()
    assert not write()
    with sqlite3.connect(index) as con:
        assert con.execute("SELECT count(*) FROM event").fetchall() == [(3,)]


def test_while_a_run_works_its_events_are_not_forced_to_disk_one_by_one(home, tmp_path):
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'history.db'}", poolclass=sqlalchemy.NullPool)

    def is_forced() -> bool:
        with engine.connect() as con:
            return con.exec_driver_sql("PRAGMA synchronous").scalar() == 2

    assert is_forced()
    with held_open(home, "a-run"):
        assert not is_forced()
    assert is_forced()


def test_the_emptied_file_of_a_deleted_run_goes_and_that_of_a_kept_or_a_new_one_stays(home):
    """Given a history on disk with a run that was deleted, expect nothing of its size to be left."""
    home.dagster.mkdir(parents=True)
    (home.dagster / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
    files = home.dagster / "history" / "runs"

    @dg.job
    def nothing():
        pass

    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        deleted, kept = (nothing.execute_in_process(instance=instance).run_id for _ in range(2))
        instance.delete_run(deleted)
        begun = files / f"{uuid.uuid4()}.db"  # of another process that has not said yet what it runs
        begun.touch()
        assert (files / f"{deleted}.db").exists()
        for path in (files / f"{deleted}.db", files / f"{kept}.db", files / "index.db"):
            os.utime(path, (0, 0))
        retention.tidy(home, instance)
        assert {path.stem for path in files.glob("*.db")} == {kept, begun.stem, "index"}
        assert instance.all_logs(kept)
