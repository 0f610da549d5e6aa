"""A subset of records chosen by quality and diversity, always beside as many drawn at random."""

from __future__ import annotations

from pydantic import Field

from schemas.base import Schema


class SubsetRecipe(Schema):
    """All that decides which records are chosen; the same recipe chooses the same from the same texts."""

    query: str = "-state:rejected"
    """Records to choose from."""
    count: int = Field(ge=1)
    seed: int = 0
    """Draws the random arm."""
    quality: float = Field(default=0.3, ge=0, le=1)
    """Weight of quality; diversity has the rest."""
    balance: float = Field(default=0.5, ge=0, le=1)
    """How topics share the places: 1 by their size, 0 all alike, .5 by the square root of their size."""
    shortest: int = Field(default=0, ge=0)
    """Characters of a response from which on its length is right."""
    longest: int | None = Field(default=None, ge=1)
    """Characters of a response up to which its length is right; None for any."""


class Arm(Schema):
    """One set of records, in figures."""

    name: str
    """`all`, `chosen` or `random`."""
    records: int
    topics: int
    """Topics of which it has a record."""
    even_topics: float
    """As many topics of one size would be spread as evenly: the exponential of the entropy."""
    imports: int
    """Imports of which it has a record."""
    coverage: float
    """Mean likeness of a record of the whole to the closest one in the set, from 0 to 1."""
    quality: float
    """Mean, from 0 to 1."""
    median_response: int | None
    """Characters; None where lengths were not counted (`curator profile` counts them)."""
    responses: int | None
    """Characters of all responses: sets of as many records may train on very different amounts of text."""


class TopicShare(Schema):
    """Records of one topic in each set."""

    topic: str
    all: int
    chosen: int
    random: int


class SubsetReport(Schema):
    """What was chosen, and the same figures of as many records drawn at random."""

    recipe: SubsetRecipe
    project: str
    judged_by: tuple[str, ...]
    """What quality was made of: `rating`, `rules`, `length`; what was not counted is left out."""
    without: int
    """Records that the query means and that have no vector, since they came or changed after topics were counted."""
    arms: tuple[Arm, ...]
    """Of all, of the chosen ones, of the random ones."""
    topics: tuple[TopicShare, ...]
    chosen: tuple[str, ...]
    """Ids of the records, the first chosen first."""
    random: tuple[str, ...]
    """Ids of as many records, drawn from all."""
