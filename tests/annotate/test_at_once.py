"""Leads and annotators who act in the same moment: nothing is lost, nobody hears of a deadlock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from sqlalchemy import text

from curator import Workspace
from curator.annotate import answers, assignment, progress, questions, queue, settings
from curator.store import annotations as annotation_store
from curator.store import claims, events, projects, records, slots
from schemas.annotation import Answer, RecordState
from schemas.event import Kind
from schemas.questions import Option, Question, QuestionSet
from tests.annotate.steps import required
from tests.conftest import make_record

PEOPLE = [f"person {n}" for n in range(6)]


def stock(workspace: Workspace, count: int) -> list[str]:
    with workspace.write() as connection:
        some = [make_record(f"Question {n}?") for n in range(count)]
        added = records.add_many(connection, some, project=projects.by_name(connection), at=workspace.clock())
    return [record_id for record_id in added if record_id is not None]


def together(*acts: Callable[[], object]) -> None:
    """Begin every act in the same moment; an error in one of them is raised."""
    gate = Barrier(len(acts))

    def begin(act: Callable[[], object]) -> object:
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(begin, acts))


def work(workspace: Workspace, person: str, count: int) -> None:
    """Answer the next records, every question of the project included."""
    for _ in range(count):
        task = queue.next_task(workspace, person, project_id=1)
        if task is None:
            return
        values = {question.id: "a" for question in task.questions.own}
        answers.submit(
            workspace, task.claim, Answer(response="A.", rating=4, values=values), annotator=person, seen=task.seen
        )


def test_everybody_gets_the_gold_record_that_is_due(workspace: Workspace) -> None:
    [gold, *_] = stock(workspace, 3)
    assignment.mark_gold(workspace, gold, Answer(response="A.", rating=5), actor="Lea")
    settings.change(workspace, project_id=1, actor="Lea", gold_every=1)
    got = []
    together(*(lambda name=name: got.append(queue.next_task(workspace, name, project_id=1)) for name in PEOPLE))
    assert [each.claim.record_id for each in got if each is not None] == [gold] * len(PEOPLE)


def test_a_setting_and_a_guideline_changed_at_once_are_both_kept(workspace: Workspace) -> None:
    for n in range(1, 11):
        together(
            lambda n=n: questions.set_guideline(workspace, f"Version {n}.", project_id=1, actor="Lea"),
            lambda n=n: settings.change(workspace, project_id=1, actor="Max", gold_every=n),
        )
        with workspace.read() as connection:
            project = projects.by_name(connection)
        assert (project.guideline, project.gold_every) == (f"Version {n}.", n)


@pytest.mark.slow
def test_questions_change_beside_people_who_answer(workspace: Workspace) -> None:
    ids = stock(workspace, 300)
    together(*(lambda name=name: work(workspace, name, 20) for name in PEOPLE))
    is_over = Event()

    def go_on(person: str) -> None:
        while not is_over.is_set():
            work(workspace, person, 1)

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        busy = [pool.submit(go_on, person) for person in PEOPLE]
        try:
            for n in range(3):
                options = (Option(value="a", label="A"), Option(value="b", label="B"))
                tone = Question(id=f"tone_{n}", kind="choice", title="Tone", required=True, options=options)
                asked = QuestionSet(questions=(*QuestionSet().questions, tone))
                questions.change_questions(workspace, asked, project_id=1, actor="Lea")
        finally:
            is_over.set()
        for each in busy:
            each.result()
    with workspace.read() as connection:
        stored = [records.get(connection, record_id).state for record_id in ids]
    by_state = progress(workspace, PEOPLE[0], project_id=1).by_state
    assert {state: stored.count(state) for state in RecordState} == by_state
    given = sum(progress(workspace, person, project_id=1).mine for person in PEOPLE)
    assert given == stored.count(RecordState.ACCEPTED)


def test_a_record_claimed_while_a_change_is_taken_back_asks_for_no_review_too_many(workspace: Workspace) -> None:
    [record_id] = stock(workspace, 1)
    work(workspace, "Ada", 1)
    questions.change_questions(workspace, required("a", "b"), project_id=1, actor="Lea")
    with ThreadPoolExecutor(1) as pool:
        with workspace.write() as connection:
            now = workspace.clock()
            projects.ensure_person(connection, "Ben", at=now)
            claim = claims.claim_next(connection, "Ben", project_id=1, now=now, until=now + workspace.lease)
            events.append(connection, Kind.CLAIM, record_id, actor="Ben", at=now)
            back = pool.submit(questions.take_back_change, workspace, project_id=1, actor="Lea")
            wait_until_it_waits(workspace, back)
        assert back.result() == 0
    with workspace.read() as connection:
        assert claims.held(connection, "Ben", project_id=1).token == claim.token
        assert slots.unanswered(connection, record_id) == 1
        assert annotation_store.standing(connection, record_id) == []
        assert records.get(connection, record_id).state is RecordState.WAITING


def wait_until_it_waits(workspace: Workspace, act: Future[int]) -> None:
    """Return once a transaction of the act waits for a lock; on SQLite it cannot even begin."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while workspace.engine.dialect.name == "postgresql" and not act.done():
        with workspace.engine.connect() as connection:
            if connection.execute(waiting).scalar():
                return
