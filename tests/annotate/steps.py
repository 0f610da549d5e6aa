"""What annotators and leads do, one line each, on a queue of one record."""

from __future__ import annotations

from curator import Workspace
from curator.annotate import answers, queue, settings, undo
from curator.store import projects, records
from schemas.annotation import Answer, RecordState, Task
from schemas.questions import Option, Question, QuestionSet
from tests.conftest import make_record


def stock(workspace: Workspace, *, reviews: int = 1) -> str:
    """The id of the only record of the queue."""
    settings.change(workspace, project_id=1, actor="Lea", reviews_required=reviews)
    with workspace.write() as connection:
        project = projects.by_name(connection)
        [record_id] = records.add_many(connection, [make_record()], project=project, at=workspace.clock())
    assert record_id is not None
    return record_id


def take(workspace: Workspace, person: str) -> Task:
    task = queue.next_task(workspace, person, project_id=1)
    assert task is not None
    return task


def submit(workspace: Workspace, person: str, *, response: str = "A.", rating: int = 4) -> None:
    answer = Answer(response=response, rating=rating)
    answers.submit(workspace, take(workspace, person).claim, answer, annotator=person)


def flag(workspace: Workspace, person: str, note: str = "Look.") -> None:
    answers.flag(workspace, take(workspace, person).claim, Answer(response="A.", note=note), annotator=person)


def undo_last(workspace: Workspace, person: str) -> Task | None:
    return undo.undo_last(workspace, person, project_id=1)


def state(workspace: Workspace, record_id: str) -> RecordState:
    with workspace.read() as connection:
        return records.get(connection, record_id).state


def required(*values: str) -> QuestionSet:
    options = tuple(Option(value=value, label=value) for value in values)
    tone = Question(id="tone", kind="choice", title="Tone", required=True, options=options)
    return QuestionSet(questions=(*QuestionSet().questions, tone))
