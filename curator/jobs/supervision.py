"""Starting jobs, looking at them, ending them, and letting those go on whose process is gone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from curator import detached
from curator.access import require
from curator.errors import CurationError
from curator.jobs.kinds import function_of
from curator.jobs.work import is_worked_on
from curator.store import Connection
from curator.store import jobs as stored_jobs
from curator.workspace import Workspace
from schemas.account import Right
from schemas.job import Job, JobState

_START = timedelta(seconds=60)
"""A process that has not taken its job up by then never will."""
_ATTEMPTS = 3
"""Processes in a row that may end without a chunk, before the job counts as failed."""


def start(
    workspace: Workspace,
    kind: str,
    parameters: Mapping[str, Any],
    actor: str,
    *,
    project_id: int | None = None,
    key: str | None = None,
    detach: bool = True,
) -> int:
    """Store a job, and start a process for it that outlives this one. Returns its id.

    Args:
        workspace: Where to work.
        kind: What to do.
        parameters: Of the kind; anything that JSON can say.
        actor: Who asks.
        project_id: On which project, if on one.
        key: One job with this key at a time is enough: while one waits or works, its id is returned.
        detach: Start a process; else the caller calls `execute`.
    """
    require(workspace, actor, Right.CURATE)
    function_of(kind)  # an unknown kind is refused before anything is stored
    with workspace.write() as connection:
        job_id, is_new = stored_jobs.add(
            connection, kind, parameters, actor=actor, at=workspace.clock(), project_id=project_id, key=key
        )
    if detach and is_new:
        launch(workspace, job_id)
    return job_id


def status(workspace: Workspace, job_id: int) -> Job:
    """A job as it stands.

    Raises:
        NotFoundError: There is none with this id.
    """
    with workspace.read() as connection:
        return _seen(workspace, connection, stored_jobs.get(connection, job_id))


def listed(workspace: Workspace, *, project_id: int | None = None, limit: int = 50) -> list[Job]:
    """The newest jobs, newest first; of one project, or of all."""
    with workspace.read() as connection:
        newest = stored_jobs.newest_first(connection, project_id=project_id, limit=limit)
        return [_seen(workspace, connection, job) for job in newest]


def cancel(workspace: Workspace, job_id: int, *, actor: str) -> Job:
    """Ask a job to end between two chunks; what it did stays done. Returns it; one that has ended stays as it is."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        job = _seen(workspace, connection, stored_jobs.get(connection, job_id, lock=True))
        if job.is_alive or job.state is JobState.INTERRUPTED:
            stored_jobs.ask_to_cancel(connection, job_id, actor=actor)
        if job.state in (JobState.QUEUED, JobState.INTERRUPTED):  # no process is there that could end it
            stored_jobs.end(connection, job_id, JobState.CANCELLED, at=workspace.clock())
        return _seen(workspace, connection, stored_jobs.get(connection, job_id))


def resume(workspace: Workspace, job_id: int, *, actor: str, detach: bool = True) -> Job:
    """Let a job go on that was interrupted or cancelled, or that failed. Returns it.

    Raises:
        CurationError: It waits, works or is done.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        job = _seen(workspace, connection, stored_jobs.get(connection, job_id, lock=True))
        if not job.can_resume:
            raise CurationError(
                f"Job {job_id} is {job.state}.", hint="Only a job that was interrupted, cancelled or failed goes on."
            )
        stored_jobs.queue_again(connection, job_id, at=workspace.clock())
        job = stored_jobs.get(connection, job_id)
    if detach:
        launch(workspace, job_id)
    return job


def revive(workspace: Workspace) -> list[int]:
    """Start a process for each job whose own is gone or never came. Returns their ids.

    A job whose processes ended several times in a row without a chunk counts as failed.
    """
    with workspace.read() as connection:  # most looks find nothing to do and need not write
        if not any(_is_left(workspace, connection, job) for job in stored_jobs.alive(connection)):
            return []
    left = []
    with workspace.write() as connection:
        for each in stored_jobs.alive(connection):
            job = stored_jobs.get(connection, each.id, lock=True)
            if not _is_left(workspace, connection, job):
                continue
            attempts = stored_jobs.hold_of(connection, job.id).attempts
            if attempts >= _ATTEMPTS:
                problem = f"Its process ended {_ATTEMPTS} times without a word."
                hint = f"Read jobs/{job.id}.log in the workspace, then resume it."
                stored_jobs.end(connection, job.id, JobState.FAILED, at=workspace.clock(), problem=problem, hint=hint)
            else:
                stored_jobs.queue_again(connection, job.id, at=workspace.clock(), attempts=attempts)
                left.append(job.id)
    for job_id in left:
        launch(workspace, job_id)
    return left


def watch(workspace: Workspace, *, project_id: int | None = None, limit: int = 50) -> list[Job]:
    """Let jobs go on whose process is gone. Returns the newest jobs, newest first."""
    revive(workspace)
    return listed(workspace, project_id=project_id, limit=limit)


def launch(workspace: Workspace, job_id: int) -> None:
    """Start the process of a job. Returns nothing; of two processes for one job the second leaves at once."""
    folder = workspace.folder / "jobs"
    folder.mkdir(exist_ok=True)
    url = workspace.engine.url
    database = {} if url.get_backend_name() == "sqlite" else {_URL: url.render_as_string(hide_password=False)}
    command = [sys.executable, "-m", "curator.jobs.process", str(workspace.folder), str(job_id)]
    detached.start(command, log=folder / f"{job_id}.log", environment=database)


_URL = "CURATOR_DATABASE_URL"
"""A variable and no argument: everyone on the machine can read the arguments of a process."""


def _seen(workspace: Workspace, connection: Connection, job: Job) -> Job:
    """A job with what looking at its process says."""
    if job.state is JobState.RUNNING and not is_worked_on(workspace, job, stored_jobs.hold_of(connection, job.id)):
        return job.model_copy(update={"state": JobState.INTERRUPTED})
    return job


def _is_left(workspace: Workspace, connection: Connection, job: Job) -> bool:
    if job.state is JobState.QUEUED:
        return workspace.clock() - stored_jobs.hold_of(connection, job.id).queued_at > _START
    return _seen(workspace, connection, job).state is JobState.INTERRUPTED
