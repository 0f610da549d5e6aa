"""What a change of questions means for earlier answers: its class, its reasons, and the answers that it touches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from curator.annotate.renamed_options import AnswerReader
from curator.errors import AnnotationError
from curator.store import Connection, events, records
from curator.store import annotations as annotation_store
from schemas.annotation import Annotation, RecordState
from schemas.project import Project
from schemas.questions import Change, ChangeClass, OptionMapping, Question, QuestionSet, Value


def classify(
    before: QuestionSet, after: QuestionSet, mappings: Sequence[OptionMapping] = ()
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
        if (old.keeps_out, old.must_agree) != (new.keeps_out, new.must_agree):
            reasons.append(f"{old.id}: what keeps a record out or must agree, for records that are settled from now on")
    for new in after.questions:
        if before.by_id(new.id) is None:
            reasons.append(f"{new.id}: new{', required' if new.required else ''}")
            if new.required:
                kind = ChangeClass.BREAKING
                touched[new.id] = None
    return kind, reasons, touched


def _check_mappings(before: QuestionSet, after: QuestionSet, mappings: Sequence[OptionMapping]) -> None:
    for each in mappings:
        old, new = before.by_id(each.question), after.by_id(each.question)
        if old is None or new is None or old.option(each.old) is None or new.option(each.new) is None:
            raise AnnotationError(
                f"The mapping {each.question}: {each.old} to {each.new} names something that is not there.",
                hint="Name an old option of the present questions and an option of the new ones.",
            )


def _wording(question: Question) -> object:
    return (question.title, question.guide, question.options, question.safety)


class Plan(NamedTuple):
    """A change, and what making it would do."""

    change: Change
    again: dict[str, list[Annotation]]
    """Answers that are taken back when the change is made, by record, ordered by record id."""


def plan(connection: Connection, project: Project, after: QuestionSet, mappings: Sequence[OptionMapping]) -> Plan:
    """What a change of a project's questions would do."""
    kind, reasons, touched = classify(project.questions, after, mappings)
    reader = AnswerReader(connection, project.id)
    hit: list[Annotation] = []
    if touched:
        standing = annotation_store.all_standing(connection, project.id)
        hit = [each for each in standing if _touches(reader, each, touched, after)]
    again: dict[str, list[Annotation]] = {}
    if kind is ChangeClass.BREAKING:
        lost = _without_mapped(touched, mappings)
        for each in sorted(hit, key=lambda each: (each.record_id, each.id)):
            if _touches(reader, each, lost, after):
                again.setdefault(each.record_id, []).append(each)
        for record_id in [each for each in again if stands_above(connection, each)]:
            del again[record_id]
    change = Change(
        kind=kind,
        reasons=tuple(reasons),
        mappings=tuple(mappings),
        answers=len(hit),
        people=len({each.annotator for each in hit}),
        records=len(again),
    )
    return Plan(change, again)


def _without_mapped(
    touched: dict[str, frozenset[str] | None], mappings: Sequence[OptionMapping]
) -> dict[str, frozenset[str] | None]:
    """What a change touches and no mapping saves."""
    saved = {(each.question, each.old) for each in mappings}
    left = {
        question_id: None if options is None else frozenset(one for one in options if (question_id, one) not in saved)
        for question_id, options in touched.items()
    }
    return {question_id: options for question_id, options in left.items() if options is None or options}


def stands_above(connection: Connection, record_id: str) -> bool:
    """Whether something else than its answers says what becomes of a record: a flag, a lead, or its being gold."""
    stored = records.get(connection, record_id)
    return stored.state in (RecordState.FLAGGED, RecordState.GOLD) or events.is_decided(connection, record_id)


def _touches(
    reader: AnswerReader, given: Annotation, touched: dict[str, frozenset[str] | None], after: QuestionSet
) -> bool:
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
