"""Requests side by side, with bounded memory: the two shapes in which the App API can be read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(executor: Executor, function: Callable[[T], R], items: Iterable[T], ahead: int) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, with up to `ahead` of them under way."""
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def chains(
    executor: Executor,
    function: Callable[[T], tuple[R, T | None]],
    starts: Iterable[T],
    ahead: int,
) -> Iterator[R]:
    """Follow up to `ahead` chains side by side; yield their results as they come.

    `function` returns a result and the item that follows it in its chain, or None at the end. Each
    chain holds one result at most, and starts on the next while the caller works on that one.
    """
    waiting = iter(starts)
    pending = {executor.submit(function, start) for start in islice(waiting, ahead)}
    try:
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                result, following = future.result()
                if following is None:
                    following = next(waiting, None)
                if following is not None:
                    pending.add(executor.submit(function, following))
                yield result
    finally:
        for future in pending:
            future.cancel()
