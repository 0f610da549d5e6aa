"""Search: records by words that occur in them, read from the texts themselves.

There is no index of words: one costs every import more than a search costs (docs/decisions/0016), and a search without
one finds parts of words in every script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Dialect, Text, and_, cast, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONPATH

from curator.store.records import StoredRecord, stored_record
from curator.store.tables import record
from schemas.annotation import RecordState


def find(
    connection: Connection,
    project_id: int,
    terms: Sequence[str],
    *,
    state: RecordState | None = None,
    limit: int = 50,
) -> list[StoredRecord]:
    """Records in which every term occurs in some text, as it came in or as accepted; in no order that means anything.

    Case is ignored. Texts are messages and an alternative response; metadata is not searched.

    Args:
        connection: An open transaction.
        project_id: Of which project.
        terms: Each word or phrase; none finds every record.
        state: Only records that stand here.
        limit: Look no further after this many.
    """
    query = select(record).where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    if state is not None:
        query = query.where(record.c.state == state.value)
    else:  # in the order of an index SQLite would jump from page to page for every record
        query = query.with_hint(record, "NOT INDEXED", "sqlite")
    for term in terms:
        query = query.where(or_(*(_occurs(column, term, connection.dialect) for column in _TEXTS)))
    return [stored_record(row) for row in connection.execute(query.limit(limit)).mappings()]


_TEXTS = (record.c.content, record.c.final)


def _occurs(column: ColumnElement[Any], term: str, dialect: Dialect) -> ColumnElement[bool]:
    """Whether a term occurs in a text of the record that a column holds."""
    quoted = orjson.dumps(term).decode()  # a JSON string, which is what stands in the column and in a path
    if dialect.name == "postgresql":
        holds = f'like_regex {quoted} flag "qi"'  # q: no pattern but the text itself
        path = f"$ ? (@.messages[*].content {holds} || @.alternative {holds})"
        return func.jsonb_path_exists(column, cast(path, JSONPATH))
    messages = func.json_each(column, "$.messages").table_valued("value")
    exact = or_(
        select(1).where(_like(func.json_extract(messages.c.value, "$.content"), term)).exists(),
        _like(func.json_extract(column, "$.alternative"), term),
    )
    # Taking JSON apart costs three times as much as a look at its bytes, which nearly always says no.
    return and_(_like(type_coerce(column, Text), quoted[1:-1]), exact)


def _like(text: ColumnElement[str], term: str) -> ColumnElement[bool]:
    """SQLite's LIKE ignores the case of A to Z only, so other letters are tried in the ways that people write them."""
    ways = [term] if term.isascii() else list(dict.fromkeys([term, term.lower(), term.upper(), term.capitalize()]))
    return or_(*(text.contains(way, autoescape=True) for way in ways))
