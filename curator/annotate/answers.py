"""Answers: draft, submit, skip, flag and undo. Every act is an event; a submit that arrives twice is stored once."""

from __future__ import annotations

from curator.annotate.queue import task_of
from curator.errors import AnnotationError, ClaimExpiredError
from curator.quality.fingerprint import content_hash
from curator.store import Connection, claims, events, projects, records, tallies
from curator.store import annotations as register
from curator.workspace import Workspace
from schemas.annotation import Annotation, Answer, Claim, RecordState, Task
from schemas.project import Project


def reasons_to_keep_out(answer: Answer, project: Project) -> list[str]:
    """Why a record with this answer would not be accepted; empty when it would."""
    reasons = [f"{name.replace('_', ' ')} is ticked" for name in answer.checks.ticked]
    if answer.rating is not None and answer.rating < project.min_rating:
        reasons.append(f"the rating {answer.rating} is below {project.min_rating}")
    return reasons


def save_draft(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str) -> None:
    """Keep what an annotator has typed, and their claim with it."""
    with workspace.write() as connection:
        now = workspace.clock()
        register.save_draft(connection, claim.record_id, annotator, answer, at=now)
        claims.renew(connection, claim.token, until=now + workspace.lease)


def submit(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str) -> Annotation:
    """The stored answer. The same claim submitted again returns the first answer and changes nothing.

    Raises:
        AnnotationError: The rating is missing or the response is empty; nothing is stored.
        ClaimExpiredError: Somebody else has the record now; the answer is kept as a draft.
    """
    if answer.rating is None:
        raise AnnotationError("The rating is missing.", hint="Choose 1 to 5 and submit again.")
    if not answer.response.strip():
        raise AnnotationError("The response is empty.", hint="Write one, or flag the record for a lead.")
    with workspace.write() as connection:
        earlier = register.of_token(connection, claim.token)
        if earlier is not None:
            return earlier
        now = workspace.clock()
        slot = claims.close(connection, claim.token)  # also after the lease ended, as long as nobody else took the slot
        if slot is not None:
            stored = records.get(connection, claim.record_id)
            project = projects.by_id(connection, stored.project_id)
            projects.ensure_person(connection, annotator, at=now)
            added = register.add(
                connection,
                answer,
                record_id=stored.id,
                slot_id=slot.id,
                annotator=annotator,
                claim_token=claim.token,
                at=now,
            )
            register.drop_draft(connection, stored.id, annotator)
            claims.remove_skip(connection, stored.id, annotator)
            tallies.add(connection, project.id, f"annotator:{annotator}")
            _settle(connection, stored, project)
            events.append(
                connection,
                "submit",
                stored.id,
                actor=annotator,
                at=now,
                old_hash=stored.content_hash,
                new_hash=content_hash(stored.content.with_response(answer.response)),
                detail={"project": project.id, "slot": slot.id, "annotation": added.id},
            )
            return added
    save_draft(workspace, claim, answer, annotator=annotator)
    raise ClaimExpiredError(
        "Somebody else has this record now, because it was not touched for too long.",
        hint="Your text is kept as a draft; go on with the next record.",
    )


def skip(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str) -> None:
    """Give a record to others and do not offer it to this annotator again; what was typed stays as a draft."""
    with workspace.write() as connection:
        now = workspace.clock()
        stored = records.get(connection, claim.record_id)
        _keep_text(connection, stored, answer, annotator=annotator, workspace=workspace)
        claims.give_back(connection, claim.token)
        claims.add_skip(connection, stored.id, annotator, at=now)
        detail = {"project": stored.project_id, "slot": claim.slot_id}
        events.append(connection, "skip", stored.id, actor=annotator, at=now, detail=detail)


def flag(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str) -> None:
    """Set a record aside for a lead; nobody is offered it, and what was typed stays as a draft."""
    with workspace.write() as connection:
        now = workspace.clock()
        stored = records.get(connection, claim.record_id)
        _keep_text(connection, stored, answer, annotator=annotator, workspace=workspace)
        claims.withdraw(connection, stored.id)
        records.set_state(connection, stored, RecordState.FLAGGED, final=None)
        detail = {"project": stored.project_id, "slot": claim.slot_id, "note": answer.note}
        events.append(connection, "flag", stored.id, actor=annotator, at=now, detail=detail)


def unflag(workspace: Workspace, record_id: str, *, actor: str) -> None:
    """Put a flagged record back into the queue.

    Raises:
        AnnotationError: The record is not flagged.
    """
    with workspace.write() as connection:
        stored = records.get(connection, record_id)
        if stored.state is not RecordState.FLAGGED:
            raise AnnotationError(f"Record {record_id} is not flagged but {stored.state}.", hint="Reload the page.")
        claims.offer_again(connection, record_id)
        if claims.unanswered(connection, record_id) == 0:
            claims.reopen(connection, record_id, project_id=stored.project_id, priority=0)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
        detail = {"project": stored.project_id}
        events.append(connection, "unflag", record_id, actor=actor, at=workspace.clock(), detail=detail)


def undo(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """The record of an annotator's last submit, skip or flag, claimed again as it was before; None if there is none.

    Raises:
        AnnotationError: Somebody else works on the record now.
    """
    with workspace.write() as connection:
        act = register.last_act(connection, annotator, project_id=project_id)
        if act is None:
            return None
        if act.annotation_id is not None:
            added, _ = register.get(connection, act.annotation_id)
            return _take_back(connection, workspace, added, act)
        stored = records.get(connection, act.record_id)
        claims.remove_skip(connection, stored.id, annotator)
        if act.kind == "flag":
            claims.offer_again(connection, stored.id)
            records.set_state(connection, stored, RecordState.WAITING, final=None)
        return _claim_again(connection, workspace, stored, act, annotator=annotator)


def reopen(workspace: Workspace, annotation_id: int, *, annotator: str) -> Task:
    """An earlier answer of an annotator, taken back into the editor.

    Raises:
        AnnotationError: It is not theirs, was taken back already, or somebody else works on the record now.
    """
    with workspace.write() as connection:
        added, slot_id = register.get(connection, annotation_id)
        if added.annotator != annotator or added.undone:
            raise AnnotationError("This answer cannot be taken back.", hint="Reload the page.")
        event_id = register.submit_event(connection, added)
        act = register.LastAct(event_id, "submit", added.record_id, slot_id, added.id)
        return _take_back(connection, workspace, added, act)


def _take_back(connection: Connection, workspace: Workspace, added: Annotation, act: register.LastAct) -> Task:
    stored = records.get(connection, added.record_id)
    register.mark_undone(connection, added.id)
    register.save_draft(connection, stored.id, added.annotator, added.answer, at=workspace.clock())
    tallies.add(connection, stored.project_id, f"annotator:{added.annotator}", -1)
    records.set_state(connection, stored, RecordState.WAITING, final=None)
    return _claim_again(connection, workspace, stored, act, annotator=added.annotator)


def _claim_again(
    connection: Connection,
    workspace: Workspace,
    stored: records.StoredRecord,
    act: register.LastAct,
    *,
    annotator: str,
) -> Task:
    now = workspace.clock()
    current = claims.held(connection, annotator, project_id=stored.project_id, now=now)
    if current is not None and current.slot_id != act.slot_id:
        claims.give_back(connection, current.token)  # one record at a time; its draft is kept
    claim = claims.take_back(connection, act.slot_id, annotator, now=now, until=now + workspace.lease)
    if claim is None:
        raise AnnotationError(
            "Somebody else works on this record now, so it cannot be taken back.", hint="Tell them, or ask a lead."
        )
    detail = {"project": stored.project_id, "slot": act.slot_id, "undone": act.kind, "cancels": act.event_id}
    events.append(connection, "undo", stored.id, actor=annotator, at=now, detail=detail)
    return task_of(connection, claim, annotator)


def _keep_text(
    connection: Connection, stored: records.StoredRecord, answer: Answer, *, annotator: str, workspace: Workspace
) -> None:
    """Store a draft if anything was entered."""
    if answer != Answer(response=stored.content.response):
        register.save_draft(connection, stored.id, annotator, answer, at=workspace.clock())


def _settle(connection: Connection, stored: records.StoredRecord, project: Project) -> None:
    """Give a record its state once every slot is answered: accepted when everybody accepts it."""
    if claims.unanswered(connection, stored.id) > 0:
        return
    standing = register.standing(connection, stored.id)
    accepting = [not reasons_to_keep_out(each.answer, project) for each in standing]
    if all(accepting):
        final = stored.content.with_response(standing[-1].answer.response)
        records.set_state(connection, stored, RecordState.ACCEPTED, final=final)
    elif any(accepting):
        records.set_state(connection, stored, RecordState.FLAGGED, final=None)  # people disagree: a lead decides
    else:
        records.set_state(connection, stored, RecordState.REJECTED, final=None)
