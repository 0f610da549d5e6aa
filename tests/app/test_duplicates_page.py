"""The page Duplicates: nothing yet, clusters with what differs, the alarm, and evaluation items among the records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import jobs
from curator.curate import duplicates
from curator.ingest import import_file
from curator.review import add_suite
from curator.workspace import Workspace
from tests.app.pages import draw, press, texts

ANSWER = "Water boils at a lower temperature on a mountain because the air presses less on its surface there."


def fill(workspace: Workspace, folder: Path, rows: list[tuple[str, str]]) -> None:
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"instruction": one, "output": other}) for one, other in rows))
    import_file(workspace, file, actor="Ada", accept=True)


def test_clusters_are_shown_word_by_word_and_set_aside_and_put_back(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace, tmp_path, [("Why is that so?", ANSWER), ("why is that so", ANSWER + " Really."), ("Who?", "Ada.")])
    assert "Look for duplicates" in [button.label for button in draw("duplicates", workspace, monkeypatch).button]
    found = duplicates.find(workspace, actor="Ada")
    app = draw("duplicates", workspace, monkeypatch)
    assert "1 record too many, in 1 cluster" in texts(app)
    assert ":green-background[Really" in texts(app) or "~~Really" in texts(app)
    assert "Set aside 1 record (33.3%)" in [button.label for button in app.button]
    jobs.execute(workspace, duplicates.set_aside(workspace, found.id, actor="Ada"))
    app = draw("duplicates", workspace, monkeypatch)
    assert "1 record set aside." in texts(app)
    assert "Put them back" in [button.label for button in app.button]


def test_a_project_without_duplicates_says_so(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duplicates.find(workspace, actor="Ada")
    assert "None of 0 records repeats another one." in texts(draw("duplicates", workspace, monkeypatch))


def test_an_implausible_share_has_to_be_confirmed_and_clusters_are_paged(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = "abcdefghijkl"
    rows = [
        (f"Say {one}{one}{one} in other words", f"{' '.join(one + two for two in letters)} {'. ' * n}")
        for one in letters
        for n in range(11)
    ]
    fill(workspace, tmp_path, rows)
    found = duplicates.find(workspace, actor="Ada")
    assert found.clusters == 12 and found.alarm is not None
    app = draw("duplicates", workspace, monkeypatch)
    assert "implausible" in texts(app)
    assert next(each for each in app.button if each.label.startswith("Set aside")).disabled
    assert "Page 1 of 2" in texts(app)
    app = press(app, "Next")
    assert "Page 2 of 2" in texts(app)
    app = app.checkbox[0].check().run()
    assert not next(each for each in app.button if each.label.startswith("Set aside")).disabled


def test_evaluation_items_are_shown_beside_the_record_that_holds_them(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = "Which metal is liquid at room temperature and was once used in thermometers?"
    fill(workspace, tmp_path, [(f"Tell me: {item}", "Mercury."), ("Who was Ada?", "A person.")])
    suite = tmp_path / "quiz.jsonl"
    suite.write_text(json.dumps({"id": "m1", "prompt": item}))
    add_suite(workspace, suite, purpose="explore", actor="Ada")
    app = draw("duplicates", workspace, monkeypatch, duplicates_tab="Leakage")
    app = press(app, "Look for them in the records")
    assert "1 record of 2 hold" in texts(app)
    assert f"Tell me: {item}" in texts(app)
