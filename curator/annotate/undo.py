"""Undo: which acts of an annotator can be taken back, and how.

The acts are submit, skip and flag. Nothing leaves the log: an undo is an event of its own that names the one it
cancels, and an act stands while no undo names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from curator.access import require
from curator.annotate.tasks import task_of
from curator.annotate.totals import count_answer
from curator.errors import AnnotationError
from curator.store import Connection, claims, events, locks, records, skips, slots
from curator.store import annotations as annotation_store
from curator.store.events import Event
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Claim, RecordState, Task
from schemas.event import Answered, Kind, Skipped, Undone

_LOOK_BACK = 200
"""Events of an annotator that are looked through: about a hundred acts."""


def standing_acts(
    connection: Connection, annotator: str, *, project_id: int, kinds: Sequence[Kind] | None = None
) -> Iterator[Event]:
    """An annotator's newest acts that no undo names, newest first; by default all that can be undone."""
    cancelled: set[int] = set()
    wanted = (*(kinds or UNDOABLE), Kind.UNDO)
    for event in events.latest_of(connection, annotator, wanted, limit=_LOOK_BACK):
        if event.kind is Kind.UNDO:
            cancelled.add(event.read(Undone).cancels)
        elif event.id not in cancelled and _place(event).project == project_id:
            yield event


def undo_last(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """Take an annotator's last submit, skip or flag back. Returns its record, claimed again; None if there is no act.

    Raises:
        AnnotationError: Another annotator works on the record now, or a lead has decided about it.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        locks.lock_person(connection, annotator)  # a second tab must not take the same act back
        act = _last_act(connection, annotator, project_id=project_id)
        return None if act is None else _take_back(connection, workspace, act)


def reopen(workspace: Workspace, annotation_id: int, *, annotator: str) -> Task:
    """Take an earlier answer of an annotator back into the editor. Returns its record, claimed again.

    Raises:
        AnnotationError: It is not theirs, was taken back already, another annotator works on the record now, or a lead
            has decided about it.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        locks.lock_person(connection, annotator)
        annotation, _slot = annotation_store.get(connection, annotation_id)
        locks.lock_record(connection, annotation.record_id)
        annotation, _slot = annotation_store.get(connection, annotation_id)
        if annotation.annotator != annotator or annotation.undone:
            raise AnnotationError(
                "This answer cannot be taken back.", hint="Open My history again: it lists the answers that can."
            )
        answered = events.about(connection, annotation.record_id, kinds=(Kind.SUBMIT, Kind.GIVEN))
        act = next(each for each in answered if each.read(Answered).annotation == annotation_id)
        return _take_back(connection, workspace, act)


class _Moment(NamedTuple):
    """When an act is taken back, and until when its record is the annotator's again."""

    now: datetime
    until: datetime


def _place(event: Event) -> Answered | Skipped:
    return event.read(Skipped) if event.kind in (Kind.SKIP, Kind.FLAG) else event.read(Answered)


def _last_act(connection: Connection, annotator: str, *, project_id: int) -> Event | None:
    """The act that an undo of this person takes back; an answer that a lead took back is passed over."""
    for act in standing_acts(connection, annotator, project_id=project_id):
        if act.kind is not Kind.SUBMIT or not annotation_store.is_undone(connection, act.read(Answered).annotation):
            return act
    return None


def _take_back(connection: Connection, workspace: Workspace, act: Event) -> Task:
    locks.lock_record(connection, act.subject)
    stored = records.get(connection, act.subject)
    _refuse_if_decided(connection, stored)
    _let_go(connection, act.actor, project_id=stored.project_id)
    now = workspace.clock()
    claim = _TAKE_BACK[act.kind](connection, stored, act, _Moment(now, now + workspace.lease))
    if claim is None:
        raise AnnotationError(
            "Another annotator works on this record now, so it cannot be taken back.",
            hint="Tell them or a lead. Your earlier answers can be taken back under My history.",
        )
    detail = Undone(project=stored.project_id, slot=claim.slot_id, undone=act.kind, cancels=act.id)
    is_answer = isinstance(act.detail, Answered)
    events.append(
        connection,
        Kind.UNDO,
        stored.id,
        actor=act.actor,
        at=now,
        old_hash=act.new_hash if is_answer else None,
        new_hash=stored.content_hash if is_answer else None,
        detail=detail,
    )
    return task_of(connection, claim, act.actor)


def _take_back_answer(
    connection: Connection, stored: records.StoredRecord, act: Event, moment: _Moment
) -> Claim | None:
    """The answer becomes a draft, unless its annotator has typed another text since."""
    answered = act.read(Answered)
    annotation, _slot = annotation_store.get(connection, answered.annotation)
    if not annotation_store.mark_undone(connection, annotation.id):  # a lead was faster, between the look and the lock
        raise AnnotationError(
            "This answer was taken back already.", hint="Open My history: it lists the answers that stand."
        )
    if annotation_store.draft_of(connection, stored.id, act.actor) is None:
        annotation_store.save_draft(connection, stored.id, act.actor, annotation.answer, at=moment.now)
    count_answer(connection, stored.project_id, annotation, None, sign=-1)
    if stored.state not in (RecordState.GOLD, RecordState.FLAGGED):  # a lead lifts a flag
        records.set_state(connection, stored, RecordState.WAITING, final=None)
    return claims.claim_answered(connection, answered.slot, act.actor, now=moment.now, until=moment.until)


def _take_back_skip(connection: Connection, stored: records.StoredRecord, act: Event, moment: _Moment) -> Claim | None:
    skips.remove(connection, stored.id, act.actor)
    return claims.claim_record(connection, act.actor, stored.id, now=moment.now, until=moment.until)


def _take_back_flag(connection: Connection, stored: records.StoredRecord, act: Event, moment: _Moment) -> Claim | None:
    """The record waits again if this was its last flag; a gold record had become a skip and a question."""
    last = events.newest(connection, stored.id, (Kind.FLAG, Kind.UNFLAG))
    if last is not None and last.id == act.id and stored.state is RecordState.FLAGGED:
        slots.offer_again(connection, stored.id)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
    return _take_back_skip(connection, stored, act, moment)


_TAKE_BACK: dict[Kind, Callable[[Connection, records.StoredRecord, Event, _Moment], Claim | None]] = {
    Kind.SUBMIT: _take_back_answer,
    Kind.GIVEN: _take_back_answer,
    Kind.SKIP: _take_back_skip,
    Kind.FLAG: _take_back_flag,
}
"""How each act is taken back; other events cannot be."""
UNDOABLE = (Kind.SUBMIT, Kind.SKIP, Kind.FLAG)
"""Acts that an undo reaches, one after the other; an answer from a file is taken back under My history only."""


def _refuse_if_decided(connection: Connection, stored: records.StoredRecord) -> None:
    """What a lead has decided is not undone by an annotator."""
    if stored.state is not RecordState.WAITING and events.is_decided(connection, stored.id):
        raise AnnotationError(
            "A lead has decided about this record, so it is not taken back.",
            hint="If the decision is wrong, tell them: they can send the record back.",
        )


def _let_go(connection: Connection, annotator: str, *, project_id: int) -> None:
    """Free what an annotator holds before they turn to another record; what they typed is kept as a draft."""
    current = claims.held(connection, annotator, project_id=project_id)
    if current is not None:
        claims.give_back(connection, current, annotator=annotator)
