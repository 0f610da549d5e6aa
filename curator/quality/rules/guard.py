"""Asking rules of other packages where they can do no harm: in a process that is ended when one takes too long.

    this process                           the asking process
    ------------                           ------------------
    records        ----------------->      for every record, for every rule:
    looks at the mark, now and then             writes "this record, this rule" into the mark; asks
    answers        <-----------------

A mark that stands still for too long names the rule and the record. The process is killed, the rule failed on that
record, and a new process asks the rest. Rules that come with Curator are asked here: their time is known to be linear.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from ctypes import c_longlong
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import psutil

from curator.quality.rules.base import Rule
from curator.quality.rules.registry import Answers, check, is_shipped
from schemas.record import Record

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

SECONDS = 2.0
"""Of a processor, for one rule on one record: thousands of times what a slow one takes."""
_PATIENCE = 10
"""Times as long may pass on the clock, for a rule that waits and does not work."""
_STRIKES = 3
"""Records on which a rule may take too long or end its process; it is not asked about others then."""
_LOOK_SECONDS = 0.05

Ask = Callable[[Sequence[Record]], list[Answers]]


@contextmanager
def guarded(rules: Sequence[Rule], *, seconds: float = SECONDS) -> Iterator[Ask]:
    """A function that asks rules about records, and gives their answers in the order of the records.

    Args:
        rules: Of this and of other packages. One that cannot be pickled is asked without the guard.
        seconds: Of a processor, for one rule on one record.
    """
    foreign = tuple(rule for rule in rules if not is_shipped(rule) and _can_travel(rule))
    if not foreign or multiprocessing.current_process().daemon:  # which may have no process of its own
        yield lambda records: [check(record, rules) for record in records]
        return
    own = tuple(rule for rule in rules if rule not in foreign)
    order = {rule.name: n for n, rule in enumerate(rules)}
    asking = _Asking(foreign, seconds)

    def ask(records: Sequence[Record]) -> list[Answers]:
        theirs = asking.check(records)
        return [_joined(check(record, own), each, order) for record, each in zip(records, theirs, strict=True)]

    try:
        yield ask
    finally:
        asking.end()


def asker(rules: tuple[Rule, ...]) -> Ask:
    """A function that asks rules, the same one as long as the same rules are meant; `end_asking` ends its process."""
    if rules not in _ASKERS:
        end_asking()
        stack = ExitStack()
        _ASKERS[rules] = stack, stack.enter_context(guarded(rules))
    return _ASKERS[rules][1]


def end_asking() -> None:
    """End the process of the last `asker`, if it has one. Returns nothing."""
    while _ASKERS:
        _, (stack, _) = _ASKERS.popitem()
        stack.close()


_ASKERS: dict[tuple[Rule, ...], tuple[ExitStack, Ask]] = {}
"""The last one."""


def _joined(one: Answers, other: Answers, order: dict[str, int]) -> Answers:
    return Answers(
        hits=tuple(sorted((*one.hits, *other.hits), key=lambda hit: order[hit.rule])),
        failed=tuple(sorted((*one.failed, *other.failed), key=lambda failure: order[failure[0]])),
    )


def _can_travel(rule: Rule) -> bool:
    try:
        pickle.dumps(rule)
    except Exception:  # whatever a package put into it
        return False
    return True


class _Asking:
    """The process, which is started when it is needed first and again whenever it was ended."""

    def __init__(self, rules: tuple[Rule, ...], seconds: float) -> None:
        self._rules, self._seconds = rules, seconds
        self._context = multiprocessing.get_context("spawn")
        self._mark: Any = self._context.RawArray(c_longlong, 2)  # number of the question, and what it is about
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._strikes: Counter[str] = Counter()

    def check(self, records: Sequence[Record]) -> list[Answers]:
        """The answers about each record; rules that are given up failed on all of them."""
        if not records:
            return []
        failed: dict[int, dict[str, str]] = {n: {} for n in range(len(records))}
        answers: list[Answers] | None = None
        while answers is None:
            given_up = {rule.name for rule in self._rules if self._strikes[rule.name] >= _STRIKES}
            skipped = {(n, name) for n, failures in failed.items() for name in failures}
            answers = self._answers(records, given_up, skipped)
            if answers is None:  # the mark says where it was
                place, rule = divmod(int(self._mark[1]), len(self._rules))
                name = self._rules[rule].name
                self._strikes[name] += 1
                failed[place][name] = self._reason
        for failures in failed.values():
            for name in given_up:
                failures.setdefault(name, f"It is not asked any more: it did not end on {_STRIKES} records.")
        return [
            Answers(each.hits, (*each.failed, *failures.items()))
            for each, failures in zip(answers, failed.values(), strict=True)
        ]

    def _answers(
        self, records: Sequence[Record], given_up: set[str], skipped: set[tuple[int, str]]
    ) -> list[Answers] | None:
        """The answers of the process, or None when it had to be ended."""
        connection = self._begin()
        try:
            connection.send((records, given_up, skipped))
            while not connection.poll(_LOOK_SECONDS):
                if self._is_stuck():
                    self._reason = f"It did not end within {self._seconds:g} seconds."
                    self.end()
                    return None
            answers: list[Answers] = connection.recv()
        except (EOFError, OSError):
            self._reason = "It ended the process in which it was asked."
            self.end()
            return None
        return answers

    def _begin(self) -> Connection:
        if self._connection is None:
            self._connection, theirs = self._context.Pipe()
            self._process = self._context.Process(
                target=_serve, args=(theirs, self._mark, self._rules), daemon=True, name="rules of other packages"
            )
            self._process.start()
            theirs.close()
            self._connection.recv()  # it is ready; what it took to start counts for no rule
            self._looked_at = psutil.Process(self._process.pid)
        self._since: tuple[int, float, float] | None = None
        return self._connection

    def _is_stuck(self) -> bool:
        """Whether the question has been the same for too long."""
        try:
            times = self._looked_at.cpu_times()
        except psutil.Error:  # it is gone; reading from it will say so
            return False
        worked, now, question = times.user + times.system, time.monotonic(), int(self._mark[0])
        if self._since is None or self._since[0] != question:
            self._since = (question, worked, now)
        _, worked_before, before = self._since
        return worked - worked_before > self._seconds or now - before > _PATIENCE * self._seconds

    def end(self) -> None:
        """End the process, if there is one. Returns nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def _serve(connection: Connection, mark: Any, rules: tuple[Rule, ...]) -> None:
    """Answer what is asked until the other side is gone. Returns nothing."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    connection.send("ready")
    while True:
        try:
            records, given_up, skipped = connection.recv()
        except (EOFError, OSError):
            return
        answers = []
        for n, record in enumerate(records):
            parts = []
            for place, rule in enumerate(rules):
                if rule.name in given_up or (n, rule.name) in skipped:
                    continue
                mark[1] = n * len(rules) + place
                mark[0] += 1
                parts.append(check(record, (rule,)))
            hits = tuple(hit for part in parts for hit in part.hits)
            answers.append(Answers(hits, tuple(failure for part in parts for failure in part.failed)))
        connection.send(answers)
