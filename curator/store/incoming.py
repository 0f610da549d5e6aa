"""Records on their way in: checked, hashed and serialised before anything is locked."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from curator.quality.fingerprint import content_hash, prompt_hash
from schemas.record import Record


class JsonText(str):
    """A value for a JSON column that is serialised already."""


PartRow = tuple[bytes, bytes, bytes]
"""A record for a part: hash of its content and of its prompt (32 bytes each), and its text as the part holds it."""


class Incoming(NamedTuple):
    """A record that is ready to be stored."""

    content_hash: str
    prompt_hash: str
    content: bytes
    """The record as JSON without its original row, fields that stand at their default left out."""
    original: bytes | None
    """The row of its file."""

    @property
    def text(self) -> bytes:
        """Content and original row, as a part holds them."""
        return self.content if self.original is None else self.content + b"\n" + self.original

    @property
    def part_row(self) -> PartRow:
        """The record for a part."""
        return bytes.fromhex(self.content_hash), bytes.fromhex(self.prompt_hash), self.text

    @property
    def place(self) -> dict[str, Any]:
        """Columns of a record whose text stands beside it."""
        return {"part_id": None, "part_row": None, "content": JsonText(self.json.decode())}

    @property
    def json(self) -> bytes:
        """The whole record as JSON."""
        if self.original is None:
            return self.content
        return self.content[:-1] + b',"original":' + orjson.dumps(self.original.decode()) + b"}"


def incoming(record: Record) -> Incoming:
    """A record, ready to be stored."""
    content = record.model_dump_json(exclude_defaults=True, exclude={"original"}).encode()
    return Incoming(content_hash(record), prompt_hash(record.instruction), content, record.original)
