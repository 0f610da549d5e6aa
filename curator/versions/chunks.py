"""Chunks: how the rows of a split are divided into files, and how a range of candidates becomes such files.

A small split is one file. Beyond some thousand rows it is divided by the first bits of the row's id into files of
about a thousand rows each, so that a version in which a hundred rows changed shares nearly all of its files with the
one before it. How many bits depends on the number of rows alone: the same rows always stand in the same files.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator.quality.sorting import ordered_rows
from curator.versions import candidates, files, identity
from curator.versions.counting import counts
from curator.versions.gathering import Ranges, hash_words
from curator.versions.merging import merged_arrivals, merged_groups, merged_labels
from schemas.record import Arrival
from schemas.version import FileHash, Split

_UNDIVIDED = 4_096
"""Rows up to which a split is one file."""
_ROWS = 1_024
"""Rows that a file of a divided split holds at most, on average."""
_MOST_BITS = 12
_NO_LABELS = "{}"


def bits_for(rows: int) -> int:
    """By how many bits of their ids so many rows of a split are divided into files.

    Example:
        >>> bits_for(4_096), bits_for(5_000), bits_for(800_000)
        (0, 3, 10)
    """
    bits = 0
    if rows > _UNDIVIDED:
        while rows > _ROWS << bits and bits < _MOST_BITS:
            bits += 1
    return bits


class WrittenChunk(NamedTuple):
    """A chunk of a split: its rows and where they came from, in two files."""

    split: Split
    number: int
    content: FileHash
    provenance: FileHash
    arrivals_hash: str
    """See `identity.arrivals_hash`."""
    sources: Counter[str]
    licences: Counter[str]


class GatheredRows(NamedTuple):
    """Rows in the order of their ids."""

    content: pa.Table
    arrivals: pa.Table


class RangeTask(NamedTuple):
    """A range of candidates that is to become files."""

    number: int
    ranges: Ranges
    folder: Path
    """Of the version."""
    splits: bytes
    """Place of each row's split in `Split`, in the order of the rows."""
    bits: Mapping[Split, int]
    """See `bits_for`."""


def write_range(task: RangeTask) -> list[WrittenChunk]:
    """Sort the candidates of a range, join those of equal content, and write the rows by split and chunk.

    Of a split whose chunks reach beyond the range, the rows are kept for `write_rest`.
    """
    rows, row_of_arrival = _rows(task.ranges.read(task.number))
    split_of = np.frombuffer(task.splits, np.uint8)
    if len(split_of) != rows.content.num_rows:
        raise AssertionError("the rows of a range are not those that were divided")
    written = []
    words = _first_words(rows.content)
    for n, split in enumerate(Split):
        bits = task.bits[split]
        here = np.flatnonzero(split_of == n)
        theirs = np.flatnonzero(split_of[row_of_arrival] == n)
        some = GatheredRows(_taken(rows.content, here), _taken(rows.arrivals, theirs))
        if bits < task.ranges.bits:
            _keep(some, task.ranges, split, task.number)
            continue
        each = 1 << (bits - task.ranges.bits)
        for chunk in range(task.number * each, (task.number + 1) * each):
            number = (words[here] >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(here), np.int64)
            start, end = np.searchsorted(number, [chunk, chunk + 1])
            first, last = np.searchsorted(
                row_of_arrival[theirs],
                [here[start] if start < len(here) else 2**62, here[end] if end < len(here) else 2**62],
            )
            part = GatheredRows(some.content.slice(start, end - start), some.arrivals.slice(first, last - first))
            written.append(write_chunk(task.folder, split, chunk, part.content, part.arrivals, bits=bits))
    return written


class BaseChunk(NamedTuple):
    """A chunk of an earlier version, and what is otherwise in the new one."""

    folder: Path
    """Of the earlier version."""
    into: Path
    """Of the new one."""
    earlier: WrittenChunk
    bits: int
    gone: NDArray[np.uint8]
    """Hashes of the rows that are not there any more, (G, 32)."""
    rows: GatheredRows
    """That are new there."""


def rewrite(chunk: BaseChunk) -> WrittenChunk:
    """Write the chunk anew, in the order of its rows, or link it where nothing is otherwise."""
    earlier = chunk.earlier
    names = [file.path for file in (earlier.content, earlier.provenance)]
    if not len(chunk.gone) and not chunk.rows.content.num_rows:
        for name in names:
            _link(chunk.folder / name, chunk.into / name)
        return earlier
    gone = pa.array([each.tobytes().hex()[:32] for each in chunk.gone], pa.string())
    tables = []
    for name, fresh in zip(names, (chunk.rows.content, chunk.rows.arrivals), strict=True):
        with pq.ParquetFile(chunk.folder / name) as parquet:
            table = parquet.read(use_threads=False)
        stays = table.filter(pc.invert(pc.is_in(table.column("row_id"), gone)))
        both = pa.concat_tables([stays.cast(fresh.schema), fresh])
        order = np.argsort(np.array(both.column("row_id").to_pylist(), dtype="S32"), kind="stable")
        tables.append(both.take(pa.array(order)).combine_chunks())
    return write_chunk(chunk.into, earlier.split, earlier.number, *tables, bits=chunk.bits)


def _link(file: Path, name: Path) -> None:
    """Have a file under another name too, or a copy where the file system cannot."""
    name.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


def some_rows(rows: GatheredRows, places: NDArray[np.int64]) -> GatheredRows:
    """The rows in some places, with their arrivals."""
    content = rows.content.take(pa.array(places))
    if not len(places):
        return GatheredRows(content, rows.arrivals.slice(0, 0))
    ids = content.column("row_id").combine_chunks()
    return GatheredRows(content, rows.arrivals.filter(pc.is_in(rows.arrivals.column("row_id"), ids)))


def gathered_rows(ranges: Ranges) -> GatheredRows:
    """All rows that were gathered, in the order of their hashes."""
    tables = [_rows(ranges.read(number))[0] for number in range(1 << ranges.bits)]
    return GatheredRows(*(pa.concat_tables([each[n] for each in tables]).combine_chunks() for n in (0, 1)))


def _first_words(content: pa.Table) -> NDArray[np.uint64]:
    ids = "".join(each[:16] for each in content.column("row_id").to_pylist())
    return np.frombuffer(bytes.fromhex(ids), ">u8").astype(np.uint64)


def _taken(table: pa.Table, places: NDArray[np.int64]) -> pa.Table:
    return table.take(pa.array(places)).combine_chunks()


def _piece(ranges: Ranges, split: Split, number: int, kind: str) -> Path:
    return ranges.folder / f"{kind}-{split.value}-{number:03x}.arrow"


def _keep(rows: GatheredRows, ranges: Ranges, split: Split, number: int) -> None:
    """Keep the rows of a range until those of its neighbours are there."""
    for kind, table in rows._asdict().items():
        file = _piece(ranges, split, number, kind)
        with pa.OSFile(str(file), "wb") as stream, pa.ipc.new_file(stream, table.schema) as out:
            out.write_table(table)


def write_rest(ranges: Ranges, folder: Path, bits: Mapping[Split, int]) -> list[WrittenChunk]:
    """Write the chunks that reach over several ranges, from the rows that `write_range` kept."""
    written = []
    for split in Split:
        if bits[split] >= ranges.bits:
            continue
        each = 1 << (ranges.bits - bits[split])
        for chunk in range(1 << bits[split]):
            tables = []
            for kind in GatheredRows._fields:
                some = []
                for number in range(chunk * each, (chunk + 1) * each):
                    with pa.OSFile(str(_piece(ranges, split, number, kind))) as stream:
                        some.append(pa.ipc.open_file(stream).read_all())
                tables.append(pa.concat_tables(some).combine_chunks())
            written.append(write_chunk(folder, split, chunk, *tables, bits=bits[split]))
    return written


def write_chunk(
    folder: Path, split: Split, number: int, content: pa.Table, arrivals: pa.Table, *, bits: int
) -> WrittenChunk:
    """Write the rows of a chunk, and where they came from, into the folder of a version."""
    name, origin = files.chunk_file(split, number, bits=bits), files.provenance_of(split, number, bits=bits)
    files.write_table(folder / name, content)
    files.write_table(folder / origin, arrivals)
    return WrittenChunk(
        split,
        number,
        files.hash_file(folder / name, name=name),
        files.hash_file(folder / origin, name=origin),
        identity.arrivals_hash(arrivals),
        counts(arrivals.column("source")),
        counts(pc.fill_null(arrivals.column("licence"), "")),
    )


def _rows(table: pa.Table) -> tuple[GatheredRows, NDArray[np.int64]]:
    """Candidates as rows, and the row of each arrival."""
    order, is_new = ordered_rows(hash_words(table.column("hash")))
    starts = np.flatnonzero(is_new)
    row_of = np.cumsum(is_new) - 1
    several = np.flatnonzero(np.diff(np.r_[starts, len(order)]) > 1)
    count = len(starts)
    groups: list[list[str] | None] = [None] * count
    labels = [_NO_LABELS] * count
    arrival_order, row_of_arrival = order, row_of
    if len(several):
        arrival_order, row_of_arrival = _merge(table, order, row_of, starts, several, groups, labels)
    is_single = np.ones(count, bool)
    is_single[several] = False
    guided = pc.or_(pc.is_valid(table.column("group")), pc.not_equal(table.column("labels"), _NO_LABELS))
    places = np.flatnonzero(guided.to_numpy()[order] & is_single[row_of]) if count else starts
    for row, one in zip(
        row_of[places].tolist(), table.select(["group", "labels"]).take(order[places]).to_pylist(), strict=True
    ):
        groups[row] = None if one["group"] is None else [one["group"]]
        labels[row] = one["labels"]
    training = [
        _NO_TRAINING if group is None and label == _NO_LABELS else identity.training_digest(group or (), label)
        for group, label in zip(groups, labels, strict=True)
    ]
    content = table.take(pa.array(order[starts]))
    hashes = _hex(content.column("hash"))
    columns = {
        "row_id": pc.utf8_slice_codeunits(hashes, 0, 32),
        "content_hash": hashes,
        "training_hash": pa.array([each.hex() for each in training], pa.string()),
        **{name: content.column(name) for name in candidates.CONTENT.names},
        "groups": pa.array(groups, pa.list_(pa.string())),
        "labels": pa.array(labels, pa.string()),
    }
    arrivals = table.take(pa.array(arrival_order))
    imported = pc.if_else(
        pc.is_valid(arrivals.column("imported")), arrivals.column("imported"), arrivals.column("hash")
    )
    origins = {
        "row_id": pc.utf8_slice_codeunits(_hex(arrivals.column("hash")), 0, 32),
        "content_hash": _hex(imported),
        **{name: arrivals.column(name) for name in candidates.ARRIVAL.names},
    }
    tables = [
        pa.Table.from_arrays([each[name] for name in schema.names], schema=schema)
        for each, schema in ((columns, files.COLUMNS), (origins, files.ARRIVALS))
    ]
    return GatheredRows(*tables), row_of_arrival


def _merge(
    table: pa.Table,
    order: NDArray[np.int64],
    row_of: NDArray[np.int64],
    starts: NDArray[np.int64],
    several: NDArray[np.int64],
    groups: list[list[str] | None],
    labels: list[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Put the arrivals of rows that came in several times in their order, each once, and join what they say.

    Fills in `groups` and `labels`. Returns the order of all arrivals and their rows.
    """
    ends = np.r_[starts[1:], len(order)]
    is_kept = np.ones(len(order), bool)
    order = order.copy()
    names = [*candidates.ARRIVAL.names, "hash", "imported"]
    places = np.concatenate([np.arange(starts[row], ends[row]) for row in several])
    values = iter(zip(places.tolist(), table.select(names).take(order[places]).to_pylist(), strict=True))
    for row in several.tolist():
        place_of: dict[bytes, int] = {}
        arrivals: list[Arrival] = []
        for _ in range(int(ends[row] - starts[row])):
            place, one = next(values)
            arrival = files.arrival_of({**one, "content_hash": (one["imported"] or one["hash"]).hex()})
            place_of.setdefault(identity.arrival_bytes(arrival), int(order[place]))
            arrivals.append(arrival)
        merged = merged_arrivals(arrivals)
        begin, end = int(starts[row]), int(starts[row]) + len(merged)
        order[begin:end] = [place_of[identity.arrival_bytes(each)] for each in merged]
        is_kept[end : ends[row]] = False
        groups[row] = list(merged_groups(merged)) or None
        labels[row] = files.json_object(merged_labels(merged))
    return order[is_kept], row_of[is_kept]


_NO_TRAINING = identity.training_digest((), _NO_LABELS)


def _hex(hashes: pa.ChunkedArray) -> pa.Array:
    """A column of hashes as hex digits."""
    digits = hash_words(hashes).astype(">u8").tobytes().hex()
    size = 64
    offsets = pa.py_buffer(np.arange(0, len(digits) + 1, size, dtype=np.int32))
    return pa.StringArray.from_buffers(len(digits) // size, offsets, pa.py_buffer(digits.encode()))


def total(written: Sequence[WrittenChunk], column: str) -> dict[str, int]:
    """Arrivals by source or licence, over all chunks."""
    sum_of: Counter[str] = Counter()
    for chunk in written:
        sum_of.update(getattr(chunk, column))
    return dict(sum_of)
