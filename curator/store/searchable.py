"""Searchable: what a search knows of a record, read from where its text stands without building the record.

The texts are those that a word can occur in, in lower case, with a character between them that no one types; the traits
are what every time that the content came in said beside the texts. Building records first would take ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, select

from curator.store.engine import parts_of
from curator.store.tables import arrival, part, record

BETWEEN = "\uffff"
"""Between two texts: not a character of Unicode, so no phrase reaches from one text into the next."""
TRAITS = ("source", "licence", "language", "group", "label")
_LOOKUP = 500

Trait = tuple[str, str]
"""A field of `TRAITS` and a value."""


class Searchable(NamedTuple):
    """What a search knows of a record."""

    key: int
    content_hash: str
    texts: str
    """As they came in."""
    edited: str | None
    """As they were accepted, where people changed them."""
    traits: frozenset[Trait]

    def holds(self, terms: Iterable[str]) -> bool:
        """Whether every term, in lower case, occurs in some text."""
        return all(term in self.texts or (self.edited is not None and term in self.edited) for term in terms)

    @property
    def all_texts(self) -> str:
        """Every text."""
        return self.texts if self.edited is None else self.texts + BETWEEN + self.edited


def read(connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Searchable]:
    """Records for which some conditions hold, in the order of their keys; deleted ones too."""
    columns = (record.c.id, record.c.content_hash, record.c.part_row, record.c.content, record.c.final)
    query = select(*columns, part.c.name.label("part_name")).outerjoin(part, part.c.id == record.c.part_id)
    rows = connection.execute(query.where(*conditions).order_by(record.c.id).limit(limit)).mappings().all()
    again: dict[str, list[Mapping[str, Any]]] = {}
    for record_id, content in _arrivals(connection, [row["id"] for row in rows]):
        again.setdefault(record_id, []).append(content)
    read_contents = _contents(connection, rows)
    return [
        _searchable(row["id"], row["content_hash"], content, row["final"], again.get(row["id"], ()))
        for row, content in zip(rows, read_contents, strict=True)
    ]


def _arrivals(connection: Connection, record_ids: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every time that the contents of some records came again."""
    columns = (arrival.c.record_id, arrival.c.content, arrival.c.part_row, part.c.name.label("part_name"))
    query = select(*columns).outerjoin(part, part.c.id == arrival.c.part_id)
    for start in range(0, len(record_ids), _LOOKUP):
        here = arrival.c.record_id.in_(record_ids[start : start + _LOOKUP])
        rows = connection.execute(query.where(here)).mappings().all()
        yield from zip((row["record_id"] for row in rows), _contents(connection, rows), strict=True)


def _contents(connection: Connection, rows: Sequence[RowMapping]) -> list[Mapping[str, Any]]:
    """What came in, parsed but not checked, from where each row says that it stands."""
    contents: list[Mapping[str, Any]] = [row["content"] or {} for row in rows]
    in_parts = sorted((row["part_name"], row["part_row"], n) for n, row in enumerate(rows) if row["part_name"])
    reader = parts_of(connection)
    for name, part_row, n in in_parts:
        contents[n] = orjson.loads(reader.text(name, part_row).partition(b"\n")[0])
    return contents


def _searchable(
    record_id: str,
    content_hash: str,
    content: Mapping[str, Any],
    final: Mapping[str, Any] | None,
    again: Iterable[Mapping[str, Any]],
) -> Searchable:
    others = [other for each in (content, *again) for other in each.get("also", ())]
    said = (final or content, *again, *others)
    traits = frozenset(trait for each in said for trait in _traits(each))
    texts = BETWEEN.join(_texts(content)).lower()
    edited = None if final is None else BETWEEN.join(_texts(final)).lower()
    return Searchable(int(record_id), content_hash, texts, None if edited == texts else edited, traits)


def _texts(content: Mapping[str, Any]) -> Iterator[str]:
    yield from (message.get("content", "") for message in content["messages"])
    yield from (message.get("content", "") for message in content.get("rejected", ()))
    if content.get("alternative") is not None:
        yield content["alternative"]


def _traits(said: Mapping[str, Any]) -> Iterator[Trait]:
    yield "source", said["origin"]["source"]
    for field in ("licence", "language", "group"):
        if said.get(field):
            yield field, said[field]
    for name, value in said.get("labels", {}).items():
        yield "label", f"{name}={value}"
