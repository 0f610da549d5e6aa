"""The files of a version: the rows of each split as Parquet, files beside them of where they came from, and a manifest.

Rows stand in the order of their ids, so the same rows give the same bytes. What depends on file names (source, line,
the row as it was) stands in `provenance/`, in the same order, one line per row and arrival. A large split is divided
into chunks (see `chunks`): `train/000.parquet` and so on in place of `train.parquet`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curator.versions.identity import training_hash
from curator.versions.merging import with_arrivals
from schemas.record import Arrival, Message, Origin, Record, ToolCall
from schemas.version import FileHash, FrozenRow, Split

FORMAT = 3
MANIFEST = "manifest.json"
PROVENANCE = "provenance"
ROW_GROUP = 65_536
ENCODING: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": [
        "training_hash", "labels", "groups.list.element", "messages.list.element.role", "rejected.list.element.role",
        "source", "format", "licence", "language", "group",
    ],
    "write_statistics": False,
}  # fmt: skip
"""How rows are encoded. Texts and hashes hardly repeat: a dictionary of them takes a quarter of the time and saves
nothing, and no query could pass a file over for its smallest hash."""
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


def chunk_file(split: Split, number: int = 0, *, bits: int = 0) -> str:
    """Path of the file that holds the rows of a split, or those whose ids begin with `number` in `bits` bits."""
    return f"{split.value}.parquet" if bits == 0 else f"{split.value}/{number:03x}.parquet"


def provenance_of(split: Split, number: int = 0, *, bits: int = 0) -> str:
    """Path of the file that says where these rows came from."""
    return f"{PROVENANCE}/{chunk_file(split, number, bits=bits)}"


def paths_of(folder: Path, split: Split) -> list[tuple[Path, Path]]:
    """The files of a split in the order of their rows, each with the one that says where its rows came from."""
    chunks = sorted((folder / split.value).glob("*.parquet"))
    whole = folder / chunk_file(split)
    names = [whole] if whole.exists() or not chunks else chunks
    return [(name, folder / PROVENANCE / name.relative_to(folder)) for name in names]


def write_table(file: Path, table: pa.Table) -> None:
    """Write rows, or where they came from; the same values always give the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, table.schema, **ENCODING) as writer:
        if table.num_rows:
            writer.write_table(table, row_group_size=ROW_GROUP)


def tables(paths: Iterable[Path], *, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of several files, one after another, `rows` at a time (the last ones fewer)."""
    waiting: list[pa.Table] = []
    count = 0
    for path in paths:
        with pq.ParquetFile(path) as parquet:
            for batch in parquet.iter_batches(batch_size=rows, columns=columns, use_threads=False):
                waiting.append(pa.Table.from_batches([batch]))
                count += batch.num_rows
                while count >= rows:
                    together = pa.concat_tables(waiting)
                    yield together.slice(0, rows).combine_chunks()
                    waiting, count = [together.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(waiting).combine_chunks()


def read_split(folder: Path, split: Split) -> Iterator[ReadRow]:
    """Every row of a split in file order, streamed.

    Raises:
        ValueError: Rows and provenance do not belong together.
    """
    for content, origins in paths_of(folder, split):
        yield from read_chunk(content, origins, split)


def read_chunk(content: Path, origins: Path, split: Split) -> Iterator[ReadRow]:
    """Every row of one file, with the file that says where its rows came from; as `read_split`."""
    where = f"{PROVENANCE}/{origins.name}"
    arrivals = groupby(_values(origins), key=lambda values: values["row_id"])
    for values in _values(content):
        row_id, theirs = next(arrivals, (None, iter(())))
        if row_id != values["row_id"]:
            raise ValueError(f"row {values['row_id']} has no line in {where}")
        yield _row(values, tuple(map(arrival_of, theirs)), split)
    if next(arrivals, None) is not None:
        raise ValueError(f"{where} speaks of rows that are not there")


def read_rows(folder: Path, split: Split, row_ids: Sequence[str]) -> Iterator[ReadRow]:
    """The rows of a split that have one of these ids, in file order."""
    wanted = [("row_id", "in", row_ids)]
    if not row_ids:
        return
    for content, origins in paths_of(folder, split):
        arrivals: dict[str, list[Arrival]] = {}
        values = pq.read_table(content, filters=wanted, use_threads=False).to_pylist()
        for origin in pq.read_table(origins, filters=wanted, use_threads=False).to_pylist() if values else ():
            arrivals.setdefault(origin["row_id"], []).append(arrival_of(origin))
        for each in values:
            yield _row(each, tuple(arrivals[each["row_id"]]), split)


def lowest_ids(folder: Path, split: Split, most: int) -> list[str]:
    """The first row ids of a split, which stand in their order."""
    ids: list[str] = []
    for content, _ in paths_of(folder, split):
        with pq.ParquetFile(content) as parquet:
            for batch in parquet.iter_batches(columns=["row_id"], use_threads=False):
                ids += batch.column("row_id").to_pylist()
                if len(ids) >= most:
                    return ids[:most]
    return ids


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
        **plain_content(record),
        "groups": list(record.groups) or None,
        "labels": json_object(record.labels),
    }


def plain_content(record: Record) -> dict[str, Any]:
    """What a model can see of a record, by column."""
    return {
        "instruction": record.instruction,
        "response": record.response,
        "messages": _plain_messages(record.messages),
        "tools": list(record.tools) or None,
        "rejected": _plain_messages(record.rejected) or None,
        "prompt_length": record.prompt_length,
        "desirable": record.desirable,
        "alternative": record.alternative,
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


def plain_arrival(arrival: Arrival) -> dict[str, Any]:
    """Where a content came from and what was said about it there, by column."""
    return {
        **arrival.origin.model_dump(),
        "licence": arrival.licence,
        "language": arrival.language,
        "group": arrival.group,
        "labels": json_object(arrival.labels),
        "original": arrival.original,
    }


def json_object(labels: dict[str, str]) -> str:
    """Labels as the one JSON text of them."""
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()


def labels_of(text: str) -> dict[str, str]:
    """Labels from their JSON text."""
    return cast(dict[str, str], orjson.loads(text))


def content_of(values: dict[str, Any]) -> Record:
    """A record from the columns of what a model can see of it; where it came from is not said."""
    return Record.model_construct(
        origin=_NOWHERE,
        messages=_messages(values["messages"]),
        tools=tuple(values["tools"] or ()),
        rejected=_messages(values["rejected"]),
        prompt_length=values["prompt_length"],
        desirable=values["desirable"],
        alternative=values["alternative"],
    )


_NOWHERE = Origin.model_construct(source="", line=None, format=None)


def _row(values: dict[str, Any], arrivals: tuple[Arrival, ...], split: Split) -> ReadRow:
    record = with_arrivals(content_of(values), arrivals, labels=labels_of(values["labels"]))
    row = FrozenRow(values["row_id"], values["content_hash"], split, record, arrivals)
    groups = tuple(values["groups"] or ())
    return ReadRow(row, values["training_hash"], values["instruction"], values["response"], groups)


def _messages(plain: list[dict[str, Any]] | None) -> tuple[Message, ...]:
    return tuple(
        Message.model_construct(
            **{**values, "tool_calls": tuple(ToolCall.model_construct(**call) for call in values["tool_calls"] or ())}
        )
        for values in plain or ()
    )


def arrival_of(values: dict[str, Any]) -> Arrival:
    """An arrival from its columns."""
    return Arrival.model_construct(
        origin=Origin.model_construct(source=values["source"], line=values["line"], format=values["format"]),
        original=values["original"],
        licence=values["licence"],
        language=values["language"],
        group=values["group"],
        labels=orjson.loads(values["labels"]),
        content_hash=values["content_hash"],
    )
