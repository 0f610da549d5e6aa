"""Where a request was sent to and from: the names that this server answers to, and whether a page of ours sent it.

A page of another site can make a browser send requests here, under a name of its own that it lets point at this server
(DNS rebinding) or across origins. So what browsers say about both is checked before anything else happens.
Source: RFC 9110, section 7.2 (Host) and RFC 6454 (Origin); Fetch Metadata, W3C 2021.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Place(NamedTuple):
    """A host and a port, in one spelling; `port` is None where it goes without saying."""

    host: str
    port: int | None


_NOWHERE = Place("", None)
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?)\.?)(?::([0-9]{0,5}))?")
_USUAL_PORT = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_HERE = ("localhost", "127.0.0.1", "::1")
_SAFE = ("GET", "HEAD", "OPTIONS")


def place(authority: str) -> Place | None:
    """The host and port of a `Host` header or of an origin behind its `//`; None when it is neither.

    >>> place("LocalHost.:8501")
    Place(host='localhost', port=8501)
    >>> place("[0:0::1]")
    Place(host='::1', port=None)
    >>> place("localhost@evil.example") is None
    True
    """
    match = _AUTHORITY.fullmatch(authority.lower())
    if match is None:
        return None
    six, name, digits = match.groups()
    port = int(digits) if digits else None
    if port is not None and not 0 < port < 2**16:
        return None
    try:
        return Place(str(ipaddress.IPv6Address(six)) if six else name, port)
    except ValueError:
        return None


class Names:
    """The names and addresses under which browsers may reach a server."""

    def __init__(self, listening_on: str, allowed: Iterable[str]) -> None:
        """`allowed` are names, or `*.` and a domain for all names below it."""
        allowed = [each.lower().rstrip(".") for each in allowed]
        self._names = {each.strip("[]") for each in (listening_on.lower(), *allowed) if not each.startswith("*.")}
        self._endings = tuple(each[1:] for each in allowed if each.startswith("*."))
        address = _address(listening_on.lower())
        self._any_address = address is not None and address.is_unspecified
        """A browser that names an address connects to that address: only a name can be made to point elsewhere."""
        if self._any_address or listening_on.lower() in _HERE or (address is not None and address.is_loopback):
            self._names |= {*_HERE}
        if self._any_address:
            self._names.add(socket.gethostname().lower())

    def hold(self, host: str) -> bool:
        """Whether a host, spelled as `place` does, is one of them."""
        is_address = _address(host) is not None
        return (
            host in self._names
            or (self._any_address and is_address)
            or (not is_address and host.endswith(self._endings))
        )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_own(request: HTTPConnection) -> bool:
    """Whether a request comes from this server's own pages, or from a program that is not a browser.

    Browsers name the origin of every POST and of every websocket; over HTTPS and on this machine they also tell whether
    it is the same site. Both have to agree with where the request arrived.
    """
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        return False
    origins = request.headers.getlist("origin")
    return not origins or (len(origins) == 1 and _is_here(origins[0], request))


def _is_here(origin: str, request: HTTPConnection) -> bool:
    scheme, _, authority = origin.partition("://")
    sender, arrived = place(authority), place(request.headers.get("host", ""))
    if scheme not in ("http", "https") or sender is None or arrived is None:
        return False  # `null`, too, which a sandboxed page of any site sends
    if request.scope["scheme"] in ("https", "wss") and scheme != "https":
        return False
    usual = _USUAL_PORT[scheme]  # a proxy may speak HTTPS without telling, so the browser's own scheme decides
    return (sender.host, sender.port or usual) == (arrived.host, arrived.port or usual)


class OwnName:
    """Lets a request pass only if it names this server, and changes nothing unless a page of ours sent it."""

    def __init__(self, app: ASGIApp, names: Names) -> None:
        self.app = app
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refuse(scope, receive, send, *refusal)
            return
        if scope["type"] == "websocket":
            scope = _spelt_alike(scope)
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        request = HTTPConnection(scope)
        hosts = request.headers.getlist("host")
        target = _take_authority(scope)
        if len(hosts) != 1 or (called := place(hosts[0])) is None:
            return 400, "The request does not say to which host it goes. Open Curator's address in a browser."
        if target not in (None, called) or not scope["path"].startswith("/"):
            return 400, "The request names two hosts, or no path. Open Curator's address in a browser."
        if not self.names.hold(called.host):
            return 421, (
                f"This server does not answer to the name {called.host}. If it should, start it with "
                f"`curator serve --allow-host {called.host}`, or add the name to the setting allowed_hosts."
            )
        if (scope["type"] == "websocket" or scope["method"] not in _SAFE) and not is_own(request):
            return 403, "This request came from a page of another site. Open Curator itself."
        return None


def _take_authority(scope: Scope) -> Place | None:
    """Take the host out of a target in absolute form, as in `GET http://localhost/`, which leaves the path."""
    scheme, separator, rest = scope.get("raw_path", scope["path"].encode()).partition(b"://")
    if not separator or scheme.decode("latin-1").lower() not in _USUAL_PORT:
        return None
    authority, _, path = rest.partition(b"/")
    scope["raw_path"] = b"/" + path
    scope["path"] = unquote(scope["raw_path"].decode("latin-1"))
    return place(authority.decode("latin-1")) or _NOWHERE


def _spelt_alike(scope: Scope) -> Scope:
    """The same websocket with its host spelt as in its origin: where they differ, if only by `:443`, Streamlit asks an
    outside service for the address of this machine."""
    authority = HTTPConnection(scope).headers.get("origin", "").partition("://")[2]
    if not authority:
        return scope
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [(b"host", authority.encode("latin-1")), *others]}


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
    """Answer a request or a websocket with a status and a sentence, and close the connection."""
    response = PlainTextResponse(sentence, status, headers={"Connection": "close"})
    if scope["type"] == "websocket":
        await receive()  # the request to connect, which has to be read before it can be turned down
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
            return
    await response(scope, receive, send)
