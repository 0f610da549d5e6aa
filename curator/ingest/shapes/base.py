"""What a shape is: a row's fields in, the content of a record out, or a `RowError` that says what is wrong.

Text is never trimmed or changed, and a value of another type is an error, never converted; but for numbers in labels
and groups, which are names there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError

from curator.ingest.mapping import LABEL, has_column, meanings, value_of
from schemas import json_text
from schemas.importing import FieldMap
from schemas.record import Message


class RowError(Exception):
    """A row that cannot become a record; becomes a `RowIssue`."""

    def __init__(self, field: str, rule: str, problem: str) -> None:
        super().__init__(problem)
        self.field, self.rule, self.problem = field, rule, problem


class Content(NamedTuple):
    """What a model can see of a row."""

    messages: list[Message]
    """The conversation; of a pair with the chosen response."""
    tools: Sequence[Any] = ()
    """Definitions, parsed or as JSON text."""
    rejected: Sequence[Message] = ()
    """Of a decided pair: what stands in the place of `messages[prompt_length:]`."""
    prompt_length: int | None = None
    desirable: bool | None = None
    groups: Sequence[str] = ()
    """Of a frozen row: what ties it to others."""
    labels: Mapping[str, str] = MappingProxyType({})
    """Of a frozen row."""


class Shape(NamedTuple):
    """One way in which a row holds a conversation: the protocol."""

    words: Mapping[str, str]
    """How this shape calls what a word of the record means, as in `{"response": "output"}`."""
    fits: Callable[[Fields], bool]
    """Whether a row has this shape."""
    read: Callable[[Fields], Content]
    """The content of a row; raises `RowError`."""


class Fields:
    """Values of a row by field of its shape, whatever its columns are called."""

    def __init__(self, values: Mapping[str, Any], words: Mapping[str, str], field_map: FieldMap) -> None:
        mapped = meanings(field_map)
        self.values = values
        self.columns_read: set[str] = set()
        """Columns that were asked for, and those of which a mapping names a part."""
        self.tags = field_map.tags
        self._columns = {words.get(word, word): column for word, column in mapped.items()}
        if field_map.tags and "messages" in mapped and "messages" not in words:
            self._columns["conversations"] = self._columns.pop("messages")  # tags are those of a ShareGPT file
        self._put_in = [word for word in ("system", "instruction", "response") if word in mapped and word not in words]
        self._labels = dict.fromkeys(word for word in (*values, *mapped) if word.startswith(LABEL) and word != LABEL)

    def column(self, field: str) -> str:
        """The column that holds a field."""
        return self._columns.get(field, field)

    def is_mapped(self, field: str) -> bool:
        """Whether the mapping names this field."""
        return field in self._columns

    def is_taken(self, column: str) -> bool:
        """Whether the mapping names this column for any field."""
        return column in self._columns.values()

    def has(self, *fields: str) -> bool:
        """Whether the row has a value in all of these fields."""
        return all(self.get(field) is not None for field in fields)

    def has_columns(self, *fields: str) -> bool:
        """Whether the row has the columns of all of these fields, be they empty."""
        return all(has_column(self.values, self.column(field)) for field in fields)

    def get(self, field: str) -> Any:
        """What stands in a field; None where nothing does."""
        column = self.column(field)
        self.columns_read.add(column if column in self.values else column.partition(".")[0])
        return value_of(self.values, column)

    def required(self, field: str) -> Any:
        """What stands in a field that must be there."""
        value = self.get(field)
        if value is None:
            column = self.column(field)
            raise RowError(column, "missing-field", f"Field {column} is missing.")
        return value

    def text(self, field: str) -> str:
        """The text of a field that must be there."""
        return text_of(self.required(field), self.column(field))

    def optional_text(self, field: str) -> str | None:
        """The text of a field; None where it is missing or empty."""
        value = self.get(field)
        return None if value is None or value == "" else text_of(value, self.column(field))

    def optional_name(self, field: str) -> str | None:
        """The text of a field that names something: a number is written as JSON writes it, as a label is."""
        value = self.get(field)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return json_text.dumps(value) if is_number else self.optional_text(field)

    def labels(self) -> dict[str, str]:
        """The labels of a row, as columns or by the mapping; a number or a truth value is written as JSON writes it."""
        labels = {}
        for word in self._labels:
            value, column = self.get(word), self.column(word)
            if isinstance(value, dict | list):
                raise RowError(column, "wrong-type", f"Label {column} holds {shown(value)}.")
            if value is not None and value != "":
                labels[word.removeprefix(LABEL)] = value if isinstance(value, str) else json_text.dumps(value)
        return labels

    def put_in(self, messages: list[Message]) -> list[Message]:
        """The messages with the texts of mapped words that the shape itself does not have.

        A mapped instruction or response takes the place of the last one; where the conversation ends before it, it
        comes after.
        """
        for word in self._put_in:
            if word == "system" or self.get(word) is None:
                continue
            role = "user" if word == "instruction" else "assistant"
            spoken = message(self.column(word), role=role, content=self.text(word))
            place = max((n for n, each in enumerate(messages) if each.role == role), default=-1)
            if place >= max(0, len(messages) - (1 if word == "response" else 2)):
                spoken = spoken.model_copy(update={"train": messages[place].train})
                messages = [*messages[:place], spoken, *messages[place + 1 :]]
            else:
                messages = [*messages, spoken]
        if "system" in self._put_in and (system := self.optional_text("system")):
            rest = messages[1:] if messages and messages[0].role == "system" else messages
            messages = [message(self.column("system"), role="system", content=system), *rest]
        return messages


def message(place: str, **values: Any) -> Message:
    """A message; what the schema refuses is an error at `place`."""
    try:
        return Message(**values)
    except ValidationError as error:
        raise refused(error, place) from error


def refused(error: ValidationError, place: str) -> RowError:
    """What a schema refused, as an error of the row."""
    first = error.errors()[0]
    field = ".".join([place, *(str(part) for part in first["loc"])]).strip(".")
    reason = first["msg"].removeprefix("Value error, ")
    if "NUL" in reason or "surrogate" in reason or first["type"] == "string_unicode":
        return RowError(field, "unstorable-text", f"{field} {reason}.")
    if "are the same" in reason:
        return RowError(field, "no-difference", f"{reason[0].upper()}{reason[1:]}.")
    return RowError(field, "wrong-type", f"{field or 'The row'}: {reason}.")


def text_of(value: Any, field: str) -> str:
    """A value that has to be text."""
    if not isinstance(value, str):
        raise RowError(field, "wrong-type", f"Field {field} holds {shown(value)}, not text.")
    return value


def list_of(value: Any, field: str) -> list[Any]:
    """A value that has to be a list."""
    if not isinstance(value, list):
        raise RowError(field, "wrong-type", f"Field {field} holds {shown(value)}, not a list.")
    return value


def shown(value: Any) -> str:
    """A value, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "..."


def system_of(fields: Fields) -> list[Message]:
    """The system message of a row that has one in a field of its own."""
    text = fields.optional_text("system")
    return [message(fields.column("system"), role="system", content=text)] if text else []


def with_system(fields: Fields, messages: list[Message]) -> list[Message]:
    """The messages behind the system message of the row's own field; a mapping may name that in place of theirs."""
    own = system_of(fields)
    if not own or not messages or messages[0].role != "system":
        return [*own, *messages]
    if own[0].content != messages[0].content and not fields.is_mapped("system"):
        problem = "The conversation begins with one system message, and field system holds another one."
        raise RowError("system", "two-systems", f"{problem} Map system to a column to say which is meant.")
    return messages


def tools_of(fields: Fields) -> list[Any]:
    """The tool definitions of a row: a list of objects, or the JSON text of one, under either name or both."""
    tools: list[Any] = []
    for field, wrap in (("tools", False), ("functions", True)):
        value, column = fields.get(field), fields.column(field)
        if isinstance(value, str):
            if not value.strip():
                continue
            try:
                value = json_text.loads(value)
            except ValueError as error:
                raise RowError(column, "unreadable-tools", f"Field {column} is not valid JSON: {error}.") from error
        if value is None or value == []:
            continue
        definitions = list_of([value] if isinstance(value, dict) else value, column)
        for n, each in enumerate(definitions):
            if not isinstance(each, dict | str):
                raise RowError(f"{column}[{n}]", "wrong-type", f"{column}[{n}] holds {shown(each)}, not an object.")
        wrapped = [{"type": "function", "function": each} for each in definitions] if wrap else definitions
        tools += [each for each in wrapped if each not in tools] if tools else wrapped
    return tools
