"""Slots of records and the leases on them: who may answer what until when.

A slot is claimed by one statement, so two people can never hold it. Only the token of a claim may answer, renew or give
back; it is random, and it becomes the idempotency key of the answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    RowMapping,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
)

from curator.store.engine import insert_or_replace
from curator.store.tables import annotation, person, record, skip, slot
from schemas.annotation import Claim


class SlotRow(NamedTuple):
    """A slot as it stands."""

    id: int
    record_id: str
    state: str
    holder: str | None
    claim_token: str | None
    active_seconds: float


class Waiting(NamedTuple):
    """Why a queue gives nothing to somebody."""

    held_by_others: int
    next_free: datetime | None
    """When the first of those leases ends."""
    skipped: int
    """Free records that this person skipped."""
    answered: int
    """Free records that this person has already answered."""
    assigned: int
    """Free slots that are kept for other people."""


class Lease(NamedTuple):
    """A claim as a lead sees it."""

    slot_id: int
    record_id: str
    holder: str
    claimed_at: datetime | None
    seen_at: datetime | None
    """Last sign of life."""
    expires_at: datetime


ANYBODY = ""
"""Audience of a slot that is kept for nobody."""


def person_audience(name: str) -> str:
    """Audience of a slot that is kept for one person."""
    return f"person:{name}"


def pool_audience(name: str) -> str:
    """Audience of a slot that is kept for the members of a pool."""
    return f"pool:{name}"


def held(connection: Connection, annotator: str, *, project_id: int) -> Claim | None:
    """The claim that somebody has, so that a reload shows the same record; the newest if they have several.

    One that ran out is still theirs while nobody else took the slot.
    """
    query = select(slot).where(slot.c.holder == annotator, slot.c.state == "held", slot.c.project_id == project_id)
    row = connection.execute(query.order_by(slot.c.expires_at.desc(), slot.c.id).limit(1)).mappings().first()
    return None if row is None else _claim_of(row)


def claim_next(
    connection: Connection,
    annotator: str,
    *,
    project_id: int,
    now: datetime,
    until: datetime,
    audiences: Sequence[str] = (ANYBODY,),
    at_random: bool = False,
) -> Claim | None:
    """A claim on a free slot that is for this person, of the highest priority at which there is one.

    Within a priority a person goes on behind the slot that they answered last and starts again at the first, so that
    nobody walks over everything they have done; or the slot is drawn at random.

    Args:
        connection: An open writing transaction.
        annotator: Who claims.
        project_id: In which project.
        now: Present time; leases that ended before are free.
        until: When the new lease ends.
        audiences: Whose slots they may take, the ones to take first in front.
        at_random: Draw within a priority.
    """
    for _ in range(_TRIES):  # on PostgreSQL the few urgent slots may all be locked for a moment by others who claim
        claim = _claim_by_priority(
            connection, annotator, project_id=project_id, now=now, until=until, audiences=audiences, at_random=at_random
        )
        if claim is not None:
            return claim
        if connection.dialect.name == "sqlite":
            break
    return None


_TRIES = 5
_DRAWS = 2**31 - 1


def draw() -> int:
    """A random place for a slot, or to begin looking from."""
    return secrets.randbelow(_DRAWS)


def _claim_by_priority(
    connection: Connection,
    annotator: str,
    *,
    project_id: int,
    now: datetime,
    until: datetime,
    audiences: Sequence[str],
    at_random: bool,
) -> Claim | None:
    """Every step walks one index from a point; a condition with OR would sort every open slot of the project."""
    here = slot.c.project_id == project_id
    for_them = here & ~_answered_by(annotator, slot) & ~_skipped_by(annotator, slot)
    place, begin = (slot.c.shuffle, draw()) if at_random else (slot.c.id, _last_answered(connection, annotator))
    below: int | None = None
    while True:
        tops = {each: _top_priority(connection, here & (slot.c.audience == each), below) for each in audiences}
        known = [priority for priority in tops.values() if priority is not None]
        top = max(known, default=None)
        left_behind = for_them & _expired(now) & slot.c.audience.in_(audiences)
        if top is not None:
            left_behind &= slot.c.priority >= top
        steps: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [(left_behind, slot.c.priority.desc())]
        for audience in audiences:
            if top is not None and tops[audience] == top:
                same = for_them & (slot.c.state == "open") & (slot.c.audience == audience) & (slot.c.priority == top)
                steps += [(same & (place > begin), place), (same, place)]
        for wanted, order in steps:
            first = _locked(select(slot.c.id).where(wanted).order_by(order, slot.c.id).limit(1))
            claim = _claim(connection, annotator, first, now=now, until=until)
            if claim is not None:
                return claim
        if top is None:
            return None
        below = top


def _top_priority(connection: Connection, wanted: ColumnElement[bool], below: int | None) -> int | None:
    """The highest priority of an open slot, with nothing asked about whom it is for."""
    query = select(slot.c.priority).where(wanted, slot.c.state == "open").order_by(slot.c.priority.desc()).limit(1)
    return connection.execute(query if below is None else query.where(slot.c.priority < below)).scalar()


def _last_answered(connection: Connection, annotator: str) -> int:
    query = select(annotation.c.slot_id).where(annotation.c.annotator == annotator)
    return connection.execute(query.order_by(annotation.c.id.desc()).limit(1)).scalar() or 0


def claim_record(
    connection: Connection, annotator: str, record_id: str, *, now: datetime, until: datetime
) -> Claim | None:
    """A claim on a free slot of one record, even if this person skipped or answered it before."""
    mine_or_free = _free(now) | ((slot.c.state == "held") & (slot.c.holder == annotator))
    first = select(slot.c.id).where(mine_or_free & (slot.c.record_id == record_id)).order_by(slot.c.id).limit(1)
    return _claim(connection, annotator, _locked(first), now=now, until=until)


def claim_answered(
    connection: Connection, slot_id: int, annotator: str, *, now: datetime, until: datetime
) -> Claim | None:
    """A claim on a slot that this person's answer, now taken back, had closed."""
    first = select(slot.c.id).where((slot.c.id == slot_id) & (slot.c.state == "done"))
    return _claim(connection, annotator, _locked(first), now=now, until=until)


def renew(
    connection: Connection, token: str, *, now: datetime, until: datetime, active_seconds: float | None = None
) -> bool:
    """Lengthen a lease at a sign of life; False when the claim is no longer valid.

    Args:
        connection: An open writing transaction.
        token: Of the claim.
        now: Present time.
        until: When the lease ends now.
        active_seconds: Time spent on the record since it was claimed, pauses left out.
    """
    values: dict[str, Any] = {"expires_at": until, "seen_at": now}
    if active_seconds is not None:
        values["active_seconds"] = active_seconds
    change = slot.update().where(slot.c.claim_token == token, slot.c.state == "held").values(values)
    return connection.execute(change).rowcount == 1


def leases(connection: Connection, *, project_id: int) -> list[Lease]:
    """Every claim of a project, the one that was quiet longest first."""
    query = select(slot).where(slot.c.project_id == project_id, slot.c.state == "held")
    return [
        Lease(row["id"], row["record_id"], row["holder"], row["claimed_at"], row["seen_at"], row["expires_at"])
        for row in connection.execute(query.order_by(slot.c.seen_at, slot.c.id)).mappings()
    ]


def release(connection: Connection, slot_id: int) -> str | None:
    """Free a claimed slot whoever holds it; gives the holder, or None when nobody did."""
    held_slot = (slot.c.id == slot_id) & (slot.c.state == "held")
    holder = connection.execute(select(slot.c.holder).where(held_slot).with_for_update()).scalar()
    if holder is not None:
        connection.execute(slot.update().where(held_slot).values(**_NOBODY, state="open"))
    return holder


def assign(connection: Connection, record_ids: Sequence[str], audience: str, *, project_id: int) -> int:
    """Keep the open slots of records of a project for an audience; returns how many slots."""
    changed = 0
    for start in range(0, len(record_ids), 500):  # databases bound the number of values in one statement
        some = list(record_ids[start : start + 500])
        here = (slot.c.project_id == project_id) & slot.c.record_id.in_(some)
        change = slot.update().where(here, slot.c.state == "open")
        changed += connection.execute(change.values(audience=audience)).rowcount
    return changed


def kept(connection: Connection, *, project_id: int) -> dict[str, int]:
    """How many unanswered slots are kept for each audience but everybody."""
    waits = (slot.c.project_id == project_id) & slot.c.state.in_(["open", "held"]) & (slot.c.audience != ANYBODY)
    query = select(slot.c.audience, func.count()).where(waits).group_by(slot.c.audience).order_by(slot.c.audience)
    return {row[0]: row[1] for row in connection.execute(query)}


def keep_for_nobody(connection: Connection, *, project_id: int, audience: str) -> int:
    """Offer what is kept for one audience to anybody; returns how many unanswered slots."""
    kept = (slot.c.project_id == project_id) & (slot.c.audience == audience) & (slot.c.state != "done")
    return connection.execute(slot.update().where(kept).values(audience=ANYBODY)).rowcount


def unassigned(connection: Connection, *, project_id: int, limit: int) -> list[str]:
    """Records with an open slot that is kept for nobody, in the order of the queue."""
    query = select(slot.c.record_id).where(
        slot.c.project_id == project_id, slot.c.state == "open", slot.c.audience == ANYBODY
    )
    query = query.order_by(slot.c.priority.desc(), slot.c.id).limit(limit * 20)
    return list(dict.fromkeys(connection.execute(query).scalars()))[:limit]


def set_priority(connection: Connection, *, batch_id: int, priority: int) -> int:
    """Put the unanswered slots of an import at another place of the queue; returns how many slots."""
    imported = select(record.c.id).where(record.c.batch_id == batch_id)
    waits = slot.c.record_id.in_(imported) & slot.c.state.in_(["open", "held"])
    return connection.execute(slot.update().where(waits).values(priority=priority)).rowcount


def add_slots(connection: Connection, *, project_id: int, reviews: int, record_ids: Sequence[str] | None = None) -> int:
    """Give records that wait as many slots as `reviews`, withdrawn ones not counted; returns how many were added."""
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
         "priority": row.priority, "audience": _for_more(row.audience), "shuffle": draw()}
        for row in connection.execute(query)
        if wanted is None or row.record_id in wanted
        for more in range(reviews - row.n)
    ]  # fmt: skip
    if rows:
        connection.execute(slot.insert(), rows)
    return len(rows)


def _for_more(audience: str) -> str:
    """For whom further reviews are: a pool has more members, a person has said what they think."""
    return audience if audience.startswith(pool_audience("")) else ANYBODY


def open_for(
    connection: Connection,
    annotator: str,
    record_id: str,
    *,
    project_id: int,
    now: datetime,
    until: datetime,
    audience: str = ANYBODY,
) -> Claim:
    """A claim on a slot that is made for this person: an extra review of a record that asks for no more.

    The caller has locked the record. `audience` is for whom the slot is kept once they give it back.
    """
    n = _next_n(connection, record_id)
    token = secrets.token_urlsafe(16)
    values = {
        "record_id": record_id, "project_id": project_id, "n": n, "state": "held", "holder": annotator,
        "audience": audience, "shuffle": draw(), "claim_token": token,
        "claimed_at": now, "seen_at": now, "expires_at": until,
    }  # fmt: skip
    row = connection.execute(slot.insert().values(values).returning(slot)).mappings().one()
    return _claim_of(row)


def give_back(connection: Connection, token: str) -> bool:
    """Free a claimed slot; False when the claim is no longer valid."""
    change = slot.update().where(slot.c.claim_token == token, slot.c.state == "held")
    return connection.execute(change.values(**_NOBODY, state="open")).rowcount == 1


def close(connection: Connection, token: str, *, annotator: str) -> SlotRow | None:
    """Mark the claimed slot as answered; None when the claim is no longer valid. Its token stays with it."""
    mine = (slot.c.claim_token == token) & (slot.c.holder == annotator)
    change = slot.update().where(mine, slot.c.state == "held")
    row = connection.execute(change.values(state="done", expires_at=None).returning(slot)).mappings().first()
    return None if row is None else _row(row)


def withdraw(connection: Connection, record_id: str) -> None:
    """Take every unanswered slot of a record out of the queue."""
    change = slot.update().where(slot.c.record_id == record_id, slot.c.state.in_(["open", "held"]))
    connection.execute(change.values(**_NOBODY, state="withdrawn"))


def offer_again(connection: Connection, record_id: str, *, priority: int | None = None) -> None:
    """Put the withdrawn slots of a record back into the queue."""
    values: dict[str, Any] = {**_NOBODY, "state": "open"}
    if priority is not None:
        values["priority"] = priority
    connection.execute(slot.update().where(slot.c.record_id == record_id, slot.c.state == "withdrawn").values(values))


def reopen(connection: Connection, record_id: str, *, project_id: int, priority: int, audience: str = ANYBODY) -> None:
    """Add a fresh open slot to a record whose slots were all answered, or that never had one."""
    values = {
        "record_id": record_id, "project_id": project_id, "n": _next_n(connection, record_id), "shuffle": draw(),
        "audience": audience,
    }  # fmt: skip
    connection.execute(slot.insert().values(**values, state="open", priority=priority))


def remove_newest(connection: Connection, record_id: str, count: int) -> None:
    """Take the last `count` open slots of a record away, which nobody has ever held or answered."""
    newest = select(slot.c.id).where(slot.c.record_id == record_id, slot.c.state == "open")
    connection.execute(slot.delete().where(slot.c.id.in_(newest.order_by(slot.c.n.desc()).limit(count))))


def audience_of(connection: Connection, annotation_id: int) -> str:
    """For whom the slot of an answer was kept."""
    query = select(slot.c.audience).join(annotation, annotation.c.slot_id == slot.c.id)
    return str(connection.execute(query.where(annotation.c.id == annotation_id)).scalar_one())


def put_back(connection: Connection, record_id: str, *, project_id: int) -> None:
    """Offer a record that was set aside again; one whose slots were all answered gets one more."""
    offer_again(connection, record_id)
    if unanswered(connection, record_id) == 0:
        reopen(connection, record_id, project_id=project_id, priority=0, audience=_pool_of(connection, record_id))


def _pool_of(connection: Connection, record_id: str) -> str:
    """The pool that a record is kept for, else anybody: for one more review, which its one person cannot give."""
    kept = slot.c.audience.startswith(pool_audience(""), autoescape=True)
    query = select(slot.c.audience).where(slot.c.record_id == record_id, kept).order_by(slot.c.n.desc()).limit(1)
    return connection.execute(query).scalar() or ANYBODY


def _next_n(connection: Connection, record_id: str) -> int:
    last = connection.execute(select(func.max(slot.c.n)).where(slot.c.record_id == record_id)).scalar_one()
    return 0 if last is None else last + 1


def lock_record(connection: Connection, record_id: str) -> None:
    """Let only this transaction settle the record until it ends; on SQLite a writer is alone anyway."""
    connection.execute(select(record.c.id).where(record.c.id == record_id).with_for_update())


def lock_person(connection: Connection, name: str) -> None:
    """Let only this transaction claim for somebody until it ends: two tabs must not hold two slots of one record."""
    connection.execute(select(person.c.name).where(person.c.name == name).with_for_update())


def unanswered(connection: Connection, record_id: str) -> int:
    """Slots of a record that still wait for an answer."""
    query = select(func.count()).where(slot.c.record_id == record_id, slot.c.state.in_(["open", "held"]))
    return connection.execute(query).scalar_one()


def add_skip(connection: Connection, record_id: str, annotator: str, *, at: datetime) -> None:
    """Remember that somebody does not want a record."""
    values = {"record_id": record_id, "annotator": annotator, "at": at}
    connection.execute(insert_or_replace(skip, connection.dialect, values))


def remove_skip(connection: Connection, record_id: str, annotator: str) -> None:
    """Offer a skipped record to somebody again."""
    connection.execute(skip.delete().where(skip.c.record_id == record_id, skip.c.annotator == annotator))


def remove_all_skips(connection: Connection, annotator: str, *, project_id: int) -> int:
    """Offer everything that somebody skipped to them again; returns how many."""
    records = select(record.c.id).where(record.c.project_id == project_id)
    return connection.execute(
        skip.delete().where(skip.c.annotator == annotator, skip.c.record_id.in_(records))
    ).rowcount


def waiting(
    connection: Connection,
    annotator: str,
    *,
    project_id: int,
    now: datetime,
    audiences: Sequence[str] = (ANYBODY,),
) -> Waiting:
    """What keeps an empty queue from giving somebody a record."""
    here = (slot.c.project_id == project_id) & slot.c.audience.in_(audiences)
    others = and_(here, slot.c.state == "held", slot.c.expires_at > now, slot.c.holder != annotator)
    held_by_others = connection.execute(select(func.count(), func.min(slot.c.expires_at)).where(others)).one()
    free = here & _free(now)
    skipped = connection.execute(select(func.count()).select_from(slot).where(free & _skipped_by(annotator, slot)))
    answered = connection.execute(select(func.count()).select_from(slot).where(free & _answered_by(annotator, slot)))
    kept = (slot.c.project_id == project_id) & _free(now) & slot.c.audience.not_in(audiences)
    assigned = connection.execute(select(func.count()).select_from(slot).where(kept))
    others_hold, next_free = held_by_others
    return Waiting(others_hold, next_free, skipped.scalar_one(), answered.scalar_one(), assigned.scalar_one())


_NOBODY: dict[str, Any] = {
    "holder": None,
    "claim_token": None,
    "expires_at": None,
    "claimed_at": None,
    "seen_at": None,
    "active_seconds": 0,
}


def _expired(now: datetime) -> ColumnElement[bool]:
    return and_(slot.c.state == "held", slot.c.expires_at <= now)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(slot.c.state == "open", _expired(now))


def _answered_by(annotator: str, of: FromClause) -> ColumnElement[bool]:
    mine = (annotation.c.record_id == of.c.record_id) & (annotation.c.annotator == annotator)
    return exists().where(mine & annotation.c.undone.is_(False))


def _skipped_by(annotator: str, of: FromClause) -> ColumnElement[bool]:
    return exists().where((skip.c.record_id == of.c.record_id) & (skip.c.annotator == annotator))


def _locked(query: Select[tuple[int]]) -> Select[tuple[int]]:
    """On PostgreSQL, rows that others are claiming are passed over; SQLite has one writer and leaves the clause out."""
    return query.with_for_update(skip_locked=True)


def _claim(
    connection: Connection, annotator: str, first: Select[tuple[int]], *, now: datetime, until: datetime
) -> Claim | None:
    values: dict[str, Any] = {
        "state": "held", "holder": annotator, "claim_token": secrets.token_urlsafe(16), "expires_at": until,
        "claimed_at": now, "seen_at": now, "active_seconds": 0,
    }  # fmt: skip
    change = slot.update().where(slot.c.id == first.scalar_subquery()).values(values).returning(slot)
    row = connection.execute(change).mappings().first()
    return None if row is None else _claim_of(row)


def _claim_of(row: RowMapping) -> Claim:
    return Claim(token=row["claim_token"], slot_id=row["id"], record_id=row["record_id"], expires_at=row["expires_at"])


def _row(row: RowMapping) -> SlotRow:
    return SlotRow(row["id"], row["record_id"], row["state"], row["holder"], row["claim_token"], row["active_seconds"])
