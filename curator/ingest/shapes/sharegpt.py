"""ShareGPT: `conversations` of `from` and `value`, with tool calls as JSON text and `tools` beside them.

LLaMA-Factory lets a data set rename the keys and the roles; its tags (`role_tag`, `user_tag`, ...) are honoured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.ingest.shapes.base import Content, Fields, RowError, Shape, list_of, message, tools_of, with_system
from curator.ingest.shapes.chat import (
    call_of,
    joined_text,
    message_of,
    object_of,
    parsed,
    refuse_media,
    role_of,
    train_of,
)
from schemas.record import Message

_CALL = "function_call"
ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    _CALL: _CALL,
    "tool_call": _CALL,
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
    "system": "system",
    "developer": "developer",
}
_TAGS = {
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": _CALL,
    "system_tag": "system",
}
"""What LLaMA-Factory calls the roles of a data set."""


def _read(fields: Fields) -> Content:
    refuse_media(fields)
    if fields.get("conversations") is None and fields.is_mapped("instruction"):
        return Content([])  # the mapping puts in the whole conversation
    field = fields.column("conversations")
    turns = turns_of(fields.required("conversations"), field, fields.tags)
    return Content(with_system(fields, turns), tools_of(fields))


def turns_of(value: Any, field: str, tags: Mapping[str, str]) -> list[Message]:
    """The messages of a list in this shape."""
    roles = ROLES | {tags[tag]: role for tag, role in _TAGS.items() if tag in tags}
    return [turn_of(each, f"{field}[{n}]", tags, roles) for n, each in enumerate(list_of(value, field))]


def turn_of(value: Any, place: str, tags: Mapping[str, str], roles: Mapping[str, str] = ROLES) -> Message:
    """One turn."""
    value = object_of(value, place)
    role_key, text_key = tags.get("role_tag", "from"), tags.get("content_tag", "value")
    if role_key not in value and "role" in value:
        role_key, text_key = "role", "content"  # turns of chat under the name of ShareGPT
    role = role_of(value.get(role_key), f"{place}.{role_key}", dict(roles))
    if role != _CALL:
        return message_of(value, place, role=role, text_key=text_key)
    if value.get(text_key) is None:
        raise RowError(f"{place}.{text_key}", "missing-field", f"Field {place}.{text_key} is missing.")
    text = joined_text(value[text_key], f"{place}.{text_key}")
    calls = parsed(text, f"{place}.{text_key}")
    calls = calls if isinstance(calls, list) else [calls]
    if not calls:
        raise RowError(f"{place}.{text_key}", "unreadable-call", f"{place} is a call of a tool that calls none.")
    return message(
        place,
        role="assistant",
        train=train_of(value, place, role="assistant"),
        tool_calls=tuple(call_of(each, place) for each in calls),
        name=value.get("name"),
    )


SHAPE = Shape({"messages": "conversations"}, lambda fields: fields.has_columns("conversations"), _read)
