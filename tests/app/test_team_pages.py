"""Adjudicate, Team and Project: what a lead sees and does."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curator import Workspace
from curator.annotate import adjudicate, answers, queue, settings
from curator.ingest import import_file
from curator.store import projects, records
from schemas.annotation import Answer, Checks, RecordState
from tests.app.pages import draw, press, states, texts
from tests.conftest import make_record


@pytest.fixture
def disputed(workspace: Workspace) -> Workspace:
    """One record on which two people differ, and one that is flagged."""
    settings.change(workspace, project_id=1, actor="Lea", reviews_required=2)
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, [make_record("Question 1?")], project=project, at=workspace.clock())
    for person, checks in (("Ada", Checks()), ("Ben", Checks(harmful=True))):
        task = queue.next_task(workspace, person, project_id=1)
        answers.submit(workspace, task.claim, Answer(response="A.", rating=4, checks=checks), annotator=person)
    with workspace.write() as connection:
        records.add_many(connection, [make_record("Question 2?")], project=project, at=workspace.clock())
    task = queue.next_task(workspace, "Ada", project_id=1)
    answers.flag(workspace, task.claim, Answer(response="A colour.", note="What is this?"), annotator="Ada")
    return workspace


def test_a_lead_takes_one_of_two_answers_with_names_hidden(
    disputed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("adjudicate", disputed, monkeypatch, person="Lea")
    assert "whether to accept it" in texts(app)
    assert "Ada" not in texts(app.tabs[0])
    assert "Ben" not in texts(app.tabs[0])
    [case] = adjudicate.cases(disputed, project_id=1)
    harmful = next(n for n, each in enumerate(case.answers) if each.answer.checks.harmful)
    [button for button in app.button if button.label == "Take this answer"][harmful].click().run()
    assert "Decided: rejected." in texts(app)
    assert states(disputed) == ["flagged", "rejected"]


def test_a_flagged_record_goes_back_with_a_reason(disputed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("adjudicate", disputed, monkeypatch, person="Lea")
    assert any("What is this?" in warning.value for warning in app.warning)
    [case] = adjudicate.cases(disputed, project_id=1, state=RecordState.FLAGGED)
    app.text_input(key=f"reason {case.record_id}").set_value("It is a question.")
    press(app, "Put back into the queue")
    assert states(disputed) == ["conflict", "waiting"]
    assert queue.next_task(disputed, "Eva", project_id=1).sent_back == "It is a question."


def test_a_flag_without_a_reason_tells_whose_it_is(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    task = queue.next_task(stocked, "Ada", project_id=1)
    answers.flag(stocked, task.claim, Answer(response="A."), annotator="Ada")
    app = draw("adjudicate", stocked, monkeypatch, person="Lea")
    assert "Flagged by Ada" in app.warning[0].value
    assert "without a reason" in app.warning[0].value


def test_nothing_is_sent_back_without_a_reason(disputed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("adjudicate", disputed, monkeypatch, person="Lea")
    press(app, "Send back")
    assert "Write a reason" in app.error[0].value
    assert states(disputed) == ["conflict", "flagged"]


def test_a_message_that_goes_away_leaves_the_tabs_where_they_are(
    disputed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tabs(app: AppTest) -> tuple[list[int], list[str]]:
        places = [n for n, block in app.main.children.items() if block.type == "tab_container"]
        return places, [tab.label for tab in app.tabs]

    for page, button in (("project", "Keep these settings"), ("team", "Keep"), ("adjudicate", "Take this answer")):
        app = draw(page, disputed, monkeypatch, person="Lea")
        if page == "team":
            next(field for field in app.text_input if field.label == "Pool").set_value("all").run()
        before = tabs(app)
        press(app, button)
        assert ":green[" in texts(app)
        assert tabs(app) == before
        app.run()
        assert ":green[" not in texts(app)
        assert tabs(app) == before


def test_a_lead_releases_a_lease(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    task = queue.next_task(stocked, "Ada", project_id=1)
    app = draw("team", stocked, monkeypatch, person="Lea")
    press(app, "Release")
    assert "Taken from Ada" in texts(app)
    assert queue.renew(stocked, task.claim, annotator="Ada") is False


def test_assigned_records_go_to_that_person_only(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("team", stocked, monkeypatch, person="Lea")
    next(field for field in app.number_input if field.label == "Records").set_value(3)
    next(field for field in app.text_input if field.label == "Name").set_value("Ada").run()
    press(app, "Assign")
    assert "Kept for Ada: 3 records." in texts(app)
    assert queue.next_task(stocked, "Ben", project_id=1) is None
    assert queue.why_empty(stocked, "Ben", project_id=1).assigned == 3
    assert queue.next_task(stocked, "Ada", project_id=1) is not None


def test_agreement_is_computed_on_demand(disputed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("team", disputed, monkeypatch, person="Lea")
    press(app, "Compute agreement")
    table = app.dataframe[-1].value
    row = table[table["question"] == "Accepted or kept out"].iloc[0]
    assert (row["records"], row["agree"]) == (1, "0.00")


def test_more_reviews_are_asked_of_records_that_wait(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("project", stocked, monkeypatch, person="Lea")
    next(field for field in app.number_input if field.label == "Reviews per record").set_value(2)
    app.checkbox[0].check()
    press(app, "Keep these settings")
    assert "added: 3 reviews" in texts(app)
    done = queue.next_task(stocked, "Ada", project_id=1)
    answers.submit(stocked, done.claim, Answer(response="A.", rating=4), annotator="Ada")
    assert states(stocked) == ["waiting", "waiting", "waiting"]


def test_a_lead_makes_their_answer_the_right_one_of_a_gold_record(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.change(stocked, project_id=1, actor="Lea", gold_every=1)
    task = queue.next_task(stocked, "Lea", project_id=1)
    answers.submit(stocked, task.claim, Answer(response="A.", rating=5), annotator="Lea")
    app = draw("history", stocked, monkeypatch, person="Lea")
    press(app, "Make it a gold record with this answer")
    assert states(stocked) == ["gold", "waiting", "waiting"]
    assert queue.next_task(stocked, "Ben", project_id=1).claim.record_id == task.claim.record_id


def test_a_later_import_is_put_first(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        file = tmp_path / f"{name}.csv"
        file.write_text(f"prompt,completion\n{name}?,yes\n")
        import_file(workspace, file, actor="Lea")
    app = draw("team", workspace, monkeypatch, person="Lea")
    press(app, "Move")  # the newest import stands first in the list
    assert "Priority 10: 1 review." in texts(app)
    assert queue.next_task(workspace, "Ada", project_id=1).record.instruction == "second?"
