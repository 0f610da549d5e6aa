"""Every page, drawn with no data, with one record and with a finished run: it says what to do and never breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator import Workspace, review, versions
from curator.access import accounts
from curator.annotate import adjudicate, answers, queue, team
from curator.ingest import import_file
from curator.store import annotations, projects, records, runs
from schemas.annotation import Answer, RecordState
from schemas.judgement import Judgement
from schemas.version import SplitPlan
from tests.app.pages import PAGES, draw, press, texts
from tests.conftest import cut, make_record
from tests.review.conftest import RUN, AddOutputs, add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]


@pytest.mark.parametrize("page", [page for page in PAGES if page != "annotate"])  # its screen draws in the browser
def test_a_page_without_data_says_what_to_do(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    app = draw(page, workspace, monkeypatch)
    assert not app.error
    assert texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_a_finished_run_draws(
    reviewed: Workspace, add_outputs: AddOutputs, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    add_outputs("Red.", "I cannot say that.")
    review.screen_run(reviewed, RUN, actor="me")
    app = draw(page, reviewed, monkeypatch)
    assert not app.error


def test_nobody_works_without_a_name(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("annotate", stocked, monkeypatch, person="")
    app.text_input(key="typed name").set_value("Ben")
    press(app, "Begin")
    assert not app.info
    assert not app.exception


@pytest.mark.parametrize("page", PAGES)
def test_who_is_signed_out_with_a_page_open_sees_nothing_of_it(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    app = draw(page, stocked, monkeypatch)
    accounts.redeem(stocked, accounts.setup_link(stocked), name="Ada", password="four brown hens")
    app.run()
    assert not app.exception
    assert texts(app) == "You are signed out."
    drawn = (*app.metric, *app.dataframe, *app.button, *app.text_input, *app.selectbox, *app.get("page_link"))
    assert not drawn


def test_the_history_takes_an_answer_back(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    task = queue.next_task(stocked, "Ada", project_id=1)
    answers.submit(stocked, task.claim, Answer(response="Better **bold**.", rating=4), annotator="Ada")
    app = draw("history", stocked, monkeypatch)
    assert "Better **bold**." in [element.value for element in app.text]
    next(button for button in app.button if button.label == "Take it back into the editor").click().run()
    assert not app.exception
    with stocked.read() as connection:
        assert annotations.newest_of(connection, "Ada", project_id=1, limit=10) == []


def test_the_history_turns_its_pages(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with workspace.write() as connection:
        some = [make_record(f"Question {n}?") for n in range(25)]
        records.add_many(connection, some, project=projects.by_name(connection), at=workspace.clock())
    for _ in range(25):
        task = queue.next_task(workspace, "Ada", project_id=1)
        answers.submit(workspace, task.claim, Answer(response="A.", rating=4), annotator="Ada")
    app = draw("history", workspace, monkeypatch)
    assert "Answers 1 to 20;" in texts(app)
    next(button for button in app.button if button.label == "Older").click().run()
    assert "Answers 21 to 25;" in texts(app)
    assert next(button for button in app.button if button.label == "Older").disabled
    next(button for button in app.button if button.label == "Newer").click().run()
    assert "Answers 1 to 20;" in texts(app)


def test_the_history_shows_what_a_lead_answered(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    task = queue.next_task(stocked, "Ada", project_id=1)
    number = adjudicate.ask(stocked, task.claim.record_id, "Is red a colour?", author="Ada")
    assert "It waits for a lead." in texts(draw("history", stocked, monkeypatch))
    adjudicate.rule(stocked, number, "It is.", actor="Lea")
    shown = texts(draw("history", stocked, monkeypatch))
    assert "Is red a colour?" in shown
    assert "Lea answered" in shown
    assert "It is." in shown


def test_a_corrected_row_leaves_the_quarantine(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "c"}\n')
    import_file(workspace, file, actor="me")
    app = draw("quarantine", workspace, monkeypatch)
    assert "Field completion is missing." in app.warning[0].value.replace("\\", "")
    app.text_area[0].set_value('{"prompt": "c", "completion": "d"}')
    next(button for button in app.button if button.label == "Try this text").click().run()
    assert "Imported." in texts(app)
    with workspace.read() as connection:
        assert len(records.page(connection, 1)) == 2


def test_the_review_page_shows_names_and_what_was_sent_back_only_after_the_part_is_closed(
    reviewed: Workspace, add_outputs: AddOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_outputs("Red.")
    review.screen_run(reviewed, RUN, actor="me")
    assert "No plan says yet" in texts(draw("review", reviewed, monkeypatch))
    review.draw(reviewed, RUN, actor="me")
    app = draw("review", reviewed, monkeypatch)
    assert not app.subheader
    record = _send_back(reviewed)
    app = draw("review", reviewed, monkeypatch)
    assert {each.value for each in app.subheader} == {"Sent back to the data", "Found wrong"}
    assert app.dataframe[0].value["record"].tolist() == [f"/records?record={record}"]
    assert "0 · tuned · unfactual (Ada)" in app.expander[0].label.replace("\\", "")
    story = draw("records", reviewed, monkeypatch, record=record)
    assert "It says what an output should have said: prompt 0 of gate" in texts(story).replace("\\", "")


def _send_back(workspace: Workspace) -> str:
    """Ada finds the tuned model's only output wrong and writes a better one. Returns the record that it became."""
    [pair] = review.pairs.open_pairs(workspace, "Ada", RUN)
    wrong, fine = Judgement(unfactual=True, note="It is blue."), Judgement(fine=True)
    sides = [wrong if text == "Red." else fine for text in (pair.a, pair.b)]
    review.verdicts.give(workspace, pair.id, a=sides[0], b=sides[1], reviewer="Ada")
    output = review.feedback.output_behind(workspace, pair.id, "A" if pair.a == "Red." else "B", reviewer="Ada")
    return review.feedback.to_queue(workspace, output, actor="Ada", instruction="A variant?", corrected="Blue.")


def test_pages_that_look_into_a_damaged_version_say_so_and_show_the_rest(
    reviewed: Workspace, add_outputs: AddOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_outputs("Red.")
    review.screen_run(reviewed, RUN, actor="me")
    review.draw(reviewed, RUN, actor="me")
    record = _send_back(reviewed)
    with reviewed.write() as connection:
        stored = records.get(connection, record)
        records.set_state(connection, stored, RecordState.ACCEPTED, final=stored.content)
    after = versions.freeze(reviewed, actor="me", plan=SplitPlan(train=1, validation=0, test=0))
    for file in (reviewed.versions_folder / after.id).rglob("*.parquet"):
        cut(file)
    for page, address, remains in (("records", {"record": record}, "Blue."), ("review", {}, "unfactual")):
        app = draw(page, reviewed, monkeypatch, **address)
        assert f"The files of version {after.id[:12]} cannot be read" in app.error[0].value.replace("\\", "")
        assert remains in texts(app) + "".join(each.label for each in app.expander)


def test_the_decision_page_says_what_is_left_and_what_could_then_be(
    reviewed: Workspace, add_outputs: AddOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_outputs(*(f"Text number {n} is fine." for n in range(30)))
    review.screen_run(reviewed, RUN, actor="me")
    app = draw("decide", reviewed, monkeypatch)
    assert "No review plan was drawn" in texts(app).replace("\\", "")
    next(button for button in app.button if button.label == "Draw the plan").click().run()
    assert not app.exception
    assert "Prompts that wait for a person: 23 task" in texts(app)
    assert "the decision could be :green[release]" in texts(app)
    outputs_page = draw("outputs", reviewed, monkeypatch)
    assert "stays hidden until your part of the review is closed" in texts(outputs_page)
    next(button for button in outputs_page.button if button.label.startswith("Close my part")).click().run()
    assert "stays hidden" not in texts(outputs_page)


def test_a_run_that_was_started_is_the_one_that_is_shown(reviewed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("train", reviewed, monkeypatch)
    assert app.selectbox(key="chosen run").value == RUN
    app.text_input(key="config max_tokens").set_value("8")  # every record is too long: the run ends at once
    next(button for button in app.button if button.label == "Start").click().run()
    started = app.selectbox(key="chosen run").value
    assert started != RUN
    with reviewed.read() as connection:
        assert runs.get(connection, started).created_by == "Ada"


@pytest.mark.parametrize("person", ["ada__b", "ada: __", "day:2026-03-01:x"])
def test_an_annotator_may_be_called_anything(stocked: Workspace, monkeypatch: pytest.MonkeyPatch, person: str) -> None:
    task = queue.next_task(stocked, person, project_id=1)
    answers.submit(stocked, task.claim, Answer(response="A.", rating=4), annotator=person)
    for page in ("annotate", "history", "team"):
        assert not draw(page, stocked, monkeypatch, person=person).exception
    assert [(each.name, each.answers, each.today) for each in team(stocked, project_id=1).members] == [(person, 1, 1)]
