"""What people say about records: answers, and the state of a record in the queue."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from schemas.base import Schema
from schemas.questions import CHECKS, EDIT_REASONS, NOTE, RATING, QuestionSet, Value
from schemas.record import Record, Text


class RecordState(StrEnum):
    """Where a record stands. Derived from its events; only `accepted` records are frozen into versions."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FLAGGED = "flagged"
    """Set aside for a lead; it is offered to no annotator."""
    CONFLICT = "conflict"
    """Its annotators disagree, and a lead has to decide."""
    GOLD = "gold"
    """Its right answer is known; annotators are calibrated by it, and it is never frozen."""


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


class CheckDetail(Schema):
    """What exactly a ticked check is about."""

    check: str
    """Name of the check."""
    severity: int | None = Field(default=None, ge=1, le=4)
    """1 low, 2 moderate, 3 high, 4 critical."""
    start: int | None = Field(default=None, ge=0)
    """First character of the passage in the final response, counted in Unicode code points."""
    end: int | None = Field(default=None, ge=0)
    """One past its last character."""
    reason: Text = ""

    @model_validator(mode="after")
    def _span_is_whole(self) -> CheckDetail:
        if (self.start is None) != (self.end is None) or (self.start or 0) > (self.end or 0):
            raise ValueError("a passage needs a start and an end that is not before it")
        return self


class Preference(Schema):
    """Which of two responses is better."""

    choice: Literal["response", "alternative", "tie", "both bad"]
    strength: int | None = Field(default=None, ge=1, le=3)
    """1 slightly, 2 clearly, 3 by far; none for a tie or when both are bad."""
    shown_left: Literal["response", "alternative"]
    """Which one stood on the left."""

    @model_validator(mode="after")
    def _strength_of_a_choice(self) -> Preference:
        if self.strength is not None and self.choice in ("tie", "both bad"):
            raise ValueError("a tie and two bad responses have no strength")
        return self


RejectReason = Literal["unanswerable", "wrong", "unsafe", "off topic", "duplicate", "other"]


class Answer(Schema):
    """One person's judgement of one record."""

    response: Text
    """The final text; equal to the record's response when nothing was edited."""
    rating: int | None = Field(default=None, ge=1, le=5)
    """Quality of the final text, 1 (poor) to 5 (excellent). Required to submit."""
    checks: Checks = Checks()
    details: tuple[CheckDetail, ...] = ()
    """Severity, passage and reason of ticked checks."""
    edit_reasons: tuple[str, ...] = ()
    note: Text = ""
    values: dict[str, Value] = Field(default_factory=dict)
    """Answers to the project's own questions, by id."""
    trains: tuple[bool, ...] | None = None
    """For every message whether it carries loss; none leaves the record's own switches."""
    reject: RejectReason | None = None
    """Why the record should not be used at all; then nothing else has to be answered."""
    preference: Preference | None = None
    """Required where the record has an alternative response."""

    def value(self, question_id: str) -> Value | None:
        """What was answered to a question, built in or the project's own; None when it was left open.

        Example:
            >>> Answer(response="Hi", checks=Checks(biased=True)).value("checks")
            ('biased',)
        """
        built_in: dict[str, Value | None] = {
            RATING: self.rating,
            CHECKS: self.checks.ticked,
            EDIT_REASONS: self.edit_reasons or None,
            NOTE: self.note or None,
        }
        return built_in[question_id] if question_id in built_in else self.values.get(question_id)


class Claim(Schema):
    """The right to answer one slot of one record until it expires."""

    token: str
    """Random, unguessable; doubles as the idempotency key of the submit."""
    slot_id: int
    record_id: str
    expires_at: datetime
    """UTC."""


class Suggestion(Schema):
    """What a model or a rule proposes for a question."""

    question: str
    value: Value
    source: Text
    """Who says so: a model, a detector, a rule."""
    score: float | None = Field(default=None, ge=0, le=1)


class Ruling(Schema):
    """A lead's answer to an annotator who was unsure."""

    question: Text
    ruling: Text
    by: str
    at: datetime
    """UTC."""


class Comment(Schema):
    """A remark on a record, for all who open it."""

    author: str
    text: Text
    at: datetime
    """UTC."""


class SeenByAnnotator(Schema):
    """What an annotator had before them when they answered."""

    questions_hash: str
    guideline_hash: str
    suggestions: bool | None
    """Whether suggestions were shown; None when there were none."""


class Task(Schema):
    """A claimed record with everything the screen needs."""

    claim: Claim
    record: Record
    draft: Answer | None = None
    """What this annotator had typed before, if anything."""
    draft_saved_at: datetime | None = None
    questions: QuestionSet = QuestionSet()
    questions_hash: str = ""
    guideline: Text = ""
    guideline_hash: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    suggestions_hidden: bool = False
    """There are suggestions that this annotator does not see, to measure how much they sway."""
    sent_back: Text | None = None
    """Why a lead wants this record answered again."""
    rulings: tuple[Ruling, ...] = ()
    comments: tuple[Comment, ...] = ()

    @property
    def seen(self) -> SeenByAnnotator:
        """What the annotator of this task has before them."""
        suggestions = False if self.suggestions_hidden else bool(self.suggestions) or None
        return SeenByAnnotator(
            questions_hash=self.questions_hash, guideline_hash=self.guideline_hash, suggestions=suggestions
        )


class Annotation(Schema):
    """A stored answer."""

    id: int
    record_id: str
    annotator: str
    answer: Answer
    submitted_at: datetime
    """UTC."""
    undone: bool = False
    questions_hash: str | None = None
    """Of the questions as this person saw them; None for answers from before questions had versions."""
    guideline_hash: str | None = None
    active_seconds: float | None = None
    """Time spent on the record with a sign of life, pauses of more than a minute left out."""
    saw_suggestions: bool | None = None
    """Whether suggestions were shown; None when there were none."""
    edited: bool = False
    """Whether the response differs from the record's."""
