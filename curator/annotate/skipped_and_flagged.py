"""Records that an annotator skipped, flagged or asked about instead of answering them, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from curator.store import doubts, events, records
from curator.workspace import Workspace
from schemas.annotation import RecordState
from schemas.record import Record

_LOOK_BACK = 200
"""Events of a person that are looked through."""


class SkippedOrFlagged(NamedTuple):
    """A record that somebody skipped or flagged, or about which they asked."""

    at: datetime
    """UTC."""
    kind: Literal["skipped", "flagged", "asked"]
    record: Record
    state: RecordState
    said: str
    """Why it was flagged, or what was asked; empty for a skip."""
    ruling: str | None
    """What a lead answered to a question."""
    ruled_by: str | None


def skipped_and_flagged(
    workspace: Workspace, annotator: str, *, project_id: int, limit: int = 20
) -> list[SkippedOrFlagged]:
    """Somebody's newest skips, flags and questions, newest first; those that they took back are left out."""
    with workspace.read() as connection:
        found: list[SkippedOrFlagged] = []
        cancelled: set[object] = set()
        for event in events.latest_of(connection, annotator, ("skip", "flag", "undo"), limit=_LOOK_BACK):
            detail = event.detail if isinstance(event.detail, dict) else {}
            if event.kind == "undo":
                cancelled.add(detail.get("cancels"))
            elif event.id not in cancelled and detail.get("project") == project_id:
                stored = records.get(connection, event.subject)
                kind: Literal["skipped", "flagged"] = "skipped" if event.kind == "skip" else "flagged"
                said = str(detail.get("note") or "")
                found.append(SkippedOrFlagged(event.at, kind, stored.content, stored.state, said, None, None))
        for doubt in doubts.asked_by(connection, annotator, project_id=project_id, limit=limit):
            stored = records.get(connection, doubt.record_id)
            answer = doubt.ruling, doubt.ruled_by
            found.append(SkippedOrFlagged(doubt.at, "asked", stored.content, stored.state, doubt.question, *answer))
    return sorted(found, key=lambda each: each.at, reverse=True)[:limit]
