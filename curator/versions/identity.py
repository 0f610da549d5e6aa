"""Identity of a version: a hash that depends on its rows and schema, and on nothing else.

Rows fall into 256 buckets by the hash of their id; each bucket has a hash over its sorted entries, and the id of the
version is a hash over the schema and the bucket hashes. Two versions are compared by opening only the buckets that
differ. No clock, folder, machine, file byte or order of import takes part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from curator.quality.fingerprint import content_hash
from schemas.record import Record

BUCKETS = 256
SCHEMA_HASH = hashlib.sha256(b"curator version 1: row_id, row_hash, meta_hash, split").hexdigest()
"""Changes when the meaning of a row's identity changes."""


class Entry(NamedTuple):
    """Identity of one row."""

    row_id: str
    row_hash: str
    """Of the content."""
    meta_hash: str
    """Of everything else that is frozen with the row."""
    split: str


def row_hash(record: Record) -> str:
    """sha256 of a record's messages and its alternative response, 64 hex digits."""
    return content_hash(record)


def meta_hash(record: Record) -> str:
    """sha256 of a record's metadata (origin, licence, language, group, labels, original row), 64 hex digits."""
    fields = {"origin", "licence", "language", "group", "labels"}
    original = None if record.original is None else orjson.loads(record.original)
    metadata = record.model_dump(mode="json", include=fields) | {"original": original}
    return hashlib.sha256(orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS)).hexdigest()


def bucket_of(row_id: str) -> int:
    """Number of the bucket that a row falls into."""
    return hashlib.sha256(row_id.encode()).digest()[0]


def bucket_hashes(entries: Iterable[Entry]) -> list[str]:
    """The hash of every bucket, in bucket order; 64 hex digits each."""
    buckets: list[list[Entry]] = [[] for _ in range(BUCKETS)]
    for entry in entries:
        buckets[bucket_of(entry.row_id)].append(entry)
    return [_hash(part for entry in sorted(bucket) for part in entry) for bucket in buckets]


def version_id(buckets: Iterable[str]) -> str:
    """The id of the version that has these bucket hashes, 64 hex digits."""
    return _hash((SCHEMA_HASH, *buckets))


def _hash(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(str(len(encoded)).encode() + b":" + encoded)
    return digest.hexdigest()
