"""Search: records by words that occur in them, read from the texts themselves.

There is no index of words: one costs every import more than a search costs (docs/decisions/0016), and a search without
one finds parts of words in every script. Parts are read as files (`part_search`), what stands in the database by the
database; both only say where a term may occur (a file name or a field name may hold it too), and the records that they
name are looked at one by one until enough are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, or_, select, type_coerce

from curator.store.contents import held_in
from curator.store.engine import parts_of
from curator.store.part_search import matching_rows
from curator.store.records import StoredRecord, stored_records, with_part
from curator.store.tables import import_batch, part, record
from schemas.annotation import RecordState
from schemas.record import Record


def find(
    connection: Connection,
    project_id: int,
    terms: Sequence[str],
    *,
    state: RecordState | None = None,
    limit: int = 50,
) -> list[StoredRecord]:
    """Records in which every term occurs in some text, as it came in or as accepted; in no order that means anything.

    Case is ignored. Texts are messages, the rejected ones of a pair and an alternative response; metadata is not
    searched.

    Args:
        connection: An open transaction.
        project_id: Of which project.
        terms: Each word or phrase; none finds every record.
        state: Only records that stand here.
        limit: Look no further after this many.
    """
    query = with_part().where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    if state is not None:
        query = query.where(record.c.state == state.value)
    if not terms:
        return stored_records(connection, connection.execute(query.limit(limit)).mappings().all())
    return list(islice(_holding(connection, project_id, query, terms, state), limit))


def ids(connection: Connection, project_id: int, terms: Sequence[str]) -> list[str]:
    """Ids of all records of a project in which every one of some terms occurs, as `find` says it."""
    query = with_part().where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    return [each.id for each in _holding(connection, project_id, query, terms, None)]


def _holding(
    connection: Connection, project_id: int, query: Select[Any], terms: Sequence[str], state: RecordState | None
) -> Iterator[StoredRecord]:
    candidates = chain(_beside_rows(connection, query, terms, state), _in_parts(connection, project_id, query, terms))
    seen: set[str] = set()
    for each in candidates:
        if each.id not in seen and _holds(each, terms):
            seen.add(each.id)
            yield each


_AT_A_TIME = 200
"""Candidates that are read together."""


def _beside_rows(
    connection: Connection, query: Select[Any], terms: Sequence[str], state: RecordState | None
) -> Iterator[StoredRecord]:
    """Records whose text in the database may hold the terms."""
    if state is None:  # in the order of an index SQLite would jump from page to page for every record
        query = query.with_hint(record, "NOT INDEXED", "sqlite")
    is_postgres = connection.dialect.name == "postgresql"
    for term in terms:
        columns: Iterable[ColumnElement[str]] = (
            cast(column, Text) if is_postgres else type_coerce(column, Text)
            for column in (record.c.content, record.c.final, record.c.amended)
        )
        query = query.where(or_(*(_like(column, _in_json(term), is_postgres) for column in columns)))
    rows = connection.execute(query.execution_options(yield_per=_AT_A_TIME)).mappings()
    for some in rows.partitions(_AT_A_TIME):
        yield from stored_records(connection, some)


def _like(text: ColumnElement[str], term: str, is_postgres: bool) -> ColumnElement[bool]:
    """SQLite's LIKE ignores the case of A to Z only, so other letters are tried in the ways that people write them."""
    if is_postgres:
        return text.icontains(term, autoescape=True)
    ways = [term] if term.isascii() else list(dict.fromkeys([term, term.lower(), term.upper(), term.capitalize()]))
    return or_(*(text.contains(way, autoescape=True) for way in ways))


def _in_parts(
    connection: Connection, project_id: int, query: Select[Any], terms: Sequence[str]
) -> Iterator[StoredRecord]:
    """Records whose text in a part may hold the terms."""
    names = select(part.c.name).join(import_batch, import_batch.c.id == part.c.batch_id)
    names = names.where(import_batch.c.project_id == project_id).order_by(part.c.id)
    parts = connection.execute(names).scalars().all()
    matching = matching_rows(parts_of(connection).folder, parts, [_in_json(term) for term in terms])
    while some := [each.hex() for each in islice(matching, _AT_A_TIME)]:
        here = query.where(held_in(connection, project_id, some))
        yield from stored_records(connection, connection.execute(here).mappings().all())


def _in_json(term: str) -> str:
    """A term as it stands inside a text of JSON."""
    return orjson.dumps(term).decode()[1:-1]


def _holds(stored: StoredRecord, terms: Sequence[str]) -> bool:
    """Whether every term occurs in some text of the record."""
    texts = [text.lower() for each in (stored.content, stored.final) if each is not None for text in _texts(each)]
    return all(any(term.lower() in text for text in texts) for term in terms)


def _texts(content: Record) -> Iterator[str]:
    yield from (message.content for message in content.messages)
    yield from (message.content for message in content.rejected)
    if content.alternative is not None:
        yield content.alternative
