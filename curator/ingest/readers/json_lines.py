"""JSON lines: one object a line, so that a broken line is one broken row."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from curator.ingest.rows import MAX_DEPTH, MAX_ROW, Lines, Row, RowFile, checked, is_too_deep, too_long
from schemas import json_text
from schemas.importing import RowIssue

_KEY = re.compile(r'"\s*:')
_BLOCK = 2**20
_BLOCK_OF_LINES = 4 * 2**20
"""Bytes: some thousand rows."""


def read(stream: BinaryIO, name: str) -> RowFile:
    """The lines of a file; blank lines are not rows."""
    return RowFile(_rows(stream), lines=_blocks(stream))


def _rows(stream: BinaryIO) -> Iterator[Row | RowIssue]:
    number = 0
    while True:
        line, size = _long_line(stream)
        if not line:
            return
        number += 1
        if size > MAX_ROW:
            yield too_long(number, size, line)
            continue
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield parse_bytes(line, line=number)


def _long_line(stream: BinaryIO) -> tuple[bytes, int]:
    """The next line and its bytes without the line end; of one that is too long the beginning."""
    line = stream.readline(MAX_ROW + 1)
    if len(line) <= MAX_ROW or line.endswith(b"\n"):
        return line, len(line) - line.endswith(b"\n")
    size = len(line)
    while (more := stream.readline(_BLOCK)) and not more.endswith(b"\n"):
        size += len(more)
    return line, size + len(more)


def _blocks(stream: BinaryIO) -> Iterator[Lines | RowIssue]:
    """All lines in blocks; what a block cuts in two is read again with the next one."""
    stream.seek(0)
    number = 1
    while raw := stream.read(_BLOCK_OF_LINES):
        is_last = len(raw) < _BLOCK_OF_LINES
        end = len(raw) if is_last else raw.rfind(b"\n") + 1
        if end:
            stream.seek(end - len(raw), os.SEEK_CUR)
            yield Lines(number, raw[:end])
            number += raw.count(b"\n")
            continue
        stream.seek(-len(raw), os.SEEK_CUR)
        line, size = _long_line(stream)
        yield Lines(number, line) if size <= MAX_ROW else too_long(number, size, line)
        number += 1


def parse_bytes(raw: bytes, *, line: int) -> Row | RowIssue:
    """One JSON object from its bytes."""
    try:
        return parse_json(raw.decode(), line=line)
    except UnicodeDecodeError as error:
        problem = f"Byte {error.start + 1} of the row is not UTF-8 text."
        text = raw.decode("utf-8", "backslashreplace")
        return RowIssue(line=line, field="", rule="not-utf8", problem=problem, text=text, is_whole=False)


def parse_json(text: str, *, line: int) -> Row | RowIssue:
    """One JSON object from its text."""
    if is_too_deep(text):
        problem = f"Lists and objects stand more than {MAX_DEPTH} deep inside one another."
        return RowIssue(line=line, field="", rule="nested-too-deep", problem=problem, text=text)
    try:
        values = _loads(text)
    except ValueError as error:  # also a lone surrogate, which no text can hold
        return RowIssue(line=line, field="", rule="unreadable-json", problem=f"Not valid JSON: {error}.", text=text)
    if not isinstance(values, dict):
        problem = f"A row is an object, not {type(values).__name__}."
        return RowIssue(line=line, field="", rule="not-an-object", problem=problem, text=text)
    # Two keys of one name are legal JSON in which the first value is lost; counting colons rules that out cheaply.
    if len(_KEY.findall(text)) > _count_keys(values) and (doubled := _doubled_key(text)) is not None:
        problem = f"Key {doubled!r} stands twice in one object; one of its values would be lost."
        return RowIssue(line=line, field=doubled, rule="duplicate-key", problem=problem, text=text)
    return checked(line, text, values)


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "infinity" not in str(error):
            raise
        return json_text.loads(text)  # a number such as 1e400, which is JSON and no float


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count_keys(each) for each in value.values())
    if isinstance(value, list):
        return sum(_count_keys(each) for each in value)
    return 0


def _doubled_key(text: str) -> str | None:
    doubled: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                doubled.append(key)
            seen.add(key)

    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)  # Python refuses very long numbers
    return doubled[0] if doubled else None
