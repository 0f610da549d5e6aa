"""Locks on one record or one person, so that two transactions do not decide about it at once."""

from __future__ import annotations

from sqlalchemy import Connection, select

from curator.store.tables import person, record


def lock_record(connection: Connection, record_id: str) -> None:
    """Let only this transaction settle the record until it ends; on SQLite a writer is alone anyway."""
    connection.execute(select(record.c.id).where(record.c.id == record_id).with_for_update())


def lock_person(connection: Connection, name: str) -> None:
    """Let only this transaction claim for somebody until it ends: two tabs must not hold two slots of one record."""
    connection.execute(select(person.c.name).where(person.c.name == name).with_for_update())
