"""Topics of records. New ones are stored beside those that pages show, and take their place in one step.

Which topic a record has is a fact about a text and carries its hash; it is true only while the record's text is that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    case,
    delete,
    func,
    insert,
    select,
    type_coerce,
    update,
)

from curator.store.facts import is_current, text_hash
from curator.store.tables import record, record_topic, topic
from schemas.annotation import RecordState
from schemas.topic import Topic


class TextHashes(NamedTuple):
    """The records of a project that are not deleted, N of them, by their ids."""

    ids: NDArray[np.int64]
    """Ascending, (N,)."""
    hashes: NDArray[np.bytes_]
    """Of each text as it stands, (N,) of 32 bytes. NumPy drops zeros at the end, which no order or equality minds."""


def text_hashes(connection: Connection, project_id: int, *, without: RecordState | None = None) -> TextHashes:
    """What identifies the text of every record, as it stands now; those in the state `without` are left out."""
    query = select(type_coerce(record.c.id, Integer), type_coerce(text_hash(), LargeBinary)).order_by(record.c.id)
    query = query.where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    if without is not None:
        query = query.where(record.c.state != without.value)
    ids: list[int] = []
    hashes: list[bytes] = []
    for some in connection.execute(query.execution_options(yield_per=_STREAMED)).partitions(_STREAMED):
        ids += [row[0] for row in some]
        hashes += [bytes(row[1]) for row in some]
    return TextHashes(np.array(ids, np.int64), np.array(hashes, "S32"))


_STREAMED = 10_000


def count_records(connection: Connection, project_id: int) -> int:
    """Records of a project that are not deleted."""
    query = select(func.count()).where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    return connection.execute(query).scalar_one()


class NewTopic(NamedTuple):
    """A topic that was counted and is to be stored."""

    name: str
    terms: tuple[str, ...]
    examples: tuple[str, ...]


def add(connection: Connection, project_id: int, topics: Sequence[NewTopic], *, at: datetime) -> list[int]:
    """Store topics that no page shows yet. Returns their ids, in order."""
    rows = [
        {"project_id": project_id, "n": n, "is_shown": False, "counted_at": at, **each._asdict()}
        for n, each in enumerate(topics)
    ]
    returning = insert(topic).returning(topic.c.id, sort_by_parameter_order=True)
    return [row.id for row in connection.execute(returning, rows)]


def assign(connection: Connection, rows: Sequence[tuple[int, str, bytes]]) -> None:
    """Store the topics of records: id of the topic, id of the record, hash of its text."""
    if rows:
        values = [{"topic_id": topic_id, "record_id": id, "text_hash": hash} for topic_id, id, hash in rows]
        connection.execute(insert(record_topic), values)


def show(connection: Connection, project_id: int, topic_ids: Sequence[int]) -> None:
    """Let pages show these topics and no others of the project."""
    is_new = topic.c.id.in_(topic_ids)
    connection.execute(update(topic).where(topic.c.project_id == project_id).values(is_shown=is_new))


def remove_old(connection: Connection, project_id: int, *, most: int) -> int:
    """Remove topics that are not shown, at most so many records of them. Returns how many were removed."""
    old = select(topic.c.id).where(topic.c.project_id == project_id, topic.c.is_shown.is_(False))
    some = connection.execute(
        select(record_topic.c.topic_id, record_topic.c.record_id).where(record_topic.c.topic_id.in_(old)).limit(most)
    ).all()
    for topic_id in {row.topic_id for row in some}:
        ids = [row.record_id for row in some if row.topic_id == topic_id]
        for start in range(0, len(ids), _BOUND):
            here = record_topic.c.record_id.in_(ids[start : start + _BOUND])
            connection.execute(delete(record_topic).where(record_topic.c.topic_id == topic_id, here))
    if len(some) < most:
        connection.execute(delete(topic).where(topic.c.id.in_(old)))
    return len(some)


_BOUND = 5_000


def shown(connection: Connection, project_id: int) -> list[Topic]:
    """The topics of a project with what became of their records, the largest first."""
    is_accepted, is_rejected = (record.c.state == each.value for each in (RecordState.ACCEPTED, RecordState.REJECTED))

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    counts = (
        select(
            record_topic.c.topic_id,
            func.count().label("records"),
            count(is_accepted).label("accepted"),
            count(is_rejected).label("rejected"),
            count(is_accepted & record.c.final_hash.is_not(None)).label("edited"),
        )
        .join(record, record.c.id == record_topic.c.record_id)
        .where(record.c.project_id == project_id, record.c.deleted_at.is_(None), is_current(record_topic))
        .group_by(record_topic.c.topic_id)
    ).subquery()
    query = select(topic, counts).outerjoin(counts, counts.c.topic_id == topic.c.id)
    rows = connection.execute(query.where(topic.c.project_id == project_id, topic.c.is_shown)).mappings()
    topics = [
        Topic(
            id=row["id"],
            name=row["name"],
            terms=tuple(row["terms"]),
            examples=tuple(row["examples"]),
            **{name: row[name] or 0 for name in ("records", "accepted", "rejected", "edited")},
        )
        for row in rows
    ]
    return sorted(topics, key=lambda each: (-each.records, each.name))


def counted_at(connection: Connection, project_id: int) -> datetime | None:
    """When the topics that are shown were counted."""
    query = select(topic.c.counted_at).where(topic.c.project_id == project_id, topic.c.is_shown).limit(1)
    return connection.execute(query).scalar()


def of_records(connection: Connection, record_ids: Sequence[str]) -> dict[str, str]:
    """Name of the topic of each record that has one which is still true, by record."""
    query = (
        select(record.c.id, topic.c.name)
        .join(record_topic, record_topic.c.record_id == record.c.id)
        .join(topic, topic.c.id == record_topic.c.topic_id)
        .where(topic.c.is_shown, is_current(record_topic))
    )
    names: dict[str, str] = {}
    for start in range(0, len(record_ids), _BOUND):
        rows = connection.execute(query.where(record.c.id.in_(record_ids[start : start + _BOUND])))
        names.update((row.id, row.name) for row in rows)
    return names
