"""Comments on records."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from curator.store.engine import insert_or_ignore
from curator.store.tables import comment
from schemas.annotation import Comment


def add(
    connection: Connection, record_id: str, text: str, *, author: str, at: datetime, key: str | None = None
) -> bool:
    """Store a comment; False when one with this key is stored already."""
    values = {"record_id": record_id, "author": author, "text": text, "at": at, "key": key}
    statement = insert_or_ignore(comment, connection.dialect).values(values).returning(comment.c.id)
    return connection.execute(statement).first() is not None


def about(connection: Connection, record_id: str) -> tuple[Comment, ...]:
    """Comments on a record, oldest first."""
    query = select(comment).where(comment.c.record_id == record_id).order_by(comment.c.id)
    rows = connection.execute(query).mappings()
    return tuple(Comment(author=row["author"], text=row["text"], at=row["at"]) for row in rows)
