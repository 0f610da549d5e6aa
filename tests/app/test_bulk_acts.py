"""The panel of bulk acts on the page Records: look, confirm, follow, undo."""

from __future__ import annotations

import pytest

from curator import Workspace
from curator.store import projects, records
from schemas.annotation import RecordState
from tests.app.pages import draw, press, texts
from tests.conftest import make_record
from tests.jobs import processes


def states(workspace: Workspace) -> set[RecordState]:
    with workspace.read() as connection:
        return {each.state for each in records.every(connection, 1)}


@pytest.mark.slow
def test_many_records_are_looked_at_confirmed_by_their_number_and_taken_back(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workspace.write() as connection:
        many = [make_record(f"Question {n}?", "Write to ada@lovelace.org.") for n in range(120)]
        records.add_many(connection, many, project=projects.by_name(connection), at=workspace.clock())
    app = draw("records", workspace, monkeypatch, person="Lea")
    app.selectbox(key="bulk act").set_value("Mask personal data").run()
    press(app, "Look at what it does")
    assert "120 records**: 120 waiting" in texts(app)
    assert "EMAIL" in texts(app)
    app.selectbox(key="bulk act").set_value("Reject").run()
    press(app, "Look at what it does")
    [go] = [each for each in app.button if each.key == "bulk go"]
    assert go.disabled
    [typed] = [each for each in app.text_input if each.label == "Type 120 to confirm"]
    typed.set_value("120").run()
    press(app, "Reject: 120 records")
    assert "has begun" in texts(app)
    processes.wait()
    app.run()
    assert states(workspace) == {RecordState.REJECTED}
    assert "Reject, 120 records" in texts(app)
    press(app, "Undo")
    processes.wait()
    app.run()
    assert states(workspace) == {RecordState.WAITING}
    assert "taken back for 120 records" in texts(app)
