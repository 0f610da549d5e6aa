"""Decisions about releases. They are never changed; a new one is added."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from curator.store.tables import decision
from schemas.release import Decision


def add(connection: Connection, new: Decision) -> Decision:
    """Store a decision, whose id is not known yet. Returns it with its id."""
    values = new.model_dump(mode="json", exclude={"id"}) | {"at": new.at}
    added = connection.execute(insert(decision).values(values).returning(decision.c.id)).scalar_one()
    return new.model_copy(update={"id": added})


def of_system(connection: Connection, system_id: str) -> list[Decision]:
    """Decisions about a system (a run has one of the same id), newest first."""
    query = select(decision).where(decision.c.system_id == system_id).order_by(decision.c.id.desc())
    return [Decision(**row) for row in connection.execute(query).mappings()]
