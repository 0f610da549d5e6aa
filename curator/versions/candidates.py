"""Candidates: every time that an accepted content came in, as columns, before equal contents become one row.

A candidate is a content with one arrival. Texts of the usual shape (messages of role, content and switch, and where
they came from) go from JSON to columns by hand; every other record is read by pydantic. Both give the same columns,
which tests/versions/test_candidates.py holds to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import orjson
import pyarrow as pa

from curator.errors import VersionError
from curator.quality.contamination import Firewall, holds_test_prompt
from curator.quality.fingerprint import content_hash
from curator.quality.near_duplicates import plain_words
from curator.quality.units import RULES, keys_of
from curator.store.parts import record_of
from curator.versions import files
from schemas.record import Record

_TEXT = pa.string()
_HASH = pa.binary(32)
_GUIDES = ("row_id", "content_hash", "training_hash", "groups", "labels")
CONTENT = pa.schema([field for field in files.COLUMNS if field.name not in _GUIDES])
ARRIVAL = pa.schema([field for field in files.ARRIVALS if field.name not in ("row_id", "content_hash")])
COLUMNS = pa.schema([
    pa.field("hash", _HASH, nullable=False),  # of the content
    pa.field("imported", _HASH),  # of the content as it came in, where it was another one
    *CONTENT,
    *ARRIVAL,
])  # fmt: skip
KEYS = pa.schema([
    pa.field("hash", _HASH, nullable=False),
    pa.field("imported", _HASH),
    pa.field("prompt", _TEXT, nullable=False),  # see `quality.units.Keys`
    pa.field("prompt_hash", _HASH, nullable=False),
    pa.field("group", _TEXT),
    pa.field("labels", _TEXT),  # as `files.ARRIVALS` holds them, null for none
    pa.field("id", pa.uint64()),  # see `carried.candidate_ids`; null for one that stands in the database
])  # fmt: skip
"""What splits are made from, for each candidate."""

_NO_LABELS = "{}"
_PLAIN = frozenset({"messages", "origin", "licence", "language", "group", "labels"})


class Candidates:
    """Gathers candidates; records with a test prompt are left out."""

    def __init__(self, firewall: Firewall) -> None:
        """Begin with none."""
        self._firewall = firewall
        self._rows: list[tuple[Any, ...]] = []
        """Of plain records, see `_ROW_COLUMNS`; then the number of messages."""
        self._messages: list[dict[str, Any]] = []
        self._others: list[dict[str, Any]] = []
        self._keys: list[tuple[bytes, bytes | None, str, str | None, str | None, int | None]] = []

    def __len__(self) -> int:
        return len(self._keys)

    def add_text(self, text: bytes, stated_hash: bytes, *, id: int | None = None) -> bool:
        """Take in a row of a part, as it came in. Returns whether it may be frozen.

        Args:
            text: Of the row.
            stated_hash: 32 bytes.
            id: Of the row among all that were ever imported.

        Raises:
            VersionError: The text is not what its hash names.
        """
        content, _, original = text.partition(b"\n")
        values = orjson.loads(content)
        messages = values["messages"]
        if not values.keys() <= _PLAIN:
            return self.add_record(record_of(text), stated_hash=stated_hash, id=id)
        parts: list[bytes] = []
        asked: list[str] = []
        last = question = -1
        for n, message in enumerate(messages):
            if message.keys() != _MESSAGE_KEYS or type(message["train"]) is not bool:
                return self.add_record(record_of(text), stated_hash=stated_hash, id=id)
            role, encoded = message["role"], message["content"].encode()
            if role == "assistant":
                last = n
            elif role == "user":
                question = n
            parts.append(_CANONICAL % (len(role), role.encode(), len(encoded), encoded, message["train"]))
        if last < 0:
            return self.add_record(record_of(text), stated_hash=stated_hash, id=id)
        digest = hashlib.sha256(b"".join(parts)).digest()
        if digest != stated_hash:
            raise _damaged(stated_hash)
        if self._firewall and any(self._firewall.match(each["content"]) for each in messages if each["content"]):
            return False
        for message in messages[:last]:
            if message["role"] not in RULES:
                asked.append(f"{message['role']} {plain_words(message['content'])}")
        labels = values.get("labels")
        written = _NO_LABELS if not labels else files.json_object(labels)
        origin, group = values["origin"], values.get("group")
        instruction = messages[question]["content"] if question >= 0 else ""
        self._messages += messages
        self._rows.append((
            digest, instruction, messages[last]["content"], origin["source"], origin.get("line"), origin.get("format"),
            values.get("licence"), values.get("language"), group, written, original or None, len(messages),
        ))  # fmt: skip
        self._keys.append((digest, None, "\n".join(asked), group, written if labels else None, id))
        return True

    def add_record(self, record: Record, *, stated_hash: bytes | None = None, id: int | None = None) -> bool:
        """Take in a record with all its arrivals. Returns whether it may be frozen.

        Args:
            record: As it was accepted.
            stated_hash: Hash of the content as it came in; by default that of the record.
            id: See `add_text`.

        Raises:
            VersionError: The record has not the content that the hash names.
        """
        digest = bytes.fromhex(content_hash(record))
        if stated_hash is not None and digest != stated_hash:
            raise _damaged(stated_hash)
        return self.add_edited(record, imported=digest, id=id)

    def add_edited(self, record: Record, *, imported: bytes, id: int | None = None) -> bool:
        """Take in a record that came in with another content. Returns whether it may be frozen."""
        if holds_test_prompt(record, self._firewall):
            return False
        digest = bytes.fromhex(content_hash(record))
        content = files.plain_content(record)
        prompt = keys_of(record).prompt
        for arrival in record.arrivals:
            own = imported if arrival.content_hash is None else bytes.fromhex(arrival.content_hash)
            came_as = None if own == digest else own
            columns = files.plain_arrival(arrival)
            self._others.append({"hash": digest, "imported": came_as, **content, **columns})
            labels = None if columns["labels"] == _NO_LABELS else columns["labels"]
            self._keys.append((digest, came_as, prompt, arrival.group, labels, id))
        return True

    def table(self) -> pa.Table:
        """All candidates with `COLUMNS`, in no particular order."""
        return pa.concat_tables([self._plain_table(), pa.Table.from_pylist(self._others, schema=COLUMNS)])

    def _plain_table(self) -> pa.Table:
        count = len(self._rows)
        *values, sizes = zip(*self._rows, strict=True) if self._rows else ((),) * (len(_ROW_COLUMNS) + 1)
        columns = dict(zip(_ROW_COLUMNS, values, strict=True))
        arrays = []
        for field in COLUMNS:
            if field.name == "messages":
                arrays.append(_messages(self._messages, sizes))
            elif field.name in columns:
                arrays.append(pa.array(columns[field.name], field.type))
            else:
                arrays.append(pa.nulls(count, field.type))
        return pa.Table.from_arrays(arrays, schema=COLUMNS)

    def keys(self, salt: str) -> pa.Table:
        """The keys of all candidates with `KEYS`; `salt` takes part in the hash of the prompt."""
        hashes, imported, prompts, groups, labels, ids = zip(*self._keys, strict=True) if self._keys else ((),) * 6
        places = [hashlib.sha256(f"{salt}\nprompt {prompt}".encode()).digest() for prompt in prompts]
        columns = (hashes, imported, prompts, places, groups, labels, ids)
        arrays = [pa.array(each, field.type) for each, field in zip(columns, KEYS, strict=True)]
        return pa.Table.from_arrays(arrays, schema=KEYS)


_ROW_COLUMNS = (
    "hash", "instruction", "response", "source", "line", "format", "licence", "language", "group", "labels", "original",
)  # fmt: skip
_MESSAGE_KEYS = {"role", "content", "train"}
_CANONICAL = b"r%d:%bt%d:%bl1:%d"
"""`fingerprint.canonical_bytes` of a message that has nothing else."""


def _messages(messages: Sequence[dict[str, Any]], sizes: Sequence[int]) -> pa.Array:
    """Messages of plain rows, so many of each, as the column of a version holds them."""
    structs = files.COLUMNS.field("messages").type.value_type
    names = [field.name for field in structs]
    flat = [
        pa.array([message[name] for message in messages], structs.field(name).type)
        if name in _MESSAGE_KEYS
        else pa.nulls(len(messages), structs.field(name).type)
        for name in names
    ]
    values = pa.StructArray.from_arrays(flat, fields=list(structs))
    ends = pa.array([0, *accumulate(sizes)], pa.int32())
    return pa.ListArray.from_arrays(ends, values, type=files.COLUMNS.field("messages").type)


def _damaged(stated: bytes) -> VersionError:
    return VersionError(
        f"A record has not the content that it came in with (its hash is {stated.hex()[:12]}...).",
        hint="Its file in the folder `records` was changed: restore it from a backup of the workspace.",
    )
