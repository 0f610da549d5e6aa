"""Adjudication: records on which annotators disagree or that one of them flagged, and what a lead decides."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from curator.access import has_right, require
from curator.annotate.renamed_options import present_answers
from curator.annotate.settle import final_of, problems, reasons_to_keep_out, settle
from curator.annotate.tasks import require_had
from curator.errors import AnnotationError
from curator.quality.fingerprint import content_hash
from curator.store import annotations as annotation_store
from curator.store import doubts, events, locks, projects, records, slots
from curator.store.doubts import AnnotatorDoubt
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, Answer, RecordState
from schemas.event import Adjudicated, Flagged, Kind
from schemas.record import Record

DECIDABLE = (RecordState.CONFLICT, RecordState.FLAGGED)


class Case(NamedTuple):
    """A record that waits for a decision."""

    record_id: str
    record: Record
    state: RecordState
    answers: tuple[Annotation, ...]
    """Those that stand, in an order that tells nothing about who gave them."""
    differences: tuple[str, ...]
    """What they disagree about."""
    reason: str
    """Why it was flagged; empty for a conflict."""
    flagged_by: str | None = None
    flagged_at: datetime | None = None
    """UTC."""


def cases(
    workspace: Workspace,
    *,
    project_id: int,
    state: RecordState = RecordState.CONFLICT,
    after: str = "",
    limit: int = 50,
) -> list[Case]:
    """Records that wait for a decision, ordered by id, behind the id `after`."""
    with workspace.read() as connection:
        waiting = records.page(connection, project_id, after=after, limit=limit, state=state)
    return [case(workspace, each.id) for each in waiting]


def case(workspace: Workspace, record_id: str) -> Case:
    """One record with every answer on it.

    Raises:
        NotFoundError: There is no such record.
    """
    with workspace.read() as connection:
        stored = records.get(connection, record_id)
        project = projects.by_id(connection, stored.project_id)
        answers = annotation_store.standing(connection, record_id)
        present = present_answers(connection, project, answers)
        flag = events.newest(connection, record_id, (Kind.FLAG,))
    differences = settle(stored.content, present, project).differences if answers else ()
    ordered = sorted(answers, key=lambda each: content_hash(stored.content.with_response(each.annotator)))
    return Case(
        record_id,
        stored.content,
        stored.state,
        tuple(ordered),
        differences,
        reason=(flag.read(Flagged).note or "") if flag else "",
        flagged_by=flag.actor if flag else None,
        flagged_at=flag.at if flag else None,
    )


def decide(
    workspace: Workspace, record_id: str, answer: Answer, *, actor: str, picked: int | None = None, note: str = ""
) -> RecordState:
    """Settle a record with an answer of the lead's own or one that they picked. Returns its state.

    Every annotator's answer stays as it was given; the decision is an event and the record's new final text.

    Args:
        workspace: Where it is.
        record_id: What is decided.
        answer: The answer that counts: picked, merged or written anew.
        actor: Who decides.
        picked: Id of the annotation that is taken as it is, in place of `answer`.
        note: Why, for the annotators.

    Raises:
        AnnotationError: The record does not wait for a decision, or the answer is not complete.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        locks.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.state not in DECIDABLE:
            raise AnnotationError(
                f"Record {record_id} is {stored.state}, so there is nothing to decide.",
                hint="Send it back under Records to have it answered anew.",
            )
        project = projects.by_id(connection, stored.project_id)
        missing = problems(answer, stored.content, project.questions)
        if picked is not None:
            chosen, _slot = annotation_store.get(connection, picked)
            if chosen.record_id != record_id or chosen.undone:
                raise AnnotationError(
                    "This answer does not stand any more.", hint="Pick one that stands, or decide with your own."
                )
            [answer] = present_answers(connection, project, [chosen])
        elif missing:  # one that was submitted under earlier questions may be picked as it is
            raise AnnotationError(missing[0].text, hint="Complete it and decide again.")
        slots.withdraw(connection, record_id)
        if reasons_to_keep_out(answer, project):
            state, final = RecordState.REJECTED, None
        else:
            state, final = RecordState.ACCEPTED, final_of(stored.content, answer)
        records.set_state(connection, stored, state, final=final)
        events.append(
            connection,
            Kind.ADJUDICATE,
            record_id,
            actor=actor,
            at=workspace.clock(),
            old_hash=stored.content_hash,
            new_hash=content_hash(final or stored.content),
            detail=Adjudicated(project=project.id, picked=picked, answer=answer, note=note, outcome=state),
        )
        return state


def ask(workspace: Workspace, record_id: str, question: str, *, author: str, key: str | None = None) -> int:
    """Put "I am unsure, because ..." into the lead's inbox. Returns the number of the doubt.

    Args:
        workspace: Where to store.
        record_id: What the question is about.
        question: What the annotator is unsure about.
        author: Who.
        key: Random, from the sender: a question that arrives again with the same key is stored once.

    Raises:
        AccessError: The author is below a lead and never had the record.
        AnnotationError: Nothing is asked.
    """
    require(workspace, author, Right.ANNOTATE)
    if not question.strip():
        raise AnnotationError("The question is empty.", hint="Say what you are unsure about.")
    asks_about_all = has_right(workspace, author, Right.CURATE)
    with workspace.write() as connection:
        stored = records.get(connection, record_id)
        if not asks_about_all:
            require_had(connection, stored.id, author)
        now = workspace.clock()
        asked = doubts.ask(
            connection, record_id, question, project_id=stored.project_id, author=author, at=now, key=key
        )
        if asked.is_new:
            events.append(connection, Kind.DOUBT, record_id, actor=author, at=now, detail={"doubt": asked.id})
        return asked.id


def rule(workspace: Workspace, doubt_id: int, ruling: str, *, actor: str) -> None:
    """Answer a doubt; from now on the ruling is shown on similar records.

    Raises:
        AnnotationError: The ruling is empty.
        NotFoundError: There is no such doubt.
    """
    require(workspace, actor, Right.CURATE)
    if not ruling.strip():
        raise AnnotationError("The ruling is empty.", hint="Write what annotators should do.")
    with workspace.write() as connection:
        now = workspace.clock()
        ruled = doubts.rule(connection, doubt_id, ruling, by=actor, at=now)
        events.append(connection, Kind.RULING, ruled.record_id, actor=actor, at=now, detail={"doubt": doubt_id})


class Inbox(NamedTuple):
    """Doubts with the records that they are about."""

    doubt: AnnotatorDoubt
    record: Record


def inbox(workspace: Workspace, *, project_id: int) -> list[Inbox]:
    """Doubts without a ruling, oldest first."""
    with workspace.read() as connection:
        waiting = doubts.open_doubts(connection, project_id)
        return [Inbox(each, records.get(connection, each.record_id).content) for each in waiting]
