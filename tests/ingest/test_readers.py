"""Readers: the same rows come out of every kind of file, packed or not, and each row knows its place."""

from __future__ import annotations

import functools
import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.errors import IngestError
from curator.ingest.opening import open_rows
from curator.ingest.readers import workbook
from curator.ingest.rows import MAX_ROW, Row
from schemas.importing import RowIssue

ROWS = [
    {"prompt": "Name a colour.", "completion": "Red."},
    {"prompt": "Two\nlines, and a comma", "completion": 'A "quote" 😀 é'},
    {"prompt": "{[", "completion": "\\]}"},
]


def read(file: Path) -> list[Row | RowIssue]:
    return list(open_rows(file).rows)


def values(file: Path) -> list[dict[str, object]]:
    rows = read(file)
    assert all(isinstance(row, Row) for row in rows), rows
    return [row.values for row in rows if isinstance(row, Row)]


def rules(file: Path) -> list[str]:
    return [row.rule if isinstance(row, RowIssue) else "" for row in read(file)]


def _csv(delimiter: str) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        cells = [["prompt", "completion"], *([row["prompt"], row["completion"]] for row in ROWS)]
        quoted = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in cells]
        file.write_bytes(("\r\n".join(quoted) + "\r\n").encode())

    return write


def _excel(file: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["prompt", "completion"], *([row["prompt"], row["completion"]] for row in ROWS)]:
        book.active.append(row)
    book.save(file)


def _stream(file: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[Path], object]] = {
    "array.json": lambda file: file.write_text(json.dumps(ROWS)),
    "pretty.json": lambda file: file.write_text(json.dumps(ROWS, indent=2, ensure_ascii=False)),
    "objects.json": lambda file: file.write_text("\n".join(json.dumps(row, indent=2) for row in ROWS)),
    "flat.json": lambda file: file.write_text("\n".join(json.dumps(row, indent=0) for row in ROWS)),
    "data.json": lambda file: file.write_text(json.dumps({"version": 1, "data": ROWS, "end": [1]})),
    "data-pretty.json": lambda file: file.write_text(json.dumps({"meta": {"n": [1]}, "data": ROWS}, indent=1)),
    "splits.json": lambda file: file.write_text(json.dumps({"train": ROWS[:2], "test": ROWS[2:]})),
    "lines.jsonl": lambda file: file.write_text("\n".join(json.dumps(row) for row in ROWS)),
    "cells.csv": _csv(","),
    "semicolons.csv": _csv(";"),
    "tabs.tsv": _csv("\t"),
    "columns.parquet": lambda file: pq.write_table(pa.Table.from_pylist(ROWS), file),
    "stream.arrow": _stream,
    "table.feather": lambda file: pyarrow.feather.write_feather(pa.Table.from_pylist(ROWS), str(file)),
    "sheet.xlsx": _excel,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str, packing: str) -> None:
    file = tmp_path / name
    WRITERS[name](file)
    if packing:
        file = tmp_path / (name + packing)
        file.write_bytes(content_of(name, packing))
    assert values(file) == ROWS


@pytest.mark.parametrize("name", ["array.json", "lines.jsonl", "cells.csv", "tabs.tsv", "pretty.json"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_is_read_in_every_unicode_encoding(tmp_path: Path, name: str, encoding: str) -> None:
    plain, file = tmp_path / name, tmp_path / f"wide-{name}"
    WRITERS[name](plain)
    file.write_bytes(plain.read_bytes().decode().encode(encoding))
    assert values(file) == ROWS


def test_an_excel_file_above_a_size_is_streamed_and_gives_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    for row in [["prompt", "n", "share", None], [None, None], ["a", 42, 0.5], ["b", "x", True]]:
        book.active.append(row)
    book.create_sheet("more").append(["prompt", "n", "share"])
    book["more"].append(["c", 7, None])
    book.save(file)
    at_once = values(file)
    assert at_once == [
        {"prompt": "a", "n": "42", "share": 0.5},
        {"prompt": "b", "n": "x", "share": True},
        {"prompt": "c", "n": "7", "share": None},
    ]
    monkeypatch.setattr(workbook, "_STREAMED", 0)
    assert values(file) == at_once


def test_the_place_of_a_row_is_the_one_that_a_person_would_count(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a": [\n {"x": 1}]}\n')
    assert values(file) == [{"a": [{"x": 1}]}], "an object with a list is one row under any name that is not known"
    file.write_text('{"train": [{"x": 1}, {"x": }], "test": [{"x": 3}]}')
    assert [(row.line, isinstance(row, Row)) for row in read(file)] == [(1, True), (2, False), (3, True)]
    file = tmp_path / "a.csv"
    file.write_text('a,b\n"1\n2",x\n\n3,y\n')
    assert [row.line for row in read(file)] == [2, 5]


def test_a_broken_element_of_an_array_takes_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('[{"a": 1}, {"a": nope}, 7, "x, ]", {"a": 2},]')
    assert rules(file) == ["", "unreadable-json", "not-an-object", "not-an-object", ""]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("first", [{}, {"id": 7}, {"examples": [{"instruction": "Not this."}]}])
def test_a_row_with_a_list_of_examples_is_a_row_and_hides_none_before_it(
    tmp_path: Path, indent: int | None, first: dict[str, object]
) -> None:
    rows = [
        first | {"instruction": "One.", "output": "1"},
        {"instruction": "Two.", "output": "2", "examples": [{"instruction": "Not this.", "output": "x" * 2_000}]},
        {"examples": [{"instruction": "Not this.", "output": "x" * 2_000}], "instruction": "Three.", "output": "3"},
    ]
    for n in range(1, len(rows) + 1):
        file = tmp_path / f"{n}.json"
        file.write_text("\n".join(json.dumps(row, indent=indent) for row in rows[:n]))
        assert values(file) == rows[:n]


def test_an_array_under_another_name_than_that_of_rows_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text(json.dumps({"extra": [{"prompt": "A?"}], "data": ROWS, "tags": ["a"], "more": {"b": [{"c": 1}]}}))
    issue, *rows = read(file)
    assert isinstance(issue, RowIssue)
    assert (issue.rule, issue.field, issue.text) == ("other-array", "extra", '[{"prompt": "A?"}]')
    assert [row.values for row in rows if isinstance(row, Row)] == ROWS


@pytest.mark.parametrize("end", ["", ",", ', {"a": "b', ', {"a": [', ', {"a": 1', " \n"])
@pytest.mark.parametrize("start", ["[", '{"data": ['])
def test_an_array_that_is_cut_off_says_how_many_rows_were_whole(tmp_path: Path, start: str, end: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(start + '{"a": 1}, {"a": 2}' + end)
    with pytest.raises(IngestError, match="ends after 2 whole rows"):
        open_rows(file)


def test_an_array_that_is_cut_off_behind_a_bracket_keeps_its_whole_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('[{"a": 1}, {"a": [2]')
    first, last = read(file)
    assert isinstance(first, Row)
    assert isinstance(last, RowIssue)
    assert (last.rule, "ends after 1 whole rows" in last.problem) == ("cut-off", True)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['1,"two', "3,4", "5,6"], ["unreadable-csv", "", ""]),
        (['1,"t"wo"', "3,4"], ["unreadable-csv", ""]),
        (["1,2,3", "4", '5,6"7'], ["field-count", "field-count", ""]),
    ],
)
def test_wrong_quoting_costs_the_row_on_which_it_stands(tmp_path: Path, lines: list[str], expected: list[str]) -> None:
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["a,b", *lines]) + "\n")
    assert rules(file) == expected
    assert [row.text for row in read(file)] == lines


def test_a_parquet_row_that_is_not_text_takes_no_other_with_it(tmp_path: Path) -> None:
    offsets, data = pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"ok\xff\xfe")
    texts = pa.StringArray.from_buffers(2, offsets, data)
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": texts, "b": [1, 2]}), file)
    assert rules(file) == ["", "not-utf8"]


def test_a_damaged_offset_in_an_arrow_file_does_not_end_the_process(tmp_path: Path) -> None:
    content = bytearray(content_of("stream.arrow", ""))
    place = int(0.90625 * len(content))
    for damage in (b"\x80", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80"):
        for shift in range(-64, 64, 4):
            damaged = content.copy()
            damaged[place + shift : place + shift + len(damage)] = damage
            file = tmp_path / "a.arrow"
            file.write_bytes(damaged)
            try:
                read(file)
            except IngestError as error:
                assert "is damaged" in error.problem


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["Q"]), pa.array(["A"]), pa.array(["B"])], names=["prompt", "text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(IngestError, match="Two columns of a"):
        read(tmp_path / "a.parquet")


def test_a_header_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("prompt,completion,café\nQ,A,x\n".encode("latin-1"))
    with pytest.raises(IngestError, match="is not UTF-8 text"):
        read(tmp_path / "a.csv")


_BITS = [
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b",",
    b":",
    b"\n",
    b'{"a": 1}',
    b'"data": [',
    b"\\",
    b"\x00",
    b"\xff",
    b" ",
    b"a",
]
_SOUP = st.lists(st.sampled_from(_BITS), max_size=40).map(b"".join)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(_SOUP, st.binary(max_size=60)), name=st.sampled_from(["a.json", "a.jsonl", "a.csv", "a"]))
def test_any_text_is_read_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    try:
        rows = read(file)
    except IngestError:
        return
    assert len(rows) <= len(content)


@functools.cache  # a workbook holds the time: written twice, it would not be the same file for hypothesis
def content_of(name: str, packing: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        WRITERS[name](file)
        content = file.read_bytes()
    if packing == ".gz":
        return gzip.compress(content, mtime=0)
    return bytes(pa.compress(content, "zstd", asbytes=True)) if packing else content


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(sorted(WRITERS)), packing=st.sampled_from(["", ".gz", ".zst"]))
def test_any_damage_to_a_file_is_read_or_refused(tmp_path: Path, data: st.DataObject, name: str, packing: str) -> None:
    content = bytearray(content_of(name, packing))
    place = int(data.draw(st.floats(0, 0.999)) * len(content))
    content[place : place + data.draw(st.integers(0, 60))] = data.draw(st.binary(max_size=4))
    file = tmp_path / (name + packing)
    file.write_bytes(content)
    try:
        read(file)
    except IngestError as error:
        assert error.problem.endswith("."), error.problem


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_blocks_of_lines_hold_every_line_once(tmp_path: Path, end: bytes) -> None:
    """Lines across the border of a block, one longer than a block, one too long."""
    lines = [b'{"n": %d, "text": "%b"}' % (n, b"x" * size) for n, size in enumerate([5, 3 * 2**20, 9 * 2**20, 2**20])]
    lines.insert(2, b'{"text": "' + b"y" * (MAX_ROW + 1) + b'"}')
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"\n".join(lines) + end)
    opened = open_rows(file)
    next(opened.rows)
    seen: dict[int, bytes | str] = {}
    assert opened.lines is not None
    for block in opened.lines:
        if isinstance(block, RowIssue):
            seen[block.line] = block.rule
        else:
            seen |= {n: raw.rstrip(b"\r") for n, raw in enumerate(block.raw.split(b"\n"), block.first) if raw}
    assert seen == {1: lines[0], 2: lines[1], 3: "row-too-long", 4: lines[3], 5: lines[4]}
