"""Searchable: what a search knows of a record, read from where its text stands without building the record.

The texts are those that a word can occur in, in lower case, with a character between them that no one types; the traits
are what every time that the content came in said beside the texts. Building records first would take ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
Content = dict[str, Any]
"""A record as JSON, with what stands at its default left out."""
_TEXTS = frozenset({"messages", "rejected", "alternative"})


class Searchable(NamedTuple):
    """What a search knows of a record."""

    key: int
    content_hash: str
    texts: str
    """As they stand: what came in, with what leads changed of it, and what was accepted."""
    is_changed: bool
    """Whether they are not what came in."""
    traits: frozenset[Trait]

    def holds(self, terms: Iterable[str]) -> bool:
        """Whether every term, in lower case, occurs in some text."""
        return all(term in self.texts for term in terms)


def read(connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Searchable]:
    """Records for which some conditions hold, in the order of their keys; deleted ones too."""
    place = (record.c.content, record.c.part_row, part.c.name.label("part_name"))
    columns = (record.c.id, record.c.content_hash, record.c.amended, record.c.final, *place)
    query = select(*columns).outerjoin(part, part.c.id == record.c.part_id)
    rows = connection.execute(query.where(*conditions).order_by(record.c.id).limit(limit)).mappings().all()
    again: dict[str, list[Content]] = {}
    for record_id, content in _arrivals(connection, [row["id"] for row in rows]):
        again.setdefault(record_id, []).append(content)
    read_contents = _contents(connection, rows)
    return [
        _searchable(row, content, again.get(row["id"], ())) for row, content in zip(rows, read_contents, strict=True)
    ]


def _arrivals(connection: Connection, record_ids: Sequence[str]) -> Iterator[tuple[str, Content]]:
    """Every time that the contents of some records came again."""
    columns = (arrival.c.record_id, arrival.c.content, arrival.c.part_row, part.c.name.label("part_name"))
    query = select(*columns).outerjoin(part, part.c.id == arrival.c.part_id)
    for start in range(0, len(record_ids), _LOOKUP):
        here = arrival.c.record_id.in_(record_ids[start : start + _LOOKUP])
        rows = connection.execute(query.where(here)).mappings().all()
        yield from zip((row["record_id"] for row in rows), _contents(connection, rows), strict=True)


def _contents(connection: Connection, rows: Sequence[RowMapping]) -> list[Content]:
    """What came in, parsed but not checked, from where each row says that it stands."""
    contents: list[Content] = [row["content"] or {} for row in rows]
    in_parts = sorted((row["part_name"], row["part_row"], n) for n, row in enumerate(rows) if row["part_name"])
    reader = parts_of(connection)
    for name, part_row, n in in_parts:
        contents[n] = orjson.loads(reader.text(name, part_row).partition(b"\n")[0])
    return contents


def _searchable(row: RowMapping, content: Content, again: Sequence[Content]) -> Searchable:
    amended, final = row["amended"], row["final"]
    now = content
    if amended is not None:
        now = _amended_beside(content | {name: amended[name] for name in _TEXTS & amended.keys()}, amended)
    accepted = None if final is None else _amended_beside(final, amended or {})
    others = [other for each in (content, *again) for other in each.get("also", ())]
    traits = frozenset(trait for each in (accepted or now, *again, *others) for trait in _traits(each))
    texts = [text for each in (now, accepted) if each is not None for text in _texts(each)]
    is_changed = final is not None or (amended is not None and not _TEXTS.isdisjoint(amended))
    return Searchable(int(row["id"]), row["content_hash"], BETWEEN.join(texts).lower(), is_changed, traits)


def _amended_beside(content: Content, amended: Content) -> Content:
    """What an amendment leaves of what is said beside the texts, see `schemas.amendment`."""
    changed = content | {name: amended[name] for name in ("licence", "group") if name in amended}
    labels = {**content.get("labels", {}), **amended.get("labels", {})}
    return changed | {"labels": {name: value for name, value in labels.items() if value is not None}}


def _texts(content: Content) -> Iterator[str]:
    yield from (message.get("content", "") for message in content["messages"])
    yield from (message.get("content", "") for message in content.get("rejected") or ())
    if content.get("alternative") is not None:
        yield content["alternative"]


def _traits(said: Content) -> Iterator[Trait]:
    yield "source", said["origin"]["source"]
    for field in ("licence", "language", "group"):
        if said.get(field):
            yield field, said[field]
    for name, value in said.get("labels", {}).items():
        yield "label", f"{name}={value}"
