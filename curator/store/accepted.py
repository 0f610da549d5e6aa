"""Accepted records as a freeze reads them: where their texts stand, not the texts, so that a million fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, func, select, type_coerce

from curator.store.records import StoredRecord, stored_records, with_part
from curator.store.tables import arrival, part, record
from schemas.annotation import RecordState
from schemas.record import Record

_STREAMED = 1_000


class Places(NamedTuple):
    """Rows of parts that hold accepted records as they came in, and every later time that their content came."""

    parts: dict[int, tuple[str, str]]
    """Name and sha256 of each part by its id."""
    records: NDArray[np.int64]
    """Key, part and row of each record that nobody changed, (N, 3), by part and row."""
    arrivals: NDArray[np.int64]
    """Key of the record, part and row of each later arrival, (A, 3), by part and row."""


def places(connection: Connection, project_id: int) -> Places:
    """Where the texts of a project's accepted records stand, but for those that `edited` reads."""
    known = connection.execute(select(part.c.id, part.c.name, part.c.sha256))
    key = type_coerce(record.c.id, Integer)
    unedited = (*_accepted(project_id), *_as_it_came())
    records = select(key, record.c.part_id, record.c.part_row).where(*unedited)
    again = select(key, arrival.c.part_id, arrival.c.part_row).join(arrival, arrival.c.record_id == record.c.id)
    again = again.where(*unedited, arrival.c.part_id.is_not(None))
    return Places(
        {row.id: (row.name, row.sha256) for row in known},
        _by_place(connection, records),
        _by_place(connection, again),
    )


def _by_place(connection: Connection, query: Select[tuple[int, int | None, int | None]]) -> NDArray[np.int64]:
    statement = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    with closing(connection.connection.cursor()) as cursor:  # of the driver: a million rows in a fifth of the time
        cursor.execute(statement)
        rows: Any = cursor
        numbers = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 3)
    return numbers[np.lexsort((numbers[:, 2], numbers[:, 1]))]


def edited(connection: Connection, project_id: int) -> Iterator[StoredRecord]:
    """Every accepted record of a project that a person changed or whose text stands in the database, streamed."""
    query = with_part().where(*_accepted(project_id), ~and_(*_as_it_came()))
    rows = connection.execute(query.order_by(record.c.id).execution_options(yield_per=_STREAMED))
    for some in rows.mappings().partitions(_STREAMED):
        yield from stored_records(connection, some)


def count_edited(connection: Connection, project_id: int) -> int:
    """How many records `edited` reads."""
    query = select(func.count()).select_from(record)
    query = query.where(*_accepted(project_id), ~and_(*_as_it_came()))
    return int(connection.execute(query).scalar_one())


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
