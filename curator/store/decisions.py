"""Decisions about releases. They are never changed; a new one is added."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from curator.store.tables import decision
from schemas.release import Decision, GateResult, Outcome


def add(
    connection: Connection,
    run_id: str,
    outcome: Outcome,
    gates: Sequence[GateResult],
    *,
    actor: str,
    at: datetime,
) -> Decision:
    """Store a decision."""
    values = {
        "run_id": run_id,
        "outcome": outcome.value,
        "gates": [gate.model_dump(mode="json") for gate in gates],
        "decided_by": actor,
        "at": at,
    }
    added = connection.execute(insert(decision).values(values).returning(decision.c.id)).scalar_one()
    return next(each for each in of_run(connection, run_id) if each.id == added)


def of_run(connection: Connection, run_id: str) -> list[Decision]:
    """Decisions about a run, newest first."""
    query = select(decision).where(decision.c.run_id == run_id).order_by(decision.c.id.desc())
    return [Decision(**row) for row in connection.execute(query).mappings()]
