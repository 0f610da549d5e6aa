"""What people say about records: answers, and the state of a record in the queue."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.base import Schema
from schemas.record import Record, Text


class RecordState(StrEnum):
    """Where a record stands. Derived from its events; only `accepted` records are frozen into versions."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FLAGGED = "flagged"
    """Set aside for a lead; nobody is offered it."""


class Checks(Schema):
    """What an annotator found in the final response. A ticked check keeps the record out of versions."""

    harmful: bool = False
    unfactual: bool = False
    biased: bool = False
    personal_data: bool = False

    @property
    def ticked(self) -> tuple[str, ...]:
        """Names of the checks that are set."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))


class Answer(Schema):
    """One person's judgement of one record."""

    response: Text
    """The final text; equal to the record's response when nothing was edited."""
    rating: int | None = Field(default=None, ge=1, le=5)
    """Quality of the final text, 1 (poor) to 5 (excellent). Required to submit."""
    checks: Checks = Checks()
    note: Text = ""


class Claim(Schema):
    """The right to answer one slot of one record until it expires."""

    token: str
    """Random, unguessable; doubles as the idempotency key of the submit."""
    slot_id: int
    record_id: str
    expires_at: datetime
    """UTC."""


class Task(Schema):
    """A claimed record with everything the screen needs."""

    claim: Claim
    record: Record
    draft: Answer | None = None
    """What this annotator had typed before, if anything."""


class Annotation(Schema):
    """A stored answer."""

    id: int
    record_id: str
    annotator: str
    answer: Answer
    submitted_at: datetime
    """UTC."""
    undone: bool = False
