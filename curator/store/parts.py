"""Parts: immutable Parquet files in `records/` that hold the texts of imported records.

A part is written whole beside its final place, synced and renamed before the transaction that names it, so it is whole
or absent, and one that no row of the table `part` names is left over from an import that died and may go. Row groups
are small, so that one record is read in a few milliseconds. A row is the record as JSON and, behind a line feed, the
row of the file word for word: the second repeats the first, so together they compress to little more than one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curator import whole
from curator.errors import StoreError
from schemas.record import Record

_ROWS_PER_GROUP = 1_024
_GROUPS_IN_MEMORY = 16
_COLUMNS = pa.schema(
    [pa.field("content_hash", pa.binary(32), nullable=False), pa.field("text", pa.string(), nullable=False)]
)
_UNFINISHED = ".unfinished-"
_LOCK = ".importing"


class PartFile(NamedTuple):
    """A part that was written."""

    name: str
    rows: int
    sha256: str


def write(folder: Path, name: str, *, content_hashes: bytes, texts: Sequence[bytes]) -> PartFile:
    """Write rows as the part `name`. Returns what the table `part` says of it.

    Args:
        folder: Where.
        name: Of the file.
        content_hashes: 32 bytes each.
        texts: As `Incoming.text` builds them, UTF-8.

    Raises:
        StoreError: It cannot be written; then nothing of it is left.
    """
    unfinished, final = folder / f"{_UNFINISHED}{name}", folder / name
    columns = [
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(texts), [None, pa.py_buffer(content_hashes)]),
        _strings(texts),
    ]
    try:
        with unfinished.open("wb") as stream:
            pq.write_table(
                pa.Table.from_arrays(columns, schema=_COLUMNS), stream, row_group_size=_ROWS_PER_GROUP,
                compression="zstd", use_dictionary=False, write_statistics=False,
            )  # fmt: skip
            stream.flush()
            os.fsync(stream.fileno())
        with unfinished.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        unfinished.rename(final)
        whole.sync(folder)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StoreError(
            f"Texts cannot be written to {folder}: {error.strerror or error}.",
            hint="Free some space or check the rights there, then import the file again: what is stored stays.",
        ) from error
    return PartFile(name, len(texts), sha256)


def _strings(texts: Sequence[bytes]) -> pa.Array | pa.ChunkedArray:
    """Texts in UTF-8 as a column, built by hand: `pa.array` of a list imports pandas, which takes a worker 0.3 s."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    if ends[-1] > np.iinfo(np.int32).max:  # more than one array of strings can hold
        return pa.array(texts, pa.binary()).cast(pa.string())
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    strings = pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(texts)))
    strings.validate(full=True)
    return strings


def record_of(text: bytes) -> Record:
    """The record that a row of a part holds."""
    content, _, original = text.partition(b"\n")
    values = orjson.loads(content)
    if original:
        values["original"] = original
    return Record.model_validate(values)


def texts(file: Path, rows: NDArray[np.int64], *, sha256: str) -> tuple[list[bytes], list[bytes]]:
    """Content hashes (32 bytes each) and texts of some rows of a part, ascending; a row may be asked for twice.

    Args:
        file: The part.
        rows: Which.
        sha256: Of the part, as the database holds it since the import.

    Raises:
        StoreError: The part is missing or damaged, or is not the one that was imported.
    """
    numbers = sorted(set((rows // _ROWS_PER_GROUP).tolist()))
    try:
        raw = file.read_bytes()
        if hashlib.sha256(raw).hexdigest() != sha256:
            raise _unreadable(file, "the file is not the one that was imported, since its sha256 is another")
        with pq.ParquetFile(pa.py_buffer(raw)) as parquet:
            table = parquet.read_row_groups(numbers, use_threads=False)
    except (OSError, pa.ArrowException, IndexError) as error:
        raise _unreadable(file, error) from error
    place = np.searchsorted(numbers, rows // _ROWS_PER_GROUP) * _ROWS_PER_GROUP + rows % _ROWS_PER_GROUP
    if len(place) and int(place.max()) >= table.num_rows:
        raise _unreadable(file, "rows are missing")
    if not np.array_equal(place, np.arange(table.num_rows)):
        table = table.take(pa.array(place))
    return table.column("content_hash").to_pylist(), table.column("text").cast(pa.binary()).to_pylist()


def _unreadable(file: Path, reason: object) -> StoreError:
    return StoreError(
        f"The texts in {file} cannot be read: {reason}.", hint="Restore the file from a backup of the workspace."
    )


class Parts:
    """The parts of a workspace, as a process reads them; threads may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._groups: OrderedDict[tuple[str, int], pa.Array] = OrderedDict()
        self._lock = threading.Lock()

    def record(self, name: str, row: int) -> Record:
        """The record in a row of a part.

        Raises:
            StoreError: The part is missing or damaged.
        """
        return record_of(self.text(name, row))

    def text(self, name: str, row: int) -> bytes:
        """The record in a row of a part as JSON, and behind a line break its row as it came, where that was kept.

        Raises:
            StoreError: The part is missing or damaged.
        """
        texts = self._group(name, row // _ROWS_PER_GROUP)
        text: str = texts[row % _ROWS_PER_GROUP].as_py()
        return text.encode()

    def _group(self, name: str, number: int) -> pa.Array:
        """Texts of a row group; the last ones read are kept, since neighbours are read together."""
        key = name, number
        with self._lock:
            if key in self._groups:
                self._groups.move_to_end(key)
                return self._groups[key]
        file = self.folder / name
        try:
            with pq.ParquetFile(file) as parquet:
                texts = parquet.read_row_group(number, columns=["text"]).column("text").combine_chunks()
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(file, error) from error
        with self._lock:
            self._groups[key] = texts
            while len(self._groups) > _GROUPS_IN_MEMORY:
                self._groups.popitem(last=False)
        return texts


@contextmanager
def importing(folder: Path) -> Iterator[None]:
    """Hold off `leftovers` in every process while parts are written that no row names yet."""
    with _lock_file(folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def leftovers(folder: Path) -> Iterator[set[str]]:
    """Names of all parts, those that were not finished too; none while an import is under way in any process.

    No import begins inside the block.
    """
    with _lock_file(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield set()
        else:
            yield {file.name for file in folder.iterdir() if file.suffix == ".parquet"}


def remove(folder: Path, name: str) -> None:
    """Remove a part that no row names."""
    (folder / name).unlink(missing_ok=True)


def _lock_file(folder: Path) -> IO[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / _LOCK).open("a")
