"""Facts about texts: they hold while the record's text is the one that they were counted on, and no longer."""

from __future__ import annotations

from sqlalchemy import select

from curator import Workspace
from curator.store import facts, projects, records
from curator.store.facts import Facts, Setting, Tallied
from curator.store.tables import measure, record
from schemas.annotation import RecordState
from tests.conftest import make_record

REVISIONS = {"cut-off-response": "1", "mine": "2"}


def stocked(workspace: Workspace, count: int) -> list[records.StoredRecord]:
    with workspace.write() as connection:
        some = [make_record(f"Say {n}.", f"{n}") for n in range(count)]
        records.add_many(connection, some, project=projects.by_name(connection), at=workspace.clock(), accept=True)
        return records.page(connection, 1)


def fact(stored: records.StoredRecord, *hits: str, **failed: str) -> Facts:
    return Facts(stored.id, stored.text_hash, 2, 7, 1, None, None, hits, failed)


def edit(workspace: Workspace, stored: records.StoredRecord) -> None:
    with workspace.write() as connection:
        records.set_state(connection, stored, RecordState.ACCEPTED, final=stored.content.with_response("Other."))


def test_an_edit_makes_the_facts_of_a_record_old(workspace: Workspace) -> None:
    first, second, third = stocked(workspace, 3)
    with workspace.write() as connection:
        set_id = facts.asked_id(connection, REVISIONS)
        counted = [fact(first, "mine"), fact(second, "mine", "cut-off-response"), fact(third, mine="ValueError: no")]
        facts.store(connection, counted, set_id=set_id, revisions=REVISIONS)
    edit(workspace, second)
    with workspace.read() as connection:
        assert list(connection.execute(facts.hit_by("mine", "2")).scalars()) == [first.id]
        assert list(connection.execute(facts.hit_by("mine", "1")).scalars()) == []
        assert facts.tallied(connection, 1) == [Tallied("mine", "2", hits=1, failed=1)]
        assert facts.coverage(connection, 1) == {set_id: 2}
        following = facts.next_records(connection, 1, enough=[set_id])
        assert following == [(first.id, True), (second.id, False), (third.id, True)]
        assert facts.next_records(connection, 1, enough=[set_id], after=first.id, limit=1) == [(second.id, False)]
        assert facts.examples(connection, 1, "mine", "2", most=5) == [first.id]
        assert facts.first_error(connection, 1, "mine", "2") == "ValueError: no"
        assert facts.count_uncounted(connection, 1, enough=[]) == 3
        long = select(record.c.id).join(measure, measure.c.record_id == record.c.id)
        long = long.where(facts.is_current(measure), measure.c.characters > 5)
        assert sorted(connection.execute(long).scalars()) == [first.id, third.id]


def test_an_edit_that_is_taken_back_makes_them_hold_again(workspace: Workspace) -> None:
    [only] = stocked(workspace, 1)
    with workspace.write() as connection:
        set_id = facts.asked_id(connection, REVISIONS)
        facts.store(connection, [fact(only, "mine")], set_id=set_id, revisions=REVISIONS)
    edit(workspace, only)
    with workspace.write() as connection:
        assert facts.coverage(connection, 1) == {}
        [edited] = records.page(connection, 1)
        assert edited.now.response == "Other."
        assert edited.text_hash != edited.content_hash == only.text_hash
        records.set_state(connection, edited, RecordState.WAITING, final=None)
        assert facts.coverage(connection, 1) == {set_id: 1}


def test_counting_again_takes_the_place_of_what_was_counted(workspace: Workspace) -> None:
    [only] = stocked(workspace, 1)
    with workspace.write() as connection:
        both = facts.asked_id(connection, REVISIONS)
        facts.store(connection, [fact(only, "mine")], set_id=both, revisions=REVISIONS)
        one = facts.asked_id(connection, {"cut-off-response": "1"})
        facts.store(connection, [fact(only)], set_id=one, revisions=REVISIONS)
        assert facts.asked_id(connection, dict(reversed(REVISIONS.items()))) == both
        assert facts.asked_sets(connection) == {both: REVISIONS, one: {"cut-off-response": "1"}}
        assert facts.tallied(connection, 1) == []
        assert facts.coverage(connection, 1) == {one: 1}


def test_tokens_of_another_tokenizer_do_not_count(workspace: Workspace) -> None:
    [only] = stocked(workspace, 1)
    with workspace.write() as connection:
        set_id = facts.asked_id(connection, REVISIONS)
        counted = fact(only)._replace(tokens=9, tokenizer="small")
        facts.store(connection, [counted], set_id=set_id, revisions=REVISIONS)
        assert facts.count_uncounted(connection, 1, enough=[set_id]) == 0
        assert facts.count_uncounted(connection, 1, enough=[set_id], tokenizer="small") == 0
        assert facts.count_uncounted(connection, 1, enough=[set_id], tokenizer="large") == 1


def test_the_newest_choice_and_profile_are_kept(workspace: Workspace) -> None:
    with workspace.write() as connection:
        assert facts.kept_profile(connection, 1) is None
        for level in ("error", "warning"):
            facts.choose(connection, 1, "mine", Setting(is_on=False, level=level))
            facts.keep_profile(connection, 1, {"level": level}, at=workspace.clock())
        assert facts.settings(connection, 1) == {"mine": Setting(is_on=False, level="warning")}
        kept = facts.kept_profile(connection, 1)
    assert kept is not None
    assert kept[0] == {"level": "warning"}
