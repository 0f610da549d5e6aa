"""Gathering: accepted records leave the live state as candidates, in files that are sorted later.

Parts are read by several processes. Each writes its candidates beside the version to be, divided by the beginning of
their hash into ranges, so that a range of any size of version fits in memory when it is sorted. Only the keys that
splits are made from come back.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curator.memory import give_back
from curator.pool import Pool
from curator.quality.contamination import Firewall
from curator.quality.sorting import words_of
from curator.store import Connection, accepted, parts
from curator.store.records import StoredRecord
from curator.versions import candidates, files
from curator.versions.candidates import Candidates
from schemas.record import Record

_ROWS_PER_RANGE = 32_768
_BYTES_PER_RANGE = 16 * 2**20
"""Of compressed text."""
_MOST_BITS = 8
_BATCH = 4_000
_AT_ONCE = 16_384
"""Rows of parts that become one file of candidates: fewer, and it falls into tiny pieces; more take more memory."""


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
        [values, *_] = table.filter(pc.equal(table.column("hash"), pa.scalar(digest, pa.binary(32)))).to_pylist()
        return files.content_of(values).instruction

    def read_keys(self) -> Keys:
        """The keys of all candidates, in the order of the batches."""
        return Keys(sorted(self.folder.glob("keys-*.arrow")))


class Keys:
    """Columns of `candidates.KEYS`, read when they are asked for: all of them at once take much memory."""

    def __init__(self, stored: list[Path]) -> None:
        """Remember the files."""
        self._files = stored

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of all files, one behind the other."""
        chunks: list[pa.Array] = []
        for file in self._files:
            with pa.memory_map(str(file)) as stream:  # of which only the column is ever touched
                chunks += pa.ipc.open_file(stream).read_all().column(name).chunks
        return pa.chunked_array(chunks, candidates.KEYS.field(name).type)


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


class _Piece(NamedTuple):
    """Some rows of a part."""

    part: Path
    sha256: str
    rows: NDArray[np.int64]
    ids: NDArray[np.uint64]
    """Of the candidates."""


class _Task(NamedTuple):
    batch: int
    pieces: list[_Piece]
    ranges: Ranges
    firewall: Firewall
    salt: str


def gather_parts(
    wanted: Wanted, parts: Mapping[int, tuple[Path, str]], ranges: Ranges, pool: Pool, *, firewall: Firewall, salt: str
) -> list[int]:
    """Write candidates that stand in parts. Returns the ids of those that hold a test prompt and are left out.

    Args:
        wanted: Which.
        parts: File and sha256 of each part.
        ranges: Where they go; what is there already stays.
        pool: Reads the parts.
        firewall: Test prompts.
        salt: See `Candidates.keys`.
    """
    first = len(list(ranges.folder.glob("keys-*.arrow")))
    order = np.lexsort((wanted.rows, wanted.parts))
    parts_of, rows, ids = wanted.parts[order], wanted.rows[order], wanted.ids[order]
    starts = np.flatnonzero(np.diff(parts_of, prepend=-1))
    pieces = [
        _Piece(*parts[int(parts_of[start])], rows[start:end], ids[start:end])
        for start, end in pairwise([*starts.tolist(), len(rows)])
    ]
    tasks = (_Task(n, some, ranges, firewall, salt) for n, some in enumerate(_together(pieces), first))
    return [id_ for refused in pool.each(_gather, tasks) for id_ in refused]


def _together(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces that are gathered at once."""
    some: list[_Piece] = []
    for piece in pieces:
        some.append(piece)
        if sum(len(each.rows) for each in some) >= _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _gather(task: _Task) -> list[int]:
    """Write the candidates of some rows of parts. Returns the ids of those that hold a test prompt."""
    gc.disable()  # rows form no circles; looking for some in every thousand of them takes time
    try:
        gathered = Candidates(task.firewall)
        refused: list[int] = []
        for piece in task.pieces:
            hashes, texts = parts.texts(piece.part, piece.rows, sha256=piece.sha256)
            for content_hash, text, id_ in zip(hashes, texts, piece.ids.tolist(), strict=True):
                if not gathered.add_text(text, content_hash, id=id_):
                    refused.append(id_)
        write(gathered, task.ranges, batch=task.batch, salt=task.salt)
        return refused
    finally:
        gc.enable()
        give_back()


class InDatabase(NamedTuple):
    """What was gathered of the records whose accepted text stands in the database."""

    batches: int
    records: int
    refused: list[str]
    """Ids of records that hold a test prompt and are left out."""


def gather_in_database(
    connection: Connection,
    project_id: int,
    edited: NDArray[np.int64],
    ranges: Ranges,
    *,
    firewall: Firewall,
    salt: str,
) -> InDatabase:
    """Write the candidates of edited records (`accepted.Places`) and of written arrivals. Returns what there was."""
    batches = count = 0
    refused: list[str] = []
    pending: Iterator[StoredRecord | Record] = chain(
        accepted.edited(connection, edited), accepted.written_arrivals(connection, project_id)
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
