"""To whom the server answers: its own names, its own pages, and nothing that another site makes a browser send."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import asgi, origin
from curator.settings import Settings, load


async def _answer(request: Request) -> JSONResponse:
    return JSONResponse({"path": request.url.path})


async def _page(_request: Request) -> Response:
    return HTMLResponse("<p>A page</p>")


async def _unchanged(_request: Request) -> Response:
    return Response(status_code=304)


async def _stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.headers["host"])
    await socket.close()


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A program in front of a server that listens on this machine alone, and is told one more name."""
    routes = [
        Route("/page", _answer, methods=["GET", "POST", "PUT"]),
        Route("/html", _page),
        Route("/media/file", _page),
        Route("/unchanged", _unchanged),
        WebSocketRoute("/stream", _stream),
    ]
    app = Starlette(routes=routes)
    settings = Settings(allowed_hosts=("curator.example.org", "*.team.example.org"))
    with TestClient(asgi.guarded(app, settings), base_url="http://127.0.0.1:8501") as started:
        yield started


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost:8501",
        "LocalHost.:9000",
        "[::1]:8501",
        "[0:0::1]",
        "CURATOR.example.org",
        "a.team.example.org",
    ],
)
def test_the_server_answers_to_its_own_names(client: TestClient, host: str) -> None:
    assert client.get("/page", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "10.0.0.1:8501",
        "team.example.org",
        "xteam.example.org",
        "127.1",
        "[::2]",
    ],
)
def test_a_name_that_was_made_to_point_here_gets_a_sentence_and_no_page(client: TestClient, host: str) -> None:
    for method in ("GET", "POST"):
        refused = client.request(method, "/page", headers={"host": host, "x-forwarded-host": "localhost"})
        assert refused.status_code == 421
        assert "does not answer to the name" in refused.text
        assert "--allow-host" in refused.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/stream", headers={"host": host}):
        pass


@pytest.mark.parametrize(
    "host", ["", "localhost@evil.example", "localhost/", "localhost:70000", "local host", "[::1", "é"]
)
def test_what_is_no_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/page", headers={"host": host.encode()}).status_code == 400


def test_a_server_that_listens_everywhere_answers_to_addresses_and_not_to_names() -> None:
    names = origin.Names("0.0.0.0", ["curator.example.org"])
    assert all(map(names.hold, ("192.168.1.5", "2001:db8::1", "localhost", "curator.example.org")))
    assert not names.hold("evil.example")
    assert not origin.Names("192.168.1.5", []).hold("192.168.1.6")


@pytest.mark.parametrize(
    "sent_from",
    [
        "http://evil.example",
        "http://localhost:3000",
        "https://127.0.0.1:3000",
        "null",
        "http://127.0.0.1:8501@evil.example",
        "127.0.0.1:8501",
    ],
)
def test_a_page_of_another_site_changes_nothing_and_opens_no_websocket(client: TestClient, sent_from: str) -> None:
    for method in ("POST", "PUT"):
        refused = client.request(method, "/page", headers={"origin": sent_from})
        assert refused.status_code == 403
        assert "another site" in refused.text
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/stream", headers={"origin": sent_from}):
        pass


def test_our_own_pages_and_programs_that_are_no_browser_are_let_in(client: TestClient) -> None:
    assert client.post("/page", headers={"origin": "http://127.0.0.1:8501"}).status_code == 200
    assert client.post("/page").status_code == 200
    with client.websocket_connect("/stream", headers={"origin": "http://127.0.0.1:8501", "host": "127.0.0.1:8501"}):
        pass


def test_behind_a_proxy_that_speaks_https_the_port_that_goes_without_saying_is_the_same(client: TestClient) -> None:
    sent = {"host": "curator.example.org", "origin": "https://curator.example.org"}
    assert client.post("/page", headers=sent).status_code == 200
    assert client.post("/page", headers=sent | {"host": "curator.example.org:443"}).status_code == 200
    assert client.post("/page", headers=sent | {"origin": "https://curator.example.org:8443"}).status_code == 403
    client.base_url = "https://curator.example.org"
    assert client.post("/page", headers={"origin": "http://curator.example.org"}).status_code == 403


def test_streamlit_finds_nothing_to_ask_about_an_origin_that_was_let_in(client: TestClient) -> None:
    """It compares the two headers letter by letter, and asks an outside service where they differ."""
    sent = {"host": "Curator.example.org:443", "origin": "https://curator.example.org"}
    with client.websocket_connect("/stream", headers=sent) as socket:
        assert socket.receive_text() == "curator.example.org"


def test_names_come_from_the_environment_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATOR_ALLOWED_HOSTS", "one.example, *.two.example")
    assert load().allowed_hosts == ("one.example", "*.two.example")


def test_every_answer_has_the_headers_and_pages_a_policy_that_loads_nothing_from_elsewhere(client: TestClient) -> None:
    for answer in (client.get("/page"), client.get("/none"), client.get("/page", headers={"host": "evil.example"})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_only_a_page_may_run_scripts_and_one_that_did_not_change_keeps_its_policy(client: TestClient) -> None:
    policies = {path: client.get(path).headers["content-security-policy"] for path in ("/html", "/unchanged")}
    assert policies["/html"] == policies["/unchanged"]  # a browser takes over what it is told with a 304
    assert "script-src 'self'" in policies["/html"]
    assert "unsafe-eval" not in policies["/html"].replace("wasm-unsafe-eval", "")
    for path in ("/page", "/media/file"):
        assert client.get(path).headers["content-security-policy"].startswith("default-src 'none'; style-src")
