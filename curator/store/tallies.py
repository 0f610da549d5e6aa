"""Totals per project that pages show at every redraw.

A total is changed in the transaction that changes what it counts, so a page never counts a million rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from curator.store.tables import tally


def add(connection: Connection, project_id: int, changes: Mapping[str, int]) -> None:
    """Change totals of a project, each by its number.

    They are changed in the order of their names: two transactions that change the same ones never wait in a circle.

    Names are `record:STATE`; and for people `annotator:NAME`, `day:YYYY-MM-DD:NAME`, `seconds:NAME` (active time), and
    `answers KIND:NAME` and `edited KIND:NAME`, where KIND says whether suggestions were `shown`, `hidden` or `none`.
    """
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    rows = [{"project_id": project_id, "name": name, "n": n} for name, n in sorted(changes.items())]
    statement = build(tally).values(rows)
    keys = ["project_id", "name"]
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_={"n": tally.c.n + statement.excluded.n})
    )


def totals(connection: Connection, project_id: int) -> dict[str, int]:
    """Every total of a project by name; a name that is missing stands at 0."""
    query = select(tally.c.name, tally.c.n).where(tally.c.project_id == project_id)
    return {row.name: row.n for row in connection.execute(query)}


def some(connection: Connection, project_id: int, names: Collection[str]) -> dict[str, int]:
    """The totals with these names; one that was never changed stands at 0."""
    query = select(tally.c.name, tally.c.n).where(tally.c.project_id == project_id, tally.c.name.in_(names))
    found = {row.name: row.n for row in connection.execute(query)}
    return {name: found.get(name, 0) for name in names}
