"""Tables: a version as CSV or as an Excel workbook, and as a folder of `datasets`.

A table has the columns of the frozen rows; what is nested stands in a cell as JSON text. A spreadsheet runs a cell that
begins like a formula, so such a text gets an apostrophe before it, which the import takes off again.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from curator.versions import files, joined_parquet
from schemas.version import FrozenRow, Split

_COLUMNS = (
    "instruction", "response", "messages", "tools", "rejected", "prompt_length", "desirable", "alternative", "groups",
    "labels", "row_id", "content_hash", "training_hash",
)  # fmt: skip
"""What people read comes first."""
_RUNS = ("=", "+", "-", "@", "\t", "\r")
_MOST_CHARACTERS = 32_767
"""Excel cuts a longer cell."""
_NOT_IN_XML = re.compile("[\ufffe\uffff]")
"""No XML file can hold these; they would come back as other text."""
_MOST_ROWS = 1_048_576
_EPOCH = datetime(1980, 1, 1)
"""Written as the time of creation, so that the same rows give the same bytes."""


def harmless(text: str) -> str:
    """A text that a spreadsheet shows instead of running it.

    Example:
        >>> harmless("=1+1"), harmless("'=1"), harmless("a=1")
        ("'=1+1", "''=1", 'a=1')
    """
    return f"'{text}" if text.lstrip("'").startswith(_RUNS) else text


def write_csv(file: Path, rows: Iterable[FrozenRow]) -> None:
    """Write rows as CSV (UTF-8 without a byte order mark, every row with every column)."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_cells(row) for row in rows)


def write_workbook(file: Path, rows: Iterable[FrozenRow]) -> None:
    """Write rows as an Excel workbook with one sheet; every cell is text.

    Raises:
        ValueError: Excel cannot hold a cell or the number of rows; the message completes "Record X ...".
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(file), options) as workbook:
        workbook.set_properties({"created": _EPOCH})
        sheet = workbook.add_worksheet("rows")
        sheet.write_row(0, 0, _COLUMNS)
        for n, row in enumerate(rows, 1):
            if n >= _MOST_ROWS:
                raise ValueError(f"is row {n + 1:,} of its sheet, and Excel holds {_MOST_ROWS:,}")
            for column, text in enumerate(_cells(row)):
                if len(text) > _MOST_CHARACTERS:
                    raise ValueError(f"has {len(text):,} characters in {_COLUMNS[column]}, and Excel holds 32,767")
                if unheld := _NOT_IN_XML.search(text):
                    code = f"U+{ord(unheld.group()):04X}"
                    raise ValueError(f"has the character {code} in {_COLUMNS[column]}, which Excel cannot hold")
                if text:
                    sheet.write_string(n, column, text)


def _cells(row: FrozenRow) -> list[str]:
    values = files.plain_row(row)
    return [harmless(_text(values[column])) for column in _COLUMNS]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


DATASET_FILE = "dataset_dict.json"
"""Names the splits of a `datasets` folder."""
_ARROW = "data-00000-of-00001.arrow"


def write_index(folder: Path, splits: Sequence[Split]) -> None:
    """Write the file by which `datasets.load_from_disk` knows a `DatasetDict`."""
    (folder / DATASET_FILE).write_bytes(orjson.dumps({"splits": [split.value for split in splits]}))


def write_dataset(folder: Path, split: Split, batches: Iterable[pa.RecordBatch], *, fingerprint: str) -> list[str]:
    """Write one split of a `datasets` folder. Returns the paths of its files.

    Args:
        folder: Of all splits.
        split: Name of its folder.
        batches: The rows, with the frozen columns.
        fingerprint: What `datasets` caches by; 16 hex digits.
    """
    part = folder / split.value
    part.mkdir()
    with pa.OSFile(str(part / _ARROW), "wb") as stream, pa.ipc.new_stream(stream, files.COLUMNS) as writer:
        for batch in batches:
            writer.write_batch(batch)
    state: dict[str, Any] = {
        "_data_files": [{"filename": _ARROW}],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split.value,
    }
    (part / "state.json").write_bytes(files.canonical_json(state))
    (part / "dataset_info.json").write_bytes(files.canonical_json({"features": _features()}))
    return [f"{split.value}/{name}" for name in (_ARROW, "state.json", "dataset_info.json")]


def write_parquet(file: Path, paths: Sequence[Path]) -> None:
    """Write the rows of a frozen split, which stand in one file or in many, as one file with the same row groups."""
    if len(paths) == 1:
        shutil.copyfile(paths[0], file)
        return
    try:
        joined_parquet.join(file, paths)
    except ValueError:  # an earlier release may have linked files that another release of pyarrow had written
        with pq.ParquetWriter(file, files.COLUMNS, **files.ENCODING) as writer:
            for table in files.tables(paths, rows=files.ROW_GROUP):
                writer.write_table(table, row_group_size=files.ROW_GROUP)


def frozen_batches(paths: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """The rows of a frozen split as they are, a thousand at a time."""
    for table in files.tables(paths, rows=_BATCH):
        yield from table.to_batches()


_BATCH = 1_000


def batches_of(rows: Iterable[FrozenRow]) -> Iterator[pa.RecordBatch]:
    """Rows with the columns of a frozen split, for a version whose files have others."""
    pending = iter(rows)
    while part := [files.plain_row(row) for row in islice(pending, _BATCH)]:
        yield from pa.Table.from_pylist(part, schema=files.COLUMNS).to_batches()


def _features() -> dict[str, Any]:
    from datasets import Features  # takes seconds to import

    return dict(Features.from_arrow_schema(files.COLUMNS).to_dict())
