"""Search: records by words that occur in them, read from the texts themselves.

What the index of words (`word_index`) has taken in is found there; this reads the rest, and finds terms that are too
short for it. Parts are read as files (`part_search`), what stands in the database by the database; both only say where
a term may occur (a file name or a field name may hold it too), and the records that they name are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import orjson
from sqlalchemy import ColumnElement, Connection, Integer, Text, and_, cast, or_, select, type_coerce

from curator.store import searchable
from curator.store.contents import held_in
from curator.store.engine import parts_of
from curator.store.part_search import matching_rows
from curator.store.searchable import Searchable
from curator.store.tables import import_batch, part, record

_KEY: ColumnElement[int] = type_coerce(record.c.id, Integer)
_AT_A_TIME = 200
"""Candidates that are read together."""


def scan(
    connection: Connection,
    project_id: int,
    terms: Sequence[str],
    *,
    above: int = 0,
) -> Iterator[Searchable]:
    """Every record of a project in which each term occurs in some text, as it came in or as accepted, each once.

    Case is ignored. Texts are messages, the rejected ones of a pair and an alternative response; metadata is not
    searched.

    Args:
        connection: An open transaction.
        project_id: Of which project.
        terms: At least one.
        above: Only records with a greater key.
    """
    wanted = [record.c.project_id == project_id, record.c.deleted_at.is_(None)]
    if above:
        wanted.append(above < _KEY)
    condition = and_(*wanted)
    lowered = [term.lower() for term in terms]
    seen: set[int] = set()
    beside = _beside_rows(connection, condition, terms, is_whole=not above)
    for some in chain(beside, _in_parts(connection, project_id, terms, above=above)):
        for each in searchable.read(connection, condition, some):
            if each.key not in seen and each.holds(lowered):
                seen.add(each.key)
                yield each


def _beside_rows(
    connection: Connection, condition: ColumnElement[bool], terms: Sequence[str], *, is_whole: bool
) -> Iterator[ColumnElement[bool]]:
    """Conditions on records whose text in the database may hold the terms, some at a time."""
    query = select(record.c.id).where(condition)
    if is_whole:  # in the order of an index SQLite would jump from page to page for every record
        query = query.with_hint(record, "NOT INDEXED", "sqlite")
    is_postgres = connection.dialect.name == "postgresql"
    for term in terms:
        columns: Iterable[ColumnElement[str]] = (
            cast(column, Text) if is_postgres else type_coerce(column, Text)
            for column in (record.c.content, record.c.final, record.c.amended)
        )
        query = query.where(or_(*(_like(column, _in_json(term), is_postgres) for column in columns)))
    rows = connection.execute(query.execution_options(yield_per=_AT_A_TIME)).scalars()
    for some in rows.partitions(_AT_A_TIME):
        yield record.c.id.in_(some)


def _like(text: ColumnElement[str], term: str, is_postgres: bool) -> ColumnElement[bool]:
    """SQLite's LIKE ignores the case of A to Z only, so other letters are tried in the ways that people write them."""
    if is_postgres:
        return text.icontains(term, autoescape=True)
    ways = [term] if term.isascii() else list(dict.fromkeys([term, term.lower(), term.upper(), term.capitalize()]))
    return or_(*(text.contains(way, autoescape=True) for way in ways))


def _in_parts(
    connection: Connection, project_id: int, terms: Sequence[str], *, above: int
) -> Iterator[ColumnElement[bool]]:
    """Conditions on records whose text in a part may hold the terms, some at a time."""
    names = select(part.c.name).join(import_batch, import_batch.c.id == part.c.batch_id)
    names = names.where(import_batch.c.project_id == project_id).order_by(part.c.id)
    if above:
        names = names.where(
            part.c.id.in_(select(record.c.part_id).where(record.c.project_id == project_id, above < _KEY))
        )
    parts = connection.execute(names).scalars().all()
    matching = matching_rows(parts_of(connection).folder, parts, [_in_json(term) for term in terms])
    while some := [each.hex() for each in islice(matching, _AT_A_TIME)]:
        yield held_in(connection, project_id, some)


def _in_json(term: str) -> str:
    """A term as it stands inside a text of JSON."""
    return orjson.dumps(term).decode()[1:-1]
