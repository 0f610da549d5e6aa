"""The database as a whole: a copy of it while others write, and whether it is sound."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, select, text

from curator.errors import StoreError
from curator.store.engine import broken_references, reading
from curator.store.parts import PartFile
from curator.store.tables import part


def write(engine: Engine, file: Path) -> None:
    """Copy a SQLite database, in the state of one moment, into a file that is not there yet.

    Raises:
        StoreError: The live state is in PostgreSQL, which has tools of its own.
    """
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        raise StoreError(
            "The live state of this workspace is in PostgreSQL, which this command does not copy.",
            hint="Run `pg_dump --format=custom --file=curator.dump` on the database first, then copy the folder of the "
            "workspace.",
        )
    with closing(sqlite3.connect(engine.url.database)) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing of it in another


def problems(engine: Engine) -> list[str]:
    """What is wrong inside a database, in the words of SQLite; PostgreSQL sees to itself."""
    with reading(engine) as connection:
        if engine.dialect.name != "sqlite":
            return []
        found = [str(row[0]) for row in connection.execute(text("PRAGMA main.integrity_check(20)"))]
        broken = broken_references(connection)
    return [each for each in found if each != "ok"] + [f"table {name} names rows that are not there" for name in broken]


def parts(engine: Engine) -> list[PartFile]:
    """Every file of texts that records stand in."""
    with reading(engine) as connection:
        rows = connection.execute(select(part.c.name, part.c.rows, part.c.sha256).order_by(part.c.id))
        return [PartFile(*row) for row in rows]


def parts_of(file: Path) -> list[str]:
    """The names of those files, as a copy of the database says."""
    with closing(sqlite3.connect(file)) as copy:
        return [row[0] for row in copy.execute("SELECT name FROM part")]


def is_sound(file: Path) -> bool:
    """Whether a file is a SQLite database without damage."""
    try:
        with closing(sqlite3.connect(file)) as copy:
            return list(copy.execute("PRAGMA integrity_check(1)")) == [("ok",)]
    except sqlite3.DatabaseError:
        return False
