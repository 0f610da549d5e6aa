"""Pools: groups of people to whom records can be given."""

from __future__ import annotations

from sqlalchemy import Connection, select

from curator.store.engine import insert_or_ignore
from curator.store.tables import pool
from schemas.audience import ANYBODY, Audience, person_audience, pool_audience


def add(connection: Connection, project_id: int, name: str, person: str) -> None:
    """Put a person into a pool, which is made if there is none of this name."""
    values = {"project_id": project_id, "name": name, "person": person}
    connection.execute(insert_or_ignore(pool, connection.dialect).values(values))


def remove(connection: Connection, project_id: int, name: str, person: str) -> None:
    """Take a person out of a pool."""
    connection.execute(
        pool.delete().where(pool.c.project_id == project_id, pool.c.name == name, pool.c.person == person)
    )


def members(connection: Connection, project_id: int) -> dict[str, list[str]]:
    """Who is in which pool."""
    people_of_pool: dict[str, list[str]] = {}
    query = select(pool.c.name, pool.c.person).where(pool.c.project_id == project_id)
    for name, person in connection.execute(query.order_by(pool.c.name, pool.c.person)):
        people_of_pool.setdefault(name, []).append(person)
    return people_of_pool


def audiences(connection: Connection, project_id: int, person: str) -> tuple[Audience, ...]:
    """Whose slots an annotator may take: their own, those of their pools, those of everyone; in this order."""
    query = select(pool.c.name).where(pool.c.project_id == project_id, pool.c.person == person).order_by(pool.c.name)
    theirs = [pool_audience(name) for name in connection.execute(query).scalars()]
    return (person_audience(person), *theirs, ANYBODY)
