"""Answers: draft, submit, skip, flag and undo. Every act is an event; a submit that arrives twice is stored once."""

from __future__ import annotations

from typing import NamedTuple

from curator.annotate.queue import task_of
from curator.errors import AnnotationError, ClaimExpiredError
from curator.quality.fingerprint import content_hash
from curator.store import Connection, claims, events, projects, records, tallies
from curator.store import annotations as register
from curator.workspace import Workspace
from schemas.annotation import Annotation, Answer, Claim, RecordState, Task
from schemas.project import Project
from schemas.record import Record


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
        now = workspace.clock()
        claims.lock_record(connection, claim.record_id)  # two last answers at once must not both find the other missing
        earlier = register.of_token(connection, claim.token)
        if earlier is not None and earlier.annotator == annotator:
            return earlier
        # This closes it after the lease ended, too, as long as nobody else took the slot.
        slot = claims.close(connection, claim.token, annotator=annotator)
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
    """Give a record to others and do not offer it to this annotator again; what was typed stays as a draft.

    A second skip with the same claim changes nothing.
    """
    with workspace.write() as connection:
        now = workspace.clock()
        stored = records.get(connection, claim.record_id)
        _keep_text(connection, stored, answer, annotator=annotator, workspace=workspace)
        if not claims.give_back(connection, claim.token):
            return
        claims.add_skip(connection, stored.id, annotator, at=now)
        detail = {"project": stored.project_id, "slot": claim.slot_id}
        events.append(connection, "skip", stored.id, actor=annotator, at=now, detail=detail)


def flag(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str) -> None:
    """Set a record aside for a lead; nobody is offered it, and what was typed stays as a draft.

    A second flag with the same claim, or one whose record somebody else has taken, changes nothing.
    """
    with workspace.write() as connection:
        now = workspace.clock()
        claims.lock_record(connection, claim.record_id)
        stored = records.get(connection, claim.record_id)
        _keep_text(connection, stored, answer, annotator=annotator, workspace=workspace)
        if not claims.give_back(connection, claim.token):
            return
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
        claims.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.state is not RecordState.FLAGGED:
            raise AnnotationError(f"Record {record_id} is not flagged but {stored.state}.", hint="Reload the page.")
        claims.offer_again(connection, record_id)
        if claims.unanswered(connection, record_id) == 0:
            claims.reopen(connection, record_id, project_id=stored.project_id, priority=0)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
        detail = {"project": stored.project_id}
        events.append(connection, "unflag", record_id, actor=actor, at=workspace.clock(), detail=detail)


def send_back(workspace: Workspace, record_id: str, *, reason: str, actor: str) -> None:
    """Let a settled record be answered anew, before others; earlier answers are kept as taken back.

    Raises:
        AnnotationError: It waits already, or a flag keeps it for a lead.
    """
    with workspace.write() as connection:
        claims.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.state not in (RecordState.ACCEPTED, RecordState.REJECTED):
            raise AnnotationError(
                f"Record {record_id} is {stored.state}, so there is nothing to answer anew.", hint="Reload the page."
            )
        answered = register.standing(connection, record_id)
        for each in sorted(answered, key=lambda each: each.annotator):  # totals change in one order
            register.mark_undone(connection, each.id)
            tallies.add(connection, stored.project_id, f"annotator:{each.annotator}", -1)
        for _ in range(len(answered) or 1):  # a record taken as reviewed was never answered and gets one slot
            claims.reopen(connection, record_id, project_id=stored.project_id, priority=SENT_BACK)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
        detail = {"project": stored.project_id, "reason": reason, "answers": [each.id for each in answered]}
        events.append(connection, "send-back", record_id, actor=actor, at=workspace.clock(), detail=detail)


SENT_BACK = 20
"""Priority of a record that somebody sent back: a known doubt comes before everything else."""


def undo(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """The record of an annotator's last submit, skip or flag, claimed again as it was before; None if there is none.

    Raises:
        AnnotationError: Somebody else works on the record now, or has settled it.
    """
    with workspace.write() as connection:
        claims.lock_person(connection, annotator)  # a second tab must not take the same act back
        act = register.last_act(connection, annotator, project_id=project_id)
        if act is None:
            return None
        claims.lock_record(connection, act.record_id)
        if act.annotation_id is not None:
            added, _ = register.get(connection, act.annotation_id)
            return _take_back(connection, workspace, added, act)
        stored = records.get(connection, act.record_id)
        _let_go(connection, annotator, project_id=project_id)
        if act.kind == "flag" and events.newest(connection, stored.id, ("flag", "unflag")) == act.event_id:
            claims.offer_again(connection, stored.id)
            records.set_state(connection, stored, RecordState.WAITING, final=None)
        claims.remove_skip(connection, stored.id, annotator)
        now = workspace.clock()
        claim = claims.claim_record(connection, annotator, stored.id, now=now, until=now + workspace.lease)
        return _back(connection, workspace, stored, claim, act, annotator=annotator)


def reopen(workspace: Workspace, annotation_id: int, *, annotator: str) -> Task:
    """An earlier answer of an annotator, taken back into the editor.

    Raises:
        AnnotationError: It is not theirs, was taken back already, or somebody else works on the record now.
    """
    with workspace.write() as connection:
        claims.lock_person(connection, annotator)
        added, slot_id = register.get(connection, annotation_id)
        claims.lock_record(connection, added.record_id)
        added, _ = register.get(connection, annotation_id)
        if added.annotator != annotator or added.undone:
            raise AnnotationError("This answer cannot be taken back.", hint="Reload the page.")
        event_id = register.submit_event(connection, added)
        act = register.LastAct(event_id, "submit", added.record_id, slot_id, added.id)
        return _take_back(connection, workspace, added, act)


class Answered(NamedTuple):
    """An answer that stands, with the record that it is about."""

    annotation: Annotation
    record: Record
    """As it came in."""
    state: RecordState


def history(
    workspace: Workspace,
    annotator: str,
    *,
    project_id: int,
    before: int | None = None,
    after: int | None = None,
    limit: int = 20,
) -> list[Answered]:
    """An annotator's answers that stand, newest first.

    Args:
        workspace: Where they are.
        annotator: Whose answers.
        project_id: Of which project.
        before: Only answers older than the annotation with this id, to page on.
        after: Only answers newer than this one; then the nearest `limit` of them.
        limit: Largest number of answers.
    """
    with workspace.read() as connection:
        found = register.newest_of(
            connection, annotator, project_id=project_id, before=before, after=after, limit=limit
        )
        stored = [records.get(connection, each.record_id) for each in found]
    return [Answered(each, about.content, about.state) for each, about in zip(found, stored, strict=True)]


def _take_back(connection: Connection, workspace: Workspace, added: Annotation, act: register.LastAct) -> Task:
    stored = records.get(connection, added.record_id)
    now = workspace.clock()
    _let_go(connection, added.annotator, project_id=stored.project_id)
    register.mark_undone(connection, added.id)
    register.save_draft(connection, stored.id, added.annotator, added.answer, at=now)
    tallies.add(connection, stored.project_id, f"annotator:{added.annotator}", -1)
    if not claims.has_withdrawn(connection, stored.id):  # a flag is for a lead to lift
        records.set_state(connection, stored, RecordState.WAITING, final=None)
    until = now + workspace.lease
    claim = claims.claim_answered(connection, act.slot_id, added.annotator, until=until)
    old_hash = content_hash(stored.content.with_response(added.answer.response))
    return _back(connection, workspace, stored, claim, act, annotator=added.annotator, old_hash=old_hash)


def _let_go(connection: Connection, annotator: str, *, project_id: int) -> None:
    """Free what somebody holds before they turn to another record; what they typed is kept as a draft.

    Before any total is changed, as in a submit: two who lock a slot and a total in opposite order wait for each other.
    """
    current = claims.held(connection, annotator, project_id=project_id)
    if current is not None:
        claims.give_back(connection, current.token)


def _back(
    connection: Connection,
    workspace: Workspace,
    stored: records.StoredRecord,
    claim: Claim | None,
    act: register.LastAct,
    *,
    annotator: str,
    old_hash: str | None = None,
) -> Task:
    if claim is None:
        raise AnnotationError(
            "Somebody else works on this record now, so it cannot be taken back.",
            hint="Tell them or a lead. Your earlier answers can be taken back under My history.",
        )
    events.append(
        connection,
        "undo",
        stored.id,
        actor=annotator,
        at=workspace.clock(),
        old_hash=old_hash,
        new_hash=None if old_hash is None else stored.content_hash,
        detail={"project": stored.project_id, "slot": claim.slot_id, "undone": act.kind, "cancels": act.event_id},
    )
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
