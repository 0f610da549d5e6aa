"""Saved views: queries under a name, with how their list is shown."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from curator.store.engine import insert_or_replace
from curator.store.tables import saved_view


class SavedView(NamedTuple):
    """A query that people come back to."""

    name: str
    query: str
    """In its text form."""
    sort: str
    """As the page says it; empty for the order of arrival."""
    columns: tuple[str, ...]
    """Empty for the usual ones."""


def every(connection: Connection, project_id: int) -> list[SavedView]:
    """The views of a project, in the order of their names."""
    query = select(saved_view).where(saved_view.c.project_id == project_id).order_by(saved_view.c.name)
    rows = connection.execute(query)
    return [SavedView(row.name, row.query, row.sort, tuple(row.columns)) for row in rows]


def save(connection: Connection, project_id: int, view: SavedView, *, actor: str, at: datetime) -> None:
    """Store a view in the place of an earlier one with its name. Returns nothing."""
    values = {"project_id": project_id, **view._asdict(), "columns": list(view.columns), "actor": actor, "at": at}
    connection.execute(insert_or_replace(saved_view, connection.dialect, values))


def remove(connection: Connection, project_id: int, name: str) -> bool:
    """Forget a view. Returns whether there was one."""
    mine = (saved_view.c.project_id == project_id) & (saved_view.c.name == name)
    return connection.execute(delete(saved_view).where(mine)).rowcount == 1
