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
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator.memory import give_back
from curator.quality.sorting import bytes_of, ordered_rows
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
    table = task.ranges.read(task.number)
    joined = _joined(table)
    split_of = np.frombuffer(task.splits, np.uint8)
    if len(split_of) != len(joined.first):
        raise AssertionError("the rows of a range are not those that were divided")
    words = joined.hashes[:, 0]
    written = []
    for n, split in enumerate(Split):
        bits = task.bits[split]
        here = np.flatnonzero(split_of == n)
        rows = _frozen(table, joined, here)
        if bits < task.ranges.bits:
            _keep(rows, task.ranges, split, task.number)
            continue
        each = 1 << (bits - task.ranges.bits)
        numbers = np.arange(task.number * each, (task.number + 1) * each + 1)
        number = (words[here] >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(here), np.int64)
        edges = np.searchsorted(number, numbers)
        arrivals = np.r_[0, np.cumsum(joined.arrivals[here])][edges]
        for chunk, (start, end), (first, last) in zip(
            numbers.tolist(), pairwise(edges.tolist()), pairwise(arrivals.tolist()), strict=False
        ):
            content, origins = rows.content.slice(start, end - start), rows.arrivals.slice(first, last - first)
            written.append(write_chunk(task.folder, split, chunk, content, origins, bits=bits))
    give_back()
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
            link(chunk.folder / name, chunk.into / name)
        return earlier
    gone = np.array([each.tobytes().hex()[:32].encode() for each in chunk.gone], "S32")
    tables = []
    for name, fresh in zip(names, (chunk.rows.content, chunk.rows.arrivals), strict=True):
        with pq.ParquetFile(chunk.folder / name) as parquet:
            tables.append(_spliced(parquet.read(use_threads=False).cast(fresh.schema), gone, fresh))
    return write_chunk(chunk.into, earlier.split, earlier.number, *tables, bits=chunk.bits)


def _spliced(table: pa.Table, gone: NDArray[np.bytes_], fresh: pa.Table) -> pa.Table:
    """Rows by id without those that are gone, and with the fresh ones in their places; no text is copied."""
    ids, fresh_ids = _ids(table), _ids(fresh)
    is_gone = np.isin(ids, gone)
    at = np.searchsorted(ids, fresh_ids)
    edges = np.unique(np.r_[0, at, np.flatnonzero(np.diff(is_gone)) + 1, len(ids)])
    pieces = []
    for start, end in pairwise([*edges.tolist(), len(ids)]):
        first, last = np.searchsorted(at, [start, start + 1])
        pieces.append(fresh.slice(first, last - first))
        if start < end and not is_gone[start]:
            pieces.append(table.slice(start, end - start))
    return pa.concat_tables([each for each in pieces if each.num_rows] or [table.slice(0, 0)])


def _ids(table: pa.Table) -> NDArray[np.bytes_]:
    return np.array(table.column("row_id").to_pylist(), "S32")


def link(file: Path, name: Path) -> None:
    """Have a file under another name too, or a copy where the file system cannot."""
    name.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


def some_rows(rows: GatheredRows, places: NDArray[np.int64]) -> GatheredRows:
    """The rows in some places, with their arrivals."""
    if not len(places):
        return GatheredRows(rows.content.slice(0, 0), rows.arrivals.slice(0, 0))
    content = rows.content.take(pa.array(places))
    ids = content.column("row_id").combine_chunks()
    return GatheredRows(content, rows.arrivals.filter(pc.is_in(rows.arrivals.column("row_id"), ids)))


def gathered_rows(ranges: Ranges) -> GatheredRows:
    """All rows that were gathered, in the order of their hashes."""
    rows = []
    for number in range(1 << ranges.bits):
        table = ranges.read(number)
        joined = _joined(table)
        rows.append(_frozen(table, joined, np.arange(len(joined.first))))
    return GatheredRows(*(pa.concat_tables([each[n] for each in rows]).combine_chunks() for n in (0, 1)))


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


class _Joined(NamedTuple):
    """The R rows that candidates become, in the order of their hashes."""

    hashes: NDArray[np.uint64]
    """(R, 4)."""
    first: NDArray[np.int64]
    """A candidate of each row, (R,)."""
    order: NDArray[np.int64]
    """Candidates that stay, by row, those of one row in the order of its arrivals."""
    arrivals: NDArray[np.int64]
    """How many of them each row has, (R,)."""
    guides: dict[int, tuple[list[str] | None, str]]
    """Groups and labels of the rows that have some."""


def _joined(table: pa.Table) -> _Joined:
    """Find out which candidates are one row."""
    hashes = hash_words(table.column("hash"))
    order, is_new = ordered_rows(hashes)
    starts = np.flatnonzero(is_new)
    ends = np.r_[starts[1:], len(order)]
    guides: dict[int, tuple[list[str] | None, str]] = {}
    guided = pc.or_(pc.is_valid(table.column("group")), pc.not_equal(table.column("labels"), _NO_LABELS))
    places = np.flatnonzero(guided.to_numpy()[order]) if len(order) else starts
    rows = np.searchsorted(starts, places, side="right") - 1
    values = table.select(["group", "labels"]).take(order[places]).to_pylist()
    for row, one in zip(rows.tolist(), values, strict=True):
        guides[row] = (None if one["group"] is None else [one["group"]], one["labels"])
    first = order[starts]
    counts = ends - starts
    if (counts > 1).any():
        order, counts = _merge(table, order, starts, ends, guides)
    return _Joined(hashes[first], first, order, counts, guides)


def _frozen(table: pa.Table, joined: _Joined, rows: NDArray[np.int64]) -> GatheredRows:
    """Some rows, ascending, and where they came from."""
    content = table.select(candidates.CONTENT.names).take(pa.array(joined.first[rows]))
    hashes = _hex(joined.hashes[rows])
    guides = [(place, *joined.guides[row]) for place, row in enumerate(rows.tolist()) if row in joined.guides]
    groups: list[list[str] | None] = [None] * len(rows)
    labels = [_NO_LABELS] * len(rows)
    training = [_NO_TRAINING] * len(rows)
    for place, its_groups, its_labels in guides:
        groups[place], labels[place] = its_groups, its_labels
        training[place] = identity.training_digest(its_groups or (), its_labels).hex()
    messages = content.column("messages").combine_chunks()
    columns = {
        "row_id": _row_ids(hashes),
        "content_hash": hashes,
        "training_hash": pa.array(training, pa.string()),
        "instruction": _last_of(messages, "user"),
        "response": _last_of(messages, "assistant"),
        **{name: content.column(name) for name in candidates.CONTENT.names},
        "groups": pa.array(groups, pa.list_(pa.string())),
        "labels": pa.array(labels, pa.string()),
    }
    ends = np.cumsum(joined.arrivals)
    counts = joined.arrivals[rows]
    before = np.r_[0, np.cumsum(counts)[:-1]] if len(rows) else counts
    places = np.repeat((ends - joined.arrivals)[rows] - before, counts) + np.arange(counts.sum())
    arrivals = table.select([*candidates.ARRIVAL.names, "hash", "imported"]).take(pa.array(joined.order[places]))
    imported = pc.if_else(
        pc.is_valid(arrivals.column("imported")), arrivals.column("imported"), arrivals.column("hash")
    )
    origins = {
        "row_id": _row_ids(_hex(hash_words(arrivals.column("hash")))),
        "content_hash": _hex(hash_words(imported)),
        **{name: arrivals.column(name) for name in candidates.ARRIVAL.names},
    }
    return GatheredRows(
        *(
            pa.Table.from_arrays([each[name] for name in schema.names], schema=schema)
            for each, schema in ((columns, files.COLUMNS), (origins, files.ARRIVALS))
        )
    )


def _last_of(messages: pa.ListArray, role: str) -> pa.Array:
    """The text of the last message of a role in each row; empty where there is none."""
    flat = messages.flatten()
    said = np.flatnonzero(pc.equal(flat.field("role"), role).to_numpy(zero_copy_only=False))
    offsets = messages.offsets.to_numpy() - (messages.offsets[0].as_py() if len(messages) else 0)
    last = np.searchsorted(said, offsets[1:]) - 1
    is_there = last >= np.searchsorted(said, offsets[:-1])
    places = pa.array(said[last] if len(said) else last, mask=~is_there)
    return pc.fill_null(flat.field("content").take(places), "")


def _merge(
    table: pa.Table,
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    guides: dict[int, tuple[list[str] | None, str]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Put the arrivals of rows that came in several times in their order, each once, and join what they say.

    Fills in `guides`. Returns the order of all arrivals and how many each row has.
    """
    is_kept = np.ones(len(order), bool)
    order = order.copy()
    counts = ends - starts
    several = np.flatnonzero(counts > 1)
    places = np.concatenate([np.arange(starts[row], ends[row]) for row in several])
    candidates_of = table.take(pa.array(order[places]))
    sources, lines = (candidates_of.column(name).to_pylist() for name in ("source", "line"))
    start = 0
    for row in several.tolist():
        here = range(start, start + int(counts[row]))
        start = here.stop
        origins = {(sources[n], lines[n] or 0): n for n in here}
        if len(origins) == len(here) and row not in guides:  # told apart by file and line, as nearly always
            stays = [origins[origin] for origin in sorted(origins)]
        else:
            stays = _merge_by_words(candidates_of, here, row, guides)
        begin, end = int(starts[row]), int(starts[row]) + len(stays)
        order[begin:end] = order[starts[row] : ends[row]][np.array(stays) - here.start]
        is_kept[end : ends[row]] = False
        counts[row] = len(stays)
    return order[is_kept], counts


def _merge_by_words(
    candidates_of: pa.Table, here: range, row: int, guides: dict[int, tuple[list[str] | None, str]]
) -> list[int]:
    """The places of the arrivals of a row, in their order, each once. Joins what they say in `guides`."""
    place_of: dict[bytes, int] = {}
    arrivals: list[Arrival] = []
    names = [*candidates.ARRIVAL.names, "hash", "imported"]
    for place, one in zip(here, candidates_of.select(names).slice(here.start, len(here)).to_pylist(), strict=True):
        arrival = files.arrival_of({**one, "content_hash": (one["imported"] or one["hash"]).hex()})
        place_of.setdefault(identity.arrival_bytes(arrival), place)
        arrivals.append(arrival)
    merged = merged_arrivals(arrivals)
    guides[row] = list(merged_groups(merged)) or None, files.json_object(merged_labels(merged))
    return [place_of[identity.arrival_bytes(each)] for each in merged]


_NO_TRAINING = identity.training_digest((), _NO_LABELS).hex()


def _hex(hashes: NDArray[np.uint64]) -> pa.Array:
    """Hashes (N, 4) as hex digits."""
    return _fixed(bytes_of(hashes).hex().encode(), 64)


def _row_ids(hashes: pa.Array) -> pa.Array:
    """The first half of the hex digits of hashes that `_hex` wrote."""
    digits = np.frombuffer(hashes.buffers()[2], np.uint8)[: len(hashes) * 64].reshape(-1, 64)
    return _fixed(digits[:, :32].tobytes(), 32)


def _fixed(digits: bytes, size: int) -> pa.Array:
    offsets = np.arange(0, len(digits) + 1, size, dtype=np.int32)
    return pa.StringArray.from_buffers(len(digits) // size, pa.py_buffer(offsets), pa.py_buffer(digits))


def total(written: Sequence[WrittenChunk], column: str) -> dict[str, int]:
    """Arrivals by source or licence, over all chunks."""
    sum_of: Counter[str] = Counter()
    for chunk in written:
        sum_of.update(getattr(chunk, column))
    return dict(sum_of)
