"""The same bytes again: a duplicate, unless the first were refused for their day or for want of time and memory."""

import hashlib
import shutil
from dataclasses import replace

import openpyxl
import pytest
from conftest import VINH_LAI, Warehouse, vietnam

from pipelines import flow, judging
from pipelines.intake import receive
from pipelines.reading.read import written

GOOD = {"XHS-02": {"numerator": 20, "denominator": 40}}
BETTER = {"XHS-02": {"numerator": 30, "denominator": 40}}
SENT = "SELECT original_name, status FROM core.fct_submission ORDER BY ledger_sequence"


def answer_to(home, name):
    [path] = (home.feedback / VINH_LAI / "CA").glob(f"*-{name}-*.xlsx")
    return str([c.value for row in openpyxl.load_workbook(path).worksheets[0] for c in row if c.value])


@pytest.fixture
def slow(monkeypatch):
    """Files whose name is here are not read in time; how often each was tried."""
    names, tried = set(), []
    read = judging.read_written

    def limited(jobs, form, *, is_last):
        for job, got in read(jobs, form, is_last=is_last):
            if job.path.name[:12] in {one[:12] for one in names}:
                tried.append((job.key, is_last))
                got = written({"problem": "too_slow" if is_last else "read_again"})
            yield job, got

    monkeypatch.setattr(judging, "read_written", limited)
    return names, tried


def test_a_file_not_read_in_time_is_read_in_the_next_run(office, home, ask, slow):
    names, tried = slow
    path = office.send("CA", "2026-10", GOOD, name="a.xlsx")
    names.add(hashlib.sha256(path.read_bytes()).hexdigest())
    flow.run_steps(home)
    flow.write_feedback(home)
    assert ask(SENT) == [("a.xlsx", "unreadable")]
    assert "sẽ tự đọc lại trong lần xử lý sau" in answer_to(home, "a")
    names.clear()  # the machine is less busy
    flow.run_steps(home)
    assert ask(SENT) == [("a.xlsx", "accepted")]
    assert ask("SELECT numerator FROM core.fct_actual") == [(20,)]
    assert [is_last for _, is_last in tried] == [False]


def test_after_the_last_try_it_stays_unread_until_it_is_sent_again(office, home, ask, slow):
    names, tried = slow
    path = office.send("CA", "2026-10", GOOD, name="a.xlsx")
    kept = shutil.copy2(path, home.root / "kept.xlsx")
    names.add(hashlib.sha256(path.read_bytes()).hexdigest())
    for _ in range(3):
        flow.run_steps(home)
    assert [is_last for _, is_last in tried] == [False, True]
    assert "quá thời gian cho phép" in ask.one("SELECT message FROM core.fct_rejection")
    names.clear()
    shutil.copy2(kept, path)
    flow.run_steps(home)
    assert ask(SENT) == [("a.xlsx", "unreadable"), ("a.xlsx", "accepted")]
    shutil.copy2(kept, path)
    flow.run_steps(home)
    assert ask(SENT)[2:] == [("a.xlsx", "duplicate")]
    assert ask("SELECT o.status FROM core.fct_submission AS d JOIN core.fct_submission AS o "
               "ON o.submission_id = d.duplicate_of") == [("accepted",)]  # fmt: skip


def test_a_file_refused_for_its_day_is_right_when_the_day_has_come(office, home, ask, monkeypatch):
    class Clock(receive.datetime):
        today = vietnam(2030, 11, 5)

        @classmethod
        def now(cls, tz=None):
            return cls.today

    monkeypatch.setattr(receive, "datetime", Clock)
    path = office.send("CA", "2030-12", GOOD, name="a.xlsx")
    kept = shutil.copy2(path, home.root / "kept.xlsx")
    flow.run_steps(home)
    assert ask("SELECT rule_code FROM core.fct_rejection WHERE severity = 'fail'") == [("T07",)]
    shutil.copy2(kept, path)
    flow.run_steps(home)
    assert ask(SENT) == [("a.xlsx", "rejected"), ("a.xlsx", "rejected")], "it is as wrong as before, and says so"
    Clock.today = vietnam(2030, 12, 20)
    shutil.copy2(kept, path)
    flow.run_steps(home)
    assert [status for _, status in ask(SENT)] == ["rejected", "rejected", "accepted"]
    other = replace(home, root=home.root.parent / "other")
    shutil.copytree(home.archive, other.archive)
    flow.run_steps(other)
    assert Warehouse(other.published)(SENT) == ask(SENT), "the same ledger gives the same, read all at once"


def test_the_first_file_sent_again_after_a_correction_is_told_what_is_in_force(office, home, ask):
    """It stays a duplicate: whether somebody meant it or a program copied it again cannot be known."""
    path = office.send("CA", "2026-10", GOOD, name="a.xlsx")
    kept = shutil.copy2(path, home.root / "kept.xlsx")
    flow.run_steps(home)
    office.send("CA", "2026-10", BETTER, name="b.xlsx")
    flow.run_steps(home)
    shutil.copy2(kept, path.with_name("c.xlsx"))
    flow.run_steps(home)
    flow.write_feedback(home)
    assert ask("SELECT numerator FROM core.fct_actual WHERE is_current") == [(30,)]
    said = answer_to(home, "c")
    assert "giống hệt tệp “a.xlsx”" in said
    assert "“b.xlsx”" in said
    assert "đang có hiệu lực" in said
    assert "sửa ít nhất một ô" in said
