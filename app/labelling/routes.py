"""What the labelling screen asks the server: the next task, drafts, acts, previews, remarks and history.

Each route is one call into `curator.annotate`; an act is stored before it is answered, and asking again is harmless,
since the claim's token makes it count once. JSON in, JSON out; an error carries `problem` and `hint`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app import identity, origin
from app.labelling import preview, view
from app.labelling.component import ASSETS, ASSETS_PATH
from curator import CuratorError, Workspace
from curator.annotate import adjudicate, answers, comments, keymap, questions, queue, undo
from curator.errors import (
    AccessError,
    AnnotationError,
    AnsweredElsewhereError,
    ClaimExpiredError,
    NotFoundError,
    StoreError,
)
from curator.quality import edits, slips
from schemas.annotation import Annotation, Answer, Claim, SeenByAnnotator, Task
from schemas.record import Record, Text

_PREFIX = "/api/v1/labelling"
_MOST_BYTES = 4_000_000
_LARGEST = 2**53  # integers up to here survive every JSON reader
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


def routes() -> list[BaseRoute]:
    """The routes of the screen and the files that it is made of."""
    handlers: dict[str, Handler] = {
        "task": _task,
        "draft": _draft,
        "renew": _renew,
        "act": _act,
        "preview": _preview,
        "comment": _comment,
        "doubt": _doubt,
        "history": _history,
        "since": _since,
        "keys": _keys,
    }
    return [
        *(Route(f"{_PREFIX}/{name}", _endpoint(handler), methods=["POST"]) for name, handler in handlers.items()),
        Mount(ASSETS_PATH, _Assets(directory=ASSETS)),
    ]


class _Assets(StaticFiles):
    """Files whose address changes with their content, so a browser need not ask for them again for a year."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


class _UnreadableError(ValueError):
    """A request that the screen does not send: 400 where it is not a JSON object, 422 where a value cannot be."""

    def __init__(self, problem: str, *, status: int = 422) -> None:
        super().__init__(problem)
        self.status = status


def _endpoint(handler: Handler) -> Callable[[Request], Any]:
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
            person = identity.person_of(request, _text(body, "person", default=""))
            if person is None:
                return _error("It is not known who you are.", "Sign in, or enter your name.", status=401)
            return JSONResponse(await run_in_threadpool(handler, identity.workspace(), person, body))
        except AnsweredElsewhereError as error:
            return _error(error.problem, error.hint, status=409, code="answered_elsewhere")
        except CuratorError as error:
            status = next(status for kind, status in _STATUS if isinstance(error, kind))
            return _error(error.problem, error.hint, status=status)
        except _UnreadableError as error:
            return _error(f"The request cannot be read: {error}.", "Reload the page.", status=error.status)

    return respond


def _parsed(raw: bytes | bytearray) -> Body:
    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is not a number")

    try:
        body = json.loads(raw, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise _UnreadableError(f"it is not JSON ({error})", status=400) from error
    if not isinstance(body, dict):
        raise _UnreadableError("it is not a JSON object", status=400)
    try:
        for name, value in body.items():
            _check_storable(value, place=name)
    except RecursionError as error:
        raise _UnreadableError("it is nested too deeply", status=400) from error
    return body


def _check_storable(value: Any, *, place: str) -> None:
    """Refuse what one of the databases cannot hold, wherever it stands: NUL, half a surrogate pair, a huge number."""
    if isinstance(value, str):
        try:
            _TEXT.validate_python(value)
        except ValidationError as error:
            raise _UnreadableError(f"{place}: {error.errors()[0]['msg']}") from error
    elif isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:  # NaN and infinity, too
        raise _UnreadableError(f"{place} is not a number from {-_LARGEST} to {_LARGEST}")
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_storable(name, place=place)
            _check_storable(each, place=place)
    elif isinstance(value, list):
        for each in value:
            _check_storable(each, place=place)


def _whole(body: Body, name: str) -> int:
    """A number that every database can hold."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise _UnreadableError(f"{name} is not a whole number from 0 to 2147483647")
    return value


def _number_or_none(body: Body, name: str) -> int | None:
    return None if body.get(name) is None else _whole(body, name)


def _seconds(body: Body) -> float:
    value = body.get("active_seconds", 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise _UnreadableError("active_seconds is not a number of seconds")
    return float(value)


def _text(body: Body, name: str, *, default: str | None = None) -> str:
    try:
        return _TEXT.validate_python(body.get(name, default), strict=True)
    except ValidationError as error:
        raise _UnreadableError(f"{name}: {error.errors()[0]['msg']}") from error


def _text_or_none(body: Body, name: str) -> str | None:
    return None if body.get(name) is None else _text(body, name)


def _answer_of(body: Body) -> Answer:
    try:
        return Answer.model_validate(body.get("answer"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("answer", *first["loc"])))
        raise _UnreadableError(f"{place}: {first['msg']}") from error


def _error(problem: str, hint: str, *, status: int, code: str | None = None) -> JSONResponse:
    body = {"problem": problem, "hint": hint} | ({} if code is None else {"code": code})
    return JSONResponse(body, status_code=status)


def _task(workspace: Workspace, person: str, body: Body) -> Body:
    project_id = _whole(body, "project")
    if body.get("offer_skipped"):
        queue.offer_skipped(workspace, person, project_id=project_id)
    task = queue.next_task(workspace, person, project_id=project_id)
    return view.screen(workspace, person, task, project_id=project_id)


def _draft(workspace: Workspace, person: str, body: Body) -> Body:
    """Keep what was typed, and the claim with it; say what is known about the text, and whether it is kept.

    There is no draft afterwards when the claim was answered already, in another window or by a submit on its way.
    """
    claim, answer = _claim_of(body), _answer_of(body)
    saved = answers.save_draft(workspace, claim, answer, annotator=person, active_seconds=_seconds(body))
    record = _record_of(workspace, claim, person)
    diff = [] if record is None else edits.word_diff(record.response, answer.response)
    added, removed = edits.changed_words(diff)
    return {
        "mine": saved.is_mine,
        "kept": saved.is_kept,
        "answered": saved.saved_at is None,
        "saved_at": None if saved.saved_at is None else saved.saved_at.isoformat(),
        "lease_seconds": workspace.lease.total_seconds(),
        "words": edits.words(answer.response),
        "added": added,
        "removed": removed,
        "warnings": [] if record is None else slips.likely_slips(record, answer.response),
        "now": view.asked_now(workspace, project_id=_whole(body, "project")),
    }


def _record_of(workspace: Workspace, claim: Claim, person: str) -> Record | None:
    """What the text is compared with; None when the claim is not theirs any more, or never was."""
    try:
        return queue.record_of(workspace, claim, annotator=person)
    except ClaimExpiredError:
        return None


def _renew(workspace: Workspace, person: str, body: Body) -> Body:
    """Keep the claim at a sign of life; nothing was typed, so no draft is stored."""
    is_mine = queue.renew(workspace, _claim_of(body), annotator=person, active_seconds=_seconds(body))
    return {
        "mine": is_mine,
        "lease_seconds": workspace.lease.total_seconds(),
        "now": view.asked_now(workspace, project_id=_whole(body, "project")),
    }


def _act(workspace: Workspace, person: str, body: Body) -> Body:
    """Submit, skip, flag, undo or take back; then the next screen, so that one answer brings both."""
    project_id, kind = _whole(body, "project"), _text(body, "kind")
    task: Task | None = None
    stored: Annotation | None = None
    if kind in ("submit", "skip", "flag"):
        claim, answer = _claim_of(body), _answer_of(body)
        if kind == "submit":
            stored = answers.submit(
                workspace,
                claim,
                answer,
                annotator=person,
                active_seconds=_seconds(body) or None,
                seen=_seen(body),
            )
        elif kind == "skip":
            answers.skip(workspace, claim, answer, annotator=person)
        else:
            answers.flag(workspace, claim, answer, annotator=person, reason=_text(body, "reason", default=""))
    elif kind == "undo":
        task = undo.undo_last(workspace, person, project_id=project_id)
    elif kind == "reopen":
        task = undo.reopen(workspace, _whole(body, "annotation"), annotator=person)
    else:
        raise AnnotationError(f"There is no act {kind}.", hint="Reload the page.")
    nothing = kind == "undo" and task is None
    task = task or queue.next_task(workspace, person, project_id=project_id)
    shown = view.screen(workspace, person, task, project_id=project_id)
    return shown | {"done": "nothing" if nothing else kind, "annotation": stored.id if stored else None}


def _claim_of(body: Body) -> Claim:
    """The claim as the browser holds it; only its token counts, and the store checks that."""
    names = {"token": _text(body, "token"), "slot_id": _whole(body, "slot"), "record_id": _text(body, "record")}
    try:
        return Claim.model_validate(names | {"expires_at": _text(body, "expires_at")})
    except ValidationError as error:
        raise _UnreadableError("expires_at is not a time") from error


def _seen(body: Body) -> SeenByAnnotator | None:
    """What the annotator had before them, if the screen says so."""
    questions_hash = _text_or_none(body, "questions_hash")
    if questions_hash is None:
        return None
    shown = body.get("saw_suggestions")
    return SeenByAnnotator(
        questions_hash=questions_hash,
        guideline_hash=_text(body, "guideline_hash", default=""),
        suggestions=shown if isinstance(shown, bool) else None,
    )


def _preview(workspace: Workspace, person: str, body: Body) -> Body:
    record = queue.record_of(workspace, _claim_of(body), annotator=person)
    answer = _answer_of(body)
    return preview.draw(workspace, record, answer, how=_text(body, "how"), project_id=_whole(body, "project"))


def _comment(workspace: Workspace, person: str, body: Body) -> Body:
    record_id, text, key = _text(body, "record"), _text(body, "text"), _text_or_none(body, "key")
    return {"comments": view.comments(comments.add(workspace, record_id, text, author=person, key=key))}


def _doubt(workspace: Workspace, person: str, body: Body) -> Body:
    record_id, text, key = _text(body, "record"), _text(body, "text"), _text_or_none(body, "key")
    return {"doubt": adjudicate.ask(workspace, record_id, text, author=person, key=key)}


def _history(workspace: Workspace, person: str, body: Body) -> Body:
    """The answer before or after another one, or the newest."""
    before, after = _number_or_none(body, "before"), _number_or_none(body, "after")
    found = answers.history(workspace, person, project_id=_whole(body, "project"), before=before, after=after, limit=1)
    return {"entry": view.answered(found[0]) if found else None}


def _since(workspace: Workspace, _person: str, body: Body) -> Body:
    """What changed in questions and guideline while a record was open."""
    found = questions.since(
        workspace,
        project_id=_whole(body, "project"),
        questions_hash=_text(body, "questions_hash"),
        guideline_hash=_text(body, "guideline_hash"),
    )
    pieces = edits.word_diff(found.guideline_before, found.guideline_now)
    is_same = found.guideline_before == found.guideline_now
    return {"reasons": list(found.reasons), "guideline": None if is_same else [list(piece) for piece in pieces]}


def _keys(workspace: Workspace, person: str, body: Body) -> Body:
    keys = body.get("keys")
    if not isinstance(keys, dict):
        raise _UnreadableError("keys is not an object")
    return {"keys": keymap.change_keys(workspace, person, {action: _text(keys, action) for action in keys})}
