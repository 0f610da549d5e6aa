"""Rows: what every reader makes of a file, one object with its place and its text word for word.

A row is a JSON object (a CSV line under its header, a line of a table), whatever its keys mean. What no store could
hold is refused here, for every kind of file alike: a row that is too long, too wide or too deep, and the NUL character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import orjson

from schemas.importing import RowIssue

MAX_ROW = 32 * 2**20
"""Bytes of the longest row that is read; a longer one is named and passed over without being held in memory."""
MAX_FIELDS = 10_000
"""Fields that a row may have, and columns of a table."""
MAX_DEPTH = 100
"""Lists and objects inside one another."""
SHOWN = 1_000
"""Characters that are kept of a row that is too long."""


class Row(NamedTuple):
    """A row that could be read."""

    line: int
    """1-based line of the file (JSONL, CSV, Excel: where the row begins) or 1-based position (JSON, Parquet, Arrow)."""
    text: str
    """Word for word; as JSON where the file is not text."""
    values: dict[str, Any]
    is_json: bool = True
    """Whether the text is JSON."""


class Lines(NamedTuple):
    """Whole lines of a file of JSON lines."""

    first: int
    """1-based number of the first one."""
    raw: bytes


class RowFile(NamedTuple):
    """An opened file."""

    rows: Iterator[Row | RowIssue]
    """Every row in order, or why it cannot be read."""
    header: list[str] | None = None
    """Column names of a CSV file."""
    delimiter: str = ","
    """What stands between two cells of a CSV file."""
    lines: Iterator[Lines | RowIssue] | None = None
    """Of JSON lines: all of them again in blocks, to be read by other processes, whatever was taken from `rows`."""


Reader = Callable[[BinaryIO, str], RowFile]
"""The protocol of a reader: a seekable stream of bytes and the name of its file in, rows out. A row that is wrong is a
`RowIssue`; only a file of which nothing can be read is an `IngestError`."""

_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


def checked(line: int, text: str, values: dict[str, Any], *, is_json: bool = True) -> Row | RowIssue:
    """The row, or why it cannot be kept."""
    if len(values) > MAX_FIELDS:
        problem = f"The row has {len(values):,} fields; at most {MAX_FIELDS:,} can be read."
        return RowIssue(
            line=line, field="", rule="too-many-fields", problem=problem, text=shortened(text),
            is_whole=len(text) <= MAX_ROW,
        )  # fmt: skip
    if ("\x00" in text or "\\u0000" in text) and (place := _nul(values, "")) is not None:
        problem = f"{place or 'The row'} holds a NUL character, which is not text."
        return RowIssue(line=line, field=place, rule="unstorable-text", problem=problem, text=text)
    return Row(line, text, values, is_json)


def too_long(line: int, size: int, start: bytes) -> RowIssue:
    """The issue for a row longer than `MAX_ROW`, which is not kept whole.

    Args:
        line: Where it begins.
        size: Its bytes.
        start: Its beginning.
    """
    length, most = f"{size / 2**20:,.0f} MB", f"{MAX_ROW // 2**20} MB"
    problem = f"The row has {length}; at most {most} can be read. Only its beginning is kept here."
    text = start[:SHOWN].decode("utf-8", "ignore") + "..."
    return RowIssue(line=line, field="", rule="row-too-long", problem=problem, text=text, is_whole=False)


def shortened(text: str) -> str:
    """A text, or its beginning where it is too long to be shown."""
    return text if len(text) <= MAX_ROW else text[:SHOWN] + "..."


def is_too_deep(text: str) -> bool:
    """Whether lists and objects of a JSON text stand more than `MAX_DEPTH` inside one another."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _BRACKET.finditer(text):
        token = match.group()
        if token in ("[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif token in ("]", "}"):
            depth -= 1
    return False


def as_text(values: Mapping[str, Any]) -> str:
    """The row of a file that is not text, as JSON; what JSON does not know (a date, a decimal) as its text.

    Example:
        >>> as_text({"prompt": "Hi", "score": 0.5})
        '{"prompt":"Hi","score":0.5}'
    """
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(values, default=_plain, option=options).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def _nul(value: Any, place: str) -> str | None:
    """Path of the first NUL character in a row, None without one."""
    if isinstance(value, str):
        return place if "\x00" in value else None
    if isinstance(value, dict):
        for key, each in value.items():
            inner = f"{place}.{key}" if place else key
            if "\x00" in key:
                return inner.replace("\x00", "\\u0000")
            if (path := _nul(each, inner)) is not None:
                return path
    if isinstance(value, list):
        for n, each in enumerate(value):
            if (path := _nul(each, f"{place}[{n}]")) is not None:
                return path
    return None
