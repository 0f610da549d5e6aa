"""Answers: draft, submit, skip, flag and undo. Every act is an event; a submit that arrives twice is stored once."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from curator.access import require
from curator.annotate.settle import problems, settle
from curator.annotate.tasks import suggestions_hidden, task_of
from curator.errors import AnnotationError, ClaimExpiredError
from curator.quality.fingerprint import content_hash
from curator.store import Connection, claims, events, projects, records, suggestions, tallies, wordings
from curator.store import annotations as register
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, Answer, Claim, RecordState, Task
from schemas.project import Project
from schemas.questions import QuestionSet
from schemas.record import Record


def save_draft(
    workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str, active_seconds: float | None = None
) -> bool:
    """Keep what an annotator has typed, and their claim with it; False when the claim is no longer theirs.

    The text is kept either way. One that comes after its own submit is too late to be a draft and is dropped.
    """
    with workspace.write() as connection:
        now = workspace.clock()
        if register.of_token(connection, claim.token) is not None:
            return True
        register.save_draft(connection, claim.record_id, annotator, answer, at=now)
        until = now + workspace.lease
        return claims.renew(connection, claim.token, now=now, until=until, active_seconds=active_seconds)


def submit(
    workspace: Workspace,
    claim: Claim,
    answer: Answer,
    *,
    annotator: str,
    active_seconds: float | None = None,
    questions_hash: str | None = None,
) -> Annotation:
    """The stored answer. The same claim submitted again returns the first answer and changes nothing.

    Args:
        workspace: Where to store.
        claim: What is answered.
        answer: The judgement.
        annotator: Whose.
        active_seconds: Time spent on the record, pauses left out; by default what drafts and renewals reported.
        questions_hash: Of the questions that the annotator saw; by default those of the project now.

    Raises:
        AnnotationError: A required question is open or the response is empty; nothing is stored.
        ClaimExpiredError: Somebody else has the record now; the answer is kept as a draft.
    """
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
            asked, asked_hash = _asked(connection, project, questions_hash, actor=annotator, at=now)
            missing = problems(answer, stored.content, asked)
            if missing:  # the transaction is taken back, and with it the closing of the slot
                raise AnnotationError(missing[0].text, hint="Complete it and submit again.")
            projects.ensure_person(connection, annotator, at=now)
            kind = _suggestion_kind(connection, stored.id, annotator, project)
            seconds = slot.active_seconds if active_seconds is None else active_seconds
            context = register.AnswerContext(
                questions_hash=asked_hash,
                guideline_hash=wordings.guideline_hash(project.guideline),
                active_seconds=seconds or None,
                saw_suggestions=None if kind == "none" else kind == "shown",
                edited=answer.response != stored.content.response,
            )
            added, _ = keep(
                connection,
                stored,
                project,
                answer,
                annotator=annotator,
                slot_id=slot.id,
                claim_token=claim.token,
                at=now,
                context=context,
            )
            return added
    save_draft(workspace, claim, answer, annotator=annotator)
    raise ClaimExpiredError(
        "Somebody else has this record now, because it was not touched for too long.",
        hint="Your text is kept as a draft; go on with the next record.",
    )


def keep(
    connection: Connection,
    stored: records.StoredRecord,
    project: Project,
    answer: Answer,
    *,
    annotator: str,
    slot_id: int,
    claim_token: str,
    at: datetime,
    context: register.AnswerContext,
    event: str = "submit",
) -> tuple[Annotation, str | None]:
    """Store an answer on a slot that was closed for it, with totals, state and event; gives the record's state, too.

    The caller has checked the answer and owns the transaction.
    """
    added = register.add(
        connection,
        answer,
        record_id=stored.id,
        slot_id=slot_id,
        annotator=annotator,
        claim_token=claim_token,
        at=at,
        context=context,
    )
    register.drop_draft(connection, stored.id, annotator)
    claims.remove_skip(connection, stored.id, annotator)
    _count(connection, project.id, added, context, sign=1)
    outcome = _settle(connection, stored, project)
    events.append(
        connection,
        event,
        stored.id,
        actor=annotator,
        at=at,
        old_hash=stored.content_hash,
        new_hash=content_hash(stored.content.with_response(answer.response)),
        detail={"project": project.id, "slot": slot_id, "annotation": added.id, "outcome": outcome},
    )
    return added, outcome


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


def unflag(workspace: Workspace, record_id: str, *, actor: str, reason: str = "") -> None:
    """Put a flagged record back into the queue; a reason is shown to whoever gets it.

    Raises:
        AnnotationError: The record is not flagged.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        claims.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.state is not RecordState.FLAGGED:
            raise AnnotationError(f"Record {record_id} is not flagged but {stored.state}.", hint="Reload the page.")
        claims.offer_again(connection, record_id)
        if claims.unanswered(connection, record_id) == 0:
            claims.reopen(connection, record_id, project_id=stored.project_id, priority=0)
        records.set_state(connection, stored, RecordState.WAITING, final=None)
        detail = {"project": stored.project_id, "reason": reason}
        events.append(connection, "unflag", record_id, actor=actor, at=workspace.clock(), detail=detail)


def send_back(workspace: Workspace, record_id: str, *, reason: str, actor: str) -> None:
    """Let a settled record be answered anew, before others; earlier answers are kept as taken back.

    Raises:
        AnnotationError: It waits already, or a flag keeps it for a lead.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        claims.lock_record(connection, record_id)
        stored = records.get(connection, record_id)
        if stored.state not in (RecordState.ACCEPTED, RecordState.REJECTED, RecordState.CONFLICT):
            raise AnnotationError(
                f"Record {record_id} is {stored.state}, so there is nothing to answer anew.", hint="Reload the page."
            )
        answered = offer_anew(connection, stored, priority=SENT_BACK, at=workspace.clock())
        detail = {"project": stored.project_id, "reason": reason, "answers": [each.id for each in answered]}
        events.append(connection, "send-back", record_id, actor=actor, at=workspace.clock(), detail=detail)


def offer_anew(
    connection: Connection, stored: records.StoredRecord, *, priority: int, at: datetime
) -> list[Annotation]:
    """Take a settled record's answers back and ask for as many again; who gave them finds theirs as a draft."""
    answered = register.standing(connection, stored.id)
    for each in sorted(answered, key=lambda each: each.annotator):  # totals change in one order
        register.mark_undone(connection, each.id)
        register.save_draft(connection, stored.id, each.annotator, each.answer, at=at)
        _count(connection, stored.project_id, each, None, sign=-1)
    for _ in range(len(answered) or 1):  # a record taken as reviewed was never answered and gets one slot
        claims.reopen(connection, stored.id, project_id=stored.project_id, priority=priority)
    records.set_state(connection, stored, RecordState.WAITING, final=None)
    return answered


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
    _count(connection, stored.project_id, added, None, sign=-1)
    if stored.state is not RecordState.GOLD and not claims.has_withdrawn(connection, stored.id):  # a lead lifts a flag
        records.set_state(connection, stored, RecordState.WAITING, final=None)
    until = now + workspace.lease
    claim = claims.claim_answered(connection, act.slot_id, added.annotator, now=now, until=until)
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


def _settle(connection: Connection, stored: records.StoredRecord, project: Project) -> str | None:
    """Give a record its state once every slot is answered; gives the state, or None while somebody is missing."""
    if stored.state is RecordState.GOLD or claims.unanswered(connection, stored.id) > 0:
        return None
    standing = [each.answer for each in register.standing(connection, stored.id)]
    outcome = settle(stored.content, standing, project)
    records.set_state(connection, stored, outcome.state, final=outcome.final)
    return outcome.state.value


def _asked(
    connection: Connection, project: Project, seen: str | None, *, actor: str, at: datetime
) -> tuple[QuestionSet, str]:
    """The questions that an annotator saw, with their hash: an answer stays valid under those."""
    present = wordings.questions_hash(project.questions)
    if seen is None or seen == present:
        if not wordings.is_known(connection, project.id, present, wordings.guideline_hash(project.guideline)):
            wordings.keep(connection, project, actor=actor, at=at)
        return project.questions, present
    earlier = wordings.questions_of(connection, project.id, seen)
    return (project.questions, present) if earlier is None else (earlier, seen)


def _suggestion_kind(connection: Connection, record_id: str, annotator: str, project: Project) -> str:
    """`shown` or `hidden`, or `none` where nothing is suggested for the record."""
    if not suggestions.about(connection, record_id):
        return "none"
    return "hidden" if suggestions_hidden(record_id, annotator, project) else "shown"


def _count(
    connection: Connection,
    project_id: int,
    added: Annotation,
    context: register.AnswerContext | None,
    *,
    sign: int,
) -> None:
    """Keep the totals of a person in step with an answer that is given (1) or taken back (-1)."""
    who = added.annotator
    saw = added.saw_suggestions if context is None else context.saw_suggestions
    edited = register.is_edited(connection, added.id) if context is None else context.edited
    kind = "none" if saw is None else "shown" if saw else "hidden"
    changes = {
        f"annotator:{who}": sign,
        f"day:{added.submitted_at:%Y-%m-%d}:{who}": sign,
        f"answers {kind}:{who}": sign,
    }
    if added.active_seconds:
        changes[f"seconds:{who}"] = sign * round(added.active_seconds)
    if edited:
        changes[f"edited {kind}:{who}"] = sign
    tallies.add(connection, project_id, changes)
