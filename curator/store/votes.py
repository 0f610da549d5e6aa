"""Blind votes of people between two outputs. A voter's newer vote on a pair replaces the older one, which is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from curator.store import outputs
from curator.store.tables import output, vote
from schemas.review import Choice, ModelName, Vote


def cast(
    connection: Connection, output_id: int, choice: Choice, *, voter: str, shown_left: ModelName, at: datetime
) -> bool:
    """Store a vote on the pair of a tuned output; False when the same one stands already."""
    outputs.lock(connection, output_id)  # the same vote from two tabs must not stand twice
    mine = (vote.c.output_id == output_id) & (vote.c.voter == voter) & vote.c.superseded.is_(False)
    if connection.execute(select(vote.c.choice).where(mine)).scalar() == choice:
        return False
    connection.execute(vote.update().where(mine).values(superseded=True))
    values = {"output_id": output_id, "voter": voter, "choice": choice, "shown_left": shown_left, "at": at}
    connection.execute(insert(vote).values(values))
    return True


def of_run(connection: Connection, run_id: str) -> dict[int, list[Vote]]:
    """Votes that stand on a run, by the id of the tuned output, oldest first."""
    query = select(vote).join(output, output.c.id == vote.c.output_id)
    query = query.where(output.c.system_id == run_id, vote.c.superseded.is_(False)).order_by(vote.c.id)
    found: dict[int, list[Vote]] = {}
    for row in connection.execute(query).mappings():
        names = ("output_id", "voter", "choice", "shown_left", "at")
        found.setdefault(row["output_id"], []).append(Vote(**{name: row[name] for name in names}))
    return found
