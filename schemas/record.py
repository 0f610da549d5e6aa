"""One training example: a list of chat messages and what is known about them.

A single instruction with its response is the two-message case. A record does not know where it is stored or who
works on it; that is live state.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, model_validator

from schemas.base import Schema

Role = Literal["system", "user", "assistant", "tool"]


def _storable(text: str) -> str:
    """The text itself, if a database and a UTF-8 file can hold it: no NUL and no lone surrogate."""
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a surrogate pair, which is not Unicode text") from error
    return text


Text = Annotated[str, AfterValidator(_storable)]


class Message(Schema):
    """One turn of a conversation."""

    role: Role
    content: Text
    """The text, byte for byte as it came: never trimmed or normalised."""
    train: bool | None = None
    """Whether this turn carries loss. Only assistant turns may; `None` takes the record's default."""

    def trains(self, train: bool) -> Message:
        """This message with `train` set; it is checked already, and a record settles every message it holds."""
        return Message.model_construct(role=self.role, content=self.content, train=train)

    @model_validator(mode="after")
    def _only_assistants_train(self) -> Message:
        if self.train and self.role != "assistant":
            raise ValueError(f"a {self.role} message cannot carry loss; only assistant messages can")
        return self


class Origin(Schema):
    """Where a record came from."""

    source: str
    """File name, or `review` for a record made from a reviewed output."""
    line: int | None = None
    """1-based line of the file (JSONL, CSV) or 1-based position in the array (JSON)."""
    format: str | None = None
    """Format that the row was read as: alpaca, prompt_completion, chat or sharegpt."""


class Record(Schema):
    """A conversation whose trained assistant turns are what a model should learn to say."""

    messages: tuple[Message, ...] = Field(min_length=2)
    origin: Origin
    original: JsonValue = None
    """The row in the shape in which it was imported, so that it can be exported as it came."""
    licence: Text | None = None
    language: Text | None = None
    group: Text | None = None
    """Records of one group never end up on both sides of a split (conversation, document, customer)."""
    labels: dict[str, str] = Field(default_factory=dict)
    alternative: Text | None = None
    """A second response to the same context; annotators say which of the two is better."""

    @model_validator(mode="after")
    def _settle_training_turns(self) -> Record:
        """Fill every `train`: as given, or the last assistant message when no message says anything."""
        messages = self.messages
        if all(message.train is None for message in messages):
            last = max((i for i, m in enumerate(messages) if m.role == "assistant"), default=None)
            settled = tuple(m.trains(i == last) for i, m in enumerate(messages))
        else:
            settled = tuple(m.trains(bool(m.train)) for m in messages)
        object.__setattr__(self, "messages", settled)  # the instance is frozen once it is built
        return self

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
        last = max((i for i, m in enumerate(self.messages) if m.role == "assistant"), default=len(self.messages))
        return self.messages[:last]

    def with_response(self, response: str) -> Record:
        """This record with the text of its last assistant message replaced."""
        last = max(i for i, m in enumerate(self.messages) if m.role == "assistant")
        edited = self.messages[last].model_copy(update={"content": response})
        return self.model_copy(update={"messages": (*self.messages[:last], edited, *self.messages[last + 1 :])})
