"""Verdicts of people on outputs. A reviewer's newer verdict on an output replaces the older one, which is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, RowMapping, insert, select

from curator.store import outputs
from curator.store.tables import output, verdict
from schemas.review import Judgement, Verdict


def give(
    connection: Connection,
    output_id: int,
    judgement: Judgement,
    *,
    reviewer: str,
    shown_as: Literal["A", "B"],
    at: datetime,
) -> bool:
    """Store a verdict; False when the same one is already there."""
    outputs.lock(connection, output_id)  # the same verdict from two tabs must not stand twice
    mine = (verdict.c.output_id == output_id) & (verdict.c.reviewer == reviewer) & verdict.c.superseded.is_(False)
    current = connection.execute(select(verdict.c.judgement).where(mine)).scalar()
    if current is not None and Judgement.model_validate(current) == judgement:
        return False
    connection.execute(verdict.update().where(mine).values(superseded=True))
    values = {
        "output_id": output_id,
        "reviewer": reviewer,
        "judgement": judgement.model_dump(mode="json"),
        "shown_as": shown_as,
        "at": at,
    }
    connection.execute(insert(verdict).values(values))
    return True


def of_run(connection: Connection, run_id: str) -> dict[int, list[Verdict]]:
    """Verdicts that stand on the outputs of a run, by output id, oldest first."""
    query = select(verdict).join(output, output.c.id == verdict.c.output_id)
    query = query.where(output.c.run_id == run_id, verdict.c.superseded.is_(False)).order_by(verdict.c.id)
    found: dict[int, list[Verdict]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["output_id"], []).append(_verdict(row))
    return found


def _verdict(row: RowMapping) -> Verdict:
    names = ("id", "output_id", "reviewer", "shown_as", "at")
    return Verdict(**{name: row[name] for name in names}, judgement=Judgement.model_validate(row["judgement"]))
