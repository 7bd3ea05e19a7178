"""Any sequence of files and changes of the registry, against an oracle in plain Python: who led, which rule was strict,
which range held and when a report was due is what was known when a file came, and stays so: whether one plan is edited,
replaced by another, or missing for a run."""

import shutil
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lived_city import DAY, PLAN, City

from pipelines import flow, judging
from pipelines.home import SOURCES, Home
from pipelines.intake.ledger import Ledger
from pipelines.registry import registry as registries

LEADS = ("CA", "VHXH", "KT")
STRICT = "C15"  # a result without its numerator and denominator
WHOLE = 100
RANGE = "C11"  # the range of each number of a line
changes = st.one_of(
    st.none(),
    st.tuples(st.just("lead"), st.sampled_from(LEADS)),
    st.tuples(st.just("rule"), st.sampled_from(["fail", "warn"])),
    st.tuples(st.just("due"), st.sampled_from([1, 3, 20])),
    st.tuples(st.just("range"), st.sampled_from([99, 1000])),
    st.tuples(st.just("plan"), st.sampled_from(LEADS)),
    st.tuples(st.just("missing"), st.none()),
)
files = st.tuples(st.sampled_from(LEADS), st.integers(0, 2), st.integers(46, 54), st.booleans())  # no jumps
steps = st.lists(st.tuples(changes, files), min_size=3, max_size=5)


class Oracle:
    """What sources/ said from which day on, and what was made of each file when it came."""

    def __init__(self, grace: int) -> None:
        self.said = {
            "lead": [(date.min, "CA")],
            "rule": [(date.min, "warn")],
            "due": [(date.min, 3)],
            "range": [(date.min, 1000)],
        }
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
        is_valid = self.said["range"][-1][1] >= WHOLE if has_parts else self.said["rule"][-1][1] == "warn"
        is_taken = self.lead_on(closes) == agency and is_valid
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
    name, plans = PLAN, {PLAN: {"reports": _reports("CA"), "due_days": 3}}
    city.plan(**plans[PLAN])
    city.rule(STRICT, "warn")
    city.rule(RANGE, max_value=1000)
    for change, (agency, back, value, has_parts) in [(None, ("CA", 0, 50, True)), *sequence]:
        known = (at - timedelta(days=11)).date()  # from just after the file before
        match change:
            case "rule", severity:
                city.rule(STRICT, severity)
            case "range", most:
                city.rule(RANGE, max_value=most)
            case "lead", agency_code:
                plans[name]["reports"] = _reports(agency_code)
            case "due", days:
                plans[name]["due_days"] = days
            case "plan", agency_code:  # another plan, in force from that day
                before, name = name, _supersede(city, name, known)
                plans[name] = plans[before] | {"reports": _reports(agency_code)}
            case "missing", _:
                _lose_for_a_run(city, name)
        if change and change[0] != "missing":
            oracle.change(known, "lead" if change[0] == "plan" else change[0], change[1])
        month, closes = _closed_before(at.date(), back)
        if month in oracle.figures:  # another figure of an older month would be asked, not judged
            month, closes = _closed_before(at.date(), 0)
        for each in plans:  # only so that the form has the line
            city.plan(each, reports=_reports(agency))
        answer = {"numerator": value, "denominator": WHOLE} if has_parts else {"value": value}
        note = f"Lần {len(asked) + 1}"  # the same bytes again would be a duplicate
        city.send(f"{at:%Y-%m-%d}", agency, month, {"XHS-01": answer | {"note": note}})
        for each, said in plans.items():
            city.plan(each, **said)
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


def _reports(lead: str) -> dict[str, str]:
    return {"XHS-01": lead, "DVC-05": "PVHCC"}


def _supersede(city: City, name: str, day: date) -> str:
    """A plan with the same targets and tasks takes the place of another. Returns its name."""
    new = f"{PLAN[:-4]}{int(name[-4:]) + 1}"
    shutil.copytree(city.sources / "plans" / name, city.sources / "plans" / new)
    city.plan(new, plan_id=new, supersedes_plan=name, issued_on=day)
    return new


def _lose_for_a_run(city: City, name: str) -> None:
    shutil.move(city.sources / "plans" / name, city.sources / "lost")
    flow.load_registry(city.home)
    shutil.move(city.sources / "lost", city.sources / "plans" / name)
    flow.load_registry(city.home)


def _closed_before(day: date, back: int) -> tuple[str, date]:
    """The month that closed last before a day, or one before it, and its last day."""
    months = [date(2026, month, 14) for month in range(4, 13)]
    closes = [one for one in months if one <= day][-1 - back]
    return f"{closes:%Y-%m}", closes
