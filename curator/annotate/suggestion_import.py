"""Suggestions of models and rules: a column of a file becomes what is proposed for a question."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import NamedTuple

from curator.access import require
from curator.annotate.answer_columns import read_columns, value_of
from curator.errors import AnnotationError
from curator.store import events, projects, records, suggestions
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Suggestion
from schemas.event import Kind, of_project
from schemas.importing import FieldMap, Format
from schemas.questions import Question

_CHUNK = 500
"""Rows per transaction."""


class ImportedSuggestions(NamedTuple):
    """What came of a file of suggestions; `rows = stored + unknown + empty`."""

    rows: int
    stored: int
    unknown: int
    """Rows whose record is not in the project."""
    empty: int


def import_suggestions(
    workspace: Workspace,
    file: Path,
    *,
    question: str,
    column: str,
    source: str,
    actor: str,
    score_column: str | None = None,
    format: Format | None = None,
    field_map: FieldMap | None = None,
    project: str | None = None,
) -> ImportedSuggestions:
    """Store what a source proposes for one question; an earlier proposal of the same source is replaced.

    Args:
        workspace: Where the records are.
        file: The file that the records came from, or one with the same texts.
        question: Id of the question.
        column: Holds the value of an option; several options with commas.
        source: Who proposes, as annotators will read it.
        actor: Who imports.
        score_column: Holds how sure the source is, from 0 to 1.
        format: By default recognised.
        field_map: Columns whose names differ from those of the format.
        project: By default the first one.

    Raises:
        AnnotationError: The question, an option or a column is not there, or a score is not a number from 0 to 1.
        IngestError: The file cannot be read.
    """
    require(workspace, actor, Right.CURATE)
    with workspace.read() as connection:
        owner = projects.by_name(connection, project)
    asked = owner.questions.by_id(question)
    if asked is None:
        raise AnnotationError(f"The project asks no question {question}.", hint="Add it under Project first.")
    columns = [column] if score_column is None else [column, score_column]
    lines = list(read_columns(file, columns, format=format, field_map=field_map))
    proposed = [
        (line.key, _suggestion(asked, line.cells[column], source, line.cells.get(score_column or "")))
        for line in lines
        if column in line.cells
    ]
    stored = 0
    pending = iter(proposed)
    while chunk := list(islice(pending, _CHUNK)):
        with workspace.write() as connection:
            known = records.of_hash(connection, owner.id, {key for key, _ in chunk})
            fitting = [(known[key], each) for key, each in chunk if key in known]
            stored += suggestions.add_many(connection, fitting, at=workspace.clock())
    with workspace.write() as connection:
        detail = {"question": question, "source": source, "stored": stored}
        events.append(
            connection, Kind.SUGGESTIONS, of_project(owner.id), actor=actor, at=workspace.clock(), detail=detail
        )
    return ImportedSuggestions(len(lines), stored, len(proposed) - stored, len(lines) - len(proposed))


def _suggestion(question: Question, text: str, source: str, score: str | None) -> Suggestion:
    value = value_of(question, text)
    try:
        sure = None if score is None else float(score)
    except ValueError:
        sure = -1.0
    if sure is not None and not 0 <= sure <= 1:
        raise AnnotationError(f"The score {score} is not a number from 0 to 1.", hint="Correct the column.")
    return Suggestion(question=question.id, value=value, source=source, score=sure)
