"""What the labelling screen shows, as plain JSON: a task, or why there is none, and how far everything is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, get_args

from app.labelling import preview
from curator import Workspace
from curator.annotate import keymap, progress, queue
from curator.annotate.answers import StandingAnswer
from curator.quality import edits
from curator.store import projects, wordings
from schemas.annotation import Comment, RecordState, RejectReason, Task


def screen(workspace: Workspace, person: str, task: Task | None, *, project_id: int) -> dict[str, Any]:
    """Everything that the screen needs to draw itself anew."""
    with workspace.read() as connection:
        project = projects.by_id(connection, project_id)
    done = progress(workspace, person, project_id=project_id)
    return {
        "task": None if task is None else _task(workspace, task, person),
        "empty": None if task is not None else _empty(workspace, person, project_id=project_id),
        "project": {
            "id": project.id,
            "name": project.name,
            "min_rating": project.min_rating,
            "has_tokens": project.base_model is not None,
        },
        "progress": {
            "today": done.mine_today,
            "mine": done.mine,
            "waiting": done.by_state[RecordState.WAITING],
            "settled": done.settled,
            "records": done.records,
            "hours_left": done.hours_left,
        },
        "keys": keymap.keys_of(workspace, person),
        "reject_reasons": list(get_args(RejectReason)),
    }


def _task(workspace: Workspace, task: Task, person: str) -> dict[str, Any]:
    record = task.record
    drawn = hashlib.sha256(f"{task.claim.record_id}\n{person}\nside".encode()).digest()
    return {
        **task.claim.model_dump(mode="json"),
        "lease_seconds": (task.claim.expires_at - workspace.clock()).total_seconds(),
        "messages": [message.model_dump(mode="json") for message in record.messages],
        "tools": list(record.tools),
        "response": record.response,
        "alternative": record.alternative,
        "shown_left": "response" if drawn[0] % 2 else "alternative",
        "source": f"{record.origin.source}{f':{record.origin.line}' if record.origin.line else ''}",
        "language": record.language,
        "labels": record.labels,
        "words": edits.words(record.response if task.draft is None else task.draft.response),
        "draft": None if task.draft is None else task.draft.model_dump(mode="json"),
        "draft_saved_at": None if task.draft_saved_at is None else task.draft_saved_at.isoformat(),
        "questions": task.questions.model_dump(mode="json")["questions"],
        "questions_hash": task.questions_hash,
        "guideline": preview.markdown(task.guideline),
        "guideline_hash": task.guideline_hash,
        "suggestions": [each.model_dump(mode="json") for each in task.suggestions],
        "suggestions_hidden": task.suggestions_hidden,
        "sent_back": task.sent_back,
        "rulings": [each.model_dump(mode="json") for each in task.rulings],
        "comments": comments(task.comments),
    }


def asked_now(workspace: Workspace, *, project_id: int) -> dict[str, str]:
    """Which questions and which guideline hold now, by hash: an open screen compares them with its own."""
    with workspace.read() as connection:
        project = projects.by_id(connection, project_id)
    return {
        "questions_hash": wordings.questions_hash(project.questions),
        "guideline_hash": wordings.guideline_hash(project.guideline),
    }


def comments(found: Iterable[Comment]) -> list[dict[str, Any]]:
    """Comments as JSON."""
    return [each.model_dump(mode="json") for each in found]


def answered(entry: StandingAnswer) -> dict[str, Any]:
    """An earlier answer with its record, for browsing."""
    return {
        "id": entry.annotation.id,
        "submitted_at": entry.annotation.submitted_at.isoformat(),
        "answer": entry.annotation.answer.model_dump(mode="json"),
        "messages": [message.model_dump(mode="json") for message in entry.record.messages],
        "response": entry.record.response,
        "alternative": entry.record.alternative,
    }  # not the state: it tells a gold record, by which annotators are measured, from the others


def _empty(workspace: Workspace, person: str, *, project_id: int) -> dict[str, Any]:
    """Why there is no record: one cause, one thing to do."""
    done = progress(workspace, person, project_id=project_id)
    if done.records == 0:
        return {"cause": "There is no record yet.", "action": "import", "label": "Import a file"}
    why = queue.why_empty(workspace, person, project_id=project_id)
    if why.skipped:
        return {
            "cause": f"You skipped the last {_records(why.skipped)} that {'is' if why.skipped == 1 else 'are'} free.",
            "action": "offer_skipped",
            "label": "Offer them to me again",
        }
    if why.held_by_others and why.next_free is not None:
        minutes = max(1, round((why.next_free - workspace.clock()).total_seconds() / 60))
        cause = f"Others hold the last {_records(why.held_by_others)}, free again in at most {minutes} min."
        return {"cause": cause, "action": "reload", "label": "Look again"}
    if why.assigned:
        cause = f"The {_records(why.assigned)} that wait are kept for other people."
        return {"cause": cause, "action": "history", "label": "My history"}
    if why.answered:
        cause = "You have answered every record that is free; the rest need another annotator."
        return {"cause": cause, "action": "history", "label": "My history"}
    ways = {RecordState.CONFLICT: "in conflict wait for a decision", RecordState.FLAGGED: "flagged wait for a lead"}
    for state, text in ways.items():
        if done.by_state[state]:
            cause = f"Every record is answered; {_records(done.by_state[state])} {text}."
            return {"cause": cause, "action": "history", "label": "My history", "done": True}
    accepted = f"{done.by_state[RecordState.ACCEPTED]:,} accepted"
    cause = f"Every record is answered: {accepted}. Next a lead freezes a version."
    return {"cause": cause, "action": "history", "label": "My history", "done": True}


def _records(n: int) -> str:
    return f"{n:,} record{'' if n == 1 else 's'}"
