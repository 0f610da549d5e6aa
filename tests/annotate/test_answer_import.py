"""Answers given elsewhere: two human labels of a public data set become two annotators."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from curator import Workspace
from curator.annotate import adjudicate, agreement, answers, queue, settings, team
from curator.annotate.answer_import import import_answers
from curator.annotate.suggestion_import import import_suggestions
from curator.errors import AnnotationError
from curator.ingest import import_file
from curator.store import annotations, projects, records
from schemas.annotation import Answer, RecordState
from schemas.importing import Format

PEOPLE = {"First": "annotation_1", "Second": "annotation_2"}


def two_reviews(workspace: Workspace) -> None:
    with workspace.write() as connection:
        projects.change(connection, projects.by_name(connection).model_copy(update={"reviews_required": 2}))


def small(tmp_path: Path) -> Path:
    file = tmp_path / "labels.csv"
    file.write_text("prompt,completion,annotation_1,annotation_2\na,b,yes,yes\nc,d,yes,no\ne,f,no,\n")
    return file


@pytest.mark.slow
def test_xstest_gives_the_kappa_of_scikit_learn_and_its_disagreements_wait(
    workspace: Workspace, shared_data: Path
) -> None:
    file = shared_data / "xstest_completions_llama2.csv"
    two_reviews(workspace)
    imported = import_file(workspace, file, actor="me", format=Format.PROMPT_COMPLETION)
    given = import_answers(workspace, file, question="refusal", annotators=PEOPLE, actor="me")
    frame = pd.read_csv(file)
    assert (given.rows, given.matched, given.answers) == (len(frame), imported.imported, 2 * imported.imported)

    expected = cohen_kappa_score(frame["annotation_1"], frame["annotation_2"])
    with workspace.read() as connection:
        answers = list(annotations.overlapping(connection, 1))
    by_person = {name: [each.answer.values["refusal"] for each in answers if each.annotator == name] for name in PEOPLE}
    assert agreement.stats.cohen_kappa(by_person["First"], by_person["Second"]) == pytest.approx(expected)

    disagreements = int((frame["annotation_1"] != frame["annotation_2"]).sum())
    waiting = adjudicate.cases(workspace, project_id=1, limit=500)
    assert len(waiting) == disagreements == given.conflicts
    assert all(case.differences == ("refusal",) for case in waiting)

    report = agreement.report(workspace, project_id=1)
    [row] = [row for row in report.questions if row.question == "refusal"]
    share = float((frame["annotation_1"] == frame["annotation_2"]).mean())
    assert row.percent.value == pytest.approx(share)
    assert row.alpha.interval.lower < row.alpha.value < row.alpha.interval.upper
    # With two people and nothing missing alpha is kappa but for a small-sample correction of order 1 / (2n).
    assert row.alpha.value == pytest.approx(expected, abs=0.005)


def test_importing_twice_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    two_reviews(workspace)
    file = small(tmp_path)
    import_file(workspace, file, actor="me")
    first = import_answers(workspace, file, question="fits", annotators=PEOPLE, actor="me")
    again = import_answers(workspace, file, question="fits", annotators=PEOPLE, actor="me")
    assert (first.answers, first.already, first.empty, first.conflicts) == (5, 0, 1, 1)
    assert (again.answers, again.already, again.conflicts) == (0, 5, 1)
    with workspace.read() as connection:
        states = sorted(each.state.value for each in records.page(connection, 1))
    assert states == ["conflict", "waiting", "waiting"]  # agreeing on a label is no judgement of the record


def test_a_missing_column_is_named_and_nothing_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    file = small(tmp_path)
    import_file(workspace, file, actor="me")
    with pytest.raises(AnnotationError, match="no column annotation_3"):
        import_answers(workspace, file, question="fits", annotators={"Third": "annotation_3"}, actor="me")
    with workspace.read() as connection:
        assert projects.by_name(connection).questions.by_id("fits") is None


def test_rows_whose_record_is_unknown_are_counted(workspace: Workspace, tmp_path: Path) -> None:
    given = import_answers(workspace, small(tmp_path), question="fits", annotators=PEOPLE, actor="me")
    assert (given.rows, given.matched, given.unknown, given.answers) == (3, 0, 3, 0)


def test_a_decision_settles_a_conflict_and_leaves_the_answers_as_they_were(
    workspace: Workspace, tmp_path: Path
) -> None:
    two_reviews(workspace)
    file = small(tmp_path)
    import_file(workspace, file, actor="me")
    import_answers(workspace, file, question="fits", annotators=PEOPLE, actor="me")
    [case] = adjudicate.cases(workspace, project_id=1)
    picked = next(each for each in case.answers if each.annotator == "Second")
    state = adjudicate.decide(workspace, case.record_id, picked.answer, picked=picked.id, actor="Lea", note="It does.")
    assert state is RecordState.ACCEPTED
    with workspace.read() as connection:
        stored = records.get(connection, case.record_id)
        standing = annotations.standing(connection, case.record_id)
    assert stored.final.response == "d"
    assert {each.annotator: each.answer.values["fits"] for each in standing} == {"First": "yes", "Second": "no"}
    with pytest.raises(AnnotationError, match="nothing to decide"):
        adjudicate.decide(workspace, case.record_id, picked.answer, picked=picked.id, actor="Lea")


def test_suggestions_come_with_source_and_score_and_may_be_hidden(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "scored.csv"
    file.write_text('prompt,completion,flags,sure\na,b,"harmful,biased",0.9\nc,d,,\nx,y,harmful,0.2\n')
    rows = tmp_path / "rows.csv"
    rows.write_text("prompt,completion\na,b\nc,d\n")
    import_file(workspace, rows, actor="me")
    found = import_suggestions(
        workspace, file, question="checks", column="flags", source="rule", actor="me", score_column="sure"
    )
    assert found == (3, 1, 1, 1)
    task = queue.next_task(workspace, "Ada", project_id=1)
    [suggestion] = task.suggestions
    assert (suggestion.value, suggestion.source, suggestion.score) == (("harmful", "biased"), "rule", 0.9)
    settings.change(workspace, project_id=1, actor="Lea", hidden_suggestions=1)
    hidden = queue.next_task(workspace, "Ada", project_id=1)
    assert (hidden.suggestions, hidden.suggestions_hidden) == ((), True)
    answers.submit(workspace, hidden.claim, Answer(response="c", rating=4), annotator="Ada")
    [member] = team(workspace, project_id=1).members
    assert (member.edited_hidden, member.edited_shown) == (1.0, None)


@pytest.mark.parametrize(
    ("row", "problem"),
    [("a,b,rude,0.9", "no option rude"), ("a,b,harmful,sure", "is not a number"), ("a,b,harmful,7", "is not a number")],
)
def test_a_suggestion_that_cannot_be_shown_is_refused(
    workspace: Workspace, tmp_path: Path, row: str, problem: str
) -> None:
    file = tmp_path / "scored.csv"
    file.write_text(f"prompt,completion,flags,sure\n{row}\n")
    import_file(workspace, file, actor="me")
    with pytest.raises(AnnotationError, match=problem):
        import_suggestions(
            workspace, file, question="checks", column="flags", source="rule", actor="me", score_column="sure"
        )


def labelled(workspace: Workspace, tmp_path: Path, *rows: str, reviews: int = 1) -> Path:
    """A file of labels whose records are in the project."""
    settings.change(workspace, project_id=1, actor="Lea", reviews_required=reviews)
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(["prompt,completion,first,second", *rows]) + "\n")
    import_file(workspace, file, actor="me")
    return file


def states(workspace: Workspace) -> list[str]:
    with workspace.read() as connection:
        return sorted(each.state.value for each in records.page(connection, 1))


def test_a_label_is_no_review(workspace: Workspace, tmp_path: Path) -> None:
    file = labelled(workspace, tmp_path, "a,b,bad_text,", "c,d,fine,")
    import_answers(workspace, file, question="verdict", annotators={"Ben": "first"}, actor="me")
    assert states(workspace) == ["waiting", "waiting"]
    for _ in range(2):
        task = queue.next_task(workspace, "Ada", project_id=1)
        answers.submit(workspace, task.claim, Answer(response=task.record.response, rating=4), annotator="Ada")
    assert states(workspace) == ["accepted", "accepted"]  # what Ada left open is no disagreement


def test_ratings_given_elsewhere_are_reviews(workspace: Workspace, tmp_path: Path) -> None:
    file = labelled(workspace, tmp_path, "a,b,4,1", "c,d,3,1", "e,f,5,4", reviews=2)
    people = {"Ben": "first", "Eva": "second"}
    given = import_answers(workspace, file, question="rating", annotators=people, actor="me")
    assert given.conflicts == 2
    assert states(workspace) == ["accepted", "conflict", "conflict"]
    report = agreement.report(workspace, project_id=1)
    assert {row.question for row in report.questions} >= {"accept", "rating"}


def test_checks_given_elsewhere_are_reviews(workspace: Workspace, tmp_path: Path) -> None:
    file = labelled(workspace, tmp_path, 'a,b,"harmful, biased",')
    import_answers(workspace, file, question="checks", annotators={"Ben": "first"}, actor="me")
    [stored] = answers.history(workspace, "Ben", project_id=1)
    assert stored.annotation.answer.checks.ticked == ("harmful", "biased")
    assert states(workspace) == ["rejected"]


def test_texts_of_a_file_become_labels_of_options(workspace: Workspace, tmp_path: Path) -> None:
    file = labelled(workspace, tmp_path, "a,b,Yes it does,", "c,d,No,")
    import_answers(workspace, file, question="verdict", annotators={"Ben": "first"}, actor="me")
    with workspace.read() as connection:
        asked = projects.by_name(connection).questions.by_id("verdict")
    assert {option.value: option.label for option in asked.options} == {"no": "No", "yes_it_does": "Yes it does"}
    again = import_answers(workspace, file, question="verdict", annotators={"Ben": "first"}, actor="me")
    assert (again.answers, again.already) == (0, 2)


def test_a_column_with_one_text_makes_no_question(workspace: Workspace, tmp_path: Path) -> None:
    file = labelled(workspace, tmp_path, "a,b,yes,")
    with pytest.raises(AnnotationError, match="too few options"):
        import_answers(workspace, file, question="verdict", annotators={"Ben": "first"}, actor="me")


def test_a_flagged_record_stays_flagged_when_a_label_comes(workspace: Workspace, tmp_path: Path) -> None:
    file = labelled(workspace, tmp_path, "a,b,4,", "c,d,5,")
    task = queue.next_task(workspace, "Ada", project_id=1)
    answers.flag(workspace, task.claim, Answer(response="x", note="Look."), annotator="Ada")
    import_answers(workspace, file, question="rating", annotators={"Ben": "first"}, actor="me")
    assert states(workspace) == ["accepted", "flagged"]
