"""Joined Parquet: several Parquet files of one schema become one, their pages copied as they are.

A Parquet file is a row of encoded row groups and a footer that says where each stands. Copying the row groups behind
each other and moving the places in the footer by where each file begins costs no more than copying; decoding and
encoding a million rows anew takes ten times as long, and no library offers to copy. The footer is in Thrift's compact
protocol; of its fields, only those that are changed are known here by number.

Source: Apache Parquet format, parquet.thrift; Apache Thrift, Thrift compact protocol encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC = b"PAR1"
_LENGTH = 4
"""Bytes of the length of the footer, behind it."""

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_WHOLE = (_I16, _I32, _I64)

Struct = dict[int, tuple[int, Any]]
"""Fields of a struct by number: their type and value; a list is its element type and its values."""

# Fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData that are read or changed.
_ROWS, _ROW_GROUPS = 3, 4
_COLUMNS, _GROUP_PLACE, _ORDINAL = 1, 5, 7
_CHUNK_PLACE, _METADATA, _CHUNK_INDEXES = 2, 3, (4, 6)
_PAGE_PLACES = (9, 10, 11, 14)
"""Of data pages, index pages, the dictionary and the bloom filter."""


def join(file: Path, paths: Sequence[Path]) -> None:
    """Write the rows of several files into one, in their order.

    Args:
        file: To be written.
        paths: Files of one schema, written by one program; at least one.

    Raises:
        ValueError: One of them is not such a file, or has another schema.
    """
    groups: list[Struct] = []
    rows = 0
    before = behind = b""
    with file.open("wb") as out:
        out.write(_MAGIC)
        for path in paths:
            with path.open("rb") as stream:
                raw, size = _footer(stream)
                start = len(before) or _place_of(raw, _ROWS)
                if not raw.startswith(before):
                    raise ValueError(f"{path} has not the columns of {paths[0]}")
                reader = _Reader(raw, start, number=_ROWS - 1)
                counted, held = reader.field(), reader.field()
                if groups and raw[reader.at :] != behind:
                    raise ValueError(f"{path} was not written as {paths[0]} was")
                before, behind = raw[:start], raw[reader.at :]
                shift = out.tell() - len(_MAGIC)
                for group in held[1]:
                    _move(group, shift, ordinal=len(groups))
                    groups.append(group)
                rows += counted
                stream.seek(len(_MAGIC))
                _copy(stream, out, size)
        footer = _Writer()
        footer.fields({_ROWS: (_I64, rows), _ROW_GROUPS: (_LIST, (_STRUCT, groups))}, number=_ROWS - 1)
        written = before + bytes(footer.bytes) + behind
        out.write(written + len(written).to_bytes(_LENGTH, "little") + _MAGIC)


def _place_of(raw: bytes, number: int) -> int:
    """Where a field of a footer begins."""
    reader = _Reader(raw)
    while reader.number < number:
        start = reader.at
        reader.field()
    return start


def _footer(stream: BinaryIO) -> tuple[bytes, int]:
    """The footer of a file, and how many bytes stand between its beginning and the footer."""
    end = stream.seek(0, 2)
    tail = len(_MAGIC) + _LENGTH
    stream.seek(max(0, end - tail))
    raw = stream.read()
    length = int.from_bytes(raw[:_LENGTH], "little")
    if raw[_LENGTH:] != _MAGIC or length > end - tail - len(_MAGIC):
        raise ValueError("this is not a Parquet file")
    stream.seek(end - tail - length)
    return stream.read(length), end - tail - length - len(_MAGIC)


def _copy(stream: BinaryIO, out: BinaryIO, size: int) -> None:
    piece = 2**22
    for start in range(0, size, piece):
        out.write(stream.read(min(piece, size - start)))


def _move(group: Struct, shift: int, *, ordinal: int) -> None:
    """Have a row group stand `shift` bytes further on, as the one with this number."""
    _add(group, _GROUP_PLACE, shift)
    if _ORDINAL in group:
        group[_ORDINAL] = (group[_ORDINAL][0], ordinal)
    for column in group[_COLUMNS][1][1]:
        for field in (_CHUNK_PLACE, *_CHUNK_INDEXES):
            _add(column, field, shift)
        for field in _PAGE_PLACES:
            _add(column[_METADATA][1], field, shift)


def _add(struct: Struct, field: int, shift: int) -> None:
    """Move a place, but for 0, which stands for none."""
    if field in struct and struct[field][1]:
        struct[field] = (struct[field][0], struct[field][1] + shift)


class _Reader:
    """Reads Thrift's compact protocol."""

    def __init__(self, raw: bytes, at: int = 0, *, number: int = 0) -> None:
        """Begin at a place of a struct, behind the field with this number."""
        self.at, self.number = at, number
        self._raw = raw

    def field(self) -> Any:
        """The value of the next field."""
        head = self._byte()
        self.number = self.number + (head >> 4) if head >> 4 else self._zigzag()
        return self._value(head & 15)

    def _struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = (kind, self._value(kind))
        return fields

    def _value(self, kind: int) -> Any:
        if kind in _WHOLE:
            return self._zigzag()
        if kind == _BINARY:
            return self._take(self._varint())
        if kind == _STRUCT:
            return self._struct()
        if kind in (_LIST, _SET):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._varint()
            return head & 15, [self._element(head & 15) for _ in range(size)]
        if kind in (_TRUE, _FALSE):
            return None
        if kind == _BYTE:
            return self._take(1)
        if kind == _DOUBLE:
            return self._take(8)
        raise ValueError(f"the footer has a field of a type ({kind}) that Parquet does not use")

    def _element(self, kind: int) -> Any:
        return self._take(1) if kind in (_TRUE, _FALSE) else self._value(kind)

    def _byte(self) -> int:
        self.at += 1
        return self._raw[self.at - 1]

    def _take(self, size: int) -> bytes:
        self.at += size
        return self._raw[self.at - size : self.at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


class _Writer:
    """Writes what `_Reader` reads, the same bytes for the same values."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def fields(self, fields: Struct, *, number: int = 0) -> None:
        """Write fields, behind the one with this number."""
        for each, (kind, value) in fields.items():
            if 0 < each - number < 16:
                self.bytes.append((each - number) << 4 | kind)
            else:
                self.bytes.append(kind)
                self._zigzag(each)
            number = each
            self._value(kind, value)

    def _value(self, kind: int, value: Any) -> None:
        if kind in _WHOLE:
            self._zigzag(value)
        elif kind == _BINARY:
            self._varint(len(value))
            self.bytes += value
        elif kind == _STRUCT:
            self.fields(value)
            self.bytes.append(0)
        elif kind in (_LIST, _SET):
            element, values = value
            self.bytes.append(min(len(values), 15) << 4 | element)
            if len(values) >= 15:
                self._varint(len(values))
            for each in values:
                self._value(_BYTE if element in (_TRUE, _FALSE) else element, each)
        elif kind in (_BYTE, _DOUBLE):
            self.bytes += value

    def _varint(self, value: int) -> None:
        while value > 127:
            self.bytes.append(value & 127 | 128)
            value >>= 7
        self.bytes.append(value)

    def _zigzag(self, value: int) -> None:
        self._varint(value << 1 if value >= 0 else (-value << 1) - 1)
