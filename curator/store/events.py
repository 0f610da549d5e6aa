"""The append-only log: who did what to which thing, when, and how its content changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue
from sqlalchemy import Connection, func, insert, select

from curator.store.tables import event


class Event(NamedTuple):
    """One line of the log."""

    id: int
    at: datetime
    actor: str
    kind: str
    subject: str
    old_hash: str | None
    new_hash: str | None
    detail: JsonValue


def append(
    connection: Connection,
    kind: str,
    subject: str,
    *,
    actor: str,
    at: datetime,
    old_hash: str | None = None,
    new_hash: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Add a line to the log; gives its id. Nothing ever changes or removes one."""
    values = {
        "at": at, "actor": actor, "kind": kind, "subject": subject,
        "old_hash": old_hash, "new_hash": new_hash, "detail": detail,
    }  # fmt: skip
    return int(connection.execute(insert(event).values(values).returning(event.c.id)).scalar_one())


def about(connection: Connection, subject: str) -> list[Event]:
    """The log of one record, version, run or output, oldest first."""
    query = select(event).where(event.c.subject == subject).order_by(event.c.id)
    return [Event(**row) for row in connection.execute(query).mappings()]


def of_kind(connection: Connection, kind: str, *, since: int) -> list[Event]:
    """Lines of one kind behind the line with the id `since`, oldest first."""
    query = select(event).where(event.c.id > since, event.c.kind == kind).order_by(event.c.id)
    return [Event(**row) for row in connection.execute(query).mappings()]


def last_of(connection: Connection, subjects: Sequence[str]) -> dict[str, int]:
    """Id of the last line about each of these."""
    found: dict[str, int] = {}
    for start in range(0, len(subjects), 500):  # databases bound the number of values in one statement
        some = list(subjects[start : start + 500])
        query = select(event.c.subject, func.max(event.c.id)).where(event.c.subject.in_(some))
        found.update({row[0]: row[1] for row in connection.execute(query.group_by(event.c.subject))})
    return found


def newest(connection: Connection, subject: str, kinds: Sequence[str]) -> int | None:
    """Id of the last line of these kinds about one subject."""
    query = select(func.max(event.c.id)).where(event.c.subject == subject, event.c.kind.in_(kinds))
    return connection.execute(query).scalar()


def gave_up(connection: Connection, record_id: str, actor: str) -> str | None:
    """Token of the claim with which somebody last skipped or flagged a record."""
    query = select(event.c.detail).where(
        event.c.subject == record_id, event.c.actor == actor, event.c.kind.in_(["skip", "flag"])
    )
    detail = connection.execute(query.order_by(event.c.id.desc()).limit(1)).scalar()
    return None if detail is None else detail.get("claim")


_DECISIONS = ("adjudicate", "send-back", "ask again", "unflag", "ungold")


def is_decided(connection: Connection, record_id: str) -> bool:
    """Whether a lead has settled a record and nobody has put it back into the queue since."""
    query = select(event.c.kind).where(event.c.subject == record_id, event.c.kind.in_(_DECISIONS))
    return connection.execute(query.order_by(event.c.id.desc()).limit(1)).scalar() == "adjudicate"


def reason_of_sending_back(connection: Connection, subject: str) -> str | None:
    """Why a record was sent back, if nobody has answered it since."""
    query = select(event.c.kind, event.c.detail).where(
        event.c.subject == subject, event.c.kind.in_(["submit", "send-back", "unflag", "undo"])
    )
    row = connection.execute(query.order_by(event.c.id.desc()).limit(1)).first()
    if row is None or row.kind not in ("send-back", "unflag"):
        return None
    return str(row.detail.get("reason") or "") or None


def latest(connection: Connection, *, limit: int = 50) -> list[Event]:
    """The newest lines of the log, newest first."""
    query = select(event).order_by(event.c.id.desc()).limit(limit)
    return [Event(**row) for row in connection.execute(query).mappings()]


def latest_of(connection: Connection, actor: str, kinds: Sequence[str], *, limit: int) -> list[Event]:
    """The newest lines of these kinds by one person, newest first."""
    query = select(event).where(event.c.actor == actor, event.c.kind.in_(kinds))
    return [Event(**row) for row in connection.execute(query.order_by(event.c.id.desc()).limit(limit)).mappings()]
