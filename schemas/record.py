"""One training example: a list of chat messages and what is known about them.

A single instruction with its response is the two-message case. What a model can see is *content*: messages with their
tool calls and training switches, tool definitions, and for preference data the rejected messages or the verdict. All
else (where it came from, licence, language, group, labels, the row as it was) stands beside it and never changes the
content's hash. A record does not know where it is stored or who works on it; that is live state.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas import json_text
from schemas.base import Schema

Role = Literal["system", "developer", "user", "assistant", "tool"]


def _storable(text: str) -> str:
    """The text itself, if a database and a UTF-8 file can hold it: no NUL and no lone surrogate."""
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a surrogate pair, which is not Unicode text") from error
    return text


def _definition(value: Any) -> str:
    """A tool definition (a JSON object, parsed or as text) as its one JSON text."""
    parsed = json_text.loads(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        raise ValueError("a tool definition is a JSON object")
    return json_text.dumps(parsed)


def _arguments(value: Any) -> str:
    """Arguments (parsed, or as text) as their one JSON text; text that is not JSON stays as it is."""
    if not isinstance(value, str):
        return json_text.dumps(value)
    try:
        return json_text.dumps(json_text.loads(value))
    except ValueError:
        return value


def _row_bytes(value: Any) -> Any:
    """The bytes of a row; a parsed row, as workspaces held it before, becomes its JSON text."""
    return value if value is None or isinstance(value, (bytes, str)) else json_text.dumps(value).encode()


def _storable_bytes(value: bytes) -> bytes:
    try:
        _storable(value.decode())
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text") from error
    return value


Text = Annotated[str, AfterValidator(_storable)]
ToolDefinition = Annotated[str, BeforeValidator(_definition), AfterValidator(_storable)]
Arguments = Annotated[str, BeforeValidator(_arguments), AfterValidator(_storable)]
RowBytes = Annotated[bytes, BeforeValidator(_row_bytes), AfterValidator(_storable_bytes)]


class ToolCall(Schema):
    """A call of a tool that an assistant message makes."""

    name: Text
    arguments: Arguments = ""
    """JSON text in the form of `schemas.json_text`; text that is not JSON is kept as it came."""
    id: Text | None = None
    """What the tool's message answers to; a record gives a call without one the next of `call_1`, `call_2`, ..."""


class Message(Schema):
    """One turn of a conversation."""

    role: Role
    content: Text = ""
    """The text, byte for byte as it came: never trimmed or normalised. May be empty beside tool calls."""
    train: bool | None = None
    """Whether this turn carries loss. Only assistant turns may; `None` takes the record's default."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Tools that an assistant calls, in order."""
    tool_call_id: Text | None = None
    """Of a tool message: id of the call that it answers."""
    name: Text | None = None
    """Of the speaker or of the tool, where the source names it."""

    def trains(self, train: bool) -> Message:
        """This message with `train` set; it is checked already, and a record settles every message it holds."""
        if self.train is train:
            return self
        return Message.model_construct(
            role=self.role,
            content=self.content,
            train=train,
            tool_calls=self.tool_calls,
            tool_call_id=self.tool_call_id,
            name=self.name,
        )

    @model_validator(mode="after")
    def _only_its_role_may(self) -> Message:
        if self.role != "assistant":
            if self.train:
                raise ValueError(f"a {self.role} message cannot carry loss; only assistant messages can")
            if self.tool_calls:
                raise ValueError(f"a {self.role} message cannot call a tool; only assistant messages can")
        if self.tool_call_id is not None and self.role != "tool":
            raise ValueError(f"a {self.role} message cannot answer a tool call; only tool messages can")
        return self


class Origin(Schema):
    """Where a record came from."""

    source: Text
    """File name, or `review` for a record made from a reviewed output."""
    line: int | None = None
    """1-based line of the file (JSONL, CSV) or 1-based position in the array (JSON)."""
    format: Text | None = None
    """Format that the row was read as, such as alpaca, prompt_completion, chat or sharegpt."""


class Arrival(Schema):
    """One time that a content came in: from where, and what was said about it there."""

    origin: Origin
    original: RowBytes | None = None
    """The row word for word, as UTF-8."""
    licence: Text | None = None
    language: Text | None = None
    group: Text | None = None
    labels: dict[Text, Text] = Field(default_factory=dict)
    content_hash: str | None = None
    """Hash of the content as it came, 64 hex digits: pairs an edited record with its older row."""


class Record(Schema):
    """A conversation whose trained assistant turns are what a model should learn to say."""

    messages: tuple[Message, ...] = Field(min_length=2)
    """The conversation; of a decided pair, with the chosen response."""
    tools: tuple[ToolDefinition, ...] = ()
    """Definitions of the tools that the assistant may call, each a JSON object as text (`schemas.json_text`)."""
    rejected: tuple[Message, ...] = ()
    """Of a decided pair: the messages that stand in the place of `messages[prompt_length:]` and are worse."""
    prompt_length: int | None = None
    """Of a decided pair: how many messages both share. By default those before the last assistant message; messages
    that begin both sides are moved to the prompt, since they cancel in every preference loss."""
    desirable: bool | None = None
    """For KTO: whether the response is one to learn or one to avoid. A response to avoid never carries loss."""
    alternative: Text | None = None
    """A second response to the same context, not yet decided: annotators say which of the two is better, and the worse
    becomes `rejected`."""

    origin: Origin
    original: RowBytes | None = None
    """The row word for word as UTF-8 bytes; of a table (CSV, Parquet, Excel) its cells under their names, as JSON."""
    licence: Text | None = None
    language: Text | None = None
    group: Text | None = None
    """Records of one group never end up on both sides of a split (conversation, document, customer)."""
    labels: dict[Text, Text] = Field(default_factory=dict)
    also: tuple[Arrival, ...] = ()
    """Where the same content came again; what was said about it there is kept."""

    @model_validator(mode="after")
    def _settle(self) -> Record:
        """Fill what the source left open, so that the same content is the same record whatever shape it came in."""
        if self.rejected and self.desirable is not None:
            raise ValueError("a record is a decided pair or has a verdict of its own, not both")
        self._set(messages=_with_call_ids(self.messages))
        if self.rejected:
            shared = self.messages[: self._parts_at()]
            self._set(rejected=_with_call_ids((*shared, *self.rejected))[len(shared) :])
        self._set(messages=self._with_training_turns())
        if self.rejected:
            self._settle_pair()
        elif self.prompt_length is not None:
            raise ValueError("prompt_length without rejected messages")
        return self

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # the instance is frozen once it is built

    def _with_training_turns(self) -> tuple[Message, ...]:
        """Every `train` as given, or the last assistant message when no message says anything."""
        messages = self.messages
        if any(message.train is not None for message in messages):
            if self.desirable is False and any(message.train for message in messages):
                raise ValueError("a response that is to be avoided cannot carry loss")
            return tuple(m.trains(bool(m.train)) for m in messages)
        last = None if self.desirable is False else _last_response(messages)
        return tuple(m.trains(i == last) for i, m in enumerate(messages))

    def _settle_pair(self) -> None:
        """Find where chosen and rejected part; a rejected message never carries loss."""
        rejected = tuple(m.trains(False) for m in self.rejected)
        shared = self._parts_at()
        if not 0 < shared < len(self.messages):
            raise ValueError("a pair needs a prompt, and a chosen response after it")
        while rejected and shared < len(self.messages) and self.messages[shared].trains(False) == rejected[0]:
            rejected, shared = rejected[1:], shared + 1
        if not rejected or shared == len(self.messages):
            raise ValueError("the chosen and the rejected response are the same, or one is the beginning of the other")
        self._set(rejected=rejected, prompt_length=shared)

    def _parts_at(self) -> int:
        """How many messages chosen and rejected share, as far as the source said it."""
        return self.prompt_length if self.prompt_length is not None else _last_response(self.messages) or 0

    @property
    def instruction(self) -> str:
        """Text of the last user message before the final response."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def response(self) -> str:
        """Text of the last assistant message."""
        return next((m.content for m in reversed(self.messages) if m.role == "assistant"), "")

    @property
    def context(self) -> tuple[Message, ...]:
        """Every message before the last assistant message: what the model is given."""
        last = _last_response(self.messages)
        return self.messages if last is None else self.messages[:last]

    @property
    def chosen(self) -> tuple[Message, ...]:
        """Of a decided pair: the messages that are better than `rejected`; empty for any other record."""
        return () if self.prompt_length is None else self.messages[self.prompt_length :]

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """Every time that this content came in, the first one first."""
        first = Arrival(
            origin=self.origin,
            original=self.original,
            licence=self.licence,
            language=self.language,
            group=self.group,
            labels=self.labels,
        )
        return (first, *self.also)

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group that the record was given, sorted: its own, and those of the times when it came again."""
        return tuple(sorted({each for each in (self.group, *(a.group for a in self.also)) if each is not None}))

    def with_response(self, response: str) -> Record:
        """This record with the text of its last assistant message replaced."""
        last = _last_response(self.messages)
        assert last is not None, "a record has a response"
        edited = self.messages[last].model_copy(update={"content": response})
        return self.model_copy(update={"messages": (*self.messages[:last], edited, *self.messages[last + 1 :])})

    def with_rejected(self, response: str) -> Record:
        """This record as a decided pair: its own response is better than this one.

        Raises:
            ValueError: Both are the same.
        """
        if response == self.response:
            raise ValueError("the chosen and the rejected response are the same")
        worse = Message(role="assistant", content=response, train=False)
        parts_at = _last_response(self.messages)
        return self.model_copy(update={"rejected": (worse,), "prompt_length": parts_at, "alternative": None})


def _last_response(messages: tuple[Message, ...]) -> int | None:
    """Place of the last assistant message."""
    return next((i for i, m in reversed(list(enumerate(messages))) if m.role == "assistant"), None)


def _with_call_ids(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Messages in which every tool call has an id, and every tool message that of the oldest call without an answer.

    Formats without ids (ShareGPT) count calls through the conversation, so theirs are `call_1`, `call_2`, ...
    """
    if not any(message.tool_calls or message.role == "tool" for message in messages):
        return messages
    settled, waiting, calls = [], [], 0
    for message in messages:
        if message.tool_calls:
            numbered = []
            for call in message.tool_calls:
                calls += 1
                numbered.append(call if call.id is not None else call.model_copy(update={"id": f"call_{calls}"}))
                waiting.append(numbered[-1].id)
            message = message.model_copy(update={"tool_calls": tuple(numbered)})
        elif message.role == "tool":
            if message.tool_call_id is None and waiting:
                message = message.model_copy(update={"tool_call_id": waiting[0]})
            if message.tool_call_id in waiting:
                waiting.remove(message.tool_call_id)
        settled.append(message)
    return tuple(settled)
