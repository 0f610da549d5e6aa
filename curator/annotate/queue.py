"""The queue: claim, renew and give back the next record."""

from __future__ import annotations

from curator.store import Connection, claims, records
from curator.store import annotations as register
from curator.store.claims import Waiting
from curator.workspace import Workspace
from schemas.annotation import Claim, Task


def next_task(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """The record that an annotator should work on: the one they hold, or else a new claim; None if there is none."""
    with workspace.read() as connection:
        claim = claims.held(connection, annotator, project_id=project_id, now=workspace.clock())
        if claim is not None:
            return task_of(connection, claim, annotator)
    with workspace.write() as connection:
        now = workspace.clock()
        claim = claims.held(connection, annotator, project_id=project_id, now=now)
        if claim is None:
            until = now + workspace.lease
            claim = claims.claim_next(connection, annotator, project_id=project_id, now=now, until=until)
        return None if claim is None else task_of(connection, claim, annotator)


def renew(workspace: Workspace, claim: Claim) -> bool:
    """Keep a claim for another lease; False when it is no longer valid."""
    with workspace.write() as connection:
        return claims.renew(connection, claim.token, until=workspace.clock() + workspace.lease)


def give_back(workspace: Workspace, claim: Claim) -> bool:
    """Free a record for others; what was typed stays as a draft."""
    with workspace.write() as connection:
        return claims.give_back(connection, claim.token)


def why_empty(workspace: Workspace, annotator: str, *, project_id: int) -> Waiting:
    """What keeps the queue from giving an annotator a record."""
    with workspace.read() as connection:
        return claims.waiting(connection, annotator, project_id=project_id, now=workspace.clock())


def offer_skipped(workspace: Workspace, annotator: str, *, project_id: int) -> int:
    """Put what an annotator skipped back into their queue; returns how many records."""
    with workspace.write() as connection:
        return claims.remove_all_skips(connection, annotator, project_id=project_id)


def task_of(connection: Connection, claim: Claim, annotator: str) -> Task:
    """Everything that the screen needs for a claim."""
    stored = records.get(connection, claim.record_id)
    draft = register.draft_of(connection, claim.record_id, annotator)
    return Task(claim=claim, record=stored.content, draft=draft)
