"""The files of a version: one Parquet file of rows per split, one beside it of where they came from, and a manifest.

Rows stand in the order of their ids, so the same rows give the same bytes. What depends on file names (source, line,
the row as it was) stands in `provenance/`, in the same order, one line per row and arrival.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curator.versions.identity import ProvenanceHash, training_hash
from curator.versions.merging import with_arrivals
from schemas.record import Arrival, Message, Origin, Record, ToolCall
from schemas.version import FileHash, FrozenRow, Split

FORMAT = 2
MANIFEST = "manifest.json"
PROVENANCE = "provenance"
_ROW_GROUP = 65_536
_TEXT = pa.string()
_MESSAGES = pa.list_(
    pa.struct([
        ("role", _TEXT), ("content", _TEXT), ("train", pa.bool_()), ("name", _TEXT), ("tool_call_id", _TEXT),
        ("tool_calls", pa.list_(pa.struct([("id", _TEXT), ("name", _TEXT), ("arguments", _TEXT)]))),
    ])
)  # fmt: skip
COLUMNS = pa.schema(
    [
        pa.field("row_id", _TEXT, nullable=False),
        pa.field("content_hash", _TEXT, nullable=False),
        pa.field("training_hash", _TEXT, nullable=False),
        pa.field("instruction", _TEXT, nullable=False),
        pa.field("response", _TEXT, nullable=False),
        pa.field("messages", _MESSAGES, nullable=False),
        pa.field("tools", pa.list_(_TEXT)),  # each a JSON object
        pa.field("rejected", _MESSAGES),
        pa.field("prompt_length", pa.int32()),
        pa.field("desirable", pa.bool_()),
        pa.field("alternative", _TEXT),
        pa.field("groups", pa.list_(_TEXT)),
        pa.field("labels", _TEXT, nullable=False),  # JSON object, keys sorted
    ]
)
ARRIVALS = pa.schema(
    [
        pa.field("row_id", _TEXT, nullable=False),
        pa.field("content_hash", _TEXT, nullable=False),  # of the content as it came in
        pa.field("source", _TEXT, nullable=False),
        pa.field("line", pa.int64()),
        pa.field("format", _TEXT),
        pa.field("licence", _TEXT),
        pa.field("language", _TEXT),
        pa.field("group", _TEXT),
        pa.field("labels", _TEXT, nullable=False),  # JSON object, keys sorted
        pa.field("original", pa.binary()),
    ]
)


class ReadRow(NamedTuple):
    """A row as its file holds it, with what the file states about it."""

    row: FrozenRow
    training_hash: str
    instruction: str
    response: str
    groups: tuple[str, ...]


def split_file(split: Split) -> str:
    """Path of the file that holds the rows of a split, relative to the version's folder."""
    return f"{split.value}.parquet"


def provenance_file(split: Split) -> str:
    """Path of the file that says where the rows of a split came from."""
    return f"{PROVENANCE}/{split.value}.parquet"


def write_split(folder: Path, split: Split, rows: Iterable[FrozenRow], *, provenance: ProvenanceHash) -> None:
    """Write the rows of a split (in the order of their ids) and where they came from; `provenance` takes it in."""
    (folder / PROVENANCE).mkdir(exist_ok=True)
    pending = iter(rows)
    with (
        pq.ParquetWriter(folder / split_file(split), COLUMNS, compression="zstd") as content,
        pq.ParquetWriter(folder / provenance_file(split), ARRIVALS, compression="zstd") as origins,
    ):
        while part := list(islice(pending, _ROW_GROUP)):
            for row in part:
                provenance.add(row.row_id, row.arrivals)
            table = pa.Table.from_pylist([plain_row(row) for row in part], schema=COLUMNS)
            content.write_table(table, row_group_size=_ROW_GROUP)
            arrivals = [_plain_arrival(row.row_id, arrival) for row in part for arrival in row.arrivals]
            origins.write_table(pa.Table.from_pylist(arrivals, schema=ARRIVALS), row_group_size=_ROW_GROUP)


def read_split(folder: Path, split: Split) -> Iterator[ReadRow]:
    """Every row of a split in file order, streamed.

    Raises:
        ValueError: Rows and provenance do not belong together.
    """
    arrivals = groupby(_values(folder / provenance_file(split)), key=lambda values: values["row_id"])
    for values in _values(folder / split_file(split)):
        row_id, theirs = next(arrivals, (None, iter(())))
        if row_id != values["row_id"]:
            raise ValueError(f"row {values['row_id']} has no line in {provenance_file(split)}")
        yield _row(values, tuple(map(_arrival, theirs)), split)
    if next(arrivals, None) is not None:
        raise ValueError(f"{provenance_file(split)} speaks of rows that are not there")


def _values(file: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=2_000):
            yield from batch.to_pylist()


def hash_file(file: Path, *, name: str) -> FileHash:
    """Size and sha256 of a file, listed under `name`."""
    with file.open("rb") as stream:
        return FileHash(path=name, bytes=file.stat().st_size, sha256=hashlib.file_digest(stream, "sha256").hexdigest())


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and two blanks of indentation: the same value always gives the same bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def plain_row(row: FrozenRow) -> dict[str, Any]:
    """The values of a row by column, as its file holds them."""
    record = row.record
    return {
        "row_id": row.row_id,
        "content_hash": row.row_hash,
        "training_hash": training_hash(record),
        "instruction": record.instruction,
        "response": record.response,
        "messages": _plain_messages(record.messages),
        "tools": list(record.tools) or None,
        "rejected": _plain_messages(record.rejected) or None,
        "prompt_length": record.prompt_length,
        "desirable": record.desirable,
        "alternative": record.alternative,
        "groups": list(record.groups) or None,
        "labels": _json_object(record.labels),
    }


def _plain_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    return [
        {
            "role": m.role,
            "content": m.content,
            "train": m.train,
            "name": m.name,
            "tool_call_id": m.tool_call_id,
            "tool_calls": [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in m.tool_calls] or None,
        }
        for m in messages
    ]


def _plain_arrival(row_id: str, arrival: Arrival) -> dict[str, Any]:
    return {
        "row_id": row_id,
        "content_hash": arrival.content_hash,
        **arrival.origin.model_dump(),
        "licence": arrival.licence,
        "language": arrival.language,
        "group": arrival.group,
        "labels": _json_object(arrival.labels),
        "original": arrival.original,
    }


def _json_object(labels: dict[str, str]) -> str:
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()


def _row(values: dict[str, Any], arrivals: tuple[Arrival, ...], split: Split) -> ReadRow:
    record = Record.model_construct(
        origin=arrivals[0].origin,
        messages=_messages(values["messages"]),
        tools=tuple(values["tools"] or ()),
        rejected=_messages(values["rejected"]),
        prompt_length=values["prompt_length"],
        desirable=values["desirable"],
        alternative=values["alternative"],
    )
    whole = with_arrivals(record, arrivals, labels=orjson.loads(values["labels"]))
    row = FrozenRow(values["row_id"], values["content_hash"], split, whole, arrivals)
    groups = tuple(values["groups"] or ())
    return ReadRow(row, values["training_hash"], values["instruction"], values["response"], groups)


def _messages(plain: list[dict[str, Any]] | None) -> tuple[Message, ...]:
    return tuple(
        Message.model_construct(
            **{**values, "tool_calls": tuple(ToolCall.model_construct(**call) for call in values["tool_calls"] or ())}
        )
        for values in plain or ()
    )


def _arrival(values: dict[str, Any]) -> Arrival:
    return Arrival.model_construct(
        origin=Origin.model_construct(source=values["source"], line=values["line"], format=values["format"]),
        original=values["original"],
        licence=values["licence"],
        language=values["language"],
        group=values["group"],
        labels=orjson.loads(values["labels"]),
        content_hash=values["content_hash"],
    )
