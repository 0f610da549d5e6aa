"""The state of a record, once enough annotators have answered it."""

from __future__ import annotations

from curator.annotate.renamed_options import present_answers
from curator.annotate.settle import settle
from curator.store import Connection, events, records, slots
from curator.store import annotations as annotation_store
from schemas.annotation import RecordState
from schemas.project import Project


def settle_record(
    connection: Connection, stored: records.StoredRecord, project: Project, *, is_extra: bool = False
) -> RecordState | None:
    """Give a record its state once every slot is answered. Returns the state.

    None while an answer is missing, and where a flag, a lead's decision or its being gold stands above the answers. An
    answer given elsewhere that differs from another needs a decision even while one is missing.
    """
    if stored.state in (RecordState.GOLD, RecordState.FLAGGED):
        return None
    is_open = slots.unanswered(connection, stored.id) > 0
    if is_open and not is_extra:
        return None
    if stored.state is not RecordState.WAITING and events.is_decided(connection, stored.id):
        return None
    standing = present_answers(connection, project, annotation_store.standing(connection, stored.id))
    outcome = settle(stored.content, standing, project)
    if outcome.state is RecordState.WAITING or (is_open and outcome.state is not RecordState.CONFLICT):
        return None
    if is_open:
        slots.withdraw(connection, stored.id)
    records.set_state(connection, stored, outcome.state, final=outcome.final)
    return outcome.state
