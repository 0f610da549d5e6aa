"""Suggestions: what models and rules propose for the questions of a record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from curator.store.tables import suggestion
from schemas.annotation import Suggestion


def add_many(connection: Connection, suggestions: Iterable[tuple[str, Suggestion]], *, at: datetime) -> int:
    """Store suggestions, each with the id of its record; one from the same source to the same question is replaced."""
    added = 0
    for record_id, each in suggestions:
        same = (suggestion.c.record_id == record_id) & (suggestion.c.question == each.question)
        connection.execute(delete(suggestion).where(same, suggestion.c.source == each.source))
        values = each.model_dump(mode="json") | {"record_id": record_id, "at": at}
        connection.execute(insert(suggestion).values(values))
        added += 1
    return added


def about(connection: Connection, record_id: str) -> tuple[Suggestion, ...]:
    """What is proposed for a record, the surest first."""
    query = select(suggestion).where(suggestion.c.record_id == record_id)
    found = [
        Suggestion(question=row["question"], value=row["value"], source=row["source"], score=row["score"])
        for row in connection.execute(query.order_by(suggestion.c.question, suggestion.c.source)).mappings()
    ]
    return tuple(sorted(found, key=lambda each: -(each.score or 0)))
