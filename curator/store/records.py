"""Records of the live state: storing imported ones, reading them one by one or as a stream."""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, insert, select

from curator.errors import NotFoundError
from curator.store import projects, tallies
from curator.store.engine import JsonText, insert_or_ignore
from curator.store.incoming import Incoming, incoming
from curator.store.tables import record, slot
from schemas.annotation import RecordState
from schemas.project import Project
from schemas.record import Record
from schemas.tally import records_in


class StoredRecord(NamedTuple):
    """A record with its place in the live state."""

    id: str
    project_id: int
    content_hash: str
    """Hash of the content as it came in."""
    state: RecordState
    content: Record
    """As it came in."""
    final: Record | None
    """As accepted."""
    batch_id: int | None
    parent_output_id: int | None


def add_many(
    connection: Connection,
    records: Sequence[Record],
    *,
    project: Project,
    at: datetime,
    batch_id: int | None = None,
    accept: bool = False,
    priority: int = 0,
    parent_output_id: int | None = None,
) -> list[str | None]:
    """Store records and open their slots; for each its new id, or None when its content is already known.

    Args:
        connection: An open writing transaction.
        records: Checked records; two with the same content are stored once.
        project: Where they belong; its `reviews_required` says how many slots each gets.
        at: Time of storing.
        batch_id: Import that they came with.
        accept: Take them as reviewed: state `accepted`, no slot.
        priority: Higher comes first in the queue.
        parent_output_id: Output whose review made them.
    """
    return add_incoming(
        connection, [incoming(each) for each in records], project=project, at=at, batch_id=batch_id, accept=accept,
        priority=priority, parent_output_id=parent_output_id,
    )  # fmt: skip


def add_incoming(
    connection: Connection,
    records: Sequence[Incoming],
    *,
    project: Project,
    at: datetime,
    batch_id: int | None = None,
    accept: bool = False,
    priority: int = 0,
    parent_output_id: int | None = None,
) -> list[str | None]:
    """Store records that were serialised before; as `add_many`, and all that a transaction of an import has to do."""
    if not records:
        return []
    state = RecordState.ACCEPTED if accept else RecordState.WAITING
    projects.lock(connection, project.id)  # another import must not add the same content after the look-up
    known = _known(connection, project.id, {each.content_hash for each in records})
    fresh: list[dict[str, Any]] = []
    ids: list[str | None] = []
    for each in records:
        if each.content_hash in known:
            ids.append(None)
            continue
        known.add(each.content_hash)
        content = JsonText(each.content.decode())
        ids.append(uuid.uuid4().hex)
        fresh.append({
            "id": ids[-1], "project_id": project.id, "batch_id": batch_id,
            "content_hash": each.content_hash, "prompt_hash": each.prompt_hash,
            "content": content, "final": content if accept else None, "state": state.value,
            "priority": priority, "parent_output_id": parent_output_id, "created_at": at,
        })  # fmt: skip
    if fresh:
        connection.execute(insert(record), fresh)
        tallies.add(connection, project.id, {records_in(state): len(fresh)})
        if not accept:
            slots = [
                {
                    "record_id": row["id"],
                    "project_id": project.id,
                    "n": n,
                    "state": "open",
                    "priority": priority,
                    "audience": "",
                    "shuffle": random.randrange(2**31 - 1),
                }
                for row in fresh
                for n in range(project.reviews_required)
            ]
            connection.execute(insert_or_ignore(slot, connection.dialect), slots)
    return ids


_LOOKUP = 500
"""Hashes per query; SQLite limits the number of bound values."""


def _known(connection: Connection, project_id: int, hashes: set[str]) -> set[str]:
    wanted = sorted(hashes)
    found: set[str] = set()
    for start in range(0, len(wanted), _LOOKUP):
        part = wanted[start : start + _LOOKUP]
        query = select(record.c.content_hash).where(record.c.project_id == project_id, record.c.content_hash.in_(part))
        found.update(connection.execute(query).scalars())
    return found


def get(connection: Connection, record_id: str) -> StoredRecord:
    """The record with this id.

    Raises:
        NotFoundError: There is none.
    """
    found = find(connection, record_id)
    if found is None:
        raise NotFoundError(f"There is no record {record_id}.", hint="Look its id up under Records.")
    return found


def find(connection: Connection, record_id: str) -> StoredRecord | None:
    """The record with this id, if there is one."""
    row = connection.execute(select(record).where(record.c.id == record_id)).mappings().first()
    return None if row is None else stored_record(row)


def of_hash(connection: Connection, project_id: int, hashes: Collection[str]) -> dict[str, str]:
    """Ids of the records of a project with these content hashes, by hash."""
    found: dict[str, str] = {}
    wanted = sorted(hashes)
    for start in range(0, len(wanted), _LOOKUP):
        query = select(record.c.content_hash, record.c.id).where(
            record.c.project_id == project_id, record.c.content_hash.in_(wanted[start : start + _LOOKUP])
        )
        found.update((row.content_hash, row.id) for row in connection.execute(query))
    return found


def hashes_of(connection: Connection, record_ids: Collection[str]) -> set[str]:
    """Content hashes of some records, of the content as it came in."""
    hashes: set[str] = set()
    wanted = sorted(record_ids)
    for start in range(0, len(wanted), _LOOKUP):
        query = select(record.c.content_hash).where(record.c.id.in_(wanted[start : start + _LOOKUP]))
        hashes.update(connection.execute(query).scalars())
    return hashes


def set_state(connection: Connection, stored: StoredRecord, state: RecordState, *, final: Record | None) -> None:
    """Move a record to another state and keep the project's totals in step."""
    values = {"state": state.value, "final": final.model_dump(mode="json", exclude_defaults=True) if final else None}
    connection.execute(record.update().where(record.c.id == stored.id).values(values))
    if state is not stored.state:
        changes = {records_in(stored.state): -1, records_in(state): 1}
        tallies.add(connection, stored.project_id, changes)


def accepted(connection: Connection, project_id: int) -> Iterator[StoredRecord]:
    """Every accepted record of a project, ordered by id, streamed."""
    query = select(record).where(
        record.c.project_id == project_id,
        record.c.state == RecordState.ACCEPTED.value,
        record.c.deleted_at.is_(None),
    )
    rows = connection.execute(query.order_by(record.c.id).execution_options(yield_per=2000))
    for row in rows.mappings():
        yield stored_record(row)


def page(
    connection: Connection, project_id: int, *, after: str = "", limit: int = 50, state: RecordState | None = None
) -> list[StoredRecord]:
    """The next `limit` records after the id `after`, ordered by id (keyset paging: as fast on the last page)."""
    query = select(record).where(record.c.project_id == project_id, record.c.id > after, record.c.deleted_at.is_(None))
    if state is not None:
        query = query.where(record.c.state == state.value)
    return [stored_record(row) for row in connection.execute(query.order_by(record.c.id).limit(limit)).mappings()]


def stored_record(row: RowMapping) -> StoredRecord:
    """A row of the table as a record."""
    return StoredRecord(
        id=row["id"],
        project_id=row["project_id"],
        content_hash=row["content_hash"],
        state=RecordState(row["state"]),
        content=Record.model_validate(row["content"]),
        final=None if row["final"] is None else Record.model_validate(row["final"]),
        batch_id=row["batch_id"],
        parent_output_id=row["parent_output_id"],
    )
