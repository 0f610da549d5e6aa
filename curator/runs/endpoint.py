"""Asks a chat model behind an OpenAI-compatible address (vLLM, llama.cpp, Ollama, a vendor), and gives up late.

It knows addresses, requests and answers, and nothing of workspaces or suites. What a server answers under load (429,
5xx), half an answer, something that is not JSON, or silence is tried again after a growing pause; what will not get
better by waiting (400, 401, 404) ends the asking with the server's own words. Nothing is sent unless a caller names an
address.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

import httpx
import orjson
from pydantic import Field, HttpUrl

from curator.errors import GenerationError
from schemas.base import Schema
from schemas.record import Message
from schemas.review import Decoding

_LONGEST_PAUSE = 60.0
_WAITING_HELPS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class Endpoint(Schema):
    """Where a model is and how it may be asked."""

    url: HttpUrl
    """Up to and without `/chat/completions`, as in `http://localhost:8000/v1`."""
    model: str
    """Name under which the server knows it."""
    key_variable: str | None = None
    """Environment variable that holds the key; the key itself is stored nowhere."""
    at_once: int = Field(default=4, ge=1, le=256)
    """Requests on their way at the same time."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """At most so many begin; None for no limit."""
    timeout_seconds: float = Field(default=120.0, gt=0)
    """For one request, from its first byte sent to its last received."""
    attempts: int = Field(default=6, ge=1)
    """Per request, the first included."""


class Question(NamedTuple):
    """One request."""

    messages: tuple[Message, ...]
    decoding: Decoding
    seed: int


class Said(NamedTuple):
    """What the model answered."""

    text: str
    tokens: int | None
    """Generated tokens as the server counts them."""
    stopped: bool | None
    """True when the model ended by itself, False when it ran into the limit."""


class _TryAgainError(Exception):
    """The server may answer later."""

    def __init__(self, why: str, *, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after
        """Seconds that the server asks to wait."""


def key_of(endpoint: Endpoint, question: Question) -> str:
    """Hash of all that decides an answer: model, messages, decoding and seed; 64 hex digits."""
    payload = {"url": str(endpoint.url), **_payload(endpoint, question)}
    return hashlib.sha256(orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)).hexdigest()


def ask(
    endpoint: Endpoint,
    questions: Sequence[Question],
    *,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[int, Said]]:
    """Number and answer of every question, as the answers come in.

    Args:
        endpoint: Whom to ask.
        questions: What to ask.
        pause: Waits so many seconds.
        clock: Seconds that only grow.

    Raises:
        GenerationError: The server refuses, or did not answer a question in all attempts. What was answered before has
            been handed out.
    """
    headers = _headers(endpoint)
    gate = _Gate(endpoint.requests_per_minute, pause=pause, clock=clock)
    waiting = iter(enumerate(questions))
    on_their_way: dict[Future[Said], int] = {}
    # Proxies and certificates as the environment says; a redirect is not followed, since it would carry the key along.
    with (
        httpx.Client(headers=headers, timeout=endpoint.timeout_seconds, follow_redirects=False) as client,
        ThreadPoolExecutor(endpoint.at_once, thread_name_prefix="endpoint") as threads,
    ):

        def send_more() -> None:
            while len(on_their_way) < endpoint.at_once and (following := next(waiting, None)) is not None:
                n, question = following
                on_their_way[threads.submit(_ask_one, client, endpoint, question, gate, pause)] = n

        send_more()
        try:
            while on_their_way:
                done, _ = wait(on_their_way, return_when=FIRST_COMPLETED)
                failed: BaseException | None = None
                for future in done:
                    n = on_their_way.pop(future)
                    if (error := future.exception()) is not None:
                        failed = failed or error
                    else:
                        yield n, future.result()
                if failed is not None:
                    raise failed
                send_more()
        finally:
            gate.close()
            for future in on_their_way:
                future.cancel()


class _Gate:
    """Lets requests begin at an even pace, and none any more once it is closed."""

    def __init__(self, per_minute: float | None, *, pause: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._spacing = 0.0 if per_minute is None else 60.0 / per_minute
        self._pause, self._clock = pause, clock
        self._free_at = clock()
        self._lock = threading.Lock()
        self._closed = False

    def pass_through(self) -> None:
        with self._lock:
            now = self._clock()
            seconds = max(0.0, self._free_at - now)
            self._free_at = max(now, self._free_at) + self._spacing
        if seconds:
            self._pause(seconds)
        if self._closed:
            raise GenerationError("The asking ended.", hint="Start it again; what was answered is kept.")

    def close(self) -> None:
        self._closed = True


def _ask_one(
    client: httpx.Client, endpoint: Endpoint, question: Question, gate: _Gate, pause: Callable[[float], None]
) -> Said:
    for attempt in range(1, endpoint.attempts + 1):
        gate.pass_through()
        try:
            return _send(client, endpoint, question)
        except _TryAgainError as error:
            if attempt == endpoint.attempts:
                raise GenerationError(
                    f"{endpoint.url} did not answer in {attempt} attempts; the last time: {error}.",
                    hint="Look at the server, then start again: what was answered is kept.",
                ) from error
            pause(min(_LONGEST_PAUSE, error.after if error.after is not None else _pause_after(attempt)))
    raise AssertionError("an endpoint has at least one attempt")


def _pause_after(attempt: int) -> float:
    """1, 2, 4 ... seconds, each made up to half as long again at random, so that clients do not come back in step."""
    return 2.0 ** (attempt - 1) * random.uniform(1.0, 1.5)


def _send(client: httpx.Client, endpoint: Endpoint, question: Question) -> Said:
    address = f"{str(endpoint.url).rstrip('/')}/chat/completions"
    try:
        answer = client.post(address, content=orjson.dumps(_payload(endpoint, question)))
    except httpx.TimeoutException as error:
        raise _TryAgainError(f"no answer within {endpoint.timeout_seconds:g} s") from error
    except httpx.TransportError as error:
        raise _TryAgainError(f"the connection failed ({error})") from error
    if answer.status_code in _WAITING_HELPS:
        raise _TryAgainError(f"status {answer.status_code}: {_beginning(answer.text)}", after=_asked_to_wait(answer))
    if answer.status_code != 200:
        raise GenerationError(
            f"{endpoint.url} refuses with status {answer.status_code}: {_beginning(answer.text)}.",
            hint=_hint(answer.status_code, endpoint),
        )
    return _said(answer)


def _payload(endpoint: Endpoint, question: Question) -> dict[str, Any]:
    decoding = question.decoding
    return {
        "model": endpoint.model,
        "messages": [{"role": message.role, "content": message.content} for message in question.messages],
        "max_tokens": decoding.max_new_tokens,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "seed": question.seed,
        "stream": False,
    }


def _said(answer: httpx.Response) -> Said:
    try:
        body = orjson.loads(answer.content)
        choice = body["choices"][0]
        text = choice["message"]["content"]
        usage = body.get("usage") or {}
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _TryAgainError(f"it did not send a chat completion: {_beginning(answer.text)}") from error
    if not isinstance(text, str):
        raise _TryAgainError("it sent a completion without text")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    reason = choice.get("finish_reason")
    return Said(
        text.replace("\x00", "\ufffd"),
        tokens if isinstance(tokens, int) else None,
        {"stop": True, "length": False}.get(reason) if isinstance(reason, str) else None,
    )


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if endpoint.key_variable is not None:
        key = os.environ.get(endpoint.key_variable, "").strip()
        if not key:
            raise GenerationError(
                f"Environment variable {endpoint.key_variable} is empty.", hint="Put the key of the endpoint into it."
            )
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _asked_to_wait(answer: httpx.Response) -> float | None:
    try:
        return max(0.0, float(answer.headers["Retry-After"]))
    except (KeyError, ValueError):  # absent, or a date: then the pause grows as usual
        return None


def _beginning(text: str) -> str:
    plain = " ".join(text.split())
    return repr(plain[:200])


def _hint(status: int, endpoint: Endpoint) -> str:
    if status in (401, 403):
        return "Name the variable that holds the key with --key-variable, or check the key."
    if status == 404:
        return f"Check the address, which usually ends in /v1, and that the server has a model {endpoint.model!r}."
    return "Check the model's name and the decoding settings."
