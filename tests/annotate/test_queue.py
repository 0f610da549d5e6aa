"""Claims: one holder at a time, and no record is lost when a holder goes away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from curator import Workspace
from curator.annotate import answers, queue
from curator.store import projects, records
from schemas.annotation import Answer
from tests.conftest import make_record

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(workspace: Workspace, minutes: float) -> Workspace:
    return replace(workspace, clock=lambda: START + timedelta(minutes=minutes))


def test_a_reload_gives_the_same_record(stocked: Workspace) -> None:
    assert queue.next_task(stocked, "ada", project_id=1) == queue.next_task(stocked, "ada", project_id=1)


def test_a_higher_priority_comes_first(stocked: Workspace) -> None:
    with stocked.write() as connection:
        project = projects.by_name(connection)
        urgent = make_record("Urgent?", "Yes.")
        [urgent_id] = records.add_many(connection, [urgent], project=project, at=stocked.clock(), priority=5)
    assert queue.next_task(stocked, "ada", project_id=1).claim.record_id == urgent_id


def test_a_lease_that_ran_out_gives_the_record_to_the_next(stocked: Workspace) -> None:
    first = queue.next_task(at(stocked, 0), "ada", project_id=1)
    assert queue.next_task(at(stocked, 29), "ben", project_id=1).claim.record_id != first.claim.record_id
    assert queue.next_task(at(stocked, 31), "eva", project_id=1).claim.record_id == first.claim.record_id
    assert not queue.renew(at(stocked, 31), first.claim, annotator="ada")


def test_a_sign_of_life_keeps_the_record(stocked: Workspace) -> None:
    first = queue.next_task(at(stocked, 0), "ada", project_id=1)
    assert queue.renew(at(stocked, 20), first.claim, annotator="ada")
    assert queue.next_task(at(stocked, 45), "ben", project_id=1).claim.record_id != first.claim.record_id


def test_an_empty_queue_says_why(stocked: Workspace) -> None:
    now = at(stocked, 0)
    mine = queue.next_task(now, "ada", project_id=1)
    answers.submit(now, mine.claim, Answer(response="A.", rating=4), annotator="ada")
    skipped = queue.next_task(now, "ada", project_id=1)
    answers.skip(now, skipped.claim, Answer(response="A."), annotator="ada")
    queue.next_task(now, "ben", project_id=1)
    queue.next_task(now, "eva", project_id=1)
    assert queue.next_task(now, "ada", project_id=1) is None
    why = queue.why_empty(now, "ada", project_id=1)
    assert (why.held_by_others, why.next_free) == (2, START + timedelta(minutes=30))
    assert queue.why_empty(at(stocked, 40), "ada", project_id=1).skipped == 1


def test_no_two_people_ever_hold_the_same_record(workspace: Workspace) -> None:
    """Eight people on their own threads work a queue empty; every record is answered by exactly one of them."""
    with workspace.write() as connection:
        project = projects.by_name(connection)
        many = [make_record(f"Question {n}?") for n in range(120)]
        records.add_many(connection, many, project=project, at=workspace.clock())

    def work(person: str) -> list[str]:
        done = []
        while task := queue.next_task(workspace, person, project_id=1):
            answers.submit(workspace, task.claim, Answer(response="A.", rating=4), annotator=person)
            done.append(task.claim.record_id)
        return done

    with ThreadPoolExecutor(8) as pool:
        answered = [record_id for done in pool.map(work, [f"person {n}" for n in range(8)]) for record_id in done]
    assert len(answered) == 120
    assert len(set(answered)) == 120
