"""Checking the rows of a chunk against their own hashes, as columns.

A chunk in which everything fits takes a few microseconds a row. One in which something does not is read row by row,
and each wrong row is named.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator.quality.fingerprint import content_hash, row_id
from curator.quality.sorting import differs
from curator.versions import files, identity
from curator.versions.counting import counts
from schemas.version import Split

_SHOWN = 20
"""Problems of single rows that are listed; more are counted."""


class Chunk(NamedTuple):
    """Files to be checked."""

    content: Path
    origins: Path
    split: Split
    format: int


class CheckedChunk(NamedTuple):
    """What a chunk holds, and what is wrong with it."""

    split: Split
    entries: list[identity.Entry] | None
    """Where something is wrong; None where `hashes` and `training_hashes` say all."""
    hashes: bytes
    """Content hashes of the rows, 32 bytes each."""
    training_hashes: bytes
    arrivals_hash: str
    """See `identity.arrivals_hash`; of a version of format 2 empty."""
    sources: Counter[str]
    licences: Counter[str]
    problems: list[str]
    """Each completes "Row "."""
    more_problems: int
    """That are not listed."""
    error: str = ""
    """Why the rest could not be read."""

    @property
    def rows(self) -> int:
        """How many could be read."""
        return len(self.hashes) // 32 if self.entries is None else len(self.entries)


def check_chunk(chunk: Chunk) -> CheckedChunk:
    """What a chunk holds, and what is wrong with it."""
    try:
        content, arrivals = (_read(file) for file in (chunk.content, chunk.origins))
        hashes = _fitting(content, arrivals)
    except (OSError, ValueError, KeyError, TypeError):  # pyarrow's errors are ValueErrors; said by `_row_by_row`
        hashes = None
    if hashes is None:
        return _row_by_row(chunk)
    training = bytes.fromhex("".join(content.column("training_hash").to_pylist()))
    return CheckedChunk(
        chunk.split,
        None,
        hashes,
        training,
        identity.arrivals_hash(arrivals) if chunk.format > 2 else "",
        counts(arrivals.column("source")),
        counts(pc.fill_null(arrivals.column("licence"), "")),
        [],
        0,
    )


def _read(file: Path) -> pa.Table:
    with pq.ParquetFile(file) as parquet:
        return parquet.read(use_threads=False).combine_chunks()


def _fitting(content: pa.Table, arrivals: pa.Table) -> bytes | None:
    """The content hashes of rows, if everything in them fits."""
    if content.schema != files.COLUMNS or arrivals.schema != files.ARRIVALS:
        return None
    stated = content.column("content_hash").to_pylist()
    ids = content.column("row_id").to_pylist()
    hashes = bytes.fromhex("".join(stated))
    if hashes.hex() != "".join(stated) or any(len(each) != 64 for each in stated):
        return None
    if [row_id(each) for each in stated] != ids or any(one >= other for one, other in pairwise(ids)):
        return None
    origins = arrivals.column("row_id").to_numpy(zero_copy_only=False)
    if not np.array_equal(origins[differs(origins)], np.array(ids, dtype=object)):
        return None
    is_fitting = _guides_fit(content, arrivals, ids) and _contents_fit(content, hashes)
    return hashes if is_fitting else None


_NO_TRAINING = identity.training_digest((), "{}").hex()


def _guides_fit(content: pa.Table, arrivals: pa.Table, ids: list[str]) -> bool:
    """Whether every row has the groups that it came in with, and the training hash of its groups and labels."""
    came_with: dict[str, set[str]] = {}
    grouped = arrivals.filter(pc.is_valid(arrivals.column("group"))).select(["row_id", "group"])
    for one in grouped.to_pylist():
        came_with.setdefault(one["row_id"], set()).add(one["group"])
    columns = (content.column(name).to_pylist() for name in ("groups", "labels", "training_hash"))
    for row, groups, labels, stated in zip(ids, *columns, strict=True):
        if groups is None and labels == "{}" and row not in came_with:
            if stated != _NO_TRAINING:
                return False
            continue
        if tuple(groups or ()) != tuple(sorted(came_with.get(row, ()))):
            return False
        if identity.training_hash_of(groups or (), files.labels_of(labels)) != stated:
            return False
    return True


def _contents_fit(content: pa.Table, hashes: bytes) -> bool:
    """Whether every row has the content of its hash and shows the instruction and response of its messages."""
    messages = content.column("messages").combine_chunks()
    flat = messages.flatten()
    is_plain = np.ones(content.num_rows, bool)
    for name in ("tools", "rejected", "prompt_length", "desirable", "alternative"):
        is_plain &= pc.is_null(content.column(name)).to_numpy()
    row_of = pc.list_parent_indices(messages).to_numpy()
    for name in ("name", "tool_call_id", "tool_calls"):
        is_plain[row_of[pc.is_valid(flat.field(name)).to_numpy(zero_copy_only=False)]] = False
    for row in np.flatnonzero(~is_plain).tolist():
        record = files.content_of(content.slice(row, 1).to_pylist()[0])
        shown = (content.column("instruction")[row].as_py(), content.column("response")[row].as_py())
        if content_hash(record) != hashes[row * 32 : row * 32 + 32].hex() or shown != (
            record.instruction,
            record.response,
        ):
            return False
    roles = flat.field("role").cast(pa.binary()).to_pylist()
    texts = flat.field("content").cast(pa.binary()).to_pylist()
    trains = flat.field("train").to_pylist()
    instructions = content.column("instruction").cast(pa.binary()).to_pylist()
    responses = content.column("response").cast(pa.binary()).to_pylist()
    ends = np.cumsum(pc.list_value_length(messages).to_numpy()).tolist()
    start = 0
    for row, end in enumerate(ends):
        if is_plain[row]:
            digest = hashlib.sha256()
            instruction = response = b""
            for n in range(start, end):
                role, text = roles[n], texts[n]
                digest.update(b"r%d:%bt%d:%bl1:%d" % (len(role), role, len(text), text, bool(trains[n])))
                if role == b"user":
                    instruction = text
                elif role == b"assistant":
                    response = text
            if digest.digest() != hashes[row * 32 : row * 32 + 32]:
                return False
            if instructions[row] != instruction or responses[row] != response:
                return False
        start = end
    return True


def _row_by_row(chunk: Chunk) -> CheckedChunk:
    """The same, with every problem by name."""
    entries: list[identity.Entry] = []
    sources: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    problems: list[str] = []
    more, error, before, hash_of_arrivals = 0, "", "", ""
    try:
        for each in files.read_chunk(chunk.content, chunk.origins, chunk.split):
            row = each.row
            for problem in _problems_of_row(each, before):
                if len(problems) < _SHOWN:
                    problems.append(f"{row.row_id} in {chunk.split.value} {problem}")
                else:
                    more += 1
            before = row.row_id
            entries.append(identity.Entry(row.row_id, row.row_hash, each.training_hash, chunk.split.value))
            sources.update(arrival.origin.source for arrival in row.arrivals)
            licences.update(arrival.licence or "" for arrival in row.arrivals)
        hash_of_arrivals = identity.arrivals_hash(_read(chunk.origins)) if chunk.format > 2 else ""
    except (OSError, ValueError, KeyError, TypeError) as problem:
        error = str(problem)
    return CheckedChunk(chunk.split, entries, b"", b"", hash_of_arrivals, sources, licences, problems, more, error)


def _problems_of_row(each: files.ReadRow, before: str) -> Iterator[str]:
    row = each.row
    if content_hash(row.record) != row.row_hash:
        yield "does not have the content that its hash names"
    if row_id(row.row_hash) != row.row_id:
        yield "has an id that is not the beginning of its hash"
    if identity.training_hash_of(each.groups, row.record.labels) != each.training_hash:
        yield "does not have the groups and labels that its hash names"
    if row.record.groups != each.groups:
        yield "came in with other groups than it has"
    if (row.record.instruction, row.record.response) != (each.instruction, each.response):
        yield "shows another instruction or response than its messages hold"
    if row.row_id <= before:
        yield "stands twice or out of order"


def entries_of(checked: CheckedChunk) -> list[identity.Entry]:
    """The identities of the rows of a chunk."""
    if checked.entries is not None:
        return checked.entries
    size = 32
    both = [
        [raw[n : n + size].hex() for n in range(0, len(raw), size)] for raw in (checked.hashes, checked.training_hashes)
    ]
    return [identity.Entry(row_id(one), one, other, checked.split.value) for one, other in zip(*both, strict=True)]


def columns_of(checked: list[CheckedChunk]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Content hashes (N, 32), training hashes (N, 32) and place of the split (N,) of all rows, as they stand."""
    hashes, training = (
        np.frombuffer(b"".join(parts), np.uint8).reshape(-1, 32)
        for parts in ([each.hashes for each in checked], [each.training_hashes for each in checked])
    )
    places = [list(Split).index(each.split) for each in checked]
    return hashes, training, np.repeat(np.array(places, np.uint8), [each.rows for each in checked])
