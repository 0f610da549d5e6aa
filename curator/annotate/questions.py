"""Questions and guidelines of a project: what a change of them means for earlier answers, and making it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from curator.access import require
from curator.annotate import answers
from curator.errors import AnnotationError
from curator.store import Connection, claims, events, projects, records, wordings
from curator.store import annotations as register
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, Answer, RecordState
from schemas.project import Project
from schemas.questions import Change, ChangeClass, Mapping, Question, QuestionSet, Value

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
        return _plan(connection, projects.by_id(connection, project_id), after, mappings)[0]


def change_questions(
    workspace: Workspace, after: QuestionSet, *, project_id: int, actor: str, mappings: Sequence[Mapping] = ()
) -> Change:
    """The change that was made: stored with its version, and, when it breaks answers, their records asked again.

    Earlier answers are never rewritten. A mapping is applied when they are read; a breaking change gives the records
    that it touches a fresh review.

    Raises:
        AnnotationError: A mapping names something that is not there.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
        project = projects.by_id(connection, project_id)
        now = workspace.clock()
        change, touched = _plan(connection, project, after, mappings)
        wordings.keep(connection, project, actor=actor, at=now)
        changed = project.model_copy(update={"questions": after})
        projects.change(connection, changed)
        wordings.keep(connection, changed, actor=actor, at=now, mappings=mappings)
        if change.kind is ChangeClass.BREAKING:
            for record_id in touched:
                stored = records.get(connection, record_id)
                kept_back = stored.state in (RecordState.FLAGGED, RecordState.GOLD)
                if not kept_back and not claims.unanswered(connection, record_id):  # else it is asked anyway
                    answers.offer_anew(connection, stored, priority=_AGAIN, at=now)
        events.append(
            connection,
            "questions",
            f"project {project_id}",
            actor=actor,
            at=now,
            old_hash=wordings.questions_hash(project.questions),
            new_hash=wordings.questions_hash(after),
            detail=change.model_dump(mode="json"),
        )
        return change


def set_guideline(workspace: Workspace, guideline: str, *, project_id: int, actor: str) -> None:
    """Store a new text of the guideline; answers name the one that their annotator saw."""
    require(workspace, actor, Right.CURATE)
    with workspace.write() as connection:
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


class Reader:
    """Reads answers as if they had been given to the present questions: every mapping since is applied."""

    def __init__(self, connection: Connection, project_id: int) -> None:
        sets = [each for each in wordings.history(connection, project_id) if each.kind == "questions"]
        self._later = {
            each.hash: [mapping for later in sets[n + 1 :] for mapping in later.mappings] for n, each in enumerate(sets)
        }

    def value(self, annotation: Annotation, question_id: str) -> Value | None:
        """What was answered to a question, in the words of today."""
        value = annotation.answer.value(question_id)
        for mapping in self._later.get(annotation.questions_hash or "", ()):
            if mapping.question != question_id or value is None:
                continue
            if isinstance(value, tuple):
                value = tuple(dict.fromkeys(mapping.new if each == mapping.old else each for each in value))
            elif str(value) == mapping.old:
                value = mapping.new
        return value


def _plan(
    connection: Connection, project: Project, after: QuestionSet, mappings: Sequence[Mapping]
) -> tuple[Change, list[str]]:
    kind, reasons, touched = classify(project.questions, after, mappings)
    hit = [each for each in register.all_standing(connection, project.id) if _touches(each.answer, touched)]
    found = list(dict.fromkeys(each.record_id for each in hit))
    change = Change(
        kind=kind,
        reasons=tuple(reasons),
        mappings=tuple(mappings),
        answers=len(hit),
        people=len({each.annotator for each in hit}),
        records=len(found) if kind is ChangeClass.BREAKING else 0,
    )
    return change, found


def _touches(answer: Answer, touched: dict[str, frozenset[str] | None]) -> bool:
    for question_id, options in touched.items():
        value = answer.value(question_id)
        if options is None:
            if value is None or value in ("", ()):
                return True
        elif value is not None and ("*" in options or options & set(_several(value))):
            return True
    return False


def _several(value: Value) -> Iterable[str]:
    return value if isinstance(value, tuple) else (str(value),)
