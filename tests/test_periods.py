"""Periods and their days: both calendars, the turn of the year, leap years, and midnight in Vietnam."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import openpyxl
import pytest
from conftest import DAI_SON, VINH_LAI

from pipelines.agencies.form import write_template
from pipelines.intake import receive as receiving
from pipelines.intake.ledger import Ledger
from pipelines.intake.receive import receipts, receive
from pipelines.registry.periods import make_periods, period_bounds, period_label
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.models import build, models
from pipelines.warehouse.rows import replace as replace_rows


def day(text):
    return datetime.strptime(text, "%d/%m/%Y").date()


@pytest.mark.parametrize(
    ("code", "kind", "first", "last"),
    [
        ("2026-01", "month", "01/01/2026", "31/01/2026"),
        ("2026-02", "month", "01/02/2026", "28/02/2026"),
        ("2028-02", "month", "01/02/2028", "29/02/2028"),  # a leap year
        ("2100-02", "month", "01/02/2100", "28/02/2100"),  # divisible by 100, not by 400: none
        ("2026-04", "month", "01/04/2026", "30/04/2026"),
        ("2026-12", "month", "01/12/2026", "31/12/2026"),
        ("2026-Q1", "quarter", "01/01/2026", "31/03/2026"),
        ("2026-Q2", "quarter", "01/04/2026", "30/06/2026"),
        ("2026-Q4", "quarter", "01/10/2026", "31/12/2026"),
        ("2026-H1", "half", "01/01/2026", "30/06/2026"),
        ("2026-H2", "half", "01/07/2026", "31/12/2026"),
        ("2026-9M", "nine_months", "01/01/2026", "30/09/2026"),
        ("2026", "year", "01/01/2026", "31/12/2026"),
    ],
)
def test_calendar_periods_end_with_the_month(code, kind, first, last):
    assert period_bounds(code) == (kind, day(first), day(last))


@pytest.mark.parametrize(
    ("code", "kind", "first", "last"),
    [
        ("2026-01", "month", "15/12/2025", "14/01/2026"),  # over the turn of the year
        ("2026-03", "month", "15/02/2026", "14/03/2026"),
        ("2028-03", "month", "15/02/2028", "14/03/2028"),  # 29 days before the 15th of a leap year's March
        ("2026-12", "month", "15/11/2026", "14/12/2026"),
        ("2026-Q1", "quarter", "15/12/2025", "14/03/2026"),
        ("2026-Q2", "quarter", "15/03/2026", "14/06/2026"),
        ("2026-Q4", "quarter", "15/09/2026", "14/12/2026"),
        ("2026-H1", "half", "15/12/2025", "14/06/2026"),
        ("2026-H2", "half", "15/06/2026", "14/12/2026"),
        ("2026-9M", "nine_months", "15/12/2025", "14/09/2026"),
        ("2026", "year", "15/12/2025", "14/12/2026"),
    ],
)
def test_administrative_periods_close_on_the_14th(code, kind, first, last):
    """Nghị định 09/2019/NĐ-CP, Điều 12."""
    assert period_bounds(code, 14) == (kind, day(first), day(last))


@pytest.mark.parametrize("closes_on_day", [None, 14])
def test_every_day_lies_in_one_month_one_quarter_one_half_and_one_year(closes_on_day):
    """No day is lost or counted twice, over a leap year and two turns of the year."""
    for parts in ([f"-{m:02}" for m in range(1, 13)], ["-Q1", "-Q2", "-Q3", "-Q4"], ["-H1", "-H2"], [""]):
        bounds = [period_bounds(f"{year}{part}", closes_on_day)[1:] for year in (2027, 2028, 2029) for part in parts]
        for (_, last), (first, _) in pairwise(bounds):
            assert first == last + timedelta(1)


@pytest.mark.parametrize("code", ["2026-00", "2026-13", "2026-Q0", "2026-Q5", "2026-H3", "2026-6M", "26-01", "2026-1",
                                  "2026-", "", "Tháng 10", "2026-10-01"])  # fmt: skip
def test_what_is_no_period_is_refused(code):
    with pytest.raises(ValueError, match=r"not a period|no month"):
        period_bounds(code)


@pytest.mark.parametrize(
    ("code", "label"),
    [("2026-10", "Tháng 10/2026"), ("2026-Q4", "Quý IV/2026"), ("2026-H1", "6 tháng đầu năm 2026"),
     ("2026-H2", "6 tháng cuối năm 2026"), ("2026-9M", "9 tháng năm 2026"), ("2026", "Năm 2026")],
)  # fmt: skip
def test_a_period_is_called_as_officers_call_it(code, label):
    assert period_label(code) == label


CONFIG = {"calendars": {"administrative": {"closes_on_day": 14}, "calendar": {"closes_on_day": None}},
          "first_year": 2025, "last_year": 2028}  # fmt: skip
REPORTING = {"owed": [{"kind": "month", "from": "2026-01", "due_days": 6, "grace_days": 0},
                      {"kind": "year", "from": 2025, "due_days": 6, "grace_days": 3}]}  # fmt: skip


def test_what_is_owed_is_due_so_many_days_after_the_period_s_last():
    periods = make_periods(CONFIG, REPORTING, "administrative")
    assert len(periods) == 4 * 20
    assert (periods["2026-10"].ends_on, periods["2026-10"].due_on) == (date(2026, 10, 14), date(2026, 10, 20))
    assert (periods["2026"].ends_on, periods["2026"].due_on) == (date(2026, 12, 14), date(2026, 12, 20))
    assert periods["2026-10"].owed_from == date(2025, 12, 15)
    assert (periods["2026-10"].grace_days, periods["2026"].grace_days) == (0, 3)
    assert periods["2026-Q4"].due_on is None


def test_the_other_calendar_is_a_word_in_periods_yml():
    periods = make_periods(CONFIG, REPORTING, "calendar")
    assert (periods["2028-02"].ends_on, periods["2028-02"].due_on) == (date(2028, 2, 29), date(2028, 3, 6))
    assert (periods["2026-12"].ends_on, periods["2026-12"].due_on) == (date(2026, 12, 31), date(2027, 1, 6))
    assert (periods["2026"].starts_on, periods["2026"].ends_on) == (date(2026, 1, 1), date(2026, 12, 31))


def test_a_calendar_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"no calendar 'lunar' in periods\.yml: write one of administrative, calendar"):
        make_periods(CONFIG, REPORTING, "lunar")


# ---------------------------------------------------------------- what a plan sets for its commune


@pytest.fixture
def own_days(registry):
    """Vĩnh Lại closes with the calendar month, is due ten days later and gives two days of grace."""
    settings = {"reporting_calendar": "calendar", "due_days": 10, "grace_days": 2}
    plans = {name: {**plan, **(settings if plan["commune_code"] == VINH_LAI else {})}
             for name, plan in registry.plans.items()}  # fmt: skip
    return replace(registry, plans=plans)


def test_a_plan_sets_calendar_due_days_and_grace_of_its_commune(own_days):
    october = own_days.period_of(VINH_LAI, "2026-10")
    assert (october.starts_on, october.ends_on) == (date(2026, 10, 1), date(2026, 10, 31))
    assert (october.due_on, october.grace_days) == (date(2026, 11, 10), 2)
    assert own_days.period_of(VINH_LAI, "2026").due_on == date(2026, 11, 30)  # the plan's own yearly day
    assert own_days.period_of(DAI_SON, "2026-10").due_on == date(2026, 10, 20)


def test_the_form_says_the_days_the_plan_sets(own_days, tmp_path):
    book = openpyxl.load_workbook(write_template(own_days, VINH_LAI, "CA", "2026-10", tmp_path / "form.xlsx"))
    said = {cell.value for row in book["Chỉ tiêu"].iter_rows(max_row=8) for cell in row}
    assert {"01/10/2026 – 31/10/2026", "10/11/2026"} <= said


def test_python_and_sql_agree_on_what_is_due_when(own_days):
    """registry.period_of is what the forms and rules go by, core.dim_due what the marts go by."""
    with in_memory() as con:
        for table, rows in own_days.rows().items():
            replace_rows(con, table, rows)
        for table in ("core.known_due", "core.dim_due"):
            build(con, next(model for model in models() if model.table == table))
        due = con.execute(
            "SELECT commune_code, period_code, starts_on, ends_on, due_on, (grace_until - due_on)::INTEGER "
            "FROM core.dim_due"
        ).fetchall()
    assert len(due) > 1000
    for commune, code, *days in due:
        period = own_days.period_of(commune, code)
        assert days == [period.starts_on, period.ends_on, period.due_on, period.grace_days], (commune, code)


# ---------------------------------------------------------------- midnight in Vietnam


def received_at(home, monkeypatch, moment):
    """What raw.receipt says of a file that a run takes at this moment."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return moment.astimezone(tz)

    monkeypatch.setattr(receiving, "datetime", Clock)
    folder = home.inbox / "11164-vinh-lai" / "CA"
    folder.mkdir(parents=True)
    (folder / "a.xlsx").write_bytes(b"content")
    ledger = Ledger(home)
    receive(home, ledger)
    [receipt] = receipts(ledger.of("received"), [VINH_LAI], {"CA": "CA"})
    return receipt["received_at"], ledger.as_of


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Ho_Chi_Minh"])
@pytest.mark.parametrize(
    ("moment", "there", "today"),
    [
        (datetime(2026, 10, 20, 16, 59, 59, tzinfo=UTC), "2026-10-20T23:59:59", date(2026, 10, 20)),
        (datetime(2026, 10, 20, 17, 0, 1, tzinfo=UTC), "2026-10-21T00:00:01", date(2026, 10, 21)),
        (datetime(2026, 12, 31, 17, 0, 0, tzinfo=UTC), "2027-01-01T00:00:00", date(2027, 1, 1)),
    ],
)
def test_a_file_is_received_on_the_day_it_is_in_vietnam(home, monkeypatch, zone, moment, there, today):
    """Whatever the machine's own time zone: what comes at 17:00:01 UTC of the day it is due comes late. (That a day
    later is late, and a second before midnight is not: core/fct_submission.case.yml.)"""
    monkeypatch.setenv("TZ", zone)
    if hasattr(time, "tzset"):
        time.tzset()
    try:
        at, as_of = received_at(home, monkeypatch, moment)
    finally:
        monkeypatch.undo()
        if hasattr(time, "tzset"):
            time.tzset()
    assert (at, as_of) == (f"{there}.000000", today)
