"""The as-of date never goes back by itself: a slip is refused, and one that happened is undone by name."""

from datetime import date, timedelta

import pytest
from test_cli import kpi57, quick  # noqa: F401 - fixtures

from pipelines import flow
from pipelines.intake import ledger as ledgers
from pipelines.intake import receive as receiving
from pipelines.intake.acts import undo_day
from pipelines.intake.ledger import VIETNAM, DayError, Ledger
from pipelines.intake.receive import receipts, receive

GOOD = {"XHS-02": {"numerator": 20, "denominator": 40}}
WORDS = ["--reason", "gõ nhầm năm", "--by", "Văn thư"]


def clock_says(monkeypatch, day):
    class Clock(ledgers.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(day.year, day.month, day.day, 9, tzinfo=VIETNAM)

    monkeypatch.setattr(ledgers, "datetime", Clock)
    monkeypatch.setattr(receiving, "datetime", Clock)


def test_a_day_far_ahead_is_refused_and_nothing_is_noted(kpi57, quick, home):  # noqa: F811
    today = ledgers.datetime.now(VIETNAM).date()
    Ledger(home).append([{"event": "day", "day": (today - timedelta(days=60)).isoformat()}])
    ahead = kpi57("run", "--day", str(today + timedelta(days=3650)))
    assert (ahead.exit_code, "is after today" in ahead.stderr, "--force" in ahead.stderr) == (1, True, True)
    far = kpi57("run", "--day", str(today - timedelta(days=20)))
    assert (far.exit_code, "more than 31 days after" in far.stderr) == (1, True)
    assert len(Ledger(home).entries) == 1
    assert kpi57("run", "--day", str(today - timedelta(days=30))).exit_code == 0


def test_a_clock_far_ahead_stops_the_run_before_anything_is_received(office, home, monkeypatch):
    office.send("CA", "2026-10", GOOD)
    Ledger(home).append([{"event": "day", "day": "2026-11-20"}])
    clock_says(monkeypatch, date(2036, 11, 25))
    with pytest.raises(DayError, match="the clock says 2036-11-25: that is more than 31 days after 2026-11-20"):
        flow.run_steps(home)
    assert not Ledger(home).of("received")
    assert [entry["day"] for entry in Ledger(home).of("day")] == ["2026-11-20"]
    assert list(home.inbox.rglob("*.xlsx"))


def test_a_day_set_by_mistake_is_undone(kpi57, quick, office, home, ask):  # noqa: F811
    office.send("CA", "2026-10", GOOD)
    flow.run_steps(home)
    before = ask("SELECT as_of_on FROM core.dim_build"), ask("SELECT count(*) FROM marts.mart_reporting_status")
    ahead = date(2036, 11, 25)
    assert kpi57("run", "--day", str(ahead), "--force").exit_code == 0
    assert ask("SELECT as_of_on FROM core.dim_build") == [(ahead,)]
    assert kpi57("undo-day", "2036-11-24", *WORDS).exit_code == 1
    assert kpi57("undo-day", str(ahead), *WORDS).exit_code == 0
    assert "already" in kpi57("undo-day", str(ahead), *WORDS).stderr
    flow.run_steps(home)
    assert (ask("SELECT as_of_on FROM core.dim_build"),
            ask("SELECT count(*) FROM marts.mart_reporting_status")) == before  # fmt: skip
    assert [entry["event"] for entry in Ledger(home).entries if "day" in entry["event"]][-2:] == ["day", "day_undone"]


def test_files_that_came_under_a_wrong_clock_count_as_just_after_those_before(office, home, monkeypatch):
    for day, name in ((date(2026, 11, 20), "a.xlsx"), (date(2036, 11, 25), "b.xlsx"), (date(2026, 11, 21), "c.xlsx")):
        clock_says(monkeypatch, day)
        office.send(
            "CA", "2026-10", {"XHS-02": {"numerator": len(name) + day.year % 100, "denominator": 90}}, name=name
        )
        ledger = Ledger(home)
        receive(home, ledger)
        if day.year == 2036:
            undo_day(ledger, day, "đồng hồ sai", "Văn thư")
    ledger = Ledger(home)
    rows = receipts(ledger.of("received"), [], {}, ledger.received_at)
    times = {row["original_name"]: row["received_at"][:16] for row in rows}
    assert times == {"a.xlsx": "2026-11-20T09:00", "b.xlsx": "2026-11-20T09:00", "c.xlsx": "2026-11-21T09:00"}
    assert sorted(row["received_at"] for row in rows) == [row["received_at"] for row in rows]
    assert ledger.as_of == date(2026, 11, 21)
