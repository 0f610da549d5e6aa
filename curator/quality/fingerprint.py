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

    What only some messages have (name, tool calls, the call that is answered) follows where it is there.

    Example:
        >>> canonical_bytes([Message(role="user", content="Hi")])
        b'r4:usert2:Hil1:0'
    """
    return b"".join(map(_message_bytes, messages))


def _message_bytes(message: Message) -> bytes:
    plain = (
        _part(b"r", message.role.encode())
        + _part(b"t", message.content.encode())
        + _part(b"l", b"1" if message.train else b"0")
    )
    if message.name is None and message.tool_call_id is None and not message.tool_calls:
        return plain
    calls = (
        _part(b"f", call.name.encode()) + _part(b"j", call.arguments.encode()) + _optional(b"i", call.id)
        for call in message.tool_calls
    )
    return (
        plain
        + _optional(b"n", message.name)
        + _optional(b"i", message.tool_call_id)
        + b"".join(_part(b"c", call) for call in calls)
    )


def _optional(tag: bytes, text: str | None) -> bytes:
    return b"" if text is None else _part(tag, text.encode())


def content_bytes(record: Record) -> bytes:
    """Everything of a record that a model can see, as bytes; equal for equal content only."""
    parts = [canonical_bytes(record.messages), _optional(b"a", record.alternative)]
    parts += [_part(b"o", definition.encode()) for definition in record.tools]
    if record.prompt_length is not None:
        parts += [_part(b"p", str(record.prompt_length).encode()), _part(b"w", canonical_bytes(record.rejected))]
    if record.desirable is not None:
        parts.append(_part(b"d", b"1" if record.desirable else b"0"))
    return b"".join(parts)


def content_hash(record: Record) -> str:
    """sha256 of what a model can see of a record, 64 hex digits.

    Provenance (source, licence, language, original row) and what guides its use (group, labels) are not part of it.
    """
    return hashlib.sha256(content_bytes(record)).hexdigest()


def row_id(content_hash: str) -> str:
    """The id of a row with this content: the first 128 bits of its hash, 32 hex digits."""
    return content_hash[:32]


def prompt_hash(prompt: str) -> str:
    """sha256 of a prompt's text, lower-cased and with every run of white space as one space, 64 hex digits.

    Example:
        >>> prompt_hash("What is  red?\\n") == prompt_hash("what is red?")
        True
    """
    return hashlib.sha256(" ".join(prompt.casefold().split()).encode()).hexdigest()
