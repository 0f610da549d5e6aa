"""A chat endpoint for the tests: a real HTTP server that answers as it is told, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


def completion(text: str, *, finish_reason: str = "stop") -> bytes:
    """The body of a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return json.dumps({"choices": [choice], "usage": {"completion_tokens": len(text.split())}}).encode()


def answers(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """Repeat the last message."""
    send(handler, 200, completion(f"You said: {asked['messages'][-1]['content']}"))


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Answer with a status and a body."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def half(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """Promise a whole body and hang up in its middle."""
    body = completion("never to be read")
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.close_connection = True


def nothing(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """Hang up without a word."""
    handler.close_connection = True


def html(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """The page of a proxy instead of an answer."""
    send(handler, 200, b"<html><body>Welcome</body></html>")


class Server:
    """Runs on a free port; `behaviours` are used up one a request, then it answers well."""

    def __init__(self) -> None:
        self.behaviours: list[Behaviour] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    outer.asked.append(asked)
                    outer.keys.append(self.headers.get("Authorization"))
                    behaviour = outer.behaviours.pop(0) if outer.behaviours else answers
                behaviour(self, asked)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address without `/chat/completions`."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def running() -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server()
    try:
        yield server
    finally:
        server.close()
