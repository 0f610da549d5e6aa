"""Plain rows: JSON lines of the usual shapes, checked by hand twenty times as fast as pydantic checks them.

A reader answers only for rows of which it is sure: an instruction with its response, or turns of user and assistant
behind at most one system message. For every other row it returns None, and `formats.read_record` reads and explains
it. The rules are those of `formats` and `schemas.record`, the bytes those of `fingerprint` and `store.incoming`;
tests/ingest/test_plain.py holds them together. A million rows pass here, so what is done to each is in one function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import orjson

from curator.ingest import mapping
from curator.ingest.shapes import chat, sharegpt
from curator.quality.contamination import Firewall
from curator.store.incoming import PartRow
from schemas.importing import FieldMap, Format

Reader = Callable[[bytes, int], PartRow | None]
"""Text of a line and its number: the checked row, or None when the row needs the careful reader."""

_KEY = re.compile(rb'"\s*:')
_NUL = b"\\u0000"
_LABEL = b'"' + mapping.LABEL.encode()
_MAX_FIELDS = 100


def plain_reader(format: Format, field_map: FieldMap, *, source: str, firewall: Firewall) -> Reader | None:
    """A reader for plain rows of a format; None when there is none for this format and mapping.

    Args:
        format: Shape of the rows.
        field_map: A mapping leaves every row to the careful reader.
        source: Name of the file.
        firewall: Prompts that never train; a row with one is left to the careful reader.
    """
    turns = _TURNS.get(format)
    if turns is None or field_map.columns or field_map.tags:
        return None
    read, own = turns
    means_nothing_else = (_MEANT - own).isdisjoint
    loads, keys_in, is_guarded = orjson.loads, _KEY.findall, bool(firewall)
    origin = b'],"origin":{"source":%b,"line":' % orjson.dumps(source)
    end = b',"format":%b}}\n' % orjson.dumps(format.value)

    def reader(raw: bytes, line: int) -> PartRow | None:
        try:
            values = loads(raw)
        except orjson.JSONDecodeError:
            return None
        if type(values) is not dict or len(values) > _MAX_FIELDS or not means_nothing_else(values):
            return None
        if b"\\" in raw and _NUL in raw:
            return None
        if _LABEL in raw or (b"\\u" in raw and any(key.startswith(mapping.LABEL) for key in values)):
            return None
        messages, keys = read(values)
        if messages is None or len(keys_in(raw)) != keys:  # a doubled key, or a text that looks like one
            return None
        if is_guarded and any(firewall.match(text) for _, text in messages):
            return None
        hashed: list[bytes] = []
        text: list[bytes] = [b'{"messages":[']
        for role, said in messages:
            encoded = said.encode()
            hashed += (_HASHED_ROLE[role], b"%d:" % len(encoded), encoded, b"l1:0")
            text += (_JSON_ROLE[role], orjson.dumps(said), b',"train":false},')
        hashed[-1], text[-1] = b"l1:1", b',"train":true}'
        text += (origin, b"%d" % line, end, raw)
        return sha256(b"".join(hashed)).digest(), sha256(_folded(messages[-2][1])).digest(), b"".join(text)

    return reader


def _folded(prompt: str) -> bytes:
    """What `fingerprint.prompt_hash` hashes."""
    if prompt.isascii():
        folded = prompt.encode().translate(_FOLD)
        return folded.strip(b" ") if b"  " not in folded else b" ".join(folded.split())
    return " ".join(prompt.casefold().split()).encode()


_FOLD = bytes(ord(" ") if chr(n).isspace() else ord(chr(n).lower()) if n < 128 else n for n in range(256))
"""A to Z as small letters, white space as a space."""
_Turns = list[tuple[str, str]]
_NONE: tuple[None, int] = (None, 0)
_NESTED = (dict, list)


def _pair(values: Mapping[str, Any], instruction: Any, response: Any) -> tuple[_Turns | None, int]:
    if type(instruction) is not str or type(response) is not str or not instruction.strip() or not response.strip():
        return _NONE
    for value in values.values():
        if type(value) in _NESTED:  # its keys would have to be counted
            return _NONE
    return [("user", instruction), ("assistant", response)], len(values)


def _alpaca(values: Mapping[str, Any]) -> tuple[_Turns | None, int]:
    instruction, given = values.get("instruction"), values.get("input")
    if given:
        if type(given) is not str or type(instruction) is not str or not instruction.strip():
            return _NONE
        instruction = f"{instruction}\n{given}"
    elif given is not None and given != "":
        return _NONE
    return _pair(values, instruction, values.get("output"))


def _prompt_completion(values: Mapping[str, Any]) -> tuple[_Turns | None, int]:
    return _pair(values, values.get("prompt"), values.get("completion"))


def _conversation(
    values: Mapping[str, Any], turns: Any, *, role_key: str, text_key: str, roles: Mapping[str, str]
) -> tuple[_Turns | None, int]:
    if type(turns) is not list or not turns:
        return _NONE
    keys = len(values)
    messages: _Turns = []
    expected = "user"
    for turn in turns:
        if type(turn) is not dict or len(turn) != 2:
            return _NONE
        role, text = turn.get(role_key), turn.get(text_key)
        if type(role) is not str or type(text) is not str:
            return _NONE
        role = roles.get(role)
        keys += 2
        if role == "system" and not messages:
            messages.append((role, text))
            continue
        if role != expected or not text.strip():
            return _NONE
        messages.append((role, text))
        expected = "assistant" if role == "user" else "user"
    if messages[-1][0] != "assistant":
        return _NONE
    if any(type(value) in _NESTED and value is not turns for value in values.values()):
        return _NONE
    return messages, keys


def _chat(values: Mapping[str, Any]) -> tuple[_Turns | None, int]:
    return _conversation(values, values.get("messages"), role_key="role", text_key="content", roles=_CHAT_ROLES)


def _sharegpt(values: Mapping[str, Any]) -> tuple[_Turns | None, int]:
    return _conversation(values, values.get("conversations"), role_key="from", text_key="value", roles=_SHAREGPT_ROLES)


_HASHED_ROLE = {role: b"r%d:%bt" % (len(role), role.encode()) for role in ("system", "user", "assistant")}
"""How a turn begins in `fingerprint.canonical_bytes`; only the last one carries loss."""
_JSON_ROLE = {role: b'{"role":"%b","content":' % role.encode() for role in _HASHED_ROLE}
_CHAT_ROLES = {name: role for name, role in chat.ROLES.items() if role in _HASHED_ROLE}
_SHAREGPT_ROLES = {name: role for name, role in sharegpt.ROLES.items() if role in _HASHED_ROLE}
_MEANT = frozenset(
    {
        *mapping.WORDS,
        *mapping.FORMAT_FIELDS,
        "license",
        "labels",
        "context",
        "functions",
        "images",
        "image",
        "videos",
        "audios",
        "audio",
    }
)
"""Names that mean something in some format; a plain row has none but its format's own."""
_TURNS: dict[Format, tuple[Callable[[Mapping[str, Any]], tuple[_Turns | None, int]], frozenset[str]]] = {
    Format.ALPACA: (_alpaca, frozenset({"instruction", "input", "output"})),
    Format.PROMPT_COMPLETION: (_prompt_completion, frozenset({"prompt", "completion"})),
    Format.CHAT: (_chat, frozenset({"messages"})),
    Format.SHAREGPT: (_sharegpt, frozenset({"conversations"})),
}
