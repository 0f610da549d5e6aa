"""Imports: what was read from which file, with counts that always add up."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from curator.store.tables import import_batch


class StoredBatch(NamedTuple):
    """One import as it stands."""

    id: int
    project_id: int
    file_name: str
    sha256: str
    format: str
    settings: dict[str, Any]
    """`columns` and `tags` (field map), `header` and `delimiter` (of a CSV file), `header_hash` and `accept`."""
    read: int
    imported: int
    quarantined: int
    duplicates: int
    finished: bool
    actor: str
    created_at: datetime
    undone_by: str | None = None
    undone_at: datetime | None = None


def begin(
    connection: Connection,
    *,
    project_id: int,
    file_name: str,
    sha256: str,
    format: str,
    settings: dict[str, Any],
    actor: str,
    at: datetime,
) -> int:
    """The id of a new import."""
    values = {
        "project_id": project_id,
        "file_name": file_name,
        "sha256": sha256,
        "format": format,
        "settings": settings,
        "actor": actor,
        "created_at": at,
    }
    query = insert(import_batch).values(values).returning(import_batch.c.id)
    return int(connection.execute(query).scalar_one())


def rows_of_file(connection: Connection, project_id: int, sha256: str) -> int:
    """How many rows of a file earlier imports of the same bytes have stored, from its beginning on."""
    query = select(func.max(import_batch.c.read)).where(import_batch.c.project_id == project_id)
    return connection.execute(query.where(import_batch.c.sha256 == sha256)).scalar() or 0


def count(connection: Connection, batch_id: int, *, imported: int, quarantined: int, duplicates: int) -> None:
    """Add to the counts of an import, in the transaction that stores the rows."""
    table = import_batch.c
    values = {
        "read": table.read + imported + quarantined + duplicates,
        "imported": table.imported + imported,
        "quarantined": table.quarantined + quarantined,
        "duplicates": table.duplicates + duplicates,
    }
    connection.execute(import_batch.update().where(table.id == batch_id).values(values))


def finish(connection: Connection, batch_id: int) -> None:
    """Mark an import as read to the end."""
    connection.execute(import_batch.update().where(import_batch.c.id == batch_id).values(finished=True))


def undo(connection: Connection, batch_id: int, *, actor: str, at: datetime) -> bool:
    """Mark an import as undone. Returns whether it was not so before."""
    marked = import_batch.update().where(import_batch.c.id == batch_id, import_batch.c.undone_at.is_(None))
    return connection.execute(marked.values(undone_by=actor, undone_at=at)).rowcount == 1


def newest_first(connection: Connection, *, project_id: int | None = None, limit: int = 50) -> list[StoredBatch]:
    """Imports, newest first."""
    query = select(import_batch).order_by(import_batch.c.id.desc()).limit(limit)
    if project_id is not None:
        query = query.where(import_batch.c.project_id == project_id)
    return [StoredBatch(**row) for row in connection.execute(query).mappings()]


def find(connection: Connection, batch_id: int) -> StoredBatch | None:
    """The import with this id, if there is one."""
    row = connection.execute(select(import_batch).where(import_batch.c.id == batch_id)).mappings().first()
    return None if row is None else StoredBatch(**row)


def get(connection: Connection, batch_id: int) -> StoredBatch:
    """The import with this id, which exists."""
    batch = find(connection, batch_id)
    assert batch is not None, f"import {batch_id}"
    return batch
