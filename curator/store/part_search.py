"""Rows of parts whose texts may hold some terms.

A few parts are read in this process, which takes about 4 ms a thousand rows; for many DuckDB reads them with every
core, but needs a tenth of a second to begin. Case is ignored as far as Unicode's lower case goes. What is found is a
candidate only: a name of a field or of a file may hold a term too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curator.errors import StoreError

_FEW = 8 * 2**20
"""Bytes of files that are read in this process."""
_AT_A_TIME = 200


def matching_rows(folder: Path, names: Sequence[str], terms: Sequence[str]) -> Iterator[bytes]:
    """Content hashes of the rows in which every term may occur, in no order that means anything.

    Args:
        folder: Where the parts are.
        names: Of the parts.
        terms: As they stand inside a text of JSON; one at least.

    Raises:
        StoreError: A part is missing or damaged.
    """
    files = [folder / name for name in names]
    wanted = [term.lower() for term in terms]
    try:
        if sum(file.stat().st_size for file in files) <= _FEW:
            for file in files:
                yield from _read_here(file, wanted)
        elif files:
            yield from _read_by_duckdb(files, wanted)
    except (OSError, pa.ArrowException, duckdb.Error) as error:
        raise StoreError(
            f"The texts in {folder} cannot be searched: {error}.", hint="Restore the folder from a backup."
        ) from error


def _read_here(file: Path, terms: Sequence[str]) -> Iterator[bytes]:
    first, *others = sorted((term.encode() for term in terms), key=len, reverse=True)
    with pq.ParquetFile(file) as parquet:
        for number in range(parquet.num_row_groups):
            group = parquet.read_row_group(number, columns=["content_hash", "text"], use_threads=False)
            hashes = group.column("content_hash").combine_chunks()
            for row, text in _rows_with(first, pc.utf8_lower(group.column("text").combine_chunks())):
                if all(term in text for term in others):
                    yield hashes[row].as_py()


def _rows_with(term: bytes, texts: pa.StringArray) -> Iterator[tuple[int, bytes]]:
    """Every row that holds a term, with its text: all of them are searched at once, as one stretch of bytes."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[1 : len(texts) + 1]
    stretch = data.to_pybytes()
    place = stretch.find(term)
    while place >= 0:
        row = int(np.searchsorted(ends, place, "right"))
        start, end = int(ends[row - 1]) if row else 0, int(ends[row])
        if place + len(term) <= end:
            yield row, stretch[start:end]
            place = end
        else:  # the end of one text and the beginning of the next
            place += 1
        place = stretch.find(term, place)


# One row per row of a part whose text may hold every term.
_MATCHING_ROWS = """
SELECT content_hash
FROM read_parquet($files)
WHERE list_bool_and([contains(lower(text), term) FOR term IN $terms])
"""


def _read_by_duckdb(files: Sequence[Path], terms: Sequence[str]) -> Iterator[bytes]:
    with duckdb.connect() as texts:
        rows = texts.execute(_MATCHING_ROWS, {"files": [str(file) for file in files], "terms": list(terms)})
        while some := rows.fetchmany(_AT_A_TIME):
            yield from (row[0] for row in some)
