"""Identity of a version: a hash that depends on what its rows say and how they are used, and on nothing else.

A row is (row id, content hash, training hash, split). The id is the beginning of the content hash, so it is the same in
every workspace. Rows fall into 256 buckets by their id; each bucket has a hash over its sorted rows, and the id of the
version is a hash over the schema and the bucket hashes: two versions are compared by opening only the buckets that
differ. Where a row came from (file, line, licence, language, the row as it was) has a hash of its own, which is not
part of the id. No clock, folder, machine, file name, file byte or order of import takes part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curator.pool import cores
from schemas.record import Arrival, Record

BUCKETS = 256
SCHEMA_HASH = hashlib.sha256(b"curator version 2: row_id, content_hash, training_hash, split").hexdigest()
"""Changes when the meaning of a row's identity changes."""


class Entry(NamedTuple):
    """Identity of one row."""

    row_id: str
    content_hash: str
    training_hash: str
    """Of what guides the use of the row: its groups and labels."""
    split: str


def training_hash(record: Record) -> str:
    """sha256 of what guides a record's use in training and splits (groups, labels), 64 hex digits.

    Its training switches are content, since they decide what a model learns from the same words.
    """
    return training_hash_of(record.groups, record.labels)


def training_hash_of(groups: Sequence[str], labels: Mapping[str, str]) -> str:
    """`training_hash` from the values themselves."""
    return hashlib.sha256(
        orjson.dumps({"groups": sorted(groups), "labels": labels}, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def training_digest(groups: Sequence[str], labels: str) -> bytes:
    """`training_hash` as 32 bytes, from sorted groups and the JSON text of the labels, its keys sorted."""
    return hashlib.sha256(b'{"groups":%b,"labels":%b}' % (orjson.dumps(list(groups)), labels.encode())).digest()


def arrival_bytes(arrival: Arrival) -> bytes:
    """The one form in which an arrival is written, compared and hashed."""
    plain = {
        **arrival.model_dump(exclude={"original"}),
        "original": None if arrival.original is None else arrival.original.decode(),
    }
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


class ProvenanceHash:
    """The hash of where the rows of a version came from, fed row by row in the order of the files."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, row_id: str, arrivals: Iterable[Arrival]) -> None:
        """Take in the arrivals of one row, in their order."""
        for arrival in arrivals:
            self._digest.update(_sized(row_id.encode()) + _sized(arrival_bytes(arrival)))

    def hexdigest(self) -> str:
        """64 hex digits."""
        return self._digest.hexdigest()


def arrivals_hash(arrivals: pa.Table) -> str:
    """sha256 of arrivals as columns, 64 hex digits: names, which values are there, their lengths, their bytes.

    It depends on the values alone, not on how a file holds them.
    """
    digest = hashlib.sha256()
    for name in arrivals.column_names:
        column = arrivals.column(name).combine_chunks()
        values = pc.fill_null(
            column, 0 if pa.types.is_integer(column.type) else b"" if pa.types.is_binary(column.type) else ""
        )
        digest.update(_sized(name.encode()) + _sized(pc.is_valid(column).to_numpy(zero_copy_only=False).tobytes()))
        if pa.types.is_integer(column.type):
            digest.update(_sized(values.to_numpy().astype("<i8").tobytes()))
            continue
        digest.update(_sized(pc.binary_length(values).to_numpy().astype("<i8").tobytes()))
        digest.update(_sized(_data_of(values)))
    return digest.hexdigest()


def _data_of(column: pa.Array) -> bytes:
    """The bytes of texts laid end to end."""
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return b""
    first, last = (int(np.frombuffer(offsets, np.int32)[column.offset + n]) for n in (0, len(column)))
    return bytes(memoryview(data)[first:last])


def bucket_of(row_id: str) -> int:
    """Number of the bucket that a row falls into: the first byte of its id."""
    return int(row_id[:2], 16)


def bucket_hashes(entries: Iterable[Entry]) -> list[str]:
    """The hash of every bucket, in bucket order; 64 hex digits each."""
    buckets: list[list[Entry]] = [[] for _ in range(BUCKETS)]
    for entry in entries:
        buckets[bucket_of(entry.row_id)].append(entry)
    return [hash_parts(part for entry in sorted(bucket) for part in entry) for bucket in buckets]


def bucket_hashes_of(
    hashes: NDArray[np.uint8], training_hashes: NDArray[np.uint8], splits: NDArray[np.uint8], names: Sequence[str]
) -> list[str]:
    """`bucket_hashes` of rows as columns, in the order of their hashes.

    Args:
        hashes: Content hashes, (N, 32).
        training_hashes: (N, 32).
        splits: Place of each row's split in `names`, (N,).
        names: The splits.
    """
    ends = [_sized(name.encode()) for name in names]
    most = max(map(len, ends))
    padded = np.array([list(end.ljust(most)) for end in ends], dtype=np.uint8)
    lengths = np.array([len(end) for end in ends])
    starts = np.searchsorted(hashes[:, 0], np.arange(BUCKETS + 1))

    def digest(bucket: tuple[int, int]) -> str:
        start, end = bucket
        content, training = _hex_digits(hashes[start:end]), _hex_digits(training_hashes[start:end])
        fixed = [_column(b"32:", end - start), content[:, :32], _column(b"64:", end - start), content]
        fixed += [_column(b"64:", end - start), training, padded[splits[start:end]]]
        rows = np.concatenate(fixed, axis=1)
        is_said = np.arange(rows.shape[1]) < (rows.shape[1] - most + lengths[splits[start:end]])[:, None]
        return hashlib.sha256(rows[is_said].tobytes()).hexdigest()

    with ThreadPoolExecutor(cores()) as threads:
        return list(threads.map(digest, pairwise(starts.tolist())))


def _column(text: bytes, count: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.frombuffer(text, np.uint8), (count, len(text)))


def _hex_digits(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.frombuffer(values.tobytes().hex().encode(), np.uint8).reshape(len(values), 64)


def version_id(buckets: Iterable[str]) -> str:
    """The id of the version that has these bucket hashes, 64 hex digits."""
    return hash_parts((SCHEMA_HASH, *buckets))


def hash_parts(parts: Iterable[str]) -> str:
    """sha256 of a list of texts, each with its length before it; 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_sized(part.encode()))
    return digest.hexdigest()


def _sized(value: bytes) -> bytes:
    return str(len(value)).encode() + b":" + value
