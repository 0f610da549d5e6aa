"""Asking again: a lead gives a record back to the annotators, as it was or because its answers are no longer enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from curator.access import require
from curator.annotate.record_state import settle_record
from curator.annotate.totals import count_answer
from curator.errors import AnnotationError
from curator.store import Connection, events, locks, records, slots
from curator.store import annotations as annotation_store
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, RecordState
from schemas.event import Kind, PutBack
from schemas.project import Project

SENT_BACK = 20
"""Priority of a record that a lead sent back: a known doubt comes before everything else."""


def unflag(workspace: Workspace, record_id: str, *, actor: str, reason: str = "") -> None:
    """Put a flagged record back into the queue; a reason is shown to its next annotator.

    Raises:
        AnnotationError: The record is not flagged.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        locks.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.state is not RecordState.FLAGGED:
            raise AnnotationError(
                f"Record {record_id} is not flagged but {stored.state}.", hint="Its log says who was faster."
            )
        slots.put_back(connection, record_id, project_id=stored.project_id)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
        detail = PutBack(project=stored.project_id, reason=reason)
        events.append(connection, Kind.UNFLAG, record_id, actor=actor, at=workspace.clock(), detail=detail)


def send_back(workspace: Workspace, record_id: str, *, reason: str, actor: str) -> None:
    """Let a settled record be answered anew, before others; earlier answers are kept as taken back.

    Raises:
        AnnotationError: It waits already, or a flag keeps it for a lead.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        locks.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.state not in (RecordState.ACCEPTED, RecordState.REJECTED, RecordState.CONFLICT):
            raise AnnotationError(
                f"Record {record_id} is {stored.state}, so there is nothing to answer anew.",
                hint="A flagged record is put back under Adjudicate; one that waits is answered anyway.",
            )
        answered = annotation_store.standing(connection, stored.id)
        offer_anew(connection, stored, answered, priority=SENT_BACK, at=workspace.clock())
        detail = PutBack(project=stored.project_id, reason=reason, answers=tuple(each.id for each in answered))
        events.append(connection, Kind.SEND_BACK, record_id, actor=actor, at=workspace.clock(), detail=detail)


def offer_anew(
    connection: Connection,
    stored: records.StoredRecord,
    answered: Sequence[Annotation],
    *,
    priority: int,
    at: datetime,
) -> None:
    """Take answers on a record back and ask for as many again; their annotators find them as drafts.

    The caller has locked the record, and says in the log why.
    """
    slots.offer_again(connection, stored.id, priority=priority)  # slots that a decision had made needless
    for each in answered:
        annotation_store.mark_undone(connection, each.id)
        annotation_store.save_draft(connection, stored.id, each.annotator, each.answer, at=at)
        count_answer(connection, stored.project_id, each, None, sign=-1)
        audience = slots.audience_of(connection, each.id)
        slots.reopen(connection, stored.id, project_id=stored.project_id, priority=priority, audience=audience)
    if slots.unanswered(connection, stored.id) == 0:  # taken as reviewed: it was never answered
        slots.reopen(connection, stored.id, project_id=stored.project_id, priority=priority)
    records.set_state(connection, stored, RecordState.WAITING, final=None)


def let_stand(connection: Connection, record_id: str, annotation_ids: Sequence[int], *, project: Project) -> None:
    """Undo `offer_anew` on a record that was not touched since: its answers stand again and settle it.

    The caller has locked the record.
    """
    for annotation_id in annotation_ids:
        if annotation_store.mark_standing(connection, annotation_id):
            annotation, _slot = annotation_store.get(connection, annotation_id)
            count_answer(connection, project.id, annotation, None, sign=1)
            annotation_store.drop_draft(connection, record_id, annotation.annotator)
    slots.remove_newest(connection, record_id, len(annotation_ids))
    settle_record(connection, records.get(connection, record_id), project)
