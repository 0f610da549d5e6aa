"""Records that are like one record."""

from __future__ import annotations

from schemas.annotation import RecordState
from schemas.base import Schema


class Neighbour(Schema):
    """A record that is like another one."""

    record_id: str
    likeness: float
    """Cosine of the two vectors: 1 for the same words, 0 for none in common."""
    state: RecordState
    instruction: str
    response: str


class AlikeReport(Schema):
    """The records of a project that are most like one of them."""

    record_id: str
    by: str
    """`words`, or the name of the folder of a model."""
    neighbours: tuple[Neighbour, ...]
    """The likest first."""
    compared: int
    """Records that it was compared with."""
    not_compared: int
    """Records that came in since vectors were counted."""
