"""The index behind the import: brought up to date in steps, at once where little is left, else by a job.

Nothing waits for it. A search reads what the index has not taken in, so it only gets quicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from curator import jobs
from curator.access import require
from curator.jobs.kinds import kind
from curator.jobs.work import Work
from curator.store import indexing
from curator.workspace import Workspace
from schemas.account import Right

JOB = "index"
_AT_ONCE = 1_000
"""Records that are taken in while a page waits; more are for a job."""
_MOST_ROWS = 2_000


class IndexState(NamedTuple):
    """How far the index of a project has come."""

    taken_in: int
    """Records, of all that were ever stored."""
    left: int
    """Records that searches still have to read."""


def state(workspace: Workspace, project_id: int) -> IndexState:
    """How far the index of a project has come."""
    with workspace.read() as connection:
        total, left = indexing.count(connection, project_id), indexing.count_left(connection, project_id)
    return IndexState(total - left, left)


def catch_up(workspace: Workspace, project_id: int, *, actor: str, at_once: int = _AT_ONCE) -> IndexState:
    """Take in what is left, if that is at most `at_once`, else start a job that does, unless one is at work.

    Returns how far the index has come.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.read() as connection:
        left = indexing.count_left(connection, project_id)
    if left > at_once:
        start(workspace, project_id, actor=actor)
    elif left:
        while _step(workspace, project_id):
            pass
    return state(workspace, project_id)


def start(workspace: Workspace, project_id: int, *, actor: str, detach: bool = True) -> int:
    """Start the job that brings the index of a project up to date, unless one is at work. Returns its id."""
    require(workspace, actor, Right.CURATE)
    key = f"{JOB} {project_id}"
    jobs.revive(workspace)
    return jobs.start(workspace, JOB, {}, actor, project_id=project_id, key=key, detach=detach)


@kind(JOB)
def index_project(work: Work) -> Mapping[str, Any]:
    """Take in all that is left of a project. Returns how many records were taken in."""
    project_id = work.job.project_id
    assert project_id is not None, "an index is of a project"
    while True:
        with work.workspace.read() as connection:
            step = indexing.next_step(connection, project_id, limit=min(work.rows, _MOST_ROWS))
            left = indexing.count_left(connection, project_id)
        if step.is_empty:
            return {"records": work.done}
        _take_in_words(work.workspace, project_id, step)
        with work.chunk() as chunk:
            chunk.done += indexing.take_in(chunk.connection, project_id, step)
            chunk.total = work.done + left


def _step(workspace: Workspace, project_id: int) -> int:
    with workspace.read() as connection:
        step = indexing.next_step(connection, project_id, limit=_MOST_ROWS)
    if step.is_empty:
        return 0
    _take_in_words(workspace, project_id, step)
    with workspace.write() as connection:
        return indexing.take_in(connection, project_id, step)


def _take_in_words(workspace: Workspace, project_id: int, step: indexing.Step) -> None:
    """In a transaction that has not read the index: one that has would keep its log from being written back."""
    with workspace.read() as connection:
        indexing.take_in_words(connection, project_id, step)
