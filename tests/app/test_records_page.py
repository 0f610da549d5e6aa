"""Records: find one, read all about it, comment on it, send it back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from curator import Workspace
from curator.annotate import adjudicate, answers, assignment, lookup, queue
from curator.errors import AnnotationError
from curator.store import projects, records
from schemas.annotation import Answer, RecordState
from schemas.audience import person_audience
from tests.app.pages import draw, texts
from tests.conftest import make_record


@pytest.fixture
def answered(stocked: Workspace) -> tuple[Workspace, str]:
    """A queue of records, one of which was answered, asked about and accepted; its id."""
    task = queue.next_task(stocked, "Ada", project_id=1)
    adjudicate.ask(stocked, task.claim.record_id, "Is a hedgehog meant?", author="Ada")
    answer = Answer(response="Certainly a hedgehog.", rating=4, note="Looked it up.")
    answers.submit(stocked, task.claim, answer, annotator="Ada")
    return stocked, task.claim.record_id


def search(app: AppTest, words: str) -> AppTest:
    return app.text_input(key="filter query").set_value(words).run()


def test_a_record_is_found_by_its_accepted_text_and_told_in_full(
    answered: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, record_id = answered
    app = search(draw("records", workspace, monkeypatch, person="Lea"), '"a hedgehog"')
    assert list(app.dataframe[0].value["id"]) == [record_id]
    shown = texts(app)
    for said in ("**1 record**", "Certainly a hedgehog.", "Looked it up.", "Is a hedgehog meant?"):
        assert said in shown


def test_a_search_for_nothing_that_is_there_says_so(
    answered: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = search(draw("records", answered[0], monkeypatch, person="Lea"), "armadillo")
    assert "No record holds all of these words" in app.info[0].value


def test_a_comment_and_sending_back_are_stored(
    answered: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, record_id = answered
    app = search(draw("records", workspace, monkeypatch, person="Lea"), record_id)
    app.text_area(key=f"comment {record_id} 0").set_value("See the guideline.")
    app.button(key=f"add comment {record_id}").click().run()
    assert [each.text for each in lookup.story(workspace, record_id).comments] == ["See the guideline."]
    app.text_input(key=f"reason {record_id}").set_value("Too short.")
    app.button(key=f"back {record_id}").click().run()
    assert lookup.story(workspace, record_id).stored.state is RecordState.WAITING
    assert queue.next_task(workspace, "Ben", project_id=1).sent_back == "Too short."


def test_all_records_are_turned_page_by_page(many: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("records", many, monkeypatch, person="Lea")
    seen = list(app.dataframe[0].value["id"])
    assert len(seen) == 50
    next(button for button in app.button if button.label == "Next").click().run()
    seen += list(app.dataframe[0].value["id"])
    next(button for button in app.button if button.label == "Next").click().run()
    seen += list(app.dataframe[0].value["id"])
    assert len(set(seen)) == len(seen) == 120
    assert next(button for button in app.button if button.label == "Next").disabled
    next(button for button in app.button if button.label == "Back").click().run()
    assert list(app.dataframe[0].value["id"]) == seen[50:100]


def test_a_record_that_waits_is_kept_for_somebody_and_asked_about_more_often(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_id = lookup.page(stocked, project_id=1)[0].id
    app = search(draw("records", stocked, monkeypatch, person="Lea"), record_id)
    assert "needs 1 more review ·" in texts(app)
    app.text_input(key=f"for {record_id}").set_value("Ben")
    app.button(key=f"keep {record_id}").click().run()
    assert assignment.kept(stocked, project_id=1) == {person_audience("Ben"): 1}
    app.number_input(key=f"reviews {record_id}").set_value(3)
    app.button(key=f"ask {record_id}").click().run()
    assert "needs 3 more reviews ·" in texts(app)


def test_a_gold_record_becomes_an_ordinary_one_again(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    record_id = lookup.page(stocked, project_id=1)[0].id
    assignment.mark_gold(stocked, record_id, Answer(response="A.", rating=5), actor="Lea")
    app = search(draw("records", stocked, monkeypatch, person="Lea"), record_id)
    app.button(key=f"ungold {record_id}").click().run()
    assert lookup.story(stocked, record_id).stored.state is RecordState.WAITING
    assert "ordinary record again" in texts(app)


def test_a_lead_takes_a_record_into_the_editor_once(
    answered: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, record_id = answered
    waiting = lookup.page(workspace, project_id=1, state=RecordState.WAITING)[0].id
    held = queue.next_task(workspace, "Ada", project_id=1)
    app = search(draw("records", workspace, monkeypatch, person="Ada"), waiting)
    app.button(key=f"open {waiting}").click().run()
    assert queue.next_task(workspace, "Ada", project_id=1).claim.record_id == waiting
    if held.claim.record_id != waiting:
        assert queue.renew(workspace, held.claim, annotator="Ada") is False
    with pytest.raises(AnnotationError, match="You have answered this record"):
        queue.claim_record(workspace, "Ada", record_id)


@pytest.fixture
def many(workspace: Workspace) -> Workspace:
    """120 records that wait."""
    with workspace.write() as connection:
        some = [make_record(f"Question {n}?") for n in range(120)]
        records.add_many(connection, some, project=projects.by_name(connection), at=workspace.clock())
    return workspace
