"""Opening a file: unpacked, as UTF-8, with the reader that its first bytes ask for.

A packed file, or one in UTF-16, is written out plain into a nameless temporary file first: so every reader may seek,
and what is wrong with the packing shows before the first row is stored.
"""

from __future__ import annotations

import codecs
import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

import pyarrow as pa

from curator.errors import IngestError
from curator.ingest.readers import columnar, delimited, json_document, json_lines, workbook
from curator.ingest.rows import Lines, Reader, Row, RowFile
from schemas.importing import RowIssue

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PACKED = (".gz", ".zst", ".zstd")
_LOOK = 2**16
_BLOCK = 2**20
_SMALL = 100 * 2**20
_MAX_RATIO = 200
"""Times its packed size that a file may have, above `_SMALL`; instruction data has 3 to 20."""
_CHECKED = 1_000
"""Rows after which it is checked that the file is still the same."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def open_rows(file: Path) -> RowFile:
    """The rows of a file of any kind.

    Raises:
        IngestError: The file is missing, empty, damaged or of no kind that is read; later, while its rows are read: it
            changed meanwhile.
    """
    try:
        stream: BinaryIO = file.open("rb")
        watched: BinaryIO = file.open("rb")  # a handle of its own: readers close theirs when they like
        before = _State.of(watched)
        start = stream.read(_LOOK)
        stream.seek(0)
    except OSError as error:
        raise IngestError(f"{file} cannot be read: {error.strerror}.", hint="Check the path and the rights.") from error
    name = plain_name(file)
    opened = _unpacked(stream, start, name)
    inner = Path(name).stem if Path(name).suffix.lower() in _PACKED and opened is not stream else name
    plain = _as_utf8(opened)
    start = plain.read(_LOOK)
    plain.seek(0)
    if not start.strip():
        raise IngestError(f"{name} is empty.", hint="Export it again, or choose another file.")
    rows = _reader(start, inner)(plain, inner)
    lines = None if rows.lines is None else _unchanged(rows.lines, watched, before, name)
    return rows._replace(rows=_unchanged(rows.rows, watched, before, name), lines=lines)


def plain_name(file: Path) -> str:
    """The name of a file; bytes that are not UTF-8 are written as escapes."""
    return file.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _reader(start: bytes, name: str) -> Reader:
    """The reader for a file that begins so."""
    ending = Path(name).suffix.lower()
    if start.startswith(columnar.PARQUET):
        return columnar.read_parquet
    if start.startswith(columnar.ARROW) or ending in (".arrow", ".feather"):
        return columnar.read_arrow
    if start.startswith((workbook.ZIP, workbook.OLE)):
        return workbook.read
    if ending in (".csv", ".tsv", ".tab"):
        return delimited.read
    if start.lstrip().startswith((b"[", b"{")):
        return json_document.read if json_document.is_document(start) else json_lines.read
    if ending in (".jsonl", ".ndjson", ".json"):
        return json_lines.read
    return delimited.read


_T = TypeVar("_T", bound=Row | RowIssue | Lines)


class _State(NamedTuple):
    """What shows that a file was written to."""

    size: int
    changed: int

    @classmethod
    def of(cls, stream: BinaryIO) -> _State:
        stat = os.fstat(stream.fileno())
        return cls(stat.st_size, stat.st_mtime_ns)


def _unchanged(rows: Iterator[_T], stream: BinaryIO, before: _State, name: str) -> Iterator[_T]:
    """Rows, or blocks of lines, for as long as the file stays as it was when it was opened."""
    n = checked = 0
    try:
        for each in rows:
            yield each
            n += each.raw.count(b"\n") if isinstance(each, Lines) else 1
            if n >= checked + _CHECKED:
                _refuse_changed(stream, before, name, after=n)
                checked = n
    except IngestError:
        _refuse_changed(stream, before, name, after=n)  # the better reason
        raise
    _refuse_changed(stream, before, name, after=n)


def _refuse_changed(stream: BinaryIO, before: _State, name: str, *, after: int) -> None:
    now = _State.of(stream)
    if now == before:
        return
    became = f"from {before.size:,} to {now.size:,} bytes" if now.size != before.size else "in place"
    raise IngestError(
        f"{name} changed {became} while it was read; {after:,} rows had been read.",
        hint="Wait until it is written whole, then import it again: rows that are known are not stored twice.",
    )


def _unpacked(stream: BinaryIO, start: bytes, name: str) -> BinaryIO:
    """The stream itself, or a temporary file with what it unpacks to."""
    if not start.startswith((_GZIP, _ZSTD)):
        return stream
    size = os.fstat(stream.fileno()).st_size
    is_gzip = start.startswith(_GZIP)
    packed = cast(BinaryIO, gzip.GzipFile(fileobj=stream) if is_gzip else pa.CompressedInputStream(stream, "zstd"))
    try:
        return _written_out(packed, limit=max(_SMALL, _MAX_RATIO * size), name=name)
    except (EOFError, zlib.error, pa.ArrowException, OSError) as error:
        raise IngestError(
            f"{name} cannot be unpacked: {error}.", hint="It is cut off or damaged; copy or download it again."
        ) from error


def _written_out(packed: BinaryIO, *, limit: int, name: str) -> BinaryIO:
    plain = _temporary_file()
    size = 0
    while block := packed.read(_BLOCK):
        size += len(block)
        if size > limit:
            plain.close()
            raise IngestError(
                f"{name} unpacks to more than {_MAX_RATIO} times its size, which no real data does.",
                hint="Unpack it yourself if you know what it holds, and import the file.",
            )
        plain.write(block)
    plain.seek(0)
    return plain


def _temporary_file() -> BinaryIO:
    """A file without a name, which goes when the last row was read."""
    return cast(BinaryIO, tempfile.TemporaryFile())


def _as_utf8(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or a temporary file with its text as UTF-8 where it begins with a mark or is UTF-16."""
    start = stream.read(4)
    if start.startswith(codecs.BOM_UTF8):
        stream.seek(len(codecs.BOM_UTF8))
        plain = _temporary_file()
        shutil.copyfileobj(stream, plain, _BLOCK)
        plain.seek(0)
        return plain
    stream.seek(0)
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), None) or _unmarked(start)
    if encoding is None:
        return stream
    decoder = codecs.getincrementaldecoder(encoding)(errors=_KEEP)
    plain = _temporary_file()
    is_first = True
    while True:
        block = stream.read(_BLOCK)
        text = decoder.decode(block, final=not block)
        plain.write((text.removeprefix("\ufeff") if is_first else text).encode("utf-8", "surrogatepass"))
        is_first = False
        if not block:
            plain.seek(0)
            return plain


def _unmarked(start: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of the first two characters, which are brackets or letters, is zero."""
    zeros = [byte == 0 for byte in start]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else None


_KEEP = "curator-keep-as-invalid"


def _keep_as_invalid(error: UnicodeError) -> tuple[str, int]:
    """Half a character becomes a lone surrogate: not text in UTF-8 either, so that its row is refused by name."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error(_KEEP, _keep_as_invalid)
