"""Near duplicates among records: what was looked for, what was found, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from schemas.annotation import RecordState
from schemas.base import Schema


class DuplicateKind(StrEnum):
    """On which side records say the same."""

    BOTH = "both"
    """The same instruction and the same response: one of them is enough."""
    INSTRUCTION = "instruction"
    """The same instruction, answered differently: a conflict, or material for preference pairs."""
    RESPONSE = "response"
    """The same response to different instructions: boilerplate."""


class KeepRule(StrEnum):
    """Which record of a cluster is kept. Those that come after the chosen one settle ties, in this order."""

    HUMAN = "human"
    """One that a person answered, edited or made, before one that came from a file."""
    RATED = "rated"
    """The one with the highest rating."""
    LONGEST = "longest"
    NEWEST = "newest"


class DuplicateReport(Schema):
    """One search for near duplicates."""

    id: int
    project_id: int
    kind: DuplicateKind
    keep: KeepRule
    least: float
    """Jaccard index of three-word shingles from which on two records are near duplicates."""
    records: int
    """That were compared: those that wait, are accepted, flagged, in conflict or gold."""
    clusters: int
    members: int
    """Records that are not kept: what would go, or went."""
    largest: int
    """Members of the largest cluster."""
    actor: str
    at: datetime
    """UTC."""
    applied_by: str | None = None
    applied_at: datetime | None = None
    undone_by: str | None = None
    undone_at: datetime | None = None
    removed: int = 0
    """Records that are set aside by this search now."""
    alarm: str | None = None
    """Why so many are implausible; setting them aside then needs a second word."""

    @property
    def share(self) -> float:
        """Share of all records that would go."""
        return self.members / self.records if self.records else 0.0

    @property
    def is_applied(self) -> bool:
        """Whether its duplicates are set aside now."""
        return self.applied_at is not None and self.undone_at is None


class DuplicateMember(Schema):
    """A record beside the one that stands for it."""

    record_id: str
    kept_id: str
    similarity: float
    """Jaccard index of the side or sides that are the same."""
    other_similarity: float | None = None
    """Of the other side; None where both sides were compared as one."""
    is_current: bool = True
    """Whether neither text has changed since."""
    state: RecordState
    is_removed: bool = False
    """Whether this search has set it aside."""


class DuplicateCluster(Schema):
    """A record that is kept, and how many are near duplicates of it."""

    kept_id: str
    members: int


class DuplicateChange(Schema):
    """What setting duplicates aside, or putting them back, came to."""

    search: int
    changed: int
    left: int
    """Records that stay as they are: changed, held or decided by a person since, or without the record kept for
    them."""
