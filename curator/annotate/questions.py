"""Questions and guidelines of a project: what a change of them means for earlier answers, and making it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from curator.access import require
from curator.annotate import answers
from curator.annotate.reading import Reader
from curator.errors import AnnotationError
from curator.store import Connection, claims, events, projects, records, wordings
from curator.store import annotations as register
from curator.store.events import Event
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, RecordState
from schemas.project import Project
from schemas.questions import Change, ChangeClass, Mapping, Question, QuestionSet, Value

_ASKED_AGAIN = "ask again"
_AGAIN = 15
"""Priority of a record whose answers a breaking change has touched."""


def classify(
    before: QuestionSet, after: QuestionSet, mappings: Sequence[Mapping] = ()
) -> tuple[ChangeClass, list[str], dict[str, frozenset[str] | None]]:
    """How a change of questions is classed, one reason per difference, and what of the old questions it touches.

    The last part maps a question's id to the options whose answers are touched; None stands for every answer that
    leaves the question open (one that is newly required).

    Raises:
        AnnotationError: A mapping names something that is not there.
    """
    _check_mappings(before, after, mappings)
    kind, reasons = ChangeClass.COMPATIBLE, []
    touched: dict[str, frozenset[str] | None] = {}
    mapped = {(each.question, each.old): each.new for each in mappings}
    for old in before.questions:
        new = after.by_id(old.id)
        if new is None or new.kind != old.kind:
            kind = ChangeClass.BREAKING
            reasons.append(f"{old.id}: {'removed' if new is None else f'was {old.kind}, is {new.kind}'}")
            touched[old.id] = frozenset(option.value for option in old.options) or frozenset({"*"})
            continue
        gone = [option.value for option in old.options if new.option(option.value) is None]
        for value in gone:
            target = mapped.get((old.id, value))
            if target is None:
                kind = ChangeClass.BREAKING
                reasons.append(f"{old.id}: option {value} is removed")
            else:
                kind = kind if kind is ChangeClass.BREAKING else ChangeClass.MAPPING
                reasons.append(f"{old.id}: option {value} is read as {target}")
        if gone:
            touched[old.id] = frozenset(gone)
        if new.required and not old.required:
            kind = ChangeClass.BREAKING
            reasons.append(f"{old.id}: newly required")
            touched[old.id] = None
        if _wording(old) != _wording(new):
            reasons.append(f"{old.id}: wording, order, keys or new options")
    for new in after.questions:
        if before.by_id(new.id) is None:
            reasons.append(f"{new.id}: new{', required' if new.required else ''}")
            if new.required:
                kind = ChangeClass.BREAKING
                touched[new.id] = None
    return kind, reasons, touched


def _check_mappings(before: QuestionSet, after: QuestionSet, mappings: Sequence[Mapping]) -> None:
    for each in mappings:
        old, new = before.by_id(each.question), after.by_id(each.question)
        if old is None or new is None or old.option(each.old) is None or new.option(each.new) is None:
            raise AnnotationError(
                f"The mapping {each.question}: {each.old} to {each.new} names something that is not there.",
                hint="Name an old option of the present questions and an option of the new ones.",
            )


def _wording(question: Question) -> object:
    return (question.title, question.guide, question.options, question.safety, question.must_agree, question.keeps_out)


def plan_change(
    workspace: Workspace, after: QuestionSet, *, project_id: int, mappings: Sequence[Mapping] = ()
) -> Change:
    """What a change of questions would do; nothing is stored.

    Raises:
        AnnotationError: A mapping names something that is not there.
    """
    with workspace.read() as connection:
        return _plan(connection, projects.by_id(connection, project_id), after, mappings).change


def change_questions(
    workspace: Workspace, after: QuestionSet, *, project_id: int, actor: str, mappings: Sequence[Mapping] = ()
) -> Change:
    """The change that was made: stored with its version, and, when it breaks answers, their records asked again.

    Earlier answers are never rewritten. A mapping is applied when they are read. A breaking change takes exactly the
    answers that it touches back, to be given again; their annotators find them as drafts. Records that are flagged or
    gold, or that a lead has decided, stay as they are.

    Raises:
        AnnotationError: A mapping names something that is not there.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        return _change(connection, project, after, mappings, actor=actor, at=workspace.clock())


def _change(
    connection: Connection,
    project: Project,
    after: QuestionSet,
    mappings: Sequence[Mapping],
    *,
    actor: str,
    at: datetime,
) -> Change:
    change, again = _plan(connection, project, after, mappings)
    wordings.keep(connection, project, actor=actor, at=at)
    changed = project.model_copy(update={"questions": after})
    projects.change(connection, changed)
    wordings.keep(connection, changed, actor=actor, at=at)
    number = events.append(
        connection,
        wordings.QUESTIONS_CHANGED,
        f"project {project.id}",
        actor=actor,
        at=at,
        old_hash=wordings.questions_hash(project.questions),
        new_hash=wordings.questions_hash(after),
        detail=change.model_dump(mode="json"),
    )
    for record_id, given in again.items():
        _ask_again(connection, record_id, given, number=number, actor=actor, at=at)
    return change


class LastChange(NamedTuple):
    """The newest change of a project's questions."""

    actor: str
    at: datetime
    reasons: tuple[str, ...]
    waiting: int
    """Records that it asked again and that nobody has touched since."""


def last_change(workspace: Workspace, *, project_id: int) -> LastChange | None:
    """What `take_back_change` would take back; None when the questions were never changed."""
    with workspace.read() as connection:
        event = _newest_change(connection, project_id)
        if event is None:
            return None
        change = Change.model_validate(event.detail)
        return LastChange(event.actor, event.at, change.reasons, len(_untouched(connection, event.id)))


def take_back_change(workspace: Workspace, *, project_id: int, actor: str) -> int:
    """Ask the questions from before the newest change again; gives how many records have their answers back.

    A record that the change had asked again and that nobody has touched since is as it was. Answers that were given to
    the changed questions are treated as in every change: the opposite mappings are applied.

    Raises:
        AnnotationError: The questions were never changed.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        event = _newest_change(connection, project_id)
        before = None if event is None else wordings.questions_of(connection, project_id, event.old_hash or "")
        if event is None or before is None:
            raise AnnotationError("The questions were never changed.", hint="There is nothing to take back.")
        now = workspace.clock()
        untouched = _untouched(connection, event.id)
        opposite = _opposite(Change.model_validate(event.detail).mappings)
        _change(connection, project, before, opposite, actor=actor, at=now)
        project = projects.by_id(connection, project_id)
        for record_id, given in sorted(untouched.items()):
            claims.lock_record(connection, record_id)
            answers.give_back_answers(connection, record_id, given, project=project)
            detail = {"project": project_id, "answers": given}
            events.append(connection, "stand again", record_id, actor=actor, at=now, detail=detail)
        return len(untouched)


def _newest_change(connection: Connection, project_id: int) -> Event | None:
    log = events.about(connection, f"project {project_id}")
    return next((each for each in reversed(log) if each.kind == wordings.QUESTIONS_CHANGED), None)


def _untouched(connection: Connection, change: int) -> dict[str, list[int]]:
    """Answers that a change took back, by record, where nothing has happened since."""
    asked = {
        each.subject: (each.id, cast("list[int]", each.detail["answers"]))
        for each in events.of_kind(connection, _ASKED_AGAIN, since=change)
        if isinstance(each.detail, dict) and each.detail.get("change") == change
    }
    last = events.last_of(connection, list(asked))
    return {record_id: given for record_id, (event_id, given) in asked.items() if last[record_id] == event_id}


def _opposite(mappings: Sequence[Mapping]) -> list[Mapping]:
    """Mappings back; of options that were merged none, since nobody knows which one was meant."""
    merged = Counter((each.question, each.new) for each in mappings)
    return [
        Mapping(question=each.question, old=each.new, new=each.old)
        for each in mappings
        if merged[each.question, each.new] == 1
    ]


def _ask_again(
    connection: Connection, record_id: str, given: Sequence[Annotation], *, number: int, actor: str, at: datetime
) -> None:
    claims.lock_record(connection, record_id)
    standing = {each.id for each in register.standing(connection, record_id)}
    still = [each for each in given if each.id in standing]  # else somebody took theirs back while this was planned
    if not still or _stands_above(connection, record_id):
        return
    stored = records.get(connection, record_id)
    answers.offer_anew(connection, stored, still, priority=_AGAIN, at=at)
    detail = {"project": stored.project_id, "change": number, "answers": [each.id for each in still]}
    events.append(connection, _ASKED_AGAIN, record_id, actor=actor, at=at, detail=detail)


def set_guideline(workspace: Workspace, guideline: str, *, project_id: int, actor: str) -> None:
    """Store a new text of the guideline; answers name the one that their annotator saw."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        project = projects.by_id(connection, project_id)
        if guideline == project.guideline:
            return
        now = workspace.clock()
        wordings.keep(connection, project, actor=actor, at=now)
        changed = project.model_copy(update={"guideline": guideline})
        projects.change(connection, changed)
        wordings.keep(connection, changed, actor=actor, at=now)
        events.append(
            connection,
            "guideline",
            f"project {project_id}",
            actor=actor,
            at=now,
            old_hash=wordings.guideline_hash(project.guideline),
            new_hash=wordings.guideline_hash(guideline),
        )


class _Plan(NamedTuple):
    change: Change
    again: dict[str, list[Annotation]]
    """Answers that are taken back when the change is made, by record, ordered by record id."""


def _plan(connection: Connection, project: Project, after: QuestionSet, mappings: Sequence[Mapping]) -> _Plan:
    kind, reasons, touched = classify(project.questions, after, mappings)
    reader = Reader(connection, project.id)
    hit: list[Annotation] = []
    if touched:
        hit = [each for each in register.all_standing(connection, project.id) if _touches(reader, each, touched, after)]
    again: dict[str, list[Annotation]] = {}
    if kind is ChangeClass.BREAKING:
        lost = _without_mapped(touched, mappings)
        for each in sorted(hit, key=lambda each: (each.record_id, each.id)):
            if _touches(reader, each, lost, after):
                again.setdefault(each.record_id, []).append(each)
        for record_id in [each for each in again if _stands_above(connection, each)]:
            del again[record_id]
    change = Change(
        kind=kind,
        reasons=tuple(reasons),
        mappings=tuple(mappings),
        answers=len(hit),
        people=len({each.annotator for each in hit}),
        records=len(again),
    )
    return _Plan(change, again)


def _without_mapped(
    touched: dict[str, frozenset[str] | None], mappings: Sequence[Mapping]
) -> dict[str, frozenset[str] | None]:
    """What a change touches and no mapping saves."""
    saved = {(each.question, each.old) for each in mappings}
    left = {
        question_id: None if options is None else frozenset(one for one in options if (question_id, one) not in saved)
        for question_id, options in touched.items()
    }
    return {question_id: options for question_id, options in left.items() if options is None or options}


def _stands_above(connection: Connection, record_id: str) -> bool:
    """Whether something else than its answers says what becomes of a record: a flag, a lead, or its being gold."""
    stored = records.get(connection, record_id)
    return stored.state in (RecordState.FLAGGED, RecordState.GOLD) or events.is_decided(connection, record_id)


def _touches(reader: Reader, given: Annotation, touched: dict[str, frozenset[str] | None], after: QuestionSet) -> bool:
    """Whether an answer, read in the words of today, holds what goes or lacks what becomes required."""
    answer = reader.present(given)
    for question_id, options in touched.items():
        value = answer.value(question_id)
        if options is None:
            asked = after.by_id(question_id)
            if asked is None or answer.reject is not None or (asked.if_edited and not given.edited):
                continue
            if value is None or value in ("", ()):
                return True
            if asked.kind != "text" and any(asked.option(each) is None for each in _several(value)):
                return True
        elif value is not None and ("*" in options or options & set(_several(value))):
            return True
    return False


def _several(value: Value) -> Iterable[str]:
    return value if isinstance(value, tuple) else (str(value),)
