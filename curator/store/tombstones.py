"""Tombstones: records that an undone import took out of the queue, and their return with a later one.

A record is never deleted: its row stays, marked, with its slots withdrawn. Only a record on which no annotator, lead or
reviewer has worked can be taken out, and only where no other import brought its content: so what stands does not depend
on imports that were undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select

from curator.store import batches, tallies
from curator.store.batches import StoredBatch
from curator.store.contents import held_in
from curator.store.tables import (
    act_row,
    annotation,
    arrival,
    comment,
    doubt,
    draft,
    gold,
    import_batch,
    record,
    skip,
    slot,
)
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
    query = select(record.c.id, _worked_on().label("worked_on"))
    query = query.where(record.c.batch_id == batch_id, record.c.deleted_at.is_(None)).order_by(record.c.id)
    free: list[str] = []
    kept: list[str] = []
    for row in connection.execute(query):
        (kept if row.worked_on else free).append(row.id)
    return free, kept


def _worked_on() -> ColumnElement[bool]:
    """The condition that an annotator, a lead or a reviewer has worked on a record."""
    return (
        exists().where(annotation.c.record_id == record.c.id)
        | exists().where(comment.c.record_id == record.c.id)
        | exists().where(doubt.c.record_id == record.c.id)
        | exists().where(draft.c.record_id == record.c.id)
        | exists().where(skip.c.record_id == record.c.id)
        | exists().where(gold.c.record_id == record.c.id)
        | record.c.amended.is_not(None)
        | exists().where(act_row.c.record_id == record.c.id, act_row.c.state.in_(["changed", "kept"]))
        | exists().where(slot.c.record_id == record.c.id, slot.c.state.in_(["held", "done"]))
    )


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


def pass_on(connection: Connection, batch: StoredBatch, *, project: Project) -> set[str]:
    """Let each content of an import that another import brought too stand as that one brought it.

    What this import said about contents that stand with others is taken back. A record on which nobody worked waits or
    is accepted as the other import says; one that was worked on keeps its answers and its state.

    Args:
        connection: An open writing transaction that has locked the project and the slots of the records.
        batch: The import that is undone.
        project: Its project.

    Returns:
        Ids of the records that stand with another import now.
    """
    heir = batches.continued_by(connection, batch)
    if heir is not None:  # it left out what this one had said
        moved = record.update().where(record.c.batch_id == batch.id).values(batch_id=heir.id)
        ids = set(connection.execute(moved.returning(record.c.id)).scalars())
        connection.execute(arrival.update().where(arrival.c.batch_id == batch.id).values(batch_id=heir.id))
        _enter(connection, ids, batch, heir, project=project)
        return ids
    connection.execute(delete(arrival).where(arrival.c.batch_id == batch.id))
    oldest = select(func.min(arrival.c.id)).join(record, record.c.id == arrival.c.record_id)
    oldest = oldest.where(record.c.batch_id == batch.id).group_by(arrival.c.record_id)
    columns = (arrival.c.batch_id, arrival.c.part_id, arrival.c.part_row, arrival.c.content)
    heirs = select(arrival.c.id, arrival.c.record_id, *columns).where(arrival.c.id.in_(oldest)).subquery()
    rows = connection.execute(select(heirs.c.id, heirs.c.record_id, heirs.c.batch_id)).all()
    place = {column.name: heirs.c[column.name] for column in columns}
    connection.execute(record.update().where(record.c.id == heirs.c.record_id).values(**place))
    by_import: dict[int | None, set[str]] = {}
    for row in rows:
        by_import.setdefault(row.batch_id, set()).add(row.record_id)
    for start in range(0, len(rows), _LOOKUP):
        connection.execute(delete(arrival).where(arrival.c.id.in_([row.id for row in rows[start : start + _LOOKUP]])))
    for batch_id, ids in by_import.items():
        heir = None if batch_id is None else batches.get(connection, batch_id)
        _enter(connection, ids, batch, heir, project=project)
    return {row.record_id for row in rows}


def _enter(
    connection: Connection, record_ids: Iterable[str], batch: StoredBatch, heir: StoredBatch | None, *, project: Project
) -> None:
    """Let records on which nobody worked wait or be accepted as another import says. Returns nothing."""
    was, now = _entry(batch), _entry(heir)
    if was is now:
        return
    ids = sorted(record_ids)
    changed = 0
    for start in range(0, len(ids), _LOOKUP):
        is_as_it_came = (record.c.state == was.value) & record.c.final.is_(None) & ~_worked_on()
        query = select(record.c.id).where(record.c.id.in_(ids[start : start + _LOOKUP]), is_as_it_came)
        some = connection.execute(query).scalars().all()
        connection.execute(record.update().where(record.c.id.in_(some)).values(state=now.value))
        connection.execute(delete(slot).where(slot.c.record_id.in_(some)))
        if now is RecordState.WAITING and some:
            connection.execute(insert(slot), [each for id_ in some for each in _slots(id_, project)])
        changed += len(some)
    tallies.add(connection, project.id, {records_in(was): -changed, records_in(now): changed})


def _entry(batch: StoredBatch | None) -> RecordState:
    """The state in which the records of an import enter."""
    return RecordState.ACCEPTED if batch is not None and batch.settings["accept"] else RecordState.WAITING


class Returned(NamedTuple):
    """Contents of undone imports that came in again, by their hashes."""

    back: frozenset[str] = frozenset()
    """Of records that had been taken out."""
    placed: frozenset[str] = frozenset()
    """Of all records that stand now as the import brings them: those, and the ones that stayed for having been worked
    on."""


def revive(
    connection: Connection,
    places: Mapping[str, dict[str, Any]],
    *,
    project: Project,
    batch_id: int | None,
    accept: bool,
    priority: int = 0,
    parent_output_id: int | None = None,
) -> Returned:
    """Let records of undone imports whose content came in again stand as it came now. Returns their content hashes.

    Args:
        connection: An open writing transaction that has locked the project.
        places: Columns that say where the text stands now, by content hash.
        project: Of which project.
        batch_id: The import that brings them, if one does.
        accept: Take those that had been taken out as reviewed.
        priority: Of those in the queue.
        parent_output_id: Output whose review made them.
    """
    back: set[str] = set()
    placed: set[str] = set()
    state = RecordState.ACCEPTED if accept else RecordState.WAITING
    undone = select(import_batch.c.id).where(import_batch.c.undone_at.is_not(None))
    undone = undone.where(import_batch.c.project_id == project.id)
    wanted = sorted(places)
    entry = {
        "final": None, "final_hash": None, "amended": None, "amended_hash": None, "deleted_at": None,
        "state": state.value, "priority": priority,
        "parent_output_id": parent_output_id,
    }  # fmt: skip
    for start in range(0, len(wanted), _LOOKUP):
        query = select(record.c.id, record.c.content_hash, record.c.deleted_at).where(
            record.c.batch_id.in_(undone), held_in(connection, project.id, wanted[start : start + _LOOKUP])
        )
        for row in connection.execute(query).all():
            placed.add(row.content_hash)
            values = places[row.content_hash] | {"batch_id": batch_id}
            if row.deleted_at is not None:
                back.add(row.content_hash)
                values |= entry
                connection.execute(delete(slot).where(slot.c.record_id == row.id))
                if not accept:
                    connection.execute(insert(slot), _slots(row.id, project, priority=priority))
            connection.execute(record.update().where(record.c.id == row.id).values(values))
    tallies.add(connection, project.id, {records_in(state): len(back)})
    return Returned(frozenset(back), frozenset(placed))


def _slots(record_id: str, project: Project, *, priority: int = 0) -> list[dict[str, Any]]:
    shared = {"record_id": record_id, "project_id": project.id, "state": "open", "priority": priority, "audience": ""}
    return [shared | {"n": n} for n in range(project.reviews_required)]
