"""Slots of records and the leases on them: who may answer what until when.

A slot is claimed by one statement, so two people can never hold it. Only the token of a claim may answer, renew or give
back; it is random, and it becomes the idempotency key of the answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    RowMapping,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.dml import ReturningUpdate

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


class Waiting(NamedTuple):
    """Why a queue gives nothing to somebody."""

    held_by_others: int
    next_free: datetime | None
    """When the first of those leases ends."""
    skipped: int
    """Free records that this person skipped."""
    answered: int
    """Free records that this person has already answered."""


def held(connection: Connection, annotator: str, *, project_id: int) -> Claim | None:
    """The claim that somebody has, so that a reload shows the same record; the newest if they have several.

    One that ran out is still theirs while nobody else took the slot.
    """
    query = select(slot).where(slot.c.holder == annotator, slot.c.state == "held", slot.c.project_id == project_id)
    row = connection.execute(query.order_by(slot.c.expires_at.desc(), slot.c.id).limit(1)).mappings().first()
    return None if row is None else _claim_of(row)


def claim_next(
    connection: Connection, annotator: str, *, project_id: int, now: datetime, until: datetime
) -> Claim | None:
    """A claim on the first free slot that is for this person, in order of priority."""
    values = {"person": annotator, "project": project_id, "now": now}
    for _ in range(_TRIES):  # on PostgreSQL the few urgent slots may all be locked for a moment by others who claim
        claim = _claim(connection, _CLAIM_NEXT, annotator, until=until, values=values)
        if claim is not None:
            return claim
        if connection.dialect.name == "sqlite":
            break
    return None


_TRIES = 5


def claim_record(
    connection: Connection, annotator: str, record_id: str, *, now: datetime, until: datetime
) -> Claim | None:
    """A claim on a free slot of one record, even if this person skipped or answered it before."""
    mine_or_free = _free(now) | ((slot.c.state == "held") & (slot.c.holder == annotator))
    return _claim_one(connection, annotator, mine_or_free & (slot.c.record_id == record_id), until=until)


def claim_answered(connection: Connection, slot_id: int, annotator: str, *, until: datetime) -> Claim | None:
    """A claim on a slot that this person's answer, now taken back, had closed."""
    return _claim_one(connection, annotator, (slot.c.id == slot_id) & (slot.c.state == "done"), until=until)


def renew(connection: Connection, token: str, *, until: datetime) -> bool:
    """Lengthen a lease; False when the claim is no longer valid."""
    change = slot.update().where(slot.c.claim_token == token, slot.c.state == "held").values(expires_at=until)
    return connection.execute(change).rowcount == 1


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


def reopen(connection: Connection, record_id: str, *, project_id: int, priority: int) -> None:
    """Add a fresh open slot to a record whose slots were all answered, or that never had one."""
    last = connection.execute(select(func.max(slot.c.n)).where(slot.c.record_id == record_id)).scalar_one()
    values = {"record_id": record_id, "project_id": project_id, "n": 0 if last is None else last + 1}
    connection.execute(slot.insert().values(**values, state="open", priority=priority))


def lock_record(connection: Connection, record_id: str) -> None:
    """Let only this transaction settle the record until it ends; on SQLite a writer is alone anyway."""
    connection.execute(select(record.c.id).where(record.c.id == record_id).with_for_update())


def lock_person(connection: Connection, name: str) -> None:
    """Let only this transaction claim for somebody until it ends: two tabs must not hold two slots of one record."""
    connection.execute(select(person.c.name).where(person.c.name == name).with_for_update())


def has_withdrawn(connection: Connection, record_id: str) -> bool:
    """Whether a flag keeps slots of a record out of the queue."""
    query = select(slot.c.id).where(slot.c.record_id == record_id, slot.c.state == "withdrawn").limit(1)
    return connection.execute(query).first() is not None


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


def waiting(connection: Connection, annotator: str, *, project_id: int, now: datetime) -> Waiting:
    """What keeps an empty queue from giving somebody a record."""
    here = slot.c.project_id == project_id
    others = and_(here, slot.c.state == "held", slot.c.expires_at > now, slot.c.holder != annotator)
    held_by_others = connection.execute(select(func.count(), func.min(slot.c.expires_at)).where(others)).one()
    free = here & _free(now)
    skipped = connection.execute(select(func.count()).select_from(slot).where(free & _skipped_by(annotator, slot)))
    answered = connection.execute(select(func.count()).select_from(slot).where(free & _answered_by(annotator, slot)))
    others_hold, next_free = held_by_others
    return Waiting(others_hold, next_free, skipped.scalar_one(), answered.scalar_one())


_Name = str | BindParameter[str]
_Time = datetime | BindParameter[datetime]
_NOBODY: dict[str, Any] = {"holder": None, "claim_token": None, "expires_at": None}


def _expired(now: _Time) -> ColumnElement[bool]:
    return and_(slot.c.state == "held", slot.c.expires_at <= now)


def _free(now: datetime) -> ColumnElement[bool]:
    return or_(slot.c.state == "open", _expired(now))


def _answered_by(annotator: _Name, of: FromClause) -> ColumnElement[bool]:
    mine = (annotation.c.record_id == of.c.record_id) & (annotation.c.annotator == annotator)
    return exists().where(mine & annotation.c.undone.is_(False))


def _skipped_by(annotator: _Name, of: FromClause) -> ColumnElement[bool]:
    return exists().where((skip.c.record_id == of.c.record_id) & (skip.c.annotator == annotator))


def _first_of(wanted: ColumnElement[bool]) -> Select[tuple[int, int]]:
    query = select(slot.c.id, slot.c.priority).where(wanted).order_by(slot.c.priority.desc(), slot.c.id).limit(1)
    return query.with_for_update(skip_locked=True)  # PostgreSQL; SQLite has one writer and leaves the clause out


def _claim_one(connection: Connection, annotator: str, wanted: ColumnElement[bool], *, until: datetime) -> Claim | None:
    return _claim(connection, _claiming(select(_first_of(wanted).subquery().c.id)), annotator, until=until)


def _claiming(first: Select[tuple[int]]) -> ReturningUpdate[Any]:
    return slot.update().where(slot.c.id == first.scalar_subquery()).values(state="held").returning(slot)


def _claim(
    connection: Connection,
    statement: ReturningUpdate[Any],
    annotator: str,
    *,
    until: datetime,
    values: Mapping[str, Any] | None = None,
) -> Claim | None:
    holding = {"holder": annotator, "claim_token": secrets.token_urlsafe(16), "expires_at": until}
    row = connection.execute(statement, {**holding, **(values or {})}).mappings().first()
    return None if row is None else _claim_of(row)


def _next() -> Select[tuple[int]]:
    """Id of the first free slot that is for `person`, in `project` and as of `now`.

    Open slots and expired ones are looked up apart, and open ones by their highest priority first: so each step walks
    the index, where one condition with OR would sort every open slot of the project.
    """
    person, project_id = bindparam("person", type_=Text), bindparam("project", type_=Integer)
    now: BindParameter[datetime] = bindparam("now")  # its type is that of the column it is compared with
    for_them = (slot.c.project_id == project_id) & ~_answered_by(person, slot) & ~_skipped_by(person, slot)
    peer = slot.alias()
    open_to_them = (peer.c.project_id == project_id) & (peer.c.state == "open")
    open_to_them &= ~_answered_by(person, peer) & ~_skipped_by(person, peer)
    highest = select(peer.c.priority).where(open_to_them).order_by(peer.c.priority.desc()).limit(1).scalar_subquery()
    is_open = (slot.c.state == "open") & (slot.c.priority == highest)
    arms = [_first_of(for_them & free).subquery() for free in (is_open, _expired(now))]
    either = union_all(*(select(arm) for arm in arms)).subquery()
    return select(either.c.id).order_by(either.c.priority.desc(), either.c.id).limit(1)


_CLAIM_NEXT = _claiming(_next())
"""Made once: putting it together takes longer than running it, and on SQLite everybody waits meanwhile."""


def _claim_of(row: RowMapping) -> Claim:
    return Claim(token=row["claim_token"], slot_id=row["id"], record_id=row["record_id"], expires_at=row["expires_at"])


def _row(row: RowMapping) -> SlotRow:
    return SlotRow(row["id"], row["record_id"], row["state"], row["holder"], row["claim_token"])
