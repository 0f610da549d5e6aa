"""Chat: a list of messages with `role` and `content`, as OpenAI and most trainers write it.

Tool calls, their ids, the names of speakers and `weight` (or `train`) are read. Content in parts is joined where all of
them are text; a picture or a sound is refused by name, since a record is text.
"""

from __future__ import annotations

from typing import Any

from curator.ingest.mapping import value_of
from curator.ingest.shapes.base import (
    Content,
    Fields,
    RowError,
    Shape,
    list_of,
    message,
    shown,
    text_of,
    tools_of,
    with_system,
)
from schemas import json_text
from schemas.record import Message

ROLES = {role: role for role in ("system", "developer", "user", "assistant", "tool")} | {"function": "tool"}
_CONVERSATIONS = ("messages", "conversations", "prompt", "completion", "chosen", "rejected")
"""Fields that hold turns, in one shape or another."""
_OTHER_MEDIA = ("images", "image", "videos", "audios", "audio")


def _read(fields: Fields) -> Content:
    refuse_media(fields)
    field = fields.column("messages")
    value = fields.get("messages")
    if value is None and fields.is_mapped("instruction"):
        return Content([])  # the mapping puts in the whole conversation
    messages = messages_of(value if value is not None else fields.required("messages"), field)
    return Content(with_system(fields, messages), tools_of(fields))


def messages_of(value: Any, field: str) -> list[Message]:
    """The messages of a list in this shape."""
    messages = []
    for n, each in enumerate(list_of(value, field)):
        place = f"{field}[{n}]"
        role = role_of(object_of(each, place).get("role"), f"{place}.role", ROLES)
        messages.append(message_of(each, place, role=role))
    return messages


def object_of(value: Any, place: str) -> dict[str, Any]:
    """A turn of a conversation, which has to be an object."""
    if not isinstance(value, dict):
        raise RowError(place, "wrong-type", f"{place} holds {shown(value)}, not an object.")
    return value


def is_weighted(fields: Fields) -> bool:
    """Whether any turn of a row has a weight; a response without one then has weight 1."""
    values = (value_of(fields.values, fields.column(field)) for field in _CONVERSATIONS)
    turns = (each for value in values for each in (value if isinstance(value, list) else [value]))
    return any(isinstance(each, dict) and each.get("weight") is not None for each in turns)


def message_of(value: dict[str, Any], place: str, *, role: str, text_key: str = "content") -> Message:
    """One turn as a message of this role: its text, calls, name and training switch."""
    calls = _calls(value, place)
    content = value.get(text_key)
    if content is None and not calls:
        raise RowError(f"{place}.{text_key}", "missing-field", f"Field {place}.{text_key} is missing.")
    return message(
        place,
        role=role,
        content=joined_text(content, f"{place}.{text_key}"),
        train=train_of(value, place, role=role),
        tool_calls=tuple(calls),
        tool_call_id=value.get("tool_call_id"),
        name=value.get("name"),
    )


def train_of(value: dict[str, Any], place: str, *, role: str) -> bool | None:
    """Whether a turn carries loss, by its `weight` or its `train`; None where neither says so."""
    train = value.get("train")
    if train is not None and not isinstance(train, bool):
        raise RowError(f"{place}.train", "wrong-type", f"{place}.train holds {shown(train)}, not true or false.")
    weight = value.get("weight")
    if role != "assistant" or weight is None:
        return train
    if weight not in (0, 1):
        raise RowError(f"{place}.weight", "wrong-type", f"Weight {shown(weight)} is neither 0 nor 1.")
    return bool(weight)


def role_of(value: Any, place: str, roles: dict[str, str]) -> str:
    """The role that a source's word stands for."""
    if value is None:
        raise RowError(place, "missing-field", f"Field {place} is missing.")
    role = text_of(value, place)
    if role not in roles:
        raise RowError(place, "unknown-role", f'Role "{role}" is unknown; known are {", ".join(roles)}.')
    return roles[role]


def joined_text(value: Any, place: str) -> str:
    """Content as one text: as it is, or its text parts joined."""
    if value is None:
        return ""
    if not isinstance(value, list):
        return text_of(value, place)
    texts = []
    for n, part in enumerate(value):
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, dict):
            raise RowError(f"{place}[{n}]", "wrong-type", f"{place}[{n}] holds {shown(part)}, not a part.")
        kind = part.get("type", "text")
        if kind not in ("text", "input_text", "output_text"):
            problem = f"Part {n + 1} of {place} is {shown(kind)}; only text can be read."
            raise RowError(f"{place}[{n}]", "unsupported-part", problem)
        texts.append(text_of(part.get("text"), f"{place}[{n}].text"))
    return "".join(texts)


def _calls(value: dict[str, Any], place: str) -> list[dict[str, Any]]:
    calls = value.get("tool_calls")
    if calls is None and isinstance(value.get("function_call"), dict):
        calls = [value["function_call"]]  # how OpenAI wrote a single call before there were several
    if isinstance(calls, str) and calls.strip():
        calls = parsed(calls, f"{place}.tool_calls")
    return [
        call_of(each, f"{place}.tool_calls[{n}]") for n, each in enumerate(list_of(calls or [], f"{place}.tool_calls"))
    ]


def call_of(value: Any, place: str) -> dict[str, Any]:
    """A tool call, with its function beside or inside it."""
    if not isinstance(value, dict):
        raise RowError(place, "wrong-type", f"{place} holds {shown(value)}, not an object.")
    kind = value.get("type") or "function"
    if kind != "function":
        raise RowError(place, "unsupported-part", f"{place} is {shown(kind)}; only calls of functions can be read.")
    function = value.get("function")
    function = function if isinstance(function, dict) else value
    if not isinstance(function.get("name"), str):
        raise RowError(f"{place}.name", "missing-field", f"{place} does not name the tool that it calls.")
    arguments = function.get("arguments", function.get("parameters"))
    call = {"name": function["name"], "arguments": "" if arguments is None else arguments}
    return call if value.get("id") is None else call | {"id": text_of(value["id"], f"{place}.id")}


def parsed(text: str, place: str) -> Any:
    """The value of a text that has to be JSON."""
    try:
        return json_text.loads(text)
    except ValueError as error:
        raise RowError(place, "unreadable-call", f"{place} is not valid JSON: {error}.") from error


def refuse_media(fields: Fields) -> None:
    """Check that no picture or sound belongs to the row: its text would speak of something that is not there."""
    for field in _OTHER_MEDIA:
        column, value = fields.column(field), fields.get(field)
        if isinstance(value, list | dict) and value:
            raise RowError(column, "unsupported-part", f"Field {column} holds other media; only text can be read.")


SHAPE = Shape({"messages": "messages"}, lambda fields: fields.has_columns("messages"), _read)
