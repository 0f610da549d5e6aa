"""Tombstones: records that an undone import took out of the queue, and their return with a later one.

A record is never deleted: its row stays, marked, with its slots withdrawn. Only a record on which no annotator, lead or
reviewer has worked can be taken out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select

from curator.store import projects, tallies
from curator.store.contents import held_in
from curator.store.tables import annotation, comment, doubt, draft, gold, record, skip, slot
from schemas.annotation import RecordState
from schemas.project import Project
from schemas.tally import records_in

_LOOKUP = 500


def untouched(connection: Connection, batch_id: int) -> tuple[list[str], list[str]]:
    """Ids of the records of an import on which no annotator or lead has worked, and of the others.

    Their slots are locked until the transaction ends, so that none is claimed meanwhile.
    """
    slots = select(slot.c.id).join(record, record.c.id == slot.c.record_id).where(record.c.batch_id == batch_id)
    connection.execute(slots.with_for_update(of=slot)).all()
    worked_on = (
        exists().where(annotation.c.record_id == record.c.id)
        | exists().where(comment.c.record_id == record.c.id)
        | exists().where(doubt.c.record_id == record.c.id)
        | exists().where(draft.c.record_id == record.c.id)
        | exists().where(skip.c.record_id == record.c.id)
        | exists().where(gold.c.record_id == record.c.id)
        | exists().where(slot.c.record_id == record.c.id, slot.c.state.in_(["held", "done"]))
    )
    query = select(record.c.id, worked_on.label("worked_on"))
    query = query.where(record.c.batch_id == batch_id, record.c.deleted_at.is_(None)).order_by(record.c.id)
    free: list[str] = []
    kept: list[str] = []
    for row in connection.execute(query):
        (kept if row.worked_on else free).append(row.id)
    return free, kept


def bury(connection: Connection, record_ids: Sequence[str], *, project_id: int, at: datetime) -> int:
    """Take records out of the queue and out of every list. Returns how many."""
    buried = 0
    for start in range(0, len(record_ids), _LOOKUP):
        some = record_ids[start : start + _LOOKUP]
        here = record.c.id.in_(some) & record.c.deleted_at.is_(None)
        states = connection.execute(select(record.c.state, func.count()).where(here).group_by(record.c.state)).all()
        buried += connection.execute(record.update().where(here).values(deleted_at=at)).rowcount
        connection.execute(slot.update().where(slot.c.record_id.in_(some)).values(state="withdrawn"))
        tallies.add(connection, project_id, {records_in(RecordState(state)): -n for state, n in states})
    return buried


def any_buried(connection: Connection, project_id: int) -> bool:
    """Whether an import into a project was ever undone."""
    query = select(exists().where(record.c.project_id == project_id, record.c.deleted_at.is_not(None)))
    return bool(connection.execute(query).scalar_one())


def revive(
    connection: Connection, places: Mapping[str, dict[str, Any]], *, project: Project, batch_id: int, accept: bool
) -> set[str]:
    """Bring records back whose content came in again, as this import brings it. Returns their content hashes.

    Args:
        connection: An open writing transaction.
        places: Columns that say where the text stands now, by content hash.
        project: Of which project.
        batch_id: The import that brings them.
        accept: Take them as reviewed.
    """
    revived: set[str] = set()
    projects.lock(connection, project.id)
    state = RecordState.ACCEPTED if accept else RecordState.WAITING
    wanted = sorted(places)
    for start in range(0, len(wanted), _LOOKUP):
        query = select(record.c.id, record.c.content_hash).where(
            record.c.deleted_at.is_not(None), held_in(connection, project.id, wanted[start : start + _LOOKUP])
        )
        for row in connection.execute(query).all():
            values = places[row.content_hash] | {"final": None, "deleted_at": None, "batch_id": batch_id}
            connection.execute(record.update().where(record.c.id == row.id).values(**values, state=state.value))
            connection.execute(delete(slot).where(slot.c.record_id == row.id))
            revived.add(row.content_hash)
            if not accept:
                connection.execute(insert(slot), _slots(row.id, project))
    tallies.add(connection, project.id, {records_in(state): len(revived)})
    return revived


def _slots(record_id: str, project: Project) -> list[dict[str, Any]]:
    shared = {"record_id": record_id, "project_id": project.id, "state": "open", "priority": 0, "audience": ""}
    return [shared | {"n": n} for n in range(project.reviews_required)]
