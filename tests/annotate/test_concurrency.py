"""Many people at once: real processes and threads that share one database."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import func, select

from curator import Workspace, open_workspace
from curator.annotate import answers, queue, undo
from curator.settings import Settings
from curator.store import annotations, projects, records, tallies
from curator.store.tables import slot
from schemas.annotation import Answer, RecordState
from schemas.tally import Counted, records_in
from tests.conftest import make_record

PROCESSES, THREADS = 4, 32
RECORDS, OVERLAP = 1667, 3  # 5,001 slots


class Acknowledged(NamedTuple):
    """An answer that the store said it has."""

    annotator: str
    record_id: str
    annotation_id: int


_together: Barrier


def _wait_for(barrier: Barrier) -> None:
    global _together
    _together = barrier


def _work(process: int, folder: Path, database_url: str | None) -> list[Acknowledged]:
    """What the annotators of one process did until nothing was left for them; each has a thread."""
    settings = Settings(database_url=database_url) if database_url else None
    workspace = open_workspace(folder, settings=settings)
    _together.wait()

    def annotate(annotator: str) -> list[Acknowledged]:
        done = []
        while task := queue.next_task(workspace, annotator, project_id=1):
            added = answers.submit(workspace, task.claim, Answer(response="A.", rating=4), annotator=annotator)
            done.append(Acknowledged(annotator, added.record_id, added.id))
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        each = pool.map(annotate, [f"annotator {process}-{n}" for n in range(THREADS)])
        acknowledged = [one for done in each for one in done]
    workspace.close()
    return acknowledged


@pytest.mark.slow
def test_128_annotators_in_four_processes_answer_every_slot_once(
    workspace: Workspace, database_url: str | None
) -> None:
    """Every record is answered by three different people, no answer is lost or doubled, and everybody gets work."""
    with workspace.write() as connection:
        project = projects.by_name(connection).model_copy(update={"reviews_required": OVERLAP})
        projects.change(connection, project)
        many = [make_record(f"Question {n}?") for n in range(RECORDS)]
        ids = records.add_many(connection, many, project=project, at=workspace.clock())

    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn, initializer=_wait_for, initargs=(barrier,)) as pool:
        working = [pool.submit(_work, n, workspace.folder, database_url) for n in range(PROCESSES)]
        acknowledged = [one for done in working for one in done.result()]

    with workspace.read() as connection:
        states = connection.execute(select(slot.c.state, func.count()).group_by(slot.c.state)).all()
        stored = [each for record_id in ids for each in annotations.standing(connection, record_id)]
        totals = tallies.totals(connection, project.id)

    assert [tuple(row) for row in states] == [("done", RECORDS * OVERLAP)]
    assert sorted(acknowledged) == sorted(Acknowledged(one.annotator, one.record_id, one.id) for one in stored)
    people: dict[str, set[str]] = {}
    for one in stored:
        people.setdefault(one.record_id, set()).add(one.annotator)
    assert {len(names) for names in people.values()} == {OVERLAP}
    assert (len(stored), len(people)) == (RECORDS * OVERLAP, RECORDS)

    counted = Counter(one.annotator for one in stored)
    assert {name.of: n for name, n in totals.items() if name.counted is Counted.ANSWERS} == counted
    assert (totals[records_in(RecordState.ACCEPTED)], totals[records_in(RecordState.WAITING)]) == (RECORDS, 0)
    assert len(counted) == PROCESSES * THREADS  # nobody starved: each of them got at least one record


def test_people_who_submit_and_take_back_at_once_do_not_wait_for_each_other(workspace: Workspace) -> None:
    """Both change the totals of two states; in opposite order they would lock each other out on PostgreSQL."""
    people = [f"person {n}" for n in range(8)]
    with workspace.write() as connection:
        many = [make_record(f"Question {n}?") for n in range(len(people))]
        records.add_many(connection, many, project=projects.by_name(connection), at=workspace.clock())

    def hesitate(person: str) -> None:
        task = queue.next_task(workspace, person, project_id=1)
        for _ in range(10):
            answers.submit(workspace, task.claim, Answer(response="A.", rating=4), annotator=person)
            task = undo.undo_last(workspace, person, project_id=1)

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(hesitate, people))
    with workspace.read() as connection:
        totals = tallies.totals(connection, 1)
    assert {name: n for name, n in totals.items() if n} == {records_in(RecordState.WAITING): len(people)}


def test_tabs_that_one_person_opens_at_once_show_one_record(stocked: Workspace) -> None:
    with ThreadPoolExecutor(8) as pool:
        tasks = list(pool.map(lambda _: queue.next_task(stocked, "ada", project_id=1), range(24)))
    assert {task.claim.record_id for task in tasks} == {tasks[0].claim.record_id}
    with stocked.read() as connection:
        held = connection.execute(select(func.count()).where(slot.c.state == "held")).scalar_one()
    assert held == 1


def test_an_answer_that_two_tabs_take_back_at_once_is_taken_back_once(stocked: Workspace) -> None:
    task = queue.next_task(stocked, "ada", project_id=1)
    answers.submit(stocked, task.claim, Answer(response="A.", rating=4), annotator="ada")
    with ThreadPoolExecutor(8) as pool:
        back = list(pool.map(lambda _: undo.undo_last(stocked, "ada", project_id=1), range(8)))
    assert [each.claim.record_id for each in back if each is not None] == [task.claim.record_id]
    with stocked.read() as connection:
        totals = tallies.totals(connection, 1)
    assert {name: n for name, n in totals.items() if n} == {records_in(RecordState.WAITING): 3}
