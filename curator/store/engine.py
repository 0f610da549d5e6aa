"""What differs between SQLite and PostgreSQL.

Callers own the transaction: `reading` and `writing` open one, the functions beside this file run inside it.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    Insert,
    Table,
    create_engine,
    event,
    func,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, DataError, OperationalError

from curator.errors import StoreError, UnstorableValueError
from curator.semaphore import FairSemaphore, WaitedTooLongError
from curator.store import search_file, tallies
from curator.store.incoming import JsonText
from curator.store.parts import Parts

_BUSY_SECONDS = 15.0
"""How long a caller waits for others before they hear that the database is busy."""
LONGEST_POLL_SECONDS = 0.005
_POLL_SECONDS = (0.001, LONGEST_POLL_SECONDS)
"""Between two looks whether SQLite's write lock is free: always as short and never in step, so that a process that has
waited long is not worse off. SQLite's own waiting grows to 100 ms and loses to one that writes without a pause."""


class _Access(NamedTuple):
    """How the threads of this process share an engine."""

    busy_seconds: float
    readers: FairSemaphore
    writers: FairSemaphore
    """Apart from the readers, since a thread may write while it still reads."""


_ACCESS = "curator_access"
_PARTS = "curator_parts"
_DEADLINE = "curator_deadline"
"""Set on a connection that writes: the moment, as of `time.monotonic`, until which it waits for the write lock."""


def _to_json(value: Any) -> str:
    return value if isinstance(value, JsonText) else orjson.dumps(value).decode()


def _from_json(stored: Any) -> Any:
    """SQLite returns a JSON number as a number, whatever was stored as text."""
    return stored if isinstance(stored, int | float) else orjson.loads(stored)


def sqlite_url(file: Path) -> str:
    """SQLAlchemy URL of a SQLite file."""
    return URL.create("sqlite", database=str(file)).render_as_string()


def open_engine(url: str, *, busy_seconds: float = _BUSY_SECONDS, parts_folder: Path | None = None) -> Engine:
    """An engine on the database at `url`, set up so that several processes and many threads can share it.

    Args:
        url: SQLAlchemy URL.
        busy_seconds: How long to wait for others before a StoreError says that the database is busy.
        parts_folder: Where the texts of imported records are.

    Raises:
        StoreError: The URL is neither SQLite nor PostgreSQL.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend not in ("postgresql", "sqlite"):
        raise StoreError(
            f"Database {backend} is not supported.",
            hint="Use a postgresql:// URL, or none for SQLite in the workspace folder.",
        )
    readers, writers = 5, 10 if backend == "postgresql" else 1  # SQLite has one writer, and a page cache for each
    access = _Access(busy_seconds, FairSemaphore(readers), FairSemaphore(writers))
    options: dict[str, Any] = {
        "json_serializer": _to_json,
        "json_deserializer": _from_json,
        "pool_size": readers + writers,
        "execution_options": {_ACCESS: access, _PARTS: Parts(parts_folder) if parts_folder else None},
    }
    if backend == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, **options)
    engine = create_engine(
        parsed, connect_args={"timeout": busy_seconds, "isolation_level": None, "uri": True}, **options
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "before_cursor_execute", _refuse_nul)
    return engine


def without_foreign_keys(engine: Engine) -> Engine:
    """An engine on the same database for a change of its schema.

    SQLite alters a table by copying it, and dropping the old one would count as deleting what others refer to. It can
    be told to look away only outside a transaction, so this needs connections of its own.
    """
    apart = open_engine(engine.url.render_as_string(hide_password=False))
    if engine.dialect.name == "sqlite":
        event.listen(apart, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
    return apart


def broken_references(connection: Connection) -> list[str]:
    """Tables with rows that refer to rows which are not there; PostgreSQL lets none come about."""
    if connection.dialect.name != "sqlite":
        return []
    return sorted({row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """WAL lets readers go on while one process writes; FULL makes a committed answer survive a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    search_file.attach(connection)


def _refuse_nul(
    _connection: object, _cursor: object, _statement: str, values: Any, _context: object, is_many: bool
) -> None:
    """SQLite would store what PostgreSQL refuses and no schema reads back. Many rows at once were checked before."""
    if not is_many and any(isinstance(value, str) and "\x00" in value for value in values):
        raise _unstorable()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at its first statement: a lock that is upgraded half-way can only fail."""
    options = connection.get_execution_options()
    deadline = options.get(_DEADLINE)
    if deadline is None:
        connection.exec_driver_sql("BEGIN")
        return
    plain = connection.connection.dbapi_connection
    assert isinstance(plain, sqlite3.Connection)
    plain.execute("PRAGMA busy_timeout=0")
    try:
        _take_write_lock(plain, deadline)
    finally:
        plain.execute(f"PRAGMA busy_timeout={options[_ACCESS].busy_seconds * 1000:.0f}")


def _take_write_lock(connection: sqlite3.Connection, deadline: float) -> None:
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(random.uniform(*_POLL_SECONDS))


def parts_of(connection: Connection) -> Parts:
    """The texts of imported records that belong to a database."""
    reader = connection.get_execution_options()[_PARTS]
    if not isinstance(reader, Parts):
        raise ValueError("this engine was opened without a folder of parts")
    return reader


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose reads see one consistent state."""
    access: _Access = engine.get_execution_options()[_ACCESS]
    with _explained(access), access.readers.hold(access.busy_seconds), engine.connect() as plain:
        connection = plain
        if engine.dialect.name == "postgresql":
            connection = plain.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection inside one writing transaction, committed at the end of the block."""
    access: _Access = engine.get_execution_options()[_ACCESS]
    deadline = time.monotonic() + access.busy_seconds
    with _explained(access), access.writers.hold(access.busy_seconds), engine.connect() as plain:
        connection = plain.execution_options(**{_DEADLINE: deadline})
        with connection.begin(), tallies.changed_at_the_end(connection):
            yield connection


@contextmanager
def _explained(access: _Access) -> Iterator[None]:
    try:
        yield
    except (DataError, UnicodeEncodeError, OverflowError) as error:
        raise _unstorable() from error
    except (DatabaseError, sqlite3.DatabaseError, WaitedTooLongError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        if is_damage(cause):
            raise damaged(cause) from error
        if not isinstance(error, OperationalError | sqlite3.OperationalError | WaitedTooLongError):
            raise
        raise _unusable(cause, access) from error


def _unstorable() -> UnstorableValueError:
    return UnstorableValueError(
        "A text or a number cannot be stored: it holds a character that is none, or is too large.",
        hint="Type it again; what was copied may hold characters that cannot be seen.",
    )


def is_damage(error: BaseException | None) -> bool:
    """Whether an error of the database means that its file is damaged."""
    return isinstance(error, sqlite3.DatabaseError) and _primary(error) in _DAMAGED


def damaged(error: BaseException | None) -> StoreError:
    """What a damaged database means for its user."""
    return StoreError(
        f"The database cannot be read, it is damaged: {error}.",
        hint="Stop the server, keep a copy of the folder, then see `curator doctor` and `curator restore`.",
    )


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _unusable(cause: BaseException | None, access: _Access) -> StoreError:
    if isinstance(cause, WaitedTooLongError) or _is_busy(cause):
        return StoreError(
            f"The database was busy for more than {access.busy_seconds:g} s.",
            hint="Another process is writing a lot; wait for it to end and try again.",
        )
    if _sqlstate(cause) in (_DEADLOCK, _SERIALIZATION_FAILURE):
        return StoreError(
            "Two people changed the same things at the same moment; this change was not stored.", hint="Try again."
        )
    if _is_full(cause):
        return StoreError("The disk is full; nothing was stored.", hint="Free some space and try again.")
    return StoreError(f"The database cannot be used: {cause}.", hint="Check that it is there and writable.")


_DEADLOCK, _SERIALIZATION_FAILURE, _DISK_FULL = "40P01", "40001", "53100"


def _sqlstate(error: BaseException | None) -> str | None:
    """PostgreSQL's code of an error."""
    return getattr(error, "sqlstate", None)


def _is_busy(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.OperationalError) and _primary(error) in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def _is_full(error: BaseException | None) -> bool:
    if _sqlstate(error) == _DISK_FULL:
        return True
    return isinstance(error, sqlite3.OperationalError) and _primary(error) == sqlite3.SQLITE_FULL


def _primary(error: sqlite3.DatabaseError) -> int | None:
    """SQLite's result code without the detail in its higher bits; None for an error of the module itself."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def lock_all(connection: Connection) -> None:
    """Let only this transaction set up the database until it ends; on SQLite a writer is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SETTING_UP)))


_SETTING_UP = 0x63757261746F72
"""Number of the advisory lock: any that no other program on the server uses."""


def insert_or_ignore(table: Table, dialect: Dialect) -> Insert:
    """An INSERT into `table` that leaves out rows which break a unique constraint."""
    build: Any = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement: Insert = build(table).on_conflict_do_nothing()
    return statement


def insert_or_replace(table: Table, dialect: Dialect, values: dict[str, Any]) -> Insert:
    """An INSERT of one row into `table` that takes the place of the row with the same primary key.

    One statement: two transactions that both delete and insert would both find nothing to delete.
    """
    build: Any = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    keys = [column.name for column in table.primary_key]
    changed = {name: value for name, value in values.items() if name not in keys}
    statement: Insert = build(table).values(values).on_conflict_do_update(index_elements=keys, set_=changed)
    return statement
