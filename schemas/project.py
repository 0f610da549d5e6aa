"""A project: one body of records with one guideline and one set of release gates."""

from __future__ import annotations

from pydantic import Field

from schemas.base import Schema
from schemas.release import Gates


class Project(Schema):
    """Settings that every stage of one project shares."""

    id: int
    name: str
    guideline: str = ""
    """Markdown shown beside the record."""
    min_rating: int = Field(default=3, ge=1, le=5)
    """Lowest rating with which a record is accepted."""
    reviews_required: int = Field(default=1, ge=1)
    """Slots per record."""
    gates: Gates = Gates()
