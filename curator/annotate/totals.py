"""Totals of annotators: how much each has answered, when, and how often they edited."""

from __future__ import annotations

from curator.store import Connection, tallies
from curator.store import annotations as annotation_store
from schemas.annotation import Annotation


def count_answer(
    connection: Connection,
    project_id: int,
    added: Annotation,
    context: annotation_store.AnswerContext | None,
    *,
    sign: int,
) -> None:
    """Keep the totals of a person in step with an answer that is given (1) or taken back (-1)."""
    who = added.annotator
    saw = added.saw_suggestions if context is None else context.saw_suggestions
    edited = added.edited if context is None else context.edited
    kind = "none" if saw is None else "shown" if saw else "hidden"
    changes = {
        f"annotator:{who}": sign,
        f"day:{added.submitted_at:%Y-%m-%d}:{who}": sign,
        f"answers {kind}:{who}": sign,
    }
    if added.active_seconds:
        changes[f"seconds:{who}"] = sign * round(added.active_seconds)
    if edited:
        changes[f"edited {kind}:{who}"] = sign
    tallies.add(connection, project_id, changes)
