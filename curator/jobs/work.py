"""The work of a job in this process: its chunks, its progress, and how it ended."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from curator import detached
from curator.errors import CuratorError
from curator.jobs.kinds import function_of
from curator.jobs.pace import Pace
from curator.store import Connection
from curator.store import jobs as stored_jobs
from curator.store.engine import LONGEST_POLL_SECONDS
from curator.store.jobs import Hold, Owner
from curator.workspace import Workspace
from schemas.job import Job, JobState

OnProgress = Callable[[int, int | None], None]
"""Is told what is done, and of how many."""

_BEAT_SECONDS = 20.0
_STALE = timedelta(seconds=6 * _BEAT_SECONDS)
"""A process on another machine that was quiet for so long is taken for gone."""
_GAP_SECONDS = 2 * LONGEST_POLL_SECONDS
"""Between two chunks: everyone who waits for SQLite's write lock looks at least once."""


class _CancelledError(Exception):
    """A person asked for the end of the job."""


class _TakenOverError(Exception):
    """Another process works on the job now."""


@dataclass
class Chunk:
    """One short transaction of a job. What it says about progress is stored with what it did, or not at all."""

    connection: Connection
    done: int
    """What is behind the job after this chunk; the chunk adds to it."""
    total: int | None
    """Of how many."""
    cursor: Any
    """Where the job goes on after this chunk; the chunk sets it. Anything that JSON can say."""


class Work:
    """A job as its kind's function sees it."""

    def __init__(self, workspace: Workspace, job: Job, owner: Owner, on_progress: OnProgress | None = None) -> None:
        self.workspace = workspace
        self.job = job
        self.cursor = job.cursor
        """Where to go on; None at the beginning."""
        self.done = job.done
        self.total = job.total
        self._owner = owner
        self._on_progress = on_progress
        self._pace = Pace()
        self.beat_at = time.monotonic()

    @property
    def parameters(self) -> dict[str, Any]:
        """What was asked for."""
        return self.job.parameters

    @property
    def rows(self) -> int:
        """How many records the next chunk should take, so that others who write wait for about 25 ms."""
        return self._pace.rows

    @contextmanager
    def chunk(self) -> Iterator[Chunk]:
        """A transaction for the next chunk; it is committed together with the progress when the block ends."""
        before = self.done
        with self.workspace.write() as connection:
            began = time.thread_time()  # from here on others wait
            self._stand(connection)
            chunk = Chunk(connection, self.done, self.total, self.cursor)
            yield chunk
            stored_jobs.advance(
                connection, self.job.id, self._owner, done=chunk.done, total=chunk.total, cursor=chunk.cursor,
                at=self.workspace.clock(),
            )  # fmt: skip
        self.done, self.total, self.cursor = chunk.done, chunk.total, chunk.cursor
        self._pace.tell(self.done - before, seconds=time.thread_time() - began)
        self.beat_at = time.monotonic()
        if self._on_progress is not None:
            self._on_progress(self.done, self.total)
        time.sleep(_GAP_SECONDS)

    def heed(self) -> None:
        """Leave the work here if its end was asked for; for long work outside of chunks. Returns nothing."""
        with self.workspace.write() as connection:
            self._stand(connection)

    def _stand(self, connection: Connection) -> None:
        if not stored_jobs.is_held(connection, self.job.id, self._owner):
            raise _TakenOverError
        if stored_jobs.get(connection, self.job.id).cancelled_by is not None:
            raise _CancelledError

    def beat(self) -> None:
        """Note a sign of life, if the last one is some time ago. Returns nothing."""
        if time.monotonic() - self.beat_at < _BEAT_SECONDS / 2:
            return
        with suppress(CuratorError), self.workspace.write() as connection:  # the next one will do
            stored_jobs.beat(connection, self.job.id, self._owner, at=self.workspace.clock())


def execute(workspace: Workspace, job_id: int, *, on_progress: OnProgress | None = None) -> Job:
    """Work on a job in this process until it ends. Returns it as it stands then.

    A job that another process works on, or that has ended, is left alone.

    Raises:
        CuratorError: It failed; the reason is stored.
    """
    owner = Owner(socket.gethostname(), detached.own_mark())
    with workspace.write() as connection:
        job = stored_jobs.get(connection, job_id, lock=True)
        is_free = job.is_alive and not is_worked_on(workspace, job, stored_jobs.hold_of(connection, job_id))
        if is_free:
            stored_jobs.take(connection, job_id, owner, at=workspace.clock())
    if is_free:
        work = Work(workspace, job, owner, on_progress)
        with _beating(work), _ending(workspace, job_id, owner):
            result = function_of(job.kind)(work)
            _end(workspace, job_id, owner, JobState.DONE, result=result)
    with workspace.read() as connection:
        return stored_jobs.get(connection, job_id)


def is_worked_on(workspace: Workspace, job: Job, hold: Hold) -> bool:
    """Whether a process that is alive works on a job."""
    if job.state is not JobState.RUNNING or hold.owner is None:
        return False
    if hold.owner.host == socket.gethostname():
        return detached.is_alive(hold.owner.mark)
    return hold.beat_at is not None and workspace.clock() - hold.beat_at < _STALE


@contextmanager
def _ending(workspace: Workspace, job_id: int, owner: Owner) -> Iterator[None]:
    """Store how the work ended if it did not come to its end."""
    try:
        yield
    except _TakenOverError:
        return
    except (_CancelledError, KeyboardInterrupt) as reason:
        _end(workspace, job_id, owner, JobState.CANCELLED)
        if isinstance(reason, KeyboardInterrupt):
            raise
    except CuratorError as error:
        _end(workspace, job_id, owner, JobState.FAILED, problem=error.problem, hint=error.hint)
        raise
    except BaseException as error:
        problem = f"The job ended by a mistake of Curator: {type(error).__name__}: {error}."
        _end(workspace, job_id, owner, JobState.FAILED, problem=problem, hint="Resume it; if it ends again, report it.")
        raise


def _end(
    workspace: Workspace,
    job_id: int,
    owner: Owner,
    state: JobState,
    *,
    result: Mapping[str, Any] | None = None,
    problem: str | None = None,
    hint: str | None = None,
) -> None:
    with workspace.write() as connection:
        stored_jobs.end(
            connection, job_id, state, at=workspace.clock(), owner=owner, result=result, problem=problem, hint=hint
        )


@contextmanager
def _beating(work: Work) -> Iterator[None]:
    """Signs of life while a job is worked on, also from inside a long chunk or between two."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT_SECONDS):
            work.beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
