"""Format 1 of a version, which Curator wrote until row ids came from the content: still read and verified.

Its row ids were drawn at import, and where a row came from took part in the version's id, so the same file frozen in
two workspaces has two ids. Nothing is written in it any more: freezing the project again gives a version of today.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow.parquet as pq

from curator.versions.identity import BUCKETS, hash_parts
from schemas.record import Message, Origin, Record
from schemas.version import FrozenRow, Split

SCHEMA_HASH = hashlib.sha256(b"curator version 1: row_id, row_hash, meta_hash, split").hexdigest()


class Entry(NamedTuple):
    """Identity of one row of format 1."""

    row_id: str
    row_hash: str
    meta_hash: str
    """Of everything but the content: origin, licence, language, group, labels, the row as it was."""
    split: str


class FirstRow(NamedTuple):
    """A row of format 1, and whether its metadata is what its hash names."""

    row: FrozenRow
    entry: Entry
    metadata_fits: bool


def read_split(folder: Path, split: Split) -> Iterator[FirstRow]:
    """Every row of a split in file order, streamed."""
    with pq.ParquetFile(folder / f"{split.value}.parquet") as parquet:
        for batch in parquet.iter_batches(batch_size=2_000):
            for values in batch.to_pylist():
                entry = Entry(values["row_id"], values["row_hash"], values["meta_hash"], split.value)
                row = FrozenRow(entry.row_id, entry.row_hash, split, _record(values))
                yield FirstRow(row, entry, _meta_hash(values) == entry.meta_hash)


def bucket_of(row_id: str) -> int:
    """Number of the bucket that a row falls into."""
    return hashlib.sha256(row_id.encode()).digest()[0]


def bucket_hashes(entries: list[Entry]) -> list[str]:
    """The hash of every bucket, in bucket order; 64 hex digits each."""
    buckets: list[list[Entry]] = [[] for _ in range(BUCKETS)]
    for entry in entries:
        buckets[bucket_of(entry.row_id)].append(entry)
    return [hash_parts(part for entry in sorted(bucket) for part in entry) for bucket in buckets]


def version_id(buckets: list[str]) -> str:
    """The id of the version that has these bucket hashes, 64 hex digits."""
    return hash_parts((SCHEMA_HASH, *buckets))


def _meta_hash(values: dict[str, Any]) -> str:
    metadata = {
        "origin": {"source": values["source"], "line": values["line"], "format": values["format"]},
        "original": None if values["original"] is None else orjson.loads(values["original"]),
        "licence": values["licence"],
        "language": values["language"],
        "group": values["group"],
        "labels": orjson.loads(values["labels"]),
    }
    return hashlib.sha256(orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _record(values: dict[str, Any]) -> Record:
    return Record.model_construct(
        messages=tuple(Message.model_construct(**message) for message in values["messages"]),
        origin=Origin(source=values["source"], line=values["line"], format=values["format"]),
        original=None if values["original"] is None else values["original"].encode(),
        licence=values["licence"],
        language=values["language"],
        group=values["group"],
        labels=orjson.loads(values["labels"]),
        alternative=values.get("alternative"),  # the earliest versions lack the column
    )
