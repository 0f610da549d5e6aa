"""What is said on the wire itself: heads that never end, targets with a host in them, and a port that is taken."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app import asgi, server
from curator.settings import Settings


async def _answer(request: Request) -> JSONResponse:
    client = request.client.host if request.client else None
    return JSONResponse({"path": request.url.path, "client": client, "scheme": request.url.scheme})


@contextmanager
def serving(*trusted_proxies: str) -> Iterator[int]:
    listening = server.listen("127.0.0.1", 0)
    app = asgi.guarded(Starlette(routes=[Route("/{path:path}", _answer)]), Settings())
    started = server.prepared(app, trusted_proxies=trusted_proxies)
    thread = threading.Thread(target=started.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    started.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a server listens that waits a fifth of a second for the head of a request."""
    patience, server.ImpatientProtocol.patience = server.ImpatientProtocol.patience, 0.2
    with serving() as listening:
        yield listening
    server.ImpatientProtocol.patience = patience


def say(port: int, text: str) -> str:
    """Send a text and return all that comes until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(text.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize("half", ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_a_connection_that_does_not_say_what_it_wants_is_ended(port: int, half: str) -> None:
    assert "200" not in say(port, half)


def test_a_second_request_that_never_ends_is_ended_too(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answered = b""
        while not answered.endswith(b"}"):
            answered += connection.recv(65536)
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert connection.recv(65536) == b""


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://localhost/page", "200"),
        ("HTTP://LOCALHOST/page", "200"),
        ("http://evil.example/page", "400"),
        ("http://localhost@evil.example/page", "400"),
        ("*", "400"),
        ("page", "400"),
    ],
)
def test_a_target_with_a_host_in_it_says_the_same_as_the_header(port: int, target: str, status: str) -> None:
    answered = say(port, f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answered.split()[1] == status
    assert ('"/page"' in answered) is (status == "200")


@pytest.mark.parametrize("hosts", ["", "Host: localhost\r\nHost: evil.example\r\n"])
def test_no_host_and_two_hosts_are_refused(port: int, hosts: str) -> None:
    assert say(port, f"GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n").split()[1] == "400"


def test_only_a_proxy_that_was_named_is_believed(port: int) -> None:
    told = "X-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https"
    sent = f"GET / HTTP/1.1\r\nHost: localhost\r\n{told}\r\nConnection: close\r\n\r\n"
    assert '"client":"127.0.0.1","scheme":"http"' in say(port, sent)
    with serving("127.0.0.1") as behind:
        assert '"client":"10.1.1.1","scheme":"https"' in say(behind, sent)


def test_a_port_that_is_taken_is_named_with_what_to_do(port: int) -> None:
    with pytest.raises(server.CannotListenError, match=f"cannot listen on 127.0.0.1, port {port}") as caught:
        server.listen("127.0.0.1", port)
    assert "--port" in caught.value.hint


def test_the_address_to_open_has_brackets_where_it_needs_them() -> None:
    with server.listen("::1", 0) as listening:
        assert server.address(listening, "::1") == f"http://[::1]:{listening.getsockname()[1]}"
        assert server.address(listening, "::").startswith("http://localhost:")
