"""The index of words: where a piece of text of three characters or more occurs, without reading the texts.

SQLite keeps it in a file of its own (`search_file`), an FTS5 table over trigrams. It holds no texts, so nothing can be
taken out of it; records whose texts people change stand in the table `searchable`, which alone counts for them and is
read. PostgreSQL keeps all texts there, with an index over trigrams where the extension pg_trgm is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, column, func, literal_column, or_, select, text
from sqlalchemy import table as table_of
from sqlalchemy.dialects import postgresql, sqlite

from curator.store import search_file
from curator.store.searchable import BETWEEN, Searchable
from curator.store.tables import indexed, record, searchable

_SHORTEST = 3
"""Characters that a trigram has."""
_words = table_of("words", column("rowid", Integer), schema=search_file.SCHEMA)


def is_indexable(term: str) -> bool:
    """Whether a term can be looked up; others are looked for in the texts."""
    return len(term) >= _SHORTEST and BETWEEN not in term


def covered(connection: Connection, project_id: int) -> int:
    """The greatest key of a project up to which the words of every record are in the index; 0 where there is none."""
    if connection.dialect.name == "postgresql":
        query = select(indexed.c.words).where(indexed.c.project_id == project_id)
        return connection.execute(query).scalar() or 0
    if not is_there(connection):
        return 0
    progress = connection.execute(
        text(f"SELECT last_key, last_hash FROM {search_file.SCHEMA}.progress WHERE project_id = :project"),
        {"project": project_id},
    ).first()
    return progress[0] if progress is not None and _is_of(connection, *progress) else 0


def is_there(connection: Connection) -> bool:
    """Whether words can be indexed: this SQLite has FTS5 with trigrams, or the database is PostgreSQL."""
    if connection.dialect.name == "postgresql":
        return True
    return bool(
        connection.execute(
            text(f"SELECT count(*) FROM {search_file.SCHEMA}.sqlite_master WHERE name = 'words'")
        ).scalar()
    )


def _is_of(connection: Connection, last_key: int, last_hash: bytes) -> bool:
    """Whether the index is about this database, not about one that stood in its place before a restore."""
    query = select(record.c.content_hash).where(record.c.id == last_key)
    return connection.execute(query).scalar() == bytes(last_hash).hex()


def holding(connection: Connection, terms: Sequence[str]) -> ColumnElement[bool]:
    """The condition that every term occurs in a record, as far as the index goes.

    Args:
        connection: An open transaction.
        terms: In lower case; each `is_indexable`, or the database is PostgreSQL.
    """
    if connection.dialect.name == "postgresql":
        texts = select(searchable.c.record_id)
        return record.c.id.in_(texts.where(*(searchable.c.text.contains(term, autoescape=True) for term in terms)))
    in_index = record.c.id.in_(matching(terms))
    if connection.execute(select(searchable.c.record_id).limit(1)).first() is None:
        return in_index
    beside = select(searchable.c.record_id)
    holds = and_(*(func.instr(searchable.c.text, term) > 0 for term in terms))
    return or_(in_index & ~record.c.id.in_(beside), record.c.id.in_(beside.where(holds)))


def matching(terms: Sequence[str]) -> Select[tuple[int]]:
    """Keys of the records in whose texts, as they came in, every term occurs; SQLite only."""
    phrases = " AND ".join('"' + term.replace('"', '""') + '"' for term in terms)
    return select(_words.c.rowid).where(literal_column("words").op("MATCH")(phrases))


def add(connection: Connection, project_id: int, some: Sequence[Searchable]) -> None:
    """Take in the words of the next records of a project, in the order of their keys. Returns nothing.

    Args:
        connection: Reading on SQLite, whose index has transactions of its own; an open writing one on PostgreSQL.
        project_id: Of which project.
        some: The first one is the next behind `covered`.
    """
    if not some:
        return
    if connection.dialect.name == "postgresql":
        put_changed(connection, some)
        return
    with search_file.writing(_file_of(connection)) as index:
        progress = index.execute(
            "SELECT last_key, last_hash FROM progress WHERE project_id = ?", [project_id]
        ).fetchone()
        if progress is not None and not _is_of(connection, *progress):
            search_file.empty(index)
            progress = None
        last = 0 if progress is None else progress[0]
        fresh = [each for each in some if each.key > last]  # another process may be ahead
        if fresh:
            words = [(each.key, each.texts) for each in fresh if not each.is_changed]
            index.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
            index.execute(
                "INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
                " last_key = excluded.last_key, last_hash = excluded.last_hash",
                [project_id, some[-1].key, bytes.fromhex(some[-1].content_hash)],
            )


def put_changed(connection: Connection, some: Sequence[Searchable]) -> None:
    """Store the texts of records as they stand now, in place of what the index knows of them. Returns nothing.

    `connection` is an open writing transaction.
    """
    _put_texts(connection, {each.key: each.texts for each in some})


def _put_texts(connection: Connection, texts: dict[int, str]) -> None:
    if not texts:
        return
    build: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(searchable)
    change = statement.on_conflict_do_update(index_elements=["record_id"], set_={"text": statement.excluded.text})
    connection.execute(change, [{"record_id": key, "text": text} for key, text in texts.items()])


def _file_of(connection: Connection) -> Path:
    rows = connection.exec_driver_sql("PRAGMA database_list")
    return Path(next(row[2] for row in rows if row[1] == search_file.SCHEMA))
