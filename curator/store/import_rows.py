"""What an import brought: new records, and contents that were known and came again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Integer, LargeBinary, select, type_coerce, union

from curator.store.engine import parts_of
from curator.store.tables import arrival, part, record
from schemas.record import Record


class ImportRows(NamedTuple):
    """The contents that an import brought and that are not deleted, N of them, in the order of their hashes."""

    ids: NDArray[np.int64]
    """Of their records, (N,)."""
    hashes: NDArray[np.bytes_]
    """Of their contents, (N,) of 32 bytes."""
    prompts: NDArray[np.bytes_]
    """Hashes of their prompts, (N,)."""

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> ImportRows:
        """Some of them."""
        return ImportRows(self.ids[which], self.hashes[which], self.prompts[which])


_STREAMED = 10_000
_BOUND = 500


def rows_of(connection: Connection, batch_id: int) -> ImportRows:
    """What an import brought; a content that it brought twice is one row."""
    columns = (
        type_coerce(record.c.id, Integer),
        type_coerce(record.c.content_hash, LargeBinary),
        type_coerce(record.c.prompt_hash, LargeBinary),
    )
    first = select(*columns).where(record.c.batch_id == batch_id, record.c.deleted_at.is_(None))
    again = select(*columns).join(arrival, arrival.c.record_id == record.c.id)
    again = again.where(arrival.c.batch_id == batch_id, record.c.deleted_at.is_(None))
    ids: list[int] = []
    hashes: list[bytes] = []
    prompts: list[bytes] = []
    rows = connection.execute(union(first, again).execution_options(yield_per=_STREAMED))
    for some in rows.partitions(_STREAMED):
        ids += [row[0] for row in some]
        hashes += [bytes(row[1]) for row in some]
        prompts += [bytes(row[2]) for row in some]
    brought = ImportRows(np.array(ids, np.int64), np.array(hashes, "S32"), np.array(prompts, "S32"))
    return brought.take(np.argsort(brought.hashes, kind="stable"))


def as_brought(connection: Connection, batch_id: int, record_ids: Iterable[int]) -> Iterator[tuple[int, Record]]:
    """Some contents as an import brought them, each with the id of its record, read file by file.

    What another import said about the same content is not part of it.
    """
    reader = parts_of(connection)
    wanted = sorted(record_ids)
    for start in range(0, len(wanted), _BOUND):
        some = [str(id) for id in wanted[start : start + _BOUND]]
        seen: set[int] = set()
        for table, key in ((record, record.c.id), (arrival, arrival.c.record_id)):
            query = select(
                type_coerce(key, Integer).label("id"), table.c.content, table.c.part_row, part.c.name
            ).outerjoin(part, part.c.id == table.c.part_id)
            query = query.where(table.c.batch_id == batch_id, key.in_(some))
            for row in connection.execute(query.order_by(table.c.part_id, table.c.part_row, table.c.id)).all():
                if row.id in seen:
                    continue
                seen.add(row.id)
                in_database = row.name is None
                yield (
                    row.id,
                    Record.model_validate(row.content) if in_database else reader.record(row.name, row.part_row),
                )
