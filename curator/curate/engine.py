"""Engines: where stages run: in this process, in processes of this machine, or on the machines of a Ray cluster.

    with engine("processes") as run:
        for counted in run(partial(stages.count, rules=rules), batches):
            ...

Results come in the order of the batches, so what is made of them does not depend on the engine. Batches are read no
faster than they are worked on. Ray (the extra `curator-toolkit[ray]`) is asked for nothing but plain tasks: it finds
the machines, moves the batches there and runs a task again whose machine went away.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from curator import __version__
from curator.errors import CurationError
from curator.pool import processes
from curator.quality.rules.guard import end_asking

Task = TypeVar("Task")
Result = TypeVar("Result")


class EngineName(StrEnum):
    """Where to run."""

    HERE = "here"
    PROCESSES = "processes"
    RAY = "ray"


class Run(Protocol):
    """Runs a stage on batches."""

    def __call__(self, stage: Callable[[Task], Result], batches: Iterable[Task], /) -> Iterator[Result]:
        """The result of every batch, in order."""


@contextmanager
def engine(
    name: EngineName | str = EngineName.PROCESSES, *, workers: int | None = None, address: str | None = None
) -> Iterator[Run]:
    """A function that runs stages, for as long as the block lasts.

    Processes are started anew (spawned): a script that calls this keeps its own work behind
    `if __name__ == "__main__"`, as multiprocessing asks for.

    Args:
        name: Where to run.
        workers: Processes, by default one per core; on Ray tasks at a time, by default one per core of the cluster.
        address: Of the Ray cluster, by default the one that `RAY_ADDRESS` names, or else one on this machine alone.

    Raises:
        CurationError: Ray is not installed or not reached, or a process was ended from outside.
    """
    if name == EngineName.RAY:
        with _ray(workers, address) as run:
            yield run
        return
    lost = CurationError(
        "A process that works on the records was ended from outside, perhaps for want of memory.",
        hint="Do it again, with fewer workers.",
    )
    try:
        with processes(are_worth_it=name == EngineName.PROCESSES, lost=lost, workers=workers) as pool:
            yield pool.each
    finally:
        end_asking()


@contextmanager
def _ray(workers: int | None, address: str | None) -> Iterator[Run]:
    try:
        import ray  # an extra: most never need it
    except ImportError as error:
        raise CurationError(
            "Ray is not installed.", hint="Install it with `pip install curator-toolkit[ray]`, on every machine."
        ) from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers about every cluster
    was_there = ray.is_initialized()
    if not was_there:
        try:
            ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise CurationError(
                f"The Ray cluster is not reached: {error}.",
                hint="Start it with `ray start --head`, or name its address.",
            ) from error
    task = ray.remote(num_cpus=1)(_work)
    at_once = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def run(stage: Callable[[Task], Result], batches: Iterable[Task], /) -> Iterator[Result]:
        shared = ray.put(stage)  # once for every machine: it may hold an index
        under_way: deque[Any] = deque()
        for batch in batches:
            under_way.append(task.remote(shared, batch, __version__))
            if len(under_way) >= 2 * at_once:
                yield _result(ray, under_way.popleft())
        while under_way:
            yield _result(ray, under_way.popleft())

    try:
        yield run
    finally:
        if not was_there:
            ray.shutdown()


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, CurationError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError as error:
        raise CurationError(
            f"The Ray cluster lost a part of the work: {error}.", hint="Look at its machines, then do it again."
        ) from error


def _work(stage: Callable[[Any], Any], batch: Any, version: str) -> Any:
    """The result of a batch, on a machine of the cluster."""
    if version != __version__:
        raise CurationError(
            f"A machine of the Ray cluster has Curator {__version__}, and this one {version}.",
            hint="Install the same version everywhere.",
        )
    return stage(batch)
