"""A job: work on many records that goes on in the background, chunk by chunk, whatever becomes of the page."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from schemas.base import Schema


class JobState(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Its process is gone; it goes on where it was once it is resumed. Found out by looking, never stored."""
    DONE = "done"
    CANCELLED = "cancelled"
    """Ended on request between two chunks; what was done by then is done."""
    FAILED = "failed"


class Job(Schema):
    """One job, as it stands."""

    id: int
    kind: str
    """What it does; `curator.jobs.kinds` says who does it."""
    parameters: dict[str, Any]
    project_id: int | None = None
    actor: str
    """Who asked for it."""
    state: JobState
    done: int = 0
    """What is behind it, in the kind's own unit: records, as a rule."""
    total: int | None = None
    """Of how many; None while that is not known."""
    cursor: Any = None
    """Where it goes on, in the kind's own words."""
    result: dict[str, Any] | None = None
    """What came of it, once it is done."""
    problem: str | None = None
    """Of a failed job: what was wrong."""
    hint: str | None = None
    """Of a failed job: the next action."""
    cancelled_by: str | None = None
    """Who asked for its end, if a person did."""
    created_at: datetime
    """UTC, as all times."""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_alive(self) -> bool:
        """Whether more will come of it without a person: it waits or works."""
        return self.state in (JobState.QUEUED, JobState.RUNNING)

    @property
    def can_resume(self) -> bool:
        """Whether it ended, or was ended, before it was done."""
        return self.state in (JobState.INTERRUPTED, JobState.CANCELLED, JobState.FAILED)
