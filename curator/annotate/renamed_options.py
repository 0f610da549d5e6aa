"""Reading earlier answers in the words of today: every option that was renamed or merged since is read as its new one.

Answers are never rewritten. What was renamed when stands in the log of the project.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from curator.store import Connection, events, wordings
from schemas.annotation import Annotation, Answer
from schemas.event import Kind, QuestionsChanged, of_project
from schemas.project import Project
from schemas.questions import OptionMapping, Value


class _Asked(NamedTuple):
    """Questions as they were asked from a moment on."""

    hash: str | None
    since: datetime | None
    mappings: tuple[OptionMapping, ...]
    """How answers to the questions before them are read."""


class AnswerReader:
    """Reads answers as if they had been given to the present questions of a project."""

    def __init__(self, connection: Connection, project_id: int) -> None:
        changes = events.about(connection, of_project(project_id), kinds=(Kind.QUESTIONS,))
        self._asked = [_Asked(changes[0].old_hash, None, ())] if changes else []
        for each in changes:
            self._asked.append(_Asked(each.new_hash, each.at, each.read(QuestionsChanged).mappings))

    def present(self, annotation: Annotation) -> Answer:
        """An answer in the words of today."""
        return self.present_answer(annotation.answer, annotation.questions_hash, annotation.submitted_at)

    def present_answer(self, answer: Answer, questions_hash: str | None, at: datetime) -> Answer:
        """An answer that was given at a moment; without a hash, to the questions of that moment."""
        mappings = self._since(questions_hash, at)
        if not mappings or not answer.values:
            return answer
        values = dict(answer.values)
        for mapping in mappings:
            if mapping.question in values:
                values[mapping.question] = _renamed(values[mapping.question], mapping)
        return answer.model_copy(update={"values": values})

    def value(self, annotation: Annotation, question_id: str) -> Value | None:
        """What was answered to a question, in the words of today."""
        return self.present(annotation).value(question_id)

    def _since(self, questions_hash: str | None, at: datetime) -> list[OptionMapping]:
        """Mappings made after the questions of an answer, which may have been asked in several periods."""
        fitting = [
            n
            for n, each in enumerate(self._asked)
            if questions_hash in (None, each.hash) and (each.since is None or each.since <= at)
        ]
        later = self._asked[fitting[-1] + 1 :] if fitting else []
        return [mapping for each in later for mapping in each.mappings]


def present_answers(connection: Connection, project: Project, annotations: Sequence[Annotation]) -> list[Answer]:
    """Answers in the words of today; nothing is looked up when all were given to the present questions."""
    today = wordings.questions_hash(project.questions)
    if all(each.questions_hash == today for each in annotations):
        return [each.answer for each in annotations]
    reader = AnswerReader(connection, project.id)
    return [reader.present(each) for each in annotations]


def _renamed(value: Value, mapping: OptionMapping) -> Value:
    if isinstance(value, tuple):
        return tuple(dict.fromkeys(mapping.new if each == mapping.old else each for each in value))
    return mapping.new if str(value) == mapping.old else value
