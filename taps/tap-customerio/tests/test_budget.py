"""The request budget, on a clock of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_customerio.budget import Budget
from tap_customerio.errors import Stopped


class Clock:
    """Time that passes only when somebody sleeps; `lateness` is how much longer sleeping takes."""

    def __init__(self, lateness=()):
        self.now = 100.0
        self.lateness = list(lateness)

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds + (self.lateness.pop() if self.lateness else 0)


def departures(budget, clock, count):
    moments = []
    for _ in range(count):
        budget.acquire()
        moments.append(clock.now)
    return moments


def most_per_second(moments):
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


@pytest.mark.parametrize("rate", [1, 3, 10, 100])
def test_at_least_95_percent_is_used_and_the_limit_never_passed(rate):
    clock = Clock()
    moments = departures(Budget(rate, clock, clock.sleep), clock, rate * 20)
    assert most_per_second(moments) <= rate
    assert (len(moments) - 1) / (moments[-1] - moments[0]) >= 0.95 * rate


@given(
    rate=st.integers(2, 50),
    lateness=st.lists(st.floats(0, 0.5), max_size=60),
    breaks=st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_the_limit_holds_however_late_the_machine_wakes_up(rate, lateness, breaks):
    clock = Clock(lateness)
    budget = Budget(rate, clock, clock.sleep)
    moments = []
    for idle in breaks * 3:
        moments += departures(budget, clock, 5)
        clock.now += idle
    assert most_per_second(moments) <= rate


def test_small_delays_are_caught_up():
    clock = Clock([0.004] * 1000)
    moments = departures(Budget(10, clock, clock.sleep), clock, 200)
    assert 199 / (moments[-1] - moments[0]) >= 9.5


def test_a_pause_holds_everybody_back():
    clock = Clock()
    budget = Budget(10, clock, clock.sleep)
    budget.acquire()
    budget.pause(7)
    budget.acquire()
    assert clock.now == pytest.approx(107)


def test_a_pause_that_begins_while_somebody_waits_holds_him_too():
    clock = Clock()
    budget = Budget(
        1, clock, lambda seconds: (clock.sleep(seconds), budget.pause(5) if clock.now < 102 else None)
    )
    budget.acquire()
    budget.acquire()
    assert clock.now >= 106


def test_a_shorter_pause_does_not_end_a_longer_one():
    clock = Clock()
    budget = Budget(10, clock, clock.sleep)
    budget.pause(9)
    budget.pause(1)
    budget.acquire()
    assert clock.now == pytest.approx(109)


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above zero"):
        Budget(0)


def test_closing_wakes_up_all_who_wait():
    budget = Budget(1)
    budget.pause(3600)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(budget.acquire) for _ in range(2)] + [pool.submit(budget.rest, 3600)]
        budget.close()
        assert all(isinstance(future.exception(30), Stopped) for future in waiting)
