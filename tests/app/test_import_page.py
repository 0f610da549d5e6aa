"""The import page: a file is looked at before it is stored, columns come from lists, no report outlives its file."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from curator import Workspace
from curator.store import records
from tests.app.pages import draw, texts

ASKED = [{"question": f"Add {n}.", "answer": str(n), "topic": "sums"} for n in range(8)]
LINES = "\n".join(json.dumps(row) for row in ASKED).encode()


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].set_value((name, content, "application/octet-stream")).run()
    assert not app.exception, app.exception
    return app


def choose(app: AppTest, label: str, column: str) -> AppTest:
    next(box for box in app.selectbox if box.label == label).set_value(column).run()
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception, app.exception
    return app


def stored(workspace: Workspace) -> int:
    with workspace.read() as connection:
        return len(records.page(connection, 1))


def test_five_mapped_records_are_shown_before_anything_is_stored(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = upload(draw("import_data", workspace, monkeypatch), "sums.jsonl", LINES)
    assert "The format is not recognised" in texts(app).replace("\\", "")
    assert next(button for button in app.button if button.label.startswith("Import")).disabled
    boxes = {box.label: box.options for box in app.selectbox}
    assert boxes["Response"] == ["question", "answer", "topic"]
    choose(choose(app, "Instruction", "question"), "Response", "answer")
    shown = app.dataframe[0].value
    assert list(shown["instruction"]) == [f"Add {n}." for n in range(5)]
    assert list(shown["response"]) == [str(n) for n in range(5)]
    assert stored(workspace) == 0
    press(app, "Import sums")
    assert stored(workspace) == 8
    assert "read 8 = 8 imported" in texts(app).replace("\\", "")


def test_a_mapping_is_remembered_for_the_same_columns_only(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = upload(draw("import_data", workspace, monkeypatch), "sums.jsonl", LINES)
    choose(choose(choose(app, "Instruction", "question"), "Response", "answer"), "Group", "topic")
    press(app, "Import sums")
    again = upload(draw("import_data", workspace, monkeypatch), "more.jsonl", LINES.replace(b"Add", b"Count"))
    assert {box.label: box.value for box in again.selectbox}["Group"] == "topic"
    assert len(again.dataframe[0].value) == 5
    other = upload(draw("import_data", workspace, monkeypatch), "other.jsonl", b'{"question": "a", "answer": "b"}\n')
    assert {box.label: box.value for box in other.selectbox}["Instruction"] is None


def test_a_file_that_cannot_be_read_leaves_no_report_of_the_last_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("import_data", workspace, monkeypatch)
    press(upload(app, "good.jsonl", b'{"prompt": "a", "completion": "b"}\n'), "Import good")
    assert "read 1 = 1 imported" in texts(app).replace("\\", "")
    upload(app, "cut.json", b'[{"prompt": "a", "completion": "b"},')
    assert "cut off: it ends after 1 whole rows" in app.error[0].value.replace("\\", "")
    assert "= 1 imported" not in texts(app).replace("\\", "")
    assert not [button for button in app.button if button.label.startswith("Import")], "nothing else is importable"
    assert stored(workspace) == 1


def test_an_import_is_undone_beside_its_file(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("import_data", workspace, monkeypatch)
    press(upload(app, "good.jsonl", b'{"prompt": "a", "completion": "b"}\n'), "Import good")
    app.session_state["imports"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    press(app, "Undo the import of good")
    assert "1 record removed." in texts(app)
    assert stored(workspace) == 0


def test_a_column_that_was_not_read_is_named_before_and_after_the_import(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"prompt": "Why?", "completion": "So.", "system_prompt": "Be brief.", "id": 7}
    app = upload(draw("import_data", workspace, monkeypatch), "brief.jsonl", json.dumps(row).encode())
    assert "Not read: system_prompt. Choose above" in texts(app).replace("\\", "")
    press(app, "Import brief")
    assert "Not read: system_prompt. They stay" in texts(app).replace("\\", "")
    assert "Choose above" not in texts(app)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(300), b'{"a": [1,2'], ids=["a picture", "cut off"])
def test_a_file_without_rows_ends_in_a_sentence_and_cannot_be_imported(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    app = upload(draw("import_data", workspace, monkeypatch), "strange.json", content)
    assert "can be read" in app.error[0].value
    assert not [button for button in app.button if button.label.startswith("Import")]


def test_what_came_in_as_reviewed_leads_to_freezing_and_is_no_longer_said_to_be_unstored(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = upload(draw("import_data", workspace, monkeypatch), "chat.jsonl", LINES.replace(b"question", b"instruction"))
    choose(app, "Response", "answer")
    app.toggle[0].set_value(True).run()
    press(app, "Import")
    assert "Freeze what came in" in [link.label for link in app.main.get("page_link")]
    assert "They are stored." in texts(app)
    assert "Versions" in [link.label for link in app.sidebar.get("page_link")]
