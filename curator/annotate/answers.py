"""Answers: draft, submit, skip and flag. Every act is an event; a submit that arrives twice is stored once."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from curator.access import require
from curator.annotate.record_state import settle_record
from curator.annotate.settle import problems
from curator.annotate.tasks import has_had, suggestions_hidden
from curator.annotate.totals import count_answer
from curator.errors import AnnotationError, AnsweredElsewhereError, ClaimExpiredError
from curator.quality.fingerprint import content_hash
from curator.store import (
    Connection,
    claims,
    doubts,
    events,
    locks,
    projects,
    records,
    skips,
    slots,
    suggestions,
    wordings,
)
from curator.store import annotations as annotation_store
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, Answer, Claim, RecordState, SeenByAnnotator
from schemas.event import Answered, Flagged, Kind, Skipped
from schemas.project import Project
from schemas.record import Record


class SavedDraft(NamedTuple):
    """What became of a text that an annotator typed."""

    is_mine: bool
    """The claim is still theirs, or they submitted this very answer with it."""
    is_kept: bool
    """This text is their draft now."""
    saved_at: datetime | None
    """When the draft was saved that is there now, UTC; None where there is none, since the record was answered."""


def save_draft(
    workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str, active_seconds: float | None = None
) -> SavedDraft:
    """Keep what an annotator has typed, and their claim with it. Returns what became of both.

    The text is kept even when the claim is no longer theirs, unless it comes after its own submit, skip or flag, which
    brought all that there was. The first draft of a record is an event.

    Raises:
        ClaimExpiredError: They never had this record, so nothing is stored.
        NotFoundError: There is no such record.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        now = workspace.clock()
        record_id = records.get(connection, claim.record_id).id
        if not has_had(connection, record_id, annotator):
            raise _never_had()
        submitted = annotation_store.of_token(connection, claim.token)
        draft = annotation_store.draft_of(connection, record_id, annotator)
        if submitted is not None:
            is_mine = submitted.annotator == annotator and submitted.answer == answer
            return _saved(draft, answer, is_mine=is_mine)
        until = now + workspace.lease
        is_mine = claims.renew(
            connection, claim, annotator=annotator, now=now, until=until, active_seconds=active_seconds
        )
        if not is_mine and events.claim_given_up(connection, record_id, annotator) == claim.token:
            return _saved(draft, answer, is_mine=False)  # it was on its way when they skipped, with all of their text
        if draft is None:
            detail = {"slot": claim.slot_id} if is_mine else None
            events.append(connection, Kind.DRAFT, record_id, actor=annotator, at=now, detail=detail)
        annotation_store.save_draft(connection, record_id, annotator, answer, at=now)
        return SavedDraft(is_mine, is_kept=True, saved_at=now)


def _never_had() -> ClaimExpiredError:
    return ClaimExpiredError(
        "This record was never given to you, so nothing was stored.", hint="Go on with the next record of your queue."
    )


def _saved(draft: annotation_store.Draft | None, answer: Answer, *, is_mine: bool) -> SavedDraft:
    """A text that was not stored; it may be the draft already."""
    is_kept = draft is not None and draft.answer == answer
    return SavedDraft(is_mine, is_kept, None if draft is None else draft.saved_at)


def submit(
    workspace: Workspace,
    claim: Claim,
    answer: Answer,
    *,
    annotator: str,
    active_seconds: float | None = None,
    seen: SeenByAnnotator | None = None,
) -> Annotation:
    """Store an answer. Returns it; the same claim submitted again returns the first answer and changes nothing.

    Args:
        workspace: Where to store.
        claim: What is answered.
        answer: The judgement.
        annotator: Whose.
        active_seconds: Time spent on the record, pauses left out; by default what drafts and renewals reported.
        seen: What the annotator had before them, from their task; by default what they would have now.

    Raises:
        AnnotationError: A required question is open or the response is empty; nothing is stored.
        AnsweredElsewhereError: They submitted another answer with this claim; this one is kept as a draft.
        ClaimExpiredError: The record is no longer theirs; the answer is kept as a draft if it ever was.
        NotFoundError: There is no such record.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        now = workspace.clock()
        locks.lock_record(connection, claim.record_id)  # two last answers at once must not both find the other missing
        earlier = annotation_store.of_token(connection, claim.token)
        if earlier is not None and earlier.annotator == annotator and earlier.answer == answer:
            return earlier
        # This closes it after the lease ended, too, as long as no other annotator took the slot.
        slot = claims.close(connection, claim, annotator=annotator)
        if slot is not None:
            mine = claim.model_copy(update={"slot_id": slot.id})
            seconds = slot.active_seconds if active_seconds is None else active_seconds
            return _store(connection, mine, answer, annotator=annotator, at=now, active_seconds=seconds, seen=seen)
        stored = records.get(connection, claim.record_id)
        if not has_had(connection, stored.id, annotator):
            raise _never_had()
        annotation_store.save_draft(connection, stored.id, annotator, answer, at=now)
    if earlier is not None and earlier.annotator == annotator:
        raise AnsweredElsewhereError(
            "You have answered this record in another window, with another text.",
            hint="This text is kept: take that answer back under My history, and you find it in the editor.",
        )
    raise ClaimExpiredError(
        _LOST.get(stored.state, "This record is settled by now."),
        hint="Your text is kept as a draft; go on with the next record.",
    )


def _store(
    connection: Connection,
    claim: Claim,
    answer: Answer,
    *,
    annotator: str,
    at: datetime,
    active_seconds: float,
    seen: SeenByAnnotator | None,
) -> Annotation:
    """Store an answer with what its annotator had before them. Returns it.

    Raises:
        AnnotationError: It is not complete; the caller's transaction is taken back, with the closing of the slot.
    """
    stored = records.get(connection, claim.record_id)
    project = projects.by_id(connection, stored.project_id)
    seen = _known(connection, seen or _in_view(connection, stored, project, annotator), project)
    if not wordings.is_known(connection, project.id, seen.questions_hash, seen.guideline_hash):
        wordings.keep(connection, project, actor=annotator, at=at)
    asked = wordings.questions_of(connection, project.id, seen.questions_hash) or project.questions
    missing = problems(answer, stored.content, asked)
    if missing:
        raise AnnotationError(missing[0].text, hint="Complete it and submit again.")
    projects.ensure_person(connection, annotator, at=at)
    context = annotation_store.AnswerContext(
        questions_hash=seen.questions_hash,
        guideline_hash=seen.guideline_hash,
        active_seconds=active_seconds or None,
        saw_suggestions=seen.suggestions,
        edited=answer.response != stored.content.response,
    )
    return keep(
        connection,
        stored,
        project,
        answer,
        annotator=annotator,
        slot_id=claim.slot_id,
        claim_token=claim.token,
        at=at,
        context=context,
    )


_LOST = {
    RecordState.WAITING: "Another annotator has this record: it was not touched for too long, or a lead gave it away.",
    RecordState.FLAGGED: "This record was flagged for a lead, so it needs no answer now.",
    RecordState.GOLD: "A lead has taken this record out of the queue.",
}
"""Why a claim is gone, by what became of the record."""


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
    context: annotation_store.AnswerContext,
    kind: Kind = Kind.SUBMIT,
) -> Annotation:
    """Store an answer on a slot that was closed for it, with totals, state and event. Returns it.

    The caller has checked the answer and owns the transaction.
    """
    annotation = annotation_store.add(
        connection,
        answer,
        record_id=stored.id,
        slot_id=slot_id,
        annotator=annotator,
        claim_token=claim_token,
        at=at,
        context=context,
    )
    annotation_store.drop_draft(connection, stored.id, annotator)
    skips.remove(connection, stored.id, annotator)
    count_answer(connection, project.id, annotation, context, sign=1)
    outcome = settle_record(connection, stored, project, is_extra=kind is Kind.GIVEN)
    events.append(
        connection,
        kind,
        stored.id,
        actor=annotator,
        at=at,
        old_hash=stored.content_hash,
        new_hash=content_hash(stored.content.with_response(answer.response)),
        detail=Answered(project=project.id, slot=slot_id, annotation=annotation.id, outcome=outcome),
    )
    return annotation


def skip(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str) -> None:
    """Give a record to others and do not offer it to this annotator again; what was typed stays as a draft.

    A second skip with the same claim changes nothing.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        now = workspace.clock()
        stored = records.get(connection, claim.record_id)
        _keep_text(connection, stored, answer, annotator=annotator, workspace=workspace)
        if not claims.give_back(connection, claim, annotator=annotator):
            return
        skips.add(connection, stored.id, annotator, at=now)
        detail = Skipped(project=stored.project_id, slot=claim.slot_id, claim=claim.token)
        events.append(connection, Kind.SKIP, stored.id, actor=annotator, at=now, detail=detail)


def flag(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str, reason: str = "") -> None:
    """Set a record aside for a lead; it is offered no more, and what was typed stays as a draft.

    The lead reads the reason, or the answer's note where none is given.

    A gold record stays one: its flag becomes a question to the lead, and only this annotator is not offered it again.
    A second flag with the same claim, or one whose record another annotator has taken, changes nothing.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.write() as connection:
        now = workspace.clock()
        locks.lock_record(connection, claim.record_id)
        stored = records.get(connection, claim.record_id)
        _keep_text(connection, stored, answer, annotator=annotator, workspace=workspace)
        if not claims.give_back(connection, claim, annotator=annotator):
            return
        if stored.state is RecordState.GOLD:  # it stays one: who gets it next would have to answer it for training
            skips.add(connection, stored.id, annotator, at=now)
            question = reason or answer.note or "It was flagged, without a reason."
            doubts.ask(connection, stored.id, question, project_id=stored.project_id, author=annotator, at=now)
        else:
            slots.withdraw(connection, stored.id)
            records.set_state(connection, stored, RecordState.FLAGGED, final=None)
        note = reason or answer.note
        detail = Flagged(project=stored.project_id, slot=claim.slot_id, claim=claim.token, note=note)
        events.append(connection, Kind.FLAG, stored.id, actor=annotator, at=now, detail=detail)


class StandingAnswer(NamedTuple):
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
) -> list[StandingAnswer]:
    """An annotator's answers that stand, newest first.

    Args:
        workspace: Where they are.
        annotator: Whose answers.
        project_id: Of which project.
        before: Only answers older than the annotation with this id, to page on.
        after: Only answers newer than this one; then the nearest `limit` of them.
        limit: Largest number of answers.
    """
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.read() as connection:
        newest = annotation_store.newest_of(
            connection, annotator, project_id=project_id, before=before, after=after, limit=limit
        )
        stored = [records.get(connection, each.record_id) for each in newest]
    return [StandingAnswer(each, about.content, about.state) for each, about in zip(newest, stored, strict=True)]


def _keep_text(
    connection: Connection, stored: records.StoredRecord, answer: Answer, *, annotator: str, workspace: Workspace
) -> None:
    """Store a draft if anything was entered, on a record that they have or had."""
    if answer != Answer(response=stored.content.response) and has_had(connection, stored.id, annotator):
        annotation_store.save_draft(connection, stored.id, annotator, answer, at=workspace.clock())


def _in_view(connection: Connection, stored: records.StoredRecord, project: Project, annotator: str) -> SeenByAnnotator:
    """What an annotator who opens a record now has before them."""
    proposed = bool(suggestions.about(connection, stored.id))
    return SeenByAnnotator(
        questions_hash=wordings.questions_hash(project.questions),
        guideline_hash=wordings.guideline_hash(project.guideline),
        suggestions=not suggestions_hidden(stored.id, annotator, project) if proposed else None,
    )


def _known(connection: Connection, seen: SeenByAnnotator, project: Project) -> SeenByAnnotator:
    """What an annotator says they saw; what this project never showed is taken for what it shows now."""
    today = {
        "questions_hash": wordings.questions_hash(project.questions),
        "guideline_hash": wordings.guideline_hash(project.guideline),
    }
    claimed = seen.model_dump(include=set(today))
    return seen.model_copy(
        update={
            name: present
            for name, present in today.items()
            if claimed[name] != present and not wordings.is_known(connection, project.id, claimed[name])
        }
    )
