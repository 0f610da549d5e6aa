"""Leakage: evaluation items that stand in the data a model is trained on."""

from __future__ import annotations

from schemas.base import Schema


class LeakageSource(Schema):
    """What was looked for."""

    name: str
    """Of a suite, a file, or the held-out rows of a version."""
    items: int
    """Prompts and answers that were looked for."""
    matches: int
    """Records that hold one of them."""


class LeakageMatch(Schema):
    """A record that holds an evaluation item, whole or nearly so."""

    source: str
    item_id: str
    is_answer: bool
    """The answer of the item stands there, not what it asks."""
    record_id: str
    """Of a version, the id of the row."""
    share: float
    """Share of the item's telling three-word runs that the record has."""
    item_text: str
    instruction: str
    response: str


class LeakageReport(Schema):
    """A search for evaluation items in the records of a project, or in the training rows of a version."""

    searched: str
    """Name of the project or version."""
    records: int
    sources: tuple[LeakageSource, ...]
    matches: int
    """Records that hold an item."""
    shown: tuple[LeakageMatch, ...]
    """The first of them, the fullest matches first."""
