"""What an annotator does after a lead acted, and the other way round: neither undoes the other, counts stay right."""

from __future__ import annotations

import pytest

from curator import Workspace
from curator.annotate import (
    adjudicate,
    answers,
    ask_again,
    assignment,
    progress,
    questions,
    queue,
    settings,
    undo,
)
from curator.errors import AnnotationError, AnsweredElsewhereError, ClaimExpiredError
from curator.store import annotations, events, projects, records, wordings
from schemas.annotation import Answer, RecordState
from schemas.questions import QuestionSet
from tests.annotate.steps import flag, required, state, stock, submit, take, undo_last
from tests.conftest import make_record

LEAD = Answer(response="As the lead says.", rating=5)


def test_an_answer_that_a_lead_sent_back_is_not_taken_back_a_second_time(workspace: Workspace) -> None:
    record_id = stock(workspace)
    submit(workspace, "Ada")
    ask_again.send_back(workspace, record_id, reason="Too short.", actor="Lea")
    assert undo_last(workspace, "Ada") is None
    done = progress(workspace, "Ada", project_id=1)
    assert (done.mine, done.mine_today, done.by_state[RecordState.WAITING]) == (0, 0, 1)
    assert take(workspace, "Ada").draft == Answer(response="A.", rating=4)


def test_an_answer_that_a_breaking_change_took_back_is_not_counted_away_twice(workspace: Workspace) -> None:
    stock(workspace)
    submit(workspace, "Ada")
    questions.change_questions(workspace, required("kind", "rude"), project_id=1, actor="Lea")
    assert undo_last(workspace, "Ada") is None
    assert progress(workspace, "Ada", project_id=1).mine == 0


def test_a_decision_is_undone_by_no_annotator(workspace: Workspace) -> None:
    record_id = stock(workspace, reviews=2)
    submit(workspace, "Ada", rating=5)
    submit(workspace, "Ben", rating=1)
    adjudicate.decide(workspace, record_id, LEAD, actor="Lea")
    with pytest.raises(AnnotationError, match="lead has decided"):
        undo_last(workspace, "Ada")
    [mine] = answers.history(workspace, "Ada", project_id=1)
    with pytest.raises(AnnotationError, match="lead has decided"):
        undo.reopen(workspace, mine.annotation.id, annotator="Ada")
    assert state(workspace, record_id) is RecordState.ACCEPTED
    assert progress(workspace, "Ada", project_id=1).mine == 1


def test_a_decision_on_a_flagged_record_is_undone_by_no_annotator(workspace: Workspace) -> None:
    record_id = stock(workspace)
    flag(workspace, "Ada")
    adjudicate.decide(workspace, record_id, LEAD, actor="Lea")
    with pytest.raises(AnnotationError, match="lead has decided"):
        undo_last(workspace, "Ada")
    assert state(workspace, record_id) is RecordState.ACCEPTED


def test_a_flag_on_what_became_gold_is_no_way_out_of_gold(workspace: Workspace) -> None:
    record_id = stock(workspace)
    flag(workspace, "Ada")
    assignment.mark_gold(workspace, record_id, LEAD, actor="Lea")
    with pytest.raises(AnnotationError):
        undo_last(workspace, "Ada")
    assert state(workspace, record_id) is RecordState.GOLD


def test_a_flag_on_a_gold_record_is_a_question_and_it_stays_gold(workspace: Workspace) -> None:
    record_id = stock(workspace)
    settings.change(workspace, project_id=1, actor="Lea", gold_every=1)
    assignment.mark_gold(workspace, record_id, LEAD, actor="Lea")
    flag(workspace, "Ada", note="Which colour?")
    assert state(workspace, record_id) is RecordState.GOLD
    assert queue.next_task(workspace, "Ada", project_id=1) is None
    [waiting] = adjudicate.inbox(workspace, project_id=1)
    assert (waiting.doubt.author, waiting.doubt.question) == ("Ada", "Which colour?")
    assert undo_last(workspace, "Ada") is not None
    submit(workspace, "Ada")
    assert state(workspace, record_id) is RecordState.GOLD


def test_a_flag_stands_when_somebody_else_answers_again(workspace: Workspace) -> None:
    record_id = stock(workspace, reviews=2)
    submit(workspace, "Ada")
    flag(workspace, "Ben")
    assert undo_last(workspace, "Ada") is not None
    submit(workspace, "Ada", response="Better.")
    assert state(workspace, record_id) is RecordState.FLAGGED
    ask_again.unflag(workspace, record_id, actor="Lea")
    submit(workspace, "Eva", response="Better.")
    assert state(workspace, record_id) is RecordState.ACCEPTED


def test_a_record_whose_decision_was_sent_back_needs_as_many_reviews_as_before(workspace: Workspace) -> None:
    record_id = stock(workspace, reviews=2)
    submit(workspace, "Ada")
    flag(workspace, "Ben")
    adjudicate.decide(workspace, record_id, LEAD, actor="Lea")
    ask_again.send_back(workspace, record_id, reason="Again.", actor="Lea")
    submit(workspace, "Ada")
    assert state(workspace, record_id) is RecordState.WAITING
    submit(workspace, "Ben")
    assert state(workspace, record_id) is RecordState.ACCEPTED
    assert undo_last(workspace, "Ada") is not None
    assert state(workspace, record_id) is RecordState.WAITING


def test_who_loses_a_record_hears_why(workspace: Workspace) -> None:
    stock(workspace, reviews=2)
    mine, theirs = take(workspace, "Ada"), take(workspace, "Ben")
    answers.flag(workspace, theirs.claim, Answer(response="A."), annotator="Ben")
    with pytest.raises(ClaimExpiredError, match="flagged for a lead"):
        answers.submit(workspace, mine.claim, Answer(response="Mine.", rating=4), annotator="Ada")
    ask_again.unflag(workspace, mine.claim.record_id, actor="Lea")
    assert take(workspace, "Ada").draft == Answer(response="Mine.", rating=4)


def test_another_text_for_an_answered_claim_is_kept_and_found_again(workspace: Workspace) -> None:
    stock(workspace)
    task = take(workspace, "Ada")
    answers.submit(workspace, task.claim, Answer(response="Here.", rating=4), annotator="Ada")
    longer = Answer(response="Elsewhere, and longer.", rating=4)
    with pytest.raises(AnsweredElsewhereError, match="another window"):
        answers.submit(workspace, task.claim, longer, annotator="Ada")
    [mine] = answers.history(workspace, "Ada", project_id=1)
    assert mine.annotation.answer.response == "Here."
    back = undo_last(workspace, "Ada")
    assert back is not None
    assert back.draft == longer


def test_a_draft_that_was_on_its_way_does_not_replace_what_a_skip_brought(workspace: Workspace) -> None:
    stock(workspace)
    task = take(workspace, "Ada")
    answers.skip(workspace, task.claim, Answer(response="All that was typed."), annotator="Ada")
    assert answers.save_draft(workspace, task.claim, Answer(response="All th"), annotator="Ada").is_kept is False
    back = undo_last(workspace, "Ada")
    assert back is not None
    assert back.draft == Answer(response="All that was typed.")


def test_the_first_draft_of_a_record_is_an_event(workspace: Workspace) -> None:
    record_id = stock(workspace)
    task = take(workspace, "Ada")
    for text in ("Al", "All"):
        answers.save_draft(workspace, task.claim, Answer(response=text), annotator="Ada")
    with workspace.read() as connection:
        assert [each.kind for each in events.about(connection, record_id)] == ["claim", "draft"]


def test_a_record_that_is_sent_back_stays_with_whom_it_was_kept_for(workspace: Workspace) -> None:
    record_id = stock(workspace)
    assignment.assign_next(workspace, 5, project_id=1, actor="Lea", person="Ada")
    submit(workspace, "Ada")
    ask_again.send_back(workspace, record_id, reason="Again.", actor="Lea")
    assert queue.next_task(workspace, "Ben", project_id=1) is None
    assert take(workspace, "Ada").claim.record_id == record_id


def test_records_of_a_pool_that_is_taken_away_are_for_anybody(workspace: Workspace) -> None:
    record_id = stock(workspace)
    assignment.set_pool(workspace, "medical", ["Ben"], project_id=1, actor="Lea")
    assignment.assign_next(workspace, 5, project_id=1, actor="Lea", pool="medical")
    assert queue.next_task(workspace, "Ada", project_id=1) is None
    assert assignment.set_pool(workspace, "medical", [], project_id=1, actor="Lea") == 1
    assert take(workspace, "Ada").claim.record_id == record_id


def test_a_gold_record_given_back_opens_no_further_slot(workspace: Workspace) -> None:
    record_id = stock(workspace)
    settings.change(workspace, project_id=1, actor="Lea", gold_every=1)
    assignment.mark_gold(workspace, record_id, LEAD, actor="Lea")
    slots = set()
    for _ in range(3):
        task = take(workspace, "Ada")
        slots.add(task.claim.slot_id)
        queue.give_back(workspace, task.claim, annotator="Ada")
    assert len(slots) == 1


def test_only_a_breaking_changes_own_answers_are_asked_again(workspace: Workspace) -> None:
    record_id = stock(workspace, reviews=2)
    questions.change_questions(workspace, required("kind", "rude", "dull"), project_id=1, actor="Lea")
    for person, tone in (("Ada", "rude"), ("Ben", "kind")):
        answer = Answer(response="A.", rating=4, values={"tone": tone})
        answers.submit(workspace, take(workspace, person).claim, answer, annotator=person)
    change = questions.change_questions(workspace, required("kind", "dull"), project_id=1, actor="Lea")
    assert (change.answers, change.people, change.records) == (1, 1, 1)
    with workspace.read() as connection:
        assert [each.annotator for each in annotations.standing(connection, record_id)] == ["Ben"]
    task = take(workspace, "Ada")
    given = Answer(response="A.", rating=4, values={"tone": "dull"})
    answers.submit(workspace, task.claim, given, annotator="Ada")
    assert state(workspace, record_id) is RecordState.ACCEPTED


def test_a_record_that_waits_for_its_second_answer_is_asked_again_too(workspace: Workspace) -> None:
    record_id = stock(workspace, reviews=2)
    submit(workspace, "Ada")
    change = questions.change_questions(workspace, required("kind", "rude"), project_id=1, actor="Lea")
    assert change.records == 1
    for person in ("Ben", "Ada"):
        assert state(workspace, record_id) is RecordState.WAITING
        answer = Answer(response="A.", rating=4, values={"tone": "kind"})
        answers.submit(workspace, take(workspace, person).claim, answer, annotator=person)
    assert state(workspace, record_id) is RecordState.ACCEPTED


def test_a_newly_required_question_asks_nobody_who_rejected_or_did_not_edit(workspace: Workspace) -> None:
    stock(workspace)
    task = take(workspace, "Ada")
    answers.submit(workspace, task.claim, Answer(response="A.", reject="wrong"), annotator="Ada")
    assert questions.plan_change(workspace, required("kind", "rude"), project_id=1).records == 0


def test_what_a_lead_decided_is_not_asked_again(workspace: Workspace) -> None:
    record_id = stock(workspace, reviews=2)
    submit(workspace, "Ada", rating=5)
    submit(workspace, "Ben", rating=1)
    adjudicate.decide(workspace, record_id, LEAD, actor="Lea")
    change = questions.change_questions(workspace, required("kind", "rude"), project_id=1, actor="Lea")
    assert (change.answers, change.records) == (2, 0)
    assert state(workspace, record_id) is RecordState.ACCEPTED


def test_a_mistaken_change_of_questions_is_taken_back_with_all_that_it_did(workspace: Workspace) -> None:
    first = stock(workspace)
    submit(workspace, "Ada", response="Mine.")
    with workspace.write() as connection:
        project = projects.by_name(connection)
        [second] = records.add_many(connection, [make_record("Other?")], project=project, at=workspace.clock())
    submit(workspace, "Ben")
    questions.change_questions(workspace, required("kind", "rude"), project_id=1, actor="Lea")
    task = queue.claim_record(workspace, "Ben", second or "")
    assert task is not None
    given = Answer(response="Again.", rating=5, values={"tone": "kind"})
    answers.submit(workspace, task.claim, given, annotator="Ben", seen=task.seen)
    found = questions.last_change(workspace, project_id=1)
    assert found is not None
    assert (found.actor, found.reasons, found.waiting) == ("Lea", ("tone: new, required",), 1)

    assert questions.take_back_change(workspace, project_id=1, actor="Lea") == 1
    with workspace.read() as connection:
        stored = records.get(connection, first)
        assert projects.by_name(connection).questions == QuestionSet()
    assert stored.final is not None
    assert (stored.state, stored.final.response) == (RecordState.ACCEPTED, "Mine.")
    done = progress(workspace, "Ada", project_id=1)
    assert (done.mine, done.mine_today) == (1, 1)
    # Ben's new answer speaks of a question that is gone, as in every change that removes one.
    assert state(workspace, second or "") is RecordState.WAITING
    assert queue.next_task(workspace, "Ada", project_id=1) is not None


def test_there_is_no_change_to_take_back_before_the_first(workspace: Workspace) -> None:
    assert questions.last_change(workspace, project_id=1) is None
    with pytest.raises(AnnotationError, match="never changed"):
        questions.take_back_change(workspace, project_id=1, actor="Lea")


def test_a_change_made_from_questions_that_somebody_else_changed_is_refused(workspace: Workspace) -> None:
    seen = wordings.questions_hash(QuestionSet())
    questions.change_questions(workspace, required("kind", "rude"), project_id=1, actor="Max", expected=seen)
    with pytest.raises(AnnotationError, match="Another lead has changed"):
        questions.change_questions(workspace, QuestionSet(), project_id=1, actor="Lea", expected=seen)


def test_a_change_of_what_keeps_out_is_named_as_such(workspace: Workspace) -> None:
    questions.change_questions(workspace, required("kind", "rude"), project_id=1, actor="Lea")
    asked = required("kind", "rude")
    tone = asked.own[0].model_copy(update={"keeps_out": ("rude",)})
    after = QuestionSet(questions=(*QuestionSet().questions, tone))
    assert questions.plan_change(workspace, after, project_id=1).reasons == (
        "tone: what keeps a record out or must agree, for records that are settled from now on",
    )


def test_a_gold_record_needs_a_complete_answer(workspace: Workspace) -> None:
    record_id = stock(workspace)
    with pytest.raises(AnnotationError, match="needs an answer"):
        assignment.mark_gold(workspace, record_id, Answer(response="A."), actor="Lea")
    assert state(workspace, record_id) is RecordState.WAITING
