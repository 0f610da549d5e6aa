"""Accepted records as a freeze reads them: where their texts stand, not the texts, so that a million fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, case, select, type_coerce

from curator.store.records import StoredRecord, stored_records, with_part
from curator.store.tables import arrival, part, record
from schemas.annotation import RecordState
from schemas.record import Record

_STREAMED = 1_000
_LOOKUP = 500
"""Keys per query; SQLite limits the number of bound values."""


class Places(NamedTuple):
    """Rows of parts that hold accepted records as they came in, and every later time that their content came."""

    parts: dict[int, tuple[str, str]]
    """Name and sha256 of each part by its id."""
    records: NDArray[np.int64]
    """Key, part and row of each record that nobody changed, (N, 3), by part and row."""
    arrivals: NDArray[np.int64]
    """Key of the record, part and row of each later arrival, (A, 3), by part and row."""
    edited: NDArray[np.int64]
    """Keys of the records that a person changed or whose text stands in the database, ascending, (E,)."""


def places(connection: Connection, project_id: int) -> Places:
    """Where the texts of a project's accepted records stand."""
    known = connection.execute(select(part.c.id, part.c.name, part.c.sha256))
    key = type_coerce(record.c.id, Integer)
    is_in_part = and_(*_as_it_came())
    place = (case((is_in_part, record.c.part_id), else_=-1), case((is_in_part, record.c.part_row), else_=-1))
    records = _numbers(connection, select(key, *place).where(*_accepted(project_id)))
    again = select(key, arrival.c.part_id, arrival.c.part_row).join(arrival, arrival.c.record_id == record.c.id)
    again = again.where(*_accepted(project_id), is_in_part, arrival.c.part_id.is_not(None))
    return Places(
        {row.id: (row.name, row.sha256) for row in known},
        _by_place(records[records[:, 1] >= 0]),
        _by_place(_numbers(connection, again)),
        np.sort(records[records[:, 1] < 0, 0]),
    )


def _numbers(connection: Connection, query: Select[tuple[int, int | None, int | None]]) -> NDArray[np.int64]:
    """Rows of three numbers, (N, 3)."""
    statement = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    with closing(connection.connection.cursor()) as cursor:  # of the driver: a million rows in a fifth of the time
        cursor.execute(statement)
        rows: Any = cursor
        return np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 3)


def _by_place(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    is_sorted = (np.diff(numbers[:, 1]) > 0) | ((np.diff(numbers[:, 1]) == 0) & (np.diff(numbers[:, 2]) >= 0))
    return numbers if is_sorted.all() else numbers[np.lexsort((numbers[:, 2], numbers[:, 1]))]


def edited(connection: Connection, keys: NDArray[np.int64]) -> Iterator[StoredRecord]:
    """The records with some keys, in their order, streamed."""
    for start in range(0, len(keys), _LOOKUP):
        some = record.c.id.in_(keys[start : start + _LOOKUP].tolist())
        yield from stored_records(
            connection, connection.execute(with_part().where(some).order_by(record.c.id)).mappings().all()
        )


def written_arrivals(connection: Connection, project_id: int) -> Iterator[Record]:
    """Contents that came again and stand in the database, of the records that `places` names, as they came."""
    query = select(arrival.c.content).join(record, record.c.id == arrival.c.record_id)
    query = query.where(*_accepted(project_id), *_as_it_came(), arrival.c.content.is_not(None))
    for content in connection.execute(query.execution_options(yield_per=_STREAMED)).scalars():
        yield Record.model_validate(content)


def _as_it_came() -> tuple[ColumnElement[bool], ...]:
    """Neither an annotator nor a lead changed it, and its text stands in a part."""
    return record.c.final.is_(None), record.c.amended.is_(None), record.c.part_id.is_not(None)


def _accepted(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        record.c.project_id == project_id,
        record.c.state == RecordState.ACCEPTED.value,
        record.c.deleted_at.is_(None),
    )
