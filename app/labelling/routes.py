"""What the labelling screen asks the server: the next task, drafts, acts, previews, remarks and history.

Each route is one call into `curator.annotate`; an act is stored before it is answered, and asking again is harmless,
since the claim's token makes it count once. JSON in, JSON out; an error carries `problem` and `hint`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app import identity
from app.labelling import preview, view
from app.labelling.component import ASSETS, ASSETS_PATH
from curator import CuratorError, Workspace
from curator.annotate import adjudicate, answers, comments, keymap, queue
from curator.errors import AnnotationError, ClaimExpiredError
from curator.quality import edits, slips
from curator.store import annotations as register
from curator.store import records
from schemas.annotation import Annotation, Answer, Claim, Task

_PREFIX = "/api/v1/labelling"
_MOST_BYTES = 4_000_000

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
        "keys": _keys,
    }
    return [
        *(Route(f"{_PREFIX}/{name}", _endpoint(handler), methods=["POST"]) for name, handler in handlers.items()),
        Mount(ASSETS_PATH, StaticFiles(directory=ASSETS)),
    ]


def _endpoint(handler: Handler) -> Callable[[Request], Any]:
    async def respond(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _error("This request came from another site.", "Open Curator itself.", status=403)
        if int(request.headers.get("content-length", "0")) > _MOST_BYTES:
            return _error("The text is longer than 4 MB.", "Shorten it.", status=413)
        try:
            body = await request.json()
            if not isinstance(body, dict):
                raise ValueError("not an object")
        except ValueError:
            return _error("The request is not a JSON object.", "Reload the page.", status=400)
        person = identity.person_of(request, str(body.get("person", "")))
        if person is None:
            return _error("It is not known who you are.", "Sign in, or enter your name.", status=401)
        try:
            return JSONResponse(await run_in_threadpool(handler, identity.workspace(), person, body))
        except ClaimExpiredError as error:
            return _error(error.problem, error.hint, status=409)
        except AnnotationError as error:
            return _error(error.problem, error.hint, status=422)
        except CuratorError as error:
            return _error(error.problem, error.hint, status=503)
        except (ValidationError, KeyError, TypeError) as error:
            return _error(f"The request cannot be read: {error}.", "Reload the page.", status=400)

    return respond


def _error(problem: str, hint: str, *, status: int) -> JSONResponse:
    return JSONResponse({"problem": problem, "hint": hint}, status_code=status)


def _task(workspace: Workspace, person: str, body: Body) -> Body:
    project_id = int(body["project"])
    if body.get("offer_skipped"):
        queue.offer_skipped(workspace, person, project_id=project_id)
    task = queue.next_task(workspace, person, project_id=project_id)
    return view.screen(workspace, person, task, project_id=project_id)


def _draft(workspace: Workspace, person: str, body: Body) -> Body:
    """Keep what was typed, and the claim with it; say what is known about the text, and whether it is kept.

    There is no draft afterwards when the claim was answered already, in another window or by a submit on its way.
    """
    claim, answer = _claim_of(body), Answer.model_validate(body["answer"])
    is_mine = answers.save_draft(
        workspace, claim, answer, annotator=person, active_seconds=float(body.get("active_seconds", 0))
    )
    with workspace.read() as connection:
        record = records.get(connection, claim.record_id).content
        draft = register.draft_of(connection, claim.record_id, person)
    added, removed = edits.changed_words(edits.word_diff(record.response, answer.response))
    return {
        "mine": is_mine,
        "kept": draft is not None and draft.answer == answer,
        "answered": draft is None,
        "saved_at": None if draft is None else draft.saved_at.isoformat(),
        "lease_seconds": workspace.lease.total_seconds(),
        "words": edits.words(answer.response),
        "added": added,
        "removed": removed,
        "warnings": slips.likely_slips(record, answer.response),
        "now": view.asked_now(workspace, project_id=int(body["project"])),
    }


def _renew(workspace: Workspace, _person: str, body: Body) -> Body:
    """Keep the claim at a sign of life; nothing was typed, so no draft is stored."""
    is_mine = queue.renew(workspace, _claim_of(body), active_seconds=float(body.get("active_seconds", 0)))
    return {
        "mine": is_mine,
        "lease_seconds": workspace.lease.total_seconds(),
        "now": view.asked_now(workspace, project_id=int(body["project"])),
    }


def _act(workspace: Workspace, person: str, body: Body) -> Body:
    """Submit, skip, flag, undo or take back; then the next screen, so that one answer brings both."""
    project_id, kind = int(body["project"]), str(body["kind"])
    task: Task | None = None
    stored: Annotation | None = None
    if kind in ("submit", "skip", "flag"):
        claim, answer = _claim_of(body), Answer.model_validate(body["answer"])
        if kind == "submit":
            stored = answers.submit(
                workspace,
                claim,
                answer,
                annotator=person,
                active_seconds=float(body.get("active_seconds", 0)) or None,
                questions_hash=body.get("questions_hash"),
            )
        elif kind == "skip":
            answers.skip(workspace, claim, answer, annotator=person)
        else:
            answers.flag(workspace, claim, answer, annotator=person)
    elif kind == "undo":
        task = answers.undo(workspace, person, project_id=project_id)
    elif kind == "reopen":
        task = answers.reopen(workspace, int(body["annotation"]), annotator=person)
    else:
        raise AnnotationError(f"There is no act {kind}.", hint="Reload the page.")
    nothing = kind == "undo" and task is None
    task = task or queue.next_task(workspace, person, project_id=project_id)
    shown = view.screen(workspace, person, task, project_id=project_id)
    return shown | {"done": "nothing" if nothing else kind, "annotation": stored.id if stored else None}


def _claim_of(body: Body) -> Claim:
    """The claim as the browser holds it; only its token counts, and the store checks that."""
    return Claim(
        token=str(body["token"]),
        slot_id=int(body["slot"]),
        record_id=str(body["record"]),
        expires_at=datetime.fromisoformat(body["expires_at"]),
    )


def _preview(workspace: Workspace, _person: str, body: Body) -> Body:
    record = queue.record_of(workspace, _claim_of(body))
    answer = Answer.model_validate(body["answer"])
    return preview.draw(workspace, record, answer, how=str(body["how"]), project_id=int(body["project"]))


def _comment(workspace: Workspace, person: str, body: Body) -> Body:
    return {"comments": view.comments(comments.add(workspace, str(body["record"]), str(body["text"]), author=person))}


def _doubt(workspace: Workspace, person: str, body: Body) -> Body:
    return {"doubt": adjudicate.ask(workspace, str(body["record"]), str(body["text"]), author=person)}


def _history(workspace: Workspace, person: str, body: Body) -> Body:
    """The answer before or after another one, or the newest."""
    before, after = body.get("before"), body.get("after")
    found = answers.history(workspace, person, project_id=int(body["project"]), before=before, after=after, limit=1)
    return {"entry": view.answered(found[0]) if found else None}


def _keys(workspace: Workspace, person: str, body: Body) -> Body:
    return {"keys": keymap.change_keys(workspace, person, dict(body["keys"]))}
