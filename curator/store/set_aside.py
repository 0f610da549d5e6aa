"""What a reviewer does not want to read, what they passed on, and how much they were shown: theirs alone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from curator.store.engine import insert_or_ignore, insert_or_replace
from curator.store.tables import exposure, opt_out, review_pair, set_aside


def add(connection: Connection, pair_id: str, person: str, *, escalated: bool, note: str, at: datetime) -> None:
    """Keep a pair from a reviewer: skipped, or passed on to another person with a note."""
    values = {"pair_id": pair_id, "person": person, "escalated": escalated, "note": note, "at": at}
    connection.execute(insert_or_replace(set_aside, connection.dialect, values))


def of_person(connection: Connection, person: str, system_id: str) -> set[str]:
    """Pairs of a system that a reviewer set aside."""
    query = select(set_aside.c.pair_id).join(review_pair, review_pair.c.id == set_aside.c.pair_id)
    return set(
        connection.execute(query.where(set_aside.c.person == person, review_pair.c.system_id == system_id)).scalars()
    )


def escalated(connection: Connection, system_id: str) -> set[str]:
    """Pairs of a system that a reviewer passed on without reading on."""
    query = select(set_aside.c.pair_id).join(review_pair, review_pair.c.id == set_aside.c.pair_id)
    return set(
        connection.execute(query.where(set_aside.c.escalated.is_(True), review_pair.c.system_id == system_id)).scalars()
    )


def take_back(connection: Connection, person: str, system_id: str) -> int:
    """Offer what a reviewer skipped to them again; what they passed on stays with others. Returns how many."""
    pairs = select(review_pair.c.id).where(review_pair.c.system_id == system_id)
    here = (set_aside.c.person == person) & set_aside.c.escalated.is_(False) & set_aside.c.pair_id.in_(pairs)
    return connection.execute(delete(set_aside).where(here)).rowcount


def keep_opt_outs(connection: Connection, person: str, hazards: Collection[str]) -> None:
    """Remember which hazards a reviewer does not want to read about, in place of those before."""
    connection.execute(delete(opt_out).where(opt_out.c.person == person))
    if hazards:
        connection.execute(insert(opt_out), [{"person": person, "hazard": each} for each in sorted(hazards)])


def opt_outs(connection: Connection, person: str) -> set[str]:
    """The hazards that a reviewer does not want to read about."""
    return set(connection.execute(select(opt_out.c.hazard).where(opt_out.c.person == person)).scalars())


def uncovered(connection: Connection, pair_id: str, side: str, person: str, *, at: datetime) -> bool:
    """Count that a reviewer uncovered a text. Returns False when they had before."""
    values = {"pair_id": pair_id, "side": side, "person": person, "at": at}
    return connection.execute(insert_or_ignore(exposure, connection.dialect).values(values)).rowcount > 0


def exposures(connection: Connection, person: str, *, since: datetime) -> int:
    """How many texts a reviewer uncovered since a time."""
    query = select(func.count()).select_from(exposure).where(exposure.c.person == person, exposure.c.at >= since)
    return int(connection.execute(query).scalar_one())
