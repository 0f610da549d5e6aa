"""What differs between SQLite and PostgreSQL, and bringing a database to the current schema.

Callers own the transaction: `reading` and `writing` open one, the functions beside this file run inside it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Dialect, Engine, Insert, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from curator.errors import NewerDatabaseError, StoreError

_BUSY_SECONDS = 5.0
"""How long SQLite waits for another writer before it reports that the database is locked."""
_ATTEMPTS = 3
_WRITES = "curator_writes"


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _from_json(stored: Any) -> Any:
    """SQLite gives a JSON number back as a number, whatever was stored as text."""
    return stored if isinstance(stored, int | float) else orjson.loads(stored)


_JSON: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": _from_json}


def sqlite_url(file: Path) -> str:
    """SQLAlchemy URL of a SQLite file."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def open_engine(url: str, *, busy_seconds: float = _BUSY_SECONDS) -> Engine:
    """An engine on the database at `url`, set up so that several processes can share it.

    Args:
        url: SQLAlchemy URL.
        busy_seconds: How long SQLite waits for another writer before it tries again or gives up.

    Raises:
        StoreError: The URL is neither SQLite nor PostgreSQL.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        driven = parsed.set(drivername="postgresql+psycopg")
        return create_engine(driven, pool_pre_ping=True, pool_size=10, max_overflow=30, **_JSON)
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(
            f"Database {parsed.get_backend_name()} is not supported.",
            hint="Use a postgresql:// URL, or none for SQLite in the workspace folder.",
        )
    engine = create_engine(parsed, connect_args={"timeout": busy_seconds, "isolation_level": None}, **_JSON)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """WAL lets readers go on while one process writes; FULL makes a committed answer survive a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at its first statement: a lock that is upgraded half-way can only fail."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose reads see one consistent state."""
    with _explained(), engine.connect() as plain:
        connection = plain
        if engine.dialect.name == "postgresql":
            connection = plain.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


class _Turns:
    """A lock that is handed over in the order in which threads asked for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._next = self._served = 0

    def __enter__(self) -> None:
        with self._changed:
            mine = self._next
            self._next += 1
            self._changed.wait_for(lambda: self._served == mine)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._served += 1
            self._changed.notify_all()


_turns: dict[str, _Turns] = defaultdict(_Turns)
"""By database file. SQLite has one writer, and those who wait for it sleep and try again, so that the unlucky wait for
ever and hold a connection meanwhile. Threads of one process queue up here; only processes compete there."""


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection inside one writing transaction, committed at the end of the block."""
    is_sqlite = engine.dialect.name == "sqlite"
    with _explained(), _turns[str(engine.url)] if is_sqlite else nullcontext(), engine.connect() as plain:
        connection = plain.execution_options(**{_WRITES: True})
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                transaction = connection.begin()
                break
            except OperationalError as error:
                if attempt == _ATTEMPTS or "locked" not in str(error):
                    raise
                time.sleep(0.05 * attempt)  # SQLite waits by itself; this covers the case in which it refuses at once
        with transaction:
            yield connection


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        cause = str(error.orig)
        if "locked" in cause:
            raise StoreError(
                "The database was busy for too long; nothing was stored.",
                hint="Another process is writing a lot; wait for it to end and try again.",
            ) from error
        if "full" in cause:
            raise StoreError("The disk is full; nothing was stored.", hint="Free some space and try again.") from error
        raise StoreError(
            f"The database cannot be used: {cause}.", hint="Check that it is there and writable."
        ) from error


def insert_or_ignore(table: Table, dialect: Dialect) -> Insert:
    """An INSERT into `table` that leaves out rows which break a unique constraint."""
    build: Any = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement: Insert = build(table).on_conflict_do_nothing()
    return statement


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> None:
    """Bring the database to the schema of this Curator.

    Raises:
        NewerDatabaseError: A newer Curator wrote it; it is left as it is.
        StoreError: It cannot be opened.
    """
    scripts = ScriptDirectory.from_config(_alembic())
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise StoreError(f"The database cannot be opened: {error}.", hint="Check its path or URL.") from error
    if found == scripts.get_current_head():
        return
    if found is not None:
        try:
            scripts.get_revision(found)
        except (CommandError, ResolutionError) as error:
            raise NewerDatabaseError(
                f"The database has schema {found}, which this Curator does not know.",
                hint="It was written by a newer Curator: upgrade with `pip install -U curator-toolkit`.",
            ) from error
    with writing(engine) as connection:
        command.upgrade(_alembic(connection), "head")
