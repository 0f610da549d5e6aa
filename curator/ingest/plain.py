"""Plain rows: JSON lines of the usual shapes, checked by hand twenty times as fast as pydantic checks them.

A reader answers only for rows of which it is sure: an instruction with its response, or turns of user and assistant
behind at most one system message. For every other row it returns None, and `formats.read_record` reads and explains
it. The rules are those of `formats` and `schemas.record`; tests/ingest/test_plain.py holds the two together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from curator.ingest import mapping
from curator.quality.contamination import Firewall
from curator.quality.fingerprint import prompt_hash
from curator.store.incoming import Incoming
from schemas.importing import FieldMap, Format

Reader = Callable[[bytes, int], Incoming | None]
"""Text of a line and its number: the checked row, or None when the row needs the careful reader."""

_KEY = re.compile(rb'"\s*:')
_NUL = b"\\u0000"
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
    careful = _MEANT - own

    def reader(raw: bytes, line: int) -> Incoming | None:
        try:
            values = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None
        if type(values) is not dict or len(values) > _MAX_FIELDS or not careful.isdisjoint(values) or _NUL in raw:
            return None
        messages, keys = read(values)
        if messages is None or len(_KEY.findall(raw)) != keys:  # a doubled key, or a text that looks like one
            return None
        if firewall and any(firewall.match(text) for _, text in messages):
            return None
        prompt = prompt_hash([text for role, text in messages if role == "user"][-1])
        return Incoming(_content_hash(messages), prompt, _content(messages, source, line, format), raw)

    return reader


_Turns = list[tuple[str, str]]
_NONE: tuple[None, int] = (None, 0)


def _pair(values: Mapping[str, Any], instruction: Any, response: Any) -> tuple[_Turns | None, int]:
    if type(instruction) is not str or type(response) is not str or not instruction.strip() or not response.strip():
        return _NONE
    if any(type(value) in (dict, list) for value in values.values()):  # their keys would have to be counted
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
    if any(type(value) in (dict, list) and value is not turns for value in values.values()):
        return _NONE
    return messages, keys


def _chat(values: Mapping[str, Any]) -> tuple[_Turns | None, int]:
    return _conversation(values, values.get("messages"), role_key="role", text_key="content", roles=_CHAT_ROLES)


def _sharegpt(values: Mapping[str, Any]) -> tuple[_Turns | None, int]:
    return _conversation(values, values.get("conversations"), role_key="from", text_key="value", roles=_SHAREGPT_ROLES)


_CHAT_ROLES = {role: role for role in ("system", "user", "assistant")}
_SHAREGPT_ROLES = {"human": "user", "gpt": "assistant", **_CHAT_ROLES}
_MEANT = frozenset(
    {
        *mapping.WORDS,
        *mapping.FORMAT_FIELDS,
        "license",
        "labels",
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


def _content_hash(messages: _Turns) -> str:
    """`fingerprint.content_hash` of plain turns, the last of which carries loss."""
    parts = []
    for role, text in messages:
        encoded = text.encode()
        parts.append(b"r%d:%bt%d:%bl1:0" % (len(role), role.encode(), len(encoded), encoded))
    parts[-1] = parts[-1][:-1] + b"1"
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _content(messages: _Turns, source: str, line: int, format: Format) -> bytes:
    last = len(messages) - 1
    return orjson.dumps({
        "messages": [{"role": role, "content": text, "train": n == last} for n, (role, text) in enumerate(messages)],
        "origin": {"source": source, "line": line, "format": format.value},
    })  # fmt: skip
