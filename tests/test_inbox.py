"""Where files lie, and in which order they came: taken wherever they are dropped, answered where the sender looks."""

import os
import shutil
import time

import openpyxl
import pytest
from conftest import VINH_LAI

from pipelines import flow
from pipelines.intake.ledger import Ledger
from pipelines.intake.receive import in_order, receive, unreadable_folders, waiting
from pipelines.upkeep import doctor

GOOD = {"XHS-02": {"numerator": 20, "denominator": 40}}
BETTER = {"XHS-02": {"numerator": 30, "denominator": 40}}


def answers(home):
    return {path.parent.relative_to(home.feedback).as_posix(): path for path in home.feedback.rglob("*.xlsx")}


OF_VINH_LAI = "11164-vinh-lai"


@pytest.mark.parametrize("below", ["CA/Tháng 10", "CA/2026/10", ".", "Tháng 10", "..", "../Tháng 10"])
def test_a_misplaced_file_is_taken_and_answered_in_its_sender_s_folder(office, home, ask, below):
    office.send("CA", "2026-10", GOOD, into=(home.inbox / OF_VINH_LAI / below).resolve())
    flow.run_steps(home)
    flow.write_feedback(home)
    assert ask("SELECT commune_code, agency_code, numerator FROM core.fct_actual") == [(VINH_LAI, "CA", 20)]
    assert answers(home).keys() == {f"{VINH_LAI}/CA"}


@pytest.mark.parametrize("folder", ["11086-dai-son", "99999-khong-co", "11164-vinh-lai/VHXH/Tháng 10"])
def test_what_a_file_states_does_not_count_against_where_it_lies(office, home, ask, folder):
    office.send("CA", "2026-10", GOOD, into=home.inbox / folder)
    flow.run_steps(home)
    assert ask("SELECT status FROM core.fct_submission") == [("rejected",)]
    assert ask("FROM core.fct_actual") == []


def test_what_systems_put_into_folders_is_no_report(home):
    folder = home.inbox / "11164-vinh-lai" / "CA"
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "@eaDir/a.xlsx", "#recycle/b.xlsx", "$RECYCLE.BIN/c.xlsx"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert waiting(home) == []


def test_no_inbox_is_made_and_said(home, caplog):
    receive(home, Ledger(home))
    assert home.inbox.is_dir()
    assert "there was no inbox" in caplog.text


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_taken(office, home, monkeypatch, caplog):
    office.send("CA", "2026-10", GOOD)
    closed = office.folder(VINH_LAI, "VHXH")
    scan = os.scandir

    def scandir(path="."):
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr("os.scandir", scandir)
    assert receive(home, Ledger(home)) == 1
    assert "VHXH cannot be read" in caplog.text
    assert unreadable_folders(home) == ["sources/inbox/11164-vinh-lai/VHXH"]
    [found] = [f for f in doctor.examine(home) if f.about == "inbox"]
    assert (found.level, "VHXH" in found.words) == (doctor.FAIL, True)


def test_an_answer_that_somebody_deleted_is_written_again(office, home):
    office.send("CA", "2026-10", GOOD)
    flow.run_steps(home)
    assert flow.write_feedback(home) == 1
    assert flow.write_feedback(home) == 0
    shutil.rmtree(home.feedback)
    assert flow.write_feedback(home) == 1
    assert len(answers(home)) == 1


# ---------------------------------------------------------------- which of two is the later


def test_copies_are_in_the_order_people_number_them(home):
    folder = home.inbox / "11164-vinh-lai" / "CA"
    folder.mkdir(parents=True)
    names = ["x.xlsx", "x - Copy.xlsx", "x (2).xlsx", "x (10).xlsx", "y 2.xlsx", "y 10.xlsx"]
    for name in sorted(names):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (0, 0))
    assert [w.path.name for w in in_order(waiting(home), by_own_time=False)] == names


def test_what_arrived_later_is_later_whatever_the_sender_s_clock_said(office, home, ask, monkeypatch):
    monkeypatch.setattr("pipelines.intake.receive._TOGETHER", 10**7)
    first = office.send("CA", "2026-10", GOOD, name="z.xlsx")
    time.sleep(0.05)
    second = office.send("CA", "2026-10", BETTER, name="a.xlsx")
    os.utime(second, (1, 1))
    time.sleep(0.05)
    assert first.stat().st_ctime_ns < second.stat().st_ctime_ns
    flow.run_steps(home)
    assert ask("SELECT numerator FROM core.fct_actual WHERE is_current") == [(30,)]


def test_both_answers_say_which_of_two_files_of_one_run_counts(office, home):
    office.send("CA", "2026-10", BETTER, name="x (2).xlsx")
    office.send("CA", "2026-10", GOOD, name="x.xlsx")
    office.send("VHXH", "2026-10", {}, name="y.xlsx")
    flow.run_steps(home)
    flow.write_feedback(home)
    found = list((home.feedback / VINH_LAI / "CA").glob("*.xlsx"))
    assert len(found) == 2
    for path in found:
        said = str([c.value for row in openpyxl.load_workbook(path).worksheets[0] for c in row if c.value])
        assert "gửi cùng lúc 2 tệp của kỳ này, xử lý theo thứ tự: “x.xlsx”, “x (2).xlsx”" in said
