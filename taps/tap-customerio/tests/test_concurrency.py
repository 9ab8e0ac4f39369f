"""Requests side by side: order, bounds, ends."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tap_customerio.concurrency import chains, in_order


@pytest.fixture
def executor():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_results_come_in_the_order_of_the_items(executor):
    last_done = threading.Event()

    def work(item):
        if item == 0:
            assert last_done.wait(60)  # the first finishes after the third
        if item == 2:
            last_done.set()
        return item * 10

    assert list(in_order(executor, work, range(6), ahead=4)) == [0, 10, 20, 30, 40, 50]


def test_only_so_many_items_are_taken_ahead(executor):
    taken = []
    items = (taken.append(n) or n for n in range(100))
    results = in_order(executor, lambda n: n, items, ahead=5)
    for expected in range(3):
        assert next(results) == expected
    assert len(taken) == 7
    results.close()


def test_chains_are_followed_to_their_ends(executor):
    def step(item):
        name, number = item
        return item, (name, number + 1) if number < 3 else None

    found = list(chains(executor, step, [("a", 1), ("b", 2), ("c", 3), ("d", 0)], ahead=2))
    assert sorted(found) == sorted(
        [("a", 1), ("a", 2), ("a", 3), ("b", 2), ("b", 3), ("c", 3), ("d", 0), ("d", 1), ("d", 2), ("d", 3)]
    )


def test_chains_hold_one_result_each(executor):
    made = []

    def step(item):
        made.append(item)
        return item, item + 1

    endless = chains(executor, step, [0, 1000], ahead=2)
    for _ in range(10):
        next(endless)
    endless.close()
    assert len(made) <= 10 + 2 + 1


@pytest.mark.parametrize("shape", [lambda e, f: in_order(e, f, [1], 2), lambda e, f: chains(e, f, [1], 2)])
def test_an_error_reaches_the_caller(executor, shape):
    def fail(_item):
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        list(shape(executor, fail))
