"""Formats of instruction data: which one a file has, and how its rows become records.

Alpaca (`instruction`, `input`, `output`, `system`, `history`), prompt and completion (text or messages), OpenAI chat
(`messages` with optional `weight`) and ShareGPT (`conversations` of `from` and `value`). Text is never trimmed or
changed; a value of another type is an issue, never converted.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from curator.errors import IngestError
from curator.ingest.mapping import LABEL, has_column, meanings, value_of
from curator.ingest.rows import Row
from schemas.importing import FieldMap, Format, RowIssue
from schemas.record import Message, Origin, Record

_REQUIRED: dict[Format, tuple[str, ...]] = {
    Format.CHAT: ("messages",),
    Format.SHAREGPT: ("conversations",),
    Format.ALPACA: ("instruction", "output"),
    Format.PROMPT_COMPLETION: ("prompt", "completion"),
}
_WORDS: dict[Format, dict[str, str]] = {
    Format.CHAT: {"messages": "messages"},
    Format.SHAREGPT: {"messages": "conversations"},
    Format.ALPACA: {"instruction": "instruction", "response": "output"},
    Format.PROMPT_COMPLETION: {"instruction": "prompt", "response": "completion"},
}
"""How a format calls what a word of the record means."""
_PAIR = {"instruction", "response"}
_SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "system": "system",
}
_CHAT_ROLES = {role: role for role in ("system", "user", "assistant", "tool")}


class _RowError(Exception):
    """A row that cannot become a record; becomes a `RowIssue`."""

    def __init__(self, field: str, rule: str, problem: str) -> None:
        super().__init__(problem)
        self.field, self.rule, self.problem = field, rule, problem


def recognise(rows: Iterable[Row], field_map: FieldMap) -> Format:
    """The format that most of the given rows have.

    Raises:
        IngestError: No row has the fields of any format.
    """
    formats: Counter[Format] = Counter()
    names: Counter[str] = Counter()
    order = [Format.ALPACA, Format.PROMPT_COMPLETION] if meanings(field_map).keys() >= _PAIR else list(_REQUIRED)
    for row in rows:
        names.update(row.values.keys())
        for format in order:
            if _fits(_Fields(row.values, format, field_map), format):
                formats[format] += 1
                break
    if not formats:
        columns = ", ".join(key for key, _ in names.most_common(8)) or "none that can be read"
        raise IngestError(
            f"The format is not recognised; the columns are {columns}.",
            hint="Say which columns hold instruction and response, as in --map instruction=question "
            "--map response=answer, or name the format with --format.",
        )
    return formats.most_common(1)[0][0]


def _fits(fields: _Fields, format: Format) -> bool:
    is_list = isinstance(fields.get("instruction"), list)
    return all(fields.has(field) for field in _REQUIRED[format]) and not (format is Format.ALPACA and is_list)


def read_record(row: Row, format: Format, field_map: FieldMap, *, source: str) -> Record | RowIssue:
    """The record that a row stands for, or why it stands for none."""
    fields = _Fields(row.values, format, field_map)
    try:
        messages = fields.put_in(_READERS[format](fields))
        _check(messages)
        return Record(
            messages=tuple(messages),
            origin=Origin(source=fields.optional_text("source") or source, line=row.line, format=format.value),
            original=row.values,
            licence=fields.optional_text("licence") or fields.optional_text("license"),
            language=fields.optional_text("language"),
            group=fields.optional_text("group"),
            labels=fields.labels(),
            alternative=fields.optional_text("alternative"),
        )
    except _RowError as error:
        return RowIssue(line=row.line, field=error.field, rule=error.rule, problem=error.problem, text=row.text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return RowIssue(line=row.line, field=field, rule="unstorable-text", problem=f"{first['msg']}.", text=row.text)


class _Fields:
    """Values of a row by field of its format, whatever its columns are called."""

    def __init__(self, values: Mapping[str, Any], format: Format, field_map: FieldMap) -> None:
        mapped = meanings(field_map)
        own = _WORDS[format]
        self._values = values
        self._columns = {own.get(word, word): column for word, column in mapped.items()}
        if "rejected" in mapped:
            self._columns["alternative"] = mapped["rejected"]
        self._put_in = [word for word in ("system", "instruction", "response") if word in mapped and word not in own]
        self._labels = [word for word in mapped if word.startswith(LABEL)]

    def column(self, field: str) -> str:
        return self._columns.get(field, field)

    def has(self, field: str) -> bool:
        return has_column(self._values, self.column(field))

    def get(self, field: str) -> Any:
        if field == "source" and field not in self._columns:
            return None  # a column of this name that was not mapped may hold anything
        return value_of(self._values, self.column(field))

    def required(self, field: str) -> Any:
        column = self.column(field)
        value = value_of(self._values, column)
        if value is None:
            raise _RowError(column, "missing-field", f"Field {column} is missing.")
        return value

    def text(self, field: str) -> str:
        return _text(self.required(field), self.column(field))

    def optional_text(self, field: str) -> str | None:
        value = self.get(field)
        return None if value is None or value == "" else _text(value, self.column(field))

    def labels(self) -> dict[str, str]:
        """The labels that the mapping names; a number or a truth value is written as JSON writes it."""
        labels = {}
        for word in self._labels:
            value = self.get(word)
            if isinstance(value, dict | list):
                raise _RowError(self.column(word), "wrong-type", f"Label {self.column(word)} holds {_shown(value)}.")
            if value is not None and value != "":
                labels[word.removeprefix(LABEL)] = value if isinstance(value, str) else orjson.dumps(value).decode()
        return labels

    def put_in(self, messages: list[Message]) -> list[Message]:
        """The messages with the texts of mapped words that the format itself does not have."""
        for word in self._put_in:
            if word == "system" or self.get(word) is None:
                continue
            role = "user" if word == "instruction" else "assistant"
            message = Message.model_validate({"role": role, "content": self.text(word)})
            places = [n for n, each in enumerate(messages) if each.role == role]
            is_last = bool(places) and places[-1] >= len(messages) - (1 if word == "response" else 2)
            before, after = (messages[: places[-1]], messages[places[-1] + 1 :]) if is_last else (messages, [])
            messages = [*before, message, *after]
        if "system" in self._put_in and (system := self.optional_text("system")):
            rest = messages[1:] if messages and messages[0].role == "system" else messages
            messages = [Message(role="system", content=system), *rest]
        return messages


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise _RowError(field, "wrong-type", f"Field {field} holds {_shown(value)}, not text.")
    return value


def _list(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise _RowError(field, "wrong-type", f"Field {field} holds {_shown(value)}, not a list.")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "..."


def _alpaca(fields: _Fields) -> list[Message]:
    instruction, given, output = fields.text("instruction"), fields.optional_text("input"), fields.text("output")
    messages = _system(fields)
    for n, pair in enumerate(_list(fields.get("history") or [], fields.column("history"))):
        field = f"{fields.column('history')}[{n}]"
        turns = _list(pair, field)
        if len(turns) != 2:
            raise _RowError(
                field, "wrong-type", f"{field} holds {len(turns)} texts, not an instruction and a response."
            )
        messages.append(Message(role="user", content=_text(turns[0], field)))
        messages.append(Message(role="assistant", content=_text(turns[1], field)))
    if not instruction.strip():
        raise _RowError(fields.column("instruction"), "empty-instruction", "The instruction is empty.")
    messages.append(Message(role="user", content=f"{instruction}\n{given}" if given else instruction))
    messages.append(Message(role="assistant", content=output))
    return messages


def _prompt_completion(fields: _Fields) -> list[Message]:
    prompt, completion = fields.required("prompt"), fields.required("completion")
    if isinstance(prompt, list) or isinstance(completion, list):
        parts = [(prompt, fields.column("prompt")), (completion, fields.column("completion"))]
        return [message for value, field in parts for message in _chat_messages(_list(value, field), field)]
    return [
        *_system(fields),
        Message(role="user", content=_text(prompt, fields.column("prompt"))),
        Message(role="assistant", content=_text(completion, fields.column("completion"))),
    ]


def _chat(fields: _Fields) -> list[Message]:
    return _chat_messages(_list(fields.required("messages"), fields.column("messages")), fields.column("messages"))


def _chat_messages(values: list[Any], field: str) -> list[Message]:
    weighted = any(isinstance(value, dict) and "weight" in value for value in values)
    messages = []
    for n, value in enumerate(values):
        place = f"{field}[{n}]"
        role, content = _turn(value, place, role_key="role", text_key="content", roles=_CHAT_ROLES)
        train = None
        if weighted and role == "assistant":
            weight = value.get("weight", 1)
            if weight not in (0, 1):
                raise _RowError(f"{place}.weight", "wrong-type", f"Weight {_shown(weight)} is neither 0 nor 1.")
            train = bool(weight)
        messages.append(Message(role=role, content=content, train=train))
    return messages


def _sharegpt(fields: _Fields) -> list[Message]:
    field = fields.column("conversations")
    messages = _system(fields)
    for n, value in enumerate(_list(fields.required("conversations"), field)):
        role, content = _turn(value, f"{field}[{n}]", role_key="from", text_key="value", roles=_SHAREGPT_ROLES)
        messages.append(Message(role=role, content=content))
    return messages


def _turn(value: Any, place: str, *, role_key: str, text_key: str, roles: Mapping[str, str]) -> tuple[Any, str]:
    if not isinstance(value, dict):
        raise _RowError(place, "wrong-type", f"{place} holds {_shown(value)}, not an object.")
    for key in (role_key, text_key):
        if value.get(key) is None:
            raise _RowError(f"{place}.{key}", "missing-field", f"Field {place}.{key} is missing.")
    role = _text(value[role_key], f"{place}.{role_key}")
    if role not in roles:
        known = ", ".join(roles)
        raise _RowError(f"{place}.{role_key}", "unknown-role", f'Role "{role}" is unknown; known are {known}.')
    return roles[role], _text(value[text_key], f"{place}.{text_key}")


def _system(fields: _Fields) -> list[Message]:
    text = fields.optional_text("system")
    return [Message(role="system", content=text)] if text else []


def _check(messages: list[Message]) -> None:
    """The rules that every conversation must keep, whatever its format."""
    roles = [message.role for message in messages]
    talk = [(n, role) for n, role in enumerate(roles) if role != "system"]
    if not talk:
        raise _RowError("", "no-response", "There is no message from a user and none from an assistant.")
    if "system" in roles[1:]:
        raise _RowError("", "wrong-role-order", "A system message stands after the beginning.")
    if talk[0][1] != "user":
        raise _RowError("", "wrong-role-order", f"The conversation begins with {talk[0][1]}, not with a user.")
    for (_, before), (n, role) in itertools.pairwise(talk):
        if role == before and role != "tool":
            raise _RowError("", "wrong-role-order", f"Messages {n} and {n + 1} both come from {role}.")
        if role == "tool" and before == "user":
            raise _RowError("", "wrong-role-order", f"Message {n + 1} is a tool's answer that nobody asked for.")
    if roles[-1] != "assistant":
        raise _RowError("", "no-response", f"The conversation ends with {roles[-1]}, not with a response.")
    if not any(message.train or message.train is None for message in messages if message.role == "assistant"):
        raise _RowError("", "no-response", "Every response has weight 0, so nothing would be trained.")
    for message in messages:
        if message.role == "user" and not message.content.strip():
            raise _RowError("", "empty-instruction", "An instruction is empty.")
        if message.role == "assistant" and not message.content.strip():
            raise _RowError("", "empty-response", "A response is empty or only white space.")


_READERS: dict[Format, Callable[[_Fields], list[Message]]] = {
    Format.ALPACA: _alpaca,
    Format.PROMPT_COMPLETION: _prompt_completion,
    Format.CHAT: _chat,
    Format.SHAREGPT: _sharegpt,
}
