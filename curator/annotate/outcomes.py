"""What an answer changes beside itself: the state of its record, and the totals of whoever gave it."""

from __future__ import annotations

from curator.annotate.reading import present_answers
from curator.annotate.settle import settle
from curator.store import Connection, claims, events, records, tallies
from curator.store import annotations as register
from schemas.annotation import Annotation, RecordState
from schemas.project import Project


def settle_record(
    connection: Connection, stored: records.StoredRecord, project: Project, *, is_extra: bool = False
) -> str | None:
    """Give a record its state once every slot is answered; gives the state.

    None while somebody is missing, and where a flag, a lead's decision or its being gold stands above the answers. An
    answer given elsewhere that differs from another needs a decision even while somebody is missing.
    """
    if stored.state in (RecordState.GOLD, RecordState.FLAGGED):
        return None
    is_open = claims.unanswered(connection, stored.id) > 0
    if is_open and not is_extra:
        return None
    if stored.state is not RecordState.WAITING and events.is_decided(connection, stored.id):
        return None
    standing = present_answers(connection, project, register.standing(connection, stored.id))
    outcome = settle(stored.content, standing, project)
    if outcome.state is RecordState.WAITING or (is_open and outcome.state is not RecordState.CONFLICT):
        return None
    if is_open:
        claims.withdraw(connection, stored.id)
    records.set_state(connection, stored, outcome.state, final=outcome.final)
    return outcome.state.value


def count_answer(
    connection: Connection,
    project_id: int,
    added: Annotation,
    context: register.AnswerContext | None,
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
