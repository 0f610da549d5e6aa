"""Verdicts from before there were review plans: kept and counted, but no evidence. Those of now stand in the ledger."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from curator.store.tables import output, verdict


def count_before_plans(connection: Connection, system_id: str) -> int:
    """How many there are on the outputs of a system."""
    query = select(func.count()).select_from(verdict).join(output, output.c.id == verdict.c.output_id)
    return connection.execute(query.where(output.c.system_id == system_id)).scalar_one()
