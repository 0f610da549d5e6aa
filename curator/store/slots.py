"""Slots: how many answers a record still needs, in which order and from whom.

A slot is open, held by one annotator (see `claims`), done, or withdrawn from the queue. Its audience says who may take
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from curator.store.tables import annotation, record, slot
from schemas.audience import ANYBODY, Audience, pool_audience

NOBODY: dict[str, Any] = {
    "holder": None,
    "claim_token": None,
    "expires_at": None,
    "claimed_at": None,
    "seen_at": None,
    "active_seconds": 0,
}
"""Columns of a slot that its holder gave back."""


def assign(connection: Connection, record_ids: Sequence[str], audience: Audience, *, project_id: int) -> int:
    """Keep the open slots of records of a project for an audience. Returns how many slots."""
    changed = 0
    for start in range(0, len(record_ids), 500):  # databases bound the number of values in one statement
        some = list(record_ids[start : start + 500])
        here = (slot.c.project_id == project_id) & slot.c.record_id.in_(some)
        change = slot.update().where(here, slot.c.state == "open")
        changed += connection.execute(change.values(audience=audience.key)).rowcount
    return changed


def kept(connection: Connection, *, project_id: int) -> dict[Audience, int]:
    """How many unanswered slots are kept for each person and pool."""
    waits = (slot.c.project_id == project_id) & slot.c.state.in_(["open", "held"]) & (slot.c.audience != ANYBODY.key)
    query = select(slot.c.audience, func.count()).where(waits).group_by(slot.c.audience).order_by(slot.c.audience)
    return {Audience.of_key(row[0]): row[1] for row in connection.execute(query)}


def keep_for_nobody(connection: Connection, *, project_id: int, audience: Audience) -> int:
    """Offer what is kept for one audience to everyone. Returns how many unanswered slots."""
    kept = (slot.c.project_id == project_id) & (slot.c.audience == audience.key) & (slot.c.state != "done")
    return connection.execute(slot.update().where(kept).values(audience=ANYBODY.key)).rowcount


def audience_of(connection: Connection, annotation_id: int) -> Audience:
    """For whom the slot of an answer was kept."""
    query = select(slot.c.audience).join(annotation, annotation.c.slot_id == slot.c.id)
    return Audience.of_key(connection.execute(query.where(annotation.c.id == annotation_id)).scalar_one())


def unassigned(connection: Connection, *, project_id: int, limit: int) -> list[str]:
    """Records with an open slot that is for everyone, in the order of the queue."""
    query = select(slot.c.record_id).where(
        slot.c.project_id == project_id, slot.c.state == "open", slot.c.audience == ANYBODY.key
    )
    query = query.order_by(slot.c.priority.desc(), slot.c.id).limit(limit * 20)
    return list(dict.fromkeys(connection.execute(query).scalars()))[:limit]


def set_priority(connection: Connection, *, batch_id: int, priority: int) -> int:
    """Put the unanswered slots of an import at another place of the queue. Returns how many slots."""
    imported = select(record.c.id).where(record.c.batch_id == batch_id)
    waits = slot.c.record_id.in_(imported) & slot.c.state.in_(["open", "held"])
    return connection.execute(slot.update().where(waits).values(priority=priority)).rowcount


def add_slots(connection: Connection, *, project_id: int, reviews: int, record_ids: Sequence[str] | None = None) -> int:
    """Give records that wait as many slots as `reviews`, withdrawn ones not counted. Returns how many were added."""
    counts = select(
        slot.c.record_id,
        func.count().label("n"),
        func.max(slot.c.n).label("last"),
        func.max(slot.c.audience).label("audience"),
        func.max(slot.c.priority).label("priority"),
    )
    counts = counts.where(slot.c.project_id == project_id, slot.c.state != "withdrawn").group_by(slot.c.record_id)
    waits = counts.join(record, record.c.id == slot.c.record_id).where(record.c.state == "waiting").subquery()
    query = select(waits).where(waits.c.n < reviews)
    wanted = None if record_ids is None else set(record_ids)
    rows = [
        {"record_id": row.record_id, "project_id": project_id, "n": row.last + 1 + more, "state": "open",
         "priority": row.priority, "audience": for_more(Audience.of_key(row.audience)).key}
        for row in connection.execute(query)
        if wanted is None or row.record_id in wanted
        for more in range(reviews - row.n)
    ]  # fmt: skip
    if rows:
        connection.execute(slot.insert(), rows)
    return len(rows)


def for_more(audience: Audience) -> Audience:
    """For whom further reviews are: a pool has more members, a person has said what they think."""
    return audience if audience.kind == "pool" else ANYBODY


def unanswered(connection: Connection, record_id: str) -> int:
    """Slots of a record that still wait for an answer."""
    query = select(func.count()).where(slot.c.record_id == record_id, slot.c.state.in_(["open", "held"]))
    return connection.execute(query).scalar_one()


def withdraw(connection: Connection, record_id: str) -> None:
    """Take every unanswered slot of a record out of the queue."""
    change = slot.update().where(slot.c.record_id == record_id, slot.c.state.in_(["open", "held"]))
    connection.execute(change.values(**NOBODY, state="withdrawn"))


def offer_again(connection: Connection, record_id: str, *, priority: int | None = None) -> None:
    """Put the withdrawn slots of a record back into the queue."""
    values: dict[str, Any] = {**NOBODY, "state": "open"}
    if priority is not None:
        values["priority"] = priority
    connection.execute(slot.update().where(slot.c.record_id == record_id, slot.c.state == "withdrawn").values(values))


def reopen(
    connection: Connection, record_id: str, *, project_id: int, priority: int, audience: Audience = ANYBODY
) -> None:
    """Add a fresh open slot to a record whose slots were all answered, or that never had one."""
    values = {
        "record_id": record_id, "project_id": project_id, "n": next_n(connection, record_id),
        "audience": audience.key,
    }  # fmt: skip
    connection.execute(slot.insert().values(**values, state="open", priority=priority))


def remove_newest(connection: Connection, record_id: str, count: int) -> None:
    """Take the last `count` open slots of a record away, which were never held or answered."""
    newest = select(slot.c.id).where(slot.c.record_id == record_id, slot.c.state == "open")
    connection.execute(slot.delete().where(slot.c.id.in_(newest.order_by(slot.c.n.desc()).limit(count))))


def put_back(connection: Connection, record_id: str, *, project_id: int) -> None:
    """Offer a record that was set aside again; one whose slots were all answered gets one more."""
    offer_again(connection, record_id)
    if unanswered(connection, record_id) == 0:
        reopen(connection, record_id, project_id=project_id, priority=0, audience=_pool_of(connection, record_id))


def _pool_of(connection: Connection, record_id: str) -> Audience:
    """The pool that a record is kept for, else everyone: for one more review, which its one person cannot give."""
    kept = slot.c.audience.startswith(pool_audience("").key, autoescape=True)
    query = select(slot.c.audience).where(slot.c.record_id == record_id, kept).order_by(slot.c.n.desc()).limit(1)
    return Audience.of_key(connection.execute(query).scalar() or ANYBODY.key)


def next_n(connection: Connection, record_id: str) -> int:
    """Number of the next slot of a record."""
    last = connection.execute(select(func.max(slot.c.n)).where(slot.c.record_id == record_id)).scalar_one()
    return 0 if last is None else last + 1
