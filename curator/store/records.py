"""Records of the live state: storing imported ones, reading them one by one or as a stream.

A row says where a record stands; its texts are in a part (see `parts`), or beside it where it did not come with a file
of many. An import stores a few thousand rows with one statement, from their hashes laid end to end: nothing is looked
up or bound row by row, so the write lock is held for milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    type_coerce,
)

from curator.errors import NotFoundError
from curator.quality.fingerprint import content_hash
from curator.store import batches, parts, projects, tallies, tombstones
from curator.store.contents import HASH, Contents, Keys, Known, held_in
from curator.store.engine import parts_of
from curator.store.incoming import Incoming, JsonText, incoming
from curator.store.tables import arrival, part, record, slot
from schemas.amendment import Amendment
from schemas.annotation import RecordState
from schemas.project import Project
from schemas.record import Arrival, Record
from schemas.tally import records_in


class StoredRecord(NamedTuple):
    """A record with its place in the live state."""

    id: str
    project_id: int
    content_hash: str
    """Hash of the content as it came in."""
    state: RecordState
    content: Record
    """As it came in, with what leads changed of it since."""
    final: Record | None
    """As accepted."""
    batch_id: int | None
    parent_output_id: int | None
    text_hash: str
    """Hash of the content as it stands: of what was accepted, or else of what came in or was made of it."""

    @property
    def now(self) -> Record:
        """The record as it stands: as accepted, or else as it came in."""
        return self.final or self.content


def add_many(
    connection: Connection,
    records: Sequence[Record | Incoming],
    *,
    project: Project,
    at: datetime,
    batch_id: int | None = None,
    accept: bool = False,
    priority: int = 0,
    parent_output_id: int | None = None,
) -> list[str | None]:
    """Store records with their texts beside them and open their slots; for each its new id, or None when it is known.

    A known content keeps what is said about it here as one more arrival; one of an undone import comes back as new.

    Args:
        connection: An open writing transaction.
        records: Checked records, or such that were serialised before; two with the same content are stored once.
        project: Where they belong; its `reviews_required` says how many slots each gets.
        at: Time of storing.
        batch_id: Import that they came with.
        accept: Take them as reviewed: state `accepted`, no slot.
        priority: Higher comes first in the queue.
        parent_output_id: Output whose review made them.
    """
    if not records:
        return []
    arrived = [each if isinstance(each, Incoming) else incoming(each) for each in records]
    state = RecordState.ACCEPTED if accept else RecordState.WAITING
    projects.lock(connection, project.id)  # another import must not add the same content after the look-up
    known = of_hash(connection, project.id, {each.content_hash for each in arrived})
    places = {each.content_hash: each.place for each in reversed(arrived)}
    returned = tombstones.Returned()
    if batches.any_undone(connection, project.id):
        returned = tombstones.revive(
            connection, places, project=project, batch_id=batch_id, accept=accept, priority=priority,
            parent_output_id=parent_output_id,
        )  # fmt: skip
    back, placed = set(returned.back), set(returned.placed)
    fresh: dict[str, Incoming] = {}
    for each in arrived:
        if each.content_hash not in known:
            fresh.setdefault(each.content_hash, each)
    rows = [
        {
            "project_id": project.id, "batch_id": batch_id, "content_hash": each.content_hash,
            "prompt_hash": each.prompt_hash, "content": JsonText(each.json.decode()), "state": state.value,
            "priority": priority, "parent_output_id": parent_output_id, "created_at": at,
        }
        for each in fresh.values()
    ]  # fmt: skip
    if rows:
        returning = insert(record).returning(record.c.content_hash, record.c.id, sort_by_parameter_order=True)
        added = {row.content_hash: row.id for row in connection.execute(returning, rows)}
        _queue(connection, record.c.id.in_(added.values()), len(added), project=project, state=state, priority=priority)
        known |= added
    ids: list[str | None] = []
    again = []
    for each in arrived:
        is_new = fresh.pop(each.content_hash, None) is not None or each.content_hash in back
        back.discard(each.content_hash)
        ids.append(known[each.content_hash] if is_new else None)
        if each.content_hash in placed:
            placed.discard(each.content_hash)
        elif not is_new:
            content = JsonText(each.json.decode())
            again.append({"record_id": known[each.content_hash], "batch_id": batch_id, "content": content})
    if again:
        connection.execute(insert(arrival), again)
    return ids


class PartRows(NamedTuple):
    """Neighbouring rows of a part."""

    part_id: int
    start: int
    """Row of the first one."""
    content_hashes: bytes
    """32 bytes each."""
    prompt_hashes: bytes

    @property
    def places(self) -> dict[str, dict[str, Any]]:
        """Columns that say where the text stands, by content hash."""
        hashes = [self.content_hashes[n : n + HASH].hex() for n in range(0, len(self.content_hashes), HASH)]
        return {
            each: {"part_id": self.part_id, "part_row": row, "content": None}
            for row, each in reversed(list(enumerate(hashes, self.start)))
        }


def add_part(connection: Connection, file: parts.PartFile, *, batch_id: int) -> int:
    """Name a part that was written. Returns its id."""
    values = {"batch_id": batch_id, **file._asdict()}
    return int(connection.execute(insert(part).values(values).returning(part.c.id)).scalar_one())


def add_rows(
    connection: Connection,
    rows: PartRows,
    *,
    project: Project,
    batch_id: int,
    accept: bool,
    contents: Contents,
    known: Known,
    keep_again: bool = True,
) -> int:
    """Store rows of a part as records and open their slots. Returns how many are new or came back.

    Args:
        connection: An open writing transaction.
        rows: The content of some is perhaps known.
        project: Where they belong.
        batch_id: Import that they came with.
        accept: Take them as reviewed: state `accepted`, no slot.
        contents: Of the project, as far as these rows go; what is stored is added.
        known: What they said of these rows before the transaction, so that it need not be looked up in it.
        keep_again: Keep that a known content came again; not for rows that an earlier try has stored.
    """
    projects.lock(connection, project.id)
    if contents.catch_up(connection):
        known = contents.look_up(rows.content_hashes)
    returned = tombstones.Returned()
    if batches.any_undone(connection, project.id):
        returned = tombstones.revive(connection, rows.places, project=project, batch_id=batch_id, accept=accept)
    is_new = known.is_new
    if is_new.any():
        keys = _insert(
            connection, rows, is_new, project=project, batch_id=batch_id, accept=accept, last_key=contents.last_key
        )
        contents.add(known.row_ids[is_new], keys)
    if keep_again and not is_new.all():
        keys = contents.keys(known.row_ids[~is_new])
        _keep_again(connection, rows, np.flatnonzero(~is_new), keys, batch_id=batch_id)
    return int(is_new.sum()) + len(returned.back)


def _insert(
    connection: Connection,
    rows: PartRows,
    wanted: NDArray[np.bool_],
    *,
    project: Project,
    batch_id: int,
    accept: bool,
    last_key: int,
) -> Keys:
    """Store some rows and open their slots. Returns the keys of their records, in the order of the rows.

    Args:
        connection: An open writing transaction that has locked the project.
        rows: Of a part.
        wanted: Which of them.
        project: Where they belong.
        batch_id: Import that they came with.
        accept: Take them as reviewed.
        last_key: The greatest of the project so far.
    """
    state = RecordState.ACCEPTED if accept else RecordState.WAITING
    n = _numbers(len(wanted))
    values: dict[str, Any] = {
        "project_id": literal(project.id),
        "batch_id": literal(batch_id),
        "content_hash": _bytes_at(rows.content_hashes, n, HASH),
        "prompt_hash": _bytes_at(rows.prompt_hashes, n, HASH),
        "part_id": literal(rows.part_id),
        "part_row": n + rows.start,
        "content": null(),
        "final": null(),
        "state": literal(state.value),
        "priority": literal(0),
    }
    is_wanted = _bytes_at(wanted.tobytes(), n, 1) == literal(b"\x01", LargeBinary)
    source = select(*values.values()).where(is_wanted).order_by(n)
    connection.execute(insert(record).from_select(list(values), source, include_defaults=False))
    key = type_coerce(record.c.id, Integer)
    added = (record.c.project_id == project.id) & (key > last_key)
    first, last, count = connection.execute(select(func.min(key), func.max(key), func.count()).where(added)).one()
    _queue(connection, added, count, project=project, state=state, priority=0)
    if last - first + 1 == count:
        return np.arange(first, last + 1)
    return np.array(connection.execute(select(key).where(added).order_by(key)).scalars().all(), np.int64)


def _keep_again(
    connection: Connection, rows: PartRows, places: NDArray[np.int64], keys: Keys, *, batch_id: int
) -> None:
    """Keep that the contents of some records came again, in these rows. Returns nothing."""
    n = _numbers(len(keys))
    key, row = (
        cast(func.substr(literal("".join(f"{each:010d}" for each in some)), n * 10 + 1, 10), Integer)
        for some in (keys, places + rows.start)
    )
    source = select(record.c.id, literal(batch_id), literal(rows.part_id), row)
    source = source.select_from(n.table).join(record, type_coerce(record.c.id, Integer) == key)
    is_elsewhere = (record.c.part_id != rows.part_id) | (record.c.part_row != row)  # not what it just came back as
    source = source.where(record.c.part_id.is_(None) | is_elsewhere)
    columns = ["record_id", "batch_id", "part_id", "part_row"]
    connection.execute(insert(arrival).from_select(columns, source.order_by(n), include_defaults=False))


def _queue(
    connection: Connection,
    wanted: ColumnElement[bool],
    count: int,
    *,
    project: Project,
    state: RecordState,
    priority: int,
) -> None:
    """Count new records and open the slots of those that wait."""
    tallies.add(connection, project.id, {records_in(state): count})
    if state is not RecordState.WAITING:
        return
    for n in range(project.reviews_required):
        source = select(
            record.c.id, literal(project.id), literal(n), literal("open"), literal(priority), literal(""), literal(0.0)
        )
        columns = ["record_id", "project_id", "n", "state", "priority", "audience", "active_seconds"]
        source = source.where(wanted).order_by(record.c.id)
        connection.execute(insert(slot).from_select(columns, source, include_defaults=False))


def _numbers(count: int) -> ColumnElement[int]:
    """A column with the numbers from 0 to below `count`."""
    first = select(literal(0).label("n")).cte("place", recursive=True)
    numbers = first.union_all(select(first.c.n + 1).where(first.c.n + 1 < count))
    return numbers.c.n


def _bytes_at(end_to_end: bytes, n: ColumnElement[int], size: int) -> ColumnElement[Any]:
    return func.substr(literal(end_to_end, LargeBinary), n * size + 1, size, type_=LargeBinary)


def count_waiting_again(connection: Connection, batch_id: int) -> int:
    """How many records wait for an annotator whose content an import brought again."""
    query = select(func.count(arrival.c.record_id.distinct())).join(record, record.c.id == arrival.c.record_id)
    query = query.where(arrival.c.batch_id == batch_id, record.c.state == RecordState.WAITING.value)
    return connection.execute(query).scalar_one()


def sweep(connection: Connection) -> int:
    """Remove parts that an import which died left behind, unless one is under way. Returns how many."""
    folder = parts_of(connection).folder
    with parts.leftovers(folder) as files:
        left = files - set(connection.execute(select(part.c.name)).scalars())
        for name in left:
            parts.remove(folder, name)
    return len(left)


_LOOKUP = 500
"""Hashes per query; SQLite limits the number of bound values."""


def get(connection: Connection, record_id: str) -> StoredRecord:
    """The record with this id.

    Raises:
        NotFoundError: There is none.
    """
    found = find(connection, record_id)
    if found is None:
        raise NotFoundError(f"There is no record {record_id}.", hint="Look its id up under Records.")
    return found


def find(connection: Connection, record_id: str) -> StoredRecord | None:
    """The record with this id, if there is one."""
    is_former = len(record_id) == 32  # hex digits; a key has at most nine
    named = record.c.former_id == record_id if is_former else record.c.id == record_id
    rows = connection.execute(with_part().where(named)).mappings().all()
    return next(iter(stored_records(connection, rows)), None)


def some(connection: Connection, record_ids: Collection[str]) -> dict[str, StoredRecord]:
    """The records with these ids, by id."""
    stored: dict[str, StoredRecord] = {}
    wanted = sorted(record_ids)
    for start in range(0, len(wanted), _LOOKUP):
        query = with_part().where(record.c.id.in_(wanted[start : start + _LOOKUP]))
        stored |= {each.id: each for each in stored_records(connection, connection.execute(query).mappings().all())}
    return stored


def in_file_order(connection: Connection, record_ids: Iterable[str]) -> Iterator[StoredRecord]:
    """The records with these ids that are not deleted, streamed in the order of the files that hold them.

    So each file is read once.
    """
    wanted = sorted(map(int, record_ids))  # an import numbers its rows in the order of its files
    for start in range(0, len(wanted), _LOOKUP):
        some_ids = [str(id) for id in wanted[start : start + _LOOKUP]]
        query = with_part().where(record.c.id.in_(some_ids), record.c.deleted_at.is_(None))
        ordered = query.order_by(record.c.part_id, record.c.part_row, record.c.id)
        yield from stored_records(connection, connection.execute(ordered).mappings().all())


def of_hash(connection: Connection, project_id: int, hashes: Collection[str]) -> dict[str, str]:
    """Ids of the records of a project with these content hashes, by hash."""
    found: dict[str, str] = {}
    wanted = sorted(hashes)
    for start in range(0, len(wanted), _LOOKUP):
        here = held_in(connection, project_id, wanted[start : start + _LOOKUP])
        query = select(record.c.content_hash, record.c.id).where(here)
        found.update((row.content_hash, row.id) for row in connection.execute(query))
    return found


def hashes_of(connection: Connection, record_ids: Collection[str]) -> set[str]:
    """Content hashes of some records, of the content as it came in."""
    hashes: set[str] = set()
    wanted = sorted(record_ids)
    for start in range(0, len(wanted), _LOOKUP):
        query = select(record.c.content_hash).where(record.c.id.in_(wanted[start : start + _LOOKUP]))
        hashes.update(connection.execute(query).scalars())
    return hashes


def set_state(connection: Connection, stored: StoredRecord, state: RecordState, *, final: Record | None) -> None:
    """Move a record to another state and keep the project's totals in step."""
    edited = None if final is None else _edited(final, stored.content)
    text_hash = None if final is None or edited is None else content_hash(final)
    values = {"state": state.value, "final": edited, "final_hash": text_hash}
    connection.execute(record.update().where(record.c.id == stored.id).values(values))
    if state is not stored.state:
        changes = {records_in(stored.state): -1, records_in(state): 1}
        tallies.add(connection, stored.project_id, changes)


def _edited(final: Record, content: Record) -> dict[str, Any] | None:
    """What is stored of an accepted record where a person changed it; how it came in stands with what came in."""
    if final.model_copy(update={"also": content.also}) == content:
        return None
    return final.model_dump(mode="json", exclude_defaults=True, exclude={"original", "also"})


def every(connection: Connection, project_id: int) -> Iterator[StoredRecord]:
    """Every record of a project that is not deleted, streamed in the order of the files that hold them."""
    query = with_part().where(record.c.project_id == project_id, record.c.deleted_at.is_(None))
    ordered = query.order_by(record.c.part_id, record.c.part_row, record.c.id)
    rows = connection.execute(ordered.execution_options(yield_per=_STREAMED))
    for some in rows.mappings().partitions(_STREAMED):
        yield from stored_records(connection, some)


_STREAMED = 1_000


def page(
    connection: Connection, project_id: int, *, after: str = "", limit: int = 50, state: RecordState | None = None
) -> list[StoredRecord]:
    """The next `limit` records after the id `after`, ordered by id (keyset paging: as fast on the last page)."""
    query = with_part().where(record.c.project_id == project_id, record.c.id > after, record.c.deleted_at.is_(None))
    if state is not None:
        query = query.where(record.c.state == state.value)
    rows = connection.execute(query.order_by(record.c.id).limit(limit)).mappings().all()
    return stored_records(connection, rows)


class TextNow(NamedTuple):
    """The text of a record as it stands, not parsed yet."""

    record_id: str
    state: RecordState
    text_hash: str
    json: bytes
    """The record, without its original row and the later times that it came."""


def texts_now(connection: Connection, record_ids: Sequence[str]) -> list[TextNow]:
    """The texts of some records as they stand, in the order of their ids; those that are not there are left out."""
    reader = parts_of(connection)
    texts = []
    for start in range(0, len(record_ids), _LOOKUP):
        query = with_part().where(record.c.id.in_(record_ids[start : start + _LOOKUP])).order_by(record.c.id)
        for row in connection.execute(query).mappings():
            if row["amended"] is not None:
                [stored] = stored_records(connection, [row])
                content = stored.now.model_dump_json(exclude_defaults=True, exclude={"original", "also"}).encode()
            elif row["final"] is not None or row["part_name"] is None:
                content = orjson.dumps(row["content"] if row["final"] is None else row["final"])
            else:
                content = reader.text(row["part_name"], row["part_row"]).partition(b"\n")[0]
            text_hash = row["final_hash"] or row["amended_hash"] or row["content_hash"]
            texts.append(TextNow(row["id"], RecordState(row["state"]), text_hash, content))
    return texts


def with_part() -> Select[Any]:
    """Rows of the table, each with the name of its part."""
    return select(record, part.c.name.label("part_name")).outerjoin(part, part.c.id == record.c.part_id)


def stored_records(connection: Connection, rows: Sequence[RowMapping]) -> list[StoredRecord]:
    """Rows of `with_part` as records, with every time that their content came again."""
    again = _arrivals(connection, [row["id"] for row in rows])
    contents = _contents(connection, rows)
    stored = []
    for row, content in zip(rows, contents, strict=True):
        if row["id"] in again:
            content = content.model_copy(update={"also": (*content.also, *again[row["id"]])})
        amendment = None if row["amended"] is None else Amendment.model_validate(row["amended"])
        if amendment is not None:
            content = amendment.applied(content)
        final = content if row["state"] == RecordState.ACCEPTED.value else None
        if row["final"] is not None:
            final = Record.model_validate(row["final"])
            final = final.model_copy(update={"original": content.original, "also": content.also})
            final = final if amendment is None else amendment.applied_beside(final)
        stored.append(
            StoredRecord(
                id=row["id"], project_id=row["project_id"], content_hash=row["content_hash"],
                state=RecordState(row["state"]), content=content, final=final, batch_id=row["batch_id"],
                parent_output_id=row["parent_output_id"],
                text_hash=row["final_hash"] or row["amended_hash"] or row["content_hash"],
            )
        )  # fmt: skip
    return stored


def _contents(connection: Connection, rows: Iterable[RowMapping]) -> list[Record]:
    """What came in, read from where each row says that it stands."""
    reader = parts_of(connection)
    return [
        Record.model_validate(row["content"])
        if row["part_name"] is None
        else reader.record(row["part_name"], row["part_row"])
        for row in rows
    ]


def _arrivals(connection: Connection, record_ids: Sequence[str]) -> dict[str, list[Arrival]]:
    """Every time that the contents of some records came again, by record."""
    again: dict[str, list[Arrival]] = {}
    columns = (arrival.c.record_id, arrival.c.content, arrival.c.part_row, part.c.name.label("part_name"))
    query = select(*columns).outerjoin(part, part.c.id == arrival.c.part_id).order_by(arrival.c.id)
    for start in range(0, len(record_ids), _LOOKUP):
        here = arrival.c.record_id.in_(record_ids[start : start + _LOOKUP])
        rows = connection.execute(query.where(here)).mappings().all()
        for row, content in zip(rows, _contents(connection, rows), strict=True):
            again.setdefault(row["record_id"], []).extend(content.arrivals)
    return again
