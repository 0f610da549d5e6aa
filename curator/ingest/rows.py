"""A file as rows: JSON arrays, JSON lines and CSV, each row with its place and its text word for word.

It knows nothing of formats: a row is a JSON object (or a CSV line under its header), whatever its keys mean.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from curator.errors import IngestError
from schemas.importing import RowIssue

_BOM = codecs.BOM_UTF8
_KEY = re.compile(rb'"\s*:')
csv.field_size_limit(2**31 - 1)


class Row(NamedTuple):
    """A row that could be read."""

    line: int
    """1-based line of the file (JSONL, CSV: where the row begins) or 1-based position in the array (JSON)."""
    text: str
    """Word for word."""
    values: dict[str, Any]
    is_json: bool = True
    """Whether the text is JSON."""


class RowFile(NamedTuple):
    """An opened file."""

    rows: Iterator[Row | RowIssue]
    """Every row in order, or why it cannot be read."""
    header: list[str] | None = None
    """Column names of a CSV file."""
    lines: BinaryIO | None = None
    """The same bytes again, from the first row on, where every line is a row of JSON."""


def open_rows(file: Path) -> RowFile:
    """The rows of a file; its kind is told by its first character, or by the ending `.csv`.

    Raises:
        IngestError: The file is missing or empty, or a CSV file has no usable header.
    """
    try:
        with file.open("rb") as stream:
            start = stream.read(4096).removeprefix(_BOM).lstrip()
    except OSError as error:
        raise IngestError(f"{file} cannot be read: {error.strerror}.", hint="Check the path and the rights.") from error
    if not start:
        raise IngestError(f"{file.name} is empty.", hint="Export it again, or choose another file.")
    if file.suffix.lower() in (".csv", ".tsv"):
        return _open_csv(file)
    if start.startswith(b"["):
        return RowFile(_array_rows(file))
    if start.startswith(b"{") or file.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return RowFile(_line_rows(file), lines=_lines(file))
    return _open_csv(file)


def parse_json(text: str, *, line: int) -> Row | RowIssue:
    """One JSON object from its text."""
    try:
        encoded = text.encode()
        values = orjson.loads(encoded)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        return RowIssue(line=line, field="", rule="unreadable-json", problem=f"Not valid JSON: {error}.", text=text)
    if not isinstance(values, dict):
        found = type(values).__name__
        return RowIssue(
            line=line, field="", rule="not-an-object", problem=f"A row is an object, not {found}.", text=text
        )
    # Two keys of one name are legal JSON in which the first value is lost; counting colons rules that out cheaply.
    if len(_KEY.findall(encoded)) > _count_keys(values) and (doubled := _doubled_key(text)):
        problem = f"Key {doubled!r} stands twice in one object; one of its values would be lost."
        return RowIssue(line=line, field=doubled, rule="duplicate-key", problem=problem, text=text)
    return Row(line, text, values)


def parse_bytes(raw: bytes, *, line: int) -> Row | RowIssue:
    """One JSON object from its bytes."""
    try:
        return parse_json(raw.decode(), line=line)
    except UnicodeDecodeError as error:
        return _not_utf8(raw, error, line=line)


def parse_csv(text: str, header: list[str], *, line: int) -> Row | RowIssue:
    """One CSV row from its text, under the header of its file."""
    cells = next(csv.reader(io.StringIO(text, newline="")), [])
    return _csv_row(cells, header, line=line, text=text)


def _lines(file: Path) -> BinaryIO:
    stream = file.open("rb")
    if stream.read(len(_BOM)) != _BOM:
        stream.seek(0)
    return stream


def _line_rows(file: Path) -> Iterator[Row | RowIssue]:
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            raw = (line.removeprefix(_BOM) if number == 1 else line).rstrip(b"\r\n")
            if not raw.strip():
                continue
            yield parse_bytes(raw, line=number)


def _array_rows(file: Path) -> Iterator[Row | RowIssue]:
    """Element by element; what follows a syntax error cannot be divided and is one row that cannot be read."""
    raw = file.read_bytes().removeprefix(_BOM)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        yield _not_utf8(raw, error, line=1)
        return
    decoder = json.JSONDecoder()
    place = _skip_space(text, text.index("[") + 1)
    position = 0
    while place < len(text) and text[place] != "]":
        position += 1
        try:
            _, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            problem = f"Not valid JSON from here to the end of the file: {error}."
            yield RowIssue(line=position, field="", rule="unreadable-json", problem=problem, text=text[place:])
            return
        yield parse_json(text[place:end], line=position)
        place = _skip_space(text, end)
        if place < len(text) and text[place] == ",":
            place = _skip_space(text, place + 1)
        elif place < len(text) and text[place] != "]":
            problem = "A comma is missing between two rows of the array; the rest cannot be divided into rows."
            yield RowIssue(line=position + 1, field="", rule="unreadable-json", problem=problem, text=text[place:])
            return


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def _open_csv(file: Path) -> RowFile:
    rows = _csv_cells(file)
    first = next(rows, None)
    header = [] if first is None else [name.strip() for name in first[1]]
    if not any(header) or len(set(header)) != len(header):
        raise IngestError(
            f"The first line of {file.name} is no header with a different name for every column.",
            hint="Put the column names into the first line.",
        )
    read = (
        cells if isinstance(cells, RowIssue) else _csv_row(cells, header, line=line, text=text)
        for line, cells, text in rows
    )
    return RowFile(read, header)


def _csv_cells(file: Path) -> Iterator[tuple[int, Any, str]]:
    """Line where it begins, cells and text of every CSV row; a row may span lines."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        with file.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            for line in stream:
                taken.append(line)
                yield line

    reader = csv.reader(lines(), delimiter="\t" if file.suffix.lower() == ".tsv" else ",")
    number = 1
    while True:
        cells: list[str] | RowIssue | None
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells = RowIssue(line=number, field="", rule="unreadable-csv", problem=f"{error}.", text="".join(taken))
        if cells is None:
            return
        text = "".join(taken).rstrip("\r\n")
        began, number = number, number + len(taken)
        taken.clear()
        if cells:
            yield began, cells, text


def _csv_row(cells: list[str], header: list[str], *, line: int, text: str) -> Row | RowIssue:
    if len(cells) != len(header):
        problem = f"The row has {len(cells)} fields, the header has {len(header)}."
        return RowIssue(line=line, field="", rule="field-count", problem=problem, text=_readable(text))
    if any("\udc80" <= char <= "\udcff" for char in text):
        return RowIssue(
            line=line, field="", rule="not-utf8", problem="The row is not UTF-8 text.", text=_readable(text)
        )
    return Row(line, text, dict(zip(header, cells, strict=True)), is_json=False)


def _readable(text: str) -> str:
    """Text in which bytes that are no UTF-8 are written as escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _not_utf8(raw: bytes, error: UnicodeDecodeError, *, line: int) -> RowIssue:
    problem = f"Byte {error.start + 1} of the row is not UTF-8 text."
    return RowIssue(line=line, field="", rule="not-utf8", problem=problem, text=raw.decode("utf-8", "backslashreplace"))


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_keys(each) for each in value.values())
    if isinstance(value, list):
        return sum(_count_keys(each) for each in value)
    return 0


def _doubled_key(text: str) -> str | None:
    doubled: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        doubled.extend(key for key in keys if keys.count(key) > 1)

    json.loads(text, object_pairs_hook=look)
    return doubled[0] if doubled else None
