"""Taking back: an annotator's last act undone, or an earlier answer of theirs in the editor again. Undo is an event."""

from __future__ import annotations

from curator.annotate.tasks import task_of
from curator.annotate.totals import count_answer
from curator.errors import AnnotationError
from curator.quality.fingerprint import content_hash
from curator.store import Connection, claims, events, locks, records, skips, slots
from curator.store import annotations as annotation_store
from curator.workspace import Workspace
from schemas.annotation import Annotation, Claim, RecordState, Task


def undo(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """The record of an annotator's last submit, skip or flag, claimed again as it was before; None if there is none.

    Raises:
        AnnotationError: Somebody else works on the record now, or a lead has decided about it.
    """
    with workspace.write() as connection:
        locks.lock_person(connection, annotator)  # a second tab must not take the same act back
        act = annotation_store.last_act(connection, annotator, project_id=project_id)
        if act is None:
            return None
        locks.lock_record(connection, act.record_id)
        if act.annotation_id is not None:
            added, _ = annotation_store.get(connection, act.annotation_id)
            return _take_back(connection, workspace, added, act)
        stored = records.get(connection, act.record_id)
        _refuse_if_decided(connection, stored)
        _let_go(connection, annotator, project_id=project_id)
        is_last_flag = events.newest(connection, stored.id, ("flag", "unflag")) == act.event_id
        if act.kind == "flag" and is_last_flag and stored.state is RecordState.FLAGGED:
            slots.offer_again(connection, stored.id)
            records.set_state(connection, stored, RecordState.WAITING, final=None)
        skips.remove(connection, stored.id, annotator)
        now = workspace.clock()
        claim = claims.claim_record(connection, annotator, stored.id, now=now, until=now + workspace.lease)
        return _back(connection, workspace, stored, claim, act, annotator=annotator)


def reopen(workspace: Workspace, annotation_id: int, *, annotator: str) -> Task:
    """An earlier answer of an annotator, taken back into the editor.

    Raises:
        AnnotationError: It is not theirs, was taken back already, somebody else works on the record now, or a lead has
            decided about it.
    """
    with workspace.write() as connection:
        locks.lock_person(connection, annotator)
        added, slot_id = annotation_store.get(connection, annotation_id)
        locks.lock_record(connection, added.record_id)
        added, _ = annotation_store.get(connection, annotation_id)
        if added.annotator != annotator or added.undone:
            raise AnnotationError("This answer cannot be taken back.", hint="Reload the page.")
        event_id = annotation_store.submit_event(connection, added)
        act = annotation_store.LastAct(event_id, "submit", added.record_id, slot_id, added.id)
        return _take_back(connection, workspace, added, act)


def _take_back(connection: Connection, workspace: Workspace, added: Annotation, act: annotation_store.LastAct) -> Task:
    stored = records.get(connection, added.record_id)
    _refuse_if_decided(connection, stored)
    now = workspace.clock()
    _let_go(connection, added.annotator, project_id=stored.project_id)
    if not annotation_store.mark_undone(connection, added.id):  # a lead was faster, between the look and the lock
        raise AnnotationError("This answer was taken back already.", hint="Reload the page.")
    if annotation_store.draft_of(connection, stored.id, added.annotator) is None:  # else they typed it elsewhere, later
        annotation_store.save_draft(connection, stored.id, added.annotator, added.answer, at=now)
    count_answer(connection, stored.project_id, added, None, sign=-1)
    if stored.state not in (RecordState.GOLD, RecordState.FLAGGED):  # a lead lifts a flag
        records.set_state(connection, stored, RecordState.WAITING, final=None)
    until = now + workspace.lease
    claim = claims.claim_answered(connection, act.slot_id, added.annotator, now=now, until=until)
    old_hash = content_hash(stored.content.with_response(added.answer.response))
    return _back(connection, workspace, stored, claim, act, annotator=added.annotator, old_hash=old_hash)


def _refuse_if_decided(connection: Connection, stored: records.StoredRecord) -> None:
    """What a lead has decided is not undone by an annotator."""
    if stored.state is not RecordState.WAITING and events.is_decided(connection, stored.id):
        raise AnnotationError(
            "A lead has decided about this record, so it is not taken back.",
            hint="If the decision is wrong, tell them: they can send the record back.",
        )


def _let_go(connection: Connection, annotator: str, *, project_id: int) -> None:
    """Free what somebody holds before they turn to another record; what they typed is kept as a draft."""
    current = claims.held(connection, annotator, project_id=project_id)
    if current is not None:
        claims.give_back(connection, current.token)


def _back(
    connection: Connection,
    workspace: Workspace,
    stored: records.StoredRecord,
    claim: Claim | None,
    act: annotation_store.LastAct,
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
