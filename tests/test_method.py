"""The statuses of all illustrative figures, recomputed by hand, and the arithmetic that docs/method.md writes down.

After a change of the illustrative figures, its tables come from .venv/bin/python tests/test_method.py, where KPI57_HOME
names a home of them that has been run.
"""

from fractions import Fraction

import pytest
from by_hand import Facts, measured
from conftest import Warehouse

from pipelines.home import PROJECT, current_home

SERIES = [("11164", "CQS-08"), ("11164", "HT-03"), ("11164", "DVC-04"), ("11164", "DVC-09"), ("11791", "NL-05")]


@pytest.fixture(scope="module")
def facts(demo):
    return Facts(demo)


def test_every_input_and_status_of_every_series_comes_out_the_same(demo, facts):
    answers = {(*series, period): answer for series in facts.series for period, answer in facts.judged(*series)}
    columns = list(next(iter(answers.values())))
    said = {row[:4]: dict(zip(columns, row[4:], strict=True)) for row in demo(
        "SELECT commune_code, indicator_code, scope, period_code, " + ", ".join(columns)
        + " FROM marts.mart_kpi_progress")}  # fmt: skip
    assert said.keys() == answers.keys()
    assert len({line[:3] for line in answers}) > 50
    differences = [
        (*line, column, said[line][column], value)
        for line, answer in answers.items()
        for column, value in answer.items()
        if not is_same(said[line][column], value)
    ]
    assert differences == []


def test_every_rate_is_its_numerator_over_its_denominator(facts):
    rates = [f for f in facts.figures.values() if f["denominator"]]
    assert len(rates) > 200
    assert [f["actual_id"] for f in rates if not is_same(f["value"], 100 * f["numerator"] / f["denominator"])] == []


def is_same(said, value):
    """A figure to four decimals, half a unit of the last one either way; everything else to the letter."""
    if isinstance(value, Fraction) and said is not None:
        return abs(Fraction(said) - value) <= Fraction("0.00005001")
    return said == value


def test_the_illustrative_figures_show_every_way_to_be_paced(facts):
    """What the demonstration cannot show is shown by the golden cases."""
    paces = {answer["pace_status"] for series in facts.series for _, answer in facts.judged(*series)}
    assert paces >= {"reached", "on_track", "behind", "at_risk", "backwards", "no_baseline", "no_next", "conflict"}


def test_a_forecast_meets_its_milestone_by_the_day_exactly_where_it_says_so_for_the_day(demo):
    forecasts = demo(
        "SELECT forecast_meets_on <= next_on, p.forecast_at_next - p.next_value, i.direction "
        "FROM marts.mart_kpi_progress AS p JOIN core.dim_indicator AS i USING (indicator_code) "
        "WHERE forecast_at_next IS NOT NULL AND next_value IS NOT NULL "
        "AND pace_status NOT IN ('reached', 'conflict', 'by_hand')"
    )
    by_the_day = {"lower_is_better": lambda over: over <= 0.0001}
    assert len(forecasts) > 50
    for meets, over, direction in forecasts:
        if abs(over) > 0.0001:
            assert bool(meets) == by_the_day.get(direction, lambda over: over >= 0)(over)


# ---------------------------------------------------------------- five series, written down


def shown(value):
    return "" if value is None else f"{float(value):.4f}".rstrip("0").rstrip(".")


def arithmetic(facts, commune, code):
    """The lines of docs/method.md on one series: one for each figure."""
    for period, x in facts.judged(commune, code, ""):
        a, b, t, e = x["value"], x["baseline_value"], x["next_value"], x["expected_value"]
        if a is None:
            continue
        cells = ["", "", "", ""]
        if e is not None:
            days, of = ((on - x["baseline_on"]).days for on in (measured(period), x["next_on"]))
            pace = f"{shown(a - b)} ÷ {shown(e - b)} = {shown(x['pace'])}"
            cells = [shown(b), f"{days} of {of}", shown(e), pace]
        row = [period, shown(a), shown(t), *cells, x["pace_status"], shown(x["in_force_value"]), x["level_status"]]
        yield "| " + " | ".join(row) + " |"


@pytest.mark.parametrize(("commune", "code"), SERIES)
def test_the_arithmetic_written_down_is_that_of_the_figures(facts, commune, code):
    text = (PROJECT / "docs" / "method.md").read_text(encoding="utf-8")
    _, found, after = text.partition(f"**{commune} {code}")
    assert found
    table = [line for line in after.partition("\n\n**")[0].splitlines() if line.startswith("| 20")]
    assert table == list(arithmetic(facts, commune, code))


if __name__ == "__main__":
    known = Facts(Warehouse(current_home().published))
    for series in SERIES:
        print(f"\n**{' '.join(series)}", *arithmetic(known, *series), sep="\n")  # noqa: T201
