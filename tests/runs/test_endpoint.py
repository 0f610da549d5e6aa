"""Asking a model behind an address: a real server that is busy, wrong, half done or silent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from curator.errors import GenerationError
from curator.runs.endpoint import Endpoint, Question, ask, key_of
from schemas.record import Message
from schemas.review import Decoding
from tests.runs import endpoint_server
from tests.runs.endpoint_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with endpoint_server.running() as running:
        yield running


class Pauses:
    """Remembers how long it should have waited, and does not wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def question(text: str = "Hello", **decoding: Any) -> Question:
    return Question((Message(role="user", content=text),), Decoding(**decoding), seed=7)


def endpoint(server: Server, **settings: Any) -> Endpoint:
    return Endpoint(url=server.url, model="small", **settings)


def busy(handler: Any, asked: dict[str, Any]) -> None:
    endpoint_server.send(handler, 429, b"slow down", Retry_After="3")


def broken(handler: Any, asked: dict[str, Any]) -> None:
    endpoint_server.send(handler, 500, b"oh no")


def test_every_question_is_answered_with_its_number(server: Server) -> None:
    questions = [question(f"word {n}") for n in range(20)]
    answers = dict(ask(endpoint(server, at_once=4), questions))
    assert {n: said.text for n, said in answers.items()} == {n: f"You said: word {n}" for n in range(20)}
    assert answers[0].stopped is True
    assert answers[0].tokens == 4


def test_decoding_model_and_seed_are_sent(server: Server) -> None:
    list(ask(endpoint(server), [question(max_new_tokens=5, temperature=0.5, top_p=0.9)]))
    [asked] = server.asked
    assert (asked["model"], asked["max_tokens"], asked["temperature"], asked["top_p"], asked["seed"]) == (
        "small", 5, 0.5, 0.9, 7,
    )  # fmt: skip
    assert asked["messages"] == [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    "behaviour", [busy, broken, endpoint_server.html, endpoint_server.half, endpoint_server.nothing]
)
def test_what_waiting_may_mend_is_tried_again(server: Server, behaviour: endpoint_server.Behaviour) -> None:
    server.behaviours = [behaviour, behaviour]
    pauses = Pauses()
    [(_, said)] = ask(endpoint(server), [question()], pause=pauses)
    assert said.text == "You said: Hello"
    assert len(server.asked) == 3
    if behaviour is busy:
        assert pauses.seconds == [3.0, 3.0]
    else:
        assert 1 <= pauses.seconds[0] <= 1.5 < 2 <= pauses.seconds[1] <= 3


def test_a_server_that_stays_busy_ends_the_asking_with_its_own_words(server: Server) -> None:
    server.behaviours = [busy] * 3
    with pytest.raises(GenerationError, match=r"in 3 attempts; the last time: status 429: 'slow down'"):
        list(ask(endpoint(server, attempts=3), [question()], pause=Pauses()))


@pytest.mark.parametrize(("status", "hint"), [(401, "--key-variable"), (404, "/v1"), (400, "decoding")])
def test_what_waiting_cannot_mend_is_said_at_once(server: Server, status: int, hint: str) -> None:
    server.behaviours = [lambda handler, asked: endpoint_server.send(handler, status, b"no such thing")]
    with pytest.raises(GenerationError, match="no such thing") as error:
        list(ask(endpoint(server), [question()], pause=Pauses()))
    assert hint in error.value.hint
    assert len(server.asked) == 1


def test_answers_before_a_failure_are_handed_out(server: Server) -> None:
    server.behaviours = [
        endpoint_server.answers, endpoint_server.answers,
        lambda handler, asked: endpoint_server.send(handler, 400, b"no"),
    ]  # fmt: skip
    kept = []
    with pytest.raises(GenerationError):
        for n, said in ask(endpoint(server, at_once=1), [question(f"{n}") for n in range(5)]):
            kept.append((n, said.text))
    assert kept == [(0, "You said: 0"), (1, "You said: 1")]
    assert len(server.asked) == 3


def test_a_server_that_stays_silent_is_given_up(server: Server) -> None:
    over = threading.Event()
    server.behaviours = [lambda handler, asked: over.wait() and None]
    try:
        [(_, said)] = ask(endpoint(server, timeout_seconds=0.2), [question()], pause=Pauses())
    finally:
        over.set()
    assert said.text == "You said: Hello"
    assert len(server.asked) == 2


def test_requests_begin_at_an_even_pace(server: Server) -> None:
    pauses = Pauses()
    questions = [question(f"{n}") for n in range(3)]
    list(ask(endpoint(server, at_once=1, requests_per_minute=30), questions, pause=pauses, clock=lambda: 0.0))
    assert pauses.seconds == [2.0, 4.0]


def test_a_redirect_is_not_followed_since_it_would_carry_the_key_along(server: Server) -> None:
    server.behaviours = [lambda handler, asked: endpoint_server.send(handler, 307, b"", Location="http://127.0.0.1:9/")]
    with pytest.raises(GenerationError, match="status 307"):
        list(ask(endpoint(server), [question()], pause=Pauses()))


def test_the_key_comes_from_the_environment_and_is_part_of_no_hash(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_with_key = endpoint(server, key_variable="SOME_KEY")
    with pytest.raises(GenerationError, match="SOME_KEY is empty"):
        list(ask(asked_with_key, [question()]))
    monkeypatch.setenv("SOME_KEY", "abc")
    list(ask(asked_with_key, [question()]))
    assert server.keys == ["Bearer abc"]
    assert key_of(asked_with_key, question()) == key_of(endpoint(server), question())
    assert key_of(endpoint(server), question()) != key_of(endpoint(server), question(temperature=1.0))


def test_a_nul_in_an_answer_becomes_a_replacement_character(server: Server) -> None:
    server.behaviours = [
        lambda handler, asked: endpoint_server.send(handler, 200, endpoint_server.completion("a\x00b"))
    ]
    [(_, said)] = ask(endpoint(server), [question()])
    assert said.text == "a\ufffdb"
