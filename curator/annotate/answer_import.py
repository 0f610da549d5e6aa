"""Answers that were given elsewhere: columns of a file, one per annotator, become answers of those people.

The records must be in the project already. An answer that judges the record, such as a rating, takes one of its
slots, as if it had been given here. One that speaks of a single other question is kept beside the reviews that the
record still needs. A record on which annotators differ waits for a decision.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from curator.access import require
from curator.annotate import answers
from curator.annotate.answer_columns import option_name, read_columns, value_of
from curator.annotate.questions import change_questions
from curator.annotate.settle import judges_the_record
from curator.errors import AnnotationError
from curator.store import Connection, claims, locks, projects, records, wordings
from curator.store import annotations as annotation_store
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Answer, Checks, RecordState
from schemas.event import Kind
from schemas.importing import FieldMap, Format
from schemas.project import Project
from schemas.questions import CHECKS, EDIT_REASONS, NOTE, RATING, Option, Question, QuestionSet, Value
from schemas.record import Record

_CHUNK = 500
"""Rows per transaction."""


class ImportedAnswers(NamedTuple):
    """What came of a file of answers; `rows = matched + unknown`."""

    rows: int
    matched: int
    """Rows whose record is in the project."""
    unknown: int
    answers: int
    """Answers that were stored."""
    already: int
    """Answers that their annotator had given before; nothing was changed."""
    empty: int
    """Cells without an answer."""
    conflicts: int
    """Records that wait for a decision now."""


def import_answers(
    workspace: Workspace,
    file: Path,
    *,
    question: str,
    annotators: Mapping[str, str],
    actor: str,
    format: Format | None = None,
    field_map: FieldMap | None = None,
    project: str | None = None,
) -> ImportedAnswers:
    """Take over answers to one question from a file, one column per annotator.

    A question that the project does not ask yet is added as a choice between the texts of the file, on which
    annotators must agree. Running it again changes nothing.

    Args:
        workspace: Where the records are.
        file: The file that the records came from, or one with the same texts.
        question: Id of the question.
        annotators: Name of each annotator and their column.
        actor: Who imports.
        format: By default recognised.
        field_map: Columns whose names differ from those of the format.
        project: By default the first one.

    Raises:
        AnnotationError: A column is missing, a text is none of the question's options, or a new question would have
            only one.
        IngestError: The file cannot be read.
    """
    require(workspace, actor, Right.CURATE)
    lines = list(read_columns(file, set(annotators.values()), format=format, field_map=field_map))
    texts = sorted({text for line in lines for text in line.cells.values()})
    asking = _asking(workspace, project, question, texts, actor=actor)
    values = {text: value_of(asking.question, text) for text in texts}
    matched = stored = already = 0
    touched: set[str] = set()
    pending = iter(lines)
    while chunk := list(islice(pending, _CHUNK)):
        with workspace.write() as connection:
            known = records.of_hash(connection, asking.project.id, {line.key for line in chunk})
            fitting = sorted((known[line.key], line) for line in chunk if line.key in known)
            matched += len(fitting)
            for record_id, line in fitting:  # all who lock several records do so in this order
                touched.add(record_id)
                for person, column in annotators.items():
                    if column in line.cells:
                        value = values[line.cells[column]]
                        is_new = _give(connection, workspace, asking, record_id, person, value)
                        stored, already = stored + is_new, already + (not is_new)
    cells = sum(column in line.cells for line in lines for column in annotators.values())
    with workspace.read() as connection:
        conflicts = sum(records.get(connection, each).state is RecordState.CONFLICT for each in touched)
    return ImportedAnswers(
        rows=len(lines),
        matched=matched,
        unknown=len(lines) - matched,
        answers=stored,
        already=already,
        empty=len(lines) * len(annotators) - cells,
        conflicts=conflicts,
    )


class _Asking(NamedTuple):
    """A project, and the question of it that the file answers."""

    project: Project
    question: Question


def _asking(workspace: Workspace, name: str | None, question_id: str, texts: list[str], *, actor: str) -> _Asking:
    """Add the question to the project, unless it is asked already. Returns both."""
    with workspace.read() as connection:
        project = projects.by_name(connection, name)
    question = project.questions.by_id(question_id)
    if question is not None:
        return _Asking(project, question)
    question = _question(question_id, texts)
    extended = QuestionSet(questions=(*project.questions.questions, question))
    change_questions(workspace, extended, project_id=project.id, actor=actor)
    return _Asking(project.model_copy(update={"questions": extended}), question)


def _question(question_id: str, texts: list[str]) -> Question:
    labels: dict[str, str] = {}
    for text in texts:
        labels.setdefault(option_name(text), text.replace("_", " "))
    if len(labels) < 2 or "" in labels:
        raise AnnotationError(
            f"The columns hold {', '.join(texts) or 'nothing'}, too few options for a choice.",
            hint=f"Add the question {question_id} under Project first, with all its options.",
        )
    options = tuple(Option(value=value, label=label) for value, label in labels.items())
    title = question_id.replace("_", " ").capitalize()
    return Question(id=question_id, kind="choice", title=title, options=options, must_agree=True)


def _give(
    connection: Connection,
    workspace: Workspace,
    asking: _Asking,
    record_id: str,
    person: str,
    value: Value,
) -> bool:
    """Store one person's answer on a record, unless they answered it before. Returns whether it was stored."""
    project = asking.project
    now = workspace.clock()
    locks.lock_record(connection, record_id)
    stored = records.get(connection, record_id)
    if any(each.annotator == person for each in annotation_store.standing(connection, record_id)):
        return False
    projects.ensure_person(connection, person, at=now)
    until = now + workspace.lease
    answer = _answer(stored.content, asking.question, value)
    claim = None
    if judges_the_record(answer, project.questions):
        claim = claims.claim_record(connection, person, record_id, now=now, until=until)
    if claim is None:  # theirs is one more: every slot is taken, or kept for an annotator who judges the record
        claim = claims.open_for(connection, person, record_id, project_id=project.id, now=now, until=until)
    claims.close(connection, claim, annotator=person)
    context = annotation_store.AnswerContext(
        questions_hash=wordings.questions_hash(project.questions),
        guideline_hash=wordings.guideline_hash(project.guideline),
        edited=False,
    )
    answers.keep(
        connection,
        stored,
        project,
        answer,
        annotator=person,
        slot_id=claim.slot_id,
        claim_token=secrets.token_urlsafe(16),
        at=now,
        context=context,
        kind=Kind.GIVEN,
    )
    return True


def _answer(record: Record, asked: Question, value: Value) -> Answer:
    """An answer to one question, about the response as it is."""
    plain = Answer(response=record.response)
    if asked.id == CHECKS:
        ticked = value if isinstance(value, tuple) else ()
        return plain.model_copy(update={"checks": Checks(**dict.fromkeys(ticked, True))})
    if asked.id in (RATING, EDIT_REASONS, NOTE):
        return plain.model_copy(update={asked.id: value})
    return plain.model_copy(update={"values": {asked.id: value}})
