"""Acts on many records: which records were chosen, what became of each, and what it was before.

Keys of records are integers here, many at a time, and are bound as one value: a statement takes as long to prepare for
a thousand records as for one.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    Select,
    Text,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY

from curator.errors import NotFoundError
from curator.store.tables import act, act_row, event, job, record
from schemas.act import ACT, Act, BulkAct, LeftOut
from schemas.event import Kind

Keys = NDArray[np.int32]
"""Keys of records, ascending."""


class Moment(NamedTuple):
    """A point in the history of the records: what comes behind it has changed them since."""

    last_event: int
    last_act: int
    """No act up to this one is still under way."""


class Row(NamedTuple):
    """A record that an act changed, and what it was before."""

    key: int
    was: str | None
    before: dict[str, Any] | None
    """What differed from the usual case."""
    last_event: int
    """The newest event when the act changed it."""


class Count(NamedTuple):
    """Rows of an act that are alike."""

    state: str
    """`changed`, `left out`, `undone` or `kept`."""
    why: LeftOut | None
    rows: int


def moment(connection: Connection) -> Moment:
    """The present point in the history of the records."""
    is_alive = job.c.state.in_(["queued", "running"])
    under_way = select(func.min(act.c.id)).join(job, (job.c.id == act.c.id) | (job.c.id == act.c.undo_job_id))
    first = connection.execute(under_way.where(is_alive)).scalar()
    newest = connection.execute(select(func.max(act.c.id))).scalar() or 0
    return Moment(last_event(connection), newest if first is None else first - 1)


def last_event(connection: Connection) -> int:
    """The newest line of the log."""
    return connection.execute(select(func.max(event.c.id))).scalar() or 0


def keys_of(connection: Connection, chosen: Select[Any]) -> Keys:
    """The keys that a statement for ids of records finds, ascending."""
    ids = chosen.with_only_columns(type_coerce(chosen.selected_columns[0], Integer)).order_by(None)
    rows = connection.execute(ids.execution_options(yield_per=50_000)).scalars()
    return np.sort(np.fromiter(rows, np.int32))


def add(
    connection: Connection,
    what: Mapping[str, Any],
    keys: Keys,
    *,
    project_id: int,
    query: str | None,
    since: Moment,
    actor: str,
    at: datetime,
    job_id: int,
) -> int:
    """Store an act that is to be done. Returns its id, which is that of its job.

    Args:
        connection: An open writing transaction.
        what: The act.
        keys: Of the records that were chosen.
        project_id: Theirs.
        query: By which they were chosen.
        since: When they were chosen.
        actor: Who acts.
        at: When they confirmed it.
        job_id: The job that does it.
    """
    values = {
        "project_id": project_id, "act": dict(what), "query": query, "matched": len(keys), "actor": actor, "at": at,
        "selection": zlib.compress(keys.astype("<i4").tobytes(), 1), "id": job_id, **since._asdict(),
    }  # fmt: skip
    return int(connection.execute(insert(act).values(values).returning(act.c.id)).scalar_one())


def get(connection: Connection, act_id: int, *, lock: bool = False) -> BulkAct:
    """The act with this id; locked until the transaction ends, if that is asked for.

    Raises:
        NotFoundError: There is none.
    """
    query = select(*_SHOWN).where(act.c.id == act_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NotFoundError(f"There is no bulk act {act_id}.", hint="curator select --list names them.")
    return _act(row)


def newest_first(connection: Connection, project_id: int, *, limit: int = 20) -> list[BulkAct]:
    """The newest acts of a project."""
    query = select(*_SHOWN).where(act.c.project_id == project_id).order_by(act.c.id.desc()).limit(limit)
    return [_act(row) for row in connection.execute(query).mappings()]


def selection(connection: Connection, act_id: int) -> tuple[Keys, Moment]:
    """The records that were chosen for an act, and when."""
    row = connection.execute(select(act.c.selection, act.c.last_event, act.c.last_act).where(act.c.id == act_id)).one()
    keys = np.frombuffer(zlib.decompress(row.selection), "<i4").astype(np.int32)
    return keys, Moment(row.last_event, row.last_act)


def begin_undo(
    connection: Connection, act_id: int, *, job_id: int, actor: str, at: datetime, event_id: int | None
) -> None:
    """Note that an act is taken back, by whom and by which job."""
    values: dict[str, Any] = {"undo_job_id": job_id, "undone_by": actor, "undone_at": at, "undone_event": event_id}
    connection.execute(act.update().where(act.c.id == act_id).values(values))


def counts(connection: Connection, act_id: int) -> list[Count]:
    """How many records of an act stand where."""
    query = select(act_row.c.state, act_row.c.why, func.count()).where(act_row.c.act_id == act_id)
    rows = connection.execute(query.group_by(act_row.c.state, act_row.c.why)).all()
    return [Count(state, None if why is None else LeftOut(why), n) for state, why, n in rows]


def not_changed(connection: Connection, act_id: int, *, limit: int = 50) -> list[tuple[str, LeftOut]]:
    """Some records that an act or its undo left as they were, with the reason."""
    query = select(act_row.c.record_id, act_row.c.why).where(act_row.c.act_id == act_id, act_row.c.why.is_not(None))
    return [(row[0], LeftOut(row[1])) for row in connection.execute(query.order_by(act_row.c.record_id).limit(limit))]


def about(connection: Connection, record_id: str) -> list[tuple[BulkAct, str]]:
    """The acts that changed a record, oldest first, each with where its row stands."""
    query = select(*_SHOWN, act_row.c.state.label("row")).join(act_row, act_row.c.act_id == act.c.id)
    query = query.where(act_row.c.record_id == record_id, act_row.c.state != "left out").order_by(act.c.id)
    return [(_act({k: v for k, v in row.items() if k != "row"}), row["row"]) for row in
            connection.execute(query).mappings()]  # fmt: skip


class Decision(NamedTuple):
    """An act that decided about a record, or took its decision away."""

    act: Act
    last_event: int
    """The newest event when it did."""


def last_decision(connection: Connection, record_id: str) -> Decision | None:
    """The newest act that stands, and by which a record was settled, set aside or put back into the queue."""
    said = act.c.act["act"].as_string()
    query = select(act.c.act, act_row.c.last_event).join(act_row, act_row.c.act_id == act.c.id)
    query = query.where(act_row.c.record_id == record_id, act_row.c.state.in_(["changed", "kept"]))
    query = query.where(said.in_(["accept", "reject", "flag", "send back", "re-review"]))
    row = connection.execute(query.order_by(act.c.id.desc()).limit(1)).first()
    return None if row is None else Decision(ACT.validate_python(row.act), row.last_event)


def touched(
    connection: Connection, keys: Sequence[int], since: Moment, *, but: int, with_undone: bool = True
) -> set[int]:
    """Which records were changed behind a moment, by a person or by another act.

    Args:
        connection: An open transaction.
        keys: Of the records.
        since: The moment.
        but: An act that does not count.
        with_undone: Records count that another act changed, or had changed, and left as they were when it was undone.
    """
    subjects = _texts(connection, event.c.subject, keys)
    lines = select(event.c.subject).where(subjects, event.c.id > since.last_event, event.c.kind.in_(_CHANGING))
    changed = {int(each) for each in connection.execute(lines.distinct()).scalars()}
    states = ["changed", "kept", "undone"] if with_undone else ["changed", "kept"]
    later = (act_row.c.act_id > since.last_act) & act_row.c.state.in_(states)
    if with_undone:
        since_undone = select(act.c.id).where(act.c.undone_event > since.last_event)
        later |= (act_row.c.state == "undone") & act_row.c.act_id.in_(since_undone)
    rows = select(_key(act_row.c.record_id)).where(among(connection, act_row.c.record_id, keys), later)
    return changed | set(connection.execute(rows.where(act_row.c.act_id != but)).scalars())


_CHANGING = (
    Kind.SUBMIT, Kind.GIVEN, Kind.UNDO, Kind.FLAG, Kind.ADJUDICATE, Kind.SEND_BACK, Kind.ASK_AGAIN, Kind.STAND_AGAIN,
    Kind.UNFLAG, Kind.GOLD, Kind.UNGOLD, Kind.ASSIGN, Kind.FEEDBACK,
)  # fmt: skip
"""Events after which a record is not what a lead saw before them."""


def keep_changed(connection: Connection, act_id: int, keys: Sequence[int], *, last_event: int) -> None:
    """Note that an act is about to change records in the usual way, with the state in which they are now."""
    columns = ["act_id", "record_id", "state", "why", "was", "before", "last_event"]
    source = select(
        literal(act_id), record.c.id, literal("changed"), null(), record.c.state, null(), literal(last_event)
    ).where(among(connection, record.c.id, keys))
    connection.execute(insert(act_row).from_select(columns, source.order_by(record.c.id), include_defaults=False))


def keep_rows(connection: Connection, act_id: int, rows: Iterable[Row]) -> None:
    """Note that an act changed records, with what they were before."""
    values = [
        {"act_id": act_id, "record_id": row.key, "state": "changed", "was": row.was, "before": row.before,
         "last_event": row.last_event}
        for row in rows
    ]  # fmt: skip
    if values:
        connection.execute(insert(act_row), values)


def keep_left_out(connection: Connection, act_id: int, reasons: Mapping[int, LeftOut]) -> None:
    """Note which records an act leaves as they are, but for those with nothing to change, which are only counted."""
    values = [
        {"act_id": act_id, "record_id": key, "state": "left out", "why": why.value, "last_event": 0}
        for key, why in sorted(reasons.items())
        if why is not LeftOut.SAME
    ]
    if values:
        connection.execute(insert(act_row), values)


def next_changed(connection: Connection, act_id: int, *, after: int, limit: int) -> list[Row]:
    """The next rows that stand as the act left them, behind a key."""
    columns = (_key(act_row.c.record_id), act_row.c.was, act_row.c.before, act_row.c.last_event)
    query = select(*columns).where(
        act_row.c.act_id == act_id, type_coerce(act_row.c.record_id, Integer) > after, act_row.c.state == "changed"
    )
    return [Row(*row) for row in connection.execute(query.order_by(act_row.c.record_id).limit(limit))]


def mark_undone(connection: Connection, act_id: int, keys: Sequence[int]) -> None:
    """Note that records are again what they were before an act."""
    here = (act_row.c.act_id == act_id) & among(connection, act_row.c.record_id, keys)
    connection.execute(act_row.update().where(here).values(state="undone"))


def mark_kept(connection: Connection, act_id: int, reasons: Mapping[int, LeftOut]) -> None:
    """Note which records the undo of an act leaves as they are."""
    for why in set(reasons.values()):
        keys = [key for key, each in reasons.items() if each is why]
        here = (act_row.c.act_id == act_id) & among(connection, act_row.c.record_id, keys)
        connection.execute(act_row.update().where(here).values(state="kept", why=why.value))


def among(connection: Connection, column: ColumnElement[Any], keys: Collection[int]) -> ColumnElement[bool]:
    """The condition that a column holds one of many integers, which are bound as one value."""
    plain = type_coerce(column, Integer)
    if connection.dialect.name == "postgresql":
        return plain == func.any(cast(literal(list(keys), ARRAY(Integer)), ARRAY(Integer)))
    text = literal(orjson.dumps(list(keys)).decode(), Text)
    return plain.in_(select(func.json_each(text).table_valued("value").c.value))


def _texts(connection: Connection, column: ColumnElement[Any], keys: Collection[int]) -> ColumnElement[bool]:
    """The condition that a column of text holds one of many integers."""
    words = [str(key) for key in keys]
    if connection.dialect.name == "postgresql":
        return column == func.any(cast(literal(words, ARRAY(Text)), ARRAY(Text)))
    return column.in_(select(func.json_each(literal(orjson.dumps(words).decode(), Text)).table_valued("value").c.value))


def _key(column: ColumnElement[Any]) -> ColumnElement[int]:
    return type_coerce(column, Integer)


_SHOWN = tuple(act.c[name] for name in BulkAct.model_fields)


def _act(row: RowMapping | Mapping[str, Any]) -> BulkAct:
    return BulkAct.model_validate(dict(row))
