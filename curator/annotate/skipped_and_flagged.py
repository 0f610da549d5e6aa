"""Records that an annotator skipped, flagged or asked about instead of answering them, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from curator.access import require
from curator.annotate.undo import standing_acts
from curator.store import doubts, records
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import RecordState
from schemas.event import Flagged, Kind
from schemas.record import Record


class SkippedOrFlagged(NamedTuple):
    """A record that an annotator skipped or flagged, or about which they asked."""

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
    """An annotator's newest skips, flags and questions, newest first; those that they took back are left out."""
    require(workspace, annotator, Right.ANNOTATE)
    with workspace.read() as connection:
        listed: list[SkippedOrFlagged] = []
        for act in standing_acts(connection, annotator, project_id=project_id, kinds=(Kind.SKIP, Kind.FLAG)):
            stored = records.get(connection, act.subject)
            note = act.detail.note if isinstance(act.detail, Flagged) else None
            kind: Literal["skipped", "flagged"] = "skipped" if act.kind is Kind.SKIP else "flagged"
            listed.append(SkippedOrFlagged(act.at, kind, stored.content, stored.state, note or "", None, None))
        for doubt in doubts.asked_by(connection, annotator, project_id=project_id, limit=limit):
            stored = records.get(connection, doubt.record_id)
            answer = doubt.ruling, doubt.ruled_by
            listed.append(SkippedOrFlagged(doubt.at, "asked", stored.content, stored.state, doubt.question, *answer))
    return sorted(listed, key=lambda each: each.at, reverse=True)[:limit]
