"""Columnar files: Parquet, and Arrow as file (Feather) or as stream (what `datasets` writes).

Rows are read in small batches, never through a memory map: a file that shrinks under a map ends the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curator.errors import IngestError
from curator.ingest.rows import MAX_FIELDS, MAX_ROW, SHOWN, Row, RowFile, as_text, checked, too_long
from schemas.importing import RowIssue

PARQUET = b"PAR1"
ARROW = b"ARROW1"
_ROWS = 1_000
_BATCH = 2**26
"""Bytes of rows that are held at once."""
_UNREAD = (ValueError, OverflowError, pa.ArrowException)
_ERRORS = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)


def read_parquet(stream: BinaryIO, name: str) -> RowFile:
    """The rows of a Parquet file.

    Raises:
        IngestError: It is damaged or has too many columns.
    """
    try:
        file = pq.ParquetFile(stream, pre_buffer=False)
    except _ERRORS as error:
        raise _damaged(name, error) from error
    _check_width(file.schema_arrow, name)
    groups = range(file.metadata.num_row_groups)
    total = sum(file.metadata.row_group(n).total_byte_size for n in groups)
    size = max(1, min(_ROWS, _BATCH * max(1, file.metadata.num_rows) // max(1, total)))
    return RowFile(_rows(file.iter_batches(batch_size=size), name))


def read_arrow(stream: BinaryIO, name: str) -> RowFile:
    """The rows of an Arrow file or stream.

    Raises:
        IngestError: It is damaged or has too many columns.
    """
    is_file = stream.read(len(ARROW)) == ARROW
    stream.seek(0)
    try:
        if is_file:
            reader = pa.ipc.open_file(stream)
            batches = (reader.get_batch(n) for n in range(reader.num_record_batches))
        else:
            reader = pa.ipc.open_stream(stream)
            batches = iter(reader)
    except _ERRORS as error:
        raise _damaged(name, error) from error
    _check_width(reader.schema, name)
    return RowFile(_rows(batches, name))


def _rows(batches: Iterator[pa.RecordBatch], name: str) -> Iterator[Row | RowIssue]:
    position = 0
    while True:
        try:
            batch = next(batches, None)
        except _ERRORS as error:
            raise _damaged(name, error, after=position) from error
        if batch is None:
            return
        for start in range(0, batch.num_rows, _ROWS):
            part = batch.slice(start, _ROWS)
            for n, values in enumerate(_values(part)):
                yield _row(values, part, n, position=position + start + n + 1)
        position += batch.num_rows


def _values(part: pa.RecordBatch) -> list[dict[str, Any] | Exception]:
    """The values of every row, or why they cannot be had; one bad row does not take the others with it.

    Arrow trusts the offsets that stand in a file. Read unchecked, a damaged one would end the process.
    """
    try:
        part.validate(full=True)
        return list(part.to_pylist())
    except _UNREAD:
        values: list[dict[str, Any] | Exception] = []
        for n in range(part.num_rows):
            try:
                one = part.slice(n, 1)
                one.validate(full=True)
                values += one.to_pylist()
            except _UNREAD as error:
                values.append(error)
        return values


def _row(values: dict[str, Any] | Exception, part: pa.RecordBatch, n: int, *, position: int) -> Row | RowIssue:
    if isinstance(values, dict):
        try:
            text = as_text(values)
        except (TypeError, ValueError, RecursionError) as error:
            values = error
    if isinstance(values, Exception):
        is_bytes = isinstance(values, UnicodeDecodeError) or "UTF8" in str(values)
        reason = str(values).splitlines()[0].rstrip(".") if str(values) else type(values).__name__
        rule, problem = "not-utf8" if is_bytes else "wrong-type", f"A value cannot be read: {reason}."
        text = _readable(part.slice(n, 1))
        return RowIssue(line=position, field="", rule=rule, problem=problem, text=text, is_whole=False)
    if len(text) > MAX_ROW:
        return too_long(position, len(text), text[:SHOWN].encode())
    return checked(position, text, orjson.loads(text))


def _readable(row: pa.RecordBatch) -> str:
    """The row with the columns that can be read, and text that is not UTF-8 with its bytes as escapes."""
    shown: dict[str, str] = {}
    for name, column in zip(row.schema.names, row.columns, strict=True):
        try:
            is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
            kept = (
                column.view(pa.binary() if pa.types.is_string(column.type) else pa.large_binary())
                if is_text
                else column
            )
            kept.validate(full=True)
            value = kept.to_pylist()[0]
            shown[name] = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
        except _UNREAD:
            shown[name] = "(cannot be read)"
    return as_text(shown)


def _check_width(schema: pa.Schema, name: str) -> None:
    try:
        names = schema.names
    except UnicodeDecodeError as error:
        raise _damaged(name, error) from error
    if doubled := next((column for n, column in enumerate(names) if column in names[:n]), None):
        raise IngestError(
            f"Two columns of {name} are called {doubled}; one of them would be lost.",
            hint="Give every column its own name.",
        )
    if len(names) > MAX_FIELDS:
        raise IngestError(
            f"{name} has {len(names):,} columns; at most {MAX_FIELDS:,} can be read.",
            hint="Keep the columns that hold instruction and response.",
        )


def _damaged(name: str, error: Exception, *, after: int | None = None) -> IngestError:
    place = "" if after is None else f" after row {after:,}"
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return IngestError(f"{name} is damaged{place}: {reason[0][:200]}.", hint="Copy it again or write it anew.")
