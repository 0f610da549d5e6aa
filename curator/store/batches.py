"""Imports: what was read from which file, with counts that always add up."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, exists, insert, select

from curator.errors import StoreError
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


def rows_of_try(connection: Connection, batch_id: int) -> int:
    """How many rows an earlier try of this import stored, from the beginning of the file on, before it was cut short.

    What they said is what this import says: the same bytes, read in the same way under the same name. None count
    where such an import was undone, since what that one brought is gone.
    """
    batch = get(connection, batch_id)
    alike = [other for other in of_file(connection, batch) if other.id < batch_id and _says_the_same(other, batch)]
    if any(other.undone_at is not None for other in alike):
        return 0
    finished = max((other.id for other in alike if other.finished), default=0)  # it went on where those before it ended
    return max((other.read for other in alike if other.id > finished), default=0)


def continued_by(connection: Connection, batch: StoredBatch) -> StoredBatch | None:
    """The import that read on where this one was cut short, and so left out what was known from it, if there is one."""
    if batch.finished:
        return None
    later = (other for other in of_file(connection, batch) if other.id > batch.id and other.undone_at is None)
    return next((other for other in later if other.read >= batch.read and _says_the_same(other, batch)), None)


def of_file(connection: Connection, batch: StoredBatch) -> list[StoredBatch]:
    """Every import of the bytes that an import read, into the same project, oldest first."""
    query = select(import_batch).where(
        import_batch.c.project_id == batch.project_id, import_batch.c.sha256 == batch.sha256
    )
    return [StoredBatch(**row) for row in connection.execute(query.order_by(import_batch.c.id)).mappings()]


def _says_the_same(one: StoredBatch, other: StoredBatch) -> bool:
    return _reading(one) == _reading(other)


def _reading(batch: StoredBatch) -> tuple[str, str, dict[str, str], dict[str, str], bool]:
    settings = batch.settings
    return batch.file_name, batch.format, settings["columns"], settings.get("tags", {}), settings["accept"]


def any_undone(connection: Connection, project_id: int) -> bool:
    """Whether an import into a project was ever undone."""
    undone = exists().where(import_batch.c.project_id == project_id, import_batch.c.undone_at.is_not(None))
    return bool(connection.execute(select(undone)).scalar_one())


def count(connection: Connection, batch_id: int, *, imported: int, quarantined: int, duplicates: int) -> None:
    """Add to the counts of an import, in the transaction that stores the rows.

    Raises:
        StoreError: The import was undone meanwhile.
    """
    table = import_batch.c
    values = {
        "read": table.read + imported + quarantined + duplicates,
        "imported": table.imported + imported,
        "quarantined": table.quarantined + quarantined,
        "duplicates": table.duplicates + duplicates,
    }
    stands = (table.id == batch_id) & table.undone_at.is_(None)
    if not connection.execute(import_batch.update().where(stands).values(values)).rowcount:
        raise StoreError(f"Import {batch_id} was undone while it was read.", hint="Import the file again.")


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
