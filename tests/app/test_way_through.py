"""The way through the pages: a name, a menu that grows with the work, addresses that show the same to everyone."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from curator import Workspace
from curator.annotate import answers, queue, settings
from curator.store import projects, records, runs, versions
from schemas.annotation import Answer
from schemas.run import RunState, TrainConfig
from tests.app.pages import draw, press, texts
from tests.conftest import make_record
from tests.review.conftest import add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]


def menu(app: AppTest) -> list[str]:
    return [link.label for link in app.sidebar.get("page_link")]


def ids(workspace: Workspace) -> list[str]:
    with workspace.read() as connection:
        return [each.id for each in records.page(connection, 1)]


def test_the_first_visit_says_what_curator_is_and_asks_for_a_name(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("overview", stocked, monkeypatch, person="")
    assert "fine-tunes a language model" in texts(app)
    assert "waiting :blue[● next]" in texts(app)
    assert menu(app) == []
    app.text_input(key="typed name").set_value("Ben")
    press(app, "Begin")
    assert not app.exception
    assert "**Ben**" in texts(app)
    assert "Annotate" in menu(app)


def test_a_name_in_a_link_renames_no_one_and_is_forgotten(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("records", stocked, monkeypatch, person="Ada")
    app.query_params["person"] = "Eve"
    app.run()
    assert "**Ada**" in texts(app)
    assert "person" not in app.query_params


def test_the_menu_holds_what_can_be_used(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert menu(draw("overview", workspace, monkeypatch)) == ["Overview", "Import", "Project", "Accounts"]


def test_the_menu_grows_with_the_work(reviewed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    there = menu(draw("overview", reviewed, monkeypatch))
    assert {"Records", "Versions", "Train", "Runs"} <= set(there)
    assert not {"Quarantine", "Review", "Decide"} & set(there)


def test_a_new_project_is_entered_at_once_and_stands_in_the_address(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("project", stocked, monkeypatch)
    next(field for field in app.text_input if field.label == "Name of the new project").set_value("medical").run()
    press(app, "Create")
    assert app.title[0].value == "Project medical"
    assert app.query_params["project"] == "medical"


def test_a_link_opens_the_project_that_it_names(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.create(stocked, "medical", actor="Lea")
    app = draw("project", stocked, monkeypatch, project="medical")
    assert app.title[0].value == "Project medical"


def test_a_link_opens_the_record_that_it_names(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, last = ids(stocked)
    app = draw("records", stocked, monkeypatch, record=last)
    assert [each.value for each in app.subheader] == [f"Record {last[:8]}"]
    assert app.query_params["record"] == last


def test_what_happened_last_is_told_in_words(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        task = queue.next_task(stocked, "Ada", project_id=1)
        answers.submit(stocked, task.claim, Answer(response="A.", rating=4), annotator="Ada")
    app = draw("overview", stocked, monkeypatch)
    assert "Ada answered 2 records, just now" in [link.label for link in app.main.get("page_link")]


def test_a_version_that_was_frozen_is_looked_into_and_trained_on(
    reviewed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reviewed.write() as connection:
        more = [make_record(f"Question {n}?", f"{n}.") for n in range(40)]
        records.add_many(connection, more, project=projects.by_name(connection), at=reviewed.clock(), accept=True)
    app = draw("versions", reviewed, monkeypatch)
    next(field for field in app.text_input if field.label == "Name").set_value("second").run()
    press(app, "Freeze")
    assert "Fine-tune a model on it" in [link.label for link in app.main.get("page_link")]
    [chosen] = [box.value for box in app.selectbox if box.label == "Look into"]
    with reviewed.read() as connection:
        assert versions.newest_first(connection)[0].id == chosen
        assert versions.newest_first(connection)[0].name == "second"
    app.switch_page("views/train.py").run()
    assert [box.value for box in app.selectbox if box.label == "Version"] == [chosen]


def test_a_link_to_a_run_says_more_than_the_run_that_was_ticked_before(
    reviewed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reviewed.write() as connection:
        version = versions.newest_first(connection)[0].id
        for name in ("older", "newer"):
            runs.add(
                connection, name, version_id=version, config=TrainConfig(base="x"), actor="Ada", at=reviewed.clock(),
                name=f"the {name} run",
            )  # fmt: skip
            runs.end(connection, name, RunState.DONE, at=reviewed.clock())
    app = draw("runs", reviewed, monkeypatch, run="older")
    assert [each.value for each in app.subheader] == ["the older run"]
    app.query_params["run"] = "newer"
    app.switch_page("views/train.py").run()
    assert [box.value for box in app.selectbox if box.label == "Run"] == ["newer"]
    del app.query_params["run"]
    app.switch_page("views/vote.py").run()
    assert [box.value for box in app.selectbox if box.label == "Run"] == ["newer"]
    assert app.query_params["run"] == "newer"


def test_filters_stand_in_the_address_and_a_link_without_them_leads_to_the_whole(
    stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("records", stocked, monkeypatch, query="state:accepted question")
    assert app.text_input(key="filter query").value == "state:accepted question"
    assert app.info[0].value.startswith("No record is as asked for")
    app.text_input(key="filter query").set_value("question").run()
    assert app.query_params["query"] == "question"
    assert len(app.dataframe[0].value) == 3
    for name in ("query", "record"):
        app.query_params.pop(name, None)
    app.run()
    assert app.text_input(key="filter query").value == ""
