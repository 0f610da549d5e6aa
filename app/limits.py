"""How much a request may send, how long it may take, and who may upload a file.

What is too large or too slow is refused while it arrives: nothing of it is kept, and a connection that trickles ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import identity, origin
from curator import access
from schemas.account import Right

_MB = 2**20  # as Streamlit counts
_UPLOAD = "/_stcore/upload_file/"
_MOST_BYTES = {"/api/v1/": 4_100_000, "/auth/": 20_000}
"""By where a path begins; `json_api` has a sentence of its own for texts over 4 MB."""
_MOST_ELSEWHERE = 100_000
_FRAMING = 2**20
"""Bytes that a form may add to the file it carries."""
_SLOWEST = 10_000
"""Bytes a second that a request has to reach after its first moments: a body that trickles would keep its place."""


class _RefusedError(Exception):
    """A body that is refused while it is read."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Bodies:
    """Lets a request send no more than its route reads, and no slower than a poor line."""

    def __init__(self, app: ASGIApp, *, patience: float = 30.0) -> None:
        """`patience` is in seconds: for a body to begin, and for each pause within it."""
        self.app = app
        self.patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and refuse it as soon as it is too large or too slow."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = None if scope["path"].startswith(_UPLOAD) else _most_bytes(scope["path"])
        reader = _Reader(receive, most=most, patience=self.patience)
        await _refusing(self.app, scope, reader.receive, send, announced=_announced(scope), check=reader.check)


def _most_bytes(path: str) -> int:
    return next((most for start, most in _MOST_BYTES.items() if path.startswith(start)), _MOST_ELSEWHERE)


class _Reader:
    """Receives a body that is bounded in size and time."""

    def __init__(self, receive: Receive, *, most: int | None, patience: float) -> None:
        self._receive = receive
        self._most = most
        self._patience = patience
        self._began: float | None = None
        self._bytes = 0
        self._is_whole = False

    def check(self, size: int) -> None:
        if self._most is not None and size > self._most:
            raise _RefusedError(413, f"The request is larger than {self._most:,} bytes, which is all that it may send.")

    async def receive(self) -> Message:
        if self._is_whole:  # what comes now is the end of the connection, for which one may wait long
            return await self._receive()
        clock = asyncio.get_running_loop().time
        self._began = clock() if self._began is None else self._began
        left = self._began + self._patience + self._bytes / _SLOWEST - clock()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, min(left, self._patience)))
        except TimeoutError as error:
            raise _RefusedError(408, "The request arrived too slowly. Try again.") from error
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            self.check(self._bytes)
        return message


class UploadLimits(NamedTuple):
    """What may be uploaded, in MB."""

    by_lead: int
    """Largest file of a lead; also of everyone where there are no accounts."""
    together: int
    """All files that the server keeps in memory."""
    by_reviewer: int = 100
    """Largest file of a reviewer: suites and outputs are small."""


class Uploads:
    """Lets an upload in by the role of its sender and by what is kept already, before anything of it is read."""

    def __init__(self, app: ASGIApp, *, limits: UploadLimits, kept: Callable[[], int]) -> None:
        """`kept` tells how many bytes of earlier uploads the server holds."""
        self.app = app
        self.limits = limits
        self.kept = kept
        self._arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say why not."""
        if scope["type"] != "http" or scope["method"] != "PUT" or not scope["path"].startswith(_UPLOAD):
            await self.app(scope, receive, send)
            return
        reader = _Upload(self, receive, most_mb=self._most_mb(scope))
        try:
            await _refusing(self.app, scope, reader.receive, send, announced=_announced(scope), check=reader.reserve)
        finally:
            self._arriving -= reader.reserved

    def _most_mb(self, scope: Scope) -> int:
        account = identity.account_of(HTTPConnection(scope))
        if account is None or access.may(account.role, Right.CURATE):
            return self.limits.by_lead
        return min(self.limits.by_reviewer, self.limits.by_lead) if access.may(account.role, Right.REVIEW) else 0

    def take(self, size: int) -> None:
        """Count bytes that are on their way, or refuse them."""
        if self.kept() + self._arriving + size > self.limits.together * _MB:
            raise _RefusedError(
                413,
                f"The server keeps no more than {self.limits.together:,} MB of uploads at once. Try again later, or "
                "bring the file in with `curator import` on the server.",
            )
        self._arriving += size


class _Upload:
    """The body of one upload, counted before it is kept."""

    def __init__(self, uploads: Uploads, receive: Receive, *, most_mb: int) -> None:
        self._uploads = uploads
        self._receive = receive
        self._most_mb = most_mb
        self._bytes = 0
        self.reserved = 0

    def reserve(self, size: int) -> None:
        """Take room for a body of so many bytes in all."""
        if not self._most_mb:
            raise _RefusedError(403, "Annotators upload no files. Ask a lead to import yours.")
        if size > self._most_mb * _MB + _FRAMING:
            raise _RefusedError(
                413, f"The file is larger than {self._most_mb:,} MB. Bring it in with `curator import` on the server."
            )
        if size > self.reserved:
            self._uploads.take(size - self.reserved)
            self.reserved = size

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self.reserve(self._bytes)
        return message


def _announced(scope: Scope) -> int:
    """The size of the body as its sender says; 0 where nothing is said, and what is sent is counted anyway."""
    length = HTTPConnection(scope).headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else 0


async def _refusing(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, announced: int, check: Callable[[int], None]
) -> None:
    """Answer with a sentence what is refused before or while it is read."""
    has_begun = False

    async def send_noting(message: Message) -> None:
        nonlocal has_begun
        has_begun = True
        await send(message)

    try:
        check(announced)
        await app(scope, receive, send_noting)
    except _RefusedError as error:
        if has_begun:
            raise
        refused = error
    else:
        return
    await origin.refuse(scope, receive, send, refused.status, refused.sentence)
