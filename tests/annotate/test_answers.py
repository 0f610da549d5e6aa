"""Submitting, skipping, flagging and taking back: what each leaves in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from curator import Workspace
from curator.annotate import answers, ask_again, progress, queue, settle, undo
from curator.errors import AnnotationError, ClaimExpiredError
from curator.store import events, projects, records
from schemas.annotation import Answer, Checks, RecordState, Task
from schemas.project import Project

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(workspace: Workspace, minutes: float) -> Workspace:
    """The same workspace, with its clock at so many minutes after noon."""
    return replace(workspace, clock=lambda: START + timedelta(minutes=minutes))


def next_task(workspace: Workspace, person: str) -> Task:
    task = queue.next_task(workspace, person, project_id=1)
    assert task is not None
    return task


def good(task: Task, text: str | None = None) -> Answer:
    return Answer(response=task.record.response if text is None else text, rating=4)


def state_of(workspace: Workspace, record_id: str) -> records.StoredRecord:
    with workspace.read() as connection:
        return records.get(connection, record_id)


def test_a_submit_accepts_the_record_with_the_edited_text(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.submit(stocked, task.claim, good(task, "Better."), annotator="ada")
    stored = state_of(stocked, task.claim.record_id)
    assert stored.state is RecordState.ACCEPTED
    assert stored.final.response == "Better."
    assert stored.content.response == task.record.response
    assert next_task(stocked, "ada").claim.record_id != stored.id


def test_a_submit_that_arrives_twice_is_stored_once(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    first = answers.submit(stocked, task.claim, good(task), annotator="ada")
    second = answers.submit(stocked, task.claim, good(task), annotator="ada")
    assert second == first
    done = progress(stocked, "ada", project_id=1)
    assert (done.mine, done.by_state[RecordState.ACCEPTED], done.by_state[RecordState.WAITING]) == (1, 1, 2)


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        (Answer(response="x", rating=3), []),
        (Answer(response="x", rating=2), ["the rating 2 is below 3"]),
        (Answer(response="x", rating=5, checks=Checks(harmful=True)), ["harmful is ticked"]),
        (
            Answer(response="x", rating=1, checks=Checks(biased=True, personal_data=True)),
            ["biased is ticked", "personal data is ticked", "the rating 1 is below 3"],
        ),
    ],
)
def test_what_keeps_a_record_out(answer: Answer, reasons: list[str]) -> None:
    assert settle.reasons_to_keep_out(answer, Project(id=1, name="p", min_rating=3)) == reasons


def test_a_ticked_check_rejects_the_record(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answer = good(task).model_copy(update={"checks": Checks(unfactual=True)})
    answers.submit(stocked, task.claim, answer, annotator="ada")
    stored = state_of(stocked, task.claim.record_id)
    assert (stored.state, stored.final) == (RecordState.REJECTED, None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(response="x"), "Quality of the final text” needs an answer"),
        (Answer(response=" \n", rating=4), "response is empty"),
    ],
)
def test_an_incomplete_answer_is_refused_and_nothing_is_stored(
    stocked: Workspace, answer: Answer, problem: str
) -> None:
    task = next_task(stocked, "ada")
    with pytest.raises(AnnotationError, match=problem):
        answers.submit(stocked, task.claim, answer, annotator="ada")
    assert progress(stocked, "ada", project_id=1).mine == 0
    assert next_task(stocked, "ada").claim == task.claim


def test_undo_of_a_submit_brings_the_answer_back_as_a_draft(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.submit(stocked, task.claim, good(task, "Better."), annotator="ada")
    next_task(stocked, "ada")
    back = undo.undo_last(stocked, "ada", project_id=1)
    assert back.claim.record_id == task.claim.record_id
    assert back.draft == good(task, "Better.")
    assert next_task(stocked, "ada").claim == back.claim
    done = progress(stocked, "ada", project_id=1)
    assert (done.mine, done.by_state[RecordState.WAITING]) == (0, 3)
    again = answers.submit(stocked, back.claim, good(task, "Best."), annotator="ada")
    assert again.answer.response == "Best."
    assert state_of(stocked, again.record_id).final.response == "Best."


def test_undo_goes_back_step_by_step(stocked: Workspace) -> None:
    first = next_task(stocked, "ada")
    answers.submit(stocked, first.claim, good(first), annotator="ada")
    second = next_task(stocked, "ada")
    answers.skip(stocked, second.claim, good(second, "Half a thought"), annotator="ada")
    third = next_task(stocked, "ada")
    answers.flag(stocked, third.claim, good(third), annotator="ada")
    assert state_of(stocked, third.claim.record_id).state is RecordState.FLAGGED

    for expected in (third, second, first):
        back = undo.undo_last(stocked, "ada", project_id=1)
        assert back.claim.record_id == expected.claim.record_id
    assert undo.undo_last(stocked, "ada", project_id=1) is None
    with stocked.read() as connection:
        kinds = [event.kind for event in reversed(events.latest(connection)) if event.kind != "claim"]
    assert kinds == ["submit", "skip", "flag", "undo", "undo", "undo"]


def test_an_answer_taken_back_from_the_history_is_not_undone_again(stocked: Workspace) -> None:
    first = next_task(stocked, "ada")
    old = answers.submit(stocked, first.claim, good(first), annotator="ada")
    second = next_task(stocked, "ada")
    answers.submit(stocked, second.claim, good(second), annotator="ada")
    back = undo.reopen(stocked, old.id, annotator="ada")
    assert back.claim.record_id == first.claim.record_id
    assert undo.undo_last(stocked, "ada", project_id=1).claim.record_id == second.claim.record_id
    with pytest.raises(AnnotationError, match="cannot be taken back"):
        undo.reopen(stocked, old.id, annotator="ada")


def test_a_skipped_record_goes_to_others_and_keeps_what_was_typed(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.skip(stocked, task.claim, good(task, "Half a thought"), annotator="ada")
    assert next_task(stocked, "ada").claim.record_id != task.claim.record_id
    assert next_task(stocked, "ben").claim.record_id == task.claim.record_id
    queue.give_back(stocked, next_task(stocked, "ben").claim, annotator="ben")
    assert queue.offer_skipped(stocked, "ada", project_id=1) == 1
    queue.give_back(stocked, next_task(stocked, "ada").claim, annotator="ada")
    back = next_task(stocked, "ada")
    assert back.draft.response == "Half a thought"


def test_a_flagged_record_comes_back_when_a_lead_says_so(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.flag(stocked, task.claim, good(task), annotator="ada")
    others = {next_task(stocked, person).claim.record_id for person in ("ben", "eva")}
    assert task.claim.record_id not in others
    ask_again.unflag(stocked, task.claim.record_id, actor="lead")
    assert next_task(stocked, "ida").claim.record_id == task.claim.record_id
    with pytest.raises(AnnotationError, match="not flagged but waiting"):
        ask_again.unflag(stocked, task.claim.record_id, actor="lead")


def test_a_submit_after_the_lease_counts_while_nobody_took_the_record(stocked: Workspace) -> None:
    task = next_task(at(stocked, 0), "ada")
    late = answers.submit(at(stocked, 45), task.claim, good(task), annotator="ada")
    assert late.record_id == task.claim.record_id


def test_a_submit_after_somebody_else_took_the_record_is_kept_as_a_draft(stocked: Workspace) -> None:
    task = next_task(at(stocked, 0), "ada")
    other = next_task(at(stocked, 45), "ben")
    assert other.claim.record_id == task.claim.record_id
    with pytest.raises(ClaimExpiredError, match="kept as a draft"):
        answers.submit(at(stocked, 46), task.claim, good(task, "An hour of work"), annotator="ada")
    queue.give_back(at(stocked, 47), other.claim, annotator="ben")
    assert next_task(at(stocked, 48), "ada").draft.response == "An hour of work"


def test_undo_is_refused_while_somebody_else_holds_the_record(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.skip(stocked, task.claim, good(task), annotator="ada")
    next_task(stocked, "ben")
    with pytest.raises(AnnotationError, match="Another annotator works on this record"):
        undo.undo_last(stocked, "ada", project_id=1)


def test_two_reviewers_who_disagree_leave_the_record_in_conflict(workspace: Workspace) -> None:
    from tests.conftest import make_record

    with workspace.write() as connection:
        project = projects.by_name(connection).model_copy(update={"reviews_required": 2})
        projects.change(connection, project)
        [record_id] = records.add_many(connection, [make_record()], project=project, at=workspace.clock())
    for person, rating in (("ada", 5), ("ben", 1)):
        task = next_task(workspace, person)
        answers.submit(workspace, task.claim, Answer(response="A.", rating=rating), annotator=person)
        expected = RecordState.WAITING if person == "ada" else RecordState.CONFLICT
        assert state_of(workspace, record_id).state is expected
    assert queue.next_task(workspace, "ada", project_id=1) is None


def test_undo_of_a_skip_is_refused_once_somebody_else_has_answered(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.skip(stocked, task.claim, good(task), annotator="ada")
    taken = next_task(stocked, "ben")
    answers.submit(stocked, taken.claim, good(taken, "Ben's."), annotator="ben")
    with pytest.raises(AnnotationError, match="Another annotator"):
        undo.undo_last(stocked, "ada", project_id=1)
    stored = state_of(stocked, task.claim.record_id)
    assert (stored.state, stored.final.response) == (RecordState.ACCEPTED, "Ben's.")


def test_undo_of_a_flag_leaves_a_later_flag_of_somebody_else_alone(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.flag(stocked, task.claim, good(task), annotator="ada")
    ask_again.unflag(stocked, task.claim.record_id, actor="lead")
    taken = queue.claim_record(stocked, "ben", task.claim.record_id)
    answers.flag(stocked, taken.claim, good(taken), annotator="ben")
    with pytest.raises(AnnotationError, match="Another annotator"):
        undo.undo_last(stocked, "ada", project_id=1)
    assert state_of(stocked, task.claim.record_id).state is RecordState.FLAGGED


@pytest.mark.parametrize("act", [answers.skip, answers.flag])
def test_a_key_that_is_pressed_twice_is_one_act(stocked: Workspace, act) -> None:
    task = next_task(stocked, "ada")
    for _ in range(2):
        act(stocked, task.claim, good(task), annotator="ada")
    assert undo.undo_last(stocked, "ada", project_id=1).claim.record_id == task.claim.record_id
    assert undo.undo_last(stocked, "ada", project_id=1) is None


def test_a_flag_with_a_claim_that_was_lost_changes_nothing(stocked: Workspace) -> None:
    task = next_task(at(stocked, 0), "ada")
    taken = next_task(at(stocked, 45), "ben")
    answers.submit(at(stocked, 46), taken.claim, good(taken), annotator="ben")
    answers.flag(at(stocked, 47), task.claim, good(task), annotator="ada")
    assert state_of(stocked, task.claim.record_id).state is RecordState.ACCEPTED


def test_nobody_can_submit_with_the_claim_of_somebody_else(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    with pytest.raises(ClaimExpiredError):
        answers.submit(stocked, task.claim, good(task), annotator="ben")
    assert state_of(stocked, task.claim.record_id).state is RecordState.WAITING


def test_events_of_submit_and_undo_carry_both_hashes(stocked: Workspace) -> None:
    task = next_task(stocked, "ada")
    answers.submit(stocked, task.claim, good(task, "Better."), annotator="ada")
    undo.undo_last(stocked, "ada", project_id=1)
    with stocked.read() as connection:
        claimed, submitted, undone = events.about(connection, task.claim.record_id)
    assert (claimed.kind, claimed.old_hash) == ("claim", None)
    assert submitted.old_hash != submitted.new_hash
    assert (undone.old_hash, undone.new_hash) == (submitted.new_hash, submitted.old_hash)
