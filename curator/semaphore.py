"""A semaphore that is fair: so many threads at once, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class WaitedTooLongError(Exception):
    """No place came free in time."""


class FairSemaphore:
    """A semaphore that is fair: one of `threading`, like SQLAlchemy's pool, lets a newcomer in before those who wait.

    With 32 threads on 15 connections that starved some of them until the pool gave up after 30 s.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Hold a place for the block.

        Raises:
            WaitedTooLongError: None came free in time.
        """
        self._enter(seconds)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, seconds: float) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Event()
            self._waiting.append(mine)
        entered = False
        try:
            entered = mine.wait(seconds)
        finally:  # a thread may also be interrupted here; its place in the queue must not be lost
            if not entered:
                self._give_up(mine)
        if not entered:
            raise WaitedTooLongError

    def _give_up(self, mine: threading.Event) -> None:
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return
        self._leave()  # it was this thread's turn after all, a moment too late

    def _leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
