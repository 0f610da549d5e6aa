"""Doubts: "I am unsure, because ...", and the rulings with which leads answer them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, select

from curator.errors import NotFoundError
from curator.store import records
from curator.store.engine import insert_or_ignore
from curator.store.tables import doubt


class AnnotatorDoubt(NamedTuple):
    """An annotator was unsure about a record; a lead may have ruled."""

    id: int
    record_id: str
    author: str
    question: str
    at: datetime
    ruling: str | None
    ruled_by: str | None
    ruled_at: datetime | None


class Asked(NamedTuple):
    """A doubt that was put into the lead's inbox."""

    id: int
    is_new: bool
    """False when a doubt with the same key is there already."""


def ask(
    connection: Connection,
    record_id: str,
    question: str,
    *,
    project_id: int,
    author: str,
    at: datetime,
    key: str | None = None,
) -> Asked:
    """Put a doubt into the lead's inbox, once for each key."""
    values = {
        "project_id": project_id, "record_id": record_id, "author": author, "question": question, "at": at, "key": key,
    }  # fmt: skip
    statement = insert_or_ignore(doubt, connection.dialect).values(values).returning(doubt.c.id)
    number = connection.execute(statement).scalar()
    if number is not None:
        return Asked(number, True)
    return Asked(connection.execute(select(doubt.c.id).where(doubt.c.key == key)).scalar_one(), False)


def rule(connection: Connection, doubt_id: int, ruling: str, *, by: str, at: datetime) -> AnnotatorDoubt:
    """Answer a doubt; a second ruling replaces the first.

    Raises:
        NotFoundError: There is no such doubt.
    """
    change = doubt.update().where(doubt.c.id == doubt_id).values(ruling=ruling, ruled_by=by, ruled_at=at)
    row = connection.execute(change.returning(doubt)).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no doubt {doubt_id}.", hint="Adjudicate lists the questions that wait.")
    return _doubt(row)


def open_doubts(connection: Connection, project_id: int) -> list[AnnotatorDoubt]:
    """Doubts without a ruling, oldest first."""
    query = select(doubt).where(doubt.c.project_id == project_id, doubt.c.ruled_at.is_(None)).order_by(doubt.c.id)
    return [_doubt(row) for row in connection.execute(query).mappings()]


def about(connection: Connection, record_id: str) -> list[AnnotatorDoubt]:
    """Doubts about a record, with their rulings, oldest first."""
    query = select(doubt).where(doubt.c.record_id == record_id).order_by(doubt.c.id)
    return [_doubt(row) for row in connection.execute(query).mappings()]


def asked_by(connection: Connection, author: str, *, project_id: int, limit: int) -> list[AnnotatorDoubt]:
    """An annotator's doubts, with their rulings, newest first."""
    query = select(doubt).where(doubt.c.project_id == project_id, doubt.c.author == author)
    return [_doubt(row) for row in connection.execute(query.order_by(doubt.c.id.desc()).limit(limit)).mappings()]


class Ruled(NamedTuple):
    """A doubt with its ruling, and the instruction of the record that it was about."""

    doubt: AnnotatorDoubt
    instruction: str


def rulings(connection: Connection, project_id: int, *, limit: int = 200) -> list[Ruled]:
    """Doubts with their rulings, newest first."""
    query = select(doubt).where(doubt.c.project_id == project_id, doubt.c.ruled_at.is_not(None))
    ruled = [_doubt(row) for row in connection.execute(query.order_by(doubt.c.id.desc()).limit(limit)).mappings()]
    stored = records.some(connection, {each.record_id for each in ruled})
    return [Ruled(each, stored[each.record_id].content.instruction) for each in ruled]


def _doubt(row: RowMapping) -> AnnotatorDoubt:
    names = ("id", "record_id", "author", "question", "at", "ruling", "ruled_by", "ruled_at")
    return AnnotatorDoubt(**{name: row[name] for name in names})
