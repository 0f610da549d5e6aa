"""Worker processes for the parts of a large task; a small one is done in this process.

Results come back in the order of the tasks, so what is made of them does not depend on the number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from curator.errors import CuratorError

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 2
"""Tasks that wait beside those that are under way, so that memory does not grow with their number."""


class Pool:
    """Runs functions on tasks, in other processes where there are some."""

    def __init__(self, executor: ProcessPoolExecutor | None, workers: int, lost: CuratorError) -> None:
        """Keep the processes; None runs every task here."""
        self._executor, self._workers, self._lost = executor, workers, lost

    def start(self) -> None:
        """Have the processes start now, beside what this one does next; by default they do at the first task."""
        if self._executor is not None:
            self._executor.submit(int)

    @property
    def is_here(self) -> bool:
        """Whether tasks run in this process, where no `begin` was called."""
        return self._executor is None

    def each(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """The result of every task, in order.

        Raises:
            CuratorError: A process was ended from outside; it is the one that `processes` was given.
        """
        if self._executor is None:
            yield from map(work, tasks)
            return
        under_way: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                under_way.append(self._executor.submit(work, task))
                if len(under_way) >= self._workers + _AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        except BrokenProcessPool as error:
            raise self._lost from error


@contextmanager
def processes(
    *,
    are_worth_it: bool,
    lost: CuratorError,
    workers: int | None = None,
    begin: Callable[..., None] | None = None,
    given: tuple[Any, ...] = (),
) -> Iterator[Pool]:
    """A pool of processes, which end with the block, even when this process is killed.

    They are started anew (spawned), so a script that calls this keeps its own work behind
    `if __name__ == "__main__"`.

    Args:
        are_worth_it: Whether the task takes longer than a second, which is what starting them takes.
        lost: What to raise when a process was ended from outside: what that means, and the next step.
        workers: Processes; by default one per core that this process may use.
        begin: Called in each process before its first task.
        given: What it is called with.
    """
    workers = cores() if workers is None else workers
    if not are_worth_it or workers < 2 or multiprocessing.current_process().daemon:  # which may have no children
        yield Pool(None, 1, lost)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(begin, given)) as executor:
        try:
            yield Pool(executor, workers, lost)
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)  # without waiting, workers may never be told to stop
            raise


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(begin: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """Have a worker end when its parent does, even when that is killed; then let it prepare itself."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    if begin is not None:
        begin(*given)
