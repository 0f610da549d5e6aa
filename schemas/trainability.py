"""Which records a run could train on, and why not the others."""

from __future__ import annotations

from enum import StrEnum

from schemas.base import Schema


class Obstacle(StrEnum):
    """Why a record would be left out."""

    TOO_LONG = "too-long"
    """It has more tokens than a run takes. Nothing is ever cut: a response without its end teaches to stop anywhere."""
    NOTHING_TRAINS = "nothing-trains"
    """No token of it would carry loss."""
    SPECIAL_TOKEN = "special-token"
    """A text spells a control token of the model."""
    TEMPLATE = "template"
    """The chat template refuses the conversation, or cannot say it so that its responses can be told apart."""


class Hindered(Schema):
    """A record that would be left out."""

    id: str
    """Of the record, or of the version's row."""
    record_ids: tuple[str, ...]
    """Records of the project behind it."""
    excerpt: str
    """Where its instruction begins."""
    reason: str


class ObstacleCount(Schema):
    """Records that one obstacle keeps out."""

    obstacle: Obstacle
    records: int
    examples: tuple[Hindered, ...]
    query: str
    """Finds the records behind the examples, and those that are like them where a query can say so."""


class TokenLengths(Schema):
    """How long the records are that could be rendered, in tokens of the whole conversation."""

    median: int
    p95: int
    p99: int
    most: int
    total: int
    response: int
    """Tokens of all that carry loss."""


class Fit(Schema):
    """How many of them a run would take that takes records up to some length."""

    max_tokens: int
    records: int


class Trainability(Schema):
    """What a run would make of the records of a version or a project."""

    subject: str
    """The version or project, as people call it."""
    base: str
    max_tokens: int
    records: int
    """All of them."""
    looked_at: int
    """Fewer where a sample was drawn."""
    trains: int
    obstacles: tuple[ObstacleCount, ...]
    """The most frequent first; those that keep no record out are not listed."""
    lengths: TokenLengths | None
    """None when no record could be rendered."""
    fits: tuple[Fit, ...]
