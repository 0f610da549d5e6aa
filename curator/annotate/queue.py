"""The queue: claim, renew and give back the next record."""

from __future__ import annotations

from datetime import datetime

from curator.access import require
from curator.annotate.tasks import task_of
from curator.errors import AnnotationError, ClaimExpiredError
from curator.store import Connection, claims, events, gold, locks, pools, projects, records, skips, tallies
from curator.store import annotations as annotation_store
from curator.store.claims import Waiting
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Claim, Task
from schemas.audience import person_audience
from schemas.event import Kind
from schemas.project import Project
from schemas.record import Record
from schemas.tally import answers_of


def next_task(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """Claim the next record for an annotator, unless they hold one. Returns theirs; None if there is none."""
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.read() as connection:
        claim = claims.held(connection, annotator, project_id=project_id)
        if claim is not None and claim.expires_at - workspace.clock() > workspace.lease / 2:
            return task_of(connection, claim, annotator)
    with workspace.write() as connection:
        now = workspace.clock()
        until = now + workspace.lease
        projects.ensure_person(connection, annotator, at=now)
        locks.lock_person(connection, annotator)
        claim = claims.held(connection, annotator, project_id=project_id)
        if claim is None:
            claim = _claim(connection, annotator, projects.by_id(connection, project_id), now=now, until=until)
        elif claims.renew(connection, claim, annotator=annotator, now=now, until=until):
            claim = claim.model_copy(update={"expires_at": until})
    if claim is None:
        return None
    with workspace.read() as connection:  # reading needs no turn among the writers
        return task_of(connection, claim, annotator)


def _claim(connection: Connection, annotator: str, project: Project, *, now: datetime, until: datetime) -> Claim | None:
    """A gold record when one is due, else the next free slot; the log has it."""
    claim = None
    if project.gold_every:
        mine = answers_of(annotator)
        is_due = (tallies.some(connection, project.id, [mine])[mine] + 1) % project.gold_every == 0
        due = gold.next_for(connection, annotator, project_id=project.id) if is_due else None
        if due is not None:
            locks.lock_record(connection, due)
            claim = claims.claim_record(connection, annotator, due, now=now, until=until) or claims.open_for(
                connection,
                annotator,
                due,
                project_id=project.id,
                now=now,
                until=until,
                audience=person_audience(annotator),
            )
    if claim is None:
        claim = claims.claim_next(
            connection,
            annotator,
            project_id=project.id,
            now=now,
            until=until,
            audiences=pools.audiences(connection, project.id, annotator),
            at_random=project.order == "random",
        )
    if claim is not None:
        _log_claim(connection, claim, annotator, project_id=project.id, at=now)
    return claim


def _log_claim(connection: Connection, claim: Claim, annotator: str, *, project_id: int, at: datetime) -> None:
    """Say in the log who had the record: what they type later is kept by it, even when the claim is gone."""
    detail = {"project": project_id, "slot": claim.slot_id}
    events.append(connection, Kind.CLAIM, claim.record_id, actor=annotator, at=at, detail=detail)


def claim_record(workspace: Workspace, annotator: str, record_id: str) -> Task | None:
    """Claim one record. Returns it; None while another annotator holds it or when it needs no answer.

    What they held before is free for others; what they typed there stays as their draft.

    Raises:
        AnnotationError: They have answered it.
        NotFoundError: There is no such record.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        now = workspace.clock()
        stored = records.get(connection, record_id)
        projects.ensure_person(connection, annotator, at=now)
        locks.lock_person(connection, annotator)
        locks.lock_record(connection, record_id)
        if any(each.annotator == annotator for each in annotation_store.standing(connection, record_id)):
            raise AnnotationError(
                "You have answered this record.", hint="Take your answer back under My history to change it."
            )
        current = claims.held(connection, annotator, project_id=stored.project_id)
        if current is not None and current.record_id != record_id:
            claims.give_back(connection, current, annotator=annotator)
        skips.remove(connection, record_id, annotator)
        claim = claims.claim_record(connection, annotator, stored.id, now=now, until=now + workspace.lease)
        if claim is None:
            return None
        if current is None or current.record_id != stored.id:
            _log_claim(connection, claim, annotator, project_id=stored.project_id, at=now)
        return task_of(connection, claim, annotator)


def renew(workspace: Workspace, claim: Claim, *, annotator: str, active_seconds: float | None = None) -> bool:
    """Keep a claim for another lease. Returns whether it is still this annotator's."""
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        now = workspace.clock()
        until = now + workspace.lease
        return claims.renew(connection, claim, annotator=annotator, now=now, until=until, active_seconds=active_seconds)


def give_back(workspace: Workspace, claim: Claim, *, annotator: str) -> bool:
    """Free a record for others; what was typed stays as a draft. Returns whether the claim was this annotator's."""
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        return claims.give_back(connection, claim, annotator=annotator)


def record_of(workspace: Workspace, claim: Claim, *, annotator: str) -> Record:
    """The record of an annotator's claim, as it came in.

    Raises:
        ClaimExpiredError: The claim is not theirs, or not any more.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.read() as connection:
        if not claims.is_of(connection, claim, annotator):
            raise ClaimExpiredError(
                "This record is not yours any more.", hint="What you typed is kept; go on with the next record."
            )
        return records.get(connection, claim.record_id).content


def why_empty(workspace: Workspace, annotator: str, *, project_id: int) -> Waiting:
    """Why the queue has no record for an annotator."""
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.read() as connection:
        audiences = pools.audiences(connection, project_id, annotator)
        return claims.waiting(connection, annotator, project_id=project_id, now=workspace.clock(), audiences=audiences)


def offer_skipped(workspace: Workspace, annotator: str, *, project_id: int) -> int:
    """Put what an annotator skipped back into their queue. Returns how many records."""
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        return skips.remove_all(connection, annotator, project_id=project_id)
