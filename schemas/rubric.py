"""What a judge model is asked about an output, and what its answers mean."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from schemas.base import Schema
from schemas.judgement import Defect
from schemas.record import Text

Meaning = Literal["fine"] | Defect


class Rubric(Schema):
    """A question with the answers that a judge may give. Its hash is part of the detector's version."""

    name: str = Field(min_length=1, pattern=r"^[a-z0-9-]+$")
    """Stands in the id of the detector."""
    question: Text = Field(min_length=1)
    """What is to be judged, and by which standard."""
    answers: dict[str, Meaning]
    """The word that the judge says, upper case, and what it means; at least one of them means `fine`."""
    categories: tuple[Literal["task", "harm", "bias", "fact"], ...] = ()
    """Prompts to which it applies; of every category where it names none."""
    examples: tuple[Text, ...] = ()
    """Worked examples, shown before the answers."""

    @model_validator(mode="after")
    def _can_tell_apart(self) -> Rubric:
        if any(not word.isalpha() or not word.isupper() for word in self.answers):
            raise ValueError("answers are single words in upper case")
        if set(self.answers.values()) == {"fine"} or "fine" not in self.answers.values():
            raise ValueError("one answer has to mean fine, and another a defect")
        return self
