"""Contents: which contents a project holds, in the memory of an import.

One content is stored once in a project. An index over all hashes would see to that, but hashes come in no order, so an
import would write nearly every page of it again with every few thousand rows. The index is therefore a stack of small
ones: records whose keys follow each other are a run, and the index is over project, run and hash. A few thousand rows
change the pages of one run only; a look-up of single hashes visits every run. An import of many rows asks this memory
instead, of 20 bytes a record. Who adds a record locks the project and looks first, so no content comes twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    func,
    literal_column,
    select,
    type_coerce,
)

from curator.store.tables import ROW_ID_BYTES, RUN, record

HASH = 32
"""Bytes of a hash."""
_AT_A_TIME = 50_000
_LOOKUP = 500
"""Hashes per query; SQLite limits the number of bound values."""

RowIds = NDArray[np.bytes_]
"""Row ids (the first 128 bits of a content's hash), as an array of 16 bytes each."""
Keys = NDArray[np.int64]


class Known(NamedTuple):
    """What is known of some contents."""

    row_ids: RowIds
    keys: Keys
    """Of the records that hold them; 0 where none does."""
    is_new: NDArray[np.bool_]
    """Whether no record holds it, and it stands here for the first time."""


class Contents:
    """Keys of the records of a project by row id, as far as they were asked for."""

    def __init__(self, project_id: int, last_key: int) -> None:
        self._project_id = project_id
        self.last_key = last_key
        """The greatest key of the project that was looked at."""
        self._sorted: list[tuple[RowIds, Keys]] = []
        """Each sorted by row id; after `merge` at most half as long as the one before it."""

    @classmethod
    def every(cls, connection: Connection, project_id: int) -> Contents:
        """Every content of a project."""
        contents = cls(project_id, 0)
        for some in _stored(connection, record.c.project_id == project_id):
            contents.add(*some)
            contents.merge()
        return contents

    @classmethod
    def among(cls, connection: Connection, project_id: int, hashes: bytes) -> Contents:
        """Those contents of a project whose hashes are asked for.

        Args:
            connection: An open transaction.
            project_id: Of which project.
            hashes: 32 bytes each.
        """
        contents = cls(project_id, last_key(connection, project_id))
        wanted = [hashes[start : start + HASH].hex() for start in range(0, len(hashes), HASH)]
        for start in range(0, len(wanted), _LOOKUP):
            for some in _stored(connection, held_in(connection, project_id, wanted[start : start + _LOOKUP])):
                contents.add(*some)
        return contents

    def catch_up(self, connection: Connection) -> bool:
        """Take in what others have stored since the last look. Returns whether there was anything."""
        before = self.last_key
        for some in _stored(connection, (record.c.project_id == self._project_id) & (before < _KEY)):
            self.add(*some)
        return self.last_key > before

    def look_up(self, hashes: bytes) -> Known:
        """What is known of contents, from their hashes laid end to end."""
        ids = row_ids(hashes)
        keys = self.keys(ids)
        is_new = np.zeros(len(ids), bool)
        is_new[np.unique(ids, return_index=True)[1]] = True
        return Known(ids, keys, is_new & (keys == 0))

    def keys(self, row_ids: RowIds) -> Keys:
        """The key of the record that holds each content; 0 where none does."""
        keys = np.zeros(len(row_ids), np.int64)
        order = np.argsort(row_ids, kind="stable")
        asked = row_ids[order]
        for known, theirs in self._sorted:
            place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
            keys[order] = np.where(known[place] == asked, theirs[place], keys[order])
        return keys

    def add(self, row_ids: RowIds, keys: Keys) -> None:
        """Take in what was stored just now, none of which is known. Returns nothing."""
        if not len(row_ids):
            return
        self.last_key = max(self.last_key, int(keys.max()))
        self._sorted.append(_in_order(row_ids, keys))

    def merge(self) -> None:
        """Merge what was added, so that a look-up stays quick. It may take a while: not inside a transaction."""
        while len(self._sorted) > 1 and len(self._sorted[-2][0]) < 2 * len(self._sorted[-1][0]):
            (ids, keys), (more_ids, more_keys) = self._sorted.pop(), self._sorted.pop()
            self._sorted.append(_in_order(np.concatenate([ids, more_ids]), np.concatenate([keys, more_keys])))


def _stored(connection: Connection, wanted: ColumnElement[bool]) -> Iterator[tuple[RowIds, Keys]]:
    query = select(_KEY, _row_id(record.c.content_hash)).where(wanted).execution_options(yield_per=_AT_A_TIME)
    for some in connection.execute(query).partitions(_AT_A_TIME):
        keys, ids = zip(*some, strict=True)
        yield np.array(ids, f"S{ROW_ID_BYTES}"), np.array(keys, np.int64)


def _in_order(row_ids: RowIds, keys: Keys) -> tuple[RowIds, Keys]:
    order = np.argsort(row_ids, kind="stable")
    return row_ids[order], keys[order]


def row_ids(hashes: bytes) -> RowIds:
    """The row ids of contents, from their hashes laid end to end."""
    pairs = np.dtype([("row_id", f"S{ROW_ID_BYTES}"), ("rest", f"S{HASH - ROW_ID_BYTES}")])
    return np.ascontiguousarray(np.frombuffer(hashes, pairs)["row_id"])


def held_in(connection: Connection, project_id: int, hashes: Collection[str]) -> ColumnElement[bool]:
    """The condition that a record of a project holds one of some contents.

    They are looked up by themselves, whatever else a query asks for: SQLite would often choose another index.

    Args:
        connection: An open transaction.
        project_id: Of which project.
        hashes: 64 hex digits each; a few hundred at most.
    """
    held = record.alias("held")
    runs = range(last_key(connection, project_id) // RUN + 1)
    run = type_coerce(held.c.id, Integer).op("/")(literal_column(str(RUN)))
    wanted = [bytes.fromhex(each)[:ROW_ID_BYTES] for each in hashes]
    here = (held.c.project_id == project_id) & run.in_(runs) & _row_id(held.c.content_hash).in_(wanted)
    return record.c.id.in_(select(held.c.id).where(here))


def _row_id(content_hash: ColumnElement[Any]) -> ColumnElement[bytes]:
    return func.substr(content_hash, literal_column("1"), literal_column(str(ROW_ID_BYTES)), type_=LargeBinary)


def last_key(connection: Connection, project_id: int) -> int:
    """The greatest key of a record of a project; 0 where it has none."""
    return connection.execute(select(func.max(_KEY)).where(record.c.project_id == project_id)).scalar() or 0


_KEY: ColumnElement[int] = type_coerce(record.c.id, Integer)
