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

import numpy as np
import orjson
import pyarrow as pa

from curator.errors import VersionError
from curator.quality.contamination import Firewall, holds_test_prompt
from curator.quality.fingerprint import content_hash
from curator.quality.units import RULES, keys_of
from curator.store.parts import record_of
from curator.versions import files
from curator.versions.asked import plain_words_of
from schemas.record import Record

_TEXT = pa.string()
_HASH = pa.binary(32)
_MADE_LATER = ("row_id", "content_hash", "training_hash", "instruction", "response", "groups", "labels")
CONTENT = pa.schema([field for field in files.COLUMNS if field.name not in _MADE_LATER])
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
        self._roles: list[str] = []
        self._contents: list[str] = []
        self._trains: list[bool] = []
        """Of the messages of plain records."""
        self._others: list[dict[str, Any]] = []
        self._keys: list[tuple[bytes, bytes | None, str | tuple[str, str], str | None, str | None, int | None]] = []
        """As `KEYS`, the hash of the prompt left out; where one message asks, its role and text as they are."""

    def __len__(self) -> int:
        return len(self._keys)

    def add_text(self, text: bytes, content_hash: bytes, *, id: int | None = None) -> bool:
        """Take in a row of a part, as it came in. Returns whether it may be frozen.

        Args:
            text: Of the row.
            content_hash: 32 bytes, as the part states it; that the part is whole is seen to where it is read.
            id: Of the row among all that were ever imported.

        Raises:
            VersionError: A record that needs pydantic has not the content that its hash names.
        """
        content, _, original = text.partition(b"\n")
        values = orjson.loads(content)
        messages = values["messages"]
        if not values.keys() <= _PLAIN:
            return self.add_record(record_of(text), stated_hash=content_hash, id=id)
        last = -1
        for n, message in enumerate(messages):
            if message.keys() != _MESSAGE_KEYS or type(message["train"]) is not bool:
                return self.add_record(record_of(text), stated_hash=content_hash, id=id)
            if message["role"] == "assistant":
                last = n
        if last < 0:
            return self.add_record(record_of(text), stated_hash=content_hash, id=id)
        if self._firewall and any(self._firewall.match(each["content"]) for each in messages if each["content"]):
            return False
        for message in messages:
            self._roles.append(message["role"])
            self._contents.append(message["content"])
            self._trains.append(message["train"])
        asked = [(each["role"], each["content"]) for each in messages[:last] if each["role"] not in RULES]
        prompt = asked[0] if len(asked) == 1 else _prompt(asked)
        get = values.get
        labels = get("labels")
        written = files.json_object(labels) if labels else None
        origin, group = values["origin"], get("group")
        self._rows.append((
            content_hash, origin["source"], origin.get("line"), origin.get("format"), get("licence"), get("language"),
            group, written or _NO_LABELS, original or None, len(messages),
        ))  # fmt: skip
        self._keys.append((content_hash, None, prompt, group, written, id))
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
        plain = files.plain_content(record)
        content = {name: plain[name] for name in CONTENT.names}
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
                arrays.append(self._messages(sizes))
            elif field.name in columns:
                arrays.append(_array(columns[field.name], field.type))
            else:
                arrays.append(pa.nulls(count, field.type))
        return pa.Table.from_arrays(arrays, schema=COLUMNS)

    def _messages(self, sizes: Sequence[int]) -> pa.Array:
        """Messages of plain rows, so many of each, as the column of a version holds them."""
        structs = files.COLUMNS.field("messages").type.value_type
        known: dict[str, Sequence[Any]] = {"role": self._roles, "content": self._contents, "train": self._trains}
        flat = [
            _array(known[field.name], field.type) if field.name in known else pa.nulls(len(self._roles), field.type)
            for field in structs
        ]
        values = pa.StructArray.from_arrays(flat, fields=list(structs))
        ends = pa.array(np.fromiter(accumulate(sizes, initial=0), np.int32, len(sizes) + 1))
        return pa.ListArray.from_arrays(ends, values, type=files.COLUMNS.field("messages").type)

    def keys(self, salt: str) -> pa.Table:
        """The keys of all candidates with `KEYS`; `salt` takes part in the hash of the prompt."""
        hashes, imported, asked, groups, labels, ids = zip(*self._keys, strict=True) if self._keys else ((),) * 6
        words = iter(plain_words_of([each[1] for each in asked if type(each) is tuple]))
        prompts = [f"{each[0]} {next(words)}" if type(each) is tuple else each for each in asked]
        begun = f"{salt}\nprompt ".encode()
        places = [hashlib.sha256(begun + prompt.encode()).digest() for prompt in prompts]
        columns: tuple[Sequence[Any], ...] = (hashes, imported, prompts, places, groups, labels, ids)
        arrays = [_array(each, field.type) for each, field in zip(columns, KEYS, strict=True)]
        return pa.Table.from_arrays(arrays, schema=KEYS)


_ROW_COLUMNS = ("hash", "source", "line", "format", "licence", "language", "group", "labels", "original")
_MESSAGE_KEYS = {"role", "content", "train"}


def _prompt(asked: Sequence[tuple[str, str]]) -> str:
    """What is asked in several messages, see `quality.units.keys_of`."""
    said = plain_words_of([text for _, text in asked])
    return "\n".join(f"{role} {words}" for (role, _), words in zip(asked, said, strict=True))


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """A column of values. Texts and hashes are laid out by hand, which takes a quarter of the time."""
    if not values or None in values or kind not in (_TEXT, _HASH, pa.binary()):
        return pa.array(values, kind)
    if kind == _TEXT:
        text = "".join(values)
        is_ascii = text.isascii()
        data = text.encode()
        lengths = map(len, values) if is_ascii else (len(each.encode()) for each in values)
    else:
        data, lengths = b"".join(values), map(len, values)
    if kind == _HASH:
        return pa.FixedSizeBinaryArray.from_buffers(kind, len(values), [None, pa.py_buffer(data)])
    if len(data) > np.iinfo(np.int32).max:
        return pa.array(values, kind)
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(lengths, np.int32, len(values)), out=ends[1:])
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(ends), pa.py_buffer(data)])


def _damaged(stated: bytes) -> VersionError:
    return VersionError(
        f"A record has not the content that it came in with (its hash is {stated.hex()[:12]}...).",
        hint="Its file in the folder `records` was changed: restore it from a backup of the workspace.",
    )
