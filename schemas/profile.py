"""What a set of records looks like: how many of what, how long, and what the rules found."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.base import Schema


class Count(Schema):
    """How many records have a value."""

    value: str | None
    """None: nothing was said about them."""
    records: int


class Spread(Schema):
    """How a length is spread over records; every figure is that of an existing record."""

    least: int
    p5: int
    """5 in 100 records are at most this long."""
    median: int
    p95: int
    most: int


class Bin(Schema):
    """How many records have a number from `start` to below `end`."""

    start: int
    end: int
    records: int


class RuleExample(Schema):
    """A record that a rule hit."""

    record_id: str
    place: str
    """`messages.2`, counted from 0, or `record`."""
    quote: str


class RuleCount(Schema):
    """What one rule found."""

    rule: str
    title: str
    level: str
    """`error` or `warning`."""
    records: int
    """Records that it hit, each counted once."""
    precision: float | None = None
    """Share of its hits in public data that were right; None where none was hit or it comes from another package."""
    judged: int = 0
    """Hits that this share rests on."""
    examples: tuple[RuleExample, ...] = ()
    failed: int = 0
    """Records on which it raised an error: they are neither hit nor clean."""
    error: str | None = None
    """The first of those errors."""


class Profile(Schema):
    """A project's records at one moment."""

    records: int
    states: tuple[Count, ...] = ()
    sources: tuple[Count, ...] = ()
    licences: tuple[Count, ...] = ()
    languages: tuple[Count, ...] = ()
    """As the source says; nothing is guessed."""
    shapes: tuple[Count, ...] = ()
    """`pair`, `turns`, `tools`, `preference`, `kto`, `undecided`: each record counts once, as the first that fits from
    the end of this list."""
    messages: Spread | None = None
    """Messages of a record; None without records, as for the others."""
    prompt_characters: Spread | None = None
    """Characters of everything before the last response."""
    response_characters: Spread | None = None
    """Characters of the last response."""
    tokens: Spread | None = None
    """Tokens of the texts of all messages, without those that a chat template adds; None without a tokenizer."""
    tokenizer: str | None = None
    """Name of the model whose tokens they are."""
    total_tokens: int | None = None
    turns: tuple[Bin, ...] = ()
    """Records by their number of messages."""
    prompt_lengths: tuple[Bin, ...] = ()
    """Records by `prompt_characters`."""
    response_lengths: tuple[Bin, ...] = ()
    """Records by `response_characters`."""
    token_lengths: tuple[Bin, ...] = ()
    """Records by `tokens`."""
    rules: tuple[RuleCount, ...] = ()
    off: tuple[str, ...] = Field(default=())
    """Rules that were not asked, by name."""


class RuleState(Schema):
    """One rule in a project: what was measured for it, what a lead chose, and how far its answers go."""

    rule: str
    title: str
    level: str
    is_on: bool
    is_default: bool
    """No lead chose."""
    precision: float | None = None
    """Share of its hits in public data that were right; None where none was hit or it comes from another package."""
    judged: int = 0
    """Hits that this share rests on."""
    asked: int
    """Records about whose text, as it stands, this revision was asked."""
    total: int
    """Records of the project."""
    hits: int
    failed: int

    @property
    def stands(self) -> str:
        """How far its answers go, in words."""
        if self.asked == 0:
            return "not run"
        if self.asked == self.total:
            return "run"
        return f"run on {self.asked:,} of {self.total:,}; the others came or changed since"


class StoredProfile(Schema):
    """The newest profile of a project, as it was counted."""

    profile: Profile
    at: datetime
    """UTC."""
    behind: int
    """Records whose rules were not asked as they stand now: they came or changed since, or a rule is new."""
