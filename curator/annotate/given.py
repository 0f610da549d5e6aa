"""Answers that were given elsewhere: columns of a file, one per annotator, become answers of those people.

The records must be in the project already. Each annotator takes one slot of a record, as if they had answered it here;
a record that is complete then is settled, and one on which they differ waits for a decision.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from curator.access import require
from curator.annotate import answers
from curator.annotate.columns import read_columns
from curator.annotate.questions import change_questions
from curator.errors import AnnotationError
from curator.store import Connection, claims, projects, records, wordings
from curator.store import annotations as register
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Answer
from schemas.importing import FieldMap, Format
from schemas.project import Project
from schemas.questions import Option, Question, QuestionSet

_CHUNK = 500
"""Rows per transaction."""


class Given(NamedTuple):
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
) -> Given:
    """Take over answers to one question from a file, one column per annotator.

    A question that the project does not ask yet is added as a choice between the values of the file, on which
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
        AnnotationError: A column is missing, or a value is none of the question's options.
        IngestError: The file cannot be read.
    """
    require(workspace, actor, Right.CURATE)
    lines = list(read_columns(file, set(annotators.values()), format=format, field_map=field_map))
    with workspace.read() as connection:
        owner = projects.by_name(connection, project)
    asked = owner.questions.by_id(question)
    used = sorted({value for line in lines for value in line.cells.values()})
    if asked is None:
        asked = _question(question, used)
        extended = QuestionSet(questions=(*owner.questions.questions, asked))
        change_questions(workspace, extended, project_id=owner.id, actor=actor)
        owner = owner.model_copy(update={"questions": extended})
    unknown_values = [value for value in used if asked.option(value) is None]
    if unknown_values:
        raise AnnotationError(
            f"Question {question} has no option {unknown_values[0]}.", hint="Add the option, or correct the column."
        )
    matched = stored = already = 0
    touched: set[str] = set()
    pending = iter(lines)
    while chunk := list(islice(pending, _CHUNK)):
        with workspace.write() as connection:
            known = records.of_hash(connection, owner.id, {line.key for line in chunk})
            for line in chunk:
                record_id = known.get(line.key)
                if record_id is None:
                    continue
                matched += 1
                touched.add(record_id)
                for person, column in annotators.items():
                    if column in line.cells:
                        values = {question: line.cells[column]}
                        added = _give(connection, workspace, owner, record_id, person, values)
                        stored, already = stored + added, already + (not added)
    given = sum(column in line.cells for line in lines for column in annotators.values())
    with workspace.read() as connection:
        in_conflict = sum(records.get(connection, each).state.value == "conflict" for each in touched)
    return Given(
        rows=len(lines),
        matched=matched,
        unknown=len(lines) - matched,
        answers=stored,
        already=already,
        empty=len(lines) * len(annotators) - given,
        conflicts=in_conflict,
    )


def _question(question_id: str, values: list[str]) -> Question:
    options = tuple(Option(value=value, label=value.replace("_", " ")) for value in values)
    title = question_id.replace("_", " ").capitalize()
    return Question(id=question_id, kind="choice", title=title, options=options, must_agree=True)


def _give(
    connection: Connection,
    workspace: Workspace,
    project: Project,
    record_id: str,
    person: str,
    values: dict[str, str],
) -> bool:
    """Store one person's answer on a record; False when they answered it before."""
    now = workspace.clock()
    stored = records.get(connection, record_id)
    if any(each.annotator == person for each in register.standing(connection, record_id)):
        return False
    projects.ensure_person(connection, person, at=now)
    until = now + workspace.lease
    claim = claims.claim_record(connection, person, record_id, now=now, until=until)
    if claim is None:  # every slot is taken: theirs is one more
        claim = claims.open_for(connection, person, record_id, project_id=project.id, now=now, until=until)
    claims.close(connection, claim.token, annotator=person)
    context = register.AnswerContext(
        questions_hash=wordings.questions_hash(project.questions),
        guideline_hash=wordings.guideline_hash(project.guideline),
        edited=False,
    )
    answers.keep(
        connection,
        stored,
        project,
        Answer(response=stored.content.response, values=dict(values)),
        annotator=person,
        slot_id=claim.slot_id,
        claim_token=secrets.token_urlsafe(16),
        at=now,
        context=context,
        event="given",
    )
    return True
