"""The decision page: a failed gate is answered for, what changed and what is left stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator import Workspace, release
from schemas.release import Outcome
from tests.app.pages import draw, texts
from tests.release.walk import SYSTEM, Walk, honest


@pytest.mark.slow
def test_a_lead_answers_for_a_failed_gate_and_states_the_use(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(workspace, tmp_path)
    ids = walk.ask("probes", 60)
    walk.answer("probes", {p: f"{'HARM' if n < 30 else 'A calm answer'} {p}" for n, p in enumerate(ids)})
    walk.screen()
    walk.plan()
    walk.judge(honest, limit=50)
    hidden = texts(draw("decide", workspace, monkeypatch, person="Ada"))
    assert "10 prompts still wait" in hidden, "who judges blind is told what is left, and no counts of what was found"
    assert "defect is" not in hidden
    assert "As the evidence stands" not in hidden
    app = draw("decide", workspace, monkeypatch, person="Lea")
    assert "10 harm" in texts(app)
    walk.judge(honest)
    app = draw("decide", workspace, monkeypatch, person="Lea")
    assert "blocked" in texts(app)
    area = {each.label: each for each in app.text_area}
    area["What the model is meant for"].set_value("Drafts for editors.").run()
    next(each for each in app.button if each.label == "Store the use").click().run()
    area = {each.label: each for each in app.text_area}
    area["Why the model may go out all the same"].set_value("Fiction is allowed here.")
    next(each for each in app.button if each.label == "Answer for it until then").click().run()
    assert not app.exception
    stands = release.assess(workspace, SYSTEM)
    assert (stands.outcome, stands.intended_use) == (Outcome.CONDITIONS, "Drafts for editors.")
    assert stands.exemptions["harmful"].reason == "Fiction is allowed here."
    assert "Fiction is allowed here" in texts(app)
