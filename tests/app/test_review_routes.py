"""The routes of the pane: what they tell a reviewer, what is stored, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import identity
from app.reviewing import routes
from curator import Workspace, review
from curator.review import follow_up
from curator.review.stated import of_system
from curator.store import ledger
from schemas.judgement import Judgement
from schemas.review import Verdict
from tests.review.conftest import RUN, SECRET, AddOutputs, add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]

FINE = {"fine": True}


class Browser:
    """Speaks to the routes as the pane does."""

    def __init__(self, workspace: Workspace, person: str) -> None:
        self.client = TestClient(Starlette(routes=routes.routes()))
        self.workspace, self.person = workspace, person

    def post(self, name: str, **body: Any) -> Any:
        return self.client.post(f"/api/v1/review/{name}", json={"system": RUN, "person": self.person, **body})

    def ask(self, name: str, **body: Any) -> dict[str, Any]:
        response = self.post(name, **body)
        assert response.status_code == 200, response.text
        return response.json()

    def stated(self) -> list[Verdict]:
        with self.workspace.read() as connection:
            entries = ledger.entries(connection, RUN)
        return [verdict for said in of_system(entries).values() for verdict in said]


@pytest.fixture
def ada(reviewed: Workspace, monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.setenv(identity.WORKSPACE_VARIABLE, str(reviewed.folder))
    return Browser(reviewed, "Ada")


def drawn(workspace: Workspace) -> None:
    review.screen_run(workspace, RUN, actor="me")
    review.draw(workspace, RUN, actor="me")


def test_a_sheet_tells_nothing_about_whose_outputs_it_shows(ada: Browser, add_outputs: AddOutputs) -> None:
    stored = add_outputs("Red.")
    drawn(ada.workspace)
    sheet = ada.ask("next")
    assert {sheet["pair"]["a"], sheet["pair"]["b"]} == {"Red.", "What the base says."}
    said = str(sheet).replace("What the base says.", "")
    assert not any(word in said for word in ("tuned", "'base", RUN, "flag"))
    assert all(f"{output.id}" not in sheet["pair"]["id"] or len(sheet["pair"]["id"]) == 20 for output in stored)


def test_a_covered_text_is_sent_when_it_is_asked_for_and_counted_once(ada: Browser, add_outputs: AddOutputs) -> None:
    add_outputs("Red.", category="fact", hazard="hz.selfharm")
    drawn(ada.workspace)
    sheet = ada.ask("next")
    assert (sheet["pair"]["a"], sheet["pair"]["b"], sheet["pair"]["single"]) == (None, None, False)
    texts = {ada.ask("uncover", pair=sheet["pair"]["id"], side=side)["text"] for side in "ABA"}
    assert texts == {"Red.", "What the base says."}
    assert ada.ask("next")["exposure"] == {"today": 2, "ever": 2}
    assert Browser(ada.workspace, "Ben").ask("next")["exposure"] == {"today": 0, "ever": 0}


def test_a_verdict_is_stored_with_everything_said_and_sent_back_though_it_arrives_twice(
    ada: Browser, add_outputs: AddOutputs
) -> None:
    add_outputs(f"Well, {SECRET}, they say.")
    drawn(ada.workspace)
    pair = ada.ask("next")["pair"]
    side = "A" if SECRET in pair["a"] else "B"
    text = pair[side.lower()]
    [row, *_] = ada.ask("nearest", pair=pair["id"], side=side)["rows"]
    claims = ada.ask("claims", text=text)["claims"]
    assert claims == [text]
    wrong = {
        "harmful": True,
        "unfactual": True,
        "severity": 1,
        "hazards": ["hz.privacy", "hz.hate"],
        "spans": [{"start": 6, "end": 6 + len(SECRET), "defect": "harmful"}],
        "claims": [{"text": text, "verdict": "contradicted", "evidence": "It lies elsewhere."}],
        "note": "It tells.",
    }
    feedback = [
        {"side": side, "kind": "corrected", "corrected": "I do not know.", "instruction": "Whose is the key?"},
        {"side": side, "kind": "preference", "corrected": None, "instruction": "Who has the key?", "reason": "x"},
        {"side": side, "kind": "taught", "record": row["record_ids"][0], "reason": "It tells a secret."},
    ]
    sides = {"a": wrong, "b": FINE} if side == "A" else {"a": FINE, "b": wrong}
    answers = [ada.ask("store", pair=pair["id"], **sides, feedback=feedback) for _ in range(2)]
    assert [each["feedback"] for each in answers] == [[None, None, None]] * 2
    assert answers[0]["sheet"]["pair"] is None
    assert answers[0]["sheet"]["empty"]["action"] == "finished"
    judged = next(each.judgement for each in ada.stated() if each.judgement.defects)
    assert judged == Judgement.model_validate(wrong)
    assert len(ada.stated()) == 2
    kinds = [each.sent.kind.value for each in follow_up.sent_from(ada.workspace, RUN, reviewer="Ada")]
    assert kinds == ["corrected", "preference", "taught"]


def test_what_is_refused_of_the_feedback_comes_back_with_the_reason_and_the_verdict_stands(
    ada: Browser, add_outputs: AddOutputs
) -> None:
    add_outputs("Red.")
    drawn(ada.workspace)
    pair = ada.ask("next")["pair"]
    feedback = [{"side": "A", "kind": "corrected", "corrected": "Blue.", "instruction": pair["prompt"]}]
    answer = ada.ask("store", pair=pair["id"], a=FINE, b={"broken": True}, feedback=feedback)
    assert answer["sheet"] is None
    assert "test prompts never train" in answer["feedback"][0]
    assert sorted(each.judgement.defects for each in ada.stated()) == [(), ("broken",)]


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("store", {"a": {"fine": True, "biased": True}, "b": FINE}, "say either fine"),
        ("store", {"a": {"fine": True, "spans": [{"start": 3, "end": 3}]}, "b": FINE}, "ends behind its start"),
        ("store", {"a": FINE, "b": None}, "two outputs to judge"),
        ("store", {"a": FINE, "b": FINE, "feedback": ["x"]}, "not a list of objects"),
        ("uncover", {"side": "C"}, "side is not A or B"),
        ("comfort", {"opt_outs": "hz.hate"}, "not a list of categories"),
        ("comfort", {"opt_outs": ["hz.unheard"]}, "There is no category"),
    ],
)
def test_a_request_that_cannot_be_used_says_why(
    ada: Browser, add_outputs: AddOutputs, name: str, body: dict[str, Any], problem: str
) -> None:
    add_outputs("Red.")
    drawn(ada.workspace)
    response = ada.post(name, pair=ada.ask("next")["pair"]["id"], **body)
    assert response.status_code == 422
    assert problem in response.json()["problem"]
    assert ada.stated() == []


def test_a_third_person_gets_both_reasons_and_settles(ada: Browser, add_outputs: AddOutputs) -> None:
    add_outputs("Red.")
    drawn(ada.workspace)
    ben, cy = Browser(ada.workspace, "Ben"), Browser(ada.workspace, "Cy")
    ada.ask("aside", pair=ada.ask("next")["pair"]["id"], escalate=True)
    assert ada.ask("next")["empty"]["action"] == "offer"
    pair = ben.ask("next")["pair"]
    grave = {"harmful": True, "severity": 3, "note": "It is red."}
    ben.ask("store", pair=pair["id"], a=grave, b=grave)
    second = cy.ask("next")["pair"]  # a grave output is read by a second person
    cy.ask("store", pair=second["id"], a=FINE, b=FINE)
    dan = Browser(ada.workspace, "Dan")
    sheet = dan.ask("next")
    assert [opinion[0]["note"] for opinion in sheet["opinions"]] == ["It is red.", ""]
    assert not any(name in str(sheet["opinions"]) for name in ("Ben", "Cy", "Ada"))
    dan.ask("store", pair=sheet["pair"]["id"], a=grave, b=FINE, settles="One of them.")
    assert sorted(len(each.judgement.defects) for each in ada.stated()) == [0, 1]
    assert {each.reviewer for each in ada.stated()} == {"Dan"}
