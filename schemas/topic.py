"""Topics of a project's records."""

from __future__ import annotations

from datetime import datetime

from schemas.base import Schema


class Topic(Schema):
    """Records that share terms, by their most telling ones. Records that changed since do not count."""

    id: int
    name: str
    terms: tuple[str, ...]
    """The most telling first."""
    records: int
    accepted: int
    rejected: int
    edited: int
    """Of the accepted ones, those whose text a person changed."""
    examples: tuple[str, ...] = ()
    """Ids of the records closest to its centre."""

    @property
    def share_accepted(self) -> float | None:
        """Of the records that were accepted or rejected; None where none was."""
        decided = self.accepted + self.rejected
        return self.accepted / decided if decided else None

    @property
    def share_edited(self) -> float | None:
        """Of the accepted records; None where none was."""
        return self.edited / self.accepted if self.accepted else None


class TopicReport(Schema):
    """The topics of a project as they were counted last."""

    project: str
    topics: tuple[Topic, ...]
    """The largest first."""
    records: int
    """Records of the project that are not deleted."""
    without: int
    """Of them, those that came or changed since the topics were counted, or hold no words to count."""
    counted_at: datetime | None
    """UTC; None when they never were."""
