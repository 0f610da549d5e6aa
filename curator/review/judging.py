"""Judging by many detectors: part by part, in worker processes where there are many outputs, never for ever.

Rule detectors are pure, so their findings are the same in any process and any number of them. Detectors with weights
or an address stay in this process. One that a team brings along may hang or answer nonsense: it gets a time limit, and
what it leaves open are errors, never passes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

from curator.errors import ReviewError
from curator.pool import processes
from curator.review.detectors.base import Detector, Item, failed, judge_all_safely
from schemas.review import Finding

MANY = 5_000
"""Outputs from which on processes are worth the second that starting them takes."""
_SECONDS = 300.0
"""For one output, by a detector that a team brought along."""

T = TypeVar("T")

ItemsOfDetectors = Sequence[Sequence[Item]]
"""For each detector the outputs that it has to judge."""


def judge_parts(
    parts: Iterable[ItemsOfDetectors], detectors: Sequence[Detector], *, many: bool, workers: int | None = None
) -> Iterator[list[list[Finding]]]:
    """The findings of rule detectors on every part, in order.

    Args:
        parts: Read one by one, no faster than they are judged.
        detectors: Pure ones, which can be sent to another process.
        many: Whether processes are worth starting. They are spawned: a script that calls this keeps its own work
            behind `if __name__ == "__main__"`.
        workers: Processes; by default one per core that this process may use.

    Raises:
        ReviewError: A process was ended from outside.
    """
    lost = ReviewError(
        "A process that screens was ended from outside, perhaps for want of memory.",
        hint="Screen again: what is stored stays.",
    )
    with processes(are_worth_it=many, lost=lost, workers=workers, begin=_begin, given=(detectors,)) as pool:
        if pool.is_here:
            yield from (_judge(detectors, part) for part in parts)
        else:
            yield from pool.each(_judge_here, parts)


class Guests:
    """Detectors that a team brought along: each with a time limit; one that hung is not asked again."""

    def __init__(self, detectors: Sequence[Detector], *, seconds: float = _SECONDS) -> None:
        """Keep them; `seconds` is the limit for one output."""
        self.detectors, self._seconds = tuple(detectors), seconds
        self._hung: set[tuple[str, str]] = set()

    def judge(self, part: ItemsOfDetectors) -> list[list[Finding]]:
        """The findings of each detector on its outputs of one part."""
        return [self._within(detector, items) for detector, items in zip(self.detectors, part, strict=True)]

    def _within(self, detector: Detector, items: Sequence[Item]) -> list[Finding]:
        name = (detector.id, detector.version)
        if not items:
            return []
        found = None if name in self._hung else _within(
            self._seconds * len(items), lambda: judge_all_safely(detector, items)
        )  # fmt: skip
        if found is None:
            self._hung.add(name)
            reason = f"It did not answer within {self._seconds:g} s for an output, and was not asked again."
            return [failed(detector, reason) for _ in items]
        return found


def _within(seconds: float, work: Callable[[], T]) -> T | None:
    """The result of a function, or None where it takes too long; it then goes on in a thread that ends with us."""
    results: SimpleQueue[T] = SimpleQueue()
    threading.Thread(target=lambda: results.put(work()), daemon=True).start()
    try:
        return results.get(timeout=seconds)
    except Empty:
        return None


_detectors_here: Sequence[Detector] = ()
"""In a worker process: the detectors that it was started with."""


def _begin(detectors: Sequence[Detector]) -> None:
    """Remember the detectors in a worker."""
    global _detectors_here
    _detectors_here = detectors


def _judge_here(part: ItemsOfDetectors) -> list[list[Finding]]:
    return _judge(_detectors_here, part)


def _judge(detectors: Sequence[Detector], part: ItemsOfDetectors) -> list[list[Finding]]:
    return [judge_all_safely(detector, items) for detector, items in zip(detectors, part, strict=True)]
