"""Canonical bytes and hashes of a record's content, and of its prompt.

Two records with the same content have the same hash on every machine, whatever file they came from. Text is never
normalised for the content hash; the prompt hash, which guards test prompts, forgives case and white space.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from schemas.record import Message, Record


def _part(tag: bytes, value: bytes) -> bytes:
    """Typed and length-prefixed, so that no two different lists of parts give the same bytes."""
    return tag + str(len(value)).encode() + b":" + value


def canonical_bytes(messages: Iterable[Message]) -> bytes:
    """The content of a conversation as bytes: role, text and training switch of every message, in order.

    Example:
        >>> canonical_bytes([Message(role="user", content="Hi")])
        b'r4:usert2:Hil1:0'
    """
    return b"".join(
        _part(b"r", m.role.encode()) + _part(b"t", m.content.encode()) + _part(b"l", b"1" if m.train else b"0")
        for m in messages
    )


def content_hash(record: Record) -> str:
    """sha256 of a record's messages and its alternative response, 64 hex digits.

    Metadata (source, licence, labels) is not part of it.
    """
    alternative = b"" if record.alternative is None else _part(b"a", record.alternative.encode())
    return hashlib.sha256(canonical_bytes(record.messages) + alternative).hexdigest()


def prompt_hash(prompt: str) -> str:
    """sha256 of a prompt's text, lower-cased and with every run of white space as one space, 64 hex digits.

    Example:
        >>> prompt_hash("What is  red?\\n") == prompt_hash("what is red?")
        True
    """
    return hashlib.sha256(" ".join(prompt.casefold().split()).encode()).hexdigest()
