"""Routes beside the pages: JSON in, JSON out, for the person whose session it is and from this server's pages alone.

A handler makes one call into `curator`. An error carries `problem` and `hint`; what no database could hold is refused
before a handler sees it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import identity, origin
from curator import CuratorError, Workspace
from curator.errors import (
    AccessError,
    AnnotationError,
    AnsweredElsewhereError,
    ClaimExpiredError,
    NotFoundError,
    StoreError,
)
from schemas.record import Text

_MOST_BYTES = 4_000_000
_LARGEST = 2**53  # integers up to here survive every JSON reader
_MOST_DIGITS = 1_000
_TEXT = TypeAdapter[str](Text)
_STATUS: tuple[tuple[type[CuratorError], int], ...] = (
    (ClaimExpiredError, 409),
    (AnnotationError, 422),
    (NotFoundError, 404),
    (AccessError, 403),
    (StoreError, 503),
    (CuratorError, 422),
)
"""The first that fits. The screen repeats a 503 until it succeeds, so only what waiting mends may have it."""

Body = dict[str, Any]
Handler = Callable[[Workspace, str, Body], Body]


class UnreadableError(ValueError):
    """A request that the screen does not send: 400 where it is not a JSON object, 422 where a value cannot be."""

    def __init__(self, problem: str, *, status: int = 422) -> None:
        super().__init__(problem)
        self.status = status


def endpoint(handler: Handler) -> Callable[[Request], Any]:
    """A route's function: the person is known, the body is read and checked, and every error has a hint."""

    async def respond(request: Request) -> Response:
        if not origin.is_own(request):
            return _error("This request came from another site.", "Open Curator itself.", status=403)
        raw = bytearray()
        async for chunk in request.stream():  # not every request announces its length
            raw += chunk
            if len(raw) > _MOST_BYTES:
                return _error("The text is longer than 4 MB.", "Shorten it.", status=413)
        try:
            body = _parsed(raw)
            person = identity.person_of(request, text_of(body, "person", default=""))
            if person is None:
                return _error("It is not known who you are.", "Sign in, or enter your name.", status=401)
            return JSONResponse(await run_in_threadpool(handler, identity.workspace(), person, body))
        except AnsweredElsewhereError as error:
            return _error(error.problem, error.hint, status=409, code="answered_elsewhere")
        except CuratorError as error:
            status = next(status for kind, status in _STATUS if isinstance(error, kind))
            return _error(error.problem, error.hint, status=status)
        except UnreadableError as error:
            return _error(f"The request cannot be read: {error}.", "Reload the page.", status=error.status)

    return respond


def _parsed(raw: bytes | bytearray) -> Body:
    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not a number")

    def bounded(digits: str) -> int:
        if len(digits) > _MOST_DIGITS:  # Python converts none of more than 4,300
            raise UnreadableError(f"it holds a whole number of {len(digits):,} digits")
        return int(digits)

    try:
        body = json.loads(raw, parse_constant=refuse, parse_int=bounded)
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is not JSON ({error})", status=400) from error
    if not isinstance(body, dict):
        raise UnreadableError("it is not a JSON object", status=400)
    try:
        for name, value in body.items():
            _check_storable(value, place=name)
    except RecursionError as error:
        raise UnreadableError("it is nested too deeply", status=400) from error
    return body


def _check_storable(value: Any, *, place: str) -> None:
    """Refuse what one of the databases cannot hold, wherever it stands: NUL, half a surrogate pair, a huge number."""
    if isinstance(value, str):
        try:
            _TEXT.validate_python(value)
        except ValidationError as error:
            raise UnreadableError(f"{place}: {error.errors()[0]['msg']}") from error
    elif isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:  # NaN and infinity, too
        raise UnreadableError(f"{place} is not a number from {-_LARGEST} to {_LARGEST}")
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_storable(name, place=place)
            _check_storable(each, place=place)
    elif isinstance(value, list):
        for each in value:
            _check_storable(each, place=place)


def check_text(value: str, *, place: str) -> str:
    """The text, which every database can hold.

    Raises:
        UnreadableError: It has a NUL or half a surrogate pair in it.
    """
    _check_storable(value, place=place)
    return value


def whole(body: Body, name: str) -> int:
    """A number that every database can hold."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise UnreadableError(f"{name} is not a whole number from 0 to 2147483647")
    return value


def number_or_none(body: Body, name: str) -> int | None:
    """The same, or None where it is left out."""
    return None if body.get(name) is None else whole(body, name)


def text_of(body: Body, name: str, *, default: str | None = None) -> str:
    """A text that every database can hold."""
    try:
        return _TEXT.validate_python(body.get(name, default), strict=True)
    except ValidationError as error:
        raise UnreadableError(f"{name}: {error.errors()[0]['msg']}") from error


def text_or_none(body: Body, name: str) -> str | None:
    """The same, or None where it is left out."""
    return None if body.get(name) is None else text_of(body, name)


def _error(problem: str, hint: str, *, status: int, code: str | None = None) -> JSONResponse:
    body = {"problem": problem, "hint": hint} | ({} if code is None else {"code": code})
    return JSONResponse(body, status_code=status)
