"""Comments and questions to the lead: stored once, however often they arrive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from curator import Workspace
from curator.annotate import adjudicate, comments, queue
from curator.store import events


def test_a_comment_that_arrives_several_times_at_once_is_stored_once(stocked: Workspace) -> None:
    record_id = queue.next_task(stocked, "Ada", project_id=1).claim.record_id
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: comments.add(stocked, record_id, "Hm.", author="Ada", key="a"), range(4)))
    assert len(comments.add(stocked, record_id, "Hm.", author="Ada", key="b")) == 2
    assert len(comments.add(stocked, record_id, "Hm.", author="Lea")) == 3  # without a key each counts
    with stocked.read() as connection:
        assert [each.kind for each in events.about(connection, record_id)].count("comment") == 3


def test_a_question_to_the_lead_that_arrives_several_times_at_once_is_asked_once(stocked: Workspace) -> None:
    record_id = queue.next_task(stocked, "Ada", project_id=1).claim.record_id
    with ThreadPoolExecutor(4) as pool:
        asked = pool.map(lambda _: adjudicate.ask(stocked, record_id, "Why?", author="Ada", key="a"), range(4))
        assert len(set(asked)) == 1
    assert adjudicate.ask(stocked, record_id, "Why?", author="Ada") != adjudicate.ask(
        stocked, record_id, "Why?", author="Ada"
    )
    assert len(adjudicate.inbox(stocked, project_id=1)) == 3
