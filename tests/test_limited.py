"""Whatever a call does to its worker, it is the only one that suffers."""

import pytest
from misbehaving import behave

from pipelines import workers
from pipelines.workers import LimitError, NoWorkerError, run_limited

OUTCOMES = {
    "abort": "too_large",  # how Rust ends where memory ends
    "crash": "too_large",
    "exit": "too_large",
    "eat": "too_large",
    "hang": "too_slow",
    "spin": "too_slow",
}


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch, kept_workers):
    monkeypatch.setattr(workers, "_pool", kept_workers)
    monkeypatch.setattr(workers, "SECONDS_A_CALL", 1)
    monkeypatch.setattr(workers, "WAIT_A_CALL", 3)
    monkeypatch.setattr(workers, "CALLS_A_TASK", 4)


@pytest.mark.parametrize("how", OUTCOMES)
def test_a_lost_worker_costs_one_call(how):
    calls = ["good 1", "good 2", how, "good 3", "good 4", "good 5"]
    outcomes = dict(run_limited(behave, calls))
    assert list(outcomes) == calls
    assert isinstance(outcomes[how], LimitError)
    assert str(outcomes[how]) == OUTCOMES[how]
    assert {one: outcomes[one] for one in calls if one != how} == {f"good {n}": f"good {n} read" for n in range(1, 6)}


def test_it_is_the_processor_s_time_that_counts(monkeypatch):
    """A machine that does something else meanwhile makes no file slow; what spins is ended long before the clock."""
    monkeypatch.setattr(workers, "WAIT_A_CALL", 600)
    assert dict(run_limited(behave, ["wait", "good"])) == {"wait": "wait read", "good": "good read"}
    assert str(dict(run_limited(behave, ["spin"]))["spin"]) == "too_slow"


def test_many_losses_in_any_order_cost_no_more():
    calls = [*OUTCOMES, *(f"good {n}" for n in range(20)), "abort"]
    outcomes = list(run_limited(behave, calls))
    assert [one for one, _ in outcomes] == calls
    assert [str(outcome) for _, outcome in outcomes] == [OUTCOMES.get(one, f"{one} read") for one in calls]


def test_what_a_call_raises_is_its_outcome():
    outcomes = dict(run_limited(behave, ["raise", "odd", "panic", "good"]))
    assert isinstance(outcomes["raise"], ValueError)
    assert "behave" in outcomes["raise"].__notes__[0]  # where it happened, for the log
    assert "OddError" in str(outcomes["odd"])
    assert "PanicException" in str(outcomes["panic"])
    assert outcomes["good"] == "good read"


def test_where_no_worker_starts_no_file_is_blamed():
    """What fails is the run, which can be repeated; a file found unreadable stays so."""
    with pytest.raises(NoWorkerError, match="no worker process can be started"):
        list(run_limited(behave, ["good"], start=behave, start_with=["exit"]))
