"""Keys of the labelling screen that people chose for themselves."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from curator.store.tables import keymap


def of(connection: Connection, person: str) -> dict[str, str]:
    """The keys that an annotator changed, by action."""
    return dict(connection.execute(select(keymap.c.bindings).where(keymap.c.person == person)).scalar() or {})


def keep(connection: Connection, person: str, keys: dict[str, str]) -> None:
    """Remember the keys that an annotator changed."""
    connection.execute(delete(keymap).where(keymap.c.person == person))
    connection.execute(insert(keymap).values(person=person, bindings=keys))
