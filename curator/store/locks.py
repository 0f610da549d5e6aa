"""Locks on records, their slots and people, so that two transactions do not decide about one thing at once.

A transaction that locks several records does so in the order of their ids, and a record before its slots. On SQLite a
writer is alone anyway.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from curator.store.tables import person, record, slot


def lock_record(connection: Connection, record_id: str) -> None:
    """Let only this transaction settle the record until it ends."""
    connection.execute(select(record.c.id).where(record.c.id == record_id).with_for_update())


def lock_queue_of(connection: Connection, record_ids: Collection[str]) -> None:
    """Let only this transaction settle these records, and no other claim them, until it ends.

    A claim locks the slot that it takes, and not the record.
    """
    for record_id in sorted(record_ids):
        lock_record(connection, record_id)
        connection.execute(select(slot.c.id).where(slot.c.record_id == record_id).order_by(slot.c.id).with_for_update())


def lock_person(connection: Connection, name: str) -> None:
    """Let only this transaction claim for a person until it ends: two tabs must not hold two slots of one record."""
    connection.execute(select(person.c.name).where(person.c.name == name).with_for_update())
