"""Which outputs stand behind the opaque id of a pair."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from curator.errors import NotFoundError
from curator.store.engine import insert_or_ignore
from curator.store.tables import review_pair
from schemas.review import StoredPair


def add_many(connection: Connection, pairs: Iterable[StoredPair]) -> None:
    """Store pairs; one that is there already is kept as it is."""
    rows = [pair.model_dump() for pair in pairs]
    if rows:
        connection.execute(insert_or_ignore(review_pair, connection.dialect), rows)


def get(connection: Connection, pair_id: str) -> StoredPair:
    """The pair with this id.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(select(review_pair).where(review_pair.c.id == pair_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no pair {pair_id}.", hint="List the pairs with `curator review pairs`.")
    return StoredPair(**row)


def of_system(connection: Connection, system_id: str) -> dict[str, StoredPair]:
    """All pairs of a system, by id."""
    query = select(review_pair).where(review_pair.c.system_id == system_id)
    return {row["id"]: StoredPair(**row) for row in connection.execute(query).mappings()}
