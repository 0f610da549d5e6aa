"""Near duplicates as they are stored: each search, and which record stands for which.

Membership is a fact about two texts, and holds only while both are the records' texts. To filter records by it:

    select(record.c.id).where(record.c.id.in_(in_cluster(search_id)))
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from curator.errors import NotFoundError
from curator.store import tallies
from curator.store.facts import text_hash
from curator.store.slots import NOBODY
from curator.store.tables import annotation, duplicate, duplicate_search, part, record, slot
from schemas.annotation import RecordState
from schemas.duplicate import DuplicateCluster, DuplicateKind, DuplicateMember, DuplicateReport, KeepRule
from schemas.tally import records_in

COMPARED = (
    RecordState.WAITING, RecordState.ACCEPTED, RecordState.FLAGGED, RecordState.CONFLICT, RecordState.GOLD,
)  # fmt: skip
"""States of the records that are compared: what was rejected stands for no other record."""
_REMOVABLE = tuple(state.value for state in COMPARED if state is not RecordState.GOLD)
_FETCHED = 20_000
_LOOKUP = 500


class Compared(NamedTuple):
    """The N records of a project that are compared: those whose texts the database holds, then by part and row."""

    ids: NDArray[np.int64]
    hashes: NDArray[np.bytes_]
    """Of each text, (N,) of 32 bytes; NumPy drops zeros at the end, which no order or equality minds."""
    parts: NDArray[np.int64]
    """Id of the part that holds the text as it stands, -1 where the database holds it, (N,)."""
    rows: NDArray[np.int64]
    is_gold: NDArray[np.bool_]
    is_human: NDArray[np.bool_]
    """Whether a person answered, edited or made it."""
    ratings: NDArray[np.int64]
    """Highest that stands, 0 for none."""
    files: dict[int, tuple[str, str]]
    """Name and sha256 of each part."""


def compared(connection: Connection, project_id: int) -> Compared:
    """Where the texts of all records stand that are compared, and what decides which of two is kept."""
    key = type_coerce(record.c.id, Integer)
    columns = (
        key, type_coerce(text_hash(), LargeBinary), record.c.part_id, record.c.part_row,
        record.c.final.is_(None) & record.c.amended.is_(None), record.c.state, record.c.parent_output_id.is_not(None),
    )  # fmt: skip
    here = (record.c.project_id == project_id) & record.c.deleted_at.is_(None)
    here &= record.c.state.in_([state.value for state in COMPARED])
    query = select(*columns).where(here)
    rows: list[tuple[int, int, int, bool, bool]] = []
    hashes: list[bytes] = []
    for some in connection.execute(query.execution_options(yield_per=_FETCHED)).partitions(_FETCHED):
        for id, digest, part_id, row, is_unedited, state, is_made in some:
            is_in_part = part_id is not None and is_unedited
            rows.append(
                (id, part_id if is_in_part else -1, row if is_in_part else -1, state == RecordState.GOLD.value,
                 is_made or not is_unedited)
            )  # fmt: skip
            hashes.append(bytes(digest))
    table, digests = np.array(rows, np.int64).reshape(-1, 5), np.array(hashes, "S32")
    order = np.lexsort((table[:, 0], table[:, 2], table[:, 1]))
    table, digests = table[order], digests[order]
    ratings, answered = _answers(connection, project_id)
    human = (table[:, 4] == 1) | np.isin(table[:, 0], answered)
    rated = np.array([ratings.get(id, 0) for id in table[:, 0].tolist()], np.int64)
    files = {
        row.id: (row.name, row.sha256) for row in connection.execute(select(part.c.id, part.c.name, part.c.sha256))
    }
    return Compared(table[:, 0], digests, table[:, 1], table[:, 2], table[:, 3] == 1, human, rated, files)


def _answers(connection: Connection, project_id: int) -> tuple[dict[int, int], list[int]]:
    """Highest standing rating by record, and the records that were answered."""
    key = type_coerce(annotation.c.record_id, Integer)
    query = select(key, func.max(annotation.c.answer["rating"].as_integer()))
    query = query.join(record, record.c.id == annotation.c.record_id)
    query = query.where(record.c.project_id == project_id, annotation.c.undone.is_(False)).group_by(key)
    rows = connection.execute(query).all()
    return {id: rating for id, rating in rows if rating is not None}, [id for id, _ in rows]


def begin(
    connection: Connection,
    project_id: int,
    *,
    kind: DuplicateKind,
    keep: KeepRule,
    least: float,
    records: int,
    actor: str,
    at: datetime,
) -> int:
    """Store a search that no page shows yet. Returns its id."""
    values = {
        "project_id": project_id, "kind": kind.value, "keep": keep.value, "least": least, "records": records,
        "actor": actor, "at": at,
    }  # fmt: skip
    query = insert(duplicate_search).values(values).returning(duplicate_search.c.id)
    return int(connection.execute(query).scalar_one())


class Membership(NamedTuple):
    """A record of a cluster, to be stored."""

    record_id: str
    text_hash: bytes
    kept_id: str
    similarity: float
    other_similarity: float | None
    size: int
    """Of a kept record: how many others are in its cluster; else 0."""


def add(connection: Connection, search_id: int, members: Sequence[Membership]) -> None:
    """Store records of clusters. Returns nothing."""
    if members:
        connection.execute(insert(duplicate), [{"search_id": search_id, **each._asdict()} for each in members])


def finish(connection: Connection, search_id: int, *, clusters: int, members: int, largest: int) -> None:
    """Show a search in the place of the one before it. Returns nothing."""
    values = {"is_complete": True, "clusters": clusters, "members": members, "largest": largest}
    connection.execute(update(duplicate_search).where(duplicate_search.c.id == search_id).values(values))


def outdated(connection: Connection, project_id: int, kind: DuplicateKind, *, before: int | None = None) -> list[int]:
    """Searches that a newer one replaces, or that came to no end; those that set records aside stay, to be undone."""
    here = (duplicate_search.c.project_id == project_id) & (duplicate_search.c.kind == kind.value)
    standing = duplicate_search.c.applied_at.is_not(None) & duplicate_search.c.undone_at.is_(None)
    here &= ~standing & (duplicate_search.c.id < before if before else duplicate_search.c.is_complete.is_(False))
    return list(connection.execute(select(duplicate_search.c.id).where(here)).scalars())


def remove_some(connection: Connection, search_id: int, limit: int) -> bool:
    """Remove records of a search, and at last the search. Returns whether it is gone."""
    some = select(duplicate.c.record_id).where(duplicate.c.search_id == search_id).limit(limit)
    ids = list(connection.execute(some).scalars())
    for start in range(0, len(ids), _LOOKUP):
        here = (duplicate.c.search_id == search_id) & duplicate.c.record_id.in_(ids[start : start + _LOOKUP])
        connection.execute(delete(duplicate).where(here))
    if len(ids) < limit:
        connection.execute(delete(duplicate_search).where(duplicate_search.c.id == search_id))
        return True
    return False


def latest(connection: Connection, project_id: int, kind: DuplicateKind) -> DuplicateReport | None:
    """The newest complete search of a kind, if there is one."""
    query = _searches().where(duplicate_search.c.project_id == project_id, duplicate_search.c.kind == kind.value)
    row = connection.execute(query.order_by(duplicate_search.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else _report(connection, row)


def get(connection: Connection, search_id: int) -> DuplicateReport:
    """A complete search.

    Raises:
        NotFoundError: There is none with this id.
    """
    row = connection.execute(_searches().where(duplicate_search.c.id == search_id)).mappings().first()
    if row is None:
        raise NotFoundError(
            f"There is no search {search_id} for duplicates.", hint="A newer one has replaced it; look again."
        )
    return _report(connection, row)


def applied(connection: Connection, project_id: int) -> list[DuplicateReport]:
    """Searches whose duplicates are set aside now, newest first."""
    query = _searches().where(
        duplicate_search.c.project_id == project_id, duplicate_search.c.applied_at.is_not(None),
        duplicate_search.c.undone_at.is_(None),
    )  # fmt: skip
    rows = connection.execute(query.order_by(duplicate_search.c.id.desc())).mappings().all()
    return [_report(connection, row) for row in rows]


def _searches() -> Select[Any]:
    return select(duplicate_search).where(duplicate_search.c.is_complete)


def _report(connection: Connection, row: Any) -> DuplicateReport:
    removed = 0
    if row["applied_at"] is not None:
        query = select(func.count()).where(duplicate.c.search_id == row["id"], duplicate.c.state_before.is_not(None))
        removed = connection.execute(query).scalar_one()
    return DuplicateReport(**{name: value for name, value in row.items() if name != "is_complete"}, removed=removed)


def in_cluster(search_id: int) -> Select[tuple[str]]:
    """Ids of the records that are in a cluster of a search, as their texts stand; the kept ones too."""
    query = select(duplicate.c.record_id).join(record, record.c.id == duplicate.c.record_id)
    return query.where(duplicate.c.search_id == search_id, duplicate.c.text_hash == text_hash())


def clusters(
    connection: Connection, search_id: int, *, after: tuple[int, str] | None = None, limit: int = 10
) -> list[DuplicateCluster]:
    """The next clusters, the largest first, behind one of this size with this kept record."""
    here = (duplicate.c.search_id == search_id) & (duplicate.c.size > 0)
    if after is not None:
        size, kept_id = after
        here &= or_(duplicate.c.size < size, and_(duplicate.c.size == size, duplicate.c.record_id > kept_id))
    query = select(duplicate.c.record_id, duplicate.c.size).where(here)
    query = query.order_by(duplicate.c.size.desc(), duplicate.c.record_id).limit(limit)
    return [DuplicateCluster(kept_id=row.record_id, members=row.size) for row in connection.execute(query)]


def members(
    connection: Connection, search_id: int, kept_id: str, *, after: str = "", limit: int = 10
) -> list[DuplicateMember]:
    """The next members of a cluster behind a record, ordered by id; the kept record itself is none."""
    query = _members(search_id).where(
        duplicate.c.kept_id == kept_id, duplicate.c.record_id != kept_id, duplicate.c.record_id > after
    )
    return [_member(row) for row in connection.execute(query.order_by(duplicate.c.record_id).limit(limit)).mappings()]


def why(connection: Connection, record_id: str) -> DuplicateMember | None:
    """Why a record is set aside as a duplicate, if it is: the one kept for it, and how alike they are."""
    query = _members().join(duplicate_search, duplicate_search.c.id == duplicate.c.search_id)
    query = query.where(duplicate.c.record_id == record_id, duplicate.c.state_before.is_not(None))
    row = connection.execute(query.order_by(duplicate.c.search_id.desc()).limit(1)).mappings().first()
    return None if row is None else _member(row)


_KEPT = record.alias("kept")
_KEPT_ROW = duplicate.alias("kept_row")


def _members(search_id: int | None = None) -> Select[Any]:
    """Rows of records in clusters, with both records as they stand."""
    hashes = (_KEPT.c.final_hash, _KEPT.c.amended_hash, _KEPT.c.content_hash)
    kept_hash = func.coalesce(*hashes, type_=_KEPT.c.content_hash.type)
    is_current = (duplicate.c.text_hash == text_hash()) & (_KEPT_ROW.c.text_hash == kept_hash)
    query = select(duplicate, record.c.state, is_current.label("is_current"))
    query = query.join(record, record.c.id == duplicate.c.record_id).join(_KEPT, _KEPT.c.id == duplicate.c.kept_id)
    same_search = _KEPT_ROW.c.search_id == duplicate.c.search_id
    query = query.join(_KEPT_ROW, same_search & (_KEPT_ROW.c.record_id == duplicate.c.kept_id))
    return query if search_id is None else query.where(duplicate.c.search_id == search_id)


def _member(row: Any) -> DuplicateMember:
    return DuplicateMember(
        record_id=row["record_id"], kept_id=row["kept_id"], similarity=row["similarity"],
        other_similarity=row["other_similarity"], is_current=bool(row["is_current"]), state=RecordState(row["state"]),
        is_removed=row["state_before"] is not None,
    )  # fmt: skip


class Changed(NamedTuple):
    """One step of setting aside or putting back."""

    last: str | None
    """Id of the last record that was looked at; None when none was left."""
    looked_at: int
    changed: int


def mark_applied(connection: Connection, search_id: int, *, actor: str, at: datetime) -> None:
    """Note that the duplicates of a search are being set aside. Returns nothing."""
    values = {"applied_by": actor, "applied_at": at, "undone_by": None, "undone_at": None}
    connection.execute(update(duplicate_search).where(duplicate_search.c.id == search_id).values(values))


def mark_undone(connection: Connection, search_id: int, *, actor: str, at: datetime) -> None:
    """Note that the duplicates of a search are put back. Returns nothing."""
    values = {"undone_by": actor, "undone_at": at}
    connection.execute(update(duplicate_search).where(duplicate_search.c.id == search_id).values(values))


def set_aside(connection: Connection, search: DuplicateReport, *, after: str, limit: int) -> Changed:
    """Reject the next duplicates of a search and take them out of the queue. Returns how far it came.

    One stays as it is when it or the record kept for it has changed, was rejected or deleted, or when an annotator
    holds it.
    """
    query = _members(search.id).where(duplicate.c.record_id > after, duplicate.c.record_id != duplicate.c.kept_id)
    kept_stands = _KEPT.c.deleted_at.is_(None) & _KEPT.c.state.in_([state.value for state in COMPARED])
    is_held = exists().where(slot.c.record_id == record.c.id, slot.c.state == "held")
    may_go = kept_stands & record.c.deleted_at.is_(None) & record.c.state.in_(_REMOVABLE) & ~is_held
    rows = connection.execute(
        query.add_columns(may_go.label("may_go"))
        .order_by(duplicate.c.record_id)
        .limit(limit)
        .with_for_update(of=record)
    ).all()
    going = [row for row in rows if row.may_go and row.is_current]
    for state in sorted({row.state for row in going}):
        ids = [row.record_id for row in going if row.state == state]
        for some in _parts(ids):
            connection.execute(update(record).where(record.c.id.in_(some)).values(state=RecordState.REJECTED.value))
            connection.execute(update(duplicate).where(_of(search.id, some)).values(state_before=state))
            open_slots = slot.c.record_id.in_(some) & (slot.c.state == "open")
            connection.execute(update(slot).where(open_slots).values(**NOBODY, state="withdrawn"))
        _count(connection, search.project_id, RecordState(state), RecordState.REJECTED, len(ids))
    return Changed(rows[-1].record_id if rows else None, len(rows), len(going))


def put_back(connection: Connection, search: DuplicateReport, *, after: str, limit: int) -> Changed:
    """Give the next duplicates that a search set aside the state that they had. Returns how far it came.

    One that a person has moved since stays where it is.
    """
    query = _members(search.id).where(duplicate.c.record_id > after, duplicate.c.state_before.is_not(None))
    stands = record.c.deleted_at.is_(None) & (record.c.state == RecordState.REJECTED.value)
    rows = connection.execute(
        query.add_columns(stands.label("may_return")).order_by(duplicate.c.record_id).limit(limit)
        .with_for_update(of=record)
    ).all()  # fmt: skip
    returning = [row for row in rows if row.may_return]
    for state in sorted({row.state_before for row in returning}):
        ids = [row.record_id for row in returning if row.state_before == state]
        for some in _parts(ids):
            connection.execute(update(record).where(record.c.id.in_(some)).values(state=state))
            if state == RecordState.WAITING.value:
                withdrawn = slot.c.record_id.in_(some) & (slot.c.state == "withdrawn")
                connection.execute(update(slot).where(withdrawn).values(**NOBODY, state="open"))
        _count(connection, search.project_id, RecordState.REJECTED, RecordState(state), len(ids))
    for some in _parts([row.record_id for row in rows]):
        connection.execute(update(duplicate).where(_of(search.id, some)).values(state_before=None))
    return Changed(rows[-1].record_id if rows else None, len(rows), len(returning))


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _LOOKUP] for start in range(0, len(ids), _LOOKUP)]


def _of(search_id: int, record_ids: Sequence[str]) -> ColumnElement[bool]:
    return (duplicate.c.search_id == search_id) & duplicate.c.record_id.in_(record_ids)


def _count(connection: Connection, project_id: int, before: RecordState, after: RecordState, n: int) -> None:
    tallies.add(connection, project_id, {records_in(before): -n, records_in(after): n})
