"""Gathering: accepted records leave the live state as candidates, in files that are sorted later.

Parts are read by several processes. Each writes its candidates beside the version to be, divided by the beginning of
their hash into ranges, so that a range of any size of version fits in memory when it is sorted. Only the keys that
splits are made from come back.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curator.pool import Pool
from curator.quality.contamination import Firewall
from curator.quality.sorting import words_of
from curator.store import Connection, accepted, parts
from curator.store.records import StoredRecord
from curator.versions import candidates
from curator.versions.candidates import Candidates
from schemas.record import Record

_ROWS_PER_RANGE = 16_384
_BYTES_PER_RANGE = 8 * 2**20
"""Of compressed text."""
_MOST_BITS = 8
_BATCH = 4_000


class Ranges(NamedTuple):
    """How candidates are divided by the first bits of their hash, and where they are kept."""

    folder: Path
    bits: int

    def file(self, batch: int) -> Path:
        """Where the candidates of a batch are, one Arrow batch per range."""
        return self.folder / f"candidates-{batch:06d}.arrow"

    def keys_file(self, batch: int) -> Path:
        """Where their keys are."""
        return self.folder / f"keys-{batch:06d}.arrow"

    def read(self, number: int) -> pa.Table:
        """Every candidate of a range."""
        batches = []
        for file in sorted(self.folder.glob("candidates-*.arrow")):
            with pa.memory_map(str(file)) as stream:
                batches.append(pa.ipc.open_file(stream).get_batch(number))
        return pa.Table.from_batches(batches, schema=candidates.COLUMNS).combine_chunks()

    def instruction(self, digest: bytes) -> str:
        """The instruction of the content with this hash."""
        number = int.from_bytes(digest[:8], "big") >> (64 - self.bits)
        table = self.read(number)
        return str(
            table.filter(pc.equal(table.column("hash"), pa.scalar(digest, pa.binary(32)))).column("instruction")[0]
        )

    def read_keys(self) -> pa.Table:
        """The keys of all candidates, in the order of the batches."""
        tables = []
        for file in sorted(self.folder.glob("keys-*.arrow")):
            with pa.OSFile(str(file)) as stream:
                tables.append(pa.ipc.open_file(stream).read_all())
        return pa.concat_tables(tables) if tables else candidates.KEYS.empty_table()


def ranges_for(folder: Path, *, rows: int, size: int) -> Ranges:
    """Ranges that fit in memory, for so many candidates with so many bytes of compressed text."""
    wanted = max(rows / _ROWS_PER_RANGE, size / _BYTES_PER_RANGE)
    bits = 0
    while 1 << bits < wanted and bits < _MOST_BITS:
        bits += 1
    return Ranges(folder, bits)


class Wanted(NamedTuple):
    """Candidates that stand in parts, (W,) each."""

    parts: NDArray[np.int64]
    rows: NDArray[np.int64]
    ids: NDArray[np.uint64]
    """See `carried.candidate_ids`."""


class _Task(NamedTuple):
    batch: int
    part: Path
    rows: NDArray[np.int64]
    """Of the part."""
    ids: NDArray[np.uint64]
    """Of the candidates."""
    ranges: Ranges
    firewall: Firewall
    salt: str


def gather_parts(
    wanted: Wanted, names: Mapping[int, str], ranges: Ranges, pool: Pool, *, firewall: Firewall, salt: str
) -> list[int]:
    """Write candidates that stand in parts. Returns the ids of those that hold a test prompt and are left out.

    Args:
        wanted: Which.
        names: File of each part.
        ranges: Where they go; what is there already stays.
        pool: Reads the parts.
        firewall: Test prompts.
        salt: See `Candidates.keys`.
    """
    first = len(list(ranges.folder.glob("keys-*.arrow")))
    order = np.lexsort((wanted.rows, wanted.parts))
    parts_of, rows, ids = wanted.parts[order], wanted.rows[order], wanted.ids[order]
    starts = np.flatnonzero(np.diff(parts_of, prepend=-1))
    pieces = [slice(*each) for each in pairwise([*starts.tolist(), len(rows)])]
    tasks = (
        _Task(n, Path(names[int(parts_of[piece.start])]), rows[piece], ids[piece], ranges, firewall, salt)
        for n, piece in enumerate(pieces, first)
    )
    refused: list[int] = []
    for piece, positions in zip(pieces, pool.each(_gather_part, tasks), strict=True):
        refused += [int(ids[piece.start + n]) for n in positions]
    return refused


def _gather_part(task: _Task) -> list[int]:
    """Write the candidates of rows of a part. Returns the positions of those that hold a test prompt."""
    gc.disable()  # rows form no circles; looking for some in every thousand of them takes time
    try:
        gathered = Candidates(task.firewall)
        texts = parts.texts(task.part, task.rows)
        numbered = enumerate(zip(texts, task.ids.tolist(), strict=True))
        refused = [n for n, ((digest, text), id_) in numbered if not gathered.add_text(text, digest, id=id_)]
        write(gathered, task.ranges, batch=task.batch, salt=task.salt)
        return refused
    finally:
        gc.enable()
        pa.default_memory_pool().release_unused()


class InDatabase(NamedTuple):
    """What was gathered of the records whose accepted text stands in the database."""

    batches: int
    records: int
    refused: list[str]
    """Ids of records that hold a test prompt and are left out."""


def gather_in_database(
    connection: Connection, project_id: int, ranges: Ranges, *, firewall: Firewall, salt: str
) -> InDatabase:
    """Write the candidates of the records that do not stand in a part as accepted. Returns what there was."""
    batches = count = 0
    refused: list[str] = []
    pending: Iterator[StoredRecord | Record] = chain(
        accepted.edited(connection, project_id), accepted.written_arrivals(connection, project_id)
    )
    while some := list(islice(pending, _BATCH)):
        gathered = Candidates(firewall)
        for each in some:
            if isinstance(each, Record):
                gathered.add_record(each)
                continue
            count += 1
            if not gathered.add_edited(each.final or each.content, imported=bytes.fromhex(each.content_hash)):
                refused.append(each.id)
        write(gathered, ranges, batch=batches, salt=salt)
        batches += 1
    return InDatabase(batches, count, refused)


def write(gathered: Candidates, ranges: Ranges, *, batch: int, salt: str) -> None:
    """Write candidates, divided into ranges, and their keys."""
    table = gathered.table().combine_chunks()
    number = _range_numbers(table.column("hash"), ranges.bits)
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number, minlength=1 << ranges.bits))
    divided = table.take(pa.array(order)).combine_chunks()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        pa.OSFile(str(ranges.file(batch)), "wb") as stream,
        pa.ipc.new_file(stream, table.schema, options=options) as out,
    ):
        for start, end in zip([0, *ends], ends, strict=False):
            some = divided.slice(start, end - start).to_batches()
            out.write_batch(some[0] if some else pa.RecordBatch.from_pylist([], schema=table.schema))
    keys = gathered.keys(salt)
    with pa.OSFile(str(ranges.keys_file(batch)), "wb") as stream, pa.ipc.new_file(stream, keys.schema) as out:
        out.write_table(keys)


def _range_numbers(hashes: pa.ChunkedArray, bits: int) -> NDArray[np.int64]:
    if not bits or not len(hashes):
        return np.zeros(len(hashes), np.int64)
    return (hash_words(hashes)[:, 0] >> np.uint64(64 - bits)).astype(np.int64)


def hash_words(hashes: pa.ChunkedArray | pa.Array) -> NDArray[np.uint64]:
    """A column of hashes without nulls as numbers, (N, 4), see `sorting.words_of`."""
    chunks = hashes.chunks if isinstance(hashes, pa.ChunkedArray) else [hashes]
    return words_of(b"".join(map(_fixed_bytes, chunks)))


def _fixed_bytes(hashes: pa.Array) -> memoryview:
    if not len(hashes):
        return memoryview(b"")
    size = 32
    return memoryview(hashes.buffers()[1])[hashes.offset * size : (hashes.offset + len(hashes)) * size]
