"""The doors of a server as people run it: who is refused before anything that they send is read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from curator import open_workspace
from curator.access import accounts, passwords
from schemas.account import Role
from tests.browser.conftest import _Servers

pytestmark = pytest.mark.slow

PASSWORD = "four brown hens"
UPLOAD = "/_stcore/upload_file/session/file"


class Served(NamedTuple):
    port: int
    sessions: dict[str, str]
    """By name."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the admin Ada, the reviewer Rio and the annotator Ben."""
    workspace = open_workspace(tmp_path_factory.mktemp("served") / "workspace", create=True)
    accounts.redeem(workspace, accounts.setup_link(workspace), name="Ada", password=PASSWORD)
    for name, role in (("Rio", Role.REVIEWER), ("Ben", Role.ANNOTATOR)):
        accounts.redeem(workspace, accounts.invite(workspace, role, actor="Ada"), name=name, password=PASSWORD)
    sessions = {name: passwords.sign_in(workspace, name, PASSWORD, address="test") for name in ("Ada", "Rio", "Ben")}
    workspace.close()
    servers = _Servers()
    address = servers.start(Path(workspace.folder))
    yield Served(int(address.rpartition(":")[2]), sessions)
    servers.kill(address)
    assert servers.outbound.refused() == []


def ask(served: Served, request: str, *, name: str | None = None, **headers: str) -> tuple[int, str]:
    """Send the head of a request and whatever stands behind it. Returns status and text of the answer."""
    head, _, body = request.partition("\n")
    sent = {"host": f"127.0.0.1:{served.port}", "connection": "close"} | {
        key.replace("_", "-"): value for key, value in headers.items()
    }
    if name is not None:
        sent["cookie"] = f"curator_session={served.sessions[name]}"
    lines = [f"{head} HTTP/1.1", *(f"{key}: {value}" for key, value in sent.items()), "", body]
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
    return int(answer.split(" ", 2)[1]), answer.partition("\r\n\r\n")[2]


def test_a_large_upload_is_refused_by_its_head_alone(served: Served) -> None:
    """None of the 200 MB is sent: an answer comes before a body."""
    refused = {
        name: ask(served, f"PUT {UPLOAD}", name=name, content_length=str(size))
        for name, size in (("Ben", 200_000_000), ("Rio", 200_000_000), ("Ada", 5_000_000_000))
    }
    assert {name: status for name, (status, _) in refused.items()} == {"Ben": 403, "Rio": 413, "Ada": 413}
    assert "Ask a lead" in refused["Ben"][1]
    assert ask(served, f"PUT {UPLOAD}", content_length="200000000")[0] == 401


def test_a_small_upload_of_a_lead_gets_past_to_streamlit(served: Served) -> None:
    assert "XSRF" in ask(served, f"PUT {UPLOAD}\nabc", name="Ada", content_length="3")[1]


@pytest.mark.parametrize(
    "request_line", ["GET /", "GET /auth/sign-in", "GET /api/v1/health", "POST /api/v1/labelling/task", f"PUT {UPLOAD}"]
)
def test_no_route_answers_to_a_strange_name_even_with_a_session(served: Served, request_line: str) -> None:
    status, text = ask(served, request_line, name="Ada", host="evil.example", content_length="0")
    assert (status, "does not answer to the name evil.example" in text) == (421, True)


def test_a_form_larger_than_any_sign_in_is_refused(served: Served) -> None:
    assert ask(served, "POST /auth/sign-in", content_length="1000000")[0] == 413


@pytest.mark.parametrize("sent_from", ["http://localhost:3000", "http://evil.example", "null"])
def test_the_websocket_of_the_pages_opens_for_our_own_alone(served: Served, sent_from: str) -> None:
    cookie = {"Cookie": f"curator_session={served.sessions['Ben']}"}
    stream = f"ws://127.0.0.1:{served.port}/_stcore/stream"
    with pytest.raises(InvalidStatus) as refused:
        connect(stream, origin=sent_from, additional_headers=cookie)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    assert b"another site" in refused.value.response.body
    with connect(stream, origin=f"http://127.0.0.1:{served.port}", additional_headers=cookie):  # type: ignore[arg-type]
        pass


def test_what_the_server_tells_of_itself_is_little(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head = connection.recv(65536).decode().lower()
    assert "\r\nserver:" not in head
    status, text = ask(served, "POST /_stcore/agent/interact\n{}", name="Ada", content_length="2")
    assert status >= 400, text  # a second way in, which knows no accounts, is shut
