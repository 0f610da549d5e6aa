"""Totals per project that pages show at every redraw.

A total is changed in the transaction that changes what it counts, so a page never counts a million rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from curator.store.tables import tally
from schemas.tally import Counted, Tally

_CHANGES = "curator_tallies"


def add(connection: Connection, project_id: int, changes: Mapping[Tally, int]) -> None:
    """Change totals of a project, each by its number, when the transaction ends."""
    pending: Counter[tuple[int, str]] = connection.info[_CHANGES]
    for name, n in changes.items():
        pending[project_id, name.key] += n


@contextmanager
def changed_at_the_end(connection: Connection) -> Iterator[None]:
    """Collect the changes of a transaction and make them as its last act, in the order of their names.

    Every transaction changes the same few rows: one that changed them early would keep others waiting until its commit,
    and two that changed them in different orders would wait for each other.
    """
    pending: Counter[tuple[int, str]] = Counter()
    connection.info[_CHANGES] = pending
    try:
        yield
        changes = [(project_id, name, n) for (project_id, name), n in sorted(pending.items()) if n]
        rows = [{"project_id": project_id, "name": name, "n": n} for project_id, name, n in changes]
        if rows:
            build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            statement = build(tally)
            change = statement.on_conflict_do_update(
                index_elements=["project_id", "name"], set_={"n": tally.c.n + statement.excluded.n}
            )
            connection.execute(change, rows)
    finally:
        del connection.info[_CHANGES]


def totals(connection: Connection, project_id: int) -> dict[Tally, int]:
    """Every total of a project by name, as the last transaction left it; a name that is missing stands at 0."""
    query = select(tally.c.name, tally.c.n).where(tally.c.project_id == project_id)
    return {Tally.of_key(row.name): row.n for row in connection.execute(query)}


def some(connection: Connection, project_id: int, names: Collection[Tally]) -> dict[Tally, int]:
    """The totals with these names, as the last transaction left them; one that was never changed stands at 0."""
    query = select(tally.c.name, tally.c.n).where(
        tally.c.project_id == project_id, tally.c.name.in_([name.key for name in names])
    )
    stored = {row.name: row.n for row in connection.execute(query)}
    return {name: stored.get(name.key, 0) for name in names}


def people(connection: Connection, project_id: int) -> set[str]:
    """Who has or had answers in a project that stand."""
    return {name.of for name in totals(connection, project_id) if name.counted is Counted.ANSWERS}
