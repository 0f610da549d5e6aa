"""A claim's token is the right of one person: others cannot answer, renew, give back or read with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curator import Workspace
from curator.annotate import adjudicate, answers, comments, queue
from curator.errors import AccessError, ClaimExpiredError, NotFoundError
from curator.store import accounts, annotations, claims, events, projects, records
from schemas.account import Role
from schemas.annotation import Answer, Claim
from tests.annotate.steps import state, stock, submit, take
from tests.conftest import make_record


def held(workspace: Workspace, person: str) -> Claim | None:
    with workspace.read() as connection:
        return claims.held(connection, person, project_id=1)


def test_a_token_of_another_annotator_changes_nothing(workspace: Workspace) -> None:
    record_id = stock(workspace)
    claim = take(workspace, "Ada").claim
    before = held(workspace, "Ada")
    assert not queue.renew(workspace, claim, annotator="Ben")
    assert not queue.give_back(workspace, claim, annotator="Ben")
    with pytest.raises(ClaimExpiredError, match="never given to you"):
        answers.save_draft(workspace, claim, Answer(response="Ben's."), annotator="Ben")
    answers.skip(workspace, claim, Answer(response="Ben's."), annotator="Ben")
    answers.flag(workspace, claim, Answer(response="Ben's.", note="Look."), annotator="Ben")
    with pytest.raises(ClaimExpiredError):
        answers.submit(workspace, claim, Answer(response="Ben's.", rating=5), annotator="Ben")
    assert held(workspace, "Ada") == before
    assert state(workspace, record_id) == "waiting"
    answers.submit(workspace, claim, Answer(response="A.", rating=4), annotator="Ada")
    with workspace.read() as connection:
        assert [each.annotator for each in annotations.standing(connection, record_id)] == ["Ada"]
        assert annotations.draft_of(connection, record_id, "Ben") is None
        assert {event.actor for event in events.about(connection, record_id)} == {"Ada"}


@pytest.mark.parametrize("record_id", ["gone", "0" * 32])
def test_a_record_that_is_not_there_is_named_whatever_is_done_with_it(workspace: Workspace, record_id: str) -> None:
    stock(workspace)
    claim = take(workspace, "Ada").claim.model_copy(update={"record_id": record_id})
    answer = Answer(response="Typed.", rating=4)
    for act in (answers.save_draft, answers.submit, answers.skip, answers.flag):
        with pytest.raises(NotFoundError, match=record_id):
            act(workspace, claim, answer, annotator="Ada")


def test_a_text_is_kept_on_any_record_that_its_annotator_had_however_they_came_to_it(workspace: Workspace) -> None:
    record_id = stock(workspace)
    opened = queue.claim_record(workspace, "Lea", record_id)  # from the page of the record, not by the queue
    assert opened is not None
    queue.give_back(workspace, opened.claim, annotator="Lea")
    take(workspace, "Ada")
    late = answers.save_draft(workspace, opened.claim, Answer(response="Typed."), annotator="Lea")
    assert (late.is_mine, late.is_kept) == (False, True)


def test_below_a_lead_remarks_are_for_records_that_their_author_had(workspace: Workspace) -> None:
    record_id = stock(workspace)
    with workspace.write() as connection:
        for name, role in (("Lea", Role.LEAD), ("Ada", Role.ANNOTATOR), ("Ben", Role.ANNOTATOR)):
            accounts.make(connection, name, role=role, at=workspace.clock())
            accounts.set_password(connection, name, "a hash that fits no password")
    served = replace(workspace, is_served=True)
    submit(served, "Ada")
    for author in ("Lea", "Ada"):
        comments.add(served, record_id, "Why?", author=author)
        adjudicate.ask(served, record_id, "Why?", author=author)
    for remark in (comments.add, adjudicate.ask):
        with pytest.raises(AccessError, match="never given to you"):
            remark(served, record_id, "What did they say?", author="Ben")


def test_a_record_is_read_only_with_the_token_of_a_claim_on_it(workspace: Workspace) -> None:
    stock(workspace)
    task = take(workspace, "Ada")
    assert queue.record_of(workspace, task.claim, annotator="Ada") == task.record
    for claim, person in ((task.claim, "Ben"), (task.claim.model_copy(update={"token": "made up"}), "Ada")):
        with pytest.raises(ClaimExpiredError):
            queue.record_of(workspace, claim, annotator=person)


def test_a_draft_with_the_token_of_an_answer_of_another_annotator_tells_nothing_about_it(workspace: Workspace) -> None:
    stock(workspace)
    claim, answer = take(workspace, "Ada").claim, Answer(response="A.", rating=4)
    answers.submit(workspace, claim, answer, annotator="Ada")
    queue.claim_record(workspace, "Ben", claim.record_id)  # there is nothing to claim, so this is not theirs either
    for guess in (answer, Answer(response="B.")):
        with pytest.raises(ClaimExpiredError, match="never given to you"):
            answers.save_draft(workspace, claim, guess, annotator="Ben")


def test_the_text_of_a_draft_is_kept_after_the_claim_is_lost_and_not_after_its_own_submit(workspace: Workspace) -> None:
    stock(workspace)
    claim, text = take(workspace, "Ada").claim, Answer(response="Typed.")
    first = answers.save_draft(workspace, claim, text, annotator="Ada")
    assert (first.is_mine, first.is_kept) == (True, True)
    queue.give_back(workspace, claim, annotator="Ada")
    late = answers.save_draft(workspace, claim, Answer(response="Typed on."), annotator="Ada")
    assert (late.is_mine, late.is_kept) == (False, True)
    again = take(workspace, "Ada").claim
    answers.submit(workspace, again, Answer(response="Typed on.", rating=4), annotator="Ada")
    after = answers.save_draft(workspace, again, Answer(response="Typed o"), annotator="Ada")
    assert (after.is_mine, after.is_kept, after.saved_at) == (False, False, None)


def test_a_token_answers_no_other_record_and_no_other_slot(workspace: Workspace) -> None:
    first = stock(workspace)
    with workspace.write() as connection:
        project = projects.by_name(connection)
        [second] = records.add_many(connection, [make_record("Other?")], project=project, at=workspace.clock())
    claim = take(workspace, "Ada").claim
    other = second if claim.record_id == first else first
    answer = Answer(response="A.", rating=4)
    with pytest.raises(ClaimExpiredError):
        answers.submit(workspace, claim.model_copy(update={"record_id": other}), answer, annotator="Ada")
    assert answers.submit(workspace, claim.model_copy(update={"slot_id": 4711}), answer, annotator="Ada")
    with workspace.read() as connection:
        assert annotations.standing(connection, other) == []
        [annotation] = annotations.standing(connection, claim.record_id)
        assert annotations.get(connection, annotation.id)[1] == claim.slot_id
