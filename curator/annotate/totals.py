"""Totals of annotators: how much each has answered, when, and how often they edited."""

from __future__ import annotations

from curator.store import Connection, tallies
from curator.store import annotations as annotation_store
from schemas.annotation import Annotation
from schemas.tally import Tally, answers_of, answers_on, seconds_of, suggested


def count_answer(
    connection: Connection,
    project_id: int,
    added: Annotation,
    context: annotation_store.AnswerContext | None,
    *,
    sign: int,
) -> None:
    """Change the totals of an annotator by an answer that is given (`sign` 1) or taken back (-1)."""
    person = added.annotator
    edited = added.edited if context is None else context.edited
    counted = suggested(added.saw_suggestions if context is None else context.saw_suggestions)
    changes = {
        answers_of(person): sign,
        answers_on(added.submitted_at, person): sign,
        Tally(counted.answers, person): sign,
    }
    if added.active_seconds:
        changes[seconds_of(person)] = sign * round(added.active_seconds)
    if edited:
        changes[Tally(counted.edited, person)] = sign
    tallies.add(connection, project_id, changes)
