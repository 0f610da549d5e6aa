"""Joined Parquet: what is copied together reads as what stood apart, by every reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curator.versions.joined_parquet import join

SCHEMA = pa.schema([
    pa.field("text", pa.string(), nullable=False),
    pa.field("number", pa.int64()),
    pa.field("turns", pa.list_(pa.struct([("role", pa.string()), ("train", pa.bool_())]))),
    *(pa.field(f"more {n}", pa.float64()) for n in range(20)),
])  # fmt: skip


TURN = {"role": "user", "train": True}


def write(file: Path, rows: list[dict[str, Any]], **options: Any) -> pa.Table:
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    pq.write_table(table, file, compression="zstd", row_group_size=2, **options)
    return table


@pytest.mark.parametrize("plain", [False, True])
def test_joined_files_hold_the_rows_of_all(tmp_path: Path, plain: bool) -> None:
    options = {"use_dictionary": not plain, "write_statistics": not plain, "write_page_index": not plain}
    paths, expected = [], []
    for n in range(20):
        paths.append(tmp_path / f"{n}.parquet")
        rows = [
            {
                "text": "\u00e4" * m,
                "number": None if m % 3 else n - 9,
                "turns": [{"role": "user", "train": True}] * (n % 3),
            }
            for m in range(n % 6)
        ]
        write(paths[-1], rows, **options)
        expected += rows
    join(tmp_path / "all.parquet", paths)
    joined = pq.read_table(tmp_path / "all.parquet")
    assert joined.equals(pa.concat_tables(map(pq.read_table, paths)), check_metadata=True)
    assert joined.select(["text", "number", "turns"]).to_pylist() == expected
    texts = duckdb.sql(f"SELECT text, number FROM '{tmp_path / 'all.parquet'}'").fetchall()
    assert texts == [(row["text"], row["number"]) for row in expected]


def test_one_file_is_joined_to_itself_byte_for_byte(tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", [{"text": "a", "number": n} for n in range(100)])
    join(tmp_path / "all.parquet", [tmp_path / "one.parquet"])
    assert (tmp_path / "all.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", [{"text": "a"}])
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(ValueError, match=r"other\.parquet has not the columns of"):
        join(tmp_path / "all.parquet", [tmp_path / "one.parquet", tmp_path / "other.parquet"])
    (tmp_path / "none.parquet").write_bytes(b"PAR1 and no footer")
    with pytest.raises(ValueError, match="not a Parquet file"):
        join(tmp_path / "all.parquet", [tmp_path / "none.parquet"])
