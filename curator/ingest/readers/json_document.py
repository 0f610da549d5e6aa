"""A JSON document: an array of objects, an object that wraps one, or objects one after another over several lines.

It is read element by element, so a file may be larger than memory. The end of an element is found by its brackets, with
strings left out; whether it is JSON is decided afterwards, so one broken element is one broken row.

    [ {"a": 1}, {"a": 2} ]           an array
    {"data": [ {"a": 1} ], ...}      wrapped: every array of objects under a name of `_WRAPPERS`; not beside the
                                     fields of a row, whose own such an array is
    {                                objects over several lines
      "a": 1
    }
"""

from __future__ import annotations

import io
import re
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO

import orjson

from curator.errors import IngestError
from curator.ingest.readers.json_lines import parse_bytes
from curator.ingest.rows import MAX_ROW, SHOWN, Row, RowFile, shortened, too_long
from schemas.importing import RowIssue

_WRAPPERS = frozenset({"data", "rows", "records", "examples", "items", "samples", "train", "validation", "dev", "test"})
_OF_A_ROW = frozenset(
    {"instruction", "input", "output", "prompt", "completion", "response", "messages", "conversations", "chosen"}
)
"""Names beside which an array belongs to a row: its examples, say."""
_BLOCK = 2**20
_LOOK = 2**16
_WHOLE = rb'"(?:[^"\\]++|\\.)*+"'
_OUTSIDE = re.compile(_WHOLE + rb'|["\[\]{},]', re.DOTALL)
_NESTED = re.compile(_WHOLE + rb'|["\[\]{}]', re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""A string up to its closing quote, or up to the end of what was read."""
_QUOTE = ord('"')
_ARRAY_OF_ROWS = re.compile(rb'"(?:' + b"|".join(name.encode() for name in sorted(_WRAPPERS)) + rb')"\s*:\s*\[\s*\{')
_OBJECTS = re.compile(rb"\[\s*\{")
_COLON = re.compile(rb"\s*:")
_NAME = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:', re.DOTALL)
_SPACE = b" \t\r\n"


def read(stream: BinaryIO, name: str) -> RowFile:
    """The elements of a document.

    Raises:
        IngestError: The document is cut off; it says how many rows were whole.
    """
    _refuse_cut_off(stream, name)
    return RowFile(_rows(stream))


def is_document(start: bytes) -> bool:
    """Whether a file that begins so (its first 64 kB) is a document and not JSON lines."""
    start = start.lstrip()
    first, newline, rest = start.partition(b"\n")
    try:
        value: Any = orjson.loads(first)
    except orjson.JSONDecodeError:
        return start.startswith(b"[") or first.strip() == b"{" or _wraps(start) or _is_object_over_lines(start)
    is_last = not rest.strip() and (bool(newline) or len(start) < _LOOK)
    if isinstance(value, list):
        return is_last
    return is_last and isinstance(value, dict) and _wraps(first)


def _wraps(start: bytes) -> bool:
    """Whether an object that begins so has an array of objects under one of the names, and is not a row itself."""
    if _ARRAY_OF_ROWS.search(start) is None:
        return False
    depth, has_rows = 0, False
    for token in _NESTED.finditer(start):
        char = token.group()
        if len(char) > 1:
            if depth == 1 and _COLON.match(start, token.end()):  # a name of the object itself
                if char[1:-1].decode("utf-8", "replace") in _OF_A_ROW:
                    return False
                has_rows = has_rows or _ARRAY_OF_ROWS.match(start, token.start()) is not None
        elif char in b"[{":
            depth += 1
        elif char in b"]}":
            depth -= 1
            if depth == 0:  # what follows is another object
                break
        else:  # a text that does not end in what was read
            break
    return has_rows


def _is_object_over_lines(start: bytes) -> bool:
    cursor = _Cursor(None, start)
    element = cursor.element()
    if element is None or b"\n" not in element:
        return False
    try:
        return isinstance(orjson.loads(element), dict)
    except orjson.JSONDecodeError:
        return False


class _Numbers:
    """Counts rows over all arrays of a document."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        self.last += 1
        return self.last


class _TooLongError(Exception):
    """An element that is longer than `MAX_ROW`; `start` is its beginning."""

    def __init__(self, start: bytes, size: int) -> None:
        super().__init__()
        self.start, self.size = start, size


class _Cursor:
    """A place in a stream of bytes, which is held only from there to where it was looked at."""

    def __init__(self, stream: BinaryIO | None, start: bytes = b"") -> None:
        self._stream = stream
        self._buffer = bytearray(start)
        self._place = 0

    def _more(self) -> bool:
        """Read on; whether there was anything."""
        if self._place > _BLOCK:
            del self._buffer[: self._place]
            self._place = 0
        block = self._stream.read(_BLOCK) if self._stream is not None else b""
        self._buffer += block
        return bool(block)

    def peek(self) -> bytes:
        """The next byte that is not white space, which stays; empty at the end."""
        while True:
            while self._place < len(self._buffer):
                if self._buffer[self._place] not in _SPACE:
                    return bytes(self._buffer[self._place : self._place + 1])
                self._place += 1
            if not self._more():
                return b""

    def skip(self) -> None:
        """Step over the byte that `peek` showed."""
        self._place += 1

    def finish(self) -> None:
        """Read no further: what follows cannot be divided."""
        self._stream = None
        self._buffer.clear()
        self._place = 0

    def rest(self, size: int = SHOWN) -> bytes:
        """What follows, at most `size` bytes of it."""
        while len(self._buffer) - self._place < size and self._more():
            pass
        return bytes(self._buffer[self._place : self._place + size])

    def name(self) -> str | None:
        """The name at the cursor, which then stands after its colon; None when there is not one."""
        self.peek()
        match = _NAME.match(self.rest(_LOOK))
        if match is None:
            return None
        self._place += match.end()
        return match.group(1).decode("utf-8", "replace")

    def element(self) -> bytes | None:
        """The next value, to its closing bracket or to the comma or bracket after it; None when the file ends first.

        Raises:
            _TooLongError: It is longer than a row may be; the cursor stands after it.
        """
        self.peek()
        depth, inside, size = 0, False, 0
        start = b""
        place = self._place  # up to here it was looked at
        while True:
            if inside:
                match = _INSIDE.match(self._buffer, place)
                place = match.end() if match else place
                if place < len(self._buffer) and self._buffer[place] == _QUOTE:
                    inside, place = False, place + 1
                    continue
            elif token := (_NESTED if depth else _OUTSIDE).search(self._buffer, place):
                char, place = token.group(), token.end()
                if len(char) > 1:  # a whole string
                    continue
                if char == b'"':  # one that does not end in what was read
                    inside = True
                elif char in b"[{":
                    depth += 1
                elif depth == 0:  # a comma or bracket that is not its own
                    return self._taken(place - 1, start, size)
                elif char in b"]}":
                    depth -= 1
                if depth == 0 and char in b"]}":
                    return self._taken(place, start, size)
                continue
            else:
                place = len(self._buffer)
            if len(self._buffer) - self._place > MAX_ROW:  # go on to its end without holding it
                start = start or bytes(self._buffer[self._place : self._place + SHOWN])
                size += place - self._place
                del self._buffer[:place]
                place = self._place = 0
            before = self._place
            if not self._more():
                self.finish()
                if start:
                    raise _TooLongError(start, size)
                return None
            place -= before - self._place

    def _taken(self, end: int, start: bytes, size: int) -> bytes:
        element = bytes(self._buffer[self._place : end])
        self._place = end
        if start or len(element) > MAX_ROW:
            raise _TooLongError(start or element, size + len(element))
        return element.rstrip(_SPACE)


def _element(cursor: _Cursor, number: int) -> Row | RowIssue | None:
    try:
        raw = cursor.element()
    except _TooLongError as long:
        return too_long(number, long.size, long.start)
    return None if raw is None else parse_bytes(raw, line=number)


def _array(cursor: _Cursor, numbers: _Numbers, *, alone: bool = True) -> Generator[Row | RowIssue, None, bool]:
    """The elements of the array at the cursor, which then stands after it; in the end, whether the array had one."""
    cursor.skip()
    while (next_byte := cursor.peek()) != b"]":
        start = cursor.rest()
        row = _element(cursor, numbers.next()) if next_byte else None
        if row is None:
            if next_byte:
                yield _cut_off(numbers.last, start)
            else:
                yield _cut_off(numbers.next(), b"")
            return False
        yield row
        after = cursor.peek()
        if after == b",":
            cursor.skip()
        elif after not in (b"]", b""):
            yield _undivided(cursor, numbers.next(), "A comma is missing between two rows of the array")
            return False
    cursor.skip()
    if alone and cursor.peek():
        yield _undivided(cursor, numbers.next(), "Text follows the end of the array")
    return True


def _cut_off(number: int, start: bytes) -> RowIssue:
    problem = f"The file is cut off: it ends after {number - 1:,} whole rows."
    text = start.decode("utf-8", "ignore")
    return RowIssue(line=number, field="", rule="cut-off", problem=problem, text=text, is_whole=False)


def _undivided(cursor: _Cursor, number: int, problem: str) -> RowIssue:
    text = cursor.rest().decode("utf-8", "ignore")
    cursor.finish()
    problem = f"{problem}; what follows row {number - 1:,} cannot be divided into rows and is not read."
    return RowIssue(line=number, field="", rule="unreadable-json", problem=problem, text=text, is_whole=False)


def _objects(cursor: _Cursor, numbers: _Numbers) -> Iterator[Row | RowIssue]:
    """Objects one after another; one that wraps arrays of objects stands for their elements."""
    while next_byte := cursor.peek():
        if next_byte == b",":  # between objects that were joined by hand
            cursor.skip()
            continue
        start = cursor.rest()
        looks_wrapped = next_byte == b"{" and (numbers.last == 0 or _wraps(start))
        if looks_wrapped and _wraps(cursor.rest(_LOOK)):
            yield from _wrapped(cursor, numbers)
            continue
        number = numbers.next()
        row = _element(cursor, number)
        if row is None:
            yield _cut_off(number, start)
            return
        if isinstance(row, RowIssue) and cursor.peek() in (b"]", b"}"):
            cursor.skip()
        yield row


def _wrapped(cursor: _Cursor, numbers: _Numbers) -> Iterator[Row | RowIssue]:
    """The elements of every array of objects that the object at the cursor wraps.

    Its other values are not rows; an array of objects under another name may have been meant as rows, and is an issue.
    """
    cursor.skip()
    while cursor.peek() not in (b"}", b""):
        name = cursor.name()
        if name is None:
            yield _undivided(cursor, numbers.next(), "A name with its colon is missing")
            return
        if name in _WRAPPERS and cursor.peek() == b"[":
            if not (yield from _array(cursor, numbers, alone=False)):
                return
        else:
            try:
                value = cursor.element() or b""
            except _TooLongError as long:
                value = long.start
            if _OBJECTS.match(value):
                yield _other_array(value, name, numbers.next())
        if cursor.peek() == b",":
            cursor.skip()
        elif cursor.peek() not in (b"}", b""):
            yield _undivided(cursor, numbers.next(), "A comma is missing after an array")
            return
    if not cursor.peek():
        yield _cut_off(numbers.next(), b"")
        return
    cursor.skip()


def _other_array(value: bytes, name: str, number: int) -> RowIssue:
    problem = f"The array {name} is not read: rows stand under {', '.join(sorted(_WRAPPERS))}."
    text = shortened(value.decode("utf-8", "backslashreplace"))
    return RowIssue(line=number, field=name, rule="other-array", problem=problem, text=text)


def _refuse_cut_off(stream: BinaryIO, name: str) -> None:
    """Check that the document is whole: an array ends with its bracket; one that is wrapped has to be looked through.

    Raises:
        IngestError: Its last row or its last bracket is missing.
    """
    start = stream.read(_LOOK).lstrip()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, end - _LOOK))
    tail = stream.read().rstrip()
    stream.seek(0)
    if tail.endswith(b"]" if start.startswith(b"[") else b"}") and not _wraps(start):
        return
    last: Row | RowIssue | None = None
    for row in _rows(stream):
        last = row
    stream.seek(0)
    if isinstance(last, RowIssue) and last.rule == "cut-off":
        raise IngestError(
            f"{name} is cut off: it ends after {last.line - 1:,} whole rows.",
            hint="Copy or download it again. Nothing of it was imported.",
        )


def _rows(stream: BinaryIO) -> Iterator[Row | RowIssue]:
    cursor = _Cursor(stream)
    return (_array if cursor.peek() == b"[" else _objects)(cursor, _Numbers())
