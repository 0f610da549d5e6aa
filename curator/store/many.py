"""Many records at once: locked, settled, given away, amended, and put back to what they were.

Every function takes the keys of a few thousand records and asks a few statements, whatever their number. The caller
has locked them (`lock`), and keeps what they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Integer, bindparam, delete, func, insert, select, type_coerce

from curator.store import facts, slots, tallies
from curator.store.acts import Keys, among
from curator.store.tables import annotation, record, slot
from schemas.annotation import RecordState
from schemas.audience import ANYBODY, Audience
from schemas.tally import records_in


class Slot(NamedTuple):
    """A review that a record still needs."""

    id: int
    state: str
    audience: str
    is_held: bool
    """An annotator has it before them: their lease has not run out."""


class Locked(NamedTuple):
    """A record that no other transaction changes now."""

    state: RecordState
    is_gone: bool
    """It was taken out of the queue with its import."""
    has_final: bool
    is_amended: bool
    slots: tuple[Slot, ...]
    """Those that are not answered or withdrawn."""

    @property
    def is_held(self) -> bool:
        """Whether an annotator has it before them."""
        return any(each.is_held for each in self.slots)


_KEY = type_coerce(record.c.id, Integer)
_OF = type_coerce(slot.c.record_id, Integer)


def lock(connection: Connection, keys: Sequence[int], *, project_id: int, now: datetime) -> dict[int, Locked]:
    """Let only this transaction settle, claim or amend records of a project until it ends. Returns them by key."""
    columns = (_KEY, record.c.state, record.c.deleted_at.is_not(None), record.c.final.is_not(None))
    query = select(*columns, record.c.amended.is_not(None)).where(among(connection, record.c.id, keys))
    query = query.where(record.c.project_id == project_id).order_by(record.c.id).with_for_update()
    rows = connection.execute(query).all()
    live = select(_OF, slot.c.id, slot.c.state, slot.c.audience, slot.c.expires_at)
    live = live.where(among(connection, slot.c.record_id, keys), slot.c.state.in_(["open", "held"]))
    theirs: dict[int, list[Slot]] = {}
    for key, slot_id, state, audience, until in connection.execute(live.order_by(slot.c.id).with_for_update()):
        is_held = state == "held" and until is not None and until > now
        theirs.setdefault(key, []).append(Slot(slot_id, state, audience, is_held))
    return {
        key: Locked(RecordState(state), gone, final, amended, tuple(theirs.get(key, ())))
        for key, state, gone, final, amended in rows
    }


def of_project(connection: Connection, keys: Sequence[int], *, project_id: int) -> Keys:
    """Those of some keys that are of records of a project which are there, ascending."""
    query = select(_KEY).where(among(connection, record.c.id, keys), record.c.project_id == project_id)
    return np.sort(np.fromiter(connection.execute(query.where(record.c.deleted_at.is_(None))).scalars(), np.int32))


def count_states(connection: Connection, keys: Sequence[int]) -> dict[RecordState, int]:
    """How many of some records stand where."""
    query = select(record.c.state, func.count()).where(among(connection, record.c.id, keys))
    return {RecordState(state): n for state, n in connection.execute(query.group_by(record.c.state))}


def count_claimed(connection: Connection, keys: Sequence[int], *, now: datetime) -> int:
    """How many of some records annotators have before them."""
    held = (slot.c.state == "held") & (slot.c.holder.is_not(None)) & (slot.c.expires_at > now)
    query = select(func.count(slot.c.record_id.distinct())).where(held, among(connection, slot.c.record_id, keys))
    return int(connection.execute(query).scalar_one())


def answered(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Which records have an answer that stands."""
    query = select(type_coerce(annotation.c.record_id, Integer)).where(
        among(connection, annotation.c.record_id, keys), annotation.c.undone.is_(False)
    )
    return set(connection.execute(query.distinct()).scalars())


def withdrawn(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Which records have a slot that is withdrawn."""
    query = select(_OF).where(among(connection, slot.c.record_id, keys), slot.c.state == "withdrawn")
    return set(connection.execute(query.distinct()).scalars())


def settle(
    connection: Connection, keys: Sequence[int], state: RecordState, *, project_id: int, was: Mapping[RecordState, int]
) -> None:
    """Move records to a state and out of the queue, without a text of their own. Returns nothing.

    Args:
        connection: An open writing transaction.
        keys: Of the records.
        state: Where they stand from now on.
        project_id: Theirs.
        was: How many of them stood in which state.
    """
    values = {"state": state.value, "final": None, "final_hash": None}
    connection.execute(record.update().where(among(connection, record.c.id, keys)).values(values))
    live = among(connection, slot.c.record_id, keys) & slot.c.state.in_(["open", "held"])
    connection.execute(slot.update().where(live).values(**slots.NOBODY, state="withdrawn"))
    _count(connection, project_id, was, state)


def unsettle(
    connection: Connection, keys: Sequence[int], state: RecordState, *, project_id: int, since: RecordState
) -> None:
    """Move records back to the state that they had before `settle`, where nothing else was unusual. Returns nothing.

    Those that waited are offered again in every slot that was withdrawn.
    """
    connection.execute(record.update().where(among(connection, record.c.id, keys)).values(state=state.value))
    if state is RecordState.WAITING:
        here = among(connection, slot.c.record_id, keys) & (slot.c.state == "withdrawn")
        connection.execute(slot.update().where(here).values(state="open"))
    _count(connection, project_id, {since: len(keys)}, state)


def _count(connection: Connection, project_id: int, was: Mapping[RecordState, int], now: RecordState) -> None:
    changes = {records_in(state): -n for state, n in was.items()}
    changes[records_in(now)] = changes.get(records_in(now), 0) + sum(was.values())
    tallies.add(connection, project_id, changes)


def give(connection: Connection, keys: Sequence[int], audience: Audience) -> None:
    """Keep the open slots of records for an audience. Returns nothing."""
    here = among(connection, slot.c.record_id, keys) & (slot.c.state == "open")
    connection.execute(slot.update().where(here).values(audience=audience.key))


def give_slots(connection: Connection, audiences: Mapping[int, str]) -> None:
    """Keep single slots for whom each is named, by its id, where they are open. Returns nothing."""
    for slot_id, audience in audiences.items():
        here = (slot.c.id == slot_id) & slot.c.state.not_in(["done", "held"])
        connection.execute(slot.update().where(here).values(audience=audience))


def kept_apart(connection: Connection, keys: Sequence[int]) -> dict[int, dict[int, str]]:
    """Slots that are not answered and not for everyone, by record: for whom each is."""
    query = select(_OF, slot.c.id, slot.c.audience).where(
        among(connection, slot.c.record_id, keys), slot.c.state != "done", slot.c.audience != ANYBODY.key
    )
    apart: dict[int, dict[int, str]] = {}
    for key, slot_id, audience in connection.execute(query):
        apart.setdefault(key, {})[slot_id] = audience
    return apart


def amendments(connection: Connection, keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What leads changed of some records, for those where they did."""
    query = select(_KEY, record.c.amended).where(among(connection, record.c.id, keys), record.c.amended.is_not(None))
    return {row[0]: row[1] for row in connection.execute(query)}


def amend(connection: Connection, keys: Sequence[int], amended: Mapping[str, Any] | None) -> None:
    """Store what leads changed of records, the same for all of them; their texts stay. Returns nothing."""
    here = among(connection, record.c.id, keys)
    connection.execute(record.update().where(here).values(amended=None if amended is None else dict(amended)))


TEXTS = ("amended", "amended_hash", "final", "final_hash")
"""Columns that hold what people made of a text."""


def texts(connection: Connection, keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What people made of the texts of records, column by column."""
    query = select(_KEY.label("key"), *(record.c[name] for name in TEXTS)).where(among(connection, record.c.id, keys))
    rows = connection.execute(query).mappings()
    return {row["key"]: {name: row[name] for name in TEXTS} for row in rows}


def text_hashes(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    """Hashes of the texts of records as they stand."""
    query = select(_KEY, facts.text_hash()).where(among(connection, record.c.id, keys))
    return {row[0]: row[1] for row in connection.execute(query)}


def set_texts(connection: Connection, changed: Mapping[int, Mapping[str, Any]]) -> None:
    """Store what people made of the texts of records, column by column. Returns nothing."""
    if changed:
        change = record.update().where(bindparam("key") == _KEY)
        change = change.values({name: bindparam(f"new_{name}") for name in TEXTS})
        rows = [
            {"key": key} | {f"new_{name}": values[name] for name in TEXTS} for key, values in sorted(changed.items())
        ]
        connection.execute(change, rows)


def ask_for_more(connection: Connection, keys: Sequence[int], reviews: int, *, project_id: int) -> None:
    """Give records as many further open slots. Returns nothing."""
    last = select(_OF, func.max(slot.c.n), func.max(slot.c.priority), func.max(slot.c.audience))
    last = last.where(among(connection, slot.c.record_id, keys)).group_by(slot.c.record_id)
    theirs = {row[0]: row[1:] for row in connection.execute(last)}
    rows = []
    for key in keys:
        n, priority, audience = theirs.get(key, (-1, 0, ""))
        whose = slots.for_more(Audience.of_key(audience)).key
        rows += [
            {"record_id": key, "project_id": project_id, "n": n + more, "state": "open", "priority": priority,
             "audience": whose}
            for more in range(1, reviews + 1)
        ]  # fmt: skip
    if rows:
        connection.execute(insert(slot), rows)


def slots_of(connection: Connection, keys: Sequence[int]) -> dict[int, list[list[Any]]]:
    """Every slot of some records: its id, state, priority and audience."""
    query = select(_OF, slot.c.id, slot.c.state, slot.c.priority, slot.c.audience)
    query = query.where(among(connection, slot.c.record_id, keys)).order_by(slot.c.id)
    theirs: dict[int, list[list[Any]]] = {key: [] for key in keys}
    for key, *values in connection.execute(query):
        theirs[key].append(values)
    return theirs


def restore_slots(connection: Connection, key: int, before: Iterable[Sequence[Any]]) -> None:
    """Let the slots of a record be what they were; none of them is held. Returns nothing."""
    kept = []
    for slot_id, state, priority, audience in before:
        kept.append(slot_id)
        values: dict[str, Any] = {"state": "open" if state == "held" else state, "priority": priority,
                                  "audience": audience}  # fmt: skip
        if state != "done":
            values |= slots.NOBODY
        connection.execute(slot.update().where(slot.c.id == slot_id).values(values))
    remove_slots(connection, key, but=kept)


def remove_slots(connection: Connection, key: int, *, but: Sequence[int]) -> None:
    """Take the slots of a record away that an act had added, and that no annotator answered. Returns nothing."""
    connection.execute(delete(slot).where(among(connection, slot.c.record_id, [key]), slot.c.id.not_in(but)))


def move(
    connection: Connection, keys: Sequence[int], state: RecordState, *, project_id: int, was: Mapping[RecordState, int]
) -> None:
    """Move records to another state; their texts and slots stay. Returns nothing."""
    connection.execute(record.update().where(among(connection, record.c.id, keys)).values(state=state.value))
    _count(connection, project_id, was, state)
