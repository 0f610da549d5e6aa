"""What a rule is: a name, a question that it answers about one record, and how often it was right on labelled data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from schemas.record import Record


class Level(StrEnum):
    """How much a hit weighs."""

    ERROR = "error"
    """Such a record teaches something wrong."""
    WARNING = "warning"
    """A person should look."""


class Hit(NamedTuple):
    """What a rule found in a record."""

    rule: str
    """Name of the rule."""
    place: str
    """`messages.2`, counted from 0, or `record` where the whole is meant."""
    quote: str
    """The words that it goes by, or what is missing."""


class Span(NamedTuple):
    """Where a rule found something: the number of the message, None for the whole record, and the words."""

    message: int | None
    quote: str


class Rule(NamedTuple):
    """A question about one record."""

    name: str
    """Lower case with hyphens; it never changes."""
    title: str
    """What a record that is hit looks like, in a sentence."""
    level: Level
    spans: Callable[[Record], Iterable[Span]]
    """What it finds; empty for most records. Reads only content, never raises."""
    hint: str | None = None
    """What the text of every record that it hits holds, as an RE2 pattern; the messages stand one below the other.
    Records without it are not asked about: the hints of all rules are looked for in one walk over the text, which takes
    a tenth of the time of the rules. None: it is asked about every record."""
    revision: str = "1"
    """Changed whenever the rule may answer otherwise than before, so that answers of the former one count as old."""


QUOTED = 80
"""Characters of a quote."""


def quoted(text: str, start: int = 0) -> str:
    """A passage on one line, short enough for a table."""
    return " ".join(text[start : start + 2 * QUOTED].split())[:QUOTED]
