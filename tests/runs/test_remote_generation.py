"""A suite answered by a model behind an address: stored as it comes, gone on with, and paid for once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curator import Workspace
from curator.errors import GenerationError
from curator.review import add_suite
from curator.runs.endpoint import Endpoint
from curator.runs.remote_generation import generate_at
from curator.store import outputs, systems
from schemas.review import Decoding, Output
from tests.runs import endpoint_server
from tests.runs.endpoint_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with endpoint_server.running() as running:
        yield running


@pytest.fixture
def asked(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with two suites, `first` of five prompts and `second` that shares one with it."""
    for name, texts in (("first", [f"word {n}" for n in range(5)]), ("second", ["word 0", "another"])):
        file = tmp_path / f"{name}.jsonl"
        file.write_text("\n".join(json.dumps({"id": str(n), "prompt": text}) for n, text in enumerate(texts)))
        add_suite(workspace, file, name=name, purpose="explore", actor="me")
    return workspace


def stored(workspace: Workspace, system: str) -> list[Output]:
    with workspace.read() as connection:
        return outputs.of_system(connection, systems.find(connection, system).id)


def refuses(handler: Any, asked: dict[str, Any]) -> None:
    endpoint_server.send(handler, 400, b"no")


def test_every_prompt_is_answered_once(asked: Workspace, server: Server) -> None:
    endpoint = Endpoint(url=server.url, model="m")
    report = generate_at(asked, endpoint, "first", system="theirs", actor="me", decoding=Decoding(samples=2))
    assert (report.outputs, report.new) == (10, 10)
    assert {output.text for output in stored(asked, "theirs")} == {f"You said: word {n}" for n in range(5)}
    assert sorted(request["seed"] for request in server.asked) == [0] * 5 + [1] * 5
    again = generate_at(asked, endpoint, "first", system="theirs", actor="me", decoding=Decoding(samples=2))
    assert (again.outputs, again.new) == (10, 0)
    assert len(server.asked) == 10


def test_what_was_answered_before_a_failure_is_kept_and_not_asked_again(asked: Workspace, server: Server) -> None:
    server.behaviours = [endpoint_server.answers, endpoint_server.answers, refuses]
    endpoint = Endpoint(url=server.url, model="m", at_once=1)
    with pytest.raises(GenerationError):
        generate_at(asked, endpoint, "first", system="theirs", actor="me")
    assert len(stored(asked, "theirs")) == 2
    report = generate_at(asked, endpoint, "first", system="theirs", actor="me")
    assert (report.outputs, report.new) == (5, 3)
    assert len(server.asked) == 3 + 3


def test_an_answer_is_paid_for_once_whatever_suite_or_system_asks(asked: Workspace, server: Server) -> None:
    endpoint = Endpoint(url=server.url, model="m")
    generate_at(asked, endpoint, "first", system="one", actor="me")
    generate_at(asked, endpoint, "second", system="one", actor="me")
    generate_at(asked, endpoint, "first", system="two", actor="me")
    assert len(server.asked) == 6
    assert [output.text for output in stored(asked, "two")] == [f"You said: word {n}" for n in range(5)]


def test_a_damaged_cache_is_asked_again(asked: Workspace, server: Server) -> None:
    endpoint = Endpoint(url=server.url, model="m")
    generate_at(asked, endpoint, "first", system="one", actor="me")
    for file in (asked.folder / "cache" / "answers").rglob("*.json"):
        file.write_bytes(file.read_bytes()[:5])
    generate_at(asked, endpoint, "first", system="two", actor="me")
    assert len(server.asked) == 10


@pytest.mark.parametrize(
    ("change", "decoding", "problem"),
    [({"model": "other"}, Decoding(), "another model"), ({}, Decoding(temperature=1), "another decoding")],
)
def test_a_system_is_one_model_with_one_decoding(
    asked: Workspace, server: Server, change: dict[str, str], decoding: Decoding, problem: str
) -> None:
    generate_at(asked, Endpoint(url=server.url, model="m"), "first", system="theirs", actor="me")
    with pytest.raises(GenerationError, match=problem):
        generate_at(
            asked, Endpoint(url=server.url, **({"model": "m"} | change)), "second", system="theirs", actor="me",
            decoding=decoding,
        )  # fmt: skip
