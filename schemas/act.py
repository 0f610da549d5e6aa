"""Bulk acts: what a lead does with many records at once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, model_validator

from schemas.base import Schema
from schemas.record import Text


class Accept(Schema):
    """Accept records as they stand, or with the newest text that a person gave them."""

    act: Literal["accept"] = "accept"


class Reject(Schema):
    """Keep records out of versions."""

    act: Literal["reject"] = "reject"


class Flag(Schema):
    """Set records aside; they are offered to no annotator until a lead puts them back."""

    act: Literal["flag"] = "flag"


class Tag(Schema):
    """Set or remove labels of records."""

    act: Literal["tag"] = "tag"
    labels: Annotated[dict[Text, Text | None], Field(min_length=1)]
    """Value by name; None takes the label away."""


class SetGroup(Schema):
    """Put records into one group, which no split divides, or into none."""

    act: Literal["group"] = "group"
    group: Text | None


class SetLicence(Schema):
    """Say under which licence records stand."""

    act: Literal["licence"] = "licence"
    licence: Text | None


class Assign(Schema):
    """Keep the reviews that are still missing for a person or a pool, or offer them to everyone."""

    act: Literal["assign"] = "assign"
    person: Text | None = None
    pool: Text | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Assign:
        if self.person is not None and self.pool is not None:
            raise ValueError("a record is kept for a person or for a pool, not for both")
        return self


class SendBack(Schema):
    """Have settled records answered anew; earlier answers are kept as taken back."""

    act: Literal["send back"] = "send back"
    reason: Text = ""
    """What the next annotator is told."""


class ReReview(Schema):
    """Ask for more answers; those that there are stay and count."""

    act: Literal["re-review"] = "re-review"
    reviews: int = Field(default=1, ge=1, le=20)
    """How many more."""


class Replace(Schema):
    """Replace what a pattern matches in the texts of records."""

    act: Literal["replace"] = "replace"
    pattern: Annotated[Text, Field(min_length=1)]
    """A regular expression, as the regex library reads it; or plain text, where `is_plain`."""
    by: Text = ""
    """What stands in its place; \\1 or \\g<name> is what a group matched, unless `is_plain`."""
    is_plain: bool = False
    ignores_case: bool = False
    where: Literal["responses", "all messages"] = "responses"


class Mask(Schema):
    """Replace personal data and secrets in all messages by their kind, as in [EMAIL]."""

    act: Literal["mask"] = "mask"
    region: str = Field(default="US", pattern="^[A-Z]{2}$")
    """Country whose telephone numbers are written without a country code."""


Act = Annotated[
    Accept | Reject | Flag | Tag | SetGroup | SetLicence | Assign | SendBack | ReReview | Replace | Mask,
    Field(discriminator="act"),
]
ACT: TypeAdapter[Act] = TypeAdapter(Act)


class LeftOut(StrEnum):
    """Why an act did not change a record, or its undo left it as it is."""

    CLAIMED = "an annotator has it open"
    CHANGED = "it was changed meanwhile"
    GONE = "its import was undone"
    GOLD = "it is a gold record"
    DISAGREEMENT = "its annotators disagree, so a lead decides about it"
    UNSETTLED = "it is not settled"
    SETTLED = "it waits for no review"
    TOO_SLOW = "the pattern takes too long on its text"
    UNUSABLE = "its text would be empty or could not be stored"
    SAME = "there is nothing to change"


class ActState(StrEnum):
    """How far an act is."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Its job was cancelled, killed or failed; what it did by then is done."""
    DONE = "done"
    UNDOING = "being undone"
    UNDONE = "undone"


class BulkAct(Schema):
    """A bulk act as it stands."""

    id: int
    """Also that of the job which does it."""
    project_id: int
    act: Act
    query: str | None
    """In its text form, where the records were chosen by one."""
    matched: int
    """Records that were chosen."""
    actor: str
    at: datetime
    """UTC."""
    undo_job_id: int | None = None
    undone_by: str | None = None
    undone_at: datetime | None = None


class ActReport(Schema):
    """What became of an act."""

    id: int
    act: Act
    query: str | None
    state: ActState
    actor: str
    at: datetime
    job: int
    """The job that acts, or that undoes it."""
    done: int
    """Records that were looked at."""
    matched: int
    changed: int
    """Records that stand as the act left them."""
    undone: int = 0
    left_out: dict[LeftOut, int] = Field(default_factory=dict)
    """Records that the act did not change, by reason."""
    kept: dict[LeftOut, int] = Field(default_factory=dict)
    """Records that the undo left as they are, by reason."""
    problem: str | None = None
    """Why it stopped, if it failed."""
    hint: str | None = None
