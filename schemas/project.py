"""A project: one body of records with one guideline, one set of questions and one set of release gates."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Schema
from schemas.questions import QuestionSet
from schemas.release import Gates


class Project(Schema):
    """Settings that every stage of one project shares."""

    id: int
    name: str
    guideline: str = ""
    """Markdown shown beside the record."""
    questions: QuestionSet = QuestionSet()
    """What annotators are asked."""
    min_rating: int = Field(default=3, ge=1, le=5)
    """Lowest rating with which a record is accepted."""
    reviews_required: int = Field(default=1, ge=1, le=20)
    """Slots that a new record gets: how many different people answer it."""
    order: Literal["priority", "random"] = "priority"
    """Within one priority: records as they came, or drawn at random for every annotator."""
    hidden_suggestions: float = Field(default=0, ge=0, le=1)
    """Share of records, by chance and per annotator, on which suggestions are not shown."""
    gold_every: int = Field(default=0, ge=0)
    """Every how many answers an annotator gets a gold record; 0 for never."""
    base_model: str | None = None
    """Folder of the model with whose tokens the labelling screen shows a record."""
    gates: Gates = Gates()
