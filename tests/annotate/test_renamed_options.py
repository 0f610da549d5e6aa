"""Answers given to earlier questions: they count in the words of today, and say what their annotator saw."""

from __future__ import annotations

from curator import Workspace
from curator.annotate import (
    agreement,
    answers,
    assignment,
    progress,
    questions,
    queue,
    settings,
    team,
    undo,
)
from curator.annotate.renamed_options import AnswerReader
from curator.store import projects, records, suggestions
from schemas.annotation import Annotation, Answer, Checks, RecordState, Suggestion
from schemas.questions import Option, OptionMapping, Question, QuestionSet
from tests.annotate.steps import state, stock, submit, take
from tests.conftest import make_record


def tone(*values: str, keeps_out: tuple[str, ...] = (), must_agree: bool = False) -> QuestionSet:
    options = tuple(Option(value=value, label=value) for value in values)
    own = Question(id="tone", kind="choice", title="Tone", options=options, keeps_out=keeps_out, must_agree=must_agree)
    return QuestionSet(questions=(*QuestionSet().questions, own))


def change(workspace: Workspace, after: QuestionSet, **renamed: str) -> None:
    mappings = [OptionMapping(question="tone", old=old, new=new) for old, new in renamed.items()]
    questions.change_questions(workspace, after, project_id=1, actor="Lea", mappings=mappings)


def answer(workspace: Workspace, person: str, said: str) -> Annotation:
    task = take(workspace, person)
    given = Answer(response="A.", rating=4, values={"tone": said})
    return answers.submit(workspace, task.claim, given, annotator=person, seen=task.seen)


def test_renaming_there_and_back_reads_every_answer_in_the_words_of_today(workspace: Workspace) -> None:
    change(workspace, tone("x", "z"))
    stock(workspace)
    first = answer(workspace, "Ada", "x")
    change(workspace, tone("y", "z"), x="y")
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, [make_record("Other?")], project=project, at=workspace.clock())
    second = answer(workspace, "Ada", "y")
    change(workspace, tone("x", "z"), y="x")
    with workspace.read() as connection:
        reader = AnswerReader(connection, 1)
    assert (reader.value(first, "tone"), reader.value(second, "tone")) == ("x", "x")


def test_an_option_that_keeps_out_does_so_under_its_old_name(workspace: Workspace) -> None:
    change(workspace, tone("x", "z", keeps_out=("x",)))
    record_id = stock(workspace)
    task = take(workspace, "Ada")
    change(workspace, tone("y", "z", keeps_out=("y",)), x="y")
    given = Answer(response="A.", rating=4, values={"tone": "x"})
    answers.submit(workspace, task.claim, given, annotator="Ada", seen=task.seen)
    assert state(workspace, record_id) is RecordState.REJECTED


def test_two_names_of_one_option_are_no_disagreement(workspace: Workspace) -> None:
    change(workspace, tone("x", "z", must_agree=True))
    record_id = stock(workspace, reviews=2)
    answer(workspace, "Ada", "x")
    change(workspace, tone("y", "z", must_agree=True), x="y")
    answer(workspace, "Ben", "y")
    assert state(workspace, record_id) is RecordState.ACCEPTED


def test_a_mapped_answer_is_touched_when_its_new_option_goes(workspace: Workspace) -> None:
    change(workspace, tone("x", "z", "q"))
    stock(workspace)
    answer(workspace, "Ada", "x")
    change(workspace, tone("y", "z", "q"), x="y")
    assert questions.plan_change(workspace, tone("z", "q"), project_id=1).answers == 1


def test_a_gold_record_is_compared_in_the_words_of_today(workspace: Workspace) -> None:
    change(workspace, tone("x", "z"))
    record_id = stock(workspace)
    settings.change(workspace, project_id=1, actor="Lea", gold_every=1)
    expected = Answer(response="A.", rating=4, values={"tone": "x"})
    assignment.mark_gold(workspace, record_id, expected, actor="Lea")
    change(workspace, tone("y", "z"), x="y")
    answer(workspace, "Ada", "y")
    answer(workspace, "Ben", "z")
    right = {member.name: (member.gold_right, member.gold_given) for member in team(workspace, project_id=1).members}
    assert right == {"Ada": (1, 1), "Ben": (0, 1)}


def test_rejecting_a_gold_record_is_wrong_where_it_should_be_accepted(workspace: Workspace) -> None:
    record_id = stock(workspace)
    settings.change(workspace, project_id=1, actor="Lea", gold_every=1)
    assignment.mark_gold(workspace, record_id, Answer(response="A.", rating=5), actor="Lea")
    rejected = Answer(response="A.", reject="wrong")
    answers.submit(workspace, take(workspace, "Ada").claim, rejected, annotator="Ada")
    [member] = team(workspace, project_id=1).members
    assert (member.gold_right, member.gold_given) == (0, 1)


def test_a_rejection_says_nothing_about_harm(workspace: Workspace) -> None:
    stock(workspace, reviews=2)
    harmful = Answer(response="A.", rating=4, checks=Checks(harmful=True))
    answers.submit(workspace, take(workspace, "Ada").claim, harmful, annotator="Ada")
    rejected = Answer(response="A.", reject="unsafe")
    answers.submit(workspace, take(workspace, "Ben").claim, rejected, annotator="Ben")
    rows = agreement.report(workspace, project_id=1).questions
    assert "checks" not in {row.question for row in rows}


def test_an_answer_names_what_its_annotator_saw(workspace: Workspace) -> None:
    record_id = stock(workspace)
    task = take(workspace, "Ada")
    questions.set_guideline(workspace, "Be brief.", project_id=1, actor="Lea")
    with workspace.write() as connection:
        proposal = Suggestion(question="rating", value=4, source="a rule")
        suggestions.add_many(connection, [(record_id, proposal)], at=workspace.clock())
    given = Answer(response="A.", rating=4)
    stored = answers.submit(workspace, task.claim, given, annotator="Ada", seen=task.seen)
    assert (stored.guideline_hash, stored.saw_suggestions) == (task.guideline_hash, None)


def test_a_hash_that_was_never_shown_is_not_believed(workspace: Workspace) -> None:
    stock(workspace)
    task = take(workspace, "Ada")
    seen = task.seen.model_copy(update={"questions_hash": "0" * 64, "guideline_hash": ""})
    given = Answer(response="A.", rating=4)
    stored = answers.submit(workspace, task.claim, given, annotator="Ada", seen=seen)
    assert (stored.questions_hash, stored.guideline_hash) == (task.questions_hash, task.guideline_hash)


def test_the_estimate_counts_what_is_left_for_this_person_in_this_project(workspace: Workspace) -> None:
    settings.change(workspace, project_id=1, actor="Lea", reviews_required=3)
    other = settings.create(workspace, "other", actor="Lea")
    with workspace.write() as connection:
        some = [make_record(f"Question {n}?") for n in range(20)]
        records.add_many(connection, some, project=projects.by_name(connection), at=workspace.clock())
        records.add_many(connection, some, project=other, at=workspace.clock())
    for _ in range(5):
        task = take(workspace, "Ada")
        answers.submit(workspace, task.claim, Answer(response="A.", rating=4), annotator="Ada", active_seconds=3600)
    assert progress(workspace, "Ada", project_id=1).hours_left == (15, 15)
    assert progress(workspace, "Ada", project_id=other.id).hours_left is None
    undo.undo_last(workspace, "Ada", project_id=1)
    assert progress(workspace, "Ada", project_id=1).hours_left is None


def test_more_reviews_keep_the_place_of_their_import(workspace: Workspace) -> None:
    record_id = stock(workspace)
    with workspace.write() as connection:
        project = projects.by_name(connection)
        urgent = records.add_many(
            connection, [make_record("Urgent?")], project=project, at=workspace.clock(), priority=10
        )
    assignment.require_reviews(workspace, 2, project_id=1, actor="Lea")
    submit(workspace, "Ada")
    assert [take(workspace, person).claim.record_id for person in ("Ben", "Ada")] == [urgent[0], record_id]
    assert queue.next_task(workspace, "Eva", project_id=1).claim.record_id == record_id
