"""The routes of the labelling screen: what is stored, what comes back, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import identity
from app.labelling import preview, routes
from app.labelling.component import ASSETS_PATH
from curator import Workspace
from curator.access import people
from curator.annotate import adjudicate, ask_again, lookup, questions
from curator.errors import AccessError
from curator.store import annotations, projects, records
from schemas.annotation import Annotation
from schemas.questions import Option, Question, QuestionSet
from schemas.record import Message, Origin, Record
from tests.conftest import REPOSITORY, make_record


class Browser:
    """Speaks to the routes as the screen does."""

    def __init__(self, workspace: Workspace, person: str = "Ada") -> None:
        self.client = TestClient(Starlette(routes=routes.routes()))
        self.workspace, self.person = workspace, person

    def post(self, name: str, **body: Any) -> Any:
        return self.client.post(f"/api/v1/labelling/{name}", json={"project": 1, "person": self.person, **body})

    def ask(self, name: str, **body: Any) -> dict[str, Any]:
        response = self.post(name, **body)
        assert response.status_code == 200, response.text
        return response.json()

    def task(self) -> dict[str, Any]:
        return self.ask("task")["task"]

    def stored(self) -> list[Annotation]:
        with self.workspace.read() as connection:
            return annotations.newest_of(connection, self.person, project_id=1, limit=50)


def body(task: dict[str, Any], **answer: Any) -> dict[str, Any]:
    return {
        "token": task["token"],
        "slot": task["slot_id"],
        "record": task["record_id"],
        "expires_at": task["expires_at"],
        "questions_hash": task["questions_hash"],
        "answer": {"response": task["response"], **answer},
    }


@pytest.fixture
def ada(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.setenv(identity.WORKSPACE_VARIABLE, str(stocked.folder))
    return Browser(stocked)


def test_a_submit_is_stored_and_brings_the_next_record(ada: Browser) -> None:
    task = ada.task()
    answer = ada.ask("act", kind="submit", **body(task, rating=4), active_seconds=12.5)
    assert answer["done"] == "submit"
    assert answer["task"]["record_id"] != task["record_id"]
    assert answer["progress"] | {"hours_left": None} == {
        "today": 1, "mine": 1, "waiting": 2, "settled": 1, "records": 3, "hours_left": None,
    }  # fmt: skip
    [stored] = ada.stored()
    assert (stored.id, stored.answer.rating, stored.active_seconds) == (answer["annotation"], 4, 12.5)
    assert stored.questions_hash == task["questions_hash"]


def test_a_submit_that_arrives_three_times_is_stored_once_and_answered_alike(ada: Browser) -> None:
    task = ada.task()
    found = [ada.ask("act", kind="submit", **body(task, rating=4)) for _ in range(3)]
    assert len({each["annotation"] for each in found}) == 1
    assert len({each["task"]["token"] for each in found}) == 1
    assert len(ada.stored()) == 1


def test_an_incomplete_answer_is_refused_with_the_question_it_lacks(ada: Browser) -> None:
    response = ada.post("act", kind="submit", **body(ada.task()))
    assert response.status_code == 422
    assert "Quality of the final text" in response.json()["problem"]
    assert ada.stored() == []


def test_a_draft_comes_back_with_what_is_known_about_the_text(ada: Browser) -> None:
    task = ada.task()
    said = ada.ask("draft", **body(task, response="Two words\n```"))
    assert (said["mine"], said["kept"], said["words"]) == (True, True, 3)
    assert said["warnings"] == ["A code fence is opened and not closed."]
    again = ada.task()
    assert again["draft"]["response"] == "Two words\n```"
    assert again["draft_saved_at"] == said["saved_at"]  # by which a browser knows its own draft


def test_a_sign_of_life_keeps_the_claim_and_stores_no_draft(ada: Browser) -> None:
    task = ada.task()
    said = ada.ask("renew", **body(task), active_seconds=60)
    assert said["mine"] is True
    assert said["now"]["guideline_hash"] == task["guideline_hash"]
    assert ada.task()["draft"] is None
    ada.ask("act", kind="submit", **body(task, rating=4))
    assert ada.ask("renew", **body(task), active_seconds=120)["mine"] is False


def test_a_draft_that_arrives_after_its_submit_is_dropped(ada: Browser) -> None:
    task = ada.task()
    ada.ask("act", kind="submit", **body(task, rating=4))
    late = ada.ask("draft", **body(task, response="Too late"))
    assert (late["kept"], late["answered"], late["saved_at"]) == (False, True, None)
    ada.ask("act", kind="undo")
    assert ada.task()["draft"]["response"] == task["response"]


def test_a_lost_claim_keeps_the_text_and_says_so(ada: Browser) -> None:
    task = ada.task()
    with ada.workspace.write() as connection:
        from curator.store import claims

        claims.release(connection, task["slot_id"])
    ben = Browser(ada.workspace, "Ben")
    theirs = ben.task()
    assert theirs["record_id"] == task["record_id"]
    assert ada.ask("draft", **body(task, response="Half a thought"))["mine"] is False
    response = ada.post("act", kind="submit", **body(task, response="Half a thought", rating=4))
    assert response.status_code == 409
    assert "kept as a draft" in response.json()["hint"]
    ben.ask("act", kind="skip", **body(theirs))
    with ada.workspace.read() as connection:
        assert annotations.draft_of(connection, task["record_id"], "Ada").answer.response == "Half a thought"


def test_requests_from_another_site_are_refused(ada: Browser) -> None:
    given = {"project": 1, "person": "Ada"}
    headers = {"sec-fetch-site": "cross-site"}
    response = ada.client.post("/api/v1/labelling/task", json=given, headers=headers)
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ("http://testserver", 200),
        ("https://testserver", 200),
        ("http://testserver:8501", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
def test_a_post_of_another_origin_is_refused_over_plain_http_too(ada: Browser, sender: str, status: int) -> None:
    given = {"project": 1, "person": "Ada"}
    response = ada.client.post("/api/v1/labelling/task", json=given, headers={"origin": sender})
    assert response.status_code == status


def test_a_claim_works_only_for_its_person(ada: Browser) -> None:
    task = ada.task()
    eve = Browser(ada.workspace, "Eve")
    assert eve.ask("renew", **body(task))["mine"] is False
    assert eve.post("draft", **body(task, response="As an AI language model, ```")).status_code == 409
    for kind in ("skip", "flag"):
        eve.post("act", kind=kind, **body(task))
    assert eve.post("act", kind="submit", **body(task, rating=1)).status_code == 409
    assert ada.task()["token"] == task["token"]
    ada.ask("act", kind="submit", **body(task, rating=4))
    assert eve.post("draft", **body(task, rating=4)).status_code == 409
    with ada.workspace.read() as connection:
        assert annotations.draft_of(connection, task["record_id"], "Eve") is None


@pytest.mark.parametrize("how", ["rendered", "diff", "tokens", "texts"])
def test_a_record_is_previewed_only_for_whoever_holds_it(ada: Browser, how: str) -> None:
    task = ada.task()
    assert ada.post("preview", how=how, **body(task)).status_code in (200, 422)  # this project has no tokens
    eve = Browser(ada.workspace, "Eve")
    assert eve.post("preview", how=how, **body(task)).status_code == 409
    assert ada.post("preview", how=how, **{**body(task), "token": "invented"}).status_code == 409
    other = next(each for each in _record_ids(ada.workspace) if each != task["record_id"])
    assert ada.post("preview", how=how, **{**body(task), "record": other}).status_code == 409


def _record_ids(workspace: Workspace) -> list[str]:
    return [each.id for each in lookup.page(workspace, project_id=1)]


def test_the_texts_of_a_record_are_rendered_without_what_markup_could_do(ada: Browser) -> None:
    evil = "<script>alert(1)</script> **bold** ![x](http://evil.example/x.png) [link](http://evil.example)"
    talk = [Message(role="user", content=evil), Message(role="assistant", content=evil)]
    record = Record(messages=tuple(talk), origin=Origin(source="a"), alternative=evil)
    with ada.workspace.write() as connection:
        project = projects.by_name(connection)
        [record_id] = records.add_many(connection, [record], project=project, at=ada.workspace.clock(), priority=9)
    task = ada.task()
    assert task["record_id"] == record_id
    texts = ada.ask("preview", how="texts", **body(task))
    for page in (*texts["messages"], texts["response"], texts["alternative"]):
        assert "<strong>bold</strong>" in page
        assert "<script" not in page
        assert "<img" not in page
        assert 'rel="noopener noreferrer"' in page


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (b"no json", 400),
        (b"[1]", 400),
        (b'{"person": " ", "project": 1}', 401),
        (b'{"person": "A"}', 422),
    ],
)
def test_what_is_no_request_is_refused_with_a_next_step(ada: Browser, given: bytes, status: int) -> None:
    response = ada.client.post("/api/v1/labelling/task", content=given)
    assert response.status_code == status
    assert response.json()["problem"]
    assert response.json()["hint"]


@pytest.mark.parametrize("depth", [500, 900, 970, 990, 100_000])
def test_a_body_that_is_nested_deeply_is_refused(ada: Browser, depth: int) -> None:
    given = b'{"person": "", "deep": ' + b"[" * depth + b"]" * depth + b"}"
    assert ada.client.post("/api/v1/labelling/task", content=given).status_code in (400, 401)


@pytest.mark.parametrize(
    "wrong",
    [
        {"project": "one"},
        {"project": 10**30},
        {"slot": None},
        {"expires_at": "tomorrow"},
        {"token": "\x00"},
        {"active_seconds": -1},
        {"active_seconds": "long"},
        {"answer": {"response": "half a pair \ud800"}},
        {"answer": []},
        {"answer": {"response": "x", "values": {"nul\x00": "y"}}},
        {"answer": {"response": "x", "values": {"tone": 10**400}}},
        {"answer": {"response": "x", "edit_reasons": ["\ud800"]}},
        {"active_seconds": 10**400},
        {"annotation": -(2**63)},
    ],
)
def test_a_request_that_cannot_be_read_is_not_repeated(ada: Browser, wrong: dict[str, Any]) -> None:
    for name in ("draft", "act"):
        given = {"project": 1, "person": "Ada", "kind": "submit", **body(ada.task(), rating=4), **wrong}
        response = ada.client.post(f"/api/v1/labelling/{name}", content=json.dumps(given))
        assert response.status_code == 422
        assert next(iter(wrong)) in response.json()["problem"]
    assert ada.stored() == []


def test_a_request_that_is_too_long_is_refused_whether_it_says_so_or_not(ada: Browser) -> None:
    parts = (b"x" * 1_000_000 for _ in range(5))
    for content in (b"x" * 4_000_001, parts):
        response = ada.client.post("/api/v1/labelling/draft", content=content)
        assert response.status_code == 413
        assert response.json()["hint"]


@pytest.mark.parametrize(("number", "status"), [("NaN", 400), ("Infinity", 400), ("1e999", 422), ("9" * 5_000, 422)])
def test_what_is_no_number_is_refused(ada: Browser, number: str, status: int) -> None:
    given = json.dumps({"project": 1, "person": "Ada", "kind": "submit", **body(ada.task(), rating=4)})
    given = given[:-1] + f', "active_seconds": {number}}}'
    assert ada.client.post("/api/v1/labelling/act", content=given).status_code == status


@pytest.mark.parametrize("name", ["Cur\u0430tor", "Ad\u0430", "ada", "Ada\x07", "Ada\u202e", "a" * 101])
def test_a_name_that_a_reader_could_take_for_another_is_refused_without_a_sign_in_too(ada: Browser, name: str) -> None:
    assert ada.task()["token"] == Browser(ada.workspace, "\uff21da ").task()["token"]  # the very same name
    with pytest.raises(AccessError) as refused:
        people.enter(ada.workspace, name)
    response = Browser(ada.workspace, name).post("task")
    assert response.status_code == 403
    assert response.json() == {"problem": refused.value.problem, "hint": refused.value.hint}


def test_what_is_not_there_is_answered_with_404_and_not_repeated_for_ever(ada: Browser) -> None:
    assert ada.post("task", project=7).status_code == 404
    assert ada.post("comment", record="gone", text="Hm").status_code == 404
    assert ada.post("doubt", record="gone", text="Hm").status_code == 404
    assert ada.post("act", kind="reopen", annotation=9).status_code == 404
    gone = {**body(ada.task(), rating=4, response="Typed."), "record": "gone"}
    assert ada.post("draft", **gone).status_code == 404
    for kind in ("submit", "skip", "flag"):
        assert ada.post("act", kind=kind, **gone).status_code == 404
    with ada.workspace.read() as connection:
        assert annotations.draft_of(connection, "gone", "Ada") is None


def test_another_text_for_an_answered_claim_is_refused_with_its_own_code(ada: Browser) -> None:
    task = ada.task()
    ada.ask("act", kind="submit", **body(task, rating=4))
    response = ada.post("act", kind="submit", **body(task, rating=4, response="Elsewhere."))
    assert (response.status_code, response.json()["code"]) == (409, "answered_elsewhere")


def test_what_changed_since_a_record_was_opened_is_told(ada: Browser) -> None:
    task = ada.task()
    seen = {"questions_hash": task["questions_hash"], "guideline_hash": task["guideline_hash"]}
    assert ada.ask("since", **seen) == {"reasons": [], "guideline": None}
    questions.set_guideline(ada.workspace, "Be brief.", project_id=1, actor="Lea")
    tone = Question(
        id="tone", kind="choice", title="Tone", options=(Option(value="a", label="A"), Option(value="b", label="B"))
    )
    asked = QuestionSet(questions=(*QuestionSet().questions, tone))
    questions.change_questions(ada.workspace, asked, project_id=1, actor="Lea")
    assert ada.ask("since", **seen) == {"reasons": ["tone: new"], "guideline": [["added", "Be brief."]]}
    assert ada.post("since", questions_hash="0" * 64, guideline_hash=seen["guideline_hash"]).status_code == 404


def test_an_answer_names_what_the_screen_showed(ada: Browser) -> None:
    task = ada.task()
    questions.set_guideline(ada.workspace, "Be brief.", project_id=1, actor="Lea")
    seen = {"guideline_hash": task["guideline_hash"], "saw_suggestions": False}
    ada.ask("act", kind="submit", **body(task, rating=4), **seen)
    [stored] = ada.stored()
    assert (stored.guideline_hash, stored.saw_suggestions) == (task["guideline_hash"], False)


def test_an_empty_queue_names_its_cause(ada: Browser) -> None:
    ben = Browser(ada.workspace, "Ben")
    tasks = []
    for person in (ada, ben, Browser(ada.workspace, "Eva")):
        tasks.append(person.task())
    late = Browser(ada.workspace, "Zoe").ask("task")
    assert late["task"] is None
    assert late["empty"]["cause"].startswith("Others hold the last 3 records, free again in at most 30 min")
    skipped = ben.ask("act", kind="skip", **body(tasks[1]))
    assert skipped["empty"]["action"] == "offer_skipped"
    assert ben.ask("task", offer_skipped=True)["task"]["record_id"] == tasks[1]["record_id"]


def test_markdown_of_a_record_runs_nothing_and_fetches_nothing() -> None:
    page = preview.markdown("<script>x</script> ![i](http://a/b.png) [l](javascript:alert(1)) **b**")
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "<strong>b</strong>" in page


def test_the_token_view_shows_what_the_trainer_sees(ada: Browser) -> None:
    base = REPOSITORY / "sample_data" / "base_model"
    with ada.workspace.write() as connection:
        projects.change(connection, projects.by_name(connection).model_copy(update={"base_model": str(base)}))
    task = ada.task()
    seen = ada.ask("preview", how="tokens", **body(task, response="Edited."))
    carries = "".join(text for is_loss, text in seen["pieces"] if is_loss)
    assert carries.startswith("Edited.")
    assert seen["ends"] is True
    assert 0 < seen["loss"] < seen["tokens"] < seen["most"]


def test_the_changes_view_is_word_by_word(ada: Browser) -> None:
    task = ada.task()
    seen = ada.ask("preview", how="diff", **body(task, response=task["response"].replace("Answer", "Reply")))
    assert ["removed", "Answer"] in seen["pieces"]
    assert ["added", "Reply"] in seen["pieces"]


def test_history_walks_back_and_forward(ada: Browser) -> None:
    for _ in range(3):
        ada.ask("act", kind="submit", **body(ada.task(), rating=5))
    newest = ada.ask("history")["entry"]
    before = ada.ask("history", before=newest["id"])["entry"]
    assert ada.ask("history", after=before["id"])["entry"]["id"] == newest["id"]
    assert ada.ask("history", after=newest["id"])["entry"] is None


def test_keys_are_changed_for_one_person_and_conflicts_are_named(ada: Browser) -> None:
    assert ada.ask("keys", keys={"skip": "w"})["keys"]["skip"] == "w"
    assert ada.ask("task")["keys"]["skip"] == "w"
    assert Browser(ada.workspace, "Ben").ask("task")["keys"]["skip"] == "s"
    for keys, problem in (
        ({"skip": "f"}, "two things"),
        ({"skip": "r"}, "belongs to Streamlit"),
        ({"skip": "1"}, "cannot be a key"),
    ):
        response = ada.post("keys", keys=keys)
        assert response.status_code == 422
        assert problem in response.json()["problem"]
    assert ada.ask("task")["keys"]["skip"] == "w"


def test_a_ruling_stands_beside_similar_records(ada: Browser) -> None:
    task = ada.task()
    number = ada.ask("doubt", record=task["record_id"], text="Is one word enough?")["doubt"]
    [waiting] = adjudicate.inbox(ada.workspace, project_id=1)
    assert (waiting.doubt.question, waiting.doubt.author) == ("Is one word enough?", "Ada")
    adjudicate.rule(ada.workspace, number, "One word is enough.", actor="Lea")
    assert adjudicate.inbox(ada.workspace, project_id=1) == []
    following = ada.ask("act", kind="submit", **body(task, rating=4))["task"]
    assert [each["ruling"] for each in following["rulings"]] == ["One word is enough."]


def test_comments_are_seen_by_everybody(ada: Browser) -> None:
    task = ada.task()
    ada.ask("comment", record=task["record_id"], text="See the guideline.")
    ada.ask("act", kind="skip", **body(task))
    ben = Browser(ada.workspace, "Ben")
    assert [(each["author"], each["text"]) for each in ben.task()["comments"]] == [("Ada", "See the guideline.")]


def test_remarks_that_arrive_twice_are_stored_once(ada: Browser) -> None:
    task = ada.task()
    for _ in range(2):
        said = ada.ask("comment", record=task["record_id"], text="See the guideline.", key="k1")
        assert [each["text"] for each in said["comments"]] == ["See the guideline."]
    asked = [ada.ask("doubt", record=task["record_id"], text="Is one word enough?", key="k2") for _ in range(2)]
    assert asked[0] == asked[1]
    assert len(adjudicate.inbox(ada.workspace, project_id=1)) == 1


def test_of_two_responses_the_better_one_becomes_the_response(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(identity.WORKSPACE_VARIABLE, str(workspace.folder))
    with workspace.write() as connection:
        project = projects.by_name(connection)
        pair = make_record("Red?", "A feeling.").model_copy(update={"alternative": "A colour."})
        [record_id] = records.add_many(connection, [pair], project=project, at=workspace.clock())
    ada = Browser(workspace)
    task = ada.task()
    assert ada.post("act", kind="submit", **body(task)).status_code == 422
    preference = {"choice": "alternative", "strength": 2, "shown_left": task["shown_left"]}
    ada.ask("act", kind="submit", **body(task, preference=preference))
    with workspace.read() as connection:
        final = records.get(connection, record_id).final
    assert (final.response, final.rejected[0].content) == ("A colour.", "A feeling.")
    assert final.alternative is None


def test_the_training_switch_of_an_earlier_turn_is_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(identity.WORKSPACE_VARIABLE, str(workspace.folder))
    said = [("user", "Hi"), ("assistant", "Hello"), ("user", "Red?"), ("assistant", "A colour.")]
    talk = Record(messages=tuple(Message(role=role, content=text) for role, text in said), origin=Origin(source="a"))
    with workspace.write() as connection:
        [record_id] = records.add_many(connection, [talk], project=projects.by_name(connection), at=workspace.clock())
    ada = Browser(workspace)
    ada.ask("act", kind="submit", **body(ada.task(), rating=5, trains=[False, True, False, True]))
    with workspace.read() as connection:
        final = records.get(connection, record_id).final
    assert [message.train for message in final.messages] == [False, True, False, True]


def test_a_record_that_was_sent_back_says_why(ada: Browser) -> None:
    task = ada.task()
    ada.ask("act", kind="submit", **body(task, rating=5))
    ask_again.send_back(ada.workspace, task["record_id"], reason="Too short.", actor="Lea")
    ada.ask("act", kind="skip", **body(ada.task()))  # what they hold by now
    again = ada.task()
    assert (again["record_id"], again["sent_back"]) == (task["record_id"], "Too short.")
    assert again["draft"]["rating"] == 5


def test_the_modules_of_the_screen_are_kept_by_the_browser_until_they_change(ada: Browser) -> None:
    response = ada.client.get(f"{ASSETS_PATH}/screen.js")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert ada.client.get("/assets/labelling/screen.js").status_code == 404
