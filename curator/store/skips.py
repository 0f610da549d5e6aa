"""Skips: records that an annotator does not want to be offered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from curator.store.engine import insert_or_replace
from curator.store.tables import record, skip


def add(connection: Connection, record_id: str, annotator: str, *, at: datetime) -> None:
    """Remember that an annotator does not want a record."""
    values = {"record_id": record_id, "annotator": annotator, "at": at}
    connection.execute(insert_or_replace(skip, connection.dialect, values))


def remove(connection: Connection, record_id: str, annotator: str) -> None:
    """Offer a skipped record to an annotator again."""
    connection.execute(skip.delete().where(skip.c.record_id == record_id, skip.c.annotator == annotator))


def remove_all(connection: Connection, annotator: str, *, project_id: int) -> int:
    """Offer everything that an annotator skipped to them again. Returns how many."""
    records = select(record.c.id).where(record.c.project_id == project_id)
    return connection.execute(
        skip.delete().where(skip.c.annotator == annotator, skip.c.record_id.in_(records))
    ).rowcount
