"""Delimited text: rows of cells under a header (CSV, TSV, semicolons), where a quoted cell may span lines.

A quote that is never closed would swallow the rest of the file; only the line on which it stands is taken out, and
reading goes on with the next.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from curator.errors import IngestError
from curator.ingest.rows import MAX_FIELDS, MAX_ROW, Row, RowFile, checked, too_long
from schemas.importing import RowIssue

_DELIMITERS = (",", ";", "\t", "|")
_BLOCK = 2**20
_MAX_OPEN_QUOTES = 100
"""Lines with a quote that is never closed; beyond them the file is not what it seems."""
csv.field_size_limit(2**31 - 1)


def read(stream: BinaryIO, name: str) -> RowFile:
    """The rows below the header; the delimiter is the one that divides the header.

    Raises:
        IngestError: The first line cannot be a header.
    """
    first = stream.readline(MAX_ROW).decode("utf-8", "replace")
    stream.seek(0)
    delimiter = "\t" if name.lower().endswith((".tsv", ".tab")) else _delimiter_of(first)
    rows = _rows(stream, delimiter, name)
    head = next(rows, None)
    header = [] if head is None or isinstance(head, RowIssue) else [cell.strip() for cell in head.cells]
    if len(header) > MAX_FIELDS:
        raise IngestError(
            f"{name} has {len(header):,} columns; at most {MAX_FIELDS:,} can be read.",
            hint="Keep the columns that hold instruction and response.",
        )
    if _not_utf8(header):
        raise IngestError(f"The first line of {name} is not UTF-8 text.", hint="Save the file again as UTF-8.")
    if not any(header) or len(set(header)) != len(header) or "\x00" in "".join(header):
        raise IngestError(
            f"The first line of {name} is not a header with a different name for every column.",
            hint="Put the column names into the first line.",
        )
    checked_rows = (row if isinstance(row, RowIssue) else _row(row, header) for row in rows)
    return RowFile(checked_rows, header, delimiter)


def parse_csv(text: str, header: list[str], *, line: int, delimiter: str = ",") -> Row | RowIssue:
    """One row from its text, under the header of its file."""
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return _bad_quotes(error, line=line, text=text)
    return _row(_Cells(line, cells, text), header)


class _Cells(NamedTuple):
    line: int
    cells: list[str]
    text: str


class _TooLongError(Exception):
    """A line that ends the row in which it stands, because either is too long."""

    def __init__(self, size: int, start: bytes) -> None:
        super().__init__()
        self.size, self.start = size, start


class _Lines:
    """The lines of a file for a `csv.reader`; it remembers those of the present row and can give them again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            raw = self._stream.readline(MAX_ROW + 1)
            if not raw:
                raise StopIteration
            if len(raw) > MAX_ROW and not raw.endswith(b"\n"):
                size = len(raw)
                while (more := self._stream.readline(_BLOCK)) and not more.endswith(b"\n"):
                    size += len(more)
                raise _TooLongError(size + len(more), raw)
            line = raw.decode("utf-8", "surrogateescape")
        self.taken.append(line)
        self._size += len(line)
        if self._size > MAX_ROW:
            raise csv.Error("unexpected end of data")
        return line

    def begin(self) -> None:
        """A row begins with the next line."""
        self.taken = []
        self._size = 0

    def give_back(self) -> None:
        """All but the first line of the present row are read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _rows(stream: BinaryIO, delimiter: str, name: str) -> Iterator[_Cells | RowIssue]:
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line, open_quotes = 1, 0
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLongError as stop:
            yield too_long(line, stop.size, stop.start)
            line += len(lines.taken) + 1
            reader = csv.reader(lines, delimiter=delimiter, strict=True)  # it was in the middle of a row
            continue
        except csv.Error as error:
            if str(error) == "unexpected end of data":
                open_quotes += 1
                if open_quotes > _MAX_OPEN_QUOTES:
                    raise IngestError(
                        f"{name} has quotes that are never closed on more than {_MAX_OPEN_QUOTES} lines, "
                        f"up to line {line:,}.",
                        hint='Write the file again with every quote inside a cell doubled ("").',
                    ) from error
                lines.give_back()
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
            yield _bad_quotes(error, line=line, text="".join(lines.taken))
        else:
            if cells:
                yield _Cells(line, cells, "".join(lines.taken).rstrip("\r\n"))
        line += len(lines.taken)


def _row(row: _Cells, header: list[str]) -> Row | RowIssue:
    line, cells, text = row
    if len(cells) != len(header):
        problem = f"The row has {len(cells):,} fields, the header has {len(header):,}."
        return _issue(line, "field-count", problem, text)
    if _not_utf8(text):
        problem = "The row is not UTF-8 text."
        return _issue(line, "not-utf8", problem, text)
    return checked(line, text, dict(zip(header, cells, strict=True)), is_json=False)


def _bad_quotes(error: csv.Error, *, line: int, text: str) -> RowIssue:
    if str(error) == "unexpected end of data":
        problem = "A quote is opened and never closed."
    elif "expected after" in str(error):
        problem = "A quote inside a quoted cell is not doubled."
    else:
        problem = f"{error}."
    return _issue(line, "unreadable-csv", problem, text.rstrip("\r\n"))


def _issue(line: int, rule: str, problem: str, text: str) -> RowIssue:
    """Why a row cannot be read, with its text, in which bytes that are not UTF-8 are written as escapes."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return RowIssue(line=line, field="", rule=rule, problem=problem, text=readable, is_whole=readable == text)


def _not_utf8(texts: Iterable[str]) -> bool:
    """Whether any of these texts was made of bytes that are not UTF-8."""
    return any("\udc80" <= char <= "\udcff" for text in texts for char in text)


def _delimiter_of(header: str) -> str:
    """What divides a header into most names; a comma where nothing divides it."""

    def names(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter), []))
        except csv.Error:
            return 0

    by_comma = names(",")
    return "," if by_comma > 1 else max(_DELIMITERS, key=names)
