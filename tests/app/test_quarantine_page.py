"""The quarantine page: rows are chosen, tried with other columns or discarded; an import is undone beside its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curator import Workspace
from curator.ingest import import_file, quarantine
from schemas.importing import FieldMap
from tests.app.pages import draw, texts


@pytest.fixture
def mistaken(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace in which five rows wait for the right columns, and one is broken."""
    file = tmp_path / "sums.jsonl"
    rows = [{"question": f"Add {n}.", "answer": str(n), "note": None} for n in range(5)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    wrong = FieldMap(columns={"instruction": "question", "response": "note"})
    import_file(workspace, file, actor="Lea", field_map=wrong)
    return workspace


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception, app.exception
    return app


def choose(app: AppTest, label: str, option: str) -> AppTest:
    next(box for box in app.selectbox if box.label == label).set_value(option).run()
    return app


def test_rows_of_a_rule_are_tried_with_other_columns(mistaken: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = choose(draw("quarantine", mistaken, monkeypatch), "Rule", "missing-field")
    assert "5 rows wait." in texts(app)
    press(app, "Try all 5 rows again")
    assert "5 still failing" in app.error[0].value
    choose(choose(app, "Instruction", "question"), "Response", "answer")
    press(app, "Try all 5 rows again")
    assert "5 imported" in texts(app)
    assert [row.issue.rule for row in quarantine.waiting(mistaken)] == ["unreadable-json"]


def test_rows_are_discarded_with_a_reason(mistaken: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = choose(draw("quarantine", mistaken, monkeypatch), "Rule", "unreadable-json")
    assert next(button for button in app.button if button.label.startswith("Discard")).disabled
    app.text_input(key="discard reason").set_value("It is cut off.").run()
    press(app, "Discard this row")
    assert "1 row discarded." in texts(app)
    assert len(quarantine.waiting(mistaken)) == 5
