"""What a change of questions means for earlier answers: its class, its reasons, and the answers that it touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from curator.annotate.renamed_options import AnswerReader
from curator.errors import AnnotationError
from curator.store import Connection, events, records
from curator.store import annotations as annotation_store
from schemas.annotation import Annotation, RecordState
from schemas.project import Project
from schemas.questions import Change, ChangeClass, OptionMapping, Question, QuestionSet, Value


class Difference(NamedTuple):
    """One way in which the questions differ from earlier ones, and the earlier answers that it touches."""

    question: str
    """Its id."""
    kind: ChangeClass
    reason: str
    """In words, without the question."""
    options: frozenset[str] = frozenset()
    """It touches answers that chose one of these."""
    every_answer: bool = False
    """It touches every answer to the question."""
    needs_answer: bool = False
    """It touches answers that leave the question open, or hold nothing that the new question takes."""

    @property
    def text(self) -> str:
        """In words.

        Example:
            >>> Difference("tone", ChangeClass.BREAKING, "newly required", needs_answer=True).text
            'tone: newly required'
        """
        return f"{self.question}: {self.reason}"


def differences(
    before: QuestionSet, after: QuestionSet, mappings: Sequence[OptionMapping] = ()
) -> tuple[Difference, ...]:
    """Every way in which questions differ from earlier ones, in the order of the questions.

    Raises:
        AnnotationError: A mapping names something that is not there.
    """
    _check_mappings(before, after, mappings)
    listed: list[Difference] = []
    for old in before.questions:
        new = after.by_id(old.id)
        listed += _of_removed(old, new) if new is None or new.kind != old.kind else _of_changed(old, new, mappings)
    for new in after.questions:
        if before.by_id(new.id) is None:
            kind = ChangeClass.BREAKING if new.required else ChangeClass.COMPATIBLE
            reason = "new, required" if new.required else "new"
            listed.append(Difference(new.id, kind, reason, needs_answer=new.required))
    return tuple(listed)


def _of_removed(old: Question, new: Question | None) -> Iterator[Difference]:
    reason = "removed" if new is None else f"was {old.kind}, is {new.kind}"
    options = frozenset(option.value for option in old.options)
    yield Difference(old.id, ChangeClass.BREAKING, reason, options=options, every_answer=not options)


def _of_changed(old: Question, new: Question, mappings: Sequence[OptionMapping]) -> Iterator[Difference]:
    mapped = {each.old: each.new for each in mappings if each.question == old.id}
    for value in (option.value for option in old.options if new.option(option.value) is None):
        kind = ChangeClass.MAPPING if value in mapped else ChangeClass.BREAKING
        reason = f"option {value} is read as {mapped[value]}" if value in mapped else f"option {value} is removed"
        yield Difference(old.id, kind, reason, options=frozenset({value}))
    if new.required and not old.required:
        yield Difference(old.id, ChangeClass.BREAKING, "newly required", needs_answer=True)
    if _wording(old) != _wording(new):
        yield Difference(old.id, ChangeClass.COMPATIBLE, "wording, order, keys or new options")
    if (old.keeps_out, old.must_agree) != (new.keeps_out, new.must_agree):
        reason = "what keeps a record out or must agree, for records that are settled from now on"
        yield Difference(old.id, ChangeClass.COMPATIBLE, reason)


def class_of(differences: Sequence[Difference]) -> ChangeClass:
    """How a change is classed: as the gravest of its differences.

    Example:
        >>> class_of([])
        <ChangeClass.COMPATIBLE: 'compatible'>
    """
    order = list(ChangeClass)
    return max((each.kind for each in differences), key=order.index, default=ChangeClass.COMPATIBLE)


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


class TakenBack(NamedTuple):
    """Answers on one record that are taken back when a change is made."""

    record_id: str
    annotations: tuple[Annotation, ...]


class Plan(NamedTuple):
    """A change, and what making it would do."""

    change: Change
    taken_back: tuple[TakenBack, ...]
    """Ordered by record id."""


def plan(connection: Connection, project: Project, after: QuestionSet, mappings: Sequence[OptionMapping]) -> Plan:
    """What a change of a project's questions would do."""
    listed = differences(project.questions, after, mappings)
    reader = AnswerReader(connection, project.id)
    touching = [each for each in listed if each.options or each.every_answer or each.needs_answer]
    touched: list[Annotation] = []
    if touching:
        standing = annotation_store.all_standing(connection, project.id)
        touched = [each for each in standing if _is_touched(each, reader, touching, after, mappings)]
    breaking = [each for each in touching if each.kind is ChangeClass.BREAKING]
    lost = [each for each in touched if _is_touched(each, reader, breaking, after, mappings)]
    taken_back = []
    for record_id, group in groupby(sorted(lost, key=_place), key=lambda each: each.record_id):
        if not stands_above(connection, record_id):
            taken_back.append(TakenBack(record_id, tuple(group)))
    change = Change(
        kind=class_of(listed),
        reasons=tuple(each.text for each in listed),
        mappings=tuple(mappings),
        answers=len(touched),
        people=len({each.annotator for each in touched}),
        records=len(taken_back),
    )
    return Plan(change, tuple(taken_back))


def _place(annotation: Annotation) -> tuple[str, int]:
    return annotation.record_id, annotation.id


def stands_above(connection: Connection, record_id: str) -> bool:
    """Whether a flag, a lead or its being gold says what becomes of a record, and not its answers."""
    stored = records.get(connection, record_id)
    return stored.state in (RecordState.FLAGGED, RecordState.GOLD) or events.is_decided(connection, record_id)


def _is_touched(
    annotation: Annotation,
    reader: AnswerReader,
    touching: Sequence[Difference],
    after: QuestionSet,
    mappings: Sequence[OptionMapping],
) -> bool:
    """Whether an answer, read in the words of today, is touched by one of these differences."""
    answer = reader.present(annotation)
    for difference in touching:
        value = answer.value(difference.question)
        if value is not None and (difference.every_answer or difference.options & set(_several(value))):
            return True
        question = after.by_id(difference.question) if difference.needs_answer else None
        if question is None or answer.reject is not None or (question.if_edited and not annotation.edited):
            continue
        if value is None or value in ("", ()):
            return True
        mapped = {each.old for each in mappings if each.question == question.id}
        if question.kind != "text" and any(
            question.option(one) is None for one in _several(value) if one not in mapped
        ):
            return True
    return False


def _several(value: Value) -> Iterable[str]:
    return value if isinstance(value, tuple) else (str(value),)
