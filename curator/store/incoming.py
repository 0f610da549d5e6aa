"""Records on their way in: checked, hashed and serialised before anything is locked."""

from __future__ import annotations

from typing import NamedTuple

from curator.quality.fingerprint import content_hash, prompt_hash
from schemas.record import Record


class Incoming(NamedTuple):
    """A record that is ready to be stored."""

    line: int | None
    """Where it stands in its file."""
    content_hash: str
    prompt_hash: str
    content: bytes
    """The record as JSON, fields that stand at their default left out."""


def incoming(record: Record) -> Incoming:
    """A record, ready to be stored."""
    content = record.model_dump_json(exclude_defaults=True).encode()
    return Incoming(record.origin.line, content_hash(record), prompt_hash(record.instruction), content)
