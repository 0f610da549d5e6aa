"""The files of a version: one Parquet file per split and a manifest; the same rows give the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.record import Message, Origin, Record
from schemas.version import FileHash, FrozenRow, Split

MANIFEST = "manifest.json"
_ROW_GROUP = 65_536
_TEXT = pa.string()
COLUMNS = pa.schema(
    [
        pa.field("row_id", _TEXT, nullable=False),
        pa.field("row_hash", _TEXT, nullable=False),
        pa.field("meta_hash", _TEXT, nullable=False),
        pa.field("instruction", _TEXT, nullable=False),
        pa.field("response", _TEXT, nullable=False),
        pa.field(
            "messages",
            pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT), ("train", pa.bool_())])),
            nullable=False,
        ),
        pa.field("source", _TEXT, nullable=False),
        pa.field("line", pa.int64()),
        pa.field("format", _TEXT),
        pa.field("licence", _TEXT),
        pa.field("language", _TEXT),
        pa.field("group", _TEXT),
        pa.field("labels", _TEXT, nullable=False),  # JSON object, keys sorted
        pa.field("original", _TEXT),  # JSON, the row as it was imported
        pa.field("alternative", _TEXT),  # versions frozen before there was one lack the column
    ]
)


def split_file(split: Split) -> str:
    """Name of the file that holds a split."""
    return f"{split.value}.parquet"


def write_split(file: Path, rows: Iterable[tuple[FrozenRow, str]]) -> int:
    """Write rows (each with its metadata hash) in the order given; returns how many."""
    written = 0
    pending = iter(rows)
    with pq.ParquetWriter(file, COLUMNS, compression="zstd") as writer:
        while part := [_plain(row, meta) for row, meta in islice(pending, _ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(part, schema=COLUMNS), row_group_size=_ROW_GROUP)
            written += len(part)
    return written


def read_split(file: Path, split: Split) -> Iterator[tuple[FrozenRow, str]]:
    """Every row of a split in file order, with its metadata hash, streamed."""
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=2_000):
            for values in batch.to_pylist():
                yield _row(values, split), values["meta_hash"]


def hash_file(file: Path, *, name: str) -> FileHash:
    """Size and sha256 of a file, listed under `name`."""
    with file.open("rb") as stream:
        return FileHash(path=name, bytes=file.stat().st_size, sha256=hashlib.file_digest(stream, "sha256").hexdigest())


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and two blanks of indentation: the same value always gives the same bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _plain(row: FrozenRow, meta: str) -> dict[str, Any]:
    record = row.record
    return {
        "row_id": row.row_id,
        "row_hash": row.row_hash,
        "meta_hash": meta,
        "instruction": record.instruction,
        "response": record.response,
        "messages": [{"role": m.role, "content": m.content, "train": m.train} for m in record.messages],
        "source": record.origin.source,
        "line": record.origin.line,
        "format": record.origin.format,
        "licence": record.licence,
        "language": record.language,
        "group": record.group,
        "labels": orjson.dumps(record.labels, option=orjson.OPT_SORT_KEYS).decode(),
        "original": None if record.original is None else record.original.decode(),
        "alternative": record.alternative,
    }


def _row(values: dict[str, Any], split: Split) -> FrozenRow:
    record = Record(
        messages=tuple(Message.model_construct(**message) for message in values["messages"]),
        origin=Origin(source=values["source"], line=values["line"], format=values["format"]),
        original=None if values["original"] is None else values["original"].encode(),
        licence=values["licence"],
        language=values["language"],
        group=values["group"],
        labels=orjson.loads(values["labels"]),
        alternative=values.get("alternative"),
    )
    return FrozenRow(values["row_id"], values["row_hash"], split, record)
