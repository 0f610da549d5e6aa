"""How much comes in, from whom and how fast: refused while it arrives, before it is kept."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Scope
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from app import asgi, identity, limits
from schemas.account import Account, Role
from tests.outbound import Outbound

_T = TypeVar("_T")

UPLOAD = "/_stcore/upload_file/session/file"
MB = 2**20
_ADA = Account(
    name="Ada", role=Role.ADMIN, disabled=False, has_password=True, created_at=datetime(2026, 3, 1, tzinfo=UTC)
)
kept: list[int] = []
read: list[int] = []


async def _keep(request: Request) -> JSONResponse:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        read.append(len(chunk))
    kept.append(size)
    return JSONResponse({"size": size})


class _SignedIn:
    """Stands for the gate: the account of a request by a header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: object, send: object) -> None:
        role = dict(scope.get("headers", [])).get(b"role")
        if role is not None:
            scope[identity.SCOPE_KEY] = _ADA.model_copy(update={"role": Role(role.decode())})
        await self.app(scope, receive, send)


def _app(*, together: int = 12, patience: float = 30.0) -> Starlette:
    return Starlette(
        routes=[
            Route(path, _keep, methods=["PUT", "POST"])
            for path in (UPLOAD, "/api/v1/review/draft", "/auth/sign-in", "/other")
        ],
        middleware=[
            Middleware(limits.Bodies, patience=patience),
            Middleware(_SignedIn),
            Middleware(
                limits.Uploads,
                limits=limits.UploadLimits(by_lead=5, together=together, by_reviewer=2),
                kept=lambda: sum(kept),
            ),
        ],
    )


@pytest.fixture
def client() -> Iterator[TestClient]:
    kept.clear()
    read.clear()
    with TestClient(_app()) as started:
        yield started


def put(client: TestClient, size: int, role: str | None, *, says_size: bool = True) -> tuple[int, str]:
    def pieces() -> Iterator[bytes]:
        for start in range(0, size, MB):
            yield b"x" * min(MB, size - start)

    body = b"x" * size if says_size else pieces()
    answer = client.put(UPLOAD, content=body, headers={} if role is None else {"role": role})
    return answer.status_code, answer.text


@pytest.mark.parametrize("says_size", [True, False])
def test_an_annotator_uploads_nothing_and_nothing_of_it_is_kept(client: TestClient, says_size: bool) -> None:
    status, text = put(client, 3 * MB, "annotator", says_size=says_size)
    assert (status, kept, read) == (403, [], [])
    assert "Ask a lead" in text


@pytest.mark.parametrize(("role", "most"), [("reviewer", 2), ("lead", 5), ("admin", 5), (None, 5)])
@pytest.mark.parametrize("says_size", [True, False])
def test_each_role_uploads_up_to_its_limit(client: TestClient, role: str, most: int, says_size: bool) -> None:
    assert put(client, most * MB, role, says_size=says_size)[0] == 200
    status, text = put(client, (most + 2) * MB, role, says_size=says_size)
    assert (status, kept) == (413, [most * MB])
    assert "curator import" in text


def test_what_streamlit_keeps_of_uploads_is_counted_by_its_own_statistics() -> None:
    """Were they empty or otherwise named in a new release, the limit for all uploads together would count nothing."""
    files = MemoryUploadedFileManager(UPLOAD)
    for session, content in (("first", b"abc"), ("second", b"defgh")):
        files.add_file(session, UploadedFileRec(file_id=session, name="a.csv", type="text/csv", data=content))
    assert asgi.bytes_in(files) == 8
    files.remove_session_files("first")
    assert asgi.bytes_in(files) == 5


def test_all_uploads_together_stay_below_a_limit(client: TestClient) -> None:
    assert [put(client, 5 * MB, "lead")[0] for _ in range(3)] == [200, 200, 413]
    kept.clear()  # the pages that had them are gone
    assert put(client, 5 * MB, "lead")[0] == 200


def test_uploads_that_arrive_at_once_are_counted_before_they_end() -> None:
    """Three that say nothing of their size each send 2 MB of 5: the limit of 5 MB together holds for what arrived."""
    kept.clear()
    begun: list[int] = []

    async def send_all() -> list[int]:
        app = _app(together=5)
        everyone_sends = asyncio.Event()

        async def body(n: int) -> AsyncIterator[bytes]:
            for _ in range(2):
                yield b"x" * MB
            begun.append(n)
            if len(begun) == 2:
                everyone_sends.set()
            await asyncio.wait_for(everyone_sends.wait(), 30)
            yield b"x" * MB

        return await asyncio.gather(*(_status(app, "PUT", UPLOAD, body(n), [(b"role", b"lead")]) for n in range(2)))

    assert sorted(_run(send_all())) == [200, 413]


@pytest.mark.parametrize(
    ("path", "most"), [("/api/v1/review/draft", 4_100_000), ("/auth/sign-in", 20_000), ("/other", 100_000)]
)
@pytest.mark.parametrize("says_size", [True, False])
def test_other_routes_take_small_bodies_only(client: TestClient, path: str, most: int, says_size: bool) -> None:
    def send(size: int) -> int:
        body = b"x" * size
        return client.post(path, content=body if says_size else iter([body])).status_code

    assert (send(most), send(most + 1), kept) == (200, 413, [most])


@pytest.mark.parametrize("pieces", [[], [b"x"], [b"x"] * 5])
def test_a_body_that_stops_half_way_is_given_up(pieces: Sequence[bytes]) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        await asyncio.Event().wait()

    assert _run(_status(_app(patience=0.05), "POST", "/other", body())) == 408


def _run(answer: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine returns; in a thread of its own, since a browser of other tests may run a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, answer).result()


async def _status(
    app: ASGIApp, method: str, path: str, body: AsyncIterator[bytes], headers: Sequence[tuple[bytes, bytes]] = ()
) -> int:
    """The status that a request gets whose body arrives piece by piece."""
    statuses: list[int] = []
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers], "scheme": "http", "http_version": "1.1", "root_path": "",
        "server": ("127.0.0.1", 8501), "client": ("127.0.0.1", 5), "asgi": {"version": "3.0"},
    }  # fmt: skip

    async def receive() -> Message:
        piece = await anext(body, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


def test_the_watch_over_a_served_process_refuses_and_notes_what_leaves_the_machine() -> None:
    outbound = Outbound()
    tries = (
        "import socket\nfor call in (lambda: socket.create_connection(('192.0.2.1', 80), 1), lambda: "
        "socket.getaddrinfo('planted.example', 80), lambda: socket.getaddrinfo('localhost', 80)):\n"
        "    try:\n        call()\n    except PermissionError:\n        pass"
    )
    subprocess.run([sys.executable, "-c", tries], env=outbound.environment(), check=True)
    assert {line.split()[1] for line in outbound.refused()} == {"192.0.2.1", "planted.example"}
