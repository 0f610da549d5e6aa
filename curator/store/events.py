"""The append-only log: who did what to which thing, when, and how its content changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import JsonValue
from sqlalchemy import Connection, RowMapping, func, insert, select

from curator.store import acts
from curator.store.tables import event
from schemas.act import Accept, Reject, SendBack
from schemas.event import DETAILS, AskedAgain, Detail, Kind, PutBack, Skipped

_D = TypeVar("_D", bound=Detail)


class Event(NamedTuple):
    """One line of the log."""

    id: int
    at: datetime
    """UTC."""
    actor: str
    kind: Kind
    subject: str
    old_hash: str | None
    new_hash: str | None
    detail: Detail | JsonValue
    """Of the type that `DETAILS` names for this kind, else what was stored."""

    def read(self, expected: type[_D]) -> _D:
        """The detail, which is of this type."""
        if not isinstance(self.detail, expected):
            raise TypeError(f"The detail of {self.kind} is not {expected.__name__}.")
        return self.detail


def append(
    connection: Connection,
    kind: Kind,
    subject: str,
    *,
    actor: str,
    at: datetime,
    old_hash: str | None = None,
    new_hash: str | None = None,
    detail: Detail | Mapping[str, Any] | None = None,
) -> int:
    """Add a line to the log, which nothing ever changes or removes. Returns its id."""
    if kind in DETAILS and not isinstance(detail, DETAILS[kind]):
        raise TypeError(f"The detail of {kind} is {DETAILS[kind].__name__}, not {type(detail).__name__}.")
    values = {
        "at": at, "actor": actor, "kind": kind.value, "subject": subject, "old_hash": old_hash, "new_hash": new_hash,
        "detail": detail.model_dump(mode="json") if isinstance(detail, Detail) else detail,
    }  # fmt: skip
    return int(connection.execute(insert(event).values(values).returning(event.c.id)).scalar_one())


def about(connection: Connection, subject: str, *, kinds: Sequence[Kind] = ()) -> list[Event]:
    """The log of one record, version, run or output, oldest first; of some kinds only, where they are named."""
    query = select(event).where(event.c.subject == subject).order_by(event.c.id)
    if kinds:
        query = query.where(event.c.kind.in_(kinds))
    return [_event(row) for row in connection.execute(query).mappings()]


def newest(connection: Connection, subject: str, kinds: Sequence[Kind]) -> Event | None:
    """The last line of these kinds about one subject."""
    query = select(event).where(event.c.subject == subject, event.c.kind.in_(kinds))
    row = connection.execute(query.order_by(event.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else _event(row)


def asked_again(connection: Connection, change: int) -> list[Event]:
    """Lines about the records whose answers a change of questions took back, oldest first."""
    query = select(event).where(event.c.id > change, event.c.kind == Kind.ASK_AGAIN).order_by(event.c.id)
    lines = [_event(row) for row in connection.execute(query).mappings()]
    return [line for line in lines if line.read(AskedAgain).change == change]


def last_of(connection: Connection, subjects: Sequence[str]) -> dict[str, int]:
    """Id of the last line about each of these."""
    newest_ids: dict[str, int] = {}
    for start in range(0, len(subjects), 500):  # databases bound the number of values in one statement
        some = list(subjects[start : start + 500])
        query = select(event.c.subject, func.max(event.c.id)).where(event.c.subject.in_(some))
        newest_ids.update({row[0]: row[1] for row in connection.execute(query.group_by(event.c.subject))})
    return newest_ids


def latest(connection: Connection, *, limit: int = 50) -> list[Event]:
    """The newest lines of the log, newest first."""
    query = select(event).order_by(event.c.id.desc()).limit(limit)
    return [_event(row) for row in connection.execute(query).mappings()]


def latest_of(connection: Connection, actor: str, kinds: Sequence[Kind], *, limit: int) -> Iterator[Event]:
    """The newest lines of these kinds by one person, newest first."""
    query = select(event).where(event.c.actor == actor, event.c.kind.in_(kinds))
    for row in connection.execute(query.order_by(event.c.id.desc()).limit(limit)).mappings():
        yield _event(row)


_DECISIONS = (Kind.ADJUDICATE, Kind.SEND_BACK, Kind.ASK_AGAIN, Kind.UNFLAG, Kind.UNGOLD)


def is_decided(connection: Connection, record_id: str) -> bool:
    """Whether a lead has settled a record, alone or with many others, and has not put it back into the queue since."""
    query = select(event.c.id, event.c.kind).where(event.c.subject == record_id, event.c.kind.in_(_DECISIONS))
    last = connection.execute(query.order_by(event.c.id.desc()).limit(1)).first()
    bulk = acts.last_decision(connection, record_id)
    if bulk is not None and (last is None or bulk.last_event >= last.id):
        return isinstance(bulk.act, Accept | Reject)
    return last is not None and last.kind == Kind.ADJUDICATE


def reason_of_sending_back(connection: Connection, record_id: str) -> str | None:
    """Why a record was sent back, if it has not been answered since."""
    last = newest(connection, record_id, (Kind.SUBMIT, Kind.SEND_BACK, Kind.UNFLAG, Kind.UNDO))
    bulk = acts.last_decision(connection, record_id)
    if bulk is not None and (last is None or bulk.last_event >= last.id):
        return bulk.act.reason or None if isinstance(bulk.act, SendBack) else None
    if last is None or last.kind not in (Kind.SEND_BACK, Kind.UNFLAG):
        return None
    return last.read(PutBack).reason or None


def claim_given_up(connection: Connection, record_id: str, annotator: str) -> str | None:
    """Token of the claim with which an annotator last skipped or flagged a record."""
    query = select(event).where(
        event.c.subject == record_id, event.c.actor == annotator, event.c.kind.in_((Kind.SKIP, Kind.FLAG))
    )
    row = connection.execute(query.order_by(event.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else _event(row).read(Skipped).claim


_TAKEN = (Kind.CLAIM, Kind.DRAFT, Kind.SUBMIT, Kind.SKIP, Kind.FLAG, Kind.UNDO, Kind.GIVEN)


def has_had(connection: Connection, record_id: str, annotator: str) -> bool:
    """Whether an annotator has had a record before them, by the log."""
    query = select(event.c.id).where(event.c.subject == record_id, event.c.actor == annotator, event.c.kind.in_(_TAKEN))
    return connection.execute(query.limit(1)).first() is not None


def _event(row: RowMapping) -> Event:
    kind, stored = Kind(row["kind"]), row["detail"]
    detail = DETAILS[kind].model_validate(stored) if kind in DETAILS and stored is not None else stored
    values = {**row, "kind": kind, "detail": detail}
    return Event(**values)
