"""The gate in front of the pages: who is let in, and what a browser is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app import identity, sign_in
from app.labelling import routes as labelling
from curator import Workspace
from curator.access import accounts
from schemas.account import Role

PASSWORD = "four brown hens"
HTML = {"accept": "text/html"}


async def _stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(identity.account_of(socket).name)
    await socket.close()


async def _who(request: Request) -> JSONResponse:
    account = identity.account_of(request)
    return JSONResponse({"name": account.name if account else None})


@pytest.fixture
def client(stocked: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A browser in front of the gate, with a page and a websocket behind it."""
    monkeypatch.setenv(identity.WORKSPACE_VARIABLE, str(stocked.folder))
    monkeypatch.delenv(identity.SIGN_IN_VARIABLE, raising=False)
    behind = [
        Route("/annotate", _who),
        Route("/api/v1/health", lambda _: JSONResponse({"ok": True})),
        WebSocketRoute("/_stcore/stream", _stream),
    ]
    app = Starlette(routes=[*sign_in.routes(), *labelling.routes(), *behind], middleware=[Middleware(sign_in.Gate)])
    with TestClient(app, follow_redirects=False) as started:
        yield started


@pytest.fixture
def ada(stocked: Workspace) -> None:
    accounts.redeem(stocked, accounts.setup_link(stocked), name="Ada", password=PASSWORD)


def enter(client: TestClient, name: str = "Ada", password: str = PASSWORD, then: str = "/annotate") -> int:
    given = {"name": name, "password": password}
    return client.post(f"/auth/sign-in?next={then}", data=given, headers={"sec-fetch-site": "same-origin"}).status_code


def test_without_accounts_everything_is_open(client: TestClient) -> None:
    assert client.get("/annotate", headers=HTML).json() == {"name": None}


def test_a_server_that_was_told_so_asks_before_there_is_an_account(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(identity.SIGN_IN_VARIABLE, "true")
    assert client.get("/annotate", headers=HTML).status_code == 303


def test_a_page_leads_to_the_sign_in_and_back(client: TestClient, ada: None) -> None:
    sent = client.get("/annotate?x=1", headers=HTML)
    assert (sent.status_code, sent.headers["location"]) == (303, "/auth/sign-in?next=/annotate%3Fx%3D1")
    given = {"name": "Ada", "password": PASSWORD}
    entered = client.post(sent.headers["location"], data=given, headers={"sec-fetch-site": "same-origin"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/annotate?x=1")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/annotate", headers=HTML).json() == {"name": "Ada"}


def test_the_cookie_is_secure_over_https(client: TestClient, ada: None) -> None:
    client.base_url = "https://testserver"
    given = {"name": "Ada", "password": PASSWORD}
    entered = client.post("/auth/sign-in", data=given, headers={"sec-fetch-site": "same-origin"})
    assert "secure" in entered.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "//["]
)
def test_the_sign_in_never_leads_elsewhere(client: TestClient, ada: None, target: str) -> None:
    given = {"name": "Ada", "password": PASSWORD}
    entered = client.post("/auth/sign-in", params={"next": target}, data=given)
    assert entered.headers["location"] == "/"


def test_a_form_from_another_site_is_refused(client: TestClient, ada: None) -> None:
    given = {"name": "Ada", "password": PASSWORD}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        refused = client.post("/auth/sign-in", data=given, headers=headers)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers


def test_a_wrong_password_says_what_to_do_and_shows_what_was_typed_as_text(client: TestClient, ada: None) -> None:
    given = {"name": "<b>Ada</b>", "password": "wrong"}
    refused = client.post("/auth/sign-in", data=given)
    assert refused.status_code == 401
    assert "do not fit" in refused.text
    assert "<b>Ada</b>" not in refused.text


def test_requests_without_a_session_are_refused(client: TestClient, ada: None) -> None:
    assert client.post("/api/v1/labelling/task", json={"project": 1, "person": "Ada"}).status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
        pass
    assert client.get("/api/v1/health").json() == {"ok": True}


def test_a_session_opens_the_websocket_and_names_who_answers(client: TestClient, ada: None, stocked: Workspace) -> None:
    enter(client)
    with client.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "Ada"
    # Whatever name a request gives, the session counts.
    task = client.post("/api/v1/labelling/task", json={"project": 1, "person": "Ben"}).json()["task"]
    from curator.store import claims

    with stocked.read() as connection:
        assert [each.holder for each in claims.leases(connection, project_id=1)] == ["Ada"]
    assert task["record_id"]


def test_a_link_makes_an_account_and_signs_in(client: TestClient, ada: None, stocked: Workspace) -> None:
    token = accounts.invite(stocked, Role.ANNOTATOR, actor="Ada")
    assert "Make your account" in client.get(f"/auth/account?token={token}").text
    short = client.post(f"/auth/account?token={token}", data={"name": "Ben", "password": "short"})
    assert (short.status_code, "fewer than 10" in short.text) == (422, True)
    made = client.post(f"/auth/account?token={token}", data={"name": "Ben", "password": PASSWORD})
    assert made.status_code == 303
    assert client.get("/annotate", headers=HTML).json() == {"name": "Ben"}
    assert client.get(f"/auth/account?token={token}").status_code == 410


@pytest.mark.parametrize("page", ["/auth/sign-in", "/auth/account"])
def test_a_form_that_no_page_here_sends_is_refused_in_a_sentence(
    client: TestClient, ada: None, stocked: Workspace, page: str
) -> None:
    token = accounts.invite(stocked, Role.ANNOTATOR, actor="Ada")
    half = b'--x\r\ncontent-disposition: form-data; name="password"\r\n\r\n+2AA-\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x; charset=utf-7"}  # in which that is half a surrogate pair
    refused = client.post(page, params={"token": token}, content=half, headers=kind)
    assert (refused.status_code, "The form cannot be read" in refused.text) == (415, True)
    nul = client.post(page, params={"token": token}, data={"name": "Eve\x00", "password": PASSWORD})
    assert (nul.status_code, "name" in nul.text) == (422, True)
