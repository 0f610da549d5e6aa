"""Selection: the ids that the database returns are those of a plain filter over all records."""

from __future__ import annotations

import pytest

from curator import Workspace
from curator.annotate import answers, assignment, queue
from curator.curate.query import parse
from curator.store import facts, projects, records, selection
from schemas.annotation import Answer
from schemas.query import Sort, SortField
from tests.conftest import make_record


@pytest.fixture
def varied(workspace: Workspace) -> Workspace:
    """Twelve records: two accepted by Ada, one kept for Ben, lengths counted for all but the last two."""
    with workspace.write() as connection:
        project = projects.by_name(connection)
        added = [make_record(f"Question {n}?", "Long. " * (n % 4)) for n in range(12)]
        ids = records.add_many(connection, added, project=project, at=workspace.clock())
    for rating in (3, 5):
        task = queue.next_task(workspace, "Ada", project_id=1)
        answers.submit(workspace, task.claim, Answer(response="Yes.", rating=rating), annotator="Ada")
    assignment.assign(workspace, [ids[5]], project_id=1, actor="Lea", person="Ben")
    with workspace.write() as connection:
        set_id = facts.asked_id(connection, {"short": "1"})
        counted = [
            facts.Facts(
                each.id, each.text_hash, 2, sum(len(m.content) for m in each.now.messages), len(each.now.response),
                None, None, ("short",) if not each.now.response else (), {},
            )
            for each in records.every(connection, 1)
        ][:10]  # fmt: skip
        facts.store(connection, counted, set_id=set_id, revisions={"short": "1"})
    return workspace


def selected(workspace: Workspace, text: str) -> list[int]:
    """Keys of the records that a query means, after its count was compared with them."""
    query = parse(text)
    with workspace.read() as connection:
        ids = connection.execute(selection.statement(connection, query, 1)).scalars().all()
        assert selection.count(connection, query, 1) == len(ids)
        paged = selection.page(connection, query, 1, limit=100).ids
    keys = sorted(int(each) for each in ids)
    assert [int(each) for each in paged] == keys
    return keys


_SELECTED = [
    ("", list(range(1, 13))),
    ("state:accepted", [1, 2]),
    ("-state:accepted,rejected", list(range(3, 13))),
    ("person:Ada", [1, 2]),
    ("person:none", list(range(3, 13))),
    ("rating:>=4", [2]),
    ("-rating:>=4 person:Ada", [1]),
    ("assigned:Ben", [6]),
    ("assigned:none question", [*range(1, 6), *range(7, 13)]),
    ("id:3,99", [3]),
    ("import:none", list(range(1, 13))),
    ("import:made.jsonl", []),
    ("rule:short", [5, 9]),
    ("response:>=18", [4, 8]),
    ('"question 11" state:waiting', [12]),
    ("nowhere", []),
]


def test_conditions_and_words_select_the_records_that_they_say(varied: Workspace) -> None:
    for text, keys in _SELECTED:
        assert (text, selected(varied, text)) == (text, keys)


def test_pages_follow_each_other_in_any_order_and_turn_back(varied: Workspace) -> None:
    query = parse("-state:rejected")
    for sort in (Sort(by=by, descending=descending) for by in SortField for descending in (False, True)):
        with varied.read() as connection:
            whole = selection.page(connection, query, 1, sort=sort, limit=50)
            assert not whole.more
            turned, after = [], None
            while True:
                page = selection.page(connection, query, 1, sort=sort, after=after, limit=5)
                turned += page.ids
                if not page.more:
                    break
                after = page.cursors[-1]
            assert turned == whole.ids
            back = selection.page(connection, query, 1, sort=sort, before=whole.cursors[7], limit=5)
            assert (back.ids, back.more) == (whole.ids[2:7], True)
            first = selection.page(connection, query, 1, sort=sort, before=whole.cursors[2], limit=5)
            assert (first.ids, first.more) == (whole.ids[:2], False)
    with varied.read() as connection:
        longest = selection.page(connection, query, 1, sort=Sort(by=SortField.RESPONSE_CHARACTERS, descending=True))
    assert {int(each) for each in longest.ids[:2]} == {4, 8}
    assert [int(each) for each in longest.ids[-4:]] == [5, 9, 11, 12]  # empty, then never counted
