"""What reviewers send back to the data, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from schemas.annotation import RecordState
from schemas.base import Schema
from schemas.judgement import Defect


class Kind(StrEnum):
    """What a reviewer asks of the data."""

    CORRECTED = "corrected"
    """A new record teaches the right response."""
    PREFERENCE = "preference"
    """A new record says which response is better, and which worse."""
    TAUGHT = "taught"
    """A record that was trained on taught what is wrong; annotators look at it again."""


class SentBack(Schema):
    """One thing that a reviewer sent back, about one output."""

    kind: Kind
    record_id: str
    """The record that it made, or that annotators look at again."""
    output_id: int
    system_id: str
    suite_id: str
    position: int
    """Of the prompt in its suite, from 0."""
    reason: str
    actor: str
    at: datetime
    """UTC."""


class Neighbour(Schema):
    """A training row that says what an output says."""

    row_id: str
    record_ids: tuple[str, ...]
    """Records of the project that it was frozen from; none where they were deleted since."""
    instruction: str
    response: str
    similarity: float
    """Cosine of the character 3- to 5-grams, weighted by rarity; 1 for the same text."""
    shared: str
    """The longest run of words that both hold."""


class FollowUp(Schema):
    """What became of something that was sent back."""

    sent: SentBack
    suite: str
    prompt_id: str
    state: RecordState
    """Of its record, now."""
    versions: tuple[str, ...]
    """Ids of versions that were frozen since and hold the record as it is now, oldest first."""
    trained: bool | None = None
    """Whether the run in question was trained on such a version; None where no run is in question."""
    before: tuple[Defect, ...] = ()
    """What people found wrong with the output that it was about."""
    now: tuple[Defect, ...] | None = None
    """What they find wrong with the answer of the run in question to the same prompt or its variant; None before it is
    judged, or while its names are hidden from the reader."""
