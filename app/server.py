"""Listening: one process of uvicorn that gives up on connections which never say what they want.

Streamlit's own way to start asks an outside service for this machine's address, and leaves a connection that sends half
a request open for ever.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from curator.errors import CuratorError

_LARGEST_MESSAGE = 25_000_000
"""Bytes of a websocket message; texts that pages send back are far smaller."""
_PING_SECONDS = 30.0
_GOODBYE_SECONDS = 5


class CannotListenError(CuratorError):
    """The address is taken, or not one of this machine."""


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that ends a connection whose request line and headers do not arrive in time."""

    patience = 20.0
    """Seconds for the head of a request to arrive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting only while a head is incomplete."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.patience, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address.

    Raises:
        CannotListenError: The port is taken, or the address is not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=2048, dualstack_ipv6=host == "::")
    except OSError as error:
        raise CannotListenError(
            f"The server cannot listen on {host}, port {port}: {error.strerror or error}.",
            hint="Choose another with --host and --port, or stop the program that has it.",
        ) from error
    listening.setblocking(False)
    return listening


def address(listening: socket.socket, host: str) -> str:
    """The address to open in a browser on this machine."""
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def run(app: ASGIApp, listening: socket.socket, *, trusted_proxies: Sequence[str]) -> None:
    """Answer on a socket until the process is told to stop."""
    prepared(app, trusted_proxies=trusted_proxies).run(sockets=[listening])


def prepared(app: ASGIApp, *, trusted_proxies: Sequence[str] = ()) -> uvicorn.Server:
    """The server of an app, before it runs."""
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        ws="websockets-sansio",
        ws_max_size=_LARGEST_MESSAGE,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        ws_per_message_deflate=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        server_header=False,
        access_log=False,
        use_colors=False,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    return uvicorn.Server(config)
