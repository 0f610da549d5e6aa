"""Claims: the leases on slots, that say who may answer what until when.

A slot is claimed by one statement, so two people can never hold it. Only the token of a claim may answer, renew or give
back; it is random, and it becomes the idempotency key of the answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, Select, and_, exists, func, or_, select

from curator.store import slots
from curator.store.tables import annotation, skip, slot
from schemas.annotation import Claim
from schemas.audience import ANYBODY, Audience


class ClosedSlot(NamedTuple):
    """A slot that was just answered."""

    id: int
    active_seconds: float
    """Time spent on the record, as drafts and renewals reported it."""


class Waiting(NamedTuple):
    """Why a queue has nothing for an annotator."""

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


def held(connection: Connection, annotator: str, *, project_id: int) -> Claim | None:
    """The claim that an annotator has, so that a reload shows the same record; the newest if they have several.

    One that ran out is still theirs while no other took the slot.
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
    audiences: Sequence[Audience] = (ANYBODY,),
    at_random: bool = False,
) -> Claim | None:
    """A claim on a free slot that is for this person, of the highest priority at which there is one.

    Within a priority a person goes on behind the slot that they answered last and starts again at the first, so that
    they do not walk over everything they have done; or the slot is drawn at random.

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


def _claim_by_priority(
    connection: Connection,
    annotator: str,
    *,
    project_id: int,
    now: datetime,
    until: datetime,
    audiences: Sequence[Audience],
    at_random: bool,
) -> Claim | None:
    """Every step walks one index from a point; a condition with OR would sort every open slot of the project."""
    here = slot.c.project_id == project_id
    for_them = here & ~_answered_by(annotator, slot) & ~_skipped_by(annotator, slot)
    begin = 0 if at_random else _last_answered(connection, annotator)
    below: int | None = None
    while True:
        tops = {each: _top_priority(connection, here & (slot.c.audience == each.key), below) for each in audiences}
        known = [priority for priority in tops.values() if priority is not None]
        top = max(known, default=None)
        left_behind = for_them & _expired(now) & slot.c.audience.in_([each.key for each in audiences])
        if top is not None:
            left_behind &= slot.c.priority >= top
        steps: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [(left_behind, slot.c.priority.desc())]
        for audience in audiences:
            if top is not None and tops[audience] == top:
                same = (
                    for_them & (slot.c.state == "open") & (slot.c.audience == audience.key) & (slot.c.priority == top)
                )
                if at_random:
                    drawn, begin = _draw(connection, same)
                    steps.append((same & slot.c.id.in_(drawn), func.random()))
                steps += [(same & (slot.c.id > begin), slot.c.id), (same, slot.c.id)]
        for wanted, order in steps:
            first = _locked(select(slot.c.id).where(wanted).order_by(order, slot.c.id).limit(1))
            claim = _claim(connection, annotator, first, now=now, until=until)
            if claim is not None:
                return claim
        if top is None:
            return None
        below = top


_DRAWS = 16


def _draw(connection: Connection, wanted: ColumnElement[bool]) -> tuple[list[int], int]:
    """Some ids between the first and the last of these slots, and one from which to look on when none of them is free.

    While many are free, one of the drawn ones nearly always is, and each is as likely; only in the last few per cent of
    a queue those behind a gap come a little sooner.
    """
    low, high = (connection.execute(select(slot.c.id).where(wanted).order_by(end).limit(1)).scalar()
                 for end in (slot.c.id, slot.c.id.desc()))  # fmt: skip
    if low is None or high is None:
        return [], 0
    drawn = [low + secrets.randbelow(high - low + 1) for _ in range(_DRAWS)]
    return drawn, drawn[0] - 1


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
    connection: Connection,
    claim: Claim,
    *,
    annotator: str,
    now: datetime,
    until: datetime,
    active_seconds: float | None = None,
) -> bool:
    """Lengthen a lease at a sign of life. Returns whether the claim is still this annotator's.

    Args:
        connection: An open writing transaction.
        claim: The claim, as its annotator's screen knows it.
        annotator: Whose claim it is.
        now: Present time.
        until: When the lease ends now.
        active_seconds: Time spent on the record since it was claimed, pauses left out.
    """
    values: dict[str, Any] = {"expires_at": until, "seen_at": now}
    if active_seconds is not None:
        values["active_seconds"] = active_seconds
    return connection.execute(slot.update().where(_held_by(annotator, claim)).values(values)).rowcount == 1


def leases(connection: Connection, *, project_id: int) -> list[Lease]:
    """Every claim of a project, the one that was quiet longest first."""
    query = select(slot).where(slot.c.project_id == project_id, slot.c.state == "held")
    return [
        Lease(row["id"], row["record_id"], row["holder"], row["claimed_at"], row["seen_at"], row["expires_at"])
        for row in connection.execute(query.order_by(slot.c.seen_at, slot.c.id)).mappings()
    ]


def release(connection: Connection, slot_id: int) -> str | None:
    """Free a claimed slot for a lead. Returns its holder, or None when it was not held."""
    held_slot = (slot.c.id == slot_id) & (slot.c.state == "held")
    holder = connection.execute(select(slot.c.holder).where(held_slot).with_for_update()).scalar()
    if holder is not None:
        connection.execute(slot.update().where(held_slot).values(**slots.NOBODY, state="open"))
    return holder


def open_for(
    connection: Connection,
    annotator: str,
    record_id: str,
    *,
    project_id: int,
    now: datetime,
    until: datetime,
    audience: Audience = ANYBODY,
) -> Claim:
    """A claim on a slot that is made for this person: an extra review of a record that asks for no more.

    The caller has locked the record. `audience` is for whom the slot is kept once they give it back.
    """
    n = slots.next_n(connection, record_id)
    token = secrets.token_urlsafe(16)
    values = {
        "record_id": record_id, "project_id": project_id, "n": n, "state": "held", "holder": annotator,
        "audience": audience.key, "claim_token": token,
        "claimed_at": now, "seen_at": now, "expires_at": until,
    }  # fmt: skip
    row = connection.execute(slot.insert().values(values).returning(slot)).mappings().one()
    return _claim_of(row)


def give_back(connection: Connection, claim: Claim, *, annotator: str) -> bool:
    """Free a claimed slot. Returns whether the claim was still this annotator's."""
    change = slot.update().where(_held_by(annotator, claim))
    return connection.execute(change.values(**slots.NOBODY, state="open")).rowcount == 1


def close(connection: Connection, claim: Claim, *, annotator: str) -> ClosedSlot | None:
    """Mark the claimed slot as answered. Returns it, with its token; None when the claim is not this annotator's."""
    change = slot.update().where(_held_by(annotator, claim))
    row = connection.execute(change.values(state="done", expires_at=None).returning(slot)).mappings().first()
    return None if row is None else ClosedSlot(row["id"], row["active_seconds"])


def is_of(connection: Connection, claim: Claim, annotator: str) -> bool:
    """Whether an annotator holds this claim, or answered with it, on the record that it names."""
    return connection.execute(select(slot.c.id).where(_claimed_by(annotator, claim))).first() is not None


def has_on(connection: Connection, record_id: str, annotator: str) -> bool:
    """Whether an annotator holds a claim on a record or answered it, with whatever token."""
    query = select(slot.c.id).where(slot.c.record_id == record_id, slot.c.holder == annotator)
    return connection.execute(query.limit(1)).first() is not None


def waiting(
    connection: Connection,
    annotator: str,
    *,
    project_id: int,
    now: datetime,
    audiences: Sequence[Audience] = (ANYBODY,),
) -> Waiting:
    """Why an empty queue has no record for an annotator."""
    theirs = slot.c.audience.in_([each.key for each in audiences])
    here = (slot.c.project_id == project_id) & theirs
    others = and_(here, slot.c.state == "held", slot.c.expires_at > now, slot.c.holder != annotator)
    held_by_others = connection.execute(select(func.count(), func.min(slot.c.expires_at)).where(others)).one()
    free = here & _free(now)
    skipped = connection.execute(select(func.count()).select_from(slot).where(free & _skipped_by(annotator, slot)))
    answered = connection.execute(select(func.count()).select_from(slot).where(free & _answered_by(annotator, slot)))
    kept = (slot.c.project_id == project_id) & _free(now) & ~theirs
    assigned = connection.execute(select(func.count()).select_from(slot).where(kept))
    others_hold, next_free = held_by_others
    return Waiting(others_hold, next_free, skipped.scalar_one(), answered.scalar_one(), assigned.scalar_one())


def _held_by(annotator: str, claim: Claim) -> ColumnElement[bool]:
    """The token alone would find the slot; it must be this person's, and on the record that they name."""
    return _claimed_by(annotator, claim) & (slot.c.state == "held")


def _claimed_by(annotator: str, claim: Claim) -> ColumnElement[bool]:
    is_theirs = (slot.c.claim_token == claim.token) & (slot.c.holder == annotator)
    return is_theirs & (slot.c.record_id == claim.record_id)


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
