"""A query for records: conditions on what is known of them, and words that their texts hold.

It says what is asked, not how it is found. `curator.curate.query` reads and writes its one text form, which stands in
addresses, on the command line and in the log.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from schemas.base import Schema
from schemas.record import Text


class ChoiceField(StrEnum):
    """What a record has one or several of, or none."""

    ID = "id"
    STATE = "state"
    SOURCE = "source"
    """Name of the file or data set that a row said it came from, each time that the content came in."""
    IMPORT = "import"
    """Number of an import that brought the content, or name of its file."""
    PERSON = "person"
    """Who gave an answer that stands."""
    ASSIGNED = "assigned"
    """Person or pool for whom a review that is still missing is kept."""
    ANSWER = "answer"
    """`QUESTION=OPTION` of an answer that stands, as in `checks=harmful`."""
    LABEL = "label"
    """`NAME=VALUE`."""
    LICENCE = "licence"
    LANGUAGE = "language"
    GROUP = "group"
    RULE = "rule"
    """A rule that hits it."""
    DUPLICATE = "duplicate"
    """Side on which it says the same as another record, see `schemas.duplicate`: both, instruction or response."""
    TOPIC = "topic"
    """Name of the topic that was counted for its text."""


class NumberField(StrEnum):
    """What is measured of a record."""

    RATING = "rating"
    """Of some answer that stands."""
    TOKENS = "tokens"
    """Of the whole conversation, as the tokenizer of the project's model counts them."""
    CHARACTERS = "characters"
    """Of all messages."""
    RESPONSE_CHARACTERS = "response"
    """Characters of the last response."""
    MESSAGES = "messages"


Compare = Literal["=", ">=", "<=", ">", "<"]
_T = TypeVar("_T", bound=Hashable)


def _once(values: Iterable[_T]) -> tuple[_T, ...]:
    """Each value at the first place where it stands."""
    return tuple(dict.fromkeys(values))


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _positive_zero(number: float) -> float:
    return number + 0.0


NonEmptyText = Annotated[Text, AfterValidator(_not_empty)]
Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_positive_zero)]


class Choice(Schema):
    """A record has one of some values, or none of them."""

    field: ChoiceField
    values: Annotated[tuple[NonEmptyText | None, ...], Field(min_length=1), AfterValidator(_once)]
    """Any of them is enough. None stands for a record that has no value at all."""
    excluded: bool = False
    """Records that do not match."""


class Bound(Schema):
    """A number of a record lies on one side of a limit."""

    field: NumberField
    compare: Compare
    number: Number
    excluded: bool = False
    """Records that do not match, those without the number too."""


Condition = Choice | Bound


class RecordQuery(Schema):
    """Which records are meant: those for which every condition holds and in which every word occurs."""

    conditions: Annotated[tuple[Condition, ...], AfterValidator(_once)] = ()
    words: Annotated[tuple[NonEmptyText, ...], AfterValidator(_once)] = ()
    """Words and phrases. Each occurs somewhere, as a part of words too and in any case, in a message, a
    rejected message or an alternative response, as it came in or as it was accepted."""

    @property
    def asks_for_all(self) -> bool:
        """Whether it leaves nothing out."""
        return not self.conditions and not self.words

    def choices(self, field: ChoiceField) -> tuple[Choice, ...]:
        """Its conditions on one field."""
        return tuple(each for each in self.conditions if isinstance(each, Choice) and each.field is field)

    def bounds(self, field: NumberField) -> tuple[Bound, ...]:
        """Its conditions on one number."""
        return tuple(each for each in self.conditions if isinstance(each, Bound) and each.field is field)


class SortField(StrEnum):
    """By what a list of records is ordered; records without the number come last."""

    ARRIVAL = "arrival"
    CHARACTERS = "characters"
    RESPONSE_CHARACTERS = "response"
    MESSAGES = "messages"
    TOKENS = "tokens"


class Sort(Schema):
    """An order of records; those that are equal follow in the order in which they came in."""

    by: SortField = SortField.ARRIVAL
    descending: bool = False


class Cursor(Schema):
    """The place of a record in a list, from which the next page goes on."""

    record_id: str
    key: int | float | None = None
    """What it is ordered by; None where the record has no such number, and for the order of arrival."""
