"""What the labelling screen asks the server: the next task, drafts, acts, previews, remarks and history.

Each route is one call into `curator.annotate`; an act is stored before it is answered, and asking again is harmless,
since the claim's token makes it count once. JSON in, JSON out; an error carries `problem` and `hint`.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.json_api import Body, Handler, UnreadableError, endpoint, number_or_none, text_of, text_or_none, whole
from app.labelling import preview, view
from app.labelling.component import ASSETS, ASSETS_PATH
from curator import Workspace
from curator.annotate import adjudicate, answers, comments, keymap, questions, queue, undo
from curator.errors import (
    AnnotationError,
    ClaimExpiredError,
)
from curator.quality import edits, slips
from schemas.annotation import Annotation, Answer, Claim, SeenByAnnotator, Task
from schemas.record import Record

_PREFIX = "/api/v1/labelling"


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
        *(Route(f"{_PREFIX}/{name}", endpoint(handler), methods=["POST"]) for name, handler in handlers.items()),
        Mount(ASSETS_PATH, _Assets(directory=ASSETS)),
    ]


class _Assets(StaticFiles):
    """Files whose address changes with their content, so a browser need not ask for them again for a year."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _seconds(body: Body) -> float:
    value = body.get("active_seconds", 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise UnreadableError("active_seconds is not a number of seconds")
    return float(value)


def _answer_of(body: Body) -> Answer:
    try:
        return Answer.model_validate(body.get("answer"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("answer", *first["loc"])))
        raise UnreadableError(f"{place}: {first['msg']}") from error


def _task(workspace: Workspace, person: str, body: Body) -> Body:
    project_id = whole(body, "project")
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
        "now": view.asked_now(workspace, project_id=whole(body, "project")),
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
        "now": view.asked_now(workspace, project_id=whole(body, "project")),
    }


def _act(workspace: Workspace, person: str, body: Body) -> Body:
    """Submit, skip, flag, undo or take back; then the next screen, so that one answer brings both."""
    project_id, kind = whole(body, "project"), text_of(body, "kind")
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
            answers.flag(workspace, claim, answer, annotator=person, reason=text_of(body, "reason", default=""))
    elif kind == "undo":
        task = undo.undo_last(workspace, person, project_id=project_id)
    elif kind == "reopen":
        task = undo.reopen(workspace, whole(body, "annotation"), annotator=person)
    else:
        raise AnnotationError(f"There is no act {kind}.", hint="Reload the page.")
    nothing = kind == "undo" and task is None
    task = task or queue.next_task(workspace, person, project_id=project_id)
    shown = view.screen(workspace, person, task, project_id=project_id)
    return shown | {"done": "nothing" if nothing else kind, "annotation": stored.id if stored else None}


def _claim_of(body: Body) -> Claim:
    """The claim as the browser holds it; only its token counts, and the store checks that."""
    names = {"token": text_of(body, "token"), "slot_id": whole(body, "slot"), "record_id": text_of(body, "record")}
    try:
        return Claim.model_validate(names | {"expires_at": text_of(body, "expires_at")})
    except ValidationError as error:
        raise UnreadableError("expires_at is not a time") from error


def _seen(body: Body) -> SeenByAnnotator | None:
    """What the annotator had before them, if the screen says so."""
    questions_hash = text_or_none(body, "questions_hash")
    if questions_hash is None:
        return None
    shown = body.get("saw_suggestions")
    return SeenByAnnotator(
        questions_hash=questions_hash,
        guideline_hash=text_of(body, "guideline_hash", default=""),
        suggestions=shown if isinstance(shown, bool) else None,
    )


def _preview(workspace: Workspace, person: str, body: Body) -> Body:
    record = queue.record_of(workspace, _claim_of(body), annotator=person)
    answer = _answer_of(body)
    return preview.draw(workspace, record, answer, how=text_of(body, "how"), project_id=whole(body, "project"))


def _comment(workspace: Workspace, person: str, body: Body) -> Body:
    record_id, text, key = text_of(body, "record"), text_of(body, "text"), text_or_none(body, "key")
    return {"comments": view.comments(comments.add(workspace, record_id, text, author=person, key=key))}


def _doubt(workspace: Workspace, person: str, body: Body) -> Body:
    record_id, text, key = text_of(body, "record"), text_of(body, "text"), text_or_none(body, "key")
    return {"doubt": adjudicate.ask(workspace, record_id, text, author=person, key=key)}


def _history(workspace: Workspace, person: str, body: Body) -> Body:
    """The answer before or after another one, or the newest."""
    before, after = number_or_none(body, "before"), number_or_none(body, "after")
    found = answers.history(workspace, person, project_id=whole(body, "project"), before=before, after=after, limit=1)
    return {"entry": view.answered(found[0]) if found else None}


def _since(workspace: Workspace, _person: str, body: Body) -> Body:
    """What changed in questions and guideline while a record was open."""
    found = questions.since(
        workspace,
        project_id=whole(body, "project"),
        questions_hash=text_of(body, "questions_hash"),
        guideline_hash=text_of(body, "guideline_hash"),
    )
    pieces = edits.word_diff(found.guideline_before, found.guideline_now)
    is_same = found.guideline_before == found.guideline_now
    return {"reasons": list(found.reasons), "guideline": None if is_same else [list(piece) for piece in pieces]}


def _keys(workspace: Workspace, person: str, body: Body) -> Body:
    keys = body.get("keys")
    if not isinstance(keys, dict):
        raise UnreadableError("keys is not an object")
    return {"keys": keymap.change_keys(workspace, person, {action: text_of(keys, action) for action in keys})}
