"""Any sequence of files and changes of the registry, against an oracle in plain Python: who led, which rule was strict
and when a report was due is what was known when a file came, and stays so."""

import shutil
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lived_city import DAY, City

from pipelines import flow, judging
from pipelines.home import SOURCES, Home
from pipelines.intake.ledger import Ledger
from pipelines.registry import registry as registries

LEADS = ("CA", "VHXH", "KT")
STRICT = "C15"  # a result without its numerator and denominator
changes = st.one_of(
    st.none(),
    st.tuples(st.just("lead"), st.sampled_from(LEADS)),
    st.tuples(st.just("rule"), st.sampled_from(["fail", "warn"])),
    st.tuples(st.just("due"), st.sampled_from([1, 3, 20])),
)
files = st.tuples(st.sampled_from(LEADS), st.integers(0, 2), st.integers(46, 54), st.booleans())  # no jumps
steps = st.lists(st.tuples(changes, files), min_size=3, max_size=5)


class Oracle:
    """What sources/ said from which day on, and what was made of each file when it came."""

    def __init__(self, grace: int) -> None:
        self.said = {"lead": [(date.min, "CA")], "rule": [(date.min, "warn")], "due": [(date.min, 3)]}
        self.grace = grace
        self.figures: dict[str, int] = {}
        self.verdicts: list[tuple[str, bool]] = []  # of each file: accepted or not, late or not

    def change(self, day: date, what: str, value: object) -> None:
        if self.said[what][-1][1] != value:
            self.said[what].append((day, value))

    def lead_on(self, day: date) -> str:
        return [agency for since, agency in self.said["lead"] if since <= day][-1]

    def due_on(self, closes: date) -> date:
        """By the due days known when the period had closed: a later change does not move it."""
        until = [since for since, _ in self.said["due"][1:]] + [date.max]
        days = next(days for (_, days), end in zip(self.said["due"], until, strict=True) if closes < end)
        return closes + timedelta(days=days)

    def take(self, at: datetime, agency: str, month: str, closes: date, value: int, has_parts: bool) -> None:
        is_taken = self.lead_on(closes) == agency and (has_parts or self.said["rule"][-1][1] == "warn")
        if is_taken:
            self.figures[month] = value
        self.verdicts.append((is_taken, at.date() > self.due_on(closes) + timedelta(days=self.grace)))


@settings(
    max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_files_are_judged_by_what_was_known_when_they_came_and_the_past_says_what_it_said(tmp_path_factory, sequence):
    root = tmp_path_factory.mktemp("any")
    shutil.copytree(SOURCES, root / "sources", ignore=shutil.ignore_patterns("inbox"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "SOURCES", root / "sources")
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        judging.registry_of.cache_clear()
        _lives(City(Home(root / "home", DAY), root / "sources"), sequence)


def _lives(city: City, sequence: list) -> None:
    Ledger(city.home).append([{"event": "illustrative", "seed": 1, "day": "2026-01-01"}])
    period = registries.load(city.sources).period_of("11164", "2026-06")
    oracle, at, asked = Oracle(period.grace_days or 0), datetime(2026, 6, 16, 8), []
    plan = {"reports": {"XHS-01": "CA", "DVC-05": "PVHCC"}, "due_days": 3}
    city.plan(**plan)
    city.rule(STRICT, "warn")
    for change, (agency, back, value, has_parts) in [(None, ("CA", 0, 50, True)), *sequence]:
        if change and change[0] == "rule":
            city.rule(STRICT, change[1])
        elif change:
            plan |= (
                {"reports": {"XHS-01": change[1], "DVC-05": "PVHCC"}}
                if change[0] == "lead"
                else {"due_days": change[1]}
            )
        if change:  # known from just after the file before
            oracle.change((at - timedelta(days=11)).date(), *change)
        month, closes = _closed_before(at.date(), back)
        if month in oracle.figures:  # another figure of an older month would be asked, not judged
            month, closes = _closed_before(at.date(), 0)
        city.plan(reports={"XHS-01": agency, "DVC-05": "PVHCC"})  # only so that the form has the line
        answer = {"numerator": value, "denominator": 100} if has_parts else {"value": value}
        note = f"Lần {len(asked) + 1}"  # the same bytes again would be a duplicate
        city.send(f"{at:%Y-%m-%d}", agency, month, {"XHS-01": answer | {"note": note}})
        city.plan(**plan)
        oracle.take(at, agency, month, closes, value, has_parts)
        flow.load_registry(city.home)
        flow.receive_files(city.home)
        flow.read_files(city.home)
        flow.validate_files(city.home)
        flow.record_verdicts(city.home)
        asked.append((at, dict(oracle.figures)))
        at += timedelta(days=11)
    city.run(at.date())
    assert city.ask("SELECT rows_accepted + rows_unchanged > 0, is_late FROM core.fct_submission "
                    "ORDER BY ledger_sequence") == oracle.verdicts  # fmt: skip
    for moment, figures in asked:
        rows = city.ask(f"FROM marts.figure_as_of(TIMESTAMP '{moment}') SELECT period_code, value "
                        "WHERE commune_code = '11164' AND indicator_code = 'XHS-01' AND value IS NOT NULL")  # fmt: skip
        assert {month: int(value) for month, value in rows} == figures, moment
    due = dict(city.ask("SELECT period_code, due_on FROM core.dim_due WHERE commune_code = '11164'"))
    closed = [_closed_before(at.date(), back) for back in range(3)]
    assert [due[month] for month, _ in closed] == [oracle.due_on(closes) for _, closes in closed]


def _closed_before(day: date, back: int) -> tuple[str, date]:
    """The month that closed last before a day, or one before it, and its last day."""
    months = [date(2026, month, 14) for month in range(4, 13)]
    closes = [one for one in months if one <= day][-1 - back]
    return f"{closes:%Y-%m}", closes
