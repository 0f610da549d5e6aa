"""Profile: counts that are there at once, rules with their switches, and work in the background for many records."""

from __future__ import annotations

import pytest

from curator import Workspace, jobs
from curator.curate import checks
from curator.store import projects, records
from tests.app.pages import draw, press, texts
from tests.conftest import make_record

REFUSAL = "I'm sorry, but I can't help with that."


def stock(workspace: Workspace, count: int) -> None:
    some = [make_record(f"Say {n}, please.", REFUSAL if n == 0 else f"{n} it is.", licence="MIT") for n in range(count)]
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, some, project=project, at=workspace.clock())


def test_without_records_there_is_a_way_to_some(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("profile", workspace, monkeypatch, person="Lea")
    assert "has no records yet" in texts(app)


def test_few_records_are_counted_by_opening_the_page(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stock(workspace, 1)
    app = draw("profile", workspace, monkeypatch, person="Lea")
    assert {metric.label: metric.value for metric in app.metric} == {
        "Records": "1", "Response, median": "38", "Before it, median": "14", "Hits of rules": "1"
    }  # fmt: skip
    assert "right 98% of 40 · run" in texts(app)
    stock(workspace, 2)  # one of them is known
    app.run()
    assert app.metric[0].value == "2"


def test_a_switch_is_stored_and_counts_from_the_next_counting_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(workspace, 3)
    app = draw("profile", workspace, monkeypatch, person="Lea", profile_tab="Rules")
    app.toggle(key="on 1 boilerplate-refusal").set_value(False).run()
    assert not app.exception
    assert "boilerplate-refusal is off" in texts(app).replace("\\", "")
    switched = {each.rule: each for each in checks.states(workspace, project_id=1)}["boilerplate-refusal"]
    assert (switched.is_on, switched.is_default) == (False, False)
    app.selectbox(key="level 1 cut-off-response").set_value("error").run()
    levelled = {each.rule: each for each in checks.states(workspace, project_id=1)}["cut-off-response"]
    assert (levelled.is_on, levelled.level) == (True, "error")


def test_many_records_are_counted_in_the_background(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stock(workspace, 2_001)
    app = draw("profile", workspace, monkeypatch, person="Lea")
    assert "2,001 records, none of them counted yet." in texts(app)
    assert not app.metric
    press(app, "Count the records")
    assert not app.exception
    [job] = jobs.listed(workspace, project_id=1)
    assert (job.kind, job.actor) == ("check", "Lea")
    jobs.cancel(workspace, job.id, actor="Lea")
