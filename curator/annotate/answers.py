"""Answers: draft, submit, skip, flag and undo. Every act is an event; a submit that arrives twice is stored once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from curator.access import require
from curator.annotate.reading import present_answers
from curator.annotate.settle import problems, settle
from curator.annotate.tasks import suggestions_hidden, task_of
from curator.errors import AnnotationError, AnsweredElsewhereError, ClaimExpiredError
from curator.quality.fingerprint import content_hash
from curator.store import Connection, claims, doubts, events, projects, records, suggestions, tallies, wordings
from curator.store import annotations as register
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, Answer, Claim, RecordState, Seen, Task
from schemas.project import Project
from schemas.record import Record


def save_draft(
    workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str, active_seconds: float | None = None
) -> bool:
    """Keep what an annotator has typed, and their claim with it; False when the claim is no longer theirs.

    The text is kept either way, unless it comes after its own submit, skip or flag, which brought all that there was.
    The first draft of a record is an event.
    """
    with workspace.write() as connection:
        now = workspace.clock()
        submitted = register.of_token(connection, claim.token)
        if submitted is not None:
            return submitted.answer == answer
        until = now + workspace.lease
        is_mine = claims.renew(connection, claim.token, now=now, until=until, active_seconds=active_seconds)
        if not is_mine and events.gave_up(connection, claim.record_id, annotator) == claim.token:
            return False  # it was on its way when they skipped or flagged the record, with all of their text
        if register.draft_of(connection, claim.record_id, annotator) is None:
            events.append(connection, "draft", claim.record_id, actor=annotator, at=now, detail={"slot": claim.slot_id})
        register.save_draft(connection, claim.record_id, annotator, answer, at=now)
        return is_mine


def submit(
    workspace: Workspace,
    claim: Claim,
    answer: Answer,
    *,
    annotator: str,
    active_seconds: float | None = None,
    seen: Seen | None = None,
) -> Annotation:
    """The stored answer. The same claim submitted again returns the first answer and changes nothing.

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
        ClaimExpiredError: The record is no longer theirs; the answer is kept as a draft.
    """
    with workspace.write() as connection:
        now = workspace.clock()
        claims.lock_record(connection, claim.record_id)  # two last answers at once must not both find the other missing
        earlier = register.of_token(connection, claim.token)
        if earlier is not None and earlier.annotator == annotator and earlier.answer == answer:
            return earlier
        # This closes it after the lease ended, too, as long as nobody else took the slot.
        slot = claims.close(connection, claim.token, annotator=annotator)
        if slot is not None:
            stored = records.get(connection, claim.record_id)
            project = projects.by_id(connection, stored.project_id)
            seen = _known(connection, seen or _in_view(connection, stored, project, annotator), project)
            if not wordings.is_known(connection, project.id, seen.questions_hash, seen.guideline_hash):
                wordings.keep(connection, project, actor=annotator, at=now)
            asked = wordings.questions_of(connection, project.id, seen.questions_hash) or project.questions
            missing = problems(answer, stored.content, asked)
            if missing:  # the transaction is taken back, and with it the closing of the slot
                raise AnnotationError(missing[0].text, hint="Complete it and submit again.")
            projects.ensure_person(connection, annotator, at=now)
            seconds = slot.active_seconds if active_seconds is None else active_seconds
            context = register.AnswerContext(
                questions_hash=seen.questions_hash,
                guideline_hash=seen.guideline_hash,
                active_seconds=seconds or None,
                saw_suggestions=seen.suggestions,
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
        register.save_draft(connection, claim.record_id, annotator, answer, at=now)
        stored = records.get(connection, claim.record_id)
    if earlier is not None and earlier.annotator == annotator:
        raise AnsweredElsewhereError(
            "You have answered this record in another window, with another text.",
            hint="This text is kept: take that answer back under My history, and you find it in the editor.",
        )
    raise ClaimExpiredError(
        _LOST.get(stored.state, "This record is settled by now."),
        hint="Your text is kept as a draft; go on with the next record.",
    )


_LOST = {
    RecordState.WAITING: "Somebody else has this record now: it was not touched for too long, or a lead gave it away.",
    RecordState.FLAGGED: "Somebody has flagged this record for a lead, so it needs no answer now.",
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
    outcome = _settle(connection, stored, project, is_extra=event == "given")
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
        detail = {"project": stored.project_id, "slot": claim.slot_id, "claim": claim.token}
        events.append(connection, "skip", stored.id, actor=annotator, at=now, detail=detail)


def flag(workspace: Workspace, claim: Claim, answer: Answer, *, annotator: str) -> None:
    """Set a record aside for a lead; nobody is offered it, and what was typed stays as a draft.

    A gold record stays one: its flag becomes a question to the lead, and only this annotator is not offered it again.
    A second flag with the same claim, or one whose record somebody else has taken, changes nothing.
    """
    with workspace.write() as connection:
        now = workspace.clock()
        claims.lock_record(connection, claim.record_id)
        stored = records.get(connection, claim.record_id)
        _keep_text(connection, stored, answer, annotator=annotator, workspace=workspace)
        if not claims.give_back(connection, claim.token):
            return
        if stored.state is RecordState.GOLD:  # it stays one: who gets it next would have to answer it for training
            claims.add_skip(connection, stored.id, annotator, at=now)
            question = answer.note or "It was flagged, without a note."
            doubts.ask(connection, stored.id, question, project_id=stored.project_id, author=annotator, at=now)
        else:
            claims.withdraw(connection, stored.id)
            records.set_state(connection, stored, RecordState.FLAGGED, final=None)
        detail = {"project": stored.project_id, "slot": claim.slot_id, "claim": claim.token, "note": answer.note}
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
            audience = claims.pool_of(connection, record_id)
            claims.reopen(connection, record_id, project_id=stored.project_id, priority=0, audience=audience)
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
        answered = register.standing(connection, stored.id)
        offer_anew(connection, stored, answered, priority=SENT_BACK, at=workspace.clock())
        detail = {"project": stored.project_id, "reason": reason, "answers": [each.id for each in answered]}
        events.append(connection, "send-back", record_id, actor=actor, at=workspace.clock(), detail=detail)


def offer_anew(
    connection: Connection,
    stored: records.StoredRecord,
    answered: Sequence[Annotation],
    *,
    priority: int,
    at: datetime,
) -> None:
    """Take answers on a record back and ask for as many again; who gave them finds theirs as a draft.

    The caller has locked the record, and says in the log why.
    """
    claims.offer_again(connection, stored.id, priority=priority)  # slots that a decision had made needless
    for each in answered:
        register.mark_undone(connection, each.id)
        register.save_draft(connection, stored.id, each.annotator, each.answer, at=at)
        _count(connection, stored.project_id, each, None, sign=-1)
        audience = claims.audience_of(connection, each.id)
        claims.reopen(connection, stored.id, project_id=stored.project_id, priority=priority, audience=audience)
    if claims.unanswered(connection, stored.id) == 0:  # taken as reviewed: it was never answered
        claims.reopen(connection, stored.id, project_id=stored.project_id, priority=priority)
    records.set_state(connection, stored, RecordState.WAITING, final=None)


def give_back_answers(connection: Connection, record_id: str, given: Sequence[int], *, project: Project) -> None:
    """Undo `offer_anew` on a record that nobody has touched since: its answers stand again and settle it.

    The caller has locked the record.
    """
    for annotation_id in given:
        if register.mark_standing(connection, annotation_id):
            each, _slot = register.get(connection, annotation_id)
            _count(connection, project.id, each, None, sign=1)
            register.drop_draft(connection, record_id, each.annotator)
    claims.remove_newest(connection, record_id, len(given))
    _settle(connection, records.get(connection, record_id), project)


SENT_BACK = 20
"""Priority of a record that somebody sent back: a known doubt comes before everything else."""


def undo(workspace: Workspace, annotator: str, *, project_id: int) -> Task | None:
    """The record of an annotator's last submit, skip or flag, claimed again as it was before; None if there is none.

    Raises:
        AnnotationError: Somebody else works on the record now, or a lead has decided about it.
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
        _refuse_if_decided(connection, stored)
        _let_go(connection, annotator, project_id=project_id)
        is_last_flag = events.newest(connection, stored.id, ("flag", "unflag")) == act.event_id
        if act.kind == "flag" and is_last_flag and stored.state is RecordState.FLAGGED:
            claims.offer_again(connection, stored.id)
            records.set_state(connection, stored, RecordState.WAITING, final=None)
        claims.remove_skip(connection, stored.id, annotator)
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
    _refuse_if_decided(connection, stored)
    now = workspace.clock()
    _let_go(connection, added.annotator, project_id=stored.project_id)
    register.mark_undone(connection, added.id)
    if register.draft_of(connection, stored.id, added.annotator) is None:  # else they typed it elsewhere, later
        register.save_draft(connection, stored.id, added.annotator, added.answer, at=now)
    _count(connection, stored.project_id, added, None, sign=-1)
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


def _settle(
    connection: Connection, stored: records.StoredRecord, project: Project, *, is_extra: bool = False
) -> str | None:
    """Give a record its state once every slot is answered; gives the state.

    None while somebody is missing, and where a flag, a lead's decision or its being gold stands above the answers. An
    answer given elsewhere that differs from another needs a decision even while somebody is missing.
    """
    if stored.state in (RecordState.GOLD, RecordState.FLAGGED):
        return None
    is_open = claims.unanswered(connection, stored.id) > 0
    if is_open and not is_extra:
        return None
    if stored.state is not RecordState.WAITING and events.is_decided(connection, stored.id):
        return None
    standing = present_answers(connection, project, register.standing(connection, stored.id))
    outcome = settle(stored.content, standing, project)
    if outcome.state is RecordState.WAITING or (is_open and outcome.state is not RecordState.CONFLICT):
        return None
    if is_open:
        claims.withdraw(connection, stored.id)
    records.set_state(connection, stored, outcome.state, final=outcome.final)
    return outcome.state.value


def _in_view(connection: Connection, stored: records.StoredRecord, project: Project, annotator: str) -> Seen:
    """What somebody who opens a record now has before them."""
    proposed = bool(suggestions.about(connection, stored.id))
    return Seen(
        questions_hash=wordings.questions_hash(project.questions),
        guideline_hash=wordings.guideline_hash(project.guideline),
        suggestions=not suggestions_hidden(stored.id, annotator, project) if proposed else None,
    )


def _known(connection: Connection, seen: Seen, project: Project) -> Seen:
    """What an annotator says they saw; what this project never showed is taken for what it shows now."""
    today = {
        "questions_hash": wordings.questions_hash(project.questions),
        "guideline_hash": wordings.guideline_hash(project.guideline),
    }
    said = seen.model_dump(include=set(today))
    return seen.model_copy(
        update={
            name: present
            for name, present in today.items()
            if said[name] != present and not wordings.is_known(connection, project.id, said[name])
        }
    )


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
    edited = added.edited if context is None else context.edited
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
