"""Jobs: what was asked for, how far it is, and which process works on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from curator.errors import NotFoundError
from curator.store.engine import insert_or_ignore
from curator.store.tables import job
from schemas.job import Job, JobState
from schemas.process import ProcessMark


class Owner(NamedTuple):
    """The process that works on a job."""

    host: str
    """Name of its machine."""
    mark: ProcessMark


class Hold(NamedTuple):
    """How a job is held."""

    owner: Owner | None
    """The last process that took it up."""
    beat_at: datetime | None
    """Its last sign of life, UTC."""
    attempts: int
    """Processes that took it up since its last chunk."""
    queued_at: datetime
    """Since when it waits for a process, or last did, UTC."""


def add(
    connection: Connection,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    actor: str,
    at: datetime,
    project_id: int | None = None,
    key: str | None = None,
) -> tuple[int, bool]:
    """Store a job that waits, unless one with this key waits or works. Returns its id, and whether it is new."""
    values = {
        "kind": kind, "parameters": dict(parameters), "actor": actor, "project_id": project_id, "key": key,
        "created_at": at, "queued_at": at,
    }  # fmt: skip
    while True:
        added = connection.execute(insert_or_ignore(job, connection.dialect).values(values).returning(job.c.id))
        job_id = added.scalar()
        if job_id is not None:
            return int(job_id), True
        alive = select(job.c.id).where(job.c.key == key, job.c.state.in_(_ALIVE))
        other = connection.execute(alive).scalar()  # it may end just now
        if other is not None:
            return int(other), False


_ALIVE = (JobState.QUEUED.value, JobState.RUNNING.value)


def get(connection: Connection, job_id: int, *, lock: bool = False) -> Job:
    """The job with this id; locked until the transaction ends, if that is asked for.

    Raises:
        NotFoundError: There is none.
    """
    query = select(job).where(job.c.id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no job {job_id}.", hint="List them with curator jobs list.")
    return _job(row)


def newest_first(connection: Connection, *, project_id: int | None = None, limit: int = 50) -> list[Job]:
    """The newest jobs, those of one project or all."""
    query = select(job).order_by(job.c.id.desc()).limit(limit)
    if project_id is not None:
        query = query.where(job.c.project_id == project_id)
    return [_job(row) for row in connection.execute(query).mappings()]


def alive(connection: Connection) -> list[Job]:
    """Every job that waits, or that a process took up and did not end, oldest first."""
    query = select(job).where(job.c.state.in_(_ALIVE)).order_by(job.c.id)
    return [_job(row) for row in connection.execute(query).mappings()]


def hold_of(connection: Connection, job_id: int) -> Hold:
    """How a job is held."""
    columns = (job.c.host, job.c.process_id, job.c.process_started, job.c.beat_at, job.c.attempts, job.c.queued_at)
    row = connection.execute(select(*columns).where(job.c.id == job_id)).one()
    owner = None if row.host is None else Owner(row.host, ProcessMark(row.process_id, row.process_started))
    return Hold(owner, row.beat_at, row.attempts, row.queued_at)


def take(connection: Connection, job_id: int, owner: Owner, *, at: datetime) -> None:
    """Let a process work on a job; the caller has locked it and seen that no other does."""
    values = {
        "state": JobState.RUNNING.value, "host": owner.host, "process_id": owner.mark.id,
        "process_started": owner.mark.started, "beat_at": at, "started_at": at, "ended_at": None, "problem": None,
        "hint": None, "attempts": job.c.attempts + 1,
    }  # fmt: skip
    connection.execute(job.update().where(job.c.id == job_id).values(values))


def beat(connection: Connection, job_id: int, owner: Owner, *, at: datetime) -> bool:
    """Note a sign of life. Returns whether the job is still this process's."""
    return connection.execute(job.update().where(_held_by(job_id, owner)).values(beat_at=at)).rowcount == 1


def is_held(connection: Connection, job_id: int, owner: Owner) -> bool:
    """Whether a job is still this process's; no other takes it until the transaction ends."""
    return connection.execute(select(job.c.id).where(_held_by(job_id, owner)).with_for_update()).first() is not None


def advance(
    connection: Connection, job_id: int, owner: Owner, *, done: int, total: int | None, cursor: Any, at: datetime
) -> bool:
    """Store how far a job is. Returns whether it is still this process's."""
    values = {"done": done, "total": total, "cursor": cursor, "beat_at": at, "attempts": 0}
    return connection.execute(job.update().where(_held_by(job_id, owner)).values(values)).rowcount == 1


def end(
    connection: Connection,
    job_id: int,
    state: JobState,
    *,
    at: datetime,
    owner: Owner | None = None,
    result: Mapping[str, Any] | None = None,
    problem: str | None = None,
    hint: str | None = None,
) -> bool:
    """Store how a job ended; for its process, only while it is its own. Returns whether that was stored."""
    fits = (job.c.id == job_id) & job.c.state.in_(_ALIVE) if owner is None else _held_by(job_id, owner)
    values = {
        "state": state.value, "ended_at": at, "problem": problem, "hint": hint,
        "result": None if result is None else dict(result),
    }  # fmt: skip
    return connection.execute(job.update().where(fits).values(values)).rowcount == 1


def queue_again(connection: Connection, job_id: int, *, at: datetime, attempts: int = 0) -> None:
    """Let a job that ended, or whose process is gone, wait for a process again."""
    values = {
        "state": JobState.QUEUED.value, "queued_at": at, "ended_at": None, "problem": None, "hint": None,
        "cancelled_by": None, "host": None, "process_id": None, "process_started": None, "attempts": attempts,
    }  # fmt: skip
    connection.execute(job.update().where(job.c.id == job_id).values(values))


def ask_to_cancel(connection: Connection, job_id: int, *, actor: str) -> None:
    """Ask the process of a job to end it between two chunks."""
    connection.execute(job.update().where(job.c.id == job_id, job.c.cancelled_by.is_(None)).values(cancelled_by=actor))


def _held_by(job_id: int, owner: Owner) -> ColumnElement[bool]:
    mine = (job.c.host == owner.host) & (job.c.process_id == owner.mark.id)
    mine &= job.c.process_started == owner.mark.started
    return (job.c.id == job_id) & (job.c.state == JobState.RUNNING.value) & mine


_INNER = {"key", "host", "process_id", "process_started", "beat_at", "queued_at", "attempts"}


def _job(row: RowMapping) -> Job:
    return Job.model_validate({name: value for name, value in row.items() if name not in _INNER})
