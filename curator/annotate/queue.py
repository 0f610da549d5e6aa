"""The queue: claim, renew and give back the next record."""

from __future__ import annotations

from curator.store import Connection, claims, projects, records
from curator.store import annotations as register
from curator.store.claims import Waiting
from curator.workspace import Workspace
from schemas.annotation import Claim, Task


def next_task(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """The record that an annotator should work on: the one they hold, or else a new claim; None if there is none."""
    with workspace.read() as connection:
        claim = claims.held(connection, annotator, project_id=project_id)
        if claim is not None and claim.expires_at - workspace.clock() > workspace.lease / 2:
            return task_of(connection, claim, annotator)
    with workspace.write() as connection:
        now = workspace.clock()
        until = now + workspace.lease
        projects.ensure_person(connection, annotator, at=now)
        claims.lock_person(connection, annotator)
        claim = claims.held(connection, annotator, project_id=project_id)
        if claim is None:
            claim = claims.claim_next(connection, annotator, project_id=project_id, now=now, until=until)
        elif claims.renew(connection, claim.token, until=until):
            claim = claim.model_copy(update={"expires_at": until})
        return None if claim is None else task_of(connection, claim, annotator)


def claim_record(workspace: Workspace, annotator: str, record_id: str) -> Task | None:
    """One given record, claimed; None while somebody else holds it or when it needs no answer.

    Raises:
        NotFoundError: There is no such record.
    """
    with workspace.write() as connection:
        now = workspace.clock()
        records.get(connection, record_id)
        projects.ensure_person(connection, annotator, at=now)
        claims.lock_person(connection, annotator)
        claims.remove_skip(connection, record_id, annotator)
        claim = claims.claim_record(connection, annotator, record_id, now=now, until=now + workspace.lease)
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
